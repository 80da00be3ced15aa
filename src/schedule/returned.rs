//! Leases that came back from workers that did not get to them.

use std::{collections::VecDeque, mem};

use crate::{
    lane::{Batched, Chunks, Waits},
    panic::OneByOne,
};

/// In the order of acceptance. They have left the queue, and take up no room in it.
#[derive(Debug)]
pub(crate) struct Returned<J>(OneByOne<VecDeque<J>>);

impl<J: Batched> Returned<J> {
    pub(crate) fn new() -> Self {
        Self(VecDeque::new().into())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn put(&mut self, jobs: impl IntoIterator<Item = J>) {
        self.0.extend(jobs);
        self.0.make_contiguous().sort_by_key(Waits::place);
    }

    pub(crate) fn remove(&mut self, id: J::Id) -> Option<J> {
        let at = self.0.iter().position(|job| job.id() == id)?;
        self.0.remove(at)
    }

    pub(crate) fn take_all(&mut self) -> VecDeque<J> {
        mem::take(&mut *self.0)
    }

    /// The oldest `n` of these and of the `queue`, of which `most` may leave. Returns how many do.
    pub(crate) fn draw(
        &mut self,
        n: usize,
        queue: &mut Chunks<J>,
        most: usize,
        into: &mut Chunks<J>,
    ) -> usize {
        let (mut left, end) = (0, into.len() + n);
        while into.len() < end
            && let Some(first) = self.0.front()
        {
            let older = queue.first_place().is_some_and(|place| place < first.place());
            if older && left < most {
                queue.hand_over(1, into);
                left += 1;
            } else {
                into.extend(self.0.pop_front());
            }
        }
        let rest = (end - into.len()).min(most.min(queue.len() + left) - left);
        queue.hand_over(rest, into);
        left + rest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        /// The model is one sorted sequence.
        #[test]
        fn the_oldest_are_drawn_wherever_they_lie(
            wheres in prop::collection::vec(0..3_u8, 0..40),
            n in 0..50_usize,
        ) {
            let of = |which| {
                let at = wheres.iter().enumerate().filter(move |(_, at)| **at == which);
                at.map(|(job, _)| job as u32)
            };
            let (mut returned, mut queue) = (Returned::new(), Chunks::new());
            returned.put(of(0));
            returned.put(of(1));
            let mut incoming = Chunks::new();
            incoming.extend(of(2));
            queue.append(&mut incoming);
            let mut drawn = Chunks::new();
            let left = returned.draw(n, &mut queue, usize::MAX, &mut drawn);
            let all: Vec<_> = (0..wheres.len() as u32).take(n).collect();
            let drawn = drawn.take_all();
            prop_assert_eq!(&drawn, &all);
            prop_assert_eq!(left, of(2).filter(|job| drawn.contains(job)).count());
        }
    }

    #[test]
    fn the_queue_keeps_what_may_not_leave_it() {
        let (mut returned, mut queue) = (Returned::new(), Chunks::new());
        queue.give_back([1, 2, 7].into());
        returned.put([3, 5]);
        let mut drawn = Chunks::new();
        assert_eq!(returned.draw(9, &mut queue, 1, &mut drawn), 1);
        assert_eq!((drawn.take_all(), queue.len(), returned.len()), ([1, 3, 5].into(), 2, 0));
    }
}
