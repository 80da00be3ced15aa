//! A worker's post: what its seats share, on its own thread.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;

use crate::{
    job::{Accepted, Ended, Inside, WorkStation},
    lane::{Next, Ring, Seated},
    schedule::Pace,
};

/// What a worker is given by the runtime.
pub(crate) struct Hooks {
    pub(crate) now: Box<dyn Fn() -> Instant>,
    pub(crate) sleep: Box<dyn Fn(Duration) -> BoxFuture<'static, ()>>,
    pub(crate) ring_dispatcher: Box<dyn Fn(Ring)>,
    pub(crate) ring_collector: Box<dyn Fn()>,
}

/// One thread's end of its lanes. The cells are shared by seats that take turns on this thread.
pub(crate) struct Post<T, U, E> {
    station: Arc<WorkStation<T, U, E>>,
    pub(super) inside: Arc<Inside<T, U, E>>,
    hooks: Hooks,
    pace: Cell<Pace>,
    last_end: Cell<Option<Instant>>,
    /// Leases that waited when the last one was taken.
    waiting: Cell<usize>,
    /// Jobs that run must end.
    stopping: Cell<bool>,
    seats: RefCell<Seats>,
}

/// Which seats rest, and how to wake them. A seat is one task, whose waker never changes.
#[derive(Debug, Default)]
struct Seats {
    wakers: Vec<Option<Waker>>,
    rests: Vec<bool>,
    /// Those that rest, the latest last: it is woken first, since its memory is warm.
    resting: Vec<usize>,
}

impl<T, U, E> Post<T, U, E> {
    pub(crate) fn new(
        station: Arc<WorkStation<T, U, E>>,
        inside: Arc<Inside<T, U, E>>,
        hooks: Hooks,
        seats: usize,
    ) -> Self {
        let seats =
            Seats { wakers: vec![None; seats], rests: vec![false; seats], resting: Vec::new() };
        Self {
            station,
            inside,
            hooks,
            pace: Cell::default(),
            last_end: Cell::default(),
            waiting: Cell::default(),
            stopping: Cell::default(),
            seats: RefCell::new(seats),
        }
    }

    pub(super) fn now(&self) -> Instant {
        (self.hooks.now)()
    }

    pub(super) fn sleep(&self, pause: Duration) -> BoxFuture<'static, ()> {
        (self.hooks.sleep)(pause)
    }

    /// The next lease for a seat.
    pub(super) fn take(&self, seat: Seated) -> Option<Accepted<T, U, E>> {
        let Next { job, waiting, ring } = self.station.leases.next(seat, self.pace.get().ahead());
        if job.is_none() && self.waiting.get() > 0 {
            // What was to come next has been recalled: the results need not wait for it.
            self.ring_collector(self.station.outbox.no_more());
        }
        self.waiting.set(waiting);
        self.ring_dispatcher(ring);
        job
    }

    /// A result goes to the outbox: always before its seat asks for more.
    pub(super) fn put(&self, result: Ended<T, U, E>) {
        let ended = result.parts.ended;
        if let Some(started) = result.parts.started {
            let before = self.last_end.replace(Some(ended)).unwrap_or(started).max(started);
            let mut pace = self.pace.get();
            pace.record(ended.duration_since(started), ended.duration_since(before));
            self.pace.set(pace);
        }
        self.ring_collector(self.station.outbox.put(result, self.waiting.get() > 0));
    }

    /// A seat leaves until its processor is built again.
    pub(super) fn leave(&self) {
        self.ring_dispatcher(self.station.leases.leave());
    }

    fn ring_dispatcher(&self, ring: Option<Ring>) {
        if let Some(ring) = ring {
            (self.hooks.ring_dispatcher)(ring);
        }
    }

    fn ring_collector(&self, ring: Option<Ring>) {
        if ring.is_some() {
            (self.hooks.ring_collector)();
        }
    }

    /// The worker was rung: there are leases.
    pub(crate) fn wake(&self) {
        let (wake, ring) = self.station.leases.answer();
        self.ring_dispatcher(ring);
        for _ in 0..wake {
            let waker = {
                let mut seats = self.seats.borrow_mut();
                let Some(seat) = seats.resting.pop() else { return };
                seats.rests[seat] = false;
                seats.wakers[seat].clone()
            };
            waker.iter().for_each(Waker::wake_by_ref);
        }
    }

    /// A blocking worker was rung: it needs no waking, it runs on this thread.
    pub(super) fn answer(&self) {
        self.ring_dispatcher(self.station.leases.answer().1);
    }

    /// Every job that runs ends at its next `await` that does not complete.
    pub(crate) fn stop_jobs(&self) {
        self.stopping.set(true);
        let wakers = self.seats.borrow().wakers.clone();
        wakers.iter().flatten().for_each(Waker::wake_by_ref);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Notes how to wake a seat.
    pub(super) fn note_waker(&self, seat: usize, cx: &Context<'_>) {
        let noted = &mut self.seats.borrow_mut().wakers[seat];
        if !noted.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *noted = Some(cx.waker().clone());
        }
    }

    /// Completes when the seat is woken for leases.
    pub(super) fn rest(&self, seat: usize) -> impl Future<Output = ()> {
        let mut rests = false;
        poll_fn(move |cx| {
            if !rests {
                rests = true;
                let mut seats = self.seats.borrow_mut();
                seats.rests[seat] = true;
                seats.resting.push(seat);
            } else if !self.seats.borrow().rests[seat] {
                return Poll::Ready(());
            }
            self.note_waker(seat, cx);
            Poll::Pending
        })
    }
}
