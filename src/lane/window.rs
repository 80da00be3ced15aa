//! Windows: how much a reader of results may have waiting, and what holds the pool back.
//!
//! The collector counts what it hands to a reader, the reader counts what it is done with, and the
//! dispatcher hands out no job whose result would find a window full. When it stops for that, it
//! leaves a mark; whoever makes room and finds the mark rings it.

use std::{borrow::Cow, sync::Arc};

use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, lock};

use super::Ring;

/// The room of one reader.
#[derive(Debug)]
pub(crate) struct Window {
    reader: Cow<'static, str>,
    capacity: usize,
    /// Results that it was ever handed, and those of them that it is done with.
    filled: AtomicU64,
    done: AtomicU64,
}

impl Window {
    pub(crate) fn new(reader: Cow<'static, str>, capacity: usize) -> Self {
        Self { reader, capacity, filled: AtomicU64::new(0), done: AtomicU64::new(0) }
    }

    /// Who reads.
    pub(crate) fn reader(&self) -> &Cow<'static, str> {
        &self.reader
    }

    /// The collector's side: `n` more results wait.
    pub(crate) fn fill(&self, n: usize) {
        self.filled.fetch_add(n as u64, Ordering::AcqRel);
    }

    /// The reader's side: it is done with `n` results. Where the window can hold back the pool,
    /// that is for [`Holdback::done`] to say.
    pub(crate) fn empty(&self, n: usize) {
        self.done.fetch_add(n as u64, Ordering::AcqRel);
    }

    /// How many results the reader has ever been done with.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Acquire)
    }

    /// How many more results it has room for.
    pub(crate) fn room(&self) -> usize {
        // In this order, so that what happens in between makes the answer too small, never too large.
        let done = self.done();
        let waiting = self.filled.load(Ordering::Acquire).saturating_sub(done);
        self.capacity.saturating_sub(usize::try_from(waiting).unwrap_or(usize::MAX))
    }
}

/// All windows of a pool, and the mark of a dispatcher that waits for room.
#[derive(Debug)]
pub(crate) struct Holdback {
    windows: Mutex<Vec<Arc<Window>>>,
    /// How many there are, so that a pool without windows takes no lock.
    count: AtomicUsize,
    waiting: AtomicBool,
    /// A reader that had no room for a notice has some.
    untold: AtomicBool,
    /// Results of accepted jobs that have left the collector.
    forwarded: AtomicU64,
}

impl Holdback {
    pub(crate) fn new() -> Self {
        Self {
            windows: Mutex::new(Vec::new()),
            count: AtomicUsize::new(0),
            waiting: AtomicBool::new(false),
            untold: AtomicBool::new(false),
            forwarded: AtomicU64::new(0),
        }
    }

    /// The collector's side: a reader came.
    pub(crate) fn open(&self, window: Arc<Window>) {
        let mut windows = lock(&self.windows);
        windows.push(window);
        self.count.store(windows.len(), Ordering::Release);
    }

    /// The reader's side: it left, and holds nothing back any more.
    pub(crate) fn close(&self, window: &Arc<Window>) -> Option<Ring> {
        let mut windows = lock(&self.windows);
        windows.retain(|other| !Arc::ptr_eq(other, window));
        self.count.store(windows.len(), Ordering::Release);
        drop(windows);
        self.wake()
    }

    /// The reader's side: it is done with `n` results.
    pub(crate) fn done(&self, window: &Window, n: usize) -> Option<Ring> {
        window.empty(n);
        self.wake()
    }

    /// The reader's side: it has room for a notice that waits for that. The ring is for the dispatcher.
    pub(crate) fn can_be_told(&self) -> Ring {
        self.untold.store(true, Ordering::Release);
        Ring(())
    }

    /// The dispatcher's side: whether the collector is to tell readers what they missed.
    pub(crate) fn take_untold(&self) -> bool {
        self.untold.load(Ordering::Acquire) && self.untold.swap(false, Ordering::AcqRel)
    }

    /// The collector's side: `n` results of accepted jobs have left it, and are counted in their
    /// windows if they went to any.
    pub(crate) fn forwarded(&self, n: u64) -> Option<Ring> {
        self.forwarded.fetch_add(n, Ordering::AcqRel);
        self.wake()
    }

    /// The dispatcher's side: how many more jobs may be handed out, where `left_queue` have left
    /// the queue so far; `None` where nothing limits it. Where the answer is 0, it will be rung.
    pub(crate) fn allowance(&self, left_queue: u64) -> Option<usize> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let room = self.room(left_queue);
        if room != Some(0) {
            return room;
        }
        // The mark goes up before the second look: room that is made after that look finds it.
        // Both sides write the mark by an exchange, so that the later one sees what the earlier saw.
        self.waiting.swap(true, Ordering::AcqRel);
        self.room(left_queue)
    }

    /// The dispatcher's side: a window without room for one job more, where `left_queue` have left the
    /// queue so far, and whose reader has something to handle, if there is one.
    pub(crate) fn full(&self, left_queue: u64) -> Option<Arc<Window>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let under_way = self.under_way(left_queue);
        let full = |window: &&Arc<Window>| {
            let room = window.room();
            room < window.capacity && room <= under_way
        };
        lock(&self.windows).iter().find(full).cloned()
    }

    fn under_way(&self, left_queue: u64) -> usize {
        let under_way = left_queue.saturating_sub(self.forwarded.load(Ordering::Acquire));
        usize::try_from(under_way).unwrap_or(usize::MAX)
    }

    fn room(&self, left_queue: u64) -> Option<usize> {
        let under_way = self.under_way(left_queue);
        let windows = lock(&self.windows);
        windows.iter().map(|window| window.room().saturating_sub(under_way)).min()
    }

    fn wake(&self) -> Option<Ring> {
        self.waiting.swap(false, Ordering::AcqRel).then_some(Ring(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(capacity: usize) -> Arc<Window> {
        Arc::new(Window::new("reader".into(), capacity))
    }

    #[test]
    fn without_windows_nothing_is_held_back() {
        assert_eq!(Holdback::new().allowance(1_000), None);
        assert!(Holdback::new().full(0).is_none());
    }

    #[test]
    fn jobs_under_way_count_against_the_narrowest_window() {
        let holdback = Holdback::new();
        holdback.open(window(10));
        holdback.open(window(4));
        assert_eq!(holdback.allowance(0), Some(4));
        assert_eq!(holdback.allowance(3), Some(1));
        assert!(holdback.forwarded(2).is_none(), "nobody waits");
        assert_eq!(holdback.allowance(3), Some(3));
    }

    #[test]
    fn a_dispatcher_that_was_held_back_is_rung_once_when_room_is_made() {
        let holdback = Holdback::new();
        let window = window(1);
        holdback.open(window.clone());
        window.fill(1);
        assert_eq!(holdback.allowance(0), Some(0));
        assert!(holdback.done(&window, 1).is_some());
        assert!(holdback.close(&window).is_none());
        assert_eq!(holdback.allowance(0), None);
    }

    #[test]
    fn a_window_that_is_full_is_found_until_its_reader_is_done() {
        let holdback = Holdback::new();
        let (wide, narrow) = (window(3), window(2));
        holdback.open(wide.clone());
        holdback.open(narrow.clone());
        wide.fill(2);
        narrow.fill(2);
        assert!(holdback.full(0).is_some_and(|full| Arc::ptr_eq(&full, &narrow)));
        let _ = holdback.done(&narrow, 2);
        assert!(holdback.full(0).is_none());
        assert_eq!((narrow.done(), narrow.room(), wide.room()), (2, 2, 1));
    }

    #[test]
    fn a_window_that_is_filled_beyond_its_capacity_has_no_room_until_that_is_handled() {
        let window = window(1);
        window.fill(3);
        window.empty(2);
        assert_eq!(window.room(), 0);
        window.empty(1);
        assert_eq!(window.room(), 1);
    }
}
