//! One error per operation. A job that was refused is inside the error.

use std::{error::Error, fmt, io};

use thiserror::Error as ThisError;

use crate::job::{Job, JobId};

/// Why a job brought no value.
///
/// It is an [`Error`] where `E` is one; [`into_boxed`](Self::into_boxed) is for an `E` that is none
/// but can become one, as `anyhow::Error` and `String` can.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum JobError<E> {
    /// The process function returned this error.
    #[error("the job failed: {0}")]
    Failed(#[source] E),
    /// The process function panicked with this text. The worker went on.
    #[error("the job panicked: {0}")]
    Panicked(Box<str>),
    /// The job ran longer than it may ([`Job::timeout`], [`Builder::timeout`](crate::Builder::timeout)).
    /// The code of a blocking job may run on; what it returns is dropped.
    #[error("the job ran longer than its timeout")]
    TimedOut,
    /// The job was cancelled by [`Pool::cancel`](crate::Pool::cancel), its caller stopped waiting, the
    /// pool was shut down, or nobody held the pool any more while it was paused or no worker was live.
    ///
    /// A blocking job that runs never ends so: what its code returns counts.
    #[error("the job was cancelled")]
    Cancelled,
    /// The queue was full, and a newer job took this one's place ([`OnFull`](crate::OnFull)).
    #[error("the job was pushed out of a full queue")]
    Evicted,
    /// The job was sent with `do_send`, or taken by [`Pool::process`](crate::Pool::process), and could
    /// not be accepted, for this reason.
    #[error("the job was not accepted: {0}")]
    Rejected(Refusal),
    /// The worker's thread ended while the job ran, or the actix `System` stopped before the job had
    /// ended; then its code may still run.
    #[error("the worker's thread ended under the job")]
    Lost,
    /// The job still ran when the shutdown's deadline came, and its thread did not answer. Its code
    /// may run on; what it returns is dropped.
    #[error("the job still ran when the pool had to end")]
    Abandoned,
}

impl<E> JobError<E> {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Panicked(_) => "panicked",
            Self::TimedOut => "timed out",
            Self::Cancelled => "cancelled",
            Self::Evicted => "evicted",
            Self::Rejected(_) => "rejected",
            Self::Lost => "lost",
            Self::Abandoned => "abandoned",
        }
    }

    /// The error in a box, for an `E` that is no error itself but can become one: a failure becomes
    /// its own error, and anything else the text of this one. In a function that returns
    /// `Box<dyn Error + Send + Sync>`, `?` takes it.
    pub fn into_boxed(self) -> Box<dyn Error + Send + Sync>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        match self {
            Self::Failed(error) => error.into(),
            Self::Panicked(text) => JobError::<io::Error>::Panicked(text).into(),
            Self::TimedOut => JobError::<io::Error>::TimedOut.into(),
            Self::Cancelled => JobError::<io::Error>::Cancelled.into(),
            Self::Evicted => JobError::<io::Error>::Evicted.into(),
            Self::Rejected(reason) => JobError::<io::Error>::Rejected(reason).into(),
            Self::Lost => JobError::<io::Error>::Lost.into(),
            Self::Abandoned => JobError::<io::Error>::Abandoned.into(),
        }
    }
}

/// Why something was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Refusal {
    /// The queue is full, or others wait in line for room. Try again later.
    #[error("the queue is full: it holds its {capacity} jobs, or others wait for room")]
    Full {
        /// The queue's bound in jobs.
        capacity: usize,
    },
    /// The batch can never be accepted: it has more jobs than the queue may hold. Split it.
    #[error("{jobs} jobs in one batch never fit a queue of {capacity}: split the batch")]
    TooLarge {
        /// The batch's length.
        jobs: usize,
        /// The queue's bound in jobs.
        capacity: usize,
    },
    /// The pool has been shut down, or is about to be.
    #[error("the pool is closed")]
    Closed,
}

/// A job, or a batch, that was not accepted. It comes back unharmed.
pub struct Refused<J> {
    /// What was refused: a [`Job`], or [`Jobs`](crate::Jobs).
    pub job: J,
    /// Why.
    pub reason: Refusal,
}

impl<J> fmt::Debug for Refused<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<J> fmt::Display for Refused<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not accepted: {}", self.reason)
    }
}

impl<J> Error for Refused<J> {}

/// Why [`Pool::run`](crate::Pool::run) brought no value.
#[derive(ThisError)]
#[non_exhaustive]
pub enum RunError<T, E> {
    /// The job was not accepted; it is inside.
    #[error(transparent)]
    Refused(#[from] Refused<Job<T>>),
    /// The job was accepted and ended without a value.
    #[error(transparent)]
    Ended(#[from] JobError<E>),
    /// The actix `System` stopped, or the pool's own thread died, before the job had ended.
    #[error("the pool was stopped before {0} ended")]
    Stopped(JobId),
}

impl<T, E> RunError<T, E> {
    /// As [`JobError::into_boxed`].
    pub fn into_boxed(self) -> Box<dyn Error + Send + Sync>
    where
        T: Send + Sync + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        match self {
            Self::Refused(refused) => refused.into(),
            Self::Ended(error) => error.into_boxed(),
            Self::Stopped(id) => RunError::<(), io::Error>::Stopped(id).into(),
        }
    }
}

impl<T, E: fmt::Debug> fmt::Debug for RunError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => f.debug_tuple("Refused").field(refused).finish(),
            Self::Ended(error) => f.debug_tuple("Ended").field(error).finish(),
            Self::Stopped(id) => f.debug_tuple("Stopped").field(id).finish(),
        }
    }
}

/// The pool's actors are gone: it was shut down, or its actix `System` stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
#[error("the pool has stopped")]
pub struct Stopped;

/// Why the number of workers was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum ResizeError {
    /// There can never be so many.
    #[error("workers is {wanted}: there can be {most} at most; set workers lower")]
    TooMany {
        /// How many were asked for.
        wanted: usize,
        /// How many there can be.
        most: usize,
    },
    /// The pool's actors are gone.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a subscription was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum SubscribeError {
    /// Batches of no results can never be sent.
    #[error("max_len is 0: a batch holds at least 1 result; set max_len to 1 or more")]
    EmptyBatches,
    /// A window of no results is always full.
    #[error("window is 0: nothing would ever be handed over; set window to 1 or more")]
    EmptyWindow,
    /// Without a window, nothing is missed.
    #[error("on_missed is set, and window is not: nothing would be missed; set window, too")]
    NoWindow,
    /// The actor has stopped, or, for a weak subscription, nobody holds it any more.
    #[error("the subscriber has stopped: subscribe an actor that runs")]
    Gone,
    /// The pool's actors are gone.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a pool was not built. The text names the setting, its value, and what to change.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting that can never work.
    #[error("{setting} is {value}: {change}")]
    Setting {
        /// What was set.
        setting: &'static str,
        /// To what.
        value: String,
        /// What to change.
        change: &'static str,
    },
    /// There is no running actix `System` on this thread.
    #[error(
        "build() needs a running actix System on this thread, and there is none: call it inside \
         #[actix::main], #[actix_rt::main] (not #[tokio::main]), System::block_on or an actor"
    )]
    NoSystem,
    /// The operating system gave no thread for a worker.
    #[error(
        "{setting} is {value}: the operating system gave no thread for one; set {setting} lower"
    )]
    Thread {
        /// What asked for the threads: `workers` of a blocking form, `threads` of an async one.
        setting: &'static str,
        /// How many.
        value: usize,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_error<X: Error + Send + Sync + 'static>() {}

    #[test]
    fn errors_are_errors_that_question_marks_can_box() {
        struct Payload;
        is_error::<JobError<io::Error>>();
        is_error::<Refused<Job<Payload>>>();
        is_error::<RunError<Payload, io::Error>>();
    }

    #[test]
    fn an_error_type_that_is_no_error_can_be_boxed() {
        let text = |error: JobError<String>| error.into_boxed().to_string();
        assert_eq!(text(JobError::Failed("disk full".into())), "disk full");
        assert_eq!(text(JobError::Panicked("oh".into())), "the job panicked: oh");
        let refused = Refused { job: Job::new(1), reason: Refusal::Closed };
        let error = RunError::<_, String>::Refused(refused).into_boxed();
        assert_eq!(error.to_string(), "not accepted: the pool is closed");
    }

    #[test]
    fn the_cause_of_a_failure_is_its_source() {
        let error = JobError::Failed(io::Error::other("disk full"));
        assert_eq!(error.source().unwrap().to_string(), "disk full");
    }
}
