//! What waits outside the queue: it leaves in the order of its spots, or of its acceptance.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    ops::RangeBounds,
};

use crate::{lane::Waits, panic::OneByOne};

use super::Whom;

/// Jobs, each at its own spot. The indices are made when they are first needed, and forgotten when
/// nobody waits.
pub(crate) struct Aside<S: Ord, J: Waits> {
    jobs: OneByOne<BTreeMap<S, J>>,
    by_id: Option<HashMap<J::Id, S>>,
    by_age: Option<BTreeMap<Age<J>, S>>,
}

/// Where one belongs in the order of acceptance, and its id, since several may share a place.
type Age<J> = (<J as Waits>::Place, <J as Waits>::Id);

fn age<J: Waits>(job: &J) -> Age<J> {
    (job.place(), job.id())
}

impl<S: Copy + Ord, J: Waits> Aside<S, J> {
    pub(crate) fn new() -> Self {
        Self { jobs: BTreeMap::new().into(), by_id: None, by_age: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Nobody is at this spot.
    pub(crate) fn insert(&mut self, spot: S, job: J) {
        if let Some(index) = &mut self.by_id {
            index.insert(job.id(), spot);
        }
        if let Some(index) = &mut self.by_age {
            index.insert(age(&job), spot);
        }
        self.jobs.insert(spot, job);
    }

    /// The first spot of these at which there is one.
    pub(crate) fn first(&self, of: impl RangeBounds<S>) -> Option<S> {
        self.jobs.range(of).next().map(|(spot, _)| *spot)
    }

    pub(crate) fn take(&mut self, spot: S) -> Option<J> {
        let job = self.jobs.remove(&spot)?;
        self.forget(&job);
        Some(job)
    }

    pub(crate) fn remove(&mut self, id: J::Id) -> Option<J> {
        if self.jobs.is_empty() {
            return None;
        }
        let all = || self.jobs.iter().map(|(spot, job)| (job.id(), *spot)).collect();
        let spot = *self.by_id.get_or_insert_with(all).get(&id)?;
        self.take(spot)
    }

    /// When the oldest or the youngest was accepted.
    pub(crate) fn edge(&mut self, whom: Whom) -> Option<J::Place> {
        self.at_edge(whom).map(|((place, _), _)| place)
    }

    /// Removes the oldest or the youngest.
    pub(crate) fn pop(&mut self, whom: Whom) -> Option<J> {
        let (_, spot) = self.at_edge(whom)?;
        self.take(spot)
    }

    /// All from this spot on.
    pub(crate) fn take_from(&mut self, spot: S) -> Vec<J> {
        let jobs: Vec<_> = self.jobs.split_off(&spot).into_values().collect();
        jobs.iter().for_each(|job| self.forget(job));
        jobs
    }

    pub(crate) fn take_all(&mut self) -> Vec<J> {
        (self.by_id, self.by_age) = (None, None);
        mem::take(&mut *self.jobs).into_values().collect()
    }

    fn at_edge(&mut self, whom: Whom) -> Option<(Age<J>, S)> {
        if self.jobs.is_empty() {
            return None;
        }
        let all = || self.jobs.iter().map(|(spot, job)| (age(job), *spot)).collect();
        let index = self.by_age.get_or_insert_with(all);
        let edge = match whom {
            Whom::Oldest => index.first_key_value(),
            Whom::Youngest => index.last_key_value(),
        };
        edge.map(|(age, spot)| (*age, *spot))
    }

    fn forget(&mut self, job: &J) {
        if self.jobs.is_empty() {
            (self.by_id, self.by_age) = (None, None);
            return;
        }
        if let Some(index) = &mut self.by_id {
            index.remove(&job.id());
        }
        if let Some(index) = &mut self.by_age {
            index.remove(&age(job));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u8),
        Take(u8),
        TakeFrom(u8),
        Remove(prop::sample::Index),
        Pop(bool),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            20 => any::<u8>().prop_map(Step::Insert),
            4 => any::<u8>().prop_map(Step::Take),
            1 => any::<u8>().prop_map(Step::TakeFrom),
            4 => any::<prop::sample::Index>().prop_map(Step::Remove),
            4 => any::<bool>().prop_map(Step::Pop),
        ]
    }

    type Model = BTreeMap<(u8, u32), u32>;

    fn take(model: &mut Model, which: impl Fn(u32) -> bool) -> Option<u32> {
        let spot = *model.iter().find(|(_, job)| which(**job))?.0;
        model.remove(&spot)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        /// A job's number is its id and its place, whatever its spot.
        #[test]
        fn each_leaves_once_by_its_spot_its_id_or_its_age(
            steps in prop::collection::vec(step(), 100),
        ) {
            let (mut aside, mut model, mut next) = (Aside::new(), Model::new(), 0_u32);
            for step in steps {
                match step {
                    Step::Insert(spot) => {
                        aside.insert((spot, next), next);
                        model.insert((spot, next), next);
                        next += 1;
                    }
                    Step::Take(spot) => {
                        let first = model.range((spot, 0)..).next().map(|(spot, _)| *spot);
                        prop_assert_eq!(aside.first((spot, 0)..), first);
                        let job = first.map(|spot| (aside.take(spot), model.remove(&spot)));
                        prop_assert!(job.is_none_or(|(one, other)| one == other));
                    }
                    Step::TakeFrom(spot) => {
                        let taken = Vec::from_iter(model.split_off(&(spot, 0)).into_values());
                        prop_assert_eq!(aside.take_from((spot, 0)), taken);
                    }
                    Step::Remove(at) => {
                        let id = u32::try_from(at.index(next as usize + 1)).unwrap();
                        prop_assert_eq!(aside.remove(id), take(&mut model, |job| job == id));
                    }
                    Step::Pop(oldest) => {
                        let whom = if oldest { Whom::Oldest } else { Whom::Youngest };
                        let jobs = model.values().copied();
                        let edge = if oldest { jobs.min() } else { jobs.max() };
                        prop_assert_eq!(aside.edge(whom), edge);
                        prop_assert_eq!(aside.pop(whom), take(&mut model, |job| Some(job) == edge));
                    }
                }
                prop_assert_eq!(aside.len(), model.len());
            }
            prop_assert_eq!(aside.take_all(), Vec::from_iter(model.into_values()));
            prop_assert!(aside.by_id.is_none() && aside.by_age.is_none());
        }
    }

    #[test]
    fn without_a_need_there_are_no_indices() {
        let mut aside = Aside::new();
        assert_eq!((aside.remove(1), aside.edge(Whom::Oldest)), (None, None));
        (0..4_u32).for_each(|n| aside.insert(n, n));
        assert_eq!((aside.take(0), aside.first(..)), (Some(0), Some(1)));
        assert!(aside.by_id.is_none() && aside.by_age.is_none());
        assert_eq!((aside.remove(1), aside.pop(Whom::Youngest)), (Some(1), Some(3)));
        assert!(aside.by_id.is_some() && aside.by_age.is_some());
        assert_eq!(aside.take(2), Some(2));
        assert!(aside.by_id.is_none() && aside.by_age.is_none());
    }
}
