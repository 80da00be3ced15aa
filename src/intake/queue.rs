use std::fmt;

/// How many jobs may wait, and what happens to one more.
///
/// What waits is accepted and not yet handed out by the dispatcher, whether workers are idle or not:
/// make the bound at least as large as your largest burst. Workers are handed a supply of short jobs
/// ahead of time, at most what they are done with in about a millisecond and never more than 2,048
/// jobs each; a job of a millisecond and more is handed out only when a worker is free for it.
///
/// ```
/// use actix_workpool::{OnFull, Queue};
///
/// let queue = Queue::bounded(10_000).on_full(OnFull::EvictOldest);
/// assert_eq!(queue.to_string(), "bounded(10000), EvictOldest");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    pub(crate) capacity: Option<usize>,
    pub(crate) on_full: OnFull,
}

impl Queue {
    /// Any number of jobs may wait: memory is the limit. This is the default.
    #[must_use]
    pub fn unbounded() -> Self {
        Self { capacity: None, on_full: OnFull::Wait }
    }

    /// At most `capacity` jobs wait. A pool is not built with a capacity of 0.
    #[must_use]
    pub fn bounded(capacity: usize) -> Self {
        Self { capacity: Some(capacity), on_full: OnFull::Wait }
    }

    /// What happens to a job that finds the queue full; [`OnFull::Wait`] unless set. An unbounded
    /// queue is never full.
    #[must_use]
    pub fn on_full(self, on_full: OnFull) -> Self {
        Self { on_full, ..self }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self::unbounded()
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.capacity {
            None => f.write_str("unbounded"),
            Some(capacity) => write!(f, "bounded({capacity}), {:?}", self.on_full),
        }
    }
}

/// What happens to a job that finds the queue full.
///
/// Policies that evict accept at once, and the dispatcher evicts when it next has its turn: within a
/// burst, more than the bound may wait for a moment. Who has waited longest, or shortest, is decided by
/// the time of acceptance among all that wait: in the queue, for their [key](crate::Job::key), for their
/// [delay](crate::Job::delay), or to be [tried again](crate::Builder::retry). A job whose delay is over
/// counts as accepted at that moment; one that waits to be tried again ends as its last attempt did. A
/// submission of several jobs pushes out none of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFull {
    /// It waits in line for room, first come, first served. What cannot wait (`try_submit`,
    /// `do_send`, a job's own `submit`) is refused.
    #[default]
    Wait,
    /// It is refused.
    Reject,
    /// It is accepted, and the job that has waited longest ends as
    /// [`Evicted`](crate::JobError::Evicted): for data whose value fades.
    EvictOldest,
    /// It is accepted, and the job that has waited shortest ends as
    /// [`Evicted`](crate::JobError::Evicted): the newest job is kept without disturbing those that
    /// have waited long.
    EvictYoungest,
}

impl OnFull {
    pub(crate) fn evicts(self) -> bool {
        matches!(self, Self::EvictOldest | Self::EvictYoungest)
    }
}
