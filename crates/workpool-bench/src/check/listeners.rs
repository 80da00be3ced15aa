//! What listeners are told.

use crate::{Counts, sim};

use super::{
    books::{Books, Ledger},
    record::Kind,
};

impl Ledger {
    /// A result came to a listener.
    pub(crate) fn hears(&self, listener: usize, number: u64, kind: Kind, worker: Option<usize>) {
        let mut books = self.books.borrow_mut();
        let at = books.tick();
        books.check_key(listener, number);
        let Books { jobs, listeners, .. } = &mut *books;
        let Some(record) = jobs.get_mut(&number) else { return };
        if record.heard.contains(&listener) {
            sim::fail(|| format!("invariant 3: listener {listener} hears of job {number} twice"));
        }
        if record.way.is_private() {
            sim::fail(|| format!("decision 2: the result of job {number} belongs to its caller"));
        }
        record.heard.push(listener);
        record.first_heard.get_or_insert(at);
        self.judge(record, number, kind);
        let listener = &mut listeners[listener];
        if listener.stopped.is_some_and(|stopped| stopped < record.begun) {
            sim::fail(|| format!("nobody holds the listener that hears of job {number}"));
        }
        listener.heard += 1;
        let (Some(worker), Some((ended, _))) = (worker, record.returned) else { return };
        // What was to be tried again is ended by the dispatcher.
        if kind.is_by_its_worker() && !record.may_be_retried() {
            let last = listener.last.entry(worker).or_default();
            if *last > ended {
                sim::fail(|| {
                    format!("invariant 3: job {number} of worker {worker} comes too late")
                });
            }
            *last = ended;
        }
    }

    /// All that was to be said of these jobs has been said, to this listener too.
    pub(crate) fn must_have_heard(&self, listener: usize, jobs: &[u64]) {
        let books = self.books.borrow();
        let seen = &books.listeners[listener];
        let Some(since) = seen.since.filter(|_| !seen.left && seen.misses.is_none()) else {
            return;
        };
        let unheard = |number: &&u64| {
            books.jobs.get(number).is_some_and(|job| {
                !job.way.is_private() && job.begun > since && !job.heard.contains(&listener)
            })
        };
        let unheard: Vec<_> = jobs.iter().filter(unheard).collect();
        if self.has_guarantees() && !unheard.is_empty() {
            sim::fail(|| format!("invariant 4: listener {listener} has not heard of {unheard:?}"));
        }
    }

    /// A listener was told that the pool is quiescent.
    pub(crate) fn drained(&self, listener: usize, counts: &Counts) {
        let mut books = self.books.borrow_mut();
        books.tick();
        let Books { jobs, listeners, .. } = &mut *books;
        let listener = &mut listeners[listener];
        if counts.total() == 0 {
            sim::fail(|| "invariant 4: Drained, and nothing had ended".into());
        }
        listener.drained += 1;
        listener.counted += counts.total();
        if !listener.hears_results || listener.left {
            return;
        }
        let callers =
            jobs.values().filter(|job| job.pool == listener.pool && job.way.is_private()).count();
        // As many notices may wait as the window has room for; the next is told with them.
        let told = match listener.misses {
            None => true,
            Some(window) => listener.is_told_itself && listener.notices < window,
        };
        let missed = if listener.is_told_itself { listener.missed } else { 0 };
        let (heard, counted) = (listener.heard + missed, listener.counted);
        if heard > counted || told && heard + (callers as u64) < counted {
            sim::fail(|| {
                format!("invariant 4: Drained counts {counted} results, and {heard} came before")
            });
        }
    }

    /// A listener is told that it missed some.
    pub(crate) fn misses(&self, listener: usize, count: u64) {
        let mut books = self.books.borrow_mut();
        books.tick();
        if count == 0 {
            sim::fail(|| format!("listener {listener} missed nothing, and is told so"));
        }
        let listener = &mut books.listeners[listener];
        listener.missed += count;
        listener.notices += 1;
    }
}

impl Books {
    /// A listener is about to unsubscribe.
    pub(crate) fn note_leaving(&mut self, number: usize) {
        let now = self.tick();
        let listener = &mut self.listeners[number];
        if !std::mem::replace(&mut listener.left, true) {
            listener.left_between = Some((now, u64::MAX));
        }
    }

    /// It has.
    pub(crate) fn note_left(&mut self, number: usize) {
        let now = self.tick();
        if let Some((_, until)) = &mut self.listeners[number].left_between {
            *until = now;
        }
    }

    /// What those who may miss results have heard and missed are all results together.
    pub(super) fn check_misses(&self) {
        for (at, listener) in self.listeners.iter().enumerate() {
            let stayed = !listener.left || listener.left_between.is_some();
            let Some(since) = listener.since.filter(|_| stayed && listener.misses.is_some()) else {
                continue;
            };
            let (from, until) = listener.left_between.unwrap_or((u64::MAX, u64::MAX));
            let witness = self.has_listener(listener.pool, listener.asked);
            let first_heard = |job: &super::Record| job.first_heard;
            let least = self.which(listener.pool, |job| {
                job.begun > since && first_heard(job).is_some_and(|heard| heard < from)
            });
            let most = self.which(listener.pool, |job| {
                let came_before = first_heard(job).is_some_and(|heard| heard < listener.asked);
                let may_have_come = first_heard(job).is_some() || !witness;
                !job.way.is_private() && !came_before && may_have_come && job.begun < until
            });
            let sum = listener.heard + listener.missed;
            if sum < least.len() as u64 || sum > most.len() as u64 {
                sim::fail(|| {
                    let (least, most) = (least.len(), most.len());
                    format!("invariant 3: listener {at} heard or missed {sum} of {least} to {most}")
                });
            }
        }
    }
}
