//! The lane of results: what a worker has finished and the collector has not fetched.
//!
//! While a worker has more to do, the collector looks by itself once in a while, and is rung only
//! when the outbox has grown long. The last result before a worker falls idle rings at once, so an
//! idle pool answers without delay and a busy one wakes the collector rarely.

use std::mem;

use crate::panic::{OneByOne, drop_each};

use super::{Bell, Lane, Put, Ring};

/// Results at which the collector is rung although it will look by itself: a batch of this length
/// makes the cost of a wake-up (7 to 17 µs) small beside that of its results.
const LONG: usize = 1_024;

#[derive(Debug)]
struct Tray<R> {
    results: OneByOne<Vec<R>>,
    /// Results that were ever put.
    put: u64,
    /// The worker has another job at hand.
    more: bool,
    /// Nobody fetches anything any more.
    closed: bool,
}

/// The lane of results of one worker.
#[derive(Debug)]
pub(crate) struct Outbox<R> {
    lane: Lane<Tray<R>>,
}

impl<R> Outbox<R> {
    pub(crate) fn new() -> Self {
        Self {
            lane: Lane::new(Tray {
                results: Vec::new().into(),
                put: 0,
                more: false,
                closed: false,
            }),
        }
    }

    /// The worker's side: puts a result. `more` says that another job is at hand.
    pub(crate) fn put(&self, result: R, more: bool) -> Option<Ring> {
        let (unwanted, ring) = self.lane.put(|tray| {
            if tray.closed {
                return (Some(result), Put::Nothing);
            }
            tray.results.push(result);
            tray.put += 1;
            tray.more = more;
            let urgent = !more || tray.results.len() >= LONG;
            (None, if urgent { Put::Urgent } else { Put::Patient })
        });
        if unwanted.is_some() {
            drop_each(unwanted);
        }
        ring
    }

    /// Results that were ever put.
    pub(crate) fn put_ever(&self) -> u64 {
        self.lane.peek(|tray| tray.put)
    }

    /// The worker's side: no other job is at hand after all.
    pub(crate) fn no_more(&self) -> Option<Ring> {
        self.lane
            .put(|tray| {
                tray.more = false;
                ((), if tray.results.is_empty() { Put::Nothing } else { Put::Urgent })
            })
            .1
    }

    /// The collector's side, at its end: what is here and what comes later is dropped, which tells
    /// those who wait for it.
    pub(crate) fn close(&self) {
        let results = self.lane.peek(|tray| {
            tray.closed = true;
            mem::take(&mut tray.results)
        });
        drop(results);
    }

    /// The collector's side: moves all results to `into`, which must be empty, and leaves its
    /// buffer to be filled. Returns whether the collector must look again by itself: the worker
    /// goes on and will not ring.
    pub(crate) fn empty(&self, into: &mut Vec<R>) -> bool {
        debug_assert!(into.is_empty(), "results would be left in a buffer that is filled again");
        self.lane.take(|tray, _| {
            mem::swap(&mut *tray.results, into);
            let watch = tray.more && !into.is_empty();
            (watch, if watch { Bell::Awake } else { Bell::Asleep })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_result_before_idleness_rings_although_the_collector_is_awake() {
        let outbox = Outbox::new();
        assert!(outbox.put(1, true).is_some());
        assert!(outbox.empty(&mut Vec::new()), "the collector looks by itself");
        assert!(outbox.put(2, true).is_none());
        assert!(outbox.put(3, false).is_some());
        assert!(!outbox.empty(&mut Vec::new()), "the worker will ring");
    }

    #[test]
    fn a_worker_whose_next_job_was_recalled_rings_after_all() {
        let outbox = Outbox::new();
        let _ = outbox.put(1, true);
        assert!(outbox.empty(&mut Vec::new()));
        let _ = outbox.put(2, true);
        assert!(outbox.no_more().is_some());
    }

    #[test]
    fn what_is_put_into_a_closed_outbox_is_dropped() {
        let outbox = Outbox::new();
        let result = std::rc::Rc::new(1);
        let _ = outbox.put(result.clone(), true);
        outbox.close();
        assert!(outbox.put(result.clone(), false).is_none());
        assert_eq!(std::rc::Rc::strong_count(&result), 1);
    }

    #[test]
    fn a_long_outbox_rings() {
        let outbox = Outbox::new();
        let _ = outbox.put(0, true);
        assert!(outbox.empty(&mut Vec::new()));
        let rings = (0..LONG).filter(|&n| outbox.put(n, true).is_some()).count();
        assert_eq!(rings, 1);
    }

    #[test]
    fn an_outbox_that_stays_empty_is_no_longer_watched() {
        let outbox = Outbox::new();
        let _ = outbox.put(1, true);
        assert!(outbox.empty(&mut Vec::new()));
        assert!(!outbox.empty(&mut Vec::new()));
        assert!(outbox.put(2, true).is_some(), "so the next result rings");
    }
}
