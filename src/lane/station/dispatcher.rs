//! The dispatcher's side of a worker's lane.

use std::{collections::VecDeque, mem, sync::Arc, time::Duration};

use crate::{
    job::Stamp,
    lane::{
        Batched, Bell, Chunks, Put, Ring, Told, Why,
        bench::{Seat, Survey},
    },
};

use super::Station;

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

impl<J: Batched, K, R, O: Default> Station<J, K, R, O> {
    /// Hands out what `fill` pushes.
    pub(crate) fn hand_out(&self, fill: impl FnOnce(&mut Chunks<J>)) -> Option<Ring> {
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
        self.lane.peek(|bench| bench.queue.take_youngest(n))
    }

    /// Takes back all leases that have not started from a worker that does not get to them, and looks
    /// at what is left.
    pub(crate) fn take_back(&self) -> (VecDeque<J>, Survey) {
        self.lane.peek(|bench| {
            bench.survey.returns = false;
            (bench.queue.take_all(), bench.survey())
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
    pub(crate) fn withdraw(&self, id: J::Id) -> Option<J> {
        self.lane.peek(|bench| bench.queue.remove(id))
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
            bench.survey.returns = false;
            bench.survey.due = None;
            let leases = bench.queue.take_all();
            let begun = mem::take(&mut bench.begun);
            (Remains { running, leases, begun }, Bell::Awake)
        })
    }
}
