//! The jobs that clients can ask about: those under way, and the results that are kept.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use actix_workpool::{JobError, JobId, JobResult};
use serde::Serialize;

use crate::count::{Count, CountError, Source};

/// Jobs under way are as many as the pool accepts. Of those that have ended, `keep` are kept at most;
/// one that is older than `keep_for` goes when the next one ends or somebody asks.
pub(crate) struct Jobs {
    keep: usize,
    keep_for: Duration,
    /// It is locked for a moment at a time, and never across an `await`.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// By their numbers, which are all that a client can say.
    jobs: HashMap<u64, (JobId, State)>,
    /// Those that have ended, and when.
    ended: VecDeque<(Instant, u64)>,
}

#[derive(Clone, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(crate) enum State {
    Waiting,
    Running,
    Done { result: Count },
    Failed { error: String },
    Cancelled,
}

impl Jobs {
    pub(crate) fn new(keep: usize, keep_for: Duration) -> Self {
        Self { keep, keep_for, known: Mutex::default() }
    }

    /// A job is about to be submitted.
    pub(crate) fn enter(&self, id: JobId) {
        self.known().jobs.insert(id.get(), (id, State::Waiting));
    }

    /// It was not accepted.
    pub(crate) fn forget(&self, id: JobId) {
        self.known().jobs.remove(&id.get());
    }

    /// It starts. The jobs of those who wait for the answer are not known here, and start too.
    pub(crate) fn started(&self, id: JobId) {
        if let Some((_, state)) = self.known().jobs.get_mut(&id.get()) {
            *state = State::Running;
        }
    }

    /// It has ended.
    pub(crate) fn ended(&self, result: &JobResult<Source, Count, CountError>) {
        let (id, mut known) = (result.id(), self.known());
        known.jobs.insert(id.get(), (id, state(result)));
        known.ended.push_back((result.ended(), id.get()));
        self.expire(&mut known);
    }

    /// What is known of a job.
    pub(crate) fn find(&self, number: u64) -> Option<(JobId, State)> {
        let mut known = self.known();
        self.expire(&mut known);
        known.jobs.get(&number).cloned()
    }

    fn expire(&self, known: &mut Known) {
        let too_old = |ended: Instant| ended.elapsed() >= self.keep_for;
        while let Some(&(ended, number)) = known.ended.front()
            && (known.ended.len() > self.keep || too_old(ended))
        {
            known.ended.pop_front();
            known.jobs.remove(&number);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing panics under this lock half way through a change.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn state(result: &JobResult<Source, Count, CountError>) -> State {
    match result.outcome() {
        Ok(count) => State::Done { result: *count },
        Err(JobError::Cancelled) => State::Cancelled,
        Err(error) => State::Failed { error: error.to_string() },
    }
}
