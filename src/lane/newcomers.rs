//! Readers that have come and are not served yet.

use std::mem;

use crate::sync::{AtomicBool, Mutex, Ordering, lock};

/// Where readers join at once, from any thread. The collector takes them in after it has emptied an
/// outbox and before it hands over what was in it: so a reader that came before a job was submitted
/// gets that job's result.
#[derive(Debug)]
pub(crate) struct Newcomers<S> {
    /// `None` once nobody is served any more.
    list: Mutex<Option<Vec<S>>>,
    /// Whether there are any, so that nobody takes the lock to find none.
    any: AtomicBool,
}

impl<S> Newcomers<S> {
    pub(crate) fn new() -> Self {
        Self { list: Mutex::new(Some(Vec::new())), any: AtomicBool::new(false) }
    }

    /// Joins; a newcomer that comes too late is dropped.
    pub(crate) fn join(&self, newcomer: S) {
        let mut list = lock(&self.list);
        match &mut *list {
            Some(list) => list.push(newcomer),
            None => {
                // What is dropped may be the user's, so not under the lock.
                drop(list);
                return drop(newcomer);
            }
        }
        self.any.store(true, Ordering::Release);
    }

    /// Those who have joined since.
    pub(crate) fn take(&self) -> Vec<S> {
        if !self.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut list = lock(&self.list);
        self.any.store(false, Ordering::Relaxed);
        list.as_mut().map(mem::take).unwrap_or_default()
    }

    /// From here on nobody is served.
    pub(crate) fn close(&self) {
        let list = lock(&self.list).take();
        drop(list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_joined_is_taken_once() {
        let newcomers = Newcomers::new();
        assert_eq!(newcomers.take(), [0; 0]);
        newcomers.join(1);
        newcomers.join(2);
        assert_eq!(newcomers.take(), [1, 2]);
        assert_eq!(newcomers.take(), [0; 0]);
    }

    #[test]
    fn nobody_joins_what_is_closed() {
        let newcomers = Newcomers::new();
        newcomers.join(1);
        newcomers.close();
        newcomers.join(2);
        assert_eq!(newcomers.take(), [0; 0]);
    }
}
