//! A first-in, first-out queue in chunks: what can hold millions must not copy itself to grow.

use std::collections::VecDeque;

/// Entries a chunk holds: enough that a chunk's own bookkeeping is below a bit per entry, few
/// enough that growing one copies no more than a page or two.
const CHUNK: usize = 512;

/// A queue whose growth never copies more than one chunk, and whose whole content moves to the end
/// of another in a step per chunk.
#[derive(Debug)]
pub(crate) struct Chunks<J> {
    /// No chunk is empty, and none holds more than [`CHUNK`].
    chunks: VecDeque<VecDeque<J>>,
    len: usize,
}

impl<J> Chunks<J> {
    pub(crate) fn new() -> Self {
        Self { chunks: VecDeque::new(), len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn push_back(&mut self, job: J) {
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push_back(job),
            _ => self.chunks.push_back(VecDeque::from_iter([job])),
        }
        self.len += 1;
    }

    pub(crate) fn pop_front(&mut self) -> Option<J> {
        let chunk = self.chunks.front_mut()?;
        let job = chunk.pop_front();
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        self.len -= 1;
        job
    }

    pub(crate) fn pop_back(&mut self) -> Option<J> {
        let chunk = self.chunks.back_mut()?;
        let job = chunk.pop_back();
        if chunk.is_empty() {
            self.chunks.pop_back();
        }
        self.len -= 1;
        job
    }

    /// Moves all of `other` to the end of this queue.
    pub(crate) fn append(&mut self, other: &mut Self) {
        self.len += std::mem::take(&mut other.len);
        for mut chunk in other.chunks.drain(..) {
            match self.chunks.back_mut() {
                // Keeps chunks at least half full on average, however small the bursts are.
                Some(last) if last.len() + chunk.len() <= CHUNK => last.append(&mut chunk),
                _ => self.chunks.push_back(chunk),
            }
        }
    }

    /// Moves the oldest `n` to the end of `into`.
    pub(crate) fn move_front(&mut self, n: usize, into: &mut VecDeque<J>) {
        let mut left = n.min(self.len);
        self.len -= left;
        while left > 0 {
            let Some(chunk) = self.chunks.front_mut() else { return };
            if chunk.len() <= left {
                left -= chunk.len();
                into.append(chunk);
                self.chunks.pop_front();
            } else {
                into.extend(chunk.drain(..left));
                left = 0;
            }
        }
    }
}

impl<J> Extend<J> for Chunks<J> {
    fn extend<I: IntoIterator<Item = J>>(&mut self, jobs: I) {
        jobs.into_iter().for_each(|job| self.push_back(job));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        PushBack,
        PopFront,
        PopBack,
        Append(usize),
        MoveFront(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::PushBack),
            1 => Just(Step::PopFront),
            1 => Just(Step::PopBack),
            1 => (0..2 * CHUNK).prop_map(Step::Append),
            1 => (0..2 * CHUNK).prop_map(Step::MoveFront),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn chunks_are_a_queue(steps in prop::collection::vec(step(), 200)) {
            let (mut chunks, mut model) = (Chunks::new(), VecDeque::new());
            let mut next = 0..;
            for step in steps {
                match step {
                    Step::PushBack => {
                        let job = next.next();
                        chunks.push_back(job);
                        model.push_back(job);
                    }
                    Step::PopFront => prop_assert_eq!(chunks.pop_front(), model.pop_front()),
                    Step::PopBack => prop_assert_eq!(chunks.pop_back(), model.pop_back()),
                    Step::Append(n) => {
                        let jobs: Vec<_> = next.by_ref().take(n).map(Some).collect();
                        let mut more = Chunks::new();
                        more.extend(jobs.iter().copied());
                        chunks.append(&mut more);
                        prop_assert!(more.is_empty());
                        model.extend(jobs);
                    }
                    Step::MoveFront(n) => {
                        let mut moved = VecDeque::new();
                        chunks.move_front(n, &mut moved);
                        let expected: VecDeque<_> = model.drain(..n.min(model.len())).collect();
                        prop_assert_eq!(moved, expected);
                    }
                }
                prop_assert_eq!(chunks.len(), model.len());
                prop_assert!(chunks.chunks.iter().all(|c| !c.is_empty() && c.len() <= CHUNK));
            }
        }
    }
}
