//! A worker's lane: what it has been handed and has not started, what it runs, and what has ended.
//!
//! Its lock guards more than the queue: where each of the worker's seats stands, what it runs, how far
//! ahead the worker wants to be supplied, and the outbox. A job leaves its seat and its result is in the
//! outbox in one step, so none is ever on its way. So the dispatcher sees all of it as it was at one
//! instant, although a blocked worker answers no message; and whoever takes a running job out of the
//! lane, the seat that ran it or the dispatcher that gave the seat up, is the one who ends it.

use std::{collections::VecDeque, mem, sync::Arc, time::Duration};

use crate::job::Stamp;

use super::{
    Bell, Lane, Put, Ring, Surplus, Told, Why,
    bench::{Bench, Seat, Survey},
    outbox::{Gather, Handed},
};

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
pub(crate) struct Station<J, K, R, O = Vec<R>> {
    lane: Lane<Bench<J, K, R, O>>,
    surplus: Arc<Surplus>,
}

/// The worker's side.
impl<J, K, R, O: Default> Station<J, K, R, O> {
    pub(crate) fn new(seats: usize, surplus: Arc<Surplus>) -> Self {
        Self { lane: Lane::new(Bench::new(seats)), surplus }
    }

    /// A seat that runs nothing asks for a job: the next lease begins, or the seat is idle. Where
    /// there are more seats than there are to be, it leaves.
    ///
    /// `ahead` is how many leases the worker wants to have waiting from now on. `begin` is called
    /// under the lock.
    pub(crate) fn ask(&self, seat: usize, ahead: usize, begin: impl FnOnce(J) -> K) -> Next {
        self.lane.take(|bench, bell| {
            if let Some(next) = self.leaves(bench, seat) {
                return (next, bench.bell(bell));
            }
            bench.note(ahead);
            let found = bench.begin(seat, begin, Seat::Idle);
            let ring = bench.ring(false);
            let collect = if found { None } else { bench.out.no_more() };
            (Next { found, leaves: false, ring, collect }, bench.bell(bell))
        })
    }

    /// As [`ask`](Self::ask), of the only seat of a worker, which is idle: it looks again by itself, and is not
    /// to be rung, unless this is the `last` time.
    pub(crate) fn look(&self, seat: usize, last: bool, begin: impl FnOnce(J) -> K) -> Next {
        self.lane.take(|bench, bell| {
            bench.survey.looking = false;
            if let Some(next) = self.leaves(bench, seat) {
                return (next, bench.bell(bell));
            }
            bench.survey.asked += 1;
            let found = bench.begin(seat, begin, Seat::Idle);
            let ring = bench.ring(false);
            let next = Next { found, leaves: false, ring, collect: None };
            if found || last || bell == Bell::Rung {
                return (next, bench.bell(bell));
            }
            bench.survey.looking = true;
            (next, Bell::Awake)
        })
    }

    /// A seat's job has ended, and the next lease begins in its place: `exchange` is called under the lock,
    /// with the one and the other, and returns the result, and whether that is urgent. Where no lease is,
    /// `end` is called, with the job alone, and the seat is about to ask. Either gets `with`, which
    /// comes back if someone else has ended the job, and the seat is given up.
    #[inline(always)]
    pub(crate) fn turn<X>(
        &self,
        seat: usize,
        ahead: usize,
        with: X,
        exchange: impl FnOnce(&mut K, J, X) -> (R, bool),
        end: impl FnOnce(K, X) -> (R, bool),
    ) -> Result<Handover, X>
    where
        O: Gather<R>,
    {
        self.lane.take(|bench, bell| {
            let go_on = !self.surplus.any();
            let (found, handed) = match bench.swap(seat, go_on, with, exchange, end) {
                Ok(swapped) => swapped,
                Err(with) => return (Err(with), bell),
            };
            bench.note(ahead);
            // A seat without a job rings when it asks: only then is it to be handed one.
            let ring = if found { bench.ring(false) } else { None };
            (Ok(Handover { found, handed, ring }), bench.bell(bell))
        })
    }

    /// A seat's job has ended, and the seat does something else before it asks again. `end` is called
    /// under the lock. `None` if someone else has ended the job.
    pub(crate) fn end(&self, seat: usize, end: impl FnOnce(K) -> End<R>) -> Option<Handover>
    where
        O: Gather<R>,
    {
        self.lane.peek(|bench| {
            let (handed, ring) = match end(bench.take(seat, Seat::Turning)?) {
                End::Result { result, urgent } => {
                    let more = !urgent && !bench.queue.is_empty();
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
impl<J, K, R, O: Default> Station<J, K, R, O> {
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

/// What a worker that died leaves behind.
#[derive(Debug)]
pub(crate) struct Remains<J, K> {
    /// What it ran, and by what each was told.
    pub(crate) running: Vec<(K, Arc<Told>)>,
    /// What it had not started, in order.
    pub(crate) leases: VecDeque<J>,
    /// Jobs that it had begun.
    pub(crate) begun: u64,
}

/// The dispatcher's side.
impl<J, K, R, O: Default> Station<J, K, R, O> {
    /// Hands out what `fill` pushes.
    pub(crate) fn hand_out(&self, fill: impl FnOnce(&mut VecDeque<J>)) -> Option<Ring> {
        self.lane
            .put(|bench| {
                let before = bench.queue.len();
                fill(&mut bench.queue);
                if bench.queue.len() == before {
                    return ((), Put::Nothing);
                }
                bench.said_low = false;
                bench.hungry_seen = bench.survey().hungry();
                ((), Put::Patient)
            })
            .1
    }

    /// Takes back the `n` youngest leases that have not started, in order.
    pub(crate) fn recall(&self, n: usize) -> VecDeque<J> {
        self.lane.peek(|bench| {
            let keep = bench.queue.len().saturating_sub(n);
            bench.queue.split_off(keep)
        })
    }

    /// Takes back the `n` oldest leases that have not started, in order, from a worker that does not
    /// get to them.
    pub(crate) fn rescue(&self, n: usize) -> VecDeque<J> {
        self.lane.peek(|bench| {
            let oldest = n.min(bench.queue.len());
            let younger = bench.queue.split_off(oldest);
            mem::replace(&mut *bench.queue, younger)
        })
    }

    /// Asks to be rung when the worker asks or answers again; `false` if it has done so since its
    /// count was `asked`.
    pub(crate) fn give_up(&self, asked: u64) -> bool {
        self.lane.peek(|bench| {
            bench.given_up = bench.survey.asked == asked;
            bench.given_up
        })
    }

    /// What the worker has and wants. From here on it rings again.
    pub(crate) fn survey(&self) -> Survey {
        self.lane.peek(|bench| {
            bench.rung = false;
            let survey = bench.survey();
            bench.hungry_seen = survey.hungry();
            survey
        })
    }

    /// Times that a processor was not built.
    pub(crate) fn failures(&self) -> u64 {
        self.lane.peek(|bench| bench.failures)
    }

    /// Takes one lease that has not started out of the lane.
    pub(crate) fn withdraw(&self, which: impl Fn(&J) -> bool) -> Option<J> {
        self.lane.peek(|bench| {
            let at = bench.queue.iter().position(which)?;
            bench.queue.remove(at)
        })
    }

    /// What is to be tried again, and after what pause.
    pub(crate) fn take_again(&self) -> Vec<(R, Duration)> {
        self.lane.peek(|bench| mem::take(&mut *bench.again))
    }

    /// Cancels a job that runs: the one that `which` has a number for. Returns the seat that is to look.
    pub(crate) fn cancel(&self, which: impl Fn(&K) -> Option<u64>) -> Option<usize> {
        let (seat, number, told) = self.lane.peek(|bench| {
            let (seat, number) =
                bench.seats.iter().enumerate().find_map(|(number, seat)| match seat {
                    Seat::Running(job) => Some((number, which(job)?)),
                    _ => None,
                })?;
            let told = &bench.told[seat];
            told.mark(number, Why::Cancelled);
            Some((seat, number, told.clone()))
        })?;
        told.wake(number);
        Some(seat)
    }

    /// Takes everything that runs away from its seats, which are given up.
    pub(crate) fn abandon(&self) -> Vec<K> {
        self.lane.peek(|bench| bench.clear(|| Seat::Abandoned))
    }

    /// Takes in `n` more seats, which are about to ask, and returns which.
    pub(crate) fn open(&self, n: usize) -> Vec<usize> {
        self.lane.peek(|bench| bench.open(n))
    }

    /// Tells the jobs that run for too long at `now`, and returns their seats; `deadline` knows until when
    /// each may, and its number. Where it is to `end` over its seat's head, it is taken out, and comes with
    /// that.
    pub(crate) fn overdue(
        &self,
        now: Stamp,
        deadline: impl Fn(&K) -> Option<(Stamp, u64)>,
        end: bool,
    ) -> Vec<(usize, Option<K>)> {
        let mut told = Vec::new();
        let overdue = self.lane.peek(|bench| {
            bench.survey.due = None;
            let mut overdue = Vec::new();
            for seat in 0..bench.seats.len() {
                let Seat::Running(job) = &bench.seats[seat] else { continue };
                match deadline(job) {
                    Some((due, _)) if due > now => {
                        let known = bench.survey.due.get_or_insert(due);
                        *known = due.min(*known);
                    }
                    Some((_, number)) => {
                        bench.told[seat].mark(number, Why::Late);
                        told.push((number, bench.told[seat].clone()));
                        let job = if end { bench.take(seat, Seat::Stuck) } else { None };
                        overdue.push((seat, job));
                    }
                    None => {}
                }
            }
            overdue
        });
        told.iter().for_each(|(number, told)| told.wake(*number));
        overdue
    }

    /// If every seat is stuck, all are to leave once their code has returned. Returns how many.
    pub(crate) fn write_off(&self) -> usize {
        self.lane.peek(|bench| {
            let Survey { present, stuck, .. } = bench.survey;
            if stuck < present || present == 0 {
                return 0;
            }
            for seat in 0..bench.seats.len() {
                if bench.seats[seat].is_present() {
                    bench.dismiss(seat);
                }
            }
            stuck
        })
    }

    /// Whether nobody is left here.
    pub(crate) fn is_deserted(&self) -> bool {
        self.lane.peek(|bench| {
            bench.survey.dead || bench.seats.iter().all(|seat| matches!(seat, Seat::Vacant))
        })
    }

    /// All seats that have not been told to leave.
    pub(crate) fn present(&self) -> Vec<usize> {
        self.lane.peek(|bench| {
            let seats = bench.seats.iter().enumerate();
            seats.filter(|(_, seat)| seat.is_present()).map(|(number, _)| number).collect()
        })
    }

    /// Tells up to `n` seats to leave, as far as there are too many: of those that are not ready to
    /// run anything, or of those that are `idle`. Returns which.
    pub(crate) fn dismiss(&self, n: usize, idle: bool) -> Vec<usize> {
        self.lane.take(|bench, bell| {
            let of_those = if idle { Seat::is_idle } else { Seat::is_unready };
            let seats = 0..bench.seats.len();
            let chosen = seats.filter(|&seat| of_those(&bench.seats[seat]));
            let chosen: Vec<_> = chosen.take(n).take_while(|_| self.surplus.take()).collect();
            chosen.iter().for_each(|&seat| bench.dismiss(seat));
            (chosen, bench.bell(bell))
        })
    }

    /// Takes what a dead worker left. From here on the lane is another's, who is not there yet.
    pub(crate) fn bury(&self) -> Remains<J, K> {
        self.lane.take(|bench, _| {
            let mut running = Vec::new();
            for seat in 0..bench.seats.len() {
                let job = bench.take(seat, Seat::Away);
                running.extend(job.map(|job| (job, bench.told[seat].clone())));
                bench.renew(seat);
                let stays = bench.seats[seat].is_present();
                bench.set(seat, if stays { Seat::Away } else { Seat::Vacant });
            }
            bench.survey.dead = false;
            bench.survey.due = None;
            let leases = mem::take(&mut *bench.queue);
            let begun = mem::take(&mut bench.begun);
            (Remains { running, leases, begun }, Bell::Awake)
        })
    }
}
