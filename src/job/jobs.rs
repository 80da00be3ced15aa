use std::{
    fmt,
    iter::{self, Chain, Flatten},
    mem, vec,
};

use crate::{
    panic::drop_each,
    sizes::{LARGEST_BATCH, LARGEST_BATCH_BYTES},
};

use super::{Accepted, Job, JobId};

/// Several jobs that are accepted together or not at all.
///
/// As an actix message to a [`Dispatcher`](crate::Dispatcher) it is answered by the ids, in the
/// order of the jobs. Jobs that were accepted together run dry together: the pool does not become
/// quiescent between two of them.
///
/// ```
/// # use actix_workpool::Jobs;
/// let jobs: Jobs<u64> = (0..10).collect();
/// assert_eq!(jobs.len(), Jobs::from(vec![0_u64; 10]).len());
/// ```
pub struct Jobs<T> {
    /// They lie as they are to lie in the queue, in pieces of [`PIECE`](Self::PIECE): who accepts them does so
    /// under a lock, and moves none.
    first: Vec<Job<T>>,
    /// Every piece but the last is full.
    more: Vec<Vec<Job<T>>>,
    /// Whether any has a delay or a key.
    any_special: bool,
}

impl<T> Jobs<T> {
    /// No more jobs lie together.
    const PIECE: usize = match LARGEST_BATCH_BYTES / size_of::<Job<T>>() {
        0 => 1,
        some if some < LARGEST_BATCH => some,
        _ => LARGEST_BATCH,
    };

    /// The ids, in order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = JobId> + '_ {
        let piece = |n: usize| n.checked_sub(1).map_or(&self.first, |n| &self.more[n]);
        (0..self.len()).map(move |n| piece(n / Self::PIECE)[n % Self::PIECE].id())
    }

    /// How many jobs these are.
    pub fn len(&self) -> usize {
        self.first.len() + self.more.iter().map(Vec::len).sum::<usize>()
    }

    /// Whether there is no job at all: an empty batch is accepted, and changes nothing.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The ids, piece by piece.
    pub(crate) fn receipt(&self) -> Vec<JobId> {
        let mut ids = Vec::with_capacity(self.len());
        let pieces = iter::once(&self.first).chain(&self.more);
        pieces.for_each(|piece| ids.extend(piece.iter().map(Job::id)));
        ids
    }

    pub(crate) fn any_special(&self) -> bool {
        self.any_special
    }

    pub(crate) fn into_pieces(mut self) -> impl Iterator<Item = Vec<Job<T>>> {
        iter::once(mem::take(&mut self.first)).chain(mem::take(&mut self.more))
    }

    fn take_all(&mut self) -> <Self as IntoIterator>::IntoIter {
        mem::take(&mut self.first)
            .into_iter()
            .chain(mem::take(&mut self.more).into_iter().flatten())
    }

    /// The next piece. Its buffer takes up no more than its jobs would each for itself.
    fn piece(jobs: impl Iterator<Item = Job<T>>) -> Vec<Job<T>> {
        let mut piece: Vec<_> = jobs.take(Self::PIECE).collect();
        let (bare, whole) = (size_of::<Job<T>>(), size_of::<Accepted<T, (), ()>>());
        if piece.capacity() * bare > piece.len() * whole {
            piece.shrink_to_fit();
        }
        piece
    }
}

impl<T, J: Into<Job<T>>> FromIterator<J> for Jobs<T> {
    fn from_iter<I: IntoIterator<Item = J>>(jobs: I) -> Self {
        let mut any_special = false;
        let mut jobs = jobs.into_iter().fuse().map(|job| {
            let mut job: Job<T> = job.into();
            job.begin_anew();
            any_special |= job.is_special();
            job
        });
        let first = Self::piece(&mut jobs);
        let next = || Some(Self::piece(&mut jobs)).filter(|piece| !piece.is_empty());
        let more = iter::from_fn(next).collect();
        Self { first, more, any_special }
    }
}

impl<T, J: Into<Job<T>>> From<Vec<J>> for Jobs<T> {
    fn from(jobs: Vec<J>) -> Self {
        jobs.into_iter().collect()
    }
}

impl<T> IntoIterator for Jobs<T> {
    type Item = Job<T>;
    type IntoIter = Chain<vec::IntoIter<Job<T>>, Flatten<vec::IntoIter<Vec<Job<T>>>>>;

    fn into_iter(mut self) -> Self::IntoIter {
        self.take_all()
    }
}

impl<T> Drop for Jobs<T> {
    /// One by one: two payloads whose drops panic would abort the process otherwise.
    fn drop(&mut self) {
        drop_each(self.take_all());
    }
}

impl<T> fmt::Debug for Jobs<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Jobs").field(&self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn pieces<T>(jobs: Jobs<T>) -> Vec<usize> {
        let ids = jobs.receipt();
        assert_eq!((ids.len(), ids.is_empty()), (jobs.len(), jobs.is_empty()));
        assert!(jobs.ids().eq(ids.iter().copied()));
        let pieces: Vec<_> = jobs.into_pieces().collect();
        assert!(pieces.iter().flatten().map(Job::id).eq(ids));
        pieces.iter().map(Vec::len).collect()
    }

    #[test]
    fn jobs_lie_in_pieces_that_are_no_larger_than_is_cheap_to_move() {
        let plain = |n| pieces::<usize>((0..n).collect());
        assert_eq!([plain(0), plain(LARGEST_BATCH)], [[0], [LARGEST_BATCH]]);
        assert_eq!(plain(2 * LARGEST_BATCH + 1), [LARGEST_BATCH, LARGEST_BATCH, 1]);
        let large: Jobs<[u8; 984]> = (0..200).map(|_| [0; 984]).collect();
        assert_eq!(pieces(large), [65, 65, 65, 5]);
        let larger: Jobs<[u8; LARGEST_BATCH_BYTES]> = (0..2).map(|_| [0; _]).collect();
        assert_eq!(pieces(larger), [1, 1]);
    }

    #[test]
    fn a_buffer_takes_up_no_more_than_its_jobs_would_each_for_itself() {
        let whole = size_of::<Accepted<u64, (), ()>>();
        for n in [1, 65, 600, 3_000] {
            // It doubles as they come.
            let jobs: Jobs<u64> = (0..n).filter(|_| true).collect();
            for piece in jobs.into_pieces() {
                assert!(piece.capacity() * size_of::<Job<u64>>() <= piece.len() * whole);
            }
        }
    }

    #[test]
    fn all_come_out_as_they_went_in_and_no_panic_of_a_drop_costs_another() {
        let all = || Jobs::<usize>::from_iter(0..3_000);
        assert!(all().into_iter().map(Job::into_payload).eq(0..3_000));
        /// Few of them fit a piece.
        #[repr(align(16_384))]
        struct Bomb<'a>(&'a Cell<u32>);
        impl Drop for Bomb<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
                panic!("a bomb");
            }
        }
        let dropped = Cell::new(0);
        drop(Jobs::from_iter((0..10).map(|_| Bomb(&dropped))));
        assert_eq!(dropped.get(), 10);
    }

    #[test]
    fn one_that_was_accepted_before_begins_anew() {
        let mut job = Job::new(1);
        job.options().attempts = 3;
        let jobs: Vec<Job<i32>> = Jobs::from_iter([job]).into_iter().collect();
        assert_eq!(jobs[0].attempts(), 0);
    }
}
