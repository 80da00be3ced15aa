//! How far ahead a worker is supplied, by how long its jobs took.

use std::time::Duration;

use crate::lane::SUPPLY;

/// A new duration counts for an eighth, as in TCP's estimate of the round trip (RFC 6298): one
/// overrun shortens the supply at once, and a few dozen short jobs restore it.
const GAIN: (u64, u64) = (1, 8);

/// So many jobs that come fast are recorded as one, of their mean duration: recording costs as much as the
/// rest of a short job's bookkeeping.
const TOGETHER: u64 = 8;

/// What eight jobs of that duration would count for one by one, 1 - (7/8)^8, to the next simple fraction.
const GAIN_TOGETHER: (u64, u64) = (2, 3);

/// One that ends longer than this, in nanoseconds, after the one before it is recorded at once.
const SHORT: u64 = 1_000;

/// What a worker has learned of its jobs. Durations are kept in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// From a job's start to its end.
    took: Option<u64>,
    /// From the end of one job to the end of the next, on any seat of the worker.
    every: Option<u64>,
    ahead: usize,
    /// Jobs that came fast and have not been recorded: how many, and what they took in all.
    short: u64,
    short_took: u64,
    short_every: u64,
}

impl Pace {
    /// A job took `took`, and ended `every` after the one before it, in nanoseconds.
    #[inline]
    pub(crate) fn record(&mut self, took: u64, every: u64) {
        if every > SHORT || self.took.is_none() {
            return self.learn(took, every, GAIN);
        }
        self.short += 1;
        self.short_took += took;
        self.short_every += every;
        if self.short == TOGETHER {
            let (took, every) = (self.short_took / TOGETHER, self.short_every / TOGETHER);
            (self.short, self.short_took, self.short_every) = (0, 0, 0);
            self.learn(took, every, GAIN_TOGETHER);
        }
    }

    fn learn(&mut self, took: u64, every: u64, gain: (u64, u64)) {
        average(&mut self.took, took, gain);
        average(&mut self.every, every, gain);
        self.ahead = self.calculate();
    }

    /// How many jobs last a [`SUPPLY`]; 0 if one does, or none was measured.
    #[inline]
    pub(crate) fn ahead(&self) -> usize {
        self.ahead
    }

    fn calculate(&self) -> usize {
        let (Some(took), Some(every)) = (self.took, self.every) else { return 0 };
        let supply = nanos(SUPPLY);
        if took >= supply {
            return 0;
        }
        usize::try_from(supply / every.max(1)).unwrap_or(usize::MAX)
    }
}

/// `sample` counts for a `part` of a `whole`.
fn average(mean: &mut Option<u64>, sample: u64, (part, whole): (u64, u64)) {
    *mean = Some(match *mean {
        None => sample,
        Some(mean) => mean - mean / whole * part + sample / whole * part,
    });
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2).min(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(jobs: &[Duration]) -> Pace {
        let mut pace = Pace::default();
        jobs.iter().for_each(|&took| pace.record(nanos(took), nanos(took)));
        pace
    }

    #[test]
    fn nothing_is_supplied_ahead_before_a_job_was_measured() {
        assert_eq!(Pace::default().ahead(), 0);
    }

    #[test]
    fn a_supply_lasts_a_millisecond() {
        assert_eq!(after(&[Duration::from_micros(10)]).ahead(), 100);
        assert_eq!(after(&[Duration::from_nanos(100)]).ahead(), 10_000);
        assert_eq!(after(&[Duration::ZERO]).ahead(), 1_000_000);
    }

    #[test]
    fn long_jobs_are_handed_out_one_by_one() {
        assert_eq!(after(&[SUPPLY]).ahead(), 0);
        assert_eq!(after(&[Duration::MAX, Duration::MAX]).ahead(), 0);
    }

    #[test]
    fn one_overrun_stops_the_supply_and_short_jobs_restore_it() {
        let short = Duration::from_nanos(100);
        let mut jobs = vec![short; 100];
        jobs.push(Duration::from_millis(50));
        assert_eq!(after(&jobs).ahead(), 0);
        jobs.extend([short; 100]);
        assert!(after(&jobs).ahead() > 100);
    }

    #[test]
    fn many_seats_share_one_supply() {
        let mut pace = Pace::default();
        pace.record(900_000, 9_000);
        assert_eq!(pace.ahead(), 111);
    }
}
