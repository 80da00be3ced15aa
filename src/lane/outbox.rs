//! What a worker has finished and the collector has not fetched.
//!
//! While a worker has more to do, the collector looks by itself once in a while, and is rung only
//! when the outbox has grown long. The last result before a worker falls idle rings at once, so an
//! idle pool answers without delay and a busy one wakes the collector rarely.

use std::mem;

use crate::sizes::LONG_OUTBOX;

use super::{Bell, Put, Ring};

/// What results are gathered in.
pub(crate) trait Gather<R>: Default {
    /// Adds one behind the others. It is called under a lock.
    fn gather(&mut self, result: R);
}

impl<R> Gather<R> for Vec<R> {
    fn gather(&mut self, result: R) {
        self.push(result);
    }
}

/// The results of one worker, in a collection `O` of them. It lies behind the lock of the worker's lane: a
/// job leaves its seat and its result comes here in one step.
#[derive(Debug)]
pub(super) struct Outbox<O> {
    results: O,
    len: usize,
    /// How the collector stands.
    bell: Bell,
    /// The worker has another job at hand.
    more: bool,
    /// Nobody fetches anything any more.
    closed: bool,
}

/// What is to be done about a result that was put.
#[must_use]
#[derive(Debug)]
pub(crate) struct Handed {
    /// For the collector.
    pub(crate) ring: Option<Ring>,
    /// Nobody fetches it: what lies here is to be dropped.
    pub(crate) closed: bool,
}

impl<O: Default> Outbox<O> {
    pub(super) fn new() -> Self {
        Self { results: O::default(), len: 0, bell: Bell::Asleep, more: false, closed: false }
    }

    /// The worker's side: puts a result. `more` says that another job is at hand.
    #[inline(always)]
    pub(super) fn put<R>(&mut self, result: R, more: bool) -> Handed
    where
        O: Gather<R>,
    {
        self.results.gather(result);
        self.len += 1;
        self.more = more;
        let urgent = !more || self.len >= LONG_OUTBOX;
        let put = if urgent { Put::Urgent } else { Put::Patient };
        Handed { ring: self.bell.note(put), closed: self.closed }
    }

    /// The worker's side: no other job is at hand. What was to come next may have gone elsewhere, and
    /// then the results need not wait for it.
    pub(super) fn no_more(&mut self) -> Option<Ring> {
        let waited = mem::take(&mut self.more) && self.len > 0;
        self.bell.note(if waited { Put::Urgent } else { Put::Nothing })
    }

    /// The collector's side, at its end: what is here is to be dropped, and so is what comes later, which
    /// tells those who wait for it.
    pub(super) fn close(&mut self) -> O {
        self.closed = true;
        self.len = 0;
        mem::take(&mut self.results)
    }

    /// The collector's side: moves all results to `into`, which must be empty, and leaves its
    /// buffer to be filled. Returns whether the collector must look again by itself: the worker
    /// goes on and will not ring.
    pub(super) fn empty(&mut self, into: &mut O) -> bool {
        mem::swap(&mut self.results, into);
        let any = mem::take(&mut self.len) > 0;
        let watch = self.more && any;
        self.bell = if watch { Bell::Awake } else { Bell::Asleep };
        watch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rings(outbox: &mut Outbox<Vec<usize>>, result: usize, more: bool) -> bool {
        outbox.put(result, more).ring.is_some()
    }

    #[test]
    fn the_last_result_before_idleness_rings_although_the_collector_is_awake() {
        let mut outbox = Outbox::new();
        assert!(rings(&mut outbox, 1, true));
        assert!(outbox.empty(&mut Vec::new()), "the collector looks by itself");
        assert!(!rings(&mut outbox, 2, true));
        assert!(rings(&mut outbox, 3, false));
        assert!(!outbox.empty(&mut Vec::new()), "the worker will ring");
    }

    #[test]
    fn a_worker_whose_next_job_was_recalled_rings_after_all() {
        let mut outbox = Outbox::new();
        let _ = outbox.put(1, true);
        assert!(outbox.empty(&mut Vec::new()));
        let _ = outbox.put(2, true);
        assert!(outbox.no_more().is_some() && outbox.no_more().is_none());
    }

    #[test]
    fn what_is_put_into_a_closed_outbox_is_to_be_dropped() {
        let mut outbox = Outbox::<Vec<_>>::new();
        assert!(!outbox.put(1, true).closed);
        assert_eq!(outbox.close(), [1]);
        assert!(outbox.put(2, false).closed);
        assert_eq!(outbox.close(), [2]);
    }

    #[test]
    fn a_long_outbox_rings() {
        let mut outbox = Outbox::new();
        let _ = outbox.put(0, true);
        assert!(outbox.empty(&mut Vec::new()));
        let rings = (0..LONG_OUTBOX).filter(|&n| rings(&mut outbox, n, true)).count();
        assert_eq!(rings, 1);
    }

    #[test]
    fn an_outbox_that_stays_empty_is_no_longer_watched() {
        let mut outbox = Outbox::new();
        let _ = outbox.put(1, true);
        assert!(outbox.empty(&mut Vec::new()));
        assert!(!outbox.empty(&mut Vec::new()));
        assert!(rings(&mut outbox, 2, true), "so the next result rings");
    }
}
