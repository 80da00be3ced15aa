//! Jobs that share a key run one at a time, in the order of their acceptance.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::{Backlog, Chunks, backlog::Waits};

/// Which keys are held, and who waits for each.
#[derive(Debug)]
pub(crate) struct Keys<J: Waits> {
    /// A key that is held is here, although nobody may wait for it.
    held: BTreeMap<u64, Backlog<J>>,
    len: usize,
    /// The key of each that waits. Made when it is first needed.
    index: Option<HashMap<J::Id, u64>>,
}

impl<J: Waits> Keys<J> {
    pub(crate) fn new() -> Self {
        Self { held: BTreeMap::new(), len: 0, index: None }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// A job comes. If its key is free, the job holds it from now on and comes back; otherwise it waits.
    pub(crate) fn admit(&mut self, key: u64, job: J) -> Option<J> {
        let Some(line) = self.held.get_mut(&key) else {
            self.held.insert(key, Backlog::new());
            return Some(job);
        };
        if let Some(index) = &mut self.index {
            index.insert(job.id(), key);
        }
        let mut incoming = Chunks::new();
        incoming.push_back(job);
        line.append(&mut incoming);
        self.len += 1;
        None
    }

    /// The job that held a key has ended. The next in line holds it from now on, and comes back.
    pub(crate) fn release(&mut self, key: u64) -> Option<J> {
        let line = self.held.get_mut(&key)?;
        let mut next = VecDeque::new();
        line.move_front(1, &mut next);
        let Some(job) = next.pop_front() else {
            self.held.remove(&key);
            return None;
        };
        self.forget(&job);
        Some(job)
    }

    /// Removes one that waits.
    pub(crate) fn remove(&mut self, id: J::Id) -> Option<J> {
        if self.len == 0 {
            return None;
        }
        let key = *self.index().get(&id)?;
        let job = self.held.get_mut(&key)?.remove(id)?;
        self.forget(&job);
        Some(job)
    }

    /// Removes the youngest of all that wait.
    pub(crate) fn pop(&mut self) -> Option<J> {
        let youngest = |line: &&mut Backlog<J>| line.back().map(J::place);
        let job = self.held.values_mut().max_by_key(youngest)?.pop_back()?;
        self.forget(&job);
        Some(job)
    }

    /// All that wait.
    pub(crate) fn take_all(&mut self) -> Vec<J> {
        (self.len, self.index) = (0, None);
        self.held.values_mut().flat_map(Backlog::take_all).collect()
    }

    fn index(&mut self) -> &HashMap<J::Id, u64> {
        let held = &self.held;
        self.index.get_or_insert_with(|| {
            let of_key = |(&key, line): (&u64, &Backlog<J>)| {
                line.ids().map(move |id| (id, key)).collect::<Vec<_>>()
            };
            held.iter().flat_map(of_key).collect()
        })
    }

    fn forget(&mut self, job: &J) {
        self.len -= 1;
        if self.len == 0 {
            self.index = None;
        } else if let Some(index) = &mut self.index {
            index.remove(&job.id());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_a_key_and_the_others_follow_in_order() {
        let mut keys = Keys::new();
        assert_eq!((keys.admit(7, 1), keys.admit(8, 2)), (Some(1), Some(2)));
        assert_eq!((keys.admit(7, 3), keys.admit(7, 4), keys.len()), (None, None, 2));
        assert_eq!((keys.release(8), keys.admit(8, 5)), (None, Some(5)));
        assert_eq!([keys.release(7), keys.release(7), keys.release(7)], [Some(3), Some(4), None]);
        assert_eq!((keys.release(7), keys.len(), keys.held.len()), (None, 0, 1));
    }

    #[test]
    fn one_that_waits_can_be_removed() {
        let mut keys = Keys::new();
        (0..4_u32).for_each(|n| _ = keys.admit(7, n));
        assert_eq!((keys.remove(0), keys.remove(2), keys.remove(2)), (None, Some(2), None));
        assert_eq!(keys.admit(7, 4), None);
        assert_eq!((keys.remove(4), keys.pop(), keys.len()), (Some(4), Some(3), 1));
        assert_eq!((keys.take_all(), keys.release(7)), (vec![1], None));
        assert_eq!(keys.admit(7, 5), Some(5));
    }
}
