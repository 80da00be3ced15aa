use std::{
    fmt,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future;
use tokio_util::sync::CancellationToken;

use crate::{error::Refused, intake::Inbox, lane::Told, value::Value};

use super::{Entry, Hand, Job, JobId, WorkerId};

/// What a job knows of itself and of its pool.
///
/// It holds the pool weakly: a process function that works with its context never keeps the pool
/// alive, as one that captured an `Addr` or a [`Pool`](crate::Pool) would.
pub struct JobContext<T, U, E> {
    job: JobId,
    /// How often it had been started before.
    attempts: u32,
    /// The number of this start on its seat.
    start: u64,
    worker: WorkerId,
    /// What its caller cancels the job by, if anybody does.
    stop: Option<CancellationToken>,
    pool: Arc<Inside<T, U, E>>,
    /// What the dispatcher tells it by.
    told: Arc<Told>,
}

/// What a job may touch of its pool.
pub(crate) struct Inside<T, U, E> {
    pub(crate) inbox: Arc<Inbox<T, U, E>>,
    /// Cancelled when the pool no longer waits for running jobs.
    stop: CancellationToken,
    /// The same, for those who only look: to ask a token is to lock it, and all workers would.
    stopped: AtomicBool,
}

impl<T, U, E> Inside<T, U, E> {
    pub(crate) fn new(inbox: Arc<Inbox<T, U, E>>) -> Self {
        Self { inbox, stop: CancellationToken::new(), stopped: AtomicBool::new(false) }
    }

    /// Tells every job that runs to stop.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.stop.cancel();
    }
}

impl<T, U, E> JobContext<T, U, E> {
    /// The context of a seat, before its first job.
    pub(crate) fn new(worker: WorkerId, pool: Arc<Inside<T, U, E>>, told: Arc<Told>) -> Self {
        Self { job: JobId::NONE, attempts: 0, start: 0, worker, stop: None, pool, told }
    }

    /// Turns to the seat's next job. One context serves all jobs of a seat: its `Arc`s are shared
    /// by threads, and counting them per job would make those contend.
    pub(crate) fn turn_to(&mut self, job: &Job<T>, hand: &Hand<T>) {
        self.job = job.id();
        self.attempts = job.attempts();
        self.start = hand.start();
        self.stop = hand.stop().cloned();
    }

    /// What the job's caller cancels it by.
    pub(crate) fn stop(&self) -> Option<&CancellationToken> {
        self.stop.as_ref()
    }

    /// Whether the dispatcher told this very job to stop.
    pub(crate) fn is_told(&self) -> bool {
        self.told.is_told(self.start)
    }

    /// Whether it was told because it runs for too long.
    pub(crate) fn is_late(&self) -> bool {
        self.told.is_late(self.start)
    }

    /// Whether nobody wants its outcome any more: it was cancelled, or its caller waits no more.
    pub(crate) fn is_unwanted(&self) -> bool {
        let cancelled = self.told.is_cancelled(self.start);
        cancelled || self.stop.as_ref().is_some_and(CancellationToken::is_cancelled)
    }

    /// The running job's id.
    pub fn id(&self) -> JobId {
        self.job
    }

    /// How often the job has been started, this time included: more than 1 if it is
    /// [tried again](crate::Builder::retry).
    pub fn attempt(&self) -> u32 {
        self.attempts + 1
    }

    /// The worker that runs it.
    pub fn worker(&self) -> WorkerId {
        self.worker
    }

    /// Whether the job should give up: it was cancelled ([`Pool::cancel`](crate::Pool::cancel)), its
    /// caller stopped waiting, it has run for as long as it may ([`Job::timeout`]), or the pool shuts down
    /// and its time is over. Blocking code asks this between its steps. An async job need not: it is
    /// dropped at its next `await` that does not complete, after the pool's
    /// [grace](crate::Builder::grace).
    ///
    /// What the job returns nevertheless counts, a value or an error, unless its result has come without
    /// it: it blocks and timed out, or was abandoned.
    pub fn is_cancelled(&self) -> bool {
        self.pool.stopped.load(Ordering::Acquire)
            || self.stop.as_ref().is_some_and(CancellationToken::is_cancelled)
            || self.is_told()
    }

    /// Completes when the job should give up, for any reason that [`is_cancelled`](Self::is_cancelled)
    /// knows.
    ///
    /// # Cancel safety
    /// It may be dropped and asked again at any time.
    pub async fn cancelled(&self) {
        let told = self.told.token(self.start);
        let (told, pool) = (pin!(told.cancelled()), pin!(self.pool.stop.cancelled()));
        let either = future::select(told, pool);
        match &self.stop {
            None => _ = either.await,
            Some(own) => _ = future::select(pin!(own.cancelled()), either).await,
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
