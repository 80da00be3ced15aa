//! Which workers stand still with leases waiting: an overrun, or a thread that is blocked.

use std::time::{Duration, Instant};

use crate::{job::Stamp, lane::Survey};

use super::Now;

/// A worker that asks for nothing for this long while leases wait, and answers no ring, is stuck: half of
/// its supply was meant to be used up by then.
const STILL: Duration = Duration::from_micros(500);

/// How long after one look at workers with leases the next is due: it finds what began before the first.
pub(crate) const PATIENCE: Duration = STILL;

/// Whether a worker is not to be handed anything, since it would not get to it.
pub(super) fn is_held_up(survey: &Survey, now: Now) -> bool {
    survey.is_held_up(Stamp::of(now.clock), STILL)
}

/// Watches one worker.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stuck {
    /// How often its seats had asked, and since when that count has stood with leases waiting.
    still: Option<(u64, Instant)>,
    is: bool,
}

impl Stuck {
    /// Takes in what is seen at `now`. A stuck worker stays so until one of its seats asks again.
    pub(crate) fn observe(&mut self, survey: &Survey, now: Now) {
        let held_up = survey.waiting > 0 && is_held_up(survey, now);
        match self.still {
            Some((asked, since)) if asked == survey.asked => {
                let waits = survey.waiting > 0;
                self.is |= waits && (held_up || now.real.duration_since(since) >= STILL);
                if !waits && !self.is {
                    self.still = None;
                }
            }
            _ => {
                self.is = held_up;
                self.still = (survey.waiting > 0).then_some((survey.asked, now.real));
            }
        }
    }

    /// Whether its leases belong to others.
    pub(crate) fn is_stuck(&self) -> bool {
        self.is
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
    fn time_without_leases_does_not_count() {
        let (mut stuck, now) = (Stuck::default(), Instant::now());
        stuck.observe(&seen(1, 7), at(now));
        stuck.observe(&seen(0, 7), at(now + STILL / 2));
        stuck.observe(&seen(1, 7), at(now + 9 * PATIENCE));
        assert!(!stuck.is_stuck());
    }
}
