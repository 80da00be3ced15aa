//! Jobs that share a key run one at a time, in the order of their acceptance.

use std::collections::BTreeSet;

use crate::lane::Waits;

use super::{Aside, Whom};

/// Which keys are held, and who waits for each.
pub(crate) struct Keys<J: Waits> {
    /// A key that is held is here, although nobody may wait for it.
    held: BTreeSet<u64>,
    /// By key, and for each in the order in which they came.
    waiting: Aside<(u64, u64), J>,
    next: u64,
}

impl<J: Waits> Keys<J> {
    pub(crate) fn new() -> Self {
        Self { held: BTreeSet::new(), waiting: Aside::new(), next: 0 }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// A job comes. If its key is free, the job holds it from now on; otherwise it is to [wait](Self::wait).
    pub(crate) fn claim(&mut self, key: u64) -> bool {
        self.held.insert(key)
    }

    /// Waits for a key that is held.
    pub(crate) fn wait(&mut self, key: u64, job: J) {
        self.waiting.insert((key, self.next), job);
        self.next += 1;
    }

    /// The job that held a key has ended. The next in line holds it from now on, and comes back.
    pub(crate) fn release(&mut self, key: u64) -> Option<J> {
        if !self.held.contains(&key) {
            return None;
        }
        let next = self.waiting.first((key, 0)..=(key, u64::MAX));
        if next.is_none() {
            self.held.remove(&key);
        }
        self.waiting.take(next?)
    }

    /// Removes one that waits.
    pub(crate) fn remove(&mut self, id: J::Id) -> Option<J> {
        self.waiting.remove(id)
    }

    /// When the oldest or the youngest of all that wait was accepted.
    pub(crate) fn edge(&mut self, whom: Whom) -> Option<J::Place> {
        self.waiting.edge(whom)
    }

    /// Removes the oldest or the youngest of all that wait.
    pub(crate) fn pop(&mut self, whom: Whom) -> Option<J> {
        self.waiting.pop(whom)
    }

    /// All that wait.
    pub(crate) fn take_all(&mut self) -> Vec<J> {
        self.waiting.take_all()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// What becomes of one that comes: whether it holds its key.
    fn admit(keys: &mut Keys<u32>, key: u64, job: u32) -> bool {
        let holds = keys.claim(key);
        if !holds {
            keys.wait(key, job);
        }
        holds
    }

    #[test]
    fn one_holds_a_key_and_the_others_follow_in_order() {
        let mut keys = Keys::new();
        assert!(admit(&mut keys, 7, 1) && admit(&mut keys, 8, 2));
        assert!(!admit(&mut keys, 7, 3) && !admit(&mut keys, 7, 4));
        assert_eq!((keys.len(), keys.release(8), keys.claim(8)), (2, None, true));
        assert_eq!([keys.release(7), keys.release(7), keys.release(7)], [Some(3), Some(4), None]);
        assert_eq!((keys.release(7), keys.len(), keys.held.len()), (None, 0, 1));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Admit(u64),
        Release(u64),
        Remove(u32),
        Pop(bool),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0..4_u64).prop_map(Step::Admit),
            3 => (0..4_u64).prop_map(Step::Release),
            1 => (0..60_u32).prop_map(Step::Remove),
            1 => any::<bool>().prop_map(Step::Pop),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        /// The model has the line of every key that is held.
        #[test]
        fn whoever_leaves_a_key_goes_to_the_next_that_came(
            steps in prop::collection::vec(step(), 120),
        ) {
            let (mut keys, mut model) = (Keys::new(), BTreeMap::<u64, Vec<u32>>::new());
            for (n, step) in (0..).zip(steps) {
                match step {
                    Step::Admit(key) => {
                        let line = model.get_mut(&key);
                        prop_assert_eq!(admit(&mut keys, key, n), line.is_none());
                        match line {
                            Some(line) => line.push(n),
                            None => _ = model.insert(key, Vec::new()),
                        }
                    }
                    Step::Release(key) => {
                        let line = model.remove(&key).unwrap_or_default();
                        prop_assert_eq!(keys.release(key), line.first().copied());
                        if let [_, others @ ..] = &line[..] {
                            model.insert(key, others.to_vec());
                        }
                    }
                    Step::Remove(id) => {
                        let waits = model.values().flatten().any(|job| *job == id);
                        prop_assert_eq!(keys.remove(id), waits.then_some(id));
                        model.values_mut().for_each(|line| line.retain(|job| *job != id));
                    }
                    Step::Pop(oldest) => {
                        let whom = if oldest { Whom::Oldest } else { Whom::Youngest };
                        let jobs = model.values().flatten().copied();
                        let edge = if oldest { jobs.min() } else { jobs.max() };
                        prop_assert_eq!((keys.edge(whom), keys.pop(whom)), (edge, edge));
                        model.values_mut().for_each(|line| line.retain(|job| Some(*job) != edge));
                    }
                }
                prop_assert_eq!(keys.len(), model.values().map(Vec::len).sum::<usize>());
                prop_assert!(keys.held.iter().eq(model.keys()));
            }
            prop_assert_eq!(keys.take_all(), model.into_values().flatten().collect::<Vec<_>>());
        }
    }
}
