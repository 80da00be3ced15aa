//! The lane of leases: what a worker has been handed and has not started.
//!
//! Its lock guards more than the queue: how many of the worker's seats run a job, how many found
//! nothing, and how far ahead the worker wants to be supplied. So the dispatcher sees all three as
//! they were at one instant, although a blocked worker answers no message.

use std::collections::VecDeque;

use super::{Bell, Lane, Put, Ring};

/// Where a seat stands when it asks for its next job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seated {
    /// It has not asked before, or is back after its processor was rebuilt.
    New,
    /// It asked before, and there was nothing.
    Idle,
    /// It has just finished a job, and its result is in the outbox.
    Finished,
}

/// What a seat is told when it asks.
#[derive(Debug)]
pub(crate) struct Next<J> {
    pub(crate) job: Option<J>,
    /// Leases that wait behind this one.
    pub(crate) waiting: usize,
    /// For the dispatcher.
    pub(crate) ring: Option<Ring>,
}

/// What the dispatcher sees of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Leases that nobody has started.
    pub(crate) waiting: usize,
    /// Seats that run a job.
    pub(crate) running: usize,
    /// Seats that found nothing to do.
    pub(crate) idle: usize,
    /// Leases that the worker wants to have waiting beyond its idle seats.
    pub(crate) ahead: usize,
    /// How often the worker has asked for a job or answered a ring: a count that stands still tells
    /// of an overrun.
    pub(crate) asked: u64,
}

impl Survey {
    /// Leases that would start at once.
    pub(crate) fn hungry(&self) -> usize {
        self.idle.saturating_sub(self.waiting)
    }

    /// All that the worker asks for: its idle seats first, then a supply ahead of them, renewed
    /// when half of it is used up.
    pub(crate) fn wanted(&self) -> usize {
        let level = self.idle + self.ahead;
        if self.waiting > self.idle + self.ahead / 2 { 0 } else { level - self.waiting.min(level) }
    }

    /// Whether every lease has ended.
    pub(crate) fn is_quiet(&self) -> bool {
        self.waiting == 0 && self.running == 0
    }

    /// Leases that another worker may take: all that no idle seat here is about to start.
    pub(crate) fn recallable(&self) -> usize {
        self.waiting.saturating_sub(self.idle)
    }
}

#[derive(Debug)]
struct Bench<J> {
    queue: VecDeque<J>,
    survey: Survey,
    /// The dispatcher has been rung and has not looked yet.
    rung: bool,
    /// Hungry seats when the dispatcher last looked or handed out. A seat that was not meant may
    /// take a lease before the one that was rung for it, which is then hungry again.
    hungry_seen: usize,
    /// The dispatcher has been told that the supply runs low, and has handed out nothing since.
    told: bool,
    /// The dispatcher has given the worker up, and wants to hear when it asks or answers again.
    given_up: bool,
}

impl<J> Bench<J> {
    fn survey(&self) -> Survey {
        Survey { waiting: self.queue.len(), ..self.survey }
    }

    /// How the bell must stand: seats that found nothing need a ring.
    fn bell(&self, bell: Bell) -> Bell {
        match bell {
            Bell::Awake if self.survey.idle > 0 => Bell::Asleep,
            Bell::Asleep if self.survey.idle == 0 => Bell::Awake,
            bell => bell,
        }
    }

    /// Whether the dispatcher must be told: there are more hungry seats than it knows of, the supply
    /// is half used up, the worker is back, or (`left`) a seat left.
    fn ring(&mut self, left: bool) -> Option<Ring> {
        let hungrier = self.survey().hungry() > self.hungry_seen;
        let ahead = self.survey.ahead;
        let low = !self.told && ahead > 0 && self.queue.len() <= ahead / 2;
        let back = std::mem::take(&mut self.given_up);
        let ring = !self.rung && (hungrier || low || back || left);
        self.rung |= ring;
        self.told |= ring && low;
        ring.then_some(Ring(()))
    }
}

/// The lane of leases of one worker.
#[derive(Debug)]
pub(crate) struct Leases<J> {
    lane: Lane<Bench<J>>,
}

impl<J> Leases<J> {
    pub(crate) fn new() -> Self {
        Self {
            lane: Lane::new(Bench {
                queue: VecDeque::new(),
                survey: Survey::default(),
                rung: false,
                hungry_seen: 0,
                told: false,
                given_up: false,
            }),
        }
    }

    /// The worker's side: the next lease for a seat, and whether the dispatcher must be rung.
    ///
    /// `ahead` is how many leases the worker wants to have waiting from now on.
    pub(crate) fn next(&self, seat: Seated, ahead: usize) -> Next<J> {
        self.lane.take(|bench, bell| {
            let job = bench.queue.pop_front();
            let survey = &mut bench.survey;
            survey.ahead = ahead;
            survey.asked += 1;
            match seat {
                Seated::New => {}
                Seated::Idle => survey.idle -= 1,
                Seated::Finished => survey.running -= 1,
            }
            match job {
                Some(_) => survey.running += 1,
                None => survey.idle += 1,
            }
            let ring = bench.ring(false);
            (Next { job, waiting: bench.queue.len(), ring }, bench.bell(bell))
        })
    }

    /// The worker's side: a seat whose job has ended leaves, to come back as [`Seated::New`].
    pub(crate) fn leave(&self) -> Option<Ring> {
        self.lane.take(|bench, bell| {
            bench.survey.running -= 1;
            bench.survey.ahead = 0;
            (bench.ring(true), bench.bell(bell))
        })
    }

    /// The worker's side, on being rung: how many idle seats to wake, and whether the dispatcher
    /// must be rung.
    pub(crate) fn answer(&self) -> (usize, Option<Ring>) {
        self.lane.take(|bench, _| {
            bench.survey.asked += 1;
            let idle = bench.survey.idle;
            let wake = idle.min(bench.queue.len());
            ((wake, bench.ring(false)), if idle > 0 { Bell::Asleep } else { Bell::Awake })
        })
    }

    /// The dispatcher's side: hands out what `fill` pushes.
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

    /// The dispatcher's side: takes back the `n` youngest leases that have not started, in order.
    pub(crate) fn recall(&self, n: usize) -> VecDeque<J> {
        self.lane.peek(|bench| {
            let keep = bench.queue.len().saturating_sub(n);
            bench.queue.split_off(keep)
        })
    }

    /// The dispatcher's side: takes back the `n` oldest leases that have not started, in order, from
    /// a worker that does not get to them.
    pub(crate) fn rescue(&self, n: usize) -> VecDeque<J> {
        self.lane.peek(|bench| {
            let younger = bench.queue.split_off(n.min(bench.queue.len()));
            std::mem::replace(&mut bench.queue, younger)
        })
    }

    /// The dispatcher's side: asks to be rung when the worker asks or answers again; `false` if it
    /// has done so since its count was `asked`.
    pub(crate) fn give_up(&self, asked: u64) -> bool {
        self.lane.peek(|bench| {
            bench.given_up = bench.survey.asked == asked;
            bench.given_up
        })
    }

    /// The dispatcher's side: what the worker has and wants. From here on it rings again.
    pub(crate) fn survey(&self) -> Survey {
        self.lane.peek(|bench| {
            bench.rung = false;
            let survey = bench.survey();
            bench.hungry_seen = survey.hungry();
            survey
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(n: u32) -> Leases<u32> {
        let leases = Leases::new();
        let _ = leases.hand_out(|queue| queue.extend(0..n));
        leases
    }

    #[test]
    fn a_seat_that_finds_nothing_rings_the_dispatcher_once() {
        let leases = Leases::<u32>::new();
        assert!(leases.next(Seated::New, 0).ring.is_some());
        assert!(leases.next(Seated::New, 0).ring.is_none(), "it has been rung and has not looked");
        assert_eq!(leases.survey().idle, 2);
        assert!(leases.next(Seated::New, 0).ring.is_some());
    }

    #[test]
    fn a_seat_whose_lease_another_took_is_hungry_again() {
        let leases = Leases::<u32>::new();
        let _ = leases.next(Seated::New, 0);
        assert_eq!(leases.survey().hungry(), 1);
        let _ = leases.hand_out(|queue| queue.push_back(1));
        assert_eq!(leases.survey().hungry(), 0);
        let other = leases.next(Seated::New, 0);
        assert_eq!((other.job, other.ring.is_some()), (Some(1), true));
    }

    #[test]
    fn a_hand_out_rings_only_when_a_seat_is_idle() {
        let leases = Leases::<u32>::new();
        let _ = leases.next(Seated::New, 0);
        assert!(leases.hand_out(|queue| queue.push_back(1)).is_some());
        assert_eq!(leases.answer().0, 1);
        assert_eq!(leases.next(Seated::Idle, 0).job, Some(1));
        assert!(leases.hand_out(|queue| queue.push_back(2)).is_none(), "the seat will look");
        assert_eq!(leases.next(Seated::Finished, 0).job, Some(2));
    }

    #[test]
    fn the_dispatcher_is_rung_when_half_of_the_supply_is_used() {
        let leases = filled(4);
        let _ = leases.survey();
        assert!(leases.next(Seated::New, 4).ring.is_none());
        assert!(leases.next(Seated::Finished, 4).ring.is_some());
        assert_eq!(leases.survey().wanted(), 2);
        assert!(leases.next(Seated::Finished, 4).ring.is_none(), "it knows");
    }

    #[test]
    fn a_worker_that_was_given_up_rings_when_it_is_back() {
        let leases = filled(2);
        let survey = leases.survey();
        assert!(leases.give_up(survey.asked));
        assert!(leases.next(Seated::New, 0).ring.is_some());
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
    fn a_worker_is_quiet_only_after_its_last_job_ended() {
        let leases = filled(1);
        let _ = leases.next(Seated::New, 0);
        assert!(!leases.survey().is_quiet());
        let _ = leases.next(Seated::Finished, 0);
        assert!(leases.survey().is_quiet());
    }
}
