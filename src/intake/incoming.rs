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
        sizes::{FEW, MANY},
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
        assert_eq!([plain(0), plain(FEW - 1)], [[], []]);
        assert_eq!([plain(FEW), plain(MANY)], [[FEW], [MANY]]);
        assert_eq!(plain(2 * MANY + 1), [MANY, MANY, 1]);
        let special = |n| if n == FEW { Job::new(n).key(1) } else { Job::new(n) };
        assert_eq!(pieces(|| (0..=FEW).map(special).collect()), []);
    }

    #[test]
    fn a_buffer_that_is_much_larger_than_need_be_is_not_kept() {
        // It doubled as they came.
        let jobs: Jobs<_> = (0..=FEW).filter(|_| true).collect();
        let taken = jobs.in_pieces(|piece| assert!(piece.capacity() < 2 * FEW));
        assert!(taken.is_ok());
    }
}
