//! When a batch of results is full, or old enough to go.

use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::panic::OneByOne;

use super::spares::Spares;

/// How large and how old a batch may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) max_len: usize,
    pub(crate) max_age: Duration,
}

impl Default for Bounds {
    /// Results go as they come: all that the collector found at once, in batches of 1,024 at most.
    fn default() -> Self {
        Self { max_len: 1_024, max_age: Duration::ZERO }
    }
}

/// Gathers what goes to one subscriber.
#[derive(Debug)]
pub(super) struct Batches<R> {
    bounds: Bounds,
    /// Buffers for the next ones.
    pub(super) spares: Arc<Spares<R>>,
    batch: OneByOne<Vec<R>>,
    /// When the oldest one came.
    since: Instant,
}

impl<R> Batches<R> {
    pub(super) fn new(bounds: Bounds, now: Instant) -> Self {
        Self { bounds, spares: Arc::new(Spares::new()), batch: Vec::new().into(), since: now }
    }

    /// Adds a result that comes at `now`; returns the batch if it is full.
    #[inline]
    pub(super) fn push(&mut self, result: R, now: Instant) -> Option<Vec<R>> {
        if self.batch.is_empty() {
            self.since = now;
            *self.batch = self.spares.take(0);
        }
        self.batch.push(result);
        if self.batch.len() >= self.bounds.max_len { self.flush() } else { None }
    }

    /// Adds results that come at `now`, as many as fit; returns the batch if it is full. If all fit, they
    /// are not moved one by one: their buffer becomes the batch.
    pub(super) fn take_from(&mut self, results: &mut Vec<R>, now: Instant) -> Option<Vec<R>> {
        if self.batch.is_empty() {
            self.since = now;
            if results.len() <= self.bounds.max_len {
                // The next may be as long, or half as long as this could have been.
                let next = results.len().max(results.capacity() / 2);
                *self.batch = mem::replace(results, self.spares.take(next));
            } else {
                *self.batch = self.spares.take(self.bounds.max_len);
            }
        }
        let room = self.bounds.max_len - self.batch.len();
        self.batch.extend(results.drain(..room.min(results.len())));
        if self.batch.len() >= self.bounds.max_len { self.flush() } else { None }
    }

    /// The batch, if there is one.
    pub(super) fn flush(&mut self) -> Option<Vec<R>> {
        (!self.batch.is_empty()).then(|| mem::take(&mut *self.batch))
    }

    /// The batch, if it is as old as it may get.
    pub(super) fn flush_old(&mut self, now: Instant) -> Option<Vec<R>> {
        if self.due().is_some_and(|due| due <= now) { self.flush() } else { None }
    }

    /// When the batch must go.
    pub(super) fn due(&self) -> Option<Instant> {
        // An age beyond what an `Instant` can say never comes.
        if self.batch.is_empty() { None } else { self.since.checked_add(self.bounds.max_age) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_millis(5);

    fn batches(max_len: usize) -> (Batches<u8>, Instant) {
        let now = Instant::now();
        (Batches::new(Bounds { max_len, max_age: AGE }, now), now)
    }

    #[test]
    fn a_full_batch_goes_at_once() {
        let (mut batches, now) = batches(2);
        assert_eq!(batches.push(1, now), None);
        assert_eq!(batches.push(2, now), Some(vec![1, 2]));
        assert_eq!(batches.due(), None);
    }

    #[test]
    fn a_batch_goes_when_its_oldest_result_is_old() {
        let (mut batches, now) = batches(9);
        batches.push(1, now);
        batches.push(2, now + AGE / 2);
        assert_eq!(batches.due(), Some(now + AGE));
        assert_eq!(batches.flush_old(now + AGE / 2), None);
        assert_eq!(batches.flush_old(now + AGE), Some(vec![1, 2]));
        assert_eq!(batches.flush_old(now + 2 * AGE), None);
    }

    #[test]
    fn an_age_without_end_is_never_due() {
        let now = Instant::now();
        let mut batches = Batches::new(Bounds { max_len: 9, max_age: Duration::MAX }, now);
        batches.push(1, now);
        assert_eq!(batches.flush_old(now + Duration::from_secs(1_000_000)), None);
        assert_eq!(batches.flush(), Some(vec![1]));
    }
}
