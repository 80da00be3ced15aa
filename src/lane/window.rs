//! Windows: how much a reader of results may have waiting, and what holds the pool back.
//!
//! The collector counts what it hands to a reader, the reader counts what it has read, and the
//! dispatcher hands out no job whose result would find a window full. When it stops for that, it
//! leaves a mark; whoever makes room and finds the mark rings it.

use std::sync::Arc;

use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, lock};

use super::Ring;

/// The room of one reader.
#[derive(Debug)]
pub(crate) struct Window {
    capacity: usize,
    used: AtomicUsize,
}

impl Window {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, used: AtomicUsize::new(0) }
    }

    /// The collector's side: one more result waits.
    pub(crate) fn fill(&self) {
        self.used.fetch_add(1, Ordering::AcqRel);
    }

    fn room(&self) -> usize {
        self.capacity.saturating_sub(self.used.load(Ordering::Acquire))
    }
}

/// All windows of a pool, and the mark of a dispatcher that waits for room.
#[derive(Debug)]
pub(crate) struct Holdback {
    windows: Mutex<Vec<Arc<Window>>>,
    /// How many there are, so that a pool without windows takes no lock.
    count: AtomicUsize,
    waiting: AtomicBool,
    /// Results of accepted jobs that have left the collector.
    forwarded: AtomicU64,
}

impl Holdback {
    pub(crate) fn new() -> Self {
        Self {
            windows: Mutex::new(Vec::new()),
            count: AtomicUsize::new(0),
            waiting: AtomicBool::new(false),
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

    /// The reader's side: it has read one result.
    pub(crate) fn read_one(&self, window: &Window) -> Option<Ring> {
        window.used.fetch_sub(1, Ordering::AcqRel);
        self.wake()
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

    fn room(&self, left_queue: u64) -> Option<usize> {
        let under_way = left_queue.saturating_sub(self.forwarded.load(Ordering::Acquire));
        let under_way = usize::try_from(under_way).unwrap_or(usize::MAX);
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

    #[test]
    fn without_windows_nothing_is_held_back() {
        assert_eq!(Holdback::new().allowance(1_000), None);
    }

    #[test]
    fn jobs_under_way_count_against_the_narrowest_window() {
        let holdback = Holdback::new();
        holdback.open(Arc::new(Window::new(10)));
        holdback.open(Arc::new(Window::new(4)));
        assert_eq!(holdback.allowance(0), Some(4));
        assert_eq!(holdback.allowance(3), Some(1));
        assert!(holdback.forwarded(2).is_none(), "nobody waits");
        assert_eq!(holdback.allowance(3), Some(3));
    }

    #[test]
    fn a_dispatcher_that_was_held_back_is_rung_once_when_room_is_made() {
        let holdback = Holdback::new();
        let window = Arc::new(Window::new(1));
        holdback.open(window.clone());
        window.fill();
        assert_eq!(holdback.allowance(0), Some(0));
        assert!(holdback.read_one(&window).is_some());
        assert!(holdback.close(&window).is_none());
        assert_eq!(holdback.allowance(0), None);
    }
}
