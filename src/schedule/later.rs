//! What waits for its time: jobs with a delay, and jobs that are to be tried again.

use std::time::Instant;

use crate::lane::Waits;

use super::{Aside, Whom};

/// When something is due; and its number, since several may be due at once: they go in the order in
/// which they came.
type Due = (Instant, u64);

pub(crate) struct Later<J: Waits> {
    jobs: Aside<Due, J>,
    next: u64,
}

impl<J: Waits> Later<J> {
    pub(crate) fn new() -> Self {
        Self { jobs: Aside::new(), next: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(crate) fn push(&mut self, at: Instant, job: J) {
        self.jobs.insert((at, self.next), job);
        self.next += 1;
    }

    /// When the next is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.jobs.first(..).map(|(at, _)| at)
    }

    /// The next that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<J> {
        let next = self.jobs.first(..=(now, u64::MAX))?;
        self.jobs.take(next)
    }

    /// When the oldest or the youngest of all was accepted.
    pub(crate) fn edge(&mut self, whom: Whom) -> Option<J::Place> {
        self.jobs.edge(whom)
    }

    /// Removes the oldest or the youngest of all.
    pub(crate) fn pop(&mut self, whom: Whom) -> Option<J> {
        self.jobs.pop(whom)
    }

    /// All that are due at `limit` or later.
    pub(crate) fn take_from(&mut self, limit: Instant) -> Vec<J> {
        self.jobs.take_from((limit, 0))
    }

    pub(crate) fn take_all(&mut self) -> Vec<J> {
        self.jobs.take_all()
    }

    pub(crate) fn remove(&mut self, id: J::Id) -> Option<J> {
        self.jobs.remove(id)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn jobs_are_due_in_the_order_of_their_times_and_of_their_coming() {
        let (mut later, now) = (Later::new(), Instant::now());
        for (seconds, job) in [(2, 20), (1, 10), (2, 21), (3, 30)] {
            later.push(now + seconds * SECOND, job);
        }
        assert_eq!((later.next_due(), later.pop_due(now)), (Some(now + SECOND), None));
        let due: Vec<_> = std::iter::from_fn(|| later.pop_due(now + 2 * SECOND)).collect();
        assert_eq!((due, later.len()), (vec![10, 20, 21], 1));
    }

    #[test]
    fn one_can_be_removed_and_those_that_are_due_too_late_taken() {
        let (mut later, now) = (Later::new(), Instant::now());
        (0..5_u32).for_each(|n| later.push(now + n * SECOND, n));
        assert_eq!((later.remove(3), later.remove(3), later.remove(9)), (Some(3), None, None));
        later.push(now + 9 * SECOND, 9);
        assert_eq!(later.remove(9), Some(9));
        assert_eq!(later.take_from(now + 2 * SECOND), [2, 4]);
        assert_eq!((later.remove(2), later.take_all()), (None, vec![0, 1]));
    }

    #[test]
    fn the_oldest_and_the_youngest_go_by_their_acceptance_whenever_they_are_due() {
        let (mut later, now) = (Later::new(), Instant::now());
        (0..4_u32).for_each(|n| later.push(now + (4 - n) * SECOND, n));
        assert_eq!((later.edge(Whom::Oldest), later.edge(Whom::Youngest)), (Some(0), Some(3)));
        assert_eq!((later.pop(Whom::Oldest), later.pop(Whom::Youngest)), (Some(0), Some(3)));
        assert_eq!(later.take_all(), [2, 1]);
    }
}
