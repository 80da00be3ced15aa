//! What a scene can ask the ledger.

use crate::sim::{self, Sim};

use super::{Kind, books::Books, record::Verdict};

fn read<R: Default>(read: impl FnOnce(&Books) -> R) -> R {
    sim::with(|world| world.ledger.write(|books| read(books))).unwrap_or_default()
}

/// What is known of the run.
impl Sim {
    /// How a job ended, if anyone has heard of that.
    pub fn kind(self, job: u64) -> Option<Kind> {
        read(|books| books.jobs.get(&job).and_then(|job| job.kind))
    }

    /// Whether a job's code was called.
    pub fn has_started(self, job: u64) -> bool {
        read(|books| books.jobs.get(&job).is_some_and(|job| job.start.is_some()))
    }

    /// Whether it was, and has not ended.
    pub fn runs(self, job: u64) -> bool {
        read(|books| books.jobs.get(&job).is_some_and(super::Record::runs))
    }

    /// Whether its sender was told that it was refused.
    pub fn is_refused(self, job: u64) -> bool {
        read(|books| books.jobs.get(&job).is_some_and(|job| job.verdict == Verdict::Refused))
    }

    /// The jobs that were started, as often and in the order as they were.
    pub fn starts(self) -> Vec<u64> {
        read(|books| books.starts.clone())
    }

    /// How often a job was started.
    pub fn attempts(self, job: u64) -> u32 {
        read(|books| books.jobs.get(&job).map_or(0, |job| job.attempts))
    }

    /// The numbers of all jobs.
    pub fn jobs(self) -> Vec<u64> {
        read(|books| books.jobs.keys().copied().collect())
    }

    /// How many results a listener has heard.
    pub fn heard(self, listener: usize) -> u64 {
        read(|books| books.listeners[listener].heard)
    }

    /// How many results it has missed, as it was told.
    pub fn missed(self, listener: usize) -> u64 {
        read(|books| books.listeners[listener].missed)
    }

    /// How often it was told of quiescence, and how many results that were in all.
    pub fn drained(self, listener: usize) -> (u64, u64) {
        read(|books| (books.listeners[listener].drained, books.listeners[listener].counted))
    }

    /// Fails the run unless this job ended so.
    pub fn expect_kind(self, job: u64, kind: Kind) {
        let is = self.kind(job);
        self.expect(is == Some(kind), || format!("job {job} ended as {is:?}, not {kind:?}"));
    }
}
