//! Who gets the results: adds up their values.

use std::sync::Arc;

use crate::{
    deliver::{Credit, Outlet, Results},
    error::JobError,
    job::JobResult,
    sync::{AtomicU64, Ordering},
};

use super::case::Failure;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    messages: AtomicU64,
    results: AtomicU64,
    sum: AtomicU64,
}

/// A message to the tally, on the thread where the collector has its turn: it wakes nobody.
pub(crate) struct ToTally(pub(crate) Arc<Tally>);

impl Tally {
    pub(crate) fn add(&self, outcome: Result<&u64, &JobError<Failure>>) {
        self.results.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(outcome.copied().unwrap_or_default(), Ordering::Relaxed);
    }

    pub(crate) fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// Whether each of so many jobs has brought its value: the first brings 1, the next 2.
    pub(crate) fn check(&self, jobs: u64) -> Result<(), String> {
        let (results, sum) =
            (self.results.load(Ordering::Relaxed), self.sum.load(Ordering::Relaxed));
        let expected = jobs * (jobs + 1) / 2;
        if (results, sum) == (jobs, expected) {
            Ok(())
        } else {
            Err(format!(
                "{results} results, whose values add up to {sum}, not {jobs} and {expected}"
            ))
        }
    }
}

impl ToTally {
    fn message(&self) {
        self.0.messages.fetch_add(1, Ordering::Relaxed);
    }
}

impl Outlet<JobResult<u64, u64, Failure>> for ToTally {
    fn send(
        &self,
        result: JobResult<u64, u64, Failure>,
        _: Option<Credit>,
    ) -> Result<(), JobResult<u64, u64, Failure>> {
        self.message();
        self.0.add(result.outcome());
        Ok(())
    }

    fn is_gone(&self) -> bool {
        false
    }

    fn weaken(self: Box<Self>) -> Box<dyn Outlet<JobResult<u64, u64, Failure>>> {
        self
    }
}

impl Outlet<Results<u64, u64, Failure>> for ToTally {
    fn send(
        &self,
        results: Results<u64, u64, Failure>,
        _: Option<Credit>,
    ) -> Result<(), Results<u64, u64, Failure>> {
        self.message();
        results.iter().for_each(|result| self.0.add(result.outcome()));
        Ok(())
    }

    fn is_gone(&self) -> bool {
        false
    }

    fn weaken(self: Box<Self>) -> Box<dyn Outlet<Results<u64, u64, Failure>>> {
        self
    }
}
