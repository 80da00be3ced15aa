//! How a pool ends: until when jobs may still start, and until when they may still run.

use std::time::{Duration, Instant};

/// The end of a pool, as all who asked for it agree: the strictest of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// From here on, jobs that have not started are cancelled.
    pub(crate) start_until: Instant,
    /// From here on, jobs that run are cancelled.
    pub(crate) run_until: Instant,
}

impl Ending {
    /// All accepted jobs may start and run for `deadline`.
    pub(crate) fn drain(now: Instant, deadline: Duration) -> Self {
        let until = after(now, deadline);
        Self { start_until: until, run_until: until }
    }

    /// No job starts any more; those that run may go on for `deadline`.
    pub(crate) fn finish_running(now: Instant, deadline: Duration) -> Self {
        Self { start_until: now, run_until: after(now, deadline) }
    }

    /// Both endings at once: the earlier of each limit.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            start_until: self.start_until.min(other.start_until),
            run_until: self.run_until.min(other.run_until),
        }
    }

    /// Whether waiting jobs, and running ones, must be cancelled at `now`.
    pub(crate) fn due(&self, now: Instant) -> (bool, bool) {
        (now >= self.start_until, now >= self.run_until)
    }

    /// When to look again.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        [self.start_until, self.run_until].into_iter().filter(|&limit| limit > now).min()
    }
}

/// A deadline beyond what an `Instant` can say is a century: nobody waits longer.
fn after(now: Instant, deadline: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);
    now.checked_add(deadline.min(CENTURY)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn draining_lets_jobs_start_and_run_until_its_deadline() {
        let now = Instant::now();
        let ending = Ending::drain(now, 2 * SECOND);
        assert_eq!(ending.due(now + SECOND), (false, false));
        assert_eq!(ending.due(now + 2 * SECOND), (true, true));
        assert_eq!(ending.next(now), Some(now + 2 * SECOND));
        assert_eq!(ending.next(now + 2 * SECOND), None);
    }

    #[test]
    fn finishing_starts_nothing_more() {
        let now = Instant::now();
        let ending = Ending::finish_running(now, SECOND);
        assert_eq!(ending.due(now), (true, false));
        assert_eq!(ending.next(now), Some(now + SECOND));
    }

    #[test]
    fn the_strictest_of_several_endings_holds() {
        let now = Instant::now();
        let both = Ending::drain(now, 5 * SECOND).and(Ending::finish_running(now, 9 * SECOND));
        assert_eq!(both, Ending { start_until: now, run_until: now + 5 * SECOND });
    }

    #[test]
    fn a_deadline_without_end_is_no_overflow() {
        let now = Instant::now();
        assert_eq!(Ending::drain(now, Duration::MAX).due(now + SECOND), (false, false));
    }
}
