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
        match batch.in_one_piece() {
            Ok(jobs) => {
                let before = self.count;
                self.count += jobs.len() as u64;
                self.all.push_batch(jobs, Batch { queued, before });
            }
            Err(batch) => {
                batch.into_iter().for_each(|job| self.push(Accepted::new(Entry::new(job), queued)));
            }
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

    /// Whether they lie as they came. They are what they were in any case, each in its place.
    fn lie_as_they_came(jobs: impl Fn() -> Jobs<usize>) -> bool {
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
        jobs().in_one_piece().is_ok()
    }

    #[test]
    fn jobs_that_lie_as_they_came_are_what_they_would_be_each_for_itself() {
        let lie = |n| lie_as_they_came(|| (0..n).collect());
        assert_eq!([FEW - 1, FEW, MANY, MANY + 1].map(lie), [false, true, true, false]);
        // A buffer that grew as they came, and has just doubled.
        assert!(!lie_as_they_came(|| (0..=FEW).filter(|_| true).collect()));
        let special = |n| if n == FEW { Job::new(n).key(1) } else { Job::new(n) };
        assert!(!lie_as_they_came(|| (0..=FEW).map(special).collect()));
    }
}
