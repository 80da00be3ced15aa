//! Which workers stand still with leases waiting: an overrun, or a thread that is blocked.

use std::time::{Duration, Instant};

use crate::{
    job::Stamp,
    lane::{SUPPLY, Survey},
};

use super::Now;

/// A worker that asks for nothing for this long while leases wait, and answers no ring, is stuck: a fifth of
/// its supply was meant to be used up by then.
const STILL: Duration = Duration::from_micros(200);

/// One whose job has run for so many times what its jobs took so far is held up before that, but not before
/// what it holds up is worth waking another for.
const TIMES: u32 = 8;
const WORTH: Duration = Duration::from_micros(50);

/// What lies with a stuck worker goes to others after this time even if they have something to do: a thread
/// that the system has put aside for another is back by then, and gets to its supply itself.
pub(crate) const BEHIND: Duration = Duration::from_millis(5);

/// How long after one look at workers with leases the next is due: it finds what began before the first.
pub(crate) const PATIENCE: Duration = STILL;

/// Whether a worker is not to be handed anything, since it would not get to it.
pub(super) fn is_held_up(survey: &Survey, now: Now) -> bool {
    if survey.running == 0 {
        return false;
    }
    let pace = u32::try_from(survey.ahead).ok().and_then(|jobs| SUPPLY.checked_div(jobs));
    let long = pace.map_or(STILL, |pace| (TIMES * pace).clamp(WORTH, STILL));
    survey.is_held_up(Stamp::of(now.clock), long)
}

/// Watches one worker.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stuck {
    /// How often its seats had asked, and since when that count has stood with leases waiting.
    still: Option<(u64, Instant)>,
    stands: Stands,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stands {
    #[default]
    No,
    Still,
    /// For so long that no other worker's supply goes before its own.
    Behind,
}

impl Stuck {
    /// Takes in what is seen at `now`. A stuck worker stays so until one of its seats asks again.
    pub(crate) fn observe(&mut self, survey: &Survey, now: Now) {
        if self.still.is_none_or(|(asked, _)| asked != survey.asked) {
            *self = Self::default();
        }
        if survey.waiting == 0 || survey.gives_back() {
            // Time without leases does not count, nor with some that others are to have: its seats leave those.
            self.still = self.still.filter(|_| self.is_stuck());
            return;
        }
        let (_, since) = *self.still.get_or_insert((survey.asked, now.real));
        let stood = now.real.duration_since(since);
        if stood >= BEHIND || survey.is_held_up(Stamp::of(now.clock), BEHIND) {
            self.stands = Stands::Behind;
        } else if stood >= STILL || is_held_up(survey, now) {
            self.stands = self.stands.max(Stands::Still);
        }
    }

    /// Whether its leases belong to others that have nothing to do.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stands != Stands::No
    }

    /// Whether they belong to others that are at work, too.
    pub(crate) fn is_behind(&self) -> bool {
        self.stands == Stands::Behind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(now: Instant) -> Now {
        Now { clock: now, real: now }
    }

    fn seen(waiting: usize, asked: u64) -> Survey {
        Survey { waiting, asked, ..Survey::default() }
    }

    #[test]
    fn a_worker_is_stuck_once_its_leases_have_stood_still() {
        let (mut stuck, now) = (Stuck::default(), Instant::now());
        stuck.observe(&seen(3, 7), at(now));
        assert!(!stuck.is_stuck(), "it may have been handed them this instant");
        stuck.observe(&seen(3, 7), at(now + STILL / 2));
        assert!(!stuck.is_stuck());
        stuck.observe(&seen(3, 7), at(now + STILL));
        assert!(stuck.is_stuck());
    }

    #[test]
    fn a_job_that_takes_much_longer_than_others_did_holds_its_worker_up() {
        let began = Instant::now();
        let since = Some(Stamp::of(began));
        let held_up = |ahead, micros| {
            let survey = Survey { running: 1, ahead, since, ..seen(1, 7) };
            is_held_up(&survey, at(began + Duration::from_micros(micros)))
        };
        let ten_micros = 100;
        assert!(!held_up(ten_micros, 79) && held_up(ten_micros, 80));
        assert!(!held_up(10_000, 49) && held_up(10_000, 50), "50 µs at least");
        assert!(!held_up(2, 199) && held_up(2, 200), "and 200 at most");
        assert!(!held_up(0, 199) && held_up(0, 200));
    }

    #[test]
    fn a_worker_that_stands_still_is_behind_only_later() {
        let (mut stuck, now) = (Stuck::default(), Instant::now());
        stuck.observe(&seen(3, 7), at(now));
        stuck.observe(&seen(3, 7), at(now + BEHIND / 2));
        assert!(stuck.is_stuck() && !stuck.is_behind());
        stuck.observe(&seen(3, 7), at(now + BEHIND));
        assert!(stuck.is_behind());
        stuck.observe(&seen(3, 8), at(now + BEHIND));
        assert!(!stuck.is_stuck());
    }

    #[test]
    fn it_stays_so_without_leases_until_a_seat_asks() {
        let (mut stuck, now) = (Stuck::default(), Instant::now());
        stuck.observe(&seen(3, 7), at(now));
        stuck.observe(&seen(3, 7), at(now + PATIENCE));
        stuck.observe(&seen(0, 7), at(now + 2 * PATIENCE));
        assert!(stuck.is_stuck());
        stuck.observe(&seen(0, 8), at(now + 3 * PATIENCE));
        assert!(!stuck.is_stuck());
    }

    #[test]
    fn a_worker_that_leaves_its_leases_to_others_does_not_stand_still() {
        let (mut stuck, now) = (Stuck::default(), Instant::now());
        let returns = Survey { idle: 1, returns: true, ..seen(1, 7) };
        stuck.observe(&returns, at(now));
        stuck.observe(&returns, at(now + 2 * STILL));
        assert!(!stuck.is_stuck());
        // The seat that is to ask for others may be on a thread that is blocked.
        let turning = Survey { idle: 0, turning: 1, ..returns };
        stuck.observe(&turning, at(now + 2 * STILL));
        stuck.observe(&turning, at(now + 3 * STILL));
        assert!(stuck.is_stuck());
    }

    #[test]
    fn time_without_leases_does_not_count() {
        let (mut stuck, now) = (Stuck::default(), Instant::now());
        stuck.observe(&seen(1, 7), at(now));
        stuck.observe(&seen(0, 7), at(now + STILL / 2));
        stuck.observe(&seen(1, 7), at(now + 9 * PATIENCE));
        assert!(!stuck.is_stuck());
    }
}
