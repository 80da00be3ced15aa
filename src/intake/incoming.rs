//! What was accepted, as it lies in the inbox.

use crate::{
    job::{Accepted, Batch, Entry, Jobs, Stamp, place_of},
    lane::Chunks,
};

/// Jobs that were accepted and not taken in, in order.
pub(crate) struct Incoming<T, U, E> {
    pub(super) all: Chunks<Accepted<T, U, E>>,
    pub(super) any_special: bool,
    /// How many there have ever been.
    count: u64,
}

impl<T, U, E> Incoming<T, U, E> {
    pub(super) fn new() -> Self {
        Self { all: Chunks::new(), any_special: false, count: 0 }
    }

    pub(super) fn push(&mut self, mut job: Accepted<T, U, E>) {
        job.entry.job.begin_anew();
        self.count += 1;
        job.place = place_of(self.count);
        self.any_special |= job.entry.job.is_special();
        self.all.push_back(job);
    }

    pub(super) fn push_all(&mut self, batch: Jobs<T>, queued: Stamp) {
        let each = batch.in_pieces(|jobs| {
            let before = self.count;
            self.count += jobs.len() as u64;
            self.all.push_batch(jobs, Batch { queued, before });
        });
        if let Err(batch) = each {
            batch.into_iter().for_each(|job| self.push(Accepted::new(Entry::new(job), queued)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use crate::{
        job::Job,
        sizes::{LARGEST_BATCH, LEAST_BATCH},
    };

    use super::*;

    /// Takes in jobs that are made twice. Returns in what pieces they lie, or nothing if each lies for itself.
    fn pieces(jobs: impl Fn() -> Jobs<usize>) -> Vec<usize> {
        let batch = jobs();
        let ids: Vec<_> = batch.ids().collect();
        let mut incoming = Incoming::<usize, (), ()>::new();
        let one = || Accepted::new(Entry::new(Job::new(0)), Stamp::fixed());
        incoming.push(one());
        incoming.push_all(batch, Stamp::fixed().after_nanos(1));
        incoming.push(one());
        let all: Vec<_> = iter::from_fn(|| incoming.all.pop_front()).collect();
        assert!(all.iter().map(|job| job.place).eq((1..).map(place_of).take(ids.len() + 2)));
        let batch = &all[1..=ids.len()];
        assert!(batch.iter().map(|job| job.entry.job.id()).eq(ids));
        assert!(batch.iter().enumerate().all(|(n, job)| *job.entry.job.payload() == n));
        assert!(batch.iter().all(|job| job.queued == Stamp::fixed().after_nanos(1)));
        let mut pieces = Vec::new();
        let _ = jobs().in_pieces(|piece| pieces.push(piece.len()));
        pieces
    }

    #[test]
    fn jobs_that_lie_together_are_what_they_would_be_each_for_itself() {
        let plain = |n| pieces(|| (0..n).collect());
        assert_eq!([plain(0), plain(LEAST_BATCH - 1)], [[], []]);
        assert_eq!([plain(LEAST_BATCH), plain(LARGEST_BATCH)], [[LEAST_BATCH], [LARGEST_BATCH]]);
        assert_eq!(plain(2 * LARGEST_BATCH + 1), [LARGEST_BATCH, LARGEST_BATCH, 1]);
        let special = |n| if n == LEAST_BATCH { Job::new(n).key(1) } else { Job::new(n) };
        assert_eq!(pieces(|| (0..=LEAST_BATCH).map(special).collect()), []);
    }

    #[test]
    fn pieces_are_no_larger_than_is_cheap_to_move() {
        let jobs: Jobs<[u8; 984]> = (0..200).map(|_| [0; 984]).collect();
        let mut pieces = Vec::new();
        assert!(jobs.in_pieces(|piece| pieces.push(piece.len())).is_ok());
        assert_eq!(pieces, [65, 65, 65, 5]);
        let larger: Jobs<[u8; 1_024]> = (0..200).map(|_| [0; 1_024]).collect();
        assert!(larger.in_pieces(|_| unreachable!("it holds too few")).is_err());
    }

    #[test]
    fn a_buffer_that_takes_up_more_than_its_jobs_each_for_itself_is_not_kept() {
        // It doubled as they came.
        let jobs: Jobs<_> = (0..=LEAST_BATCH).filter(|_| true).map(|_| [0_u8; 100]).collect();
        let taken = jobs.in_pieces(|piece| assert!(piece.capacity() < 2 * LEAST_BATCH));
        assert!(taken.is_ok());
    }
}
