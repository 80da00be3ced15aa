//! What waits for its time: jobs with a delay, and jobs that are to be tried again.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    time::Instant,
};

use super::backlog::Waits;

/// When something is due; and its number, since several may be due at once: they go in the order in
/// which they came.
type Due = (Instant, u64);

#[derive(Debug)]
pub(crate) struct Later<J: Waits> {
    jobs: BTreeMap<Due, J>,
    next: u64,
    /// When each is due. Made when it is first needed.
    index: Option<HashMap<J::Id, Due>>,
}

impl<J: Waits> Later<J> {
    pub(crate) fn new() -> Self {
        Self { jobs: BTreeMap::new(), next: 0, index: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(crate) fn push(&mut self, at: Instant, job: J) {
        let due = (at, self.next);
        self.next += 1;
        if let Some(index) = &mut self.index {
            index.insert(job.id(), due);
        }
        self.jobs.insert(due, job);
    }

    /// When the next is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.jobs.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<J> {
        if self.next_due()? > now {
            return None;
        }
        let (_, job) = self.jobs.pop_first()?;
        self.forget(&job);
        Some(job)
    }

    /// The last of all.
    pub(crate) fn pop_last(&mut self) -> Option<J> {
        let (_, job) = self.jobs.pop_last()?;
        self.forget(&job);
        Some(job)
    }

    /// All that are due at `limit` or later.
    pub(crate) fn take_from(&mut self, limit: Instant) -> Vec<J> {
        let jobs: Vec<_> = self.jobs.split_off(&(limit, 0)).into_values().collect();
        jobs.iter().for_each(|job| self.forget(job));
        jobs
    }

    pub(crate) fn take_all(&mut self) -> Vec<J> {
        self.index = None;
        mem::take(&mut self.jobs).into_values().collect()
    }

    pub(crate) fn remove(&mut self, id: J::Id) -> Option<J> {
        if self.jobs.is_empty() {
            return None;
        }
        let all = || self.jobs.iter().map(|(due, job)| (job.id(), *due)).collect();
        let due = self.index.get_or_insert_with(all).remove(&id)?;
        self.jobs.remove(&due)
    }

    fn forget(&mut self, job: &J) {
        if self.jobs.is_empty() {
            self.index = None;
        } else if let Some(index) = &mut self.index {
            index.remove(&job.id());
        }
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
        assert_eq!((later.remove(2), later.pop_last()), (None, Some(1)));
        assert_eq!(later.take_all(), [0]);
        assert!(later.index.is_none());
    }
}
