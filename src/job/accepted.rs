use std::time::Instant;

use crate::error::JobError;

use super::{Address, Ended, Job, Parts, WorkerId};

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
        let parts = Parts {
            job: self.job,
            outcome: Err(error),
            attempts: 0,
            worker: None,
            queued: None,
            started: None,
            ended,
        };
        Ended { parts, to: self.to }
    }
}

/// A job that the pool has taken responsibility for.
pub(crate) struct Accepted<T, U, E> {
    pub(crate) entry: Entry<T, U, E>,
    pub(crate) queued: Instant,
}

/// Where and since when a job has run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) worker: WorkerId,
    pub(crate) started: Instant,
}

impl<T, U, E> Accepted<T, U, E> {
    /// The one way out: the job becomes its terminal result.
    pub(crate) fn end(
        self,
        outcome: Result<U, JobError<E>>,
        run: Option<Run>,
        ended: Instant,
    ) -> Ended<T, U, E> {
        let parts = Parts {
            job: self.entry.job,
            outcome,
            attempts: u32::from(run.is_some()),
            worker: run.map(|run| run.worker),
            queued: Some(self.queued),
            started: run.map(|run| run.started),
            ended,
        };
        Ended { parts, to: self.entry.to }
    }
}
