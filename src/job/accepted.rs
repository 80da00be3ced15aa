use std::time::Instant;

use crate::{error::JobError, schedule::Waits};

use super::{Address, Ended, Job, JobId, JobResult, Stamp, result::End};

/// A job on its way in, and where its result is to go.
pub(crate) struct Entry<T, U, E> {
    pub(crate) job: Job<T>,
    pub(crate) to: Address<T, U, E>,
}

impl<T, U, E> Entry<T, U, E> {
    /// A job whose result goes to the subscribers.
    pub(crate) fn new(job: Job<T>) -> Self {
        Self { job, to: Address::Subscribers }
    }

    /// Gives the job back to whoever sent it. Nobody else hears of it.
    pub(crate) fn refuse(self) -> Job<T> {
        self.to.disarm();
        self.job
    }

    /// The result of a job that could not be accepted and has no sender who waits for an answer.
    pub(crate) fn reject(self, error: JobError<E>, ended: Instant) -> Ended<T, U, E> {
        let end = End::new(Err(error), None, None, Stamp::of(ended));
        Ended { result: JobResult::new(self.job, end), to: self.to }
    }
}

/// A job that the pool has taken responsibility for.
pub(crate) struct Accepted<T, U, E> {
    pub(crate) entry: Entry<T, U, E>,
    pub(crate) queued: Stamp,
}

impl<T, U, E> Waits for Accepted<T, U, E> {
    type Id = JobId;
    type Place = Stamp;

    fn id(&self) -> JobId {
        self.entry.job.id()
    }

    fn place(&self) -> Stamp {
        self.queued
    }
}

impl<T, U, E> Accepted<T, U, E> {
    /// Ends a job that never started.
    pub(crate) fn end(self, error: JobError<E>, ended: Instant) -> Ended<T, U, E> {
        let end = End::new(Err(error), None, Some(self.queued), Stamp::of(ended));
        Ended { result: JobResult::new(self.entry.job, end), to: self.entry.to }
    }
}
