use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::error::JobError;

use super::{Address, Job, JobId, WorkerId};

/// A job that has ended, on its way to its address.
pub(crate) struct Ended<T, U, E> {
    pub(crate) parts: Parts<T, U, E>,
    pub(crate) to: Address<T, U, E>,
}

/// The one terminal result of a job: the job itself, what came of it, and when.
///
/// A sole receiver owns it and can take it apart ([`into_parts`](Self::into_parts)); several
/// receivers share it. It keeps nothing else alive: neither the pool nor other results.
pub struct JobResult<T, U, E>(Inner<T, U, E>);

enum Inner<T, U, E> {
    Owned(Parts<T, U, E>),
    Shared(Arc<Parts<T, U, E>>),
}

/// A [`JobResult`] taken apart.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parts<T, U, E> {
    /// The job, with its payload.
    pub job: Job<T>,
    /// What the process function returned, or why it did not.
    pub outcome: Result<U, JobError<E>>,
    /// How often it was started.
    pub attempts: u32,
    /// Who ran it last; `None` if nobody did.
    pub worker: Option<WorkerId>,
    /// When it was accepted, to within the time of a burst of submissions; `None` if it never was.
    pub queued: Option<Instant>,
    /// When it was last started; `None` if it never was.
    pub started: Option<Instant>,
    /// When it ended.
    pub ended: Instant,
}

impl<T, U, E> JobResult<T, U, E> {
    pub(crate) fn new(parts: Parts<T, U, E>) -> Self {
        Self(Inner::Owned(parts))
    }

    /// One more handle on the same result. From here on it is shared.
    pub(crate) fn share(self) -> (Self, Self) {
        let parts = match self.0 {
            Inner::Owned(parts) => Arc::new(parts),
            Inner::Shared(parts) => parts,
        };
        (Self(Inner::Shared(parts.clone())), Self(Inner::Shared(parts)))
    }

    fn parts(&self) -> &Parts<T, U, E> {
        match &self.0 {
            Inner::Owned(parts) => parts,
            Inner::Shared(parts) => parts,
        }
    }

    /// The job, with its payload.
    pub fn job(&self) -> &Job<T> {
        &self.parts().job
    }

    /// The job's id.
    pub fn id(&self) -> JobId {
        self.job().id()
    }

    /// What came of it, by reference; [`into_parts`](Self::into_parts) has it by value, as `?` needs.
    ///
    /// # Errors
    /// Why the job brought no value: it failed, or it was ended otherwise.
    pub fn outcome(&self) -> Result<&U, &JobError<E>> {
        self.parts().outcome.as_ref()
    }

    /// How often the job was started: 0 if it ended without a worker.
    pub fn attempts(&self) -> u32 {
        self.parts().attempts
    }

    /// Who ran it last; `None` if nobody did.
    pub fn worker(&self) -> Option<WorkerId> {
        self.parts().worker
    }

    /// When it was accepted, to within the time of a burst of submissions; `None` if it never was.
    pub fn queued(&self) -> Option<Instant> {
        self.parts().queued
    }

    /// When it was last started; `None` if it never was.
    pub fn started(&self) -> Option<Instant> {
        self.parts().started
    }

    /// When it ended.
    pub fn ended(&self) -> Instant {
        self.parts().ended
    }

    /// How long it ran, the last time it was started; zero if it never was.
    pub fn took(&self) -> Duration {
        self.started().map_or(Duration::ZERO, |started| self.ended().duration_since(started))
    }

    /// How long it waited from being accepted to being started last, or to its end if it never was.
    pub fn waited(&self) -> Duration {
        let until = self.started().unwrap_or(self.ended());
        self.queued().map_or(Duration::ZERO, |queued| until.duration_since(queued))
    }

    /// Takes the result apart: the payload and the value are then yours.
    ///
    /// # Errors
    /// Gives the result back while another receiver holds it too.
    pub fn into_parts(self) -> Result<Parts<T, U, E>, Self> {
        match self.0 {
            Inner::Owned(parts) => Ok(parts),
            Inner::Shared(parts) => {
                Arc::try_unwrap(parts).map_err(|parts| Self(Inner::Shared(parts)))
            }
        }
    }
}

impl<T, U, E> fmt::Debug for JobResult<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = match &self.parts().outcome {
            Ok(_) => "succeeded",
            Err(error) => error.kind(),
        };
        f.debug_struct("JobResult")
            .field("job", &self.id())
            .field("ended", &ended)
            .field("attempts", &self.attempts())
            .field("worker", &self.worker())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> JobResult<u8, u8, ()> {
        let parts = Parts {
            job: Job::new(1),
            outcome: Ok(2),
            attempts: 1,
            worker: Some(WorkerId(0)),
            queued: None,
            started: None,
            ended: Instant::now(),
        };
        JobResult::new(parts)
    }

    #[test]
    fn a_sole_receiver_owns_the_result() {
        assert_eq!(result().into_parts().unwrap().outcome, Ok(2));
    }

    #[test]
    fn a_shared_result_is_owned_by_the_last_receiver() {
        let (one, other) = result().share();
        let one = one.into_parts().expect_err("the other holds it too");
        drop(other);
        assert_eq!(one.into_parts().unwrap().job.into_payload(), 1);
    }
}
