use std::time::{Duration, Instant};

use crate::{
    error::JobError,
    lane::{Batched, Waits},
};

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
    pub(crate) fn reject(mut self, error: JobError<E>, ended: Instant) -> Ended<T, U, E> {
        // It may have been accepted before, and have held its key.
        self.job.begin_anew();
        let end = End::new(Err(error), None, None, Stamp::of(ended));
        Ended { result: JobResult::new(self.job, end), to: self.to }
    }
}

/// A job that the pool has taken responsibility for.
pub(crate) struct Accepted<T, U, E> {
    pub(crate) entry: Entry<T, U, E>,
    pub(crate) queued: Stamp,
    /// Where it belongs in the queue: see [`place_of`].
    pub(crate) place: u64,
}

/// The place of the `n`th job that was accepted. Others may belong between it and the next.
pub(crate) fn place_of(n: u64) -> u64 {
    2 * n
}

impl<T, U, E> Waits for Accepted<T, U, E> {
    type Id = JobId;
    type Place = u64;

    fn id(&self) -> JobId {
        self.entry.job.id()
    }

    fn place(&self) -> u64 {
        self.place
    }
}

/// What jobs have in common that were submitted together and ask for nothing special.
#[derive(Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) queued: Stamp,
    /// How many had been accepted before.
    pub(crate) before: u64,
}

impl<T, U, E> Batched for Accepted<T, U, E> {
    type Bare = Job<T>;
    type Common = Batch;

    fn known_by(job: &Job<T>, batch: Batch, n: usize) -> (JobId, u64) {
        (job.id(), batch.place(n))
    }

    #[inline(always)]
    fn whole(job: Job<T>, batch: Batch, n: usize) -> Self {
        Self { entry: Entry::new(job), queued: batch.queued, place: batch.place(n) }
    }
}

impl Batch {
    #[inline]
    fn place(self, n: usize) -> u64 {
        place_of(self.before + n as u64 + 1)
    }
}

impl<T, U, E> Accepted<T, U, E> {
    pub(crate) fn new(entry: Entry<T, U, E>, queued: Stamp) -> Self {
        Self { entry, queued, place: 0 }
    }

    /// Ends a job that has not started, or not again.
    pub(crate) fn end(self, error: JobError<E>, ended: Instant) -> Ended<T, U, E> {
        let end = End::new(Err(error), None, Some(self.queued), Stamp::of(ended));
        Ended { result: JobResult::new(self.entry.job, end), to: self.entry.to }
    }

    /// A job that is to be tried again, at its old place.
    pub(crate) fn again(job: Job<T>, to: Address<T, U, E>, queued: Stamp) -> Self {
        let place = job.place().unwrap_or_default();
        Self { entry: Entry { job, to }, queued, place }
    }

    /// How long it is to wait.
    pub(crate) fn delay(&self) -> Option<Duration> {
        self.entry.job.delay_wanted()
    }

    /// Its place is behind the first `n` that were accepted.
    pub(crate) fn move_behind(&mut self, n: u64) {
        self.place = place_of(n) + 1;
    }

    /// The key for which it must wait, unless it holds it.
    pub(crate) fn wanted_key(&self) -> Option<u64> {
        self.entry.job.wanted_key()
    }

    pub(crate) fn hold_key(&mut self) {
        self.entry.job.options().holds_key = true;
    }
}

/// A job that waits for its time.
pub(crate) enum Postponed<T, U, E> {
    /// It has a delay.
    Delayed(Accepted<T, U, E>),
    /// It is to be tried again; this is its result if it is not.
    Retry(Ended<T, U, E>),
}

impl<T, U, E> Postponed<T, U, E> {
    /// Ends it before its time.
    pub(crate) fn end(self, error: JobError<E>, ended: Instant) -> Ended<T, U, E> {
        match self {
            Self::Delayed(job) => job.end(error, ended),
            Self::Retry(ended) => ended,
        }
    }
}

impl<T, U, E> Waits for Postponed<T, U, E> {
    type Id = JobId;
    type Place = u64;

    fn id(&self) -> JobId {
        match self {
            Self::Delayed(job) => job.id(),
            Self::Retry(ended) => ended.result.id(),
        }
    }

    fn place(&self) -> u64 {
        match self {
            Self::Delayed(job) => job.place(),
            Self::Retry(ended) => ended.result.job().place().unwrap_or_default(),
        }
    }
}
