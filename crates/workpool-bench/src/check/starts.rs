//! What must hold whenever a job starts, and what its result says of that.

use std::time::Duration;

use crate::{
    JobResult,
    scene::{Failure, Output, Task},
    sim::{self, Sim, Thread},
};

use super::{
    books::{Books, Ledger},
    record::{Kind, Record, Start, Verdict},
};

impl Ledger {
    /// A job's code begins.
    pub(crate) fn starts(&self, number: u64, thread: &Thread, attempt: u32) {
        let mut books = self.books.borrow_mut();
        let at = books.tick();
        let Some(record) = books.jobs.get(&number) else { return };
        let objection = record.objection_to_start(self.has_guarantees(), attempt);
        let objection = objection.or_else(|| books.objection_by_key(number, record));
        if let Some(objection) = objection {
            sim::fail(|| format!("{objection}: job {number} starts"));
        }
        books.starts.push(number);
        let Books { jobs, pools, .. } = &mut *books;
        let Some(record) = jobs.get_mut(&number) else { return };
        record.attempts += 1;
        record.first.get_or_insert(at);
        record.start = Some(Start { at, thread: thread.number() });
        record.returned = None;
        let pool = record.pool;
        let began_before = pools[pool].sizes.starts(thread.number(), thread.turn());
        books.check_size(pool, began_before);
    }

    /// Someone looks at a result.
    pub(crate) fn looks_at(&self, number: u64, result: &JobResult<Task, Output, Failure>) {
        let books = self.books.borrow();
        let (Some(record), true) = (books.jobs.get(&number), self.has_guarantees()) else { return };
        let (kind, attempts) = (Kind::of(result.outcome()), result.attempts());
        // Its code was about to be called when it was given up.
        let given_up = matches!(kind, Kind::Abandoned | Kind::TimedOut | Kind::Lost);
        if !(record.attempts..=record.attempts + u32::from(given_up)).contains(&attempts) {
            let counted = record.attempts;
            sim::fail(|| {
                format!("job {number} says {attempts} attempts, and was started {counted} times")
            });
        }
        let took = result.took();
        let ran = result.started().is_some() && !record.may_be_retried();
        let early = |timeout| ran && took < timeout;
        if kind == Kind::TimedOut && record.terms.timeout.is_some_and(early) {
            sim::fail(|| format!("job {number} timed out after {took:?}"));
        }
    }
}

impl Record {
    /// Why it must not start, if it must not.
    fn objection_to_start(&self, guaranteed: bool, attempt: u32) -> Option<String> {
        let (given_up, now) = (self.was_given_up(), Sim::here().now());
        let (kind, attempts) = (self.kind, self.attempts);
        let says = |text: &str| Some(text.to_owned());
        match () {
            () if self.runs() => says("invariant 1: it runs already"),
            () if attempts >= self.terms.attempts => {
                Some(format!("it was started {attempts} times"))
            }
            () if !self.may_start() => {
                says("invariant 1: it was started, and is not to be tried again")
            }
            () if attempt != attempts + 1 => Some(format!("its attempt is said to be {attempt}")),
            () if self.verdict == Verdict::Refused => says("invariant 1: it was refused"),
            () if kind.is_some() && guaranteed && !given_up => {
                Some(format!("invariant 1: it ended as {kind:?}"))
            }
            () if !given_up && self.must_not_start.is_some() => {
                self.must_not_start.map(str::to_owned)
            }
            () if guaranteed && now.duration_since(self.begun_at) < self.delay() => {
                says("its delay is not over")
            }
            () => None,
        }
    }

    /// It may wait for its time: one that is due too late to start is tried again, too.
    fn may_be_postponed(&self) -> bool {
        let may_be_late = self.terms.timeout.is_some() && self.terms.attempts > 1;
        self.terms.delay.is_some() || self.start.is_some() || may_be_late
    }

    fn delay(&self) -> Duration {
        self.terms.delay.unwrap_or_default()
    }

    fn shares_key(&self, other: &Self) -> bool {
        self.pool == other.pool && self.terms.key.is_some() && self.terms.key == other.terms.key
    }
}

impl Books {
    /// Why it must not start because of another with its key, if it must not.
    fn objection_by_key(&self, number: u64, job: &Record) -> Option<String> {
        let others = || self.with_key_of(number, job);
        if let Some((other, _)) = others().find(|(_, x)| x.runs() && !x.may_be_left_behind()) {
            return Some(format!("invariant 8: job {other} with its key runs"));
        }
        let since = |other: &Record| other.start.is_some_and(|start| job.first < Some(start.at));
        let between = || others().find(|(_, other)| job.first.is_some() && since(other));
        between().map(|(other, _)| format!("job {other} had its key between its attempts"))
    }

    fn with_key_of(&self, number: u64, job: &Record) -> impl Iterator<Item = (u64, &Record)> {
        let jobs = self.jobs.iter().map(|(number, job)| (*number, job));
        jobs.filter(move |(other, record)| *other != number && record.shares_key(job))
    }

    /// No more run than the pool was resized to, but for those that had begun before.
    fn check_size(&self, pool: usize, began_before: bool) {
        let book = &self.pools[pool];
        let running = self.which(pool, Record::runs).len();
        let alive = self.which(pool, |job| job.runs() && !job.may_be_left_behind()).len();
        let most = book.sizes.most();
        if alive > most && !began_before {
            sim::fail(|| format!("invariant 2: {alive} jobs run on {most} seats"));
        }
        if running > most + book.replaced && !book.sizes.has_changed() {
            sim::fail(|| format!("invariant 2: {running} jobs run on {most} seats"));
        }
    }

    /// The results of a key come as its jobs ran.
    pub(super) fn check_key(&self, listener: usize, number: u64) {
        let Some(job) = self.jobs.get(&number).filter(|job| job.first.is_some()) else { return };
        let ran_later = |other: &Record| other.first > job.first && !other.was_given_up();
        let early = |other: &Record| ran_later(other) && other.heard.contains(&listener);
        if let Some((other, _)) = self.with_key_of(number, job).find(|(_, other)| early(other)) {
            sim::fail(|| {
                format!("invariant 3: job {number} is heard of after {other}, which has its key")
            });
        }
    }

    /// Whether a job that waits must be started where there is a seat. `later` says that time may have
    /// to pass before that.
    pub(super) fn is_startable(&self, number: u64, later: bool) -> bool {
        let Some(job) = self.jobs.get(&number) else { return false };
        // Whoever has the key, or may have it.
        let holds = |other: &Record| {
            let ended = other.kind.is_some() || other.verdict == Verdict::Refused;
            let is_sure = other.verdict == Verdict::Accepted && !other.left;
            !ended && (other.start.is_some() || !is_sure || later && other.may_be_postponed())
        };
        let waits_for_time = later && job.may_be_postponed();
        let waits_for_key = || self.with_key_of(number, job).any(|(_, other)| holds(other));
        !waits_for_time && !waits_for_key()
    }
}
