use std::{fmt, sync::Arc};

use futures::future::{self, FutureExt};
use tokio_util::sync::CancellationToken;

use crate::{error::Refused, intake::Inbox, value::Value};

use super::{Entry, Job, JobId, WorkerId};

/// What a job knows of itself and of its pool.
///
/// It holds the pool weakly: a process function that works with its context never keeps the pool
/// alive, as one that captured an `Addr` or a [`Pool`](crate::Pool) would.
pub struct JobContext<T, U, E> {
    job: JobId,
    worker: WorkerId,
    stop: Option<CancellationToken>,
    pool: Arc<Inside<T, U, E>>,
}

/// What a job may touch of its pool.
pub(crate) struct Inside<T, U, E> {
    pub(crate) inbox: Arc<Inbox<T, U, E>>,
    /// Cancelled when the pool no longer waits for running jobs.
    pub(crate) stop: CancellationToken,
}

impl<T, U, E> JobContext<T, U, E> {
    /// A worker's context, before its first job.
    pub(crate) fn new(worker: WorkerId, pool: Arc<Inside<T, U, E>>) -> Self {
        Self { job: JobId::NONE, worker, stop: None, pool }
    }

    /// Turns to the worker's next job. One context serves all jobs of a worker: its `Arc` is
    /// shared by every thread of the pool, and counting it per job would make them contend.
    pub(crate) fn turn_to(&mut self, job: JobId, stop: Option<CancellationToken>) {
        self.job = job;
        self.stop = stop;
    }

    /// The running job's id.
    pub fn id(&self) -> JobId {
        self.job
    }

    /// The worker that runs it.
    pub fn worker(&self) -> WorkerId {
        self.worker
    }

    /// Whether the job should give up: its caller stopped waiting, or the pool shuts down and its
    /// time is over. Blocking code asks this between its steps. An async job need not: it is
    /// dropped at its next `await` that does not complete.
    ///
    /// A value that the job returns nevertheless counts.
    pub fn is_cancelled(&self) -> bool {
        self.pool.stop.is_cancelled()
            || self.stop.as_ref().is_some_and(CancellationToken::is_cancelled)
    }

    /// Completes when the job should give up.
    ///
    /// # Cancel safety
    /// It may be dropped and asked again at any time.
    pub async fn cancelled(&self) {
        match &self.stop {
            None => self.pool.stop.cancelled().await,
            Some(own) => {
                let (own, pool) = (own.cancelled(), self.pool.stop.cancelled());
                future::select(own.boxed_local(), pool.boxed_local()).await;
            }
        }
    }

    /// Submits another job to the pool that runs this one. Its result goes to the subscribers.
    ///
    /// It never waits: a job that waited for room in its own full pool could wait for itself.
    ///
    /// # Errors
    /// The job comes back if the queue is full or the pool is closed.
    pub fn submit(&self, job: impl Into<Job<T>>) -> Result<JobId, Refused<Job<T>>>
    where
        T: Value,
        U: Value,
        E: Value,
    {
        self.pool.inbox.try_submit(Entry::new(job.into()))
    }
}

impl<T, U, E> fmt::Debug for JobContext<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobContext")
            .field("job", &self.job)
            .field("worker", &self.worker)
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}
