//! What is asked for.

use std::time::Duration;

use crate::Job;

use super::task::{Act, Task};

/// What a job is to do, and on what terms.
#[derive(Clone, Debug, Default)]
pub struct Errand {
    /// What its code does.
    pub acts: Vec<Act>,
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// How long it waits before it may start.
    pub delay: Option<Duration>,
    /// What it shares with those that never run beside it.
    pub key: Option<u8>,
}

impl Errand {
    /// That may run for so long.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// That starts no sooner.
    #[must_use]
    pub fn delay(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
    }

    /// With this key.
    #[must_use]
    pub fn key(self, key: u8) -> Self {
        Self { key: Some(key), ..self }
    }

    pub(super) fn terms(&self, mut job: Job<Task>) -> Job<Task> {
        if let Some(timeout) = self.timeout {
            job = job.timeout(timeout);
        }
        if let Some(delay) = self.delay {
            job = job.delay(delay);
        }
        match self.key {
            Some(key) => job.key(key),
            None => job,
        }
    }
}

impl From<Vec<Act>> for Errand {
    fn from(acts: Vec<Act>) -> Self {
        Self { acts, ..Self::default() }
    }
}
