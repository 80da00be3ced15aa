use std::{
    fmt, mem,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{error::JobError, panic::drop_each};

use super::{Address, Job, JobId, Run, Stamp, WorkerId, running::Slot};

/// A job that has ended, on its way to its address.
pub(crate) struct Ended<T, U, E> {
    pub(crate) result: JobResult<T, U, E>,
    pub(crate) to: Address<T, U, E>,
}

/// The one terminal result of a job: the job itself, what came of it, and when.
///
/// A sole receiver owns it and can take it apart ([`into_parts`](Self::into_parts)); several
/// receivers share it, and so does the code of a job that was abandoned, or lost when the actix
/// `System` stopped, for as long as it runs. It keeps nothing else alive: neither the pool nor other
/// results.
pub struct JobResult<T, U, E>(Inner<T, U, E>);

enum Inner<T, U, E> {
    Owned(Job<T>, End<U, E>),
    Shared(Arc<(Job<T>, End<U, E>)>),
    /// The job's code still runs, and looks at the payload.
    WithItsCode(Slot<T>, Arc<End<U, E>>),
}

/// What came of a job.
pub(crate) struct End<U, E> {
    outcome: Result<U, JobError<E>>,
    run: Option<Run>,
    queued: Option<Stamp>,
    ended: Stamp,
}

impl<U, E> End<U, E> {
    #[inline(always)]
    pub(crate) fn new(
        outcome: Result<U, JobError<E>>,
        run: Option<Run>,
        queued: Option<Stamp>,
        ended: Stamp,
    ) -> Self {
        Self { outcome, run, queued, ended }
    }

    fn take_outcome(&mut self) -> Result<U, JobError<E>> {
        mem::replace(&mut self.outcome, Err(JobError::Lost))
    }

    fn parts<T>(mut self, job: Job<T>) -> Parts<T, U, E> {
        let outcome = self.take_outcome();
        let Self { run, queued, ended, .. } = self;
        Parts {
            attempts: attempts(&job, run),
            worker: last_run(&job, run).map(|run| run.worker),
            queued: queued.map(Stamp::instant),
            started: last_run(&job, run).map(|run| run.started.instant()),
            ended: ended.instant(),
            outcome,
            job,
        }
    }
}

fn attempts<T>(job: &Job<T>, run: Option<Run>) -> u32 {
    job.attempts() + u32::from(run.is_some())
}

fn last_run<T>(job: &Job<T>, run: Option<Run>) -> Option<Run> {
    run.or_else(|| job.last_run())
}

impl<U, E> Drop for End<U, E> {
    /// If the drop of the job's payload has panicked, a panic of the value's would abort the process.
    #[inline]
    fn drop(&mut self) {
        if thread::panicking() {
            drop_each([self.take_outcome()]);
        }
    }
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
    #[inline(always)]
    pub(crate) fn new(job: Job<T>, end: End<U, E>) -> Self {
        Self(Inner::Owned(job, end))
    }

    /// The result of a job whose code may still run. There is a job in the slot.
    pub(crate) fn shared_with_its_code(job: Slot<T>, end: End<U, E>) -> Self {
        Self(Inner::WithItsCode(job, Arc::new(end)))
    }

    /// Takes the job back that is to be tried again, and when it was accepted.
    ///
    /// # Errors
    /// Its code still holds it.
    pub(crate) fn retry(self) -> Result<(Job<T>, Option<Stamp>), Self> {
        let (queued, run) = (self.end().queued, self.end().run);
        let Parts { mut job, outcome, .. } = self.into_parts()?;
        drop_each([outcome]);
        let attempts = attempts(&job, run);
        let options = job.options();
        (options.attempts, options.last) = (attempts, run);
        Ok((job, queued))
    }

    /// The same result, for several receivers.
    pub(crate) fn into_shared(self) -> Self {
        match self.0 {
            Inner::Owned(job, end) => Self(Inner::Shared(Arc::new((job, end)))),
            shared => Self(shared),
        }
    }

    /// One more handle on a result that is for several receivers.
    pub(crate) fn share(&self) -> Self {
        match &self.0 {
            Inner::Owned(..) => unreachable!("it is made for several receivers before"),
            Inner::Shared(result) => Self(Inner::Shared(result.clone())),
            Inner::WithItsCode(job, end) => Self(Inner::WithItsCode(job.clone(), end.clone())),
        }
    }

    fn end(&self) -> &End<U, E> {
        match &self.0 {
            Inner::Owned(_, end) => end,
            Inner::Shared(result) => &result.1,
            Inner::WithItsCode(_, end) => end,
        }
    }

    /// The job, with its payload.
    pub fn job(&self) -> &Job<T> {
        match &self.0 {
            Inner::Owned(job, _) => job,
            Inner::Shared(result) => &result.0,
            Inner::WithItsCode(job, _) => match &**job {
                Some(job) => job,
                None => unreachable!("a job that ended with its code running lies in its slot"),
            },
        }
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
        self.end().outcome.as_ref()
    }

    /// How often the job was started: 0 if it ended without a worker.
    pub fn attempts(&self) -> u32 {
        attempts(self.job(), self.end().run)
    }

    /// Who ran it last; `None` if nobody did.
    pub fn worker(&self) -> Option<WorkerId> {
        last_run(self.job(), self.end().run).map(|run| run.worker)
    }

    /// When it was accepted, to within the time of a burst of submissions; `None` if it never was.
    pub fn queued(&self) -> Option<Instant> {
        self.end().queued.map(Stamp::instant)
    }

    /// When it was last started; `None` if it never was.
    pub fn started(&self) -> Option<Instant> {
        last_run(self.job(), self.end().run).map(|run| run.started.instant())
    }

    /// When it ended.
    pub fn ended(&self) -> Instant {
        self.end().ended.instant()
    }

    /// How long it ran, the last time it was started, to its end; zero if it never was.
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
    /// Gives the result back while another receiver holds it too, or the job's code still runs: it
    /// was abandoned, or lost when the actix `System` stopped.
    pub fn into_parts(self) -> Result<Parts<T, U, E>, Self> {
        match self.0 {
            Inner::Owned(job, end) => Ok(end.parts(job)),
            Inner::Shared(result) => Arc::try_unwrap(result)
                .map(|(job, end)| end.parts(job))
                .map_err(|result| Self(Inner::Shared(result))),
            Inner::WithItsCode(job, end) => match (triomphe::Arc::try_unwrap(job), end) {
                (Ok(Some(job)), end) => match Arc::try_unwrap(end) {
                    Ok(end) => Ok(end.parts(job)),
                    Err(end) => Err(Self(Inner::WithItsCode(triomphe::Arc::new(Some(job)), end))),
                },
                (Ok(None), _) => unreachable!("see `job`"),
                (Err(job), end) => Err(Self(Inner::WithItsCode(job, end))),
            },
        }
    }

    /// Only what came of it, by value.
    ///
    /// # Errors
    /// Gives the result back while another receiver holds it too.
    pub fn into_outcome(self) -> Result<Result<U, JobError<E>>, Self> {
        match self.0 {
            Inner::WithItsCode(job, end) => match Arc::try_unwrap(end) {
                Ok(mut end) => {
                    drop_each([job]);
                    Ok(end.take_outcome())
                }
                Err(end) => Err(Self(Inner::WithItsCode(job, end))),
            },
            owned_or_shared => {
                Self(owned_or_shared).into_parts().map(|Parts { job, outcome, .. }| {
                    drop_each([job]);
                    outcome
                })
            }
        }
    }
}

impl<T, U, E> fmt::Debug for JobResult<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = match self.outcome() {
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

    fn end<U>(outcome: Result<U, JobError<()>>) -> End<U, ()> {
        End::new(outcome, None, None, Stamp::of(Instant::now()))
    }

    fn result() -> JobResult<u8, u8, ()> {
        JobResult::new(Job::new(1), end(Ok(2)))
    }

    #[test]
    fn a_sole_receiver_owns_the_result() {
        assert_eq!(result().into_parts().unwrap().outcome, Ok(2));
    }

    #[test]
    fn a_shared_result_is_owned_by_the_last_receiver() {
        let other = result().into_shared();
        let one = other.share();
        let one = one.into_parts().expect_err("the other holds it too");
        drop(other);
        assert_eq!(one.into_parts().unwrap().job.into_payload(), 1);
    }

    #[test]
    fn the_result_of_a_job_whose_code_runs_can_be_read_and_later_taken_apart() {
        let slot = triomphe::Arc::new(Some(Job::new(1)));
        let abandoned = end::<u8>(Err(JobError::Abandoned));
        let result = JobResult::shared_with_its_code(slot.clone(), abandoned);
        let other = result.into_shared();
        let one = other.share();
        assert_eq!(*one.job().payload(), 1);
        drop(one);
        let other = other.into_parts().expect_err("the code holds the job");
        drop(slot);
        assert_eq!(other.into_parts().unwrap().job.into_payload(), 1);
    }

    #[test]
    fn the_outcome_of_a_job_whose_code_runs_is_owned_by_the_last_receiver() {
        let slot = triomphe::Arc::new(Some(Job::new(1)));
        let timed_out = end::<u8>(Err(JobError::TimedOut));
        let other = JobResult::shared_with_its_code(slot, timed_out).into_shared();
        let one = other.share();
        let one = one.into_outcome().expect_err("another holds the result");
        drop(other);
        assert_eq!(one.into_outcome().unwrap(), Err(JobError::TimedOut));
    }
}
