//! The dispatcher: takes jobs in, hands them to the workers that ask, and sees to the end. It is
//! thin: the rules of admission, of sharing out and of ending are in [`crate::intake`] and
//! [`crate::schedule`].

mod desk;
mod handlers;

use std::{cell::RefCell, collections::VecDeque, fmt, mem, rc::Rc, sync::Arc, time::Instant};

use actix::{Actor, ActorContext, ActorState, Addr, AsyncContext, Context, Running, WrapFuture};

use crate::{
    collector::Collector,
    error::{JobError, Stopped},
    intake::{OnFull, Queue},
    job::{Accepted, Ended, Inside},
    lane::Holdback,
    message::{Close, Knock, LastCall, Settle, ShutdownReport, StopJobs, Wake},
    runtime::{Alarm, Clock, Crew, Reply, SystemClock},
    schedule::{Chunks, Dealt, Ending, PATIENCE, Roster, evict_oldest, evict_youngest},
    value::Value,
    work::yield_once,
    worker::Worker,
};

use self::desk::Desk;
pub(crate) use self::desk::Exit;

/// Submissions after which jobs are handed out although more messages wait.
const TURN_EVERY: u32 = 64;

/// Messages after which everything else on the thread has its turn: a mailbox has no budget of its
/// own, and actix's `mailbox_assert` panics at 256, control messages included.
const YIELD_EVERY: u32 = 192;

/// The actor that takes jobs in and hands them to the workers.
///
/// Its address is how actors talk to a pool ([`Pool::dispatcher`](crate::Pool::dispatcher)): send it
/// a [`Job`](crate::Job), [`Jobs`](crate::Jobs), [`Subscribe`](crate::Subscribe),
/// [`Unsubscribe`](crate::Unsubscribe), [`Drain`](crate::Drain), [`Shutdown`](crate::Shutdown) or
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
    queue: Chunks<Accepted<T, U, E>>,
    bound: Queue,
    roster: Roster<Accepted<T, U, E>, Ended<T, U, E>>,
    workers: Vec<Addr<Worker<T, U, E>>>,
    seats: usize,
    crew: Crew,
    inside: Arc<Inside<T, U, E>>,
    holdback: Arc<Holdback>,
    phase: Phase,
    /// Jobs that have left the queue since the inbox was last emptied.
    released: usize,
    /// Jobs that were ever accepted, as of then.
    accepted: u64,
    /// Nothing waits and nothing runs, as of the last look.
    dry: bool,
    /// How many jobs had been accepted when the collector was told that the pool is dry, if it has
    /// been dry since.
    told: Option<u64>,
    /// Submissions since the last turn, and messages since everything else had its turn.
    since_turn: u32,
    since_yield: u32,
    /// When to look again at workers that do not answer. By the real time, whatever the pool's clock
    /// says: this is no matter of what users see, and a clock that stands still would hold up jobs.
    patience: Alarm,
    /// When the next limit of the pool's end comes, by its clock.
    limit: Alarm,
    /// Keeps the actor alive when nobody else does and jobs remain.
    alive: Option<Addr<Self>>,
    /// Everything has been handled that was sent before this was set.
    last_call: bool,
}

/// Where the pool stands in its life.
enum Phase {
    Open,
    /// Nothing is accepted, and jobs end.
    Ending {
        ending: Ending,
        jobs_stopped: bool,
    },
    /// Every result has been handed over; what was sent before is still answered.
    Over,
    Ended,
}

/// What the dispatcher is made of.
pub(crate) struct Outfit<T: Value, U: Value, E: Value> {
    pub(crate) bound: Queue,
    pub(crate) roster: Roster<Accepted<T, U, E>, Ended<T, U, E>>,
    pub(crate) workers: Vec<Addr<Worker<T, U, E>>>,
    pub(crate) seats: usize,
    pub(crate) crew: Crew,
    pub(crate) inside: Arc<Inside<T, U, E>>,
    pub(crate) holdback: Arc<Holdback>,
    /// For the handles that ask for the pool's report, however late.
    pub(crate) report: Reply<Result<ShutdownReport, Stopped>>,
    pub(crate) collector: Addr<Collector<T, U, E>>,
    pub(crate) exit: Exit<T, U, E>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl<T: Value, U: Value, E: Value> Dispatcher<T, U, E> {
    pub(crate) fn new(outfit: Outfit<T, U, E>) -> Self {
        let desk = Desk {
            inbox: outfit.inside.inbox.clone(),
            collector: outfit.collector,
            exit: outfit.exit,
            clock: outfit.clock,
            asked: RefCell::new(vec![outfit.report]),
        };
        Self {
            desk: Rc::new(desk),
            queue: Chunks::new(),
            bound: outfit.bound,
            roster: outfit.roster,
            workers: outfit.workers,
            seats: outfit.seats,
            crew: outfit.crew,
            inside: outfit.inside,
            holdback: outfit.holdback,
            phase: Phase::Open,
            released: 0,
            accepted: 0,
            dry: true,
            told: Some(0),
            since_turn: 0,
            since_yield: 0,
            patience: Alarm::default(),
            limit: Alarm::default(),
            alive: None,
            last_call: false,
        }
    }

    /// Takes in what was accepted, hands out what was asked for, and sees whether that was all.
    fn turn(&mut self, ctx: &mut Context<Self>) {
        self.since_turn = 0;
        let now = self.desk.clock.now();
        let mut dealt = self.round(now);
        // Room that was made lets in others, where there is a bound.
        if self.bound.capacity.is_some() && dealt.handed_out + self.released > 0 {
            dealt = self.round(now);
            if dealt.handed_out + self.released > 0 {
                // The rest by way of the mailbox: others on the thread have their turn.
                ctx.address().do_send(Knock);
            }
        }
        self.dry = dealt.quiet && self.queue.is_empty();
        if !self.dry {
            self.told = None;
        } else if self.told != Some(self.accepted) {
            self.settle(ctx);
        }
        self.set_alarms(dealt.look_again, now, ctx);
    }

    fn round(&mut self, now: Instant) -> Dealt {
        self.take_in();
        self.cut_short(now);
        let dealt = self.deal();
        self.evict_oldest();
        dealt
    }

    fn set_alarms(&mut self, look_again: bool, now: Instant, ctx: &mut Context<Self>) {
        let patience = look_again.then(|| SystemClock.now() + PATIENCE);
        self.patience.set(patience, &SystemClock, ctx, |this| &mut this.patience, Self::turn);
        let limit = match &self.phase {
            Phase::Ending { ending, .. } => ending.next(now),
            Phase::Open | Phase::Over | Phase::Ended => None,
        };
        self.limit.set(limit, &*self.desk.clock, ctx, |this| &mut this.limit, Self::turn);
    }

    fn take_in(&mut self) {
        let mut incoming = Chunks::new();
        let inflow = self.desk.inbox.empty(mem::take(&mut self.released), &mut incoming);
        self.accepted = inflow.accepted;
        if let Queue { capacity: Some(capacity), on_full: OnFull::EvictYoungest } = self.bound {
            // What idle workers are about to be handed takes up no room.
            let hungry = self.roster.hungry(SystemClock.now());
            let allowance = self.allowance(self.queue.len() + incoming.len());
            let room = capacity + hungry.min(allowance.unwrap_or(hungry));
            let victims = evict_youngest(&mut self.queue, &mut incoming, &inflow.sizes, room);
            self.end_waiting(victims, || JobError::Evicted);
        }
        self.queue.append(&mut incoming);
    }

    /// How many jobs may be handed out for the sake of readers, where `queued` are not yet.
    fn allowance(&self, queued: usize) -> Option<usize> {
        self.holdback.allowance(self.accepted - queued as u64)
    }

    fn deal(&mut self) -> Dealt {
        let allowance = self.allowance(self.queue.len());
        let workers = &self.workers;
        let wake = |worker: usize| workers[worker].do_send(Wake);
        let (bounded, inbox, released) =
            (self.bound.capacity.is_some(), &self.desk.inbox, &mut self.released);
        // Where room matters, it is there before a job that was handed out can submit another.
        let leave = |jobs| if bounded { inbox.release(jobs) } else { *released += jobs };
        self.roster.deal(&mut self.queue, allowance, SystemClock.now(), leave, wake)
    }

    fn evict_oldest(&mut self) {
        if let Queue { capacity: Some(capacity), on_full: OnFull::EvictOldest } = self.bound {
            let victims = evict_oldest(&mut self.queue, capacity);
            self.end_waiting(victims, || JobError::Evicted);
        }
    }

    /// Where the pool's time is over, cancels what has not started, and then what runs.
    fn cut_short(&mut self, now: Instant) {
        let Phase::Ending { ending, jobs_stopped } = &mut self.phase else { return };
        let (waiting, running) = ending.due(now);
        if running && !mem::replace(jobs_stopped, true) {
            self.inside.stop.cancel();
            self.workers.iter().for_each(|worker| worker.do_send(StopJobs));
        }
        if waiting {
            let queued = std::iter::from_fn(|| self.queue.pop_front()).collect();
            self.end_waiting(queued, || JobError::Cancelled);
            let leased = self.roster.recall_all();
            self.desk.end(leased, || JobError::Cancelled);
        }
    }

    /// Ends jobs that were in the queue.
    fn end_waiting(&mut self, jobs: VecDeque<Accepted<T, U, E>>, error: impl Fn() -> JobError<E>) {
        self.released += jobs.len();
        self.desk.end(jobs, error);
    }

    /// Tells the collector that nothing is left anywhere.
    fn settle(&mut self, ctx: &mut Context<Self>) {
        self.told = Some(self.accepted);
        let curious = self.alive.is_some() || !matches!(self.phase, Phase::Open);
        let tell = curious.then(|| ctx.address().downgrade());
        self.desk.collector.do_send(Settle { accepted: self.accepted, tell });
    }

    /// As a turn, after which the collector is told anew if the pool is dry: someone waits to hear
    /// that it held.
    fn turn_and_settle(&mut self, ctx: &mut Context<Self>) {
        self.told = None;
        self.turn(ctx);
    }

    /// Counts a submission, of which there may be a flood: hands out jobs now and then.
    fn count_submission(&mut self, ctx: &mut Context<Self>) {
        self.since_turn += 1;
        if self.since_turn >= TURN_EVERY {
            self.turn(ctx);
        }
        self.count_message(ctx);
    }

    /// Counts a message, and lets everything else have its turn now and then.
    fn count_message(&mut self, ctx: &mut Context<Self>) {
        self.since_yield += 1;
        if self.since_yield >= YIELD_EVERY {
            self.since_yield = 0;
            ctx.wait(yield_once().into_actor(self));
        }
    }

    /// Begins to end the pool, or agrees to a stricter end.
    fn end(&mut self, wanted: Ending) {
        self.desk.inbox.close();
        match &mut self.phase {
            Phase::Open => self.phase = Phase::Ending { ending: wanted, jobs_stopped: false },
            Phase::Ending { ending, .. } => *ending = ending.and(wanted),
            Phase::Over | Phase::Ended => {}
        }
    }

    /// Ends the pool, whose jobs have all ended: the collector first, then the threads, then
    /// whoever asked is told.
    fn finish(&mut self) {
        self.phase = Phase::Ended;
        self.workers.clear();
        let asked = self.desk.asked.take();
        let crew = mem::take(&mut self.crew);
        let then = Box::new(move |counts| {
            let report = ShutdownReport { counts };
            crew.dismiss(move || asked.into_iter().for_each(|reply| reply.send(Ok(report))));
        });
        self.desk.collector.do_send(Close { then });
    }

    /// Whether every job has ended and every result was handed over, and nothing can come after.
    fn is_over(&mut self, ctx: &mut Context<Self>) -> bool {
        self.turn(ctx);
        self.dry && self.desk.inbox.close_if_none_since(self.accepted)
    }
}

impl<T: Value, U: Value, E: Value> Actor for Dispatcher<T, U, E> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.turn(ctx);
    }

    /// Nobody holds the pool any more. It ends once its jobs have, and once everything has been
    /// handled that was sent before the last address went.
    fn stopping(&mut self, ctx: &mut Self::Context) -> Running {
        let unreachable = ctx.state() == ActorState::Running;
        if !unreachable || matches!(self.phase, Phase::Ended) {
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
        }
        Running::Continue
    }
}

// `Actor` asks for it; nothing here is pinned, whatever the values are.
impl<T: Value, U: Value, E: Value> Unpin for Dispatcher<T, U, E> {}

impl<T: Value, U: Value, E: Value> Drop for Dispatcher<T, U, E> {
    /// Whatever stopped the actor, nobody waits in its line for ever, and no job just vanishes.
    fn drop(&mut self) {
        self.desk.inbox.close();
        self.desk.inbox.empty(self.released, &mut self.queue);
        let queued = std::iter::from_fn(|| self.queue.pop_front());
        self.desk.end(queued, || JobError::Lost);
        self.desk.end(self.roster.recall_all(), || JobError::Lost);
    }
}

impl<T: Value, U: Value, E: Value> fmt::Debug for Dispatcher<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").field("queued", &self.queue.len()).finish_non_exhaustive()
    }
}
