use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::{
    error::JobError,
    job::{Accepted, Job, Run},
};

use super::post::Post;

/// A job on a seat. Dropped unfinished, it ends the job as lost: it never just vanishes.
pub(super) struct Lease<'p, T, U, E> {
    post: &'p Post<T, U, E>,
    job: Option<Accepted<T, U, E>>,
    run: Run,
}

impl<'p, T, U, E> Lease<'p, T, U, E> {
    pub(super) fn new(post: &'p Post<T, U, E>, job: Accepted<T, U, E>, run: Run) -> Self {
        Self { post, job: Some(job), run }
    }

    /// The job, until it has ended.
    pub(super) fn job(&self) -> Option<&Job<T>> {
        self.job.as_ref().map(|job| &job.entry.job)
    }

    /// What cancels this job alone, if anything does.
    pub(super) fn stop(&self) -> Option<&CancellationToken> {
        self.job.as_ref()?.entry.to.stop()
    }

    /// Whether the job was cancelled before it started.
    pub(super) fn is_cancelled(&self) -> bool {
        self.post.inside.stop.is_cancelled()
            || self.stop().is_some_and(CancellationToken::is_cancelled)
    }

    /// Ends the job with what came of it: what the process function returned, nothing if it was
    /// cancelled under way, or the text of its panic.
    pub(super) fn end(mut self, ran: Result<Option<Result<U, E>>, Box<str>>) -> Ran {
        let ended = self.post.now();
        let panicked = ran.is_err();
        let outcome = match ran {
            Ok(Some(outcome)) => outcome.map_err(JobError::Failed),
            Ok(None) => Err(JobError::Cancelled),
            Err(text) => Err(JobError::Panicked(text)),
        };
        self.put(outcome, Some(self.run), ended);
        if panicked { Ran::Panicked } else { Ran::Ended(ended) }
    }

    /// Ends the job as one that never started.
    pub(super) fn cancel(mut self) -> Ran {
        let ended = self.run.started;
        self.put(Err(JobError::Cancelled), None, ended);
        Ran::Ended(ended)
    }

    fn put(&mut self, outcome: Result<U, JobError<E>>, run: Option<Run>, ended: Instant) {
        if let Some(job) = self.job.take() {
            self.post.put(job.end(outcome, run, ended));
        }
    }
}

/// What became of a job on its seat.
pub(super) enum Ran {
    /// It ended then, and the processor is fit for the next.
    Ended(Instant),
    /// The processor must be built anew.
    Panicked,
}

impl<T, U, E> Drop for Lease<'_, T, U, E> {
    fn drop(&mut self) {
        if self.job.is_some() {
            let ended = self.post.now();
            self.put(Err(JobError::Lost), Some(self.run), ended);
        }
    }
}
