//! A job while it runs: in the custody of its worker's lane, so that it can be ended even if its
//! thread never comes back.

use std::{sync::Arc, time::Instant};

use tokio_util::sync::CancellationToken;

use crate::error::JobError;

use super::{Accepted, Address, Ended, Job, JobId, JobResult, WorkerId, result::End};

/// Where a job lies while it runs: shared by its lane and the code that runs it.
pub(crate) type Slot<T> = Arc<Option<Job<T>>>;

/// Where and since when a job has run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) worker: WorkerId,
    pub(crate) started: Instant,
}

/// What a lane keeps of a job that runs. Whoever takes it out of the lane ends the job.
pub(crate) struct Running<T, U, E> {
    job: Slot<T>,
    to: Address<T, U, E>,
    queued: Instant,
    run: Run,
}

impl<T, U, E> Running<T, U, E> {
    pub(crate) fn is(&self, id: JobId) -> bool {
        self.id() == Some(id)
    }

    pub(crate) fn id(&self) -> Option<JobId> {
        (*self.job).as_ref().map(Job::id)
    }

    /// Ends the job over the head of the code that runs it, which may still look at its payload.
    pub(crate) fn end(self, error: JobError<E>, ended: Instant) -> Ended<T, U, E> {
        let Self { job, to, queued, run } = self;
        let end = End::new(Err(error), Some(run), Some(queued), ended);
        let result = match Arc::try_unwrap(job) {
            Ok(Some(job)) => JobResult::new(job, end),
            Ok(None) => unreachable!("a job that runs lies in its slot"),
            Err(job) => JobResult::shared_with_its_code(job, end),
        };
        Ended { result, to }
    }
}

/// What one seat has of the jobs that it runs. One lies in a slot while the next begins in the other,
/// so that both can change places under one lock, and no job costs an allocation.
pub(crate) struct Hand<T> {
    slots: [Slot<T>; 2],
    /// Which of the two holds the job that began last.
    at: usize,
    /// What its caller cancels it by, if anybody does.
    stop: Option<CancellationToken>,
}

impl<T> Hand<T> {
    pub(crate) fn new() -> Self {
        Self { slots: [Arc::new(None), Arc::new(None)], at: 0, stop: None }
    }

    /// The job that began last.
    pub(crate) fn job(&self) -> Option<&Job<T>> {
        (*self.slots[self.at]).as_ref()
    }

    pub(crate) fn stop(&self) -> Option<&CancellationToken> {
        self.stop.as_ref()
    }

    /// Begins a job: what is returned is for the lane.
    pub(crate) fn begin<U, E>(&mut self, job: Accepted<T, U, E>, run: Run) -> Running<T, U, E> {
        let Accepted { entry, queued } = job;
        self.at = 1 - self.at;
        self.stop = entry.to.stop().cloned();
        let slot = &mut self.slots[self.at];
        match Arc::get_mut(slot) {
            Some(place) => *place = Some(entry.job),
            None => *slot = Arc::new(Some(entry.job)),
        }
        Running { job: slot.clone(), to: entry.to, queued, run }
    }

    /// Ends a job that ran here, which the lane gave back: the one that began last, or the one before
    /// it if `another` has begun. `started` says whether its code was called at all.
    pub(crate) fn end<U, E>(
        &mut self,
        job: Running<T, U, E>,
        another: bool,
        outcome: Result<U, JobError<E>>,
        started: bool,
        ended: Instant,
    ) -> Ended<T, U, E> {
        let Running { job, to, queued, run } = job;
        drop(job);
        let end = End::new(outcome, started.then_some(run), Some(queued), ended);
        let slot = &mut self.slots[if another { 1 - self.at } else { self.at }];
        let result = match Arc::get_mut(slot).and_then(Option::take) {
            Some(job) => JobResult::new(job, end),
            None => unreachable!("nobody else has a job that its lane gave back"),
        };
        Ended { result, to }
    }
}
