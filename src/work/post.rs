//! A worker's post: what its seats share, on its own thread.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures::future::BoxFuture;

use crate::{
    error::JobError,
    job::{Completion, Done, Hand, Inside, Job, JobContext, Run, Stamp, WorkStation, WorkerId},
    lane::{End, Handover, Next, Ring},
    panic::drop_each,
    schedule::{Pace, Retry},
};

use super::terms::{Hooks, Terms};

/// The life of a worker. Dropped, by the end of its thread or of its actor, or because it never
/// came to be, it says that the worker is dead.
pub(crate) struct Life<T, U, E> {
    station: Arc<WorkStation<T, U, E>>,
    inside: Arc<Inside<T, U, E>>,
    ring_dispatcher: Box<dyn Fn(Ring) + Send>,
}

impl<T, U, E> Life<T, U, E> {
    pub(crate) fn new(
        station: Arc<WorkStation<T, U, E>>,
        inside: Arc<Inside<T, U, E>>,
        ring_dispatcher: Box<dyn Fn(Ring) + Send>,
    ) -> Self {
        Self { station, inside, ring_dispatcher }
    }
}

impl<T, U, E> Drop for Life<T, U, E> {
    fn drop(&mut self) {
        if let Some(ring) = self.station.die() {
            (self.ring_dispatcher)(ring);
        }
    }
}

/// One thread's end of its lanes. The cells are shared by seats that take turns on this thread.
pub(crate) struct Post<T, U, E> {
    life: Life<T, U, E>,
    hooks: Hooks,
    /// How long a job that is told to stop has for that.
    pub(super) grace: Duration,
    /// How long a job may run that does not say so itself.
    timeout: Option<Duration>,
    retry: Option<Retry<E>>,
    prefetch: usize,
    pace: RefCell<Pace>,
    last_end: Cell<Option<Stamp>>,
    stopping: Cell<Stopping>,
    seats: RefCell<Seats>,
}

/// What the pool's end asks of the jobs that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopping {
    No,
    /// They are told, and have their grace.
    Told,
    /// They end now.
    Now,
}

/// Which seats rest, and how to wake them. A seat is one task, whose waker never changes.
#[derive(Debug, Default)]
struct Seats {
    wakers: Vec<Option<Waker>>,
    rests: Vec<bool>,
    /// Those that rest, the latest last: it is woken first, since its memory is warm.
    resting: Vec<usize>,
}

impl Seats {
    /// Where a seat's waker is, or is to be.
    fn waker(&mut self, seat: usize) -> &mut Option<Waker> {
        if self.wakers.len() <= seat {
            self.wakers.resize(seat + 1, None);
            self.rests.resize(seat + 1, false);
        }
        &mut self.wakers[seat]
    }

    /// A seat rests no more: what it is to be woken by.
    fn rouse(&mut self, seat: usize) -> Option<Waker> {
        let waker = self.waker(seat).clone();
        self.rests[seat] = false;
        waker
    }
}

/// What became of a job on its seat.
#[derive(Debug)]
pub(super) enum Ran<U, E> {
    /// It was told to stop before its code was called, for this reason.
    NotStarted(Cut),
    Returned(Result<U, E>),
    /// Its future was dropped, for this reason.
    Dropped(Cut),
    /// Its code panicked with this text.
    Panicked(Box<str>),
}

/// Why a job was not let run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Cancelled,
    TimedOut,
}

/// What a seat does after a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It runs the next, which has begun at this time.
    Next(Stamp),
    /// It lets others have their turn, and then asks.
    Pause,
    /// It rests.
    Rest,
    /// It builds its processor anew.
    Rebuild,
    /// It ends: its job was ended over its head, or the pool is to have fewer workers.
    Leave,
}

impl Cut {
    /// Why a job is cut that was told to stop. Who cancels it wins over its timeout: it would be tried
    /// again otherwise.
    pub(super) fn of<T, U, E>(cx: &JobContext<T, U, E>) -> Self {
        if cx.is_late() && !cx.is_unwanted() { Self::TimedOut } else { Self::Cancelled }
    }
}

impl<T, U, E> Post<T, U, E> {
    pub(crate) fn new(life: Life<T, U, E>, hooks: Hooks, terms: Terms<E>) -> Self {
        let Terms { grace, timeout, retry, prefetch } = terms;
        Self {
            life,
            hooks,
            grace,
            timeout,
            retry,
            prefetch,
            pace: RefCell::default(),
            last_end: Cell::default(),
            stopping: Cell::new(Stopping::No),
            seats: RefCell::default(),
        }
    }

    /// When a job is to have ended that began at `started`.
    fn deadline(&self, job: &Job<T>, started: Stamp) -> Option<Stamp> {
        job.deadline(started, self.timeout)
    }

    /// The context for the jobs of one seat.
    pub(super) fn context(&self, worker: WorkerId, seat: usize) -> JobContext<T, U, E> {
        JobContext::new(worker, self.life.inside.clone(), self.life.station.told(seat))
    }

    pub(super) fn now(&self) -> Stamp {
        (self.hooks.now)()
    }

    pub(super) fn sleep(&self, pause: Duration) -> BoxFuture<'static, ()> {
        (self.hooks.sleep)(pause)
    }

    /// A seat that runs no job asks for one: what it does next.
    pub(super) fn ask(&self, seat: usize, hand: &mut Hand<T>, worker: WorkerId) -> After {
        // It may have been a while since the job before.
        let run = Run { worker, started: self.now() };
        let next =
            self.life.station.ask(seat, self.ahead(), run.started, |job| hand.begin(job, run));
        self.heed(next, hand, run)
    }

    /// The only seat of a worker, which has found nothing and has its thread to itself, looks on before it
    /// rests: what it does next.
    pub(super) fn look_on(&self, seat: usize, hand: &mut Hand<T>, worker: WorkerId) -> After {
        for times in 1.. {
            let last = !(self.hooks.look_again)(times);
            let run = Run { worker, started: self.now() };
            let next = self.life.station.look(seat, last, run.started, |job| hand.begin(job, run));
            let after = self.heed(next, hand, run);
            if last || after != After::Rest {
                return after;
            }
        }
        After::Rest
    }

    fn heed(&self, next: Next, hand: &Hand<T>, run: Run) -> After {
        self.ring_collector(next.collect);
        self.ring_dispatcher(next.ring);
        match (next.found, next.leaves) {
            (true, _) => self.begun(hand, run.started),
            (false, true) => After::Leave,
            (false, false) => After::Rest,
        }
    }

    /// A seat's job, which began with `run`, has ended: its result goes to the outbox, or back to the
    /// dispatcher to be tried again, and the next begins, unless the seat is to `pause` first.
    pub(super) fn ended(
        &self,
        seat: usize,
        hand: &mut Hand<T>,
        run: Run,
        ran: Ran<U, E>,
        pause: bool,
    ) -> After {
        let started = !matches!(ran, Ran::NotStarted(_));
        let ended = if started { self.now() } else { run.started };
        if started {
            self.record(run.started, ended);
        }
        // It lies where it is made until the job leaves its lane: it would be copied while it is being written.
        let mut outcome = match ran {
            Ran::NotStarted(cut) | Ran::Dropped(cut) => Err(match cut {
                Cut::Cancelled => JobError::Cancelled,
                Cut::TimedOut => JobError::TimedOut,
            }),
            Ran::Returned(Ok(value)) => Ok(value),
            Ran::Returned(Err(error)) => Err(JobError::Failed(error)),
            Ran::Panicked(text) => return self.ended_by_panic(seat, hand, (text, ended)),
        };
        let again = match (&self.retry, &outcome) {
            // One that was not started has made no attempt: it might come back for ever.
            (Some(retry), Err(error)) if started => self.verdict(retry, hand, error),
            _ => None,
        };
        if again.is_some() || pause {
            return match self.end_apart(seat, hand, (outcome, started, ended), again) {
                false => self.after_stuck(seat, hand, run.worker),
                true if pause => After::Pause,
                true => self.ask(seat, hand, run.worker),
            };
        }
        let run = Run { started: ended, ..run };
        let station = &self.life.station;
        // The collector is to have a result at once for whose key others wait.
        let end_it = |job: Done<T, U, E>, outcome| {
            let urgent = job.held_key.is_some();
            (Completion { job, outcome, started, at: ended }, urgent)
        };
        let turned = station.turn(
            seat,
            self.ahead(),
            ended,
            (&mut *hand, &mut outcome),
            |job, next, (hand, outcome)| end_it(hand.exchange(job, next, run), outcome),
            |job, (hand, outcome)| end_it(hand.take_back(job), outcome),
        );
        let Ok(Handover { found, handed, ring }) = turned else {
            drop_each([outcome]);
            return self.after_stuck(seat, hand, run.worker);
        };
        self.ring_collector(station.heed(handed));
        self.ring_dispatcher(ring);
        if found { self.begun(hand, ended) } else { self.ask(seat, hand, run.worker) }
    }

    fn ended_by_panic(
        &self,
        seat: usize,
        hand: &mut Hand<T>,
        (text, at): (Box<str>, Stamp),
    ) -> After {
        let error = JobError::Panicked(text);
        let retry = self.retry.as_ref();
        let again = retry.and_then(|retry| self.verdict(retry, hand, &error));
        if !self.end_apart(seat, hand, (Err(error), true, at), again) {
            return if self.comes_back(seat, hand) { After::Rebuild } else { After::Leave };
        }
        self.ring_dispatcher(self.life.station.stay_away(seat));
        After::Rebuild
    }

    /// Ends a job whose seat does something else next. It is to be tried `again`, after this pause,
    /// unless somebody cancels it before it is there; or its result goes to the outbox. `false` if it was
    /// ended over the seat's head.
    #[cold]
    fn end_apart(
        &self,
        seat: usize,
        hand: &mut Hand<T>,
        (mut outcome, started, at): (Result<U, JobError<E>>, bool, Stamp),
        again: Option<Duration>,
    ) -> bool {
        let station = &self.life.station;
        let told = station.told(seat);
        let turned = station.end(seat, at, |job| {
            let unwanted = hand.is_unwanted(&told);
            let mut job = hand.take_back(job);
            let (urgent, pause) = (job.held_key.is_some(), again.filter(|_| !unwanted));
            if pause.is_some() {
                job.keep_place();
            }
            let result = Completion { job, outcome: &mut outcome, started, at }.end();
            match pause {
                Some(pause) => End::Again(result, pause),
                None => End::Result { urgent, result },
            }
        });
        drop_each([outcome]);
        let Some(Handover { handed, ring, .. }) = turned else { return false };
        self.ring_collector(station.heed(handed));
        self.ring_dispatcher(ring);
        true
    }

    /// After what pause a job is tried again that ended with this error, if it is.
    fn verdict(&self, retry: &Retry<E>, hand: &Hand<T>, error: &JobError<E>) -> Option<Duration> {
        retry.verdict(error, hand.job()?.attempts() + 1, (self.hooks.chance)())
    }

    /// Whether a seat goes on whose job was ended over its head.
    fn comes_back(&self, seat: usize, hand: &mut Hand<T>) -> bool {
        hand.let_go();
        self.life.station.come_back(seat)
    }

    fn after_stuck(&self, seat: usize, hand: &mut Hand<T>, worker: WorkerId) -> After {
        if self.comes_back(seat, hand) { self.ask(seat, hand, worker) } else { After::Leave }
    }

    /// A job has begun.
    #[inline]
    fn begun(&self, hand: &Hand<T>, at: Stamp) -> After {
        if let Some(deadline) = hand.job().and_then(|job| self.deadline(job, at)) {
            self.watch(deadline);
        }
        After::Next(at)
    }

    #[cold]
    fn watch(&self, deadline: Stamp) {
        self.ring_dispatcher(self.life.station.watch(deadline));
    }

    fn ahead(&self) -> usize {
        self.pace.borrow().ahead().min(self.prefetch)
    }

    fn record(&self, started: Stamp, ended: Stamp) {
        let before = self.last_end.replace(Some(ended)).unwrap_or(started).max(started);
        self.pace.borrow_mut().record(ended.since(started), ended.since(before));
    }

    fn ring_collector(&self, ring: Option<Ring>) {
        if ring.is_some() {
            (self.hooks.ring_collector)();
        }
    }

    /// A seat's processor was not built. Returns whether the seat is to try no more.
    pub(super) fn fail(&self, seat: usize) -> bool {
        let next = self.life.station.fail(seat);
        self.ring_dispatcher(next.ring);
        next.leaves
    }

    /// A seat has ended. It may have been woken for leases that are another's now.
    pub(super) fn vacate(&self, seat: usize) {
        self.ring_dispatcher(self.life.station.vacate(seat));
        self.wake();
    }

    fn ring_dispatcher(&self, ring: Option<Ring>) {
        if let Some(ring) = ring {
            (self.life.ring_dispatcher)(ring);
        }
    }

    /// The worker was rung: there are leases.
    pub(crate) fn wake(&self) {
        let (wake, ring) = self.life.station.answer();
        self.ring_dispatcher(ring);
        for _ in 0..wake {
            let waker = {
                let mut seats = self.seats.borrow_mut();
                let Some(seat) = seats.resting.pop() else { return };
                seats.rouse(seat)
            };
            waker.iter().for_each(Waker::wake_by_ref);
        }
    }

    /// Seats that rest were told to leave.
    pub(crate) fn dismiss(&self, dismissed: &[usize]) {
        let wakers: Vec<_> = {
            let mut seats = self.seats.borrow_mut();
            let wakers = dismissed.iter().map(|&seat| seats.rouse(seat)).collect();
            let Seats { resting, rests, .. } = &mut *seats;
            resting.retain(|&seat| rests[seat]);
            wakers
        };
        wakers.iter().flatten().for_each(Waker::wake_by_ref);
        // One of them may have been woken for leases that are another's.
        self.wake();
    }

    /// A blocking worker was rung: it needs no waking, it runs on this thread.
    pub(super) fn answer(&self) {
        self.ring_dispatcher(self.life.station.answer().1);
    }

    /// Tells every job that runs, or ends it at its next `await` that does not complete.
    pub(crate) fn stop_jobs(&self, stopping: Stopping) {
        self.stopping.set(stopping);
        let wakers = self.seats.borrow().wakers.clone();
        wakers.iter().flatten().for_each(Waker::wake_by_ref);
    }

    /// Has a seat look whether its job was told to stop.
    pub(crate) fn look(&self, seat: usize) {
        let waker = self.seats.borrow().wakers.get(seat).cloned().flatten();
        waker.iter().for_each(Waker::wake_by_ref);
    }

    pub(super) fn stopping(&self) -> Stopping {
        self.stopping.get()
    }

    /// Notes how to wake a seat, which is a task of its own.
    pub(super) fn note_waker(&self, seat: usize, cx: &Context<'_>) {
        *self.seats.borrow_mut().waker(seat) = Some(cx.waker().clone());
    }

    /// Completes when the seat is woken for leases.
    pub(super) fn rest(&self, seat: usize) -> impl Future<Output = ()> {
        let mut rests = false;
        poll_fn(move |_| {
            if !rests {
                rests = true;
                let mut seats = self.seats.borrow_mut();
                seats.rests[seat] = true;
                seats.resting.push(seat);
                return Poll::Pending;
            }
            if self.seats.borrow().rests[seat] { Poll::Pending } else { Poll::Ready(()) }
        })
    }
}
