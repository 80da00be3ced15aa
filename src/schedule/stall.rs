//! Whether hand-out stands still because a subscriber handles nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{lane::Window, message::Stall};

/// A handler that takes this long for one message, while jobs wait beside an idle worker, is worth a
/// word: it may be waiting for the pool that waits for it.
const STALLED_AFTER: Duration = Duration::from_secs(1);

/// Watches the window that holds back the pool.
#[derive(Debug, Default)]
pub(crate) struct Vigil(Option<Still>);

#[derive(Debug)]
struct Still {
    window: Arc<Window>,
    /// What its reader had handled by then.
    done: u64,
    next_look: Instant,
    /// How often it was found as before.
    looks: u32,
}

/// What came of looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Nothing, or nothing new.
    Nothing,
    /// The pool stands still: see whether the reader is there at all.
    Still,
    /// So it has for [`STALLED_AFTER`], which is worth a word.
    Stalled,
}

impl Vigil {
    /// Takes in what is seen at `now`: the full window that keeps jobs waiting beside an idle worker.
    pub(crate) fn observe(&mut self, full: Option<Arc<Window>>, now: Instant) -> Finding {
        let Some(window) = full else {
            self.0 = None;
            return Finding::Nothing;
        };
        let done = window.done();
        match &mut self.0 {
            Some(still) if still.done == done && Arc::ptr_eq(&still.window, &window) => {
                if now < still.next_look {
                    return Finding::Nothing;
                }
                still.next_look = now + STALLED_AFTER;
                still.looks += 1;
                if still.looks == 1 { Finding::Stalled } else { Finding::Still }
            }
            _ => {
                self.0 = Some(Still { window, done, next_look: now + STALLED_AFTER, looks: 0 });
                Finding::Still
            }
        }
    }

    /// When to look again.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.0.as_ref().map(|still| still.next_look)
    }

    /// The stall that was found, in the pool of this name.
    pub(crate) fn stall(&self, pool: &str) -> Option<Stall> {
        let still = self.0.as_ref().filter(|still| still.looks > 0)?;
        Some(Stall { pool: pool.to_owned().into(), subscriber: still.window.reader().clone() })
    }

    /// Says so, where jobs are `queued`, and submissions wait `in_line` for room.
    pub(crate) fn report(&self, pool: &str, queued: usize, in_line: usize) {
        let Some(Stall { subscriber, .. }) = self.stall(pool) else { return };
        tracing::warn!(
            pool,
            subscriber = &*subscriber,
            queued,
            in_line,
            after = ?STALLED_AFTER,
            "a stall: the pool waits for the subscriber (or stream of results), whose window is full, and which \
             reads nothing; if it waits for this pool before it reads on, neither ever goes on: submit in \
             another task than the one that reads"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Arc<Window> {
        let window = Window::new("reader".into(), 1);
        window.fill(1);
        Arc::new(window)
    }

    #[test]
    fn a_stall_is_found_once_when_a_window_has_stood_still() {
        let (mut vigil, now, window) = (Vigil::default(), Instant::now(), full());
        let half = STALLED_AFTER / 2;
        assert_eq!(vigil.observe(Some(window.clone()), now), Finding::Still);
        assert_eq!(vigil.due(), Some(now + STALLED_AFTER));
        assert_eq!(vigil.observe(Some(window.clone()), now + half), Finding::Nothing);
        assert!(vigil.stall("pool").is_none());
        assert_eq!(vigil.observe(Some(window.clone()), now + 2 * half), Finding::Stalled);
        assert_eq!(vigil.observe(Some(window.clone()), now + 3 * half), Finding::Nothing);
        assert_eq!(vigil.stall("pool").unwrap().subscriber, "reader");
        assert_eq!(vigil.due(), Some(now + 2 * STALLED_AFTER), "its reader may go meanwhile");
        assert_eq!(vigil.observe(Some(window), now + 4 * half), Finding::Still);
    }

    #[test]
    fn room_ends_a_stall() {
        let (mut vigil, now, window) = (Vigil::default(), Instant::now(), full());
        vigil.observe(Some(window.clone()), now);
        vigil.observe(Some(window.clone()), now + STALLED_AFTER);
        assert_eq!(vigil.observe(None, now + STALLED_AFTER), Finding::Nothing);
        assert!(vigil.stall("pool").is_none());
        assert_eq!(vigil.due(), None);
    }

    #[test]
    fn a_reader_that_handled_something_in_between_does_not_stall() {
        let (mut vigil, now, window) = (Vigil::default(), Instant::now(), full());
        for second in 0..5 {
            let now = now + second * STALLED_AFTER;
            assert_eq!(vigil.observe(Some(window.clone()), now), Finding::Still);
            window.empty(1);
            window.fill(1);
        }
    }

    #[test]
    fn each_window_has_its_own_time() {
        let (mut vigil, now) = (Vigil::default(), Instant::now());
        assert_eq!(vigil.observe(Some(full()), now), Finding::Still);
        assert_eq!(vigil.observe(Some(full()), now + STALLED_AFTER), Finding::Still);
    }
}
