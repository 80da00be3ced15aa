//! The lane of leases: what a worker has been handed and has not started, and what it runs.
//!
//! Its lock guards more than the queue: where each of the worker's seats stands, what it runs, and
//! how far ahead the worker wants to be supplied. So the dispatcher sees all of it as it was at one
//! instant, although a blocked worker answers no message; and whoever takes a running job out of the
//! lane, the seat that ran it or the dispatcher that gave the seat up, is the one who ends it.

use std::{collections::VecDeque, mem};

use super::{
    Bell, Lane, Put, Ring,
    bench::{Bench, Seat, Survey},
};

/// What a seat is told when it asks.
#[derive(Debug)]
pub(crate) struct Next {
    /// Whether it has a job, which has begun.
    pub(crate) found: bool,
    /// For the dispatcher.
    pub(crate) ring: Option<Ring>,
}

/// The lane of leases of one worker.
#[derive(Debug)]
pub(crate) struct Leases<J, K> {
    lane: Lane<Bench<J, K>>,
}

/// The worker's side.
impl<J, K> Leases<J, K> {
    pub(crate) fn new(seats: usize) -> Self {
        Self { lane: Lane::new(Bench::new(seats)) }
    }

    /// A seat that runs nothing asks for a job: the next lease begins, or the seat is idle.
    ///
    /// `ahead` is how many leases the worker wants to have waiting from now on. `begin` is called
    /// under the lock.
    pub(crate) fn ask(&self, seat: usize, ahead: usize, begin: impl FnOnce(J) -> K) -> Next {
        self.lane.take(|bench, bell| {
            bench.note(ahead);
            let found = bench.begin(seat, begin, Seat::Idle);
            let ring = bench.ring(false);
            (Next { found, ring }, bench.bell(bell))
        })
    }

    /// A seat's job has ended, and the next lease begins: `exchange` is called under the lock, with the
    /// one and, if there is one, the other. Where there is none, the seat still counts as running: it
    /// puts its result into the outbox first, and then asks. `None` if someone else has ended the job,
    /// and the seat is given up.
    #[inline]
    pub(crate) fn turn(
        &self,
        seat: usize,
        ahead: usize,
        exchange: impl FnOnce(K, Option<J>) -> Option<K>,
    ) -> Option<Next> {
        self.lane.take(|bench, bell| {
            let Some(found) = bench.swap(seat, exchange) else { return (None, bell) };
            bench.ended += 1;
            bench.note(ahead);
            // A seat without a job rings when it asks: a dispatcher that was woken before the result is
            // there would hand the next job to another worker.
            let ring = if found { bench.ring(false) } else { None };
            (Some(Next { found, ring }), bench.bell(bell))
        })
    }

    /// A seat's job has ended, and the seat does something else before it asks again. Also returns
    /// whether leases wait.
    pub(crate) fn end(&self, seat: usize) -> (Option<K>, bool) {
        self.lane.peek(|bench| {
            let ended = bench.take(seat, Seat::Finishing);
            bench.ended += u64::from(ended.is_some());
            (ended, !bench.queue.is_empty())
        })
    }

    /// A seat leaves, until it asks again.
    pub(crate) fn leave(&self, seat: usize) -> Option<Ring> {
        self.lane.take(|bench, bell| {
            bench.set(seat, Seat::Away);
            bench.survey.ahead = 0;
            (bench.ring(true), bench.bell(bell))
        })
    }

    /// A seat's processor was not built; the seat will ask once it is.
    pub(crate) fn fail(&self, seat: usize) -> Option<Ring> {
        self.lane.take(|bench, bell| {
            bench.failures += 1;
            let first = matches!(bench.set(seat, Seat::Failing), Seat::Away);
            (bench.ring(first), bench.bell(bell))
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
            bench.survey.ahead = 0;
            for seat in 0..bench.seats.len() {
                if matches!(bench.seats[seat], Seat::Idle | Seat::Failing) {
                    bench.set(seat, Seat::Away);
                }
            }
            (bench.ring(true), Bell::Awake)
        })
    }
}

/// What a worker that died leaves behind.
#[derive(Debug)]
pub(crate) struct Remains<J, K> {
    /// What it ran.
    pub(crate) running: Vec<K>,
    /// What it had not started, in order.
    pub(crate) leases: VecDeque<J>,
    /// Jobs that it had begun.
    pub(crate) begun: u64,
}

/// The dispatcher's side.
impl<J, K> Leases<J, K> {
    /// Hands out what `fill` pushes.
    pub(crate) fn hand_out(&self, fill: impl FnOnce(&mut VecDeque<J>)) -> Option<Ring> {
        self.lane
            .put(|bench| {
                let before = bench.queue.len();
                fill(&mut bench.queue);
                if bench.queue.len() == before {
                    return ((), Put::Nothing);
                }
                bench.told = false;
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
            let younger = bench.queue.split_off(n.min(bench.queue.len()));
            mem::replace(&mut bench.queue, younger)
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

    /// Jobs that seats have taken out to end them: each puts its result into the outbox next.
    pub(crate) fn ended(&self) -> u64 {
        self.lane.peek(|bench| bench.ended)
    }

    /// Takes one lease that has not started out of the lane.
    pub(crate) fn withdraw(&self, which: impl Fn(&J) -> bool) -> Option<J> {
        self.lane.peek(|bench| {
            let at = bench.queue.iter().position(which)?;
            bench.queue.remove(at)
        })
    }

    /// The seat that runs a job.
    pub(crate) fn seat_of(&self, which: impl Fn(&K) -> bool) -> Option<usize> {
        self.lane.peek(|bench| {
            bench.seats.iter().position(|seat| matches!(seat, Seat::Running(job) if which(job)))
        })
    }

    /// Takes everything that runs away from its seats, which are given up.
    pub(crate) fn abandon(&self) -> Vec<K> {
        self.lane.peek(|bench| bench.clear(|| Seat::Abandoned))
    }

    /// Takes what a dead worker left. From here on the lane is another's, who is not there yet.
    pub(crate) fn bury(&self) -> Remains<J, K> {
        self.lane.take(|bench, _| {
            let running = bench.clear(|| Seat::Away);
            for seat in 0..bench.seats.len() {
                bench.set(seat, Seat::Away);
            }
            bench.survey.dead = false;
            let leases = mem::take(&mut bench.queue);
            let begun = mem::take(&mut bench.begun);
            (Remains { running, leases, begun }, Bell::Awake)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(seats: usize) -> Leases<u32, u32> {
        Leases::new(seats)
    }

    fn filled(n: u32) -> Leases<u32, u32> {
        let leases = new(2);
        let _ = leases.hand_out(|queue| queue.extend(0..n));
        leases
    }

    fn ask(leases: &Leases<u32, u32>, seat: usize, ahead: usize) -> Next {
        leases.ask(seat, ahead, |job| job)
    }

    /// Also returns the job that ended.
    fn turn(leases: &Leases<u32, u32>, seat: usize, ahead: usize) -> (Option<u32>, Option<Next>) {
        let mut ended = None;
        let turn = leases.turn(seat, ahead, |job, next| {
            ended = Some(job);
            next
        });
        (ended, turn)
    }

    #[test]
    fn a_seat_that_finds_nothing_rings_the_dispatcher_once() {
        let leases = new(3);
        assert!(ask(&leases, 0, 0).ring.is_some());
        assert!(ask(&leases, 1, 0).ring.is_none(), "it has been rung and has not looked");
        assert_eq!(leases.survey().idle, 2);
        assert!(ask(&leases, 2, 0).ring.is_some());
    }

    #[test]
    fn a_seat_whose_lease_another_took_is_hungry_again() {
        let leases = new(2);
        let _ = ask(&leases, 0, 0);
        assert_eq!(leases.survey().hungry(), 1);
        let _ = leases.hand_out(|queue| queue.push_back(1));
        assert_eq!(leases.survey().hungry(), 0);
        let other = ask(&leases, 1, 0);
        assert_eq!((other.found, other.ring.is_some()), (true, true));
    }

    #[test]
    fn a_hand_out_rings_only_when_a_seat_is_idle() {
        let leases = new(1);
        let _ = ask(&leases, 0, 0);
        assert!(leases.hand_out(|queue| queue.push_back(1)).is_some());
        assert_eq!(leases.answer().0, 1);
        assert!(ask(&leases, 0, 0).found);
        assert!(leases.hand_out(|queue| queue.push_back(2)).is_none(), "the seat will look");
        assert_eq!(turn(&leases, 0, 0).0, Some(1));
        assert_eq!(turn(&leases, 0, 0).0, Some(2));
    }

    #[test]
    fn the_dispatcher_is_rung_when_half_of_the_supply_is_used() {
        let leases = filled(4);
        let _ = leases.survey();
        assert!(ask(&leases, 0, 4).ring.is_none());
        assert!(turn(&leases, 0, 4).1.unwrap().ring.is_some());
        assert_eq!(leases.survey().wanted(), 2);
        assert!(turn(&leases, 0, 4).1.unwrap().ring.is_none(), "it knows");
    }

    #[test]
    fn a_worker_that_was_given_up_rings_when_it_is_back() {
        let leases = filled(2);
        let survey = leases.survey();
        assert!(leases.give_up(survey.asked));
        assert!(ask(&leases, 0, 0).ring.is_some());
        assert!(!leases.give_up(survey.asked), "it has asked since");
        assert!(leases.give_up(leases.survey().asked));
        assert!(leases.answer().1.is_some());
    }

    #[test]
    fn recall_takes_the_youngest_in_order() {
        let leases = filled(5);
        assert_eq!(leases.recall(2), [3, 4]);
        assert_eq!(leases.recall(9), [0, 1, 2]);
    }

    #[test]
    fn rescue_takes_the_oldest_in_order() {
        let leases = filled(5);
        assert_eq!(leases.rescue(2), [0, 1]);
        assert_eq!(leases.rescue(9), [2, 3, 4]);
    }

    #[test]
    fn a_worker_is_quiet_only_after_its_last_result_was_put() {
        let leases = filled(1);
        let _ = ask(&leases, 0, 0);
        assert!(!leases.survey().is_quiet());
        assert_eq!(turn(&leases, 0, 0).0, Some(0));
        assert!(!leases.survey().is_quiet(), "the result is on the way to the outbox");
        let _ = ask(&leases, 0, 0);
        assert!(leases.survey().is_quiet());
    }

    #[test]
    fn a_job_is_ended_by_its_seat_or_by_whoever_gave_the_seat_up() {
        let leases = filled(2);
        let _ = ask(&leases, 0, 0);
        let _ = ask(&leases, 1, 0);
        assert_eq!(leases.end(0), (Some(0), false));
        assert_eq!(leases.abandon(), [1]);
        assert_eq!(turn(&leases, 1, 0).0, None);
        assert_eq!((leases.survey().running, leases.survey().idle), (1, 0));
    }

    #[test]
    fn a_dead_worker_is_handed_nothing_and_leaves_everything() {
        let leases = filled(3);
        let _ = ask(&leases, 0, 8);
        let _ = leases.survey();
        assert!(leases.die().is_some());
        let survey = leases.survey();
        assert_eq!((survey.wanted(), survey.is_quiet(), survey.dead), (0, false, true));
        let remains = leases.bury();
        assert_eq!((remains.running, remains.begun), (vec![0], 1));
        assert_eq!(remains.leases, [1, 2]);
        assert!(leases.survey().is_quiet());
    }

    #[test]
    fn a_seat_fails_until_it_asks() {
        let leases = new(1);
        assert!(leases.fail(0).is_some());
        let _ = leases.survey();
        assert!(leases.fail(0).is_none(), "nothing has changed");
        assert_eq!((leases.survey().failing, leases.failures()), (1, 2));
        let _ = ask(&leases, 0, 0);
        assert_eq!((leases.survey().failing, leases.survey().live()), (0, 1));
    }

    #[test]
    fn a_lease_can_be_withdrawn_and_a_running_job_found() {
        let leases = filled(3);
        let _ = ask(&leases, 1, 0);
        assert_eq!(leases.withdraw(|&job| job == 2), Some(2));
        assert_eq!(leases.withdraw(|&job| job == 0), None);
        assert_eq!(leases.seat_of(|&job| job == 0), Some(1));
        assert_eq!(leases.seat_of(|&job| job == 1), None);
    }
}
