//! What must hold whenever no thread can go on, and nothing happens soon by the real time.

use std::time::Instant;

use crate::sim;

use super::{
    books::{Books, Ledger, Listener, PoolBook},
    record::{Verdict, Way},
};

impl Ledger {
    /// `later` says that something happens by the pool's time.
    pub(crate) fn check_stillness(&self, later: bool) {
        if self.has_guarantees() {
            let mut books = self.books.borrow_mut();
            books.note_stops();
            (0..books.pools.len()).for_each(|pool| books.check_pool(pool, later));
        }
    }

    /// Where nothing happens by the real time at all.
    pub(crate) fn check_deadlines(&self, now: Instant) {
        if self.has_guarantees() {
            let mut books = self.books.borrow_mut();
            books.pools.iter_mut().for_each(|pool| pool.check_deadline(now));
        }
    }
}

impl PoolBook {
    fn check_deadline(&mut self, now: Instant) {
        // What it was told it has heard by now.
        let deadlines = self.time_left.drain(..).map(|left| now + left).chain(self.deadline);
        self.deadline = deadlines.min();
        if self.report.is_none() && self.deadline.is_some_and(|deadline| deadline < now) {
            sim::fail(|| "invariant 9: the deadline is over, and the pool is not".into());
        }
    }
}

impl Books {
    fn check_pool(&self, number: usize, later: bool) {
        let pool = &self.pools[number];
        self.check_results(number);
        if pool.paused || pool.ending || self.unread > 0 {
            return;
        }
        if self.streams > 0 && self.jobs.values().any(|job| job.pool == number && job.runs()) {
            return;
        }
        self.check_seats(number, later);
        let in_line = |job: &&super::Record| {
            job.pool == number && job.in_line > 0 && !job.left && job.verdict == Verdict::Unknown
        };
        let longest = self.jobs.values().filter(in_line).map(|job| job.in_line).max();
        if let (Some(jobs), Some(capacity)) = (longest, pool.capacity)
            && self.which(number, super::Record::may_wait).len() + jobs <= capacity
        {
            sim::fail(|| format!("invariant 6: {jobs} wait in line, with room for them"));
        }
    }

    /// As many seats are there as there are to be, and none is idle while a job waits.
    fn check_seats(&self, number: usize, later: bool) {
        let mut waiting =
            self.which(number, |job| job.waits() && self.is_observed(number, job.begun));
        waiting.retain(|&job| self.is_startable(job, later));
        let pool = &self.pools[number];
        let idle: Vec<_> = self.idle_seats(pool, number);
        if let (Some((thread, _)), [_, ..]) = (idle.first(), &waiting[..]) {
            sim::fail(|| format!("invariant 6: {waiting:?} wait, and thread {thread} is idle"));
        }
        let idle: usize = idle.iter().map(|(_, seats)| seats).sum();
        let alive = self.which(number, |job| job.runs() && !job.may_be_left_behind()).len();
        let (least, most) = (pool.sizes.least(), pool.sizes.most());
        if idle > 0 && idle + alive > most {
            sim::fail(|| format!("invariant 2: {idle} seats are idle, {alive} run, of {most}"));
        }
        let running = self.which(number, super::Record::runs).len();
        let blocked = |thread: &usize| !pool.blocking && sim::thread(*thread).is_blocked();
        let hears = !later && !pool.processors.keys().any(blocked);
        if hears && idle + running < least && !waiting.is_empty() {
            sim::fail(|| format!("invariant 6: {waiting:?} wait, {running} run, of {least}"));
        }
    }

    /// The threads with seats that run nothing, where nothing blocks them, and how many those are.
    fn idle_seats(&self, pool: &PoolBook, number: usize) -> Vec<(usize, usize)> {
        let idle = |(&thread, &processors): (&usize, &usize)| {
            let on_it = |job: &super::Record| job.start.is_some_and(|s| s.thread == thread);
            let running = self.which(number, |job| job.runs() && on_it(job)).len();
            let seen = sim::thread(thread);
            let idle = seen.accepts() && !seen.is_blocked() && running < processors;
            idle.then(|| (thread, processors - running))
        };
        pool.processors.iter().filter_map(idle).collect()
    }

    /// Whether someone hears at once how a job ends that was submitted then.
    fn is_observed(&self, pool: usize, begun: u64) -> bool {
        let hears = |listener: &Listener| {
            listener.pool == pool
                && listener.hears_results
                && !listener.patient
                && !listener.left
                && listener.misses.is_none()
                && listener.since.is_some_and(|since| since < begun)
        };
        self.listeners.iter().any(hears)
    }

    /// Whatever has ended has been handed over.
    fn check_results(&self, pool: usize) {
        for (number, job) in self.jobs.iter().filter(|(_, job)| job.pool == pool) {
            let is_due = match job.way {
                Way::Caller => !job.left,
                Way::Stream => false,
                Way::Subscribers | Way::Message => self.is_observed(pool, job.begun),
            };
            let has_ended = job.returned.is_some() && !job.may_be_retried();
            if has_ended && job.kind.is_none() && is_due {
                sim::fail(|| format!("invariant 6: the result of job {number} is held up"));
            }
        }
    }
}
