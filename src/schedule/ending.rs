//! How a pool ends: until when jobs may start, when those that run are told, and when they end.

use std::time::{Duration, Instant};

/// A thread that runs async jobs drops them when it is asked to; one that has not answered for this
/// long is blocked. Long against a busy machine, short against a deadline that people set.
const REACH: Duration = Duration::from_millis(100);

/// How much time the jobs of a pool have for their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leave {
    /// From being told to stop, to being ended.
    pub(crate) grace: Duration,
    /// From being ended to being given up, by the real time: what runs on a blocked thread cannot be
    /// ended at all.
    pub(crate) reach: Duration,
}

impl Leave {
    /// For jobs whose futures can be dropped.
    pub(crate) fn droppable(grace: Duration) -> Self {
        Self { grace, reach: REACH }
    }

    /// For jobs that can only be told.
    pub(crate) fn blocking(grace: Duration) -> Self {
        Self { grace, reach: Duration::ZERO }
    }
}

/// How far a pool has got with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Jobs that run go on.
    Running,
    /// They have been told to stop.
    Told,
    /// They have been ended, where that is possible.
    Ended,
    /// Those that still run have been given up.
    Abandoned,
}

/// The end of a pool, as all who asked for it agree: the strictest of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// From here on, jobs that have not started are cancelled.
    start_until: Instant,
    /// When those that run are told, and ended.
    told: Instant,
    ended: Instant,
}

impl Ending {
    /// All accepted jobs may start and run, and are told early enough to end by the deadline: half of
    /// it is theirs, however long the grace.
    pub(crate) fn drain(now: Instant, deadline: Duration, leave: Leave) -> Self {
        let told = after(now, deadline - leave.grace.min(deadline / 2));
        Self { start_until: told, told, ended: after(now, deadline) }
    }

    /// No job starts any more; those that run are told early enough to end by the deadline.
    pub(crate) fn finish_running(now: Instant, deadline: Duration, leave: Leave) -> Self {
        Self { start_until: now, ..Self::drain(now, deadline, leave) }
    }

    /// No job starts any more; those that run are told at once, and have their grace.
    pub(crate) fn now(now: Instant, leave: Leave) -> Self {
        Self { start_until: now, told: now, ended: after(now, leave.grace) }
    }

    /// Both endings at once: the earlier of each limit.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            start_until: self.start_until.min(other.start_until),
            told: self.told.min(other.told),
            ended: self.ended.min(other.ended),
        }
    }

    /// From when on no job starts.
    pub(crate) fn start_until(&self) -> Instant {
        self.start_until
    }

    /// Whether jobs that have not started must be cancelled at `now`.
    pub(crate) fn starts_nothing(&self, now: Instant) -> bool {
        now >= self.start_until
    }

    /// How far the jobs that run must have come at `now`; when they are given up is another matter.
    pub(crate) fn step(&self, now: Instant) -> Step {
        match () {
            () if now >= self.ended => Step::Ended,
            () if now >= self.told => Step::Told,
            () => Step::Running,
        }
    }

    /// When to look again.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        let limits = [self.start_until, self.told, self.ended];
        limits.into_iter().filter(|&limit| limit > now).min()
    }

    /// How long threads have to end, once all jobs have, and they are asked to: one that is not blocked
    /// must not be left behind.
    pub(crate) fn patience(&self, now: Instant) -> Duration {
        self.ended.saturating_duration_since(now).max(REACH)
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
    const AT_ONCE: Leave = Leave { grace: Duration::ZERO, reach: Duration::ZERO };

    #[test]
    fn draining_lets_jobs_start_and_run_until_its_deadline() {
        let now = Instant::now();
        let ending = Ending::drain(now, 2 * SECOND, AT_ONCE);
        assert!(!ending.starts_nothing(now + SECOND));
        assert_eq!(ending.step(now + SECOND), Step::Running);
        assert!(ending.starts_nothing(now + 2 * SECOND));
        assert_eq!(ending.step(now + 2 * SECOND), Step::Ended);
        assert_eq!(ending.next(now), Some(now + 2 * SECOND));
        assert_eq!(ending.next(now + 2 * SECOND), None);
    }

    #[test]
    fn jobs_are_told_a_grace_before_the_deadline() {
        let now = Instant::now();
        let leave = Leave { grace: SECOND, reach: SECOND };
        let ending = Ending::drain(now, 3 * SECOND, leave);
        let steps = [1, 2, 3].map(|seconds| ending.step(now + seconds * SECOND));
        assert_eq!(steps, [Step::Running, Step::Told, Step::Ended]);
        assert!(ending.starts_nothing(now + 2 * SECOND), "it would be told at once");
    }

    #[test]
    fn a_long_grace_leaves_half_of_the_deadline() {
        let now = Instant::now();
        let leave = Leave { grace: 5 * SECOND, reach: Duration::ZERO };
        let ending = Ending::drain(now, 2 * SECOND, leave);
        let steps = [0, 1, 2].map(|seconds| ending.step(now + seconds * SECOND));
        assert_eq!(steps, [Step::Running, Step::Told, Step::Ended]);
        assert_eq!(Ending::drain(now, Duration::ZERO, leave).step(now), Step::Ended);
    }

    #[test]
    fn ending_now_leaves_the_grace() {
        let now = Instant::now();
        let ending = Ending::now(now, Leave { grace: SECOND, reach: Duration::ZERO });
        assert!(ending.starts_nothing(now));
        assert_eq!((ending.step(now), ending.next(now)), (Step::Told, Some(now + SECOND)));
    }

    #[test]
    fn finishing_starts_nothing_more() {
        let now = Instant::now();
        let ending = Ending::finish_running(now, SECOND, AT_ONCE);
        assert!(ending.starts_nothing(now));
        assert_eq!((ending.step(now), ending.next(now)), (Step::Running, Some(now + SECOND)));
    }

    #[test]
    fn the_strictest_of_several_endings_holds() {
        let now = Instant::now();
        let both = Ending::drain(now, 5 * SECOND, AT_ONCE).and(Ending::finish_running(
            now,
            9 * SECOND,
            AT_ONCE,
        ));
        assert_eq!(both, Ending::finish_running(now, 5 * SECOND, AT_ONCE));
    }

    #[test]
    fn a_deadline_without_end_is_no_overflow() {
        let now = Instant::now();
        let ending = Ending::drain(now, Duration::MAX, Leave::droppable(Duration::MAX));
        assert_eq!(ending.step(now + SECOND), Step::Running);
        let ending = Ending::drain(now, Duration::MAX, AT_ONCE);
        assert_eq!(ending.step(now + SECOND), Step::Running);
    }

    #[test]
    fn threads_have_a_moment_to_end_even_when_the_time_is_over() {
        let now = Instant::now();
        assert_eq!(Ending::now(now, AT_ONCE).patience(now), REACH);
        assert_eq!(Ending::drain(now, SECOND, AT_ONCE).patience(now), SECOND);
    }
}
