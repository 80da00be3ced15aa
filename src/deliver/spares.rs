//! Buffers of batches that came back, to be filled again.

use crate::{
    panic::drop_each,
    sync::{Mutex, lock},
};

/// No more are kept: as many as a few workers fill while a subscriber reads what has come meanwhile.
const MOST: usize = 16;

/// What batches were sent in lies here until others are gathered: a buffer this large goes back to the
/// system when it is freed, which clears its pages before it gives them out again.
#[derive(Debug)]
pub(super) struct Spares<R>(Mutex<Kept<R>>);

#[derive(Debug)]
struct Kept<R> {
    /// Nothing is in them.
    buffers: Vec<Vec<R>>,
    /// One was asked for since the pool was last dry.
    wanted: bool,
}

impl<R> Spares<R> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Kept { buffers: Vec::new(), wanted: false }))
    }

    /// An empty buffer with room for so many.
    pub(super) fn take(&self, len: usize) -> Vec<R> {
        let spare = {
            let mut kept = lock(&self.0);
            kept.wanted = true;
            kept.buffers.pop()
        };
        spare.filter(|spare| spare.capacity() >= len).unwrap_or_else(|| Vec::with_capacity(len))
    }

    /// Takes a buffer back. What is still in it is dropped, one by one: two whose drops panic would abort
    /// the process otherwise.
    pub(super) fn give_back(&self, mut buffer: Vec<R>) {
        drop_each(buffer.drain(..));
        if buffer.capacity() == 0 {
            return;
        }
        let mut kept = lock(&self.0);
        if kept.wanted && kept.buffers.len() < MOST {
            kept.buffers.push(buffer);
        }
    }

    /// Keeps none until one is asked for: the pool is dry.
    pub(super) fn clear(&self) {
        let mut kept = lock(&self.0);
        *kept = Kept { buffers: Vec::new(), wanted: false };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(spares: &Spares<u8>) -> usize {
        lock(&spares.0).buffers.len()
    }

    #[test]
    fn a_buffer_is_filled_again() {
        let spares = Spares::new();
        assert_eq!(spares.take(0).capacity(), 0);
        let buffer = vec![1, 2, 3];
        let at = buffer.as_ptr();
        spares.give_back(buffer);
        let again: Vec<u8> = spares.take(0);
        assert!(again.is_empty() && again.as_ptr() == at);
        spares.give_back(again);
        assert!(spares.take(100).capacity() >= 100);
    }

    #[test]
    fn a_pool_that_is_dry_keeps_no_buffers() {
        let spares = Spares::new();
        spares.take(0);
        spares.give_back(vec![1]);
        assert_eq!(kept(&spares), 1);
        spares.clear();
        spares.give_back(vec![1]);
        assert_eq!(kept(&spares), 0);
    }

    #[test]
    fn few_are_kept() {
        let spares = Spares::new();
        spares.take(0);
        (0..2 * MOST).for_each(|_| spares.give_back(vec![1]));
        spares.give_back(Vec::new());
        assert_eq!(kept(&spares), MOST);
    }
}
