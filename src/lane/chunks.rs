//! A first-in, first-out queue in chunks: what can hold millions must not copy itself to grow.

use std::{collections::VecDeque, iter, mem};

use crate::panic::OneByOne;

/// Entries a chunk holds: enough that a chunk's own bookkeeping is below a bit per entry, few
/// enough that growing one copies no more than a page or two.
const CHUNK: usize = 512;

/// Names a chunk of one queue: they rise from its front to its back.
pub(crate) type ChunkNumber = i64;

#[derive(Debug)]
struct Chunk<J> {
    number: ChunkNumber,
    /// At least one, but in the first, and at most [`CHUNK`] but for those that were inserted.
    jobs: OneByOne<VecDeque<J>>,
}

/// A queue whose growth never copies more than one chunk, and whose whole content moves to the end
/// of another in a step per chunk.
#[derive(Debug)]
pub(crate) struct Chunks<J> {
    chunks: VecDeque<Chunk<J>>,
    len: usize,
    /// The buffers of chunks that were emptied, for the next. They are let go of all at once: an
    /// allocator may tidy up each time that so much comes back.
    spares: Vec<VecDeque<J>>,
}

/// How many spare buffers a queue keeps beyond four for each chunk that is in use, before it lets go of all
/// but some.
const SPARES: usize = 64;

/// How many it keeps while it is empty: as many as a burst may bring.
const KEPT: usize = 4;

impl<J> Chunks<J> {
    pub(crate) fn new() -> Self {
        Self { chunks: VecDeque::new(), len: 0, spares: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All jobs, and in which chunk each lies.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ChunkNumber, &J)> {
        self.chunks.iter().flat_map(|chunk| chunk.jobs.iter().map(|job| (chunk.number, job)))
    }

    /// Returns in which chunk the job lies now.
    pub(crate) fn push_back(&mut self, job: J) -> ChunkNumber {
        self.len += 1;
        if let Some(chunk) = self.chunks.back_mut()
            && chunk.jobs.len() < CHUNK
        {
            chunk.jobs.push_back(job);
            return chunk.number;
        }
        // Behind a full one comes another: to let it grow would be to copy it eight times.
        let room = if self.chunks.is_empty() { 0 } else { CHUNK };
        let mut jobs = self.spares.pop().unwrap_or_else(|| VecDeque::with_capacity(room));
        jobs.push_back(job);
        self.push_chunk(jobs.into())
    }

    /// Returns in which chunk the job lies now.
    pub(crate) fn push_front(&mut self, job: J) -> ChunkNumber {
        self.len += 1;
        if let Some(chunk) = self.chunks.front_mut()
            && chunk.jobs.len() < CHUNK
        {
            chunk.jobs.push_front(job);
            return chunk.number;
        }
        let number = self.chunks.front().map_or(0, |chunk| chunk.number - 1);
        self.chunks.push_front(Chunk { number, jobs: VecDeque::from_iter([job]).into() });
        number
    }

    /// Inserts a job before the first whose `place` is not before its own, where they are in that order.
    /// Returns in which chunk it lies now.
    pub(crate) fn insert<P: Ord>(&mut self, job: J, place: impl Fn(&J) -> P) -> ChunkNumber {
        let own = place(&job);
        let begins_before =
            |chunk: &Chunk<J>| chunk.jobs.front().is_none_or(|first| place(first) < own);
        let Some(at) = self.chunks.partition_point(begins_before).checked_sub(1) else {
            return self.push_front(job);
        };
        self.len += 1;
        let Chunk { number, jobs } = &mut self.chunks[at];
        let at = jobs.partition_point(|other| place(other) < own);
        jobs.insert(at, job);
        *number
    }

    pub(crate) fn front(&self) -> Option<&J> {
        self.chunks.iter().find_map(|chunk| chunk.jobs.front())
    }

    pub(crate) fn back(&self) -> Option<&J> {
        self.chunks.back()?.jobs.back()
    }

    fn push_chunk(&mut self, jobs: OneByOne<VecDeque<J>>) -> ChunkNumber {
        let number = self.chunks.back().map_or(0, |chunk| chunk.number + 1);
        self.chunks.push_back(Chunk { number, jobs });
        number
    }

    /// An emptied chunk is removed with the next call: what could unwind after a job was taken out would have
    /// it moved once more.
    #[inline(always)]
    pub(crate) fn pop_front(&mut self) -> Option<J> {
        loop {
            if let Some(job) = self.chunks.front_mut()?.jobs.pop_front() {
                self.len -= 1;
                return Some(job);
            }
            self.pop_chunk();
        }
    }

    /// Removes the first chunk, which is empty, and keeps its buffer.
    #[cold]
    fn pop_chunk(&mut self) {
        if let Some(mut chunk) = self.chunks.pop_front() {
            self.spares.push(mem::take(&mut *chunk.jobs));
        }
        self.limit_spares();
    }

    fn limit_spares(&mut self) {
        let used = self.chunks.len();
        if used == 0 || self.spares.len() > 4 * used + SPARES {
            self.spares.truncate(KEPT);
        }
    }

    pub(crate) fn pop_back(&mut self) -> Option<J> {
        let chunk = self.chunks.back_mut()?;
        let job = chunk.jobs.pop_back()?;
        if chunk.jobs.is_empty() {
            self.chunks.pop_back();
        }
        self.len -= 1;
        Some(job)
    }

    /// Removes a job from the chunk in which it lies.
    pub(crate) fn remove(&mut self, number: ChunkNumber, which: impl Fn(&J) -> bool) -> Option<J> {
        let at = self.chunks.binary_search_by_key(&number, |chunk| chunk.number).ok()?;
        let jobs = &mut self.chunks[at].jobs;
        let place = jobs.iter().position(which)?;
        let job = jobs.remove(place);
        if jobs.is_empty() {
            self.chunks.remove(at);
        }
        self.len -= 1;
        job
    }

    /// Moves all of `other` to the end of this queue, and gives it buffers to be filled instead.
    pub(crate) fn append(&mut self, other: &mut Self) {
        if other.is_empty() {
            return;
        }
        self.len += mem::take(&mut other.len);
        for chunk in other.chunks.drain(..) {
            other.spares.extend(self.take_chunk(chunk.jobs));
        }
    }

    /// Puts a chunk's jobs at the end, and returns a buffer instead if there is one to spare. It is not for
    /// this to count them.
    fn take_chunk(&mut self, mut jobs: OneByOne<VecDeque<J>>) -> Option<VecDeque<J>> {
        match self.chunks.back_mut() {
            // Keeps chunks at least half full on average, however small the bursts are.
            Some(last) if last.jobs.len() + jobs.len() <= CHUNK => {
                if last.jobs.len() < jobs.len() {
                    mem::swap(&mut last.jobs, &mut jobs);
                    iter::from_fn(|| jobs.pop_back()).for_each(|job| last.jobs.push_front(job));
                } else {
                    last.jobs.append(&mut jobs);
                }
                Some(mem::take(&mut *jobs))
            }
            _ => {
                self.push_chunk(jobs);
                self.spares.pop()
            }
        }
    }

    /// Moves the oldest `n` to the end of `into`: whole chunks as they are, and of one that is divided, the
    /// smaller part is copied.
    pub(crate) fn hand_over(&mut self, n: usize, into: &mut Self) {
        let mut left = n.min(self.len);
        self.len -= left;
        into.len += left;
        while left > 0 {
            let Some(Chunk { jobs, .. }) = self.chunks.front_mut() else { return };
            let all = jobs.len();
            let mut oldest = OneByOne::default();
            if left >= all {
                mem::swap(jobs, &mut oldest);
                self.chunks.pop_front();
            } else {
                *oldest = into.spares.pop().unwrap_or_default();
                if left > all / 2 {
                    oldest.extend(jobs.drain(left..));
                    mem::swap(jobs, &mut oldest);
                } else {
                    oldest.extend(jobs.drain(..left));
                }
            }
            left -= all.min(left);
            self.spares.extend(into.take_chunk(oldest));
        }
        self.limit_spares();
    }

    /// Takes the youngest `n`, in order.
    pub(crate) fn take_youngest(&mut self, n: usize) -> VecDeque<J> {
        let mut jobs: VecDeque<_> = iter::from_fn(|| self.pop_back()).take(n).collect();
        jobs.make_contiguous().reverse();
        jobs
    }

    pub(crate) fn take_all(&mut self) -> VecDeque<J> {
        let mut all = VecDeque::new();
        self.move_front(self.len, &mut all);
        all
    }

    /// Moves the oldest `n` to the end of `into`.
    pub(crate) fn move_front(&mut self, n: usize, into: &mut VecDeque<J>) {
        let mut left = n.min(self.len);
        self.len -= left;
        while left > 0 {
            let Some(Chunk { jobs, .. }) = self.chunks.front_mut() else { return };
            if jobs.len() <= left {
                left -= jobs.len();
                into.append(jobs);
                self.pop_chunk();
            } else {
                into.extend(jobs.drain(..left));
                left = 0;
            }
        }
    }
}

impl<J> Default for Chunks<J> {
    fn default() -> Self {
        Self::new()
    }
}

impl<J> Extend<J> for Chunks<J> {
    fn extend<I: IntoIterator<Item = J>>(&mut self, jobs: I) {
        jobs.into_iter().for_each(|job| _ = self.push_back(job));
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
        Insert(usize),
        Remove(usize),
        PopFront,
        PopBack,
        Append(usize),
        MoveFront(usize),
        HandOver(usize),
        TakeYoungest(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::PushBack),
            1 => (0..4 * CHUNK).prop_map(Step::Insert),
            1 => (0..4 * CHUNK).prop_map(Step::Remove),
            1 => Just(Step::PopFront),
            1 => Just(Step::PopBack),
            1 => (0..2 * CHUNK).prop_map(Step::Append),
            1 => (0..2 * CHUNK).prop_map(Step::MoveFront),
            1 => (0..2 * CHUNK).prop_map(Step::HandOver),
            1 => (0..CHUNK / 2).prop_map(Step::TakeYoungest),
        ]
    }

    #[test]
    fn a_queue_that_was_long_keeps_few_buffers() {
        let mut chunks = Chunks::new();
        chunks.extend(0..1_000 * CHUNK);
        let mut kept = Vec::new();
        while chunks.pop_front().is_some() {
            kept.push(chunks.spares.len());
            assert!(chunks.spares.len() <= 4 * chunks.chunks.len() + SPARES);
        }
        assert!(kept.iter().max() > Some(&500) && chunks.spares.len() == KEPT);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn chunks_are_a_queue(steps in prop::collection::vec(step(), 200)) {
            let (mut chunks, mut model) = (Chunks::new(), VecDeque::new());
            let (mut others, mut handed_over) = (Chunks::new(), VecDeque::new());
            let (mut next, mut inserted) = ((0..).step_by(10), 0);
            for step in steps {
                match step {
                    Step::PushBack => {
                        let Some(job) = next.next() else { unreachable!() };
                        let _ = chunks.push_back(job);
                        model.push_back(job);
                    }
                    Step::Insert(at) => {
                        let behind = model.get(at % model.len().max(1));
                        let job = behind.map_or(0, |job: &u64| job.saturating_sub(1));
                        chunks.insert(job, |&job| job);
                        model.insert(model.partition_point(|&other| other < job), job);
                        inserted += 1;
                    }
                    Step::Remove(at) => {
                        let found = chunks.iter().nth(at).map(|(number, &job)| (number, job));
                        if let Some((number, job)) = found {
                            prop_assert_eq!(chunks.remove(number, |&other| other == job), Some(job));
                            model.remove(model.partition_point(|&other| other < job));
                        }
                    }
                    Step::PopFront => prop_assert_eq!(chunks.pop_front(), model.pop_front()),
                    Step::PopBack => prop_assert_eq!(chunks.pop_back(), model.pop_back()),
                    Step::Append(n) => {
                        let jobs: Vec<_> = next.by_ref().take(n).collect();
                        let mut more = Chunks::new();
                        // Its first chunk is empty.
                        more.extend([0]);
                        more.pop_front();
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
                    Step::HandOver(n) => {
                        chunks.hand_over(n, &mut others);
                        handed_over.extend(model.drain(..n.min(model.len())));
                        prop_assert!(others.iter().map(|(_, job)| job).eq(&handed_over));
                        prop_assert_eq!(others.len(), handed_over.len());
                    }
                    Step::TakeYoungest(n) => {
                        let youngest = model.split_off(model.len().saturating_sub(n));
                        prop_assert_eq!(chunks.take_youngest(n), youngest);
                    }
                }
                prop_assert_eq!(chunks.len(), model.len());
                let sizes = chunks.chunks.iter().map(|chunk| chunk.jobs.len());
                let most = CHUNK + inserted;
                let fits = |(at, len): (_, _)| (usize::from(at > 0)..=most).contains(&len);
                prop_assert!(sizes.enumerate().all(fits));
                prop_assert_eq!(chunks.front(), model.front());
                prop_assert_eq!(chunks.back(), model.back());
                prop_assert!(chunks.chunks.iter().is_sorted_by_key(|chunk| chunk.number));
            }
        }
    }
}
