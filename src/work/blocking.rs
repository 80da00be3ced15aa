//! The one seat of a blocking worker: it keeps its thread until there is nothing left to do.

use std::{sync::Arc, time::Duration};

use crate::{
    job::{Accepted, JobContext, Run, WorkerId},
    lane::Seated,
    panic::{catch, drop_each},
    value::Value,
};

use super::{
    form::{BoxError, Build, Process},
    lease::{Lease, Ran},
    post::Post,
    rebuild::Pauses,
};

pub(crate) struct BlockingSeat<T, U, E> {
    post: Post<T, U, E>,
    cx: JobContext<T, U, E>,
    worker: WorkerId,
    build: Arc<Build<T, U, E>>,
    process: Option<Box<Process<T, U, E>>>,
    pauses: Pauses,
    seated: Seated,
}

impl<T: Value, U: Value, E: Value> BlockingSeat<T, U, E> {
    pub(crate) fn new(post: Post<T, U, E>, worker: WorkerId, build: Arc<Build<T, U, E>>) -> Self {
        let cx = JobContext::new(worker, post.inside.clone());
        let (process, pauses, seated) = (None, Pauses::new(), Seated::New);
        Self { post, cx, worker, build, process, pauses, seated }
    }

    /// Works off all leases. Returns a pause after which to call again if the processor could not
    /// be built.
    pub(crate) fn work(&mut self) -> Option<Duration> {
        self.post.answer();
        loop {
            let mut process = match self.process.take().map_or_else(|| self.build(), Ok) {
                Ok(process) => process,
                Err(pause) => return Some(pause),
            };
            if !self.work_with(&mut process) {
                self.process = Some(process);
                return None;
            }
            drop_each([process]);
        }
    }

    fn build(&mut self) -> Result<Box<Process<T, U, E>>, Duration> {
        let error = match catch(|| (self.build)()) {
            Ok(Ok(process)) => {
                self.pauses = Pauses::new();
                return Ok(process);
            }
            Ok(Err(error)) => error,
            Err(text) => BoxError::from(String::from(text)),
        };
        let (worker, pause) = (self.worker, self.pauses.next());
        tracing::warn!(%worker, %error, ?pause, "a processor was not built; trying again");
        Err(pause)
    }

    /// Runs jobs until there are none (`false`), or one panicked (`true`).
    fn work_with(&mut self, process: &mut Process<T, U, E>) -> bool {
        let mut started = self.post.now();
        loop {
            let Some(job) = self.post.take(self.seated) else {
                self.seated = Seated::Idle;
                return false;
            };
            self.seated = Seated::Finished;
            match self.run(process, job, Run { worker: self.worker, started }) {
                Ran::Ended(ended) => started = ended,
                Ran::Panicked => {
                    self.post.leave();
                    self.seated = Seated::New;
                    return true;
                }
            }
        }
    }

    fn run(&mut self, process: &mut Process<T, U, E>, job: Accepted<T, U, E>, run: Run) -> Ran {
        let lease = Lease::new(&self.post, job, run);
        let (Some(job), false) = (lease.job(), lease.is_cancelled()) else {
            return lease.cancel();
        };
        self.cx.turn_to(job.id(), lease.stop().cloned());
        let ran = catch(|| process(job.payload(), &self.cx));
        lease.end(ran.map(Some))
    }
}
