//! What must hold at the end of a run.

use crate::sim::{self, World};

use super::{
    Kind,
    books::{Books, Ledger},
    record::{Verdict, Way},
};

impl Ledger {
    pub(crate) fn check_end(&self, _: &World) {
        if self.has_guarantees() {
            let books = self.books.borrow();
            books.check_fates();
            books.check_listeners();
            books.check_misses();
            (0..books.pools.len()).for_each(|pool| {
                books.check_order(pool);
                books.check_report(pool);
                books.check_drained(pool);
            });
        }
    }
}

impl Books {
    fn check_fates(&self) {
        for (number, job) in &self.jobs {
            let has_end = job.kind.is_some() || job.left;
            let is_heard = job.way.is_private() || self.has_listener(job.pool, job.begun);
            if job.verdict == Verdict::Accepted && is_heard && !has_end {
                sim::fail(|| format!("invariant 1: job {number} was accepted, and has no result"));
            }
            let may_vanish = self.pools[job.pool].shut_at.is_some_and(|at| at < job.begun);
            if job.way == Way::Message && !may_vanish && is_heard && !has_end {
                sim::fail(|| format!("invariant 1: job {number} was sent, and has no result"));
            }
        }
    }

    pub(super) fn has_listener(&self, pool: usize, begun: u64) -> bool {
        let hears = |listener: &super::books::Listener| {
            listener.pool == pool
                && listener.hears_results
                && !listener.left
                && listener.misses.is_none()
                && listener.since.is_some_and(|since| since < begun)
        };
        self.listeners.iter().any(hears)
    }

    /// Everyone who stayed heard of everything that was submitted after they came.
    fn check_listeners(&self) {
        for (at, listener) in self.listeners.iter().enumerate() {
            let is_told = listener.hears_results && !listener.left && listener.misses.is_none();
            let Some(since) = listener.since.filter(|_| is_told) else {
                continue;
            };
            let missed = self.which(listener.pool, |job| {
                !job.way.is_private()
                    && job.kind.is_some()
                    && job.begun > since
                    && !job.heard.contains(&at)
            });
            if !missed.is_empty() {
                sim::fail(|| format!("invariant 3: listener {at} never heard of {missed:?}"));
            }
        }
    }

    /// One seat starts jobs in the order in which they had their places, and any number those of a key.
    fn check_order(&self, pool: usize) {
        let single = self.pools[pool].single && !self.pools[pool].sizes.has_changed();
        let started = || self.jobs.iter().filter(|(_, job)| job.pool == pool);
        for (first, a) in started() {
            for (second, b) in started() {
                let in_order = a.placed.is_some_and(|placed| placed < b.begun);
                let is_late = a.first.zip(b.first).is_some_and(|(a, b)| a > b);
                let of_key = a.terms.key == b.terms.key && (single || a.terms.key.is_some());
                let delayed = a.terms.delay.or(b.terms.delay).is_some();
                if in_order && of_key && !delayed && is_late {
                    sim::fail(|| format!("invariant 8: job {second} starts before {first}"));
                }
            }
        }
    }

    fn check_report(&self, pool: usize) {
        let Some((total, abandoned)) = &self.pools[pool].report else { return };
        let is_certain =
            |job: &super::Record| job.verdict != Verdict::Unknown || job.kind.is_some();
        if self.which(pool, |job| !is_certain(job)).is_empty() {
            let counted = self.which(pool, |job| {
                job.verdict == Verdict::Accepted
                    || job.kind.is_some_and(|kind| kind != Kind::Rejected)
                    || job.kind == Some(Kind::Rejected) && job.way == Way::Message
            });
            if *total != counted.len() as u64 {
                let expected = counted.len();
                sim::fail(|| format!("invariant 1: {total} jobs are reported, not {expected}"));
            }
        }
        let known = self.which(pool, |job| job.kind == Some(Kind::Abandoned));
        let mut known: Vec<_> = known.iter().map(|number| self.jobs[number].id).collect();
        let mut named = abandoned.clone();
        known.sort_unstable();
        named.sort_unstable();
        let unheard = self.jobs.values().any(|job| job.pool == pool && job.kind.is_none());
        if !unheard && named != known {
            sim::fail(|| format!("invariant 9: {named:?} are named as abandoned, not {known:?}"));
        }
    }

    /// A drain that resolves as the pool ends leaves behind, running or about to begin, only what was
    /// abandoned, or what timed out over its head.
    fn check_drained(&self, pool: usize) {
        let Some((_, abandoned)) = &self.pools[pool].report else { return };
        let left_behind = |job: &super::Record| {
            abandoned.contains(&job.id) || job.terms.blocks && job.terms.timeout.is_some()
        };
        let runs = |job: &super::Record| job.drained_at_the_end.is_some_and(|at| job.ran_after(at));
        if let [number, ..] = self.which(pool, |job| runs(job) && !left_behind(job))[..] {
            sim::fail(|| format!("invariant 4: job {number} runs after a drain"));
        }
    }
}
