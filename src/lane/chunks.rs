//! A first-in, first-out queue in chunks: what can hold millions must not copy itself to grow.

use std::{collections::VecDeque, fmt, iter, mem};

use crate::sizes::CHUNK;

use super::{content::Content, waits::Batched};

#[cfg(test)]
#[path = "chunks_tests.rs"]
mod tests;

struct Chunk<J: Batched> {
    /// At least one, but in the first, and at most [`CHUNK`] but for those that were inserted, or came together.
    jobs: Content<J>,
    /// The least and the greatest of their ids, and perhaps of some that have left; `None` if nobody has looked
    /// for a job since the last came.
    ids: Option<(J::Id, J::Id)>,
}

impl<J: Batched> Chunk<J> {
    fn new(jobs: Content<J>) -> Self {
        Self { jobs, ids: None }
    }

    /// Where in it a job lies.
    fn position(&mut self, id: J::Id) -> Option<usize> {
        self.ids = self.ids.or_else(|| {
            let first = self.jobs.ids().next()?;
            Some(self.jobs.ids().fold((first, first), |(min, max), id| (min.min(id), max.max(id))))
        });
        let (min, max) = self.ids?;
        if id < min || id > max { None } else { self.jobs.ids().position(|other| other == id) }
    }
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

    #[cfg(test)]
    pub(crate) fn ids(&self) -> impl Iterator<Item = J::Id> {
        self.chunks.iter().flat_map(|chunk| chunk.jobs.ids())
    }

    /// How many chunks came as they are.
    #[cfg(test)]
    pub(crate) fn batches(&self) -> usize {
        self.chunks.iter().filter(|chunk| matches!(chunk.jobs, Content::Batch { .. })).count()
    }

    pub(crate) fn first_place(&self) -> Option<J::Place> {
        self.chunks.iter().find_map(|chunk| chunk.jobs.first_place())
    }

    pub(crate) fn last_place(&self) -> Option<J::Place> {
        self.chunks.back()?.jobs.last_place()
    }

    pub(crate) fn push_back(&mut self, job: J) {
        self.len += 1;
        let mut room = 0;
        if let Some(Chunk { jobs: Content::Each(jobs), ids }) = self.chunks.back_mut() {
            if jobs.len() < CHUNK {
                *ids = None;
                return jobs.push_back(job);
            }
            // Behind a full one comes another: to let it grow would be to copy it eight times.
            room = CHUNK;
        }
        let mut jobs = self.spares.pop().unwrap_or_else(|| VecDeque::with_capacity(room));
        jobs.push_back(job);
        self.chunks.push_back(Chunk::new(Content::Each(jobs.into())));
    }

    /// Puts jobs that came together at the end, as they came.
    pub(crate) fn push_batch(&mut self, batch: VecDeque<J::Bare>, common: J::Common) {
        if !batch.is_empty() {
            self.len += batch.len();
            let jobs = Content::Batch { bare: batch.into(), first: 0, common };
            self.chunks.push_back(Chunk::new(jobs));
        }
    }

    fn push_front(&mut self, job: J) {
        self.len += 1;
        if let Some(Chunk { jobs: Content::Each(jobs), ids }) = self.chunks.front_mut()
            && jobs.len() < CHUNK
        {
            *ids = None;
            return jobs.push_front(job);
        }
        let jobs = Content::Each(VecDeque::from_iter([job]).into());
        self.chunks.push_front(Chunk::new(jobs));
    }

    /// Gives back jobs to their places, which are in order: each goes before what was accepted after it.
    pub(crate) fn give_back(&mut self, jobs: VecDeque<J>) {
        // The youngest first: most go to the very front.
        jobs.into_iter().rev().for_each(|job| self.insert(job));
    }

    /// Inserts a job before the first whose place is not before its own, where they are in that order.
    fn insert(&mut self, job: J) {
        let own = job.place();
        let begins_before =
            |chunk: &Chunk<J>| chunk.jobs.first_place().is_none_or(|first| first < own);
        let Some(at) = self.chunks.partition_point(begins_before).checked_sub(1) else {
            return self.push_front(job);
        };
        self.len += 1;
        let Chunk { jobs, ids } = &mut self.chunks[at];
        let jobs = jobs.each();
        let at = jobs.partition_point(|other| other.place() < own);
        jobs.insert(at, job);
        *ids = None;
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

    /// Removes a job, wherever it is. This looks at the ids of all that came since somebody last looked for a
    /// job, and at those of the chunks that may hold it: of one or two, where ids rise.
    pub(crate) fn remove(&mut self, id: J::Id) -> Option<J> {
        let mut chunks = self.chunks.iter_mut().enumerate();
        let (at, within) = chunks.find_map(|(at, chunk)| Some((at, chunk.position(id)?)))?;
        let jobs = self.chunks[at].jobs.each();
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
            other.spares.extend(self.take_chunk(chunk));
        }
    }

    /// Puts a chunk's jobs at the end, and returns a buffer instead if there is one to spare. It is not for
    /// this to count them.
    fn take_chunk(&mut self, mut chunk: Chunk<J>) -> Option<VecDeque<J>> {
        let Content::Each(jobs) = &mut chunk.jobs else {
            if !chunk.jobs.is_empty() {
                self.chunks.push_back(chunk);
            }
            return None;
        };
        if jobs.is_empty() {
            return Some(mem::take(&mut *jobs));
        }
        match self.chunks.back_mut() {
            // Keeps chunks at least half full on average, however small the bursts are.
            Some(Chunk { jobs: Content::Each(last), ids }) if last.len() + jobs.len() <= CHUNK => {
                if last.len() < jobs.len() {
                    mem::swap(last, jobs);
                    iter::from_fn(|| jobs.pop_back()).for_each(|job| last.push_front(job));
                } else {
                    last.append(jobs);
                }
                *ids = None;
                Some(mem::take(&mut *jobs))
            }
            _ => {
                self.chunks.push_back(chunk);
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
            let Some(mut chunk) = self.chunks.pop_front() else { return };
            let all = chunk.jobs.len();
            if left < all {
                let oldest = chunk.jobs.divide(left, &mut into.spares);
                let ids = chunk.ids;
                self.chunks.push_front(mem::replace(&mut chunk, Chunk { jobs: oldest, ids }));
            }
            left -= all.min(left);
            self.spares.extend(into.take_chunk(chunk));
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
        jobs.into_iter().for_each(|job| self.push_back(job));
    }
}

impl<J: Batched> fmt::Debug for Chunks<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chunks").field(&self.len).finish()
    }
}
