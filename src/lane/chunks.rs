//! A first-in, first-out queue in chunks: what can hold millions must not copy itself to grow.

use std::{collections::VecDeque, fmt, iter, mem};

use crate::sizes::CHUNK;

use super::{content::Content, waits::Batched};

/// Names a chunk of one queue: they rise from its front to its back.
pub(crate) type ChunkNumber = i64;

struct Chunk<J: Batched> {
    number: ChunkNumber,
    /// At least one, but in the first, and at most [`CHUNK`] but for those that were inserted, or came together.
    jobs: Content<J>,
}

/// A queue whose growth never copies more than one chunk, and whose whole content moves to the end
/// of another in a step per chunk.
pub(crate) struct Chunks<J: Batched> {
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

impl<J: Batched> Chunks<J> {
    pub(crate) fn new() -> Self {
        Self { chunks: VecDeque::new(), len: 0, spares: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The ids of all jobs, and in which chunk each lies.
    pub(crate) fn ids(&self) -> impl Iterator<Item = (ChunkNumber, J::Id)> {
        self.chunks.iter().flat_map(|chunk| chunk.jobs.ids().map(|id| (chunk.number, id)))
    }

    pub(crate) fn first_place(&self) -> Option<J::Place> {
        self.chunks.iter().find_map(|chunk| chunk.jobs.first_place())
    }

    pub(crate) fn last_place(&self) -> Option<J::Place> {
        self.chunks.back()?.jobs.last_place()
    }

    /// Returns in which chunk the job lies now.
    pub(crate) fn push_back(&mut self, job: J) -> ChunkNumber {
        self.len += 1;
        let mut room = 0;
        if let Some(Chunk { number, jobs: Content::Each(jobs) }) = self.chunks.back_mut() {
            if jobs.len() < CHUNK {
                jobs.push_back(job);
                return *number;
            }
            // Behind a full one comes another: to let it grow would be to copy it eight times.
            room = CHUNK;
        }
        let mut jobs = self.spares.pop().unwrap_or_else(|| VecDeque::with_capacity(room));
        jobs.push_back(job);
        self.push_chunk(Content::Each(jobs.into()))
    }

    /// Puts jobs that came together at the end, as they came.
    pub(crate) fn push_batch(&mut self, batch: VecDeque<J::Bare>, common: J::Common) {
        if !batch.is_empty() {
            self.len += batch.len();
            self.push_chunk(Content::Batch { bare: batch.into(), first: 0, common });
        }
    }

    /// Returns in which chunk the job lies now.
    fn push_front(&mut self, job: J) -> ChunkNumber {
        self.len += 1;
        if let Some(Chunk { number, jobs: Content::Each(jobs) }) = self.chunks.front_mut()
            && jobs.len() < CHUNK
        {
            jobs.push_front(job);
            return *number;
        }
        let number = self.chunks.front().map_or(0, |chunk| chunk.number - 1);
        let jobs = Content::Each(VecDeque::from_iter([job]).into());
        self.chunks.push_front(Chunk { number, jobs });
        number
    }

    /// Inserts a job before the first whose place is not before its own, where they are in that order.
    /// Returns in which chunk it lies now.
    pub(crate) fn insert(&mut self, job: J) -> ChunkNumber {
        let own = job.place();
        let begins_before =
            |chunk: &Chunk<J>| chunk.jobs.first_place().is_none_or(|first| first < own);
        let Some(at) = self.chunks.partition_point(begins_before).checked_sub(1) else {
            return self.push_front(job);
        };
        self.len += 1;
        let Chunk { number, jobs } = &mut self.chunks[at];
        let jobs = jobs.each();
        let at = jobs.partition_point(|other| other.place() < own);
        jobs.insert(at, job);
        *number
    }

    fn push_chunk(&mut self, jobs: Content<J>) -> ChunkNumber {
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
        if let Some(Chunk { jobs: Content::Each(mut jobs), .. }) = self.chunks.pop_front() {
            self.spares.push(mem::take(&mut *jobs));
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
    pub(crate) fn remove(&mut self, number: ChunkNumber, id: J::Id) -> Option<J> {
        let at = self.chunks.binary_search_by_key(&number, |chunk| chunk.number).ok()?;
        let jobs = self.chunks[at].jobs.each();
        let within = jobs.iter().position(|job| job.id() == id)?;
        let job = jobs.remove(within);
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
    fn take_chunk(&mut self, jobs: Content<J>) -> Option<VecDeque<J>> {
        let mut jobs = match jobs {
            Content::Each(jobs) => jobs,
            batch => {
                if !batch.is_empty() {
                    self.push_chunk(batch);
                }
                return None;
            }
        };
        if jobs.is_empty() {
            return Some(mem::take(&mut *jobs));
        }
        match self.chunks.back_mut() {
            // Keeps chunks at least half full on average, however small the bursts are.
            Some(Chunk { jobs: Content::Each(last), .. }) if last.len() + jobs.len() <= CHUNK => {
                if last.len() < jobs.len() {
                    mem::swap(last, &mut jobs);
                    iter::from_fn(|| jobs.pop_back()).for_each(|job| last.push_front(job));
                } else {
                    last.append(&mut jobs);
                }
                Some(mem::take(&mut *jobs))
            }
            _ => {
                self.push_chunk(Content::Each(jobs));
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
            let Some(Chunk { number, mut jobs }) = self.chunks.pop_front() else { return };
            let all = jobs.len();
            if left < all {
                let oldest = jobs.divide(left, &mut into.spares);
                self.chunks.push_front(Chunk { number, jobs: mem::replace(&mut jobs, oldest) });
            }
            left -= all.min(left);
            self.spares.extend(into.take_chunk(jobs));
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
            let some = jobs.len().min(left);
            jobs.move_front(some, into);
            left -= some;
            if jobs.is_empty() {
                self.pop_chunk();
            }
        }
    }
}

impl<J: Batched> Default for Chunks<J> {
    fn default() -> Self {
        Self::new()
    }
}

impl<J: Batched> Extend<J> for Chunks<J> {
    fn extend<I: IntoIterator<Item = J>>(&mut self, jobs: I) {
        jobs.into_iter().for_each(|job| _ = self.push_back(job));
    }
}

impl<J: Batched> fmt::Debug for Chunks<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chunks").field(&self.len).finish()
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
        PushBatch(usize),
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
            1 => (0..2 * CHUNK).prop_map(Step::PushBatch),
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
        chunks.extend(0..1_000 * CHUNK as u32);
        let mut kept = Vec::new();
        while chunks.pop_front().is_some() {
            kept.push(chunks.spares.len());
            assert!(chunks.spares.len() <= 4 * chunks.chunks.len() + SPARES);
        }
        assert!(kept.iter().max() > Some(&500) && chunks.spares.len() == KEPT);
    }

    #[test]
    fn a_job_between_batches_takes_up_no_room_for_others() {
        let mut chunks = Chunks::new();
        for n in 0..9 {
            chunks.push_batch((0..100).collect(), n * 1_000);
            chunks.push_back(n * 1_000 + 100);
        }
        let rooms = chunks.chunks.iter().filter_map(|chunk| match &chunk.jobs {
            Content::Each(jobs) => Some(jobs.capacity()),
            Content::Batch { .. } => None,
        });
        assert!(rooms.clone().count() == 9 && rooms.max() < Some(10));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn chunks_are_a_queue(steps in prop::collection::vec(step(), 200)) {
            let (mut chunks, mut model) = (Chunks::new(), VecDeque::new());
            let (mut others, mut handed_over) = (Chunks::new(), VecDeque::new());
            // Spread out, so that others fit in between.
            let mut next = (0..).step_by(2 * CHUNK);
            for step in steps {
                match step {
                    Step::PushBack => {
                        let Some(job) = next.next() else { unreachable!() };
                        let _ = chunks.push_back(job);
                        model.push_back(job);
                    }
                    Step::PushBatch(n) => {
                        let Some(common) = next.next() else { unreachable!() };
                        chunks.push_batch((0..n).collect(), common);
                        model.extend((0..n as u32).map(|n| common + n));
                    }
                    Step::Insert(at) => {
                        let behind = model.get(at % model.len().max(1));
                        let job = behind.map_or(0, |job: &u32| job.saturating_sub(1));
                        chunks.insert(job);
                        model.insert(model.partition_point(|&other| other < job), job);
                    }
                    Step::Remove(at) => {
                        let found = chunks.ids().nth(at);
                        if let Some((number, job)) = found {
                            prop_assert_eq!(chunks.remove(number, job), Some(job));
                            model.remove(model.partition_point(|&other| other < job));
                        }
                    }
                    Step::PopFront => prop_assert_eq!(chunks.pop_front(), model.pop_front()),
                    Step::PopBack => prop_assert_eq!(chunks.pop_back(), model.pop_back()),
                    Step::Append(n) => {
                        let jobs: Vec<_> = next.by_ref().take(n).collect();
                        let mut more = Chunks::new();
                        // Its first chunk is empty, and another kind than the second.
                        let batch = jobs.len() % 2;
                        more.push_batch((0..batch).collect(), 0);
                        more.extend([0].into_iter().skip(batch));
                        more.pop_front();
                        match jobs.first() {
                            Some(&first) if batch == 0 => {
                                more.push_batch((0..jobs.len()).collect(), first);
                                model.extend((0..).map(|n| first + n).take(jobs.len()));
                            }
                            _ => {
                                more.extend(jobs.iter().copied());
                                model.extend(jobs);
                            }
                        }
                        chunks.append(&mut more);
                        prop_assert!(more.is_empty());
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
                        prop_assert!(others.ids().map(|(_, job)| job).eq(handed_over.iter().copied()));
                        prop_assert_eq!(others.len(), handed_over.len());
                    }
                    Step::TakeYoungest(n) => {
                        let youngest = model.split_off(model.len().saturating_sub(n));
                        prop_assert_eq!(chunks.take_youngest(n), youngest);
                    }
                }
                prop_assert_eq!(chunks.len(), model.len());
                let sizes = chunks.chunks.iter().map(|chunk| chunk.jobs.len());
                prop_assert!(sizes.skip(1).all(|len| len > 0));
                prop_assert_eq!(chunks.first_place(), model.front().copied());
                prop_assert_eq!(chunks.last_place(), model.back().copied());
                prop_assert!(chunks.chunks.iter().is_sorted_by_key(|chunk| chunk.number));
            }
        }
    }
}
