//! The dispatcher: takes jobs in, hands them to the workers that ask, and sees to the end. It is
//! thin: the rules of admission, of sharing out and of ending are in [`crate::intake`] and
//! [`crate::schedule`].

mod desk;
mod handlers;
mod post_room;

use std::{
    fmt, mem,
    rc::Rc,
    time::{Duration, Instant},
};

use actix::{Actor, ActorContext, ActorState, Addr, AsyncContext, Context, Running};

use crate::{
    job::JobId,
    message::{CancelOutcome, LastCall, ShutdownReport},
    runtime::{Alarm, Budget, Clock, SystemClock},
    schedule::{Ending, Leave, Now, PATIENCE, Port, Scheduler, Turned},
    sizes::HAND_OUT_AFTER,
    value::Value,
};

pub(crate) use self::{desk::Desk, post_room::PostRoom};

/// In a flood, no more time than this passes between two hand-outs, by the messages that are handled in a row.
/// It is half of a worker's supply.
const LONG: Duration = Duration::from_micros(500);

/// The actor that takes jobs in and hands them to the workers.
///
/// Its address is how actors talk to a pool ([`Pool::dispatcher`](crate::Pool::dispatcher)): send it
/// a [`Job`](crate::Job), [`Jobs`](crate::Jobs), [`Cancel`](crate::Cancel),
/// [`Subscribe`](crate::Subscribe), [`Unsubscribe`](crate::Unsubscribe), [`Drain`](crate::Drain),
/// [`Pause`](crate::Pause), [`Resume`](crate::Resume), [`Resize`](crate::Resize), [`Shutdown`](crate::Shutdown) or
/// [`GetStatus`](crate::GetStatus). Its mailbox takes any number of messages: use `send`, whose
/// answer says that the job was accepted, or [`Pool::submit`](crate::Pool::submit), where a flood
/// must be held back.
///
/// The pool lives as long as this address, a [`Pool`](crate::Pool) or an accepted job does. What is
/// sent to the address of a pool that has ended vanishes, as with any actor that has stopped:
/// `send` answers with `MailboxError::Closed`, and the job is gone. [`Pool`](crate::Pool)'s own
/// methods give it back even then.
pub struct Dispatcher<T: Value, U: Value, E: Value> {
    desk: Rc<Desk<T, U, E>>,
    scheduler: Scheduler<T, U, E>,
    post_room: PostRoom<T, U, E>,
    /// Jobs that were submitted since the last turn, and after how many the next is due although more messages
    /// wait: few at first, so that workers begin, but not fewer than are worth it, and more and more in a flood.
    since_turn: usize,
    turn_after: usize,
    last_turn: Instant,
    /// Spent by every message that others send.
    budget: Budget,
    /// When to look again at workers that do not answer. By the real time, whatever the pool's clock
    /// says: this is no matter of what users see, and a clock that stands still would hold up jobs.
    patience: Alarm,
    /// When to look whether the actix system still runs, and to give up jobs that do not end. By the
    /// real time, too.
    watch: Alarm,
    /// When the next limit of the pool's end comes, or a worker is to be replaced, by its clock.
    limit: Alarm,
    /// Keeps the actor alive when nobody else does and jobs remain.
    alive: Option<Addr<Self>>,
    /// Everything has been handled that was sent before this was set.
    last_call: bool,
    finished: bool,
}

impl<T: Value, U: Value, E: Value> Dispatcher<T, U, E> {
    pub(crate) fn new(
        desk: Desk<T, U, E>,
        scheduler: Scheduler<T, U, E>,
        post_room: PostRoom<T, U, E>,
    ) -> Self {
        Self {
            desk: Rc::new(desk),
            scheduler,
            post_room,
            since_turn: 0,
            turn_after: *HAND_OUT_AFTER.start(),
            last_turn: SystemClock.now(),
            budget: Budget::default(),
            patience: Alarm::default(),
            watch: Alarm::default(),
            limit: Alarm::default(),
            alive: None,
            last_call: false,
            finished: false,
        }
    }

    fn now(&self) -> Now {
        Now { clock: self.desk.clock.now(), real: SystemClock.now() }
    }

    fn turn(&mut self, ctx: &mut Context<Self>) {
        let now = self.now();
        let turned = self.scheduler.turn(now, &mut self.post_room);
        self.turned(turned, now, ctx);
    }

    fn turn_and_settle(&mut self, ctx: &mut Context<Self>) {
        let now = self.now();
        let turned = self.scheduler.turn_and_settle(now, &mut self.post_room);
        self.turned(turned, now, ctx);
    }

    fn turned(&mut self, turned: Turned, now: Now, ctx: &mut Context<Self>) {
        self.last_turn = now.real;
        self.since_turn = 0;
        self.turn_after = turned.worth.clamp(*HAND_OUT_AFTER.start(), *HAND_OUT_AFTER.end());
        if turned.is_lost || !self.post_room.is_connected() {
            return self.lose(ctx);
        }
        let patience = turned.look_again.then(|| SystemClock.now() + PATIENCE);
        self.patience.set(patience, &SystemClock, ctx, |this| &mut this.patience, Self::turn);
        self.watch.set(turned.watch, &SystemClock, ctx, |this| &mut this.watch, Self::watch);
        // By the time of the turn: what has fallen due since then rings at once.
        debug_assert!(turned.due.is_none_or(|due| due > now.clock), "a turn leaves nothing due");
        self.limit.set(turned.due, &*self.desk.clock, ctx, |this| &mut this.limit, Self::turn);
    }

    /// Where the actix system stops while every worker is blocked, no worker's end tells of it.
    fn watch(&mut self, ctx: &mut Context<Self>) {
        if self.post_room.system_runs() { self.turn(ctx) } else { self.lose(ctx) }
    }

    /// Ends the pool under its jobs.
    fn lose(&mut self, ctx: &mut Context<Self>) {
        if !mem::replace(&mut self.finished, true) {
            tracing::error!("the pool's actix System has stopped, or its collector died");
        }
        ctx.stop();
    }

    /// Counts a submission of so many jobs, of which there may be a flood: hands out jobs now and then.
    fn count_submission(&mut self, jobs: usize, ctx: &mut Context<Self>) {
        self.since_turn = self.since_turn.saturating_add(jobs);
        let others_are_next = self.budget.spend(ctx);
        let is_late = || SystemClock.now().duration_since(self.last_turn) >= LONG;
        if self.since_turn >= self.turn_after || (others_are_next && is_late()) {
            let more = (2 * self.turn_after).min(*HAND_OUT_AFTER.end());
            self.turn(ctx);
            self.turn_after = more;
        }
    }

    fn cancel(&mut self, id: JobId, ctx: &mut Context<Self>) -> CancelOutcome {
        let now = self.now();
        let met = self.scheduler.cancel(id, now, &mut self.post_room);
        self.turn(ctx);
        met
    }

    fn resize(&mut self, workers: usize, ctx: &mut Context<Self>) {
        let now = self.desk.clock.now();
        self.scheduler.resize(workers, now, &mut self.post_room);
        self.turn(ctx);
    }

    /// Begins to end the pool, or agrees to a stricter end.
    fn end(&mut self, wanted: impl FnOnce(Instant, Leave) -> Ending, ctx: &mut Context<Self>) {
        let now = self.desk.clock.now();
        self.scheduler.end(|leave| wanted(now, leave));
        self.turn_and_settle(ctx);
    }

    /// Ends the pool, whose jobs have all ended: the collector first, then the threads, then
    /// whoever asked is told.
    fn finish(&mut self) {
        self.finished = true;
        let asked = self.desk.asked.take();
        let (left, patience) = self.scheduler.take_left(self.desk.clock.now());
        self.post_room.close(left.workers, patience, move |counts, threads_left| {
            let report = ShutdownReport { counts, abandoned: left.abandoned, threads_left };
            asked.into_iter().for_each(|reply| reply.send(Ok(report.clone())));
        });
    }

    /// Whether every job has ended and every result was handed over, and nothing can come after.
    fn is_over(&mut self, ctx: &mut Context<Self>) -> bool {
        self.turn(ctx);
        self.scheduler.close_if_dry()
    }
}

impl<T: Value, U: Value, E: Value> Actor for Dispatcher<T, U, E> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.post_room.connect(ctx.address().downgrade());
        self.turn(ctx);
    }

    /// Nobody holds the pool any more. It ends once its jobs have, and once everything has been
    /// handled that was sent before the last address went.
    fn stopping(&mut self, ctx: &mut Self::Context) -> Running {
        let unreachable = ctx.state() == ActorState::Running;
        if !unreachable || self.finished {
            return Running::Stop;
        }
        if !self.last_call {
            ctx.address().do_send(LastCall);
        } else if self.is_over(ctx) {
            self.finish();
            return Running::Stop;
        } else {
            self.last_call = false;
            self.alive = Some(ctx.address());
            self.scheduler.forsake();
            // What waits is cancelled where nobody works, and the collector is to say when all is done.
            self.turn_and_settle(ctx);
        }
        Running::Continue
    }
}

// `Actor` asks for it; nothing here is pinned, whatever the values are.
impl<T: Value, U: Value, E: Value> Unpin for Dispatcher<T, U, E> {}

impl<T: Value, U: Value, E: Value> Drop for Dispatcher<T, U, E> {
    fn drop(&mut self) {
        // A clock of the user's may panic, and this may be an unwind already.
        let now = crate::panic::catch(|| self.desk.clock.now());
        self.scheduler.collapse(now.unwrap_or_else(|_| SystemClock.now()), &mut self.post_room);
    }
}

impl<T: Value, U: Value, E: Value> fmt::Debug for Dispatcher<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").finish_non_exhaustive()
    }
}
