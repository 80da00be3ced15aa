//! A worker's lane: what it has been handed and has not started, what it runs, and what has ended.
//!
//! Its lock guards more than the queue: where each of the worker's seats stands, what it runs, how far
//! ahead the worker wants to be supplied, and the outbox. A job leaves its seat and its result is in the
//! outbox in one step, so none is ever on its way. So the dispatcher sees all of it as it was at one
//! instant, although a blocked worker answers no message; and whoever takes a running job out of the
//! lane, the seat that ran it or the dispatcher that gave the seat up, is the one who ends it.

mod dispatcher;

use std::{sync::Arc, time::Duration};

use crate::job::Stamp;

use super::{
    Batched, Bell, Lane, Ring, Surplus, Told,
    bench::{Bench, Seat},
    outbox::{Gather, Handed},
};

pub(crate) use self::dispatcher::Remains;

/// What a seat is told when it asks.
#[derive(Debug)]
pub(crate) struct Next {
    /// Whether it has a job, which has begun.
    pub(crate) found: bool,
    /// Whether it is to ask no more.
    pub(crate) leaves: bool,
    /// For the dispatcher.
    pub(crate) ring: Option<Ring>,
    /// For the collector.
    pub(crate) collect: Option<Ring>,
}

/// A seat's job has ended, and its result is in the outbox.
#[derive(Debug)]
pub(crate) struct Handover {
    /// Whether another has begun.
    pub(crate) found: bool,
    pub(crate) handed: Handed,
    /// For the dispatcher.
    pub(crate) ring: Option<Ring>,
}

/// What becomes of a job whose seat does something else next.
#[derive(Debug)]
pub(crate) enum End<R> {
    /// Its result goes to the outbox; the collector is to have it at once if that is `urgent`.
    Result { result: R, urgent: bool },
    /// It is to be tried again after this pause.
    Again(R, Duration),
}

/// What a worker shares with the dispatcher and the collector: the leases `J`, the jobs `K` that run, and
/// the results `R`, which are gathered in an `O`.
#[derive(Debug)]
pub(crate) struct Station<J: Batched, K, R, O = Vec<R>> {
    lane: Lane<Bench<J, K, R, O>>,
    surplus: Arc<Surplus>,
}

/// The worker's side.
impl<J: Batched, K, R, O: Default> Station<J, K, R, O> {
    pub(crate) fn new(seats: usize, surplus: Arc<Surplus>) -> Self {
        Self { lane: Lane::new(Bench::new(seats)), surplus }
    }

    /// A seat that runs nothing asks for a job: the next lease begins, or the seat is idle. Where
    /// there are more seats than there are to be, it leaves.
    ///
    /// `ahead` is how many leases the worker wants to have waiting from now on, `at`. `begin` is called
    /// under the lock.
    pub(crate) fn ask(
        &self,
        seat: usize,
        ahead: usize,
        at: Stamp,
        begin: impl FnOnce(J) -> K,
    ) -> Next {
        self.lane.take(|bench, bell| {
            bench.survey.asleep = false;
            if let Some(next) = self.leaves(bench, seat) {
                return (next, bench.bell(bell));
            }
            bench.note(ahead, at);
            let found = bench.begin(seat, begin, Seat::Idle);
            let ring = bench.ring(bench.survey.returns);
            let collect = if found { None } else { bench.out.no_more() };
            (Next { found, leaves: false, ring, collect }, bench.bell(bell))
        })
    }

    /// As [`ask`](Self::ask), of the only seat of a worker, which is idle: it looks again by itself, and is not
    /// to be rung, unless this is the `last` time.
    pub(crate) fn look(
        &self,
        seat: usize,
        last: bool,
        at: Stamp,
        begin: impl FnOnce(J) -> K,
    ) -> Next {
        self.lane.take(|bench, bell| {
            bench.survey.looking = false;
            if let Some(next) = self.leaves(bench, seat) {
                return (next, bench.bell(bell));
            }
            bench.note(bench.survey.ahead, at);
            let found = bench.begin(seat, begin, Seat::Idle);
            let ring = bench.ring(false);
            let next = Next { found, leaves: false, ring, collect: None };
            bench.survey.asleep = last && !found;
            if found || last || bell == Bell::Rung {
                return (next, bench.bell(bell));
            }
            bench.survey.looking = true;
            (next, Bell::Awake)
        })
    }

    /// A seat's job has ended `at` this time, and the next lease begins in its place: `exchange` is called under the lock,
    /// with the one and the other, and returns the result, and whether that is urgent. Where no lease is,
    /// `end` is called, with the job alone, and the seat is about to ask. Either gets `with`, which
    /// comes back if someone else has ended the job, and the seat is given up.
    #[inline(always)]
    pub(crate) fn turn<X, V>(
        &self,
        seat: usize,
        ahead: usize,
        at: Stamp,
        with: X,
        exchange: impl FnOnce(&mut K, J, X) -> (V, bool),
        end: impl FnOnce(K, X) -> (V, bool),
    ) -> Result<Handover, X>
    where
        O: Gather<V>,
    {
        self.lane.take(|bench, bell| {
            let go_on = !bench.returns(at) && !self.surplus.any();
            let (found, handed) = match bench.swap(seat, go_on, with, exchange, end) {
                Ok(swapped) => swapped,
                Err(with) => return (Err(with), bell),
            };
            bench.note(ahead, at);
            // A seat without a job rings when it asks: only then is it to be handed one.
            let ring = if found { bench.ring(false) } else { None };
            (Ok(Handover { found, handed, ring }), bench.bell(bell))
        })
    }

    /// A seat's job has ended `at` this time, and the seat does something else before it asks again.
    /// `end` is called under the lock. `None` if someone else has ended the job.
    pub(crate) fn end(
        &self,
        seat: usize,
        at: Stamp,
        end: impl FnOnce(K) -> End<R>,
    ) -> Option<Handover>
    where
        O: Gather<R>,
    {
        self.lane.peek(|bench| {
            let returns = bench.returns(at);
            let (handed, ring) = match end(bench.take(seat, Seat::Turning)?) {
                End::Result { result, urgent } => {
                    let more = !urgent && !returns && !bench.queue.is_empty();
                    (bench.out.put(result, more), None)
                }
                End::Again(result, pause) => {
                    bench.again.push((result, pause));
                    (Handed { ring: None, closed: false }, bench.ring(true))
                }
            };
            Some(Handover { found: false, handed, ring })
        })
    }

    /// What a seat is told that asks and is to leave.
    fn leaves(&self, bench: &mut Bench<J, K, R, O>, seat: usize) -> Option<Next> {
        let next = |ring| Some(Next { found: false, leaves: true, ring, collect: None });
        if !bench.seats[seat].is_present() {
            // The dispatcher told it to.
            return next(None);
        }
        if !self.surplus.take() {
            return None;
        }
        bench.dismiss(seat);
        next(bench.ring(true))
    }

    /// A seat that was to leave has done so.
    pub(crate) fn vacate(&self, seat: usize) -> Option<Ring> {
        self.lane.peek(|bench| {
            let left = matches!(bench.seats[seat], Seat::Leaving { .. });
            if left {
                bench.set(seat, Seat::Vacant);
            }
            bench.ring(left)
        })
    }

    /// By what the jobs of a seat are told to stop.
    pub(crate) fn told(&self, seat: usize) -> Arc<Told> {
        self.lane.peek(|bench| bench.told[seat].clone())
    }

    /// A seat's job is to have ended by then.
    pub(crate) fn watch(&self, due: Stamp) -> Option<Ring> {
        self.lane.peek(|bench| {
            let sooner = bench.survey.due.is_none_or(|known| due < known);
            if sooner {
                bench.survey.due = Some(due);
            }
            bench.ring(sooner)
        })
    }

    /// The code of a job has returned that was ended over its seat's head. Returns whether the seat is
    /// to go on.
    pub(crate) fn come_back(&self, seat: usize) -> bool {
        self.lane.take(|bench, bell| match bench.seats[seat] {
            Seat::Stuck => {
                bench.set(seat, Seat::Away);
                (true, bench.bell(bell))
            }
            _ => (false, bell),
        })
    }

    /// A seat that runs nothing is away for long: others are to have what lies here.
    pub(crate) fn stay_away(&self, seat: usize) -> Option<Ring> {
        self.lane.take(|bench, bell| {
            if matches!(bench.seats[seat], Seat::Turning) {
                bench.set(seat, Seat::Away);
            }
            bench.survey.ahead = 0;
            (bench.ring(true), bench.bell(bell))
        })
    }

    /// A seat's processor was not built; the seat will ask once it is, or leaves.
    pub(crate) fn fail(&self, seat: usize) -> Next {
        self.lane.take(|bench, bell| {
            bench.failures += 1;
            if let Some(next) = self.leaves(bench, seat) {
                return (next, bench.bell(bell));
            }
            let first = matches!(bench.set(seat, Seat::Failing), Seat::Away);
            let ring = bench.ring(first);
            (Next { found: false, leaves: false, ring, collect: None }, bench.bell(bell))
        })
    }

    /// On being rung: how many idle seats to wake, and whether the dispatcher must be rung.
    pub(crate) fn answer(&self) -> (usize, Option<Ring>) {
        self.lane.take(|bench, _| {
            bench.survey.asked += 1;
            let idle = bench.survey.idle;
            let wake = idle.min(bench.queue.len());
            ((wake, bench.ring(false)), if idle > 0 { Bell::Asleep } else { Bell::Awake })
        })
    }

    /// The worker is gone. What it ran and what it was handed stays, to be buried.
    pub(crate) fn die(&self) -> Option<Ring> {
        self.lane.take(|bench, _| {
            bench.survey.dead = true;
            bench.survey.looking = false;
            bench.survey.asleep = false;
            bench.survey.ahead = 0;
            for seat in 0..bench.seats.len() {
                if matches!(bench.seats[seat], Seat::Idle | Seat::Turning | Seat::Failing) {
                    bench.set(seat, Seat::Away);
                }
            }
            (bench.ring(true), Bell::Awake)
        })
    }
}

/// The outbox.
impl<J: Batched, K, R, O: Default> Station<J, K, R, O> {
    /// Puts a result of a job that no seat has ended.
    pub(crate) fn put(&self, result: R) -> Option<Ring>
    where
        O: Gather<R>,
    {
        let handed = self.lane.peek(|bench| bench.out.put(result, false));
        self.heed(handed)
    }

    /// What is to be done once the lane is unlocked. The ring is for the collector.
    #[inline]
    pub(crate) fn heed(&self, Handed { ring, closed }: Handed) -> Option<Ring> {
        if closed {
            self.close();
        }
        ring
    }

    /// The collector's side: see [`Outbox::empty`](super::outbox::Outbox::empty).
    pub(crate) fn empty(&self, into: &mut O) -> bool {
        self.lane.peek(|bench| bench.out.empty(into))
    }

    /// At the collector's end, and when something was put after it: what lies here is dropped.
    #[cold]
    pub(crate) fn close(&self) {
        let results = self.lane.peek(|bench| bench.out.close());
        drop(results);
    }
}
