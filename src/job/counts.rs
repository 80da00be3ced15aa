use std::fmt;

use crate::error::JobError;

/// How many jobs ended, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// The process function returned `Ok`.
    pub succeeded: u64,
    /// The process function returned an error.
    pub failed: u64,
    /// The process function panicked.
    pub panicked: u64,
    /// Ran longer than they may.
    pub timed_out: u64,
    /// Cancelled by [`Pool::cancel`](crate::Pool::cancel), by a caller that stopped waiting, by a shutdown,
    /// or since nobody held the pool any more while it was paused or no worker was live.
    pub cancelled: u64,
    /// Pushed out of a full queue by a newer job. One whose pause before another attempt lasted counts
    /// as its last attempt ended.
    pub evicted: u64,
    /// Sent with `do_send`, and could not be accepted. Those of [`Pool::process`](crate::Pool::process)
    /// are not counted.
    pub rejected: u64,
    /// The worker's thread ended under the job, or the actix `System` stopped before its end.
    pub lost: u64,
    /// The job still ran when the pool had to end.
    pub abandoned: u64,
}

impl Counts {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.accepted() + self.rejected
    }

    /// Those that had been accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.succeeded
            + self.failed
            + self.panicked
            + self.timed_out
            + self.cancelled
            + self.evicted
            + self.lost
            + self.abandoned
    }

    pub(crate) fn add_all(&mut self, more: &Self) {
        self.succeeded += more.succeeded;
        self.failed += more.failed;
        self.panicked += more.panicked;
        self.timed_out += more.timed_out;
        self.cancelled += more.cancelled;
        self.evicted += more.evicted;
        self.rejected += more.rejected;
        self.lost += more.lost;
        self.abandoned += more.abandoned;
    }

    #[inline]
    pub(crate) fn add<U, E>(&mut self, outcome: Result<&U, &JobError<E>>) {
        *match outcome {
            Ok(_) => &mut self.succeeded,
            Err(JobError::Failed(_)) => &mut self.failed,
            Err(JobError::Panicked(_)) => &mut self.panicked,
            Err(JobError::TimedOut) => &mut self.timed_out,
            Err(JobError::Cancelled) => &mut self.cancelled,
            Err(JobError::Evicted) => &mut self.evicted,
            Err(JobError::Rejected(_)) => &mut self.rejected,
            Err(JobError::Lost) => &mut self.lost,
            Err(JobError::Abandoned) => &mut self.abandoned,
        } += 1;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} succeeded", self.succeeded)?;
        let others = [
            (self.failed, "failed"),
            (self.panicked, "panicked"),
            (self.timed_out, "timed out"),
            (self.cancelled, "cancelled"),
            (self.evicted, "evicted"),
            (self.rejected, "rejected"),
            (self.lost, "lost"),
            (self.abandoned, "abandoned"),
        ];
        others.iter().filter(|(n, _)| *n > 0).try_for_each(|(n, what)| write!(f, ", {n} {what}"))
    }
}
