use std::{collections::VecDeque, fmt, iter::FusedIterator, mem, slice, sync::Arc};

use crate::job::JobResult;

use super::spares::Spares;

/// A batch of results, in the order in which the collector fetched them.
///
/// Each can be kept without the others. When the batch is dropped, or has been iterated over, its buffer
/// serves for another.
pub struct Results<T, U, E> {
    results: Vec<JobResult<T, U, E>>,
    spares: Arc<Spares<JobResult<T, U, E>>>,
}

impl<T, U, E> Results<T, U, E> {
    /// The buffer goes back to those spares.
    pub(super) fn new(
        results: Vec<JobResult<T, U, E>>,
        spares: Arc<Spares<JobResult<T, U, E>>>,
    ) -> Self {
        Self { results, spares }
    }

    /// All that is here.
    pub(super) fn take(&mut self) -> Vec<JobResult<T, U, E>> {
        mem::take(&mut self.results)
    }

    /// How many results these are: at least one.
    pub fn len(&self) -> usize {
        self.results.len()
    }

    /// Whether there are none, which a subscriber never sees.
    pub fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// The results by reference.
    pub fn iter(&self) -> slice::Iter<'_, JobResult<T, U, E>> {
        self.results.iter()
    }
}

impl<T, U, E> Drop for Results<T, U, E> {
    /// One by one, in whatever mailbox they lie.
    fn drop(&mut self) {
        let results = self.take();
        self.spares.give_back(results);
    }
}

impl<'r, T, U, E> IntoIterator for &'r Results<T, U, E> {
    type Item = &'r JobResult<T, U, E>;
    type IntoIter = slice::Iter<'r, JobResult<T, U, E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T, U, E> IntoIterator for Results<T, U, E> {
    type Item = JobResult<T, U, E>;
    type IntoIter = ResultsIntoIter<T, U, E>;

    fn into_iter(mut self) -> Self::IntoIter {
        ResultsIntoIter { left: self.take().into(), spares: self.spares.clone() }
    }
}

impl<T, U, E> fmt::Debug for Results<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.results).finish()
    }
}

/// The results of a batch, by value.
pub struct ResultsIntoIter<T, U, E> {
    left: VecDeque<JobResult<T, U, E>>,
    spares: Arc<Spares<JobResult<T, U, E>>>,
}

impl<T, U, E> Iterator for ResultsIntoIter<T, U, E> {
    type Item = JobResult<T, U, E>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left.pop_front()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.len(), Some(self.left.len()))
    }
}

impl<T, U, E> DoubleEndedIterator for ResultsIntoIter<T, U, E> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.left.pop_back()
    }
}

impl<T, U, E> ExactSizeIterator for ResultsIntoIter<T, U, E> {}

impl<T, U, E> FusedIterator for ResultsIntoIter<T, U, E> {}

impl<T, U, E> Drop for ResultsIntoIter<T, U, E> {
    /// One by one, too.
    fn drop(&mut self) {
        self.spares.give_back(mem::take(&mut self.left).into());
    }
}

impl<T, U, E> fmt::Debug for ResultsIntoIter<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.left).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::atomic::{AtomicU32, Ordering},
        time::Instant,
    };

    use super::*;
    use crate::job::{End, Job, Stamp};

    /// A payload that counts its drop, and panics.
    struct Loud(u32, Arc<AtomicU32>);

    impl Drop for Loud {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
            panic!("a payload's drop panics");
        }
    }

    fn batch<T>(payloads: impl IntoIterator<Item = T>) -> Results<T, (), ()> {
        let end = || End::new(Ok(()), None, None, Stamp::of(Instant::now()));
        let results = payloads.into_iter().map(|payload| JobResult::new(Job::new(payload), end()));
        Results::new(results.collect(), Arc::new(Spares::new()))
    }

    fn loud(dropped: &Arc<AtomicU32>) -> Results<Loud, (), ()> {
        batch((0..4).map(|n| Loud(n, dropped.clone())))
    }

    #[test]
    fn a_batch_is_taken_from_either_end() {
        let mut results = batch(0..4).into_iter();
        let mut next = |back: bool| {
            let result = if back { results.next_back() } else { results.next() };
            result.map(|result| *result.job().payload())
        };
        assert_eq!([false, true, false].map(&mut next), [Some(0), Some(3), Some(1)]);
        assert_eq!([false, true].map(next), [Some(2), None]);
        assert_eq!(batch(0..4).into_iter().len(), 4);
    }

    #[test]
    fn what_is_left_of_a_batch_is_dropped_one_by_one() {
        let dropped = Arc::default();
        drop(loud(&dropped));
        assert_eq!(dropped.load(Ordering::Relaxed), 4);
        let mut results = loud(&dropped).into_iter();
        let first = results.next().unwrap();
        assert_eq!(first.job().payload().0, 0);
        drop(results);
        assert_eq!(dropped.load(Ordering::Relaxed), 7);
        assert!(catch_unwind(AssertUnwindSafe(|| drop(first))).is_err());
    }

    #[test]
    fn a_buffer_comes_back_however_its_batch_ends() {
        let spares = Arc::new(Spares::<JobResult<u8, (), ()>>::new());
        spares.take(0);
        for by_value in [false, true] {
            let results = Results::new(Vec::with_capacity(100), spares.clone());
            if by_value {
                results.into_iter().for_each(drop);
            } else {
                drop(results);
            }
            assert!(spares.take(0).capacity() >= 100);
        }
    }
}
