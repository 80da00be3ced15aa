//! What was accepted, as it lies in the inbox.

use crate::{
    job::{Accepted, Batch, Entry, Jobs, Stamp, place_of},
    lane::Chunks,
    sizes::LEAST_BATCH,
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
        if batch.len() < LEAST_BATCH {
            return batch
                .into_iter()
                .for_each(|job| self.push(Accepted::new(Entry::new(job), queued)));
        }
        self.any_special |= batch.any_special();
        for jobs in batch.into_pieces() {
            let before = self.count;
            self.count += jobs.len() as u64;
            self.all.push_batch(jobs.into(), Batch { queued, before });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use crate::{job::Job, sizes::LARGEST_BATCH};

    use super::*;

    #[test]
    fn jobs_that_lie_together_are_what_they_would_be_each_for_itself() {
        for n in [0, 1, LEAST_BATCH - 1, LEAST_BATCH, 2_000, 5_000] {
            let keyed = |n| if n % 2_000 == 7 { Job::new(n).key(1) } else { Job::new(n) };
            let batch: Jobs<usize> = (0..n).map(keyed).collect();
            let ids: Vec<_> = batch.ids().collect();
            let mut incoming = Incoming::<usize, (), ()>::new();
            let one = || Accepted::new(Entry::new(Job::new(0)), Stamp::fixed());
            incoming.push(one());
            incoming.push_all(batch, Stamp::fixed().after_nanos(1));
            incoming.push(one());
            // So many are put into the inbox, under its lock.
            let pieces = if n < LEAST_BATCH { 0 } else { n.div_ceil(LARGEST_BATCH) };
            assert_eq!(incoming.all.batches(), pieces);
            let all: Vec<_> = iter::from_fn(|| incoming.all.pop_front()).collect();
            assert!(all.iter().map(|job| job.place).eq((1..).map(place_of).take(n + 2)));
            let batch = &all[1..=n];
            assert!(batch.iter().map(|job| job.entry.job.id()).eq(ids));
            assert!(batch.iter().enumerate().all(|(n, job)| *job.entry.job.payload() == n));
            assert!(batch.iter().all(|job| job.queued == Stamp::fixed().after_nanos(1)));
            assert_eq!(incoming.any_special, n > 7);
        }
    }
}
