//! What a worker has finished, sorted by the worker: the collector is one, and the workers are many.

use std::iter;

use crate::{lane::Gather, panic::OneByOne};

use super::{Address, Completion, Counts, Ended, JobResult, Waiter};

/// Results that wait to be fetched, each list in the order in which their jobs ended.
pub(crate) struct Finished<T, U, E> {
    pub(crate) counts: Counts,
    pub(crate) for_subscribers: OneByOne<Vec<JobResult<T, U, E>>>,
    pub(crate) for_callers: OneByOne<Vec<ForCaller<T, U, E>>>,
    /// Keys that their jobs held.
    pub(crate) freed: Vec<u64>,
}

/// A result, and who waits for this very one.
pub(crate) type ForCaller<T, U, E> = (Box<Waiter<T, U, E>>, JobResult<T, U, E>);

impl<T, U, E> Default for Finished<T, U, E> {
    fn default() -> Self {
        Self {
            counts: Counts::default(),
            for_subscribers: Vec::new().into(),
            for_callers: Vec::new().into(),
            freed: Vec::new(),
        }
    }
}

impl<T, U, E> Gather<Ended<T, U, E>> for Finished<T, U, E> {
    fn gather(&mut self, Ended { result, to }: Ended<T, U, E>) {
        self.counts.add(result.outcome());
        self.freed.extend(result.job().held_key());
        match to {
            Address::Subscribers => self.for_subscribers.push(result),
            Address::Waiter(waiter) => self.for_callers.push((waiter, result)),
        }
    }
}

impl<T, U, E> Gather<Completion<'_, T, U, E>> for Finished<T, U, E> {
    /// The result is made where it is to lie.
    #[inline(always)]
    fn gather(&mut self, done: Completion<'_, T, U, E>) {
        self.counts.add(done.outcome.as_ref());
        let held_key = done.job.held_key;
        let (to, result) = done.split();
        if let Some(key) = held_key {
            self.freed.push(key);
        }
        match to {
            Address::Subscribers => self.for_subscribers.extend(iter::once_with(result)),
            Address::Waiter(waiter) => self.for_callers.push((waiter, result())),
        }
    }
}
