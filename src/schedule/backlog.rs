//! The queue of jobs that have been accepted and not handed out.

use std::{
    collections::{HashMap, VecDeque},
    mem,
};

use crate::lane::{Batched, ChunkNumber, Chunks};

use super::Whom;

/// A first-in, first-out queue. Jobs that had been handed out can be given back to their places, and
/// one in the middle can be removed: the index for that is made when it is first needed, and is
/// forgotten when the queue is empty.
#[derive(Debug)]
pub(crate) struct Backlog<J: Batched> {
    jobs: Chunks<J>,
    /// In which chunk each job lies.
    index: Option<HashMap<J::Id, ChunkNumber>>,
}

impl<J: Batched> Backlog<J> {
    pub(crate) fn new() -> Self {
        Self { jobs: Chunks::new(), index: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Moves all of `incoming` to the end.
    pub(crate) fn append(&mut self, incoming: &mut Chunks<J>) {
        let Some(index) = &mut self.index else { return self.jobs.append(incoming) };
        while let Some(job) = incoming.pop_front() {
            let id = job.id();
            index.insert(id, self.jobs.push_back(job));
        }
    }

    /// Moves the first `n` of `incoming` to the end.
    pub(crate) fn append_some(&mut self, incoming: &mut Chunks<J>, n: usize) {
        let mut some = Chunks::new();
        some.extend(std::iter::from_fn(|| incoming.pop_front()).take(n));
        self.append(&mut some);
    }

    /// The place of the oldest or the youngest.
    pub(crate) fn edge(&self, whom: Whom) -> Option<J::Place> {
        match whom {
            Whom::Oldest => self.jobs.first_place(),
            Whom::Youngest => self.jobs.last_place(),
        }
    }

    /// Removes the oldest or the youngest.
    pub(crate) fn pop(&mut self, whom: Whom) -> Option<J> {
        let job = match whom {
            Whom::Oldest => self.jobs.pop_front(),
            Whom::Youngest => self.jobs.pop_back(),
        }?;
        self.forget([&job]);
        Some(job)
    }

    /// Moves the oldest `n` to the end of `into`.
    pub(crate) fn move_front(&mut self, n: usize, into: &mut VecDeque<J>) {
        let before = into.len();
        self.jobs.move_front(n, into);
        self.forget(into.range(before..));
    }

    /// Moves the oldest `n` to the end of a lane.
    pub(crate) fn hand_over(&mut self, n: usize, lane: &mut Chunks<J>) {
        if let Some(index) = &mut self.index {
            self.jobs.ids().take(n).for_each(|(_, id)| _ = index.remove(&id));
        }
        self.jobs.hand_over(n, lane);
        self.forget([]);
    }

    pub(crate) fn take_all(&mut self) -> VecDeque<J> {
        self.index = None;
        self.jobs.take_all()
    }

    /// Removes the youngest `n`, and returns them in order.
    pub(crate) fn take_youngest(&mut self, n: usize) -> VecDeque<J> {
        let jobs = self.jobs.take_youngest(n);
        self.forget(&jobs);
        jobs
    }

    /// Gives back jobs that had been handed out, which are in order: each goes before what was
    /// accepted after it.
    pub(crate) fn give_back(&mut self, jobs: VecDeque<J>) {
        // The youngest first: most go to the very front.
        for job in jobs.into_iter().rev() {
            let id = job.id();
            let chunk = self.jobs.insert(job);
            if let Some(index) = &mut self.index {
                index.insert(id, chunk);
            }
        }
    }

    /// Removes one job, wherever it is.
    pub(crate) fn remove(&mut self, id: J::Id) -> Option<J> {
        if self.jobs.is_empty() {
            return None;
        }
        let all = || self.jobs.ids().map(|(chunk, id)| (id, chunk)).collect();
        let chunk = self.index.get_or_insert_with(all).get(&id).copied()?;
        let job = self.jobs.remove(chunk, id)?;
        self.forget([&job]);
        Some(job)
    }

    fn forget<'j>(&mut self, jobs: impl IntoIterator<Item = &'j J>)
    where
        J: 'j,
    {
        if self.jobs.is_empty() {
            drop(mem::take(&mut self.index));
        } else if let Some(index) = &mut self.index {
            jobs.into_iter().for_each(|job| _ = index.remove(&job.id()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Append(u32),
        /// As many that came together.
        AppendBatch(u32),
        Remove(prop::sample::Index),
        PopOldest,
        PopYoungest,
        HandOut(usize),
        HandOver(usize),
        /// Some of what was handed out comes back.
        GiveBack(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => (0..700_u32).prop_map(Step::Append),
            1 => (0..700_u32).prop_map(Step::AppendBatch),
            3 => any::<prop::sample::Index>().prop_map(Step::Remove),
            1 => Just(Step::PopOldest),
            1 => Just(Step::PopYoungest),
            1 => (0..900_usize).prop_map(Step::HandOut),
            2 => (0..900_usize).prop_map(Step::HandOver),
            1 => (0..100_usize).prop_map(Step::GiveBack),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        /// The model is a sorted set: every job's number is its place.
        #[test]
        fn jobs_leave_in_order_whatever_was_removed_or_given_back(
            steps in prop::collection::vec(step(), 100),
        ) {
            let mut backlog = Backlog::new();
            let mut model = std::collections::BTreeSet::new();
            let (mut next, mut out) = (0, VecDeque::new());
            let mut lane = Chunks::new();
            for step in steps {
                match step {
                    Step::Append(n) | Step::AppendBatch(n) => {
                        let mut incoming = Chunks::new();
                        match step {
                            Step::AppendBatch(n) => incoming.push_batch((0..n as usize).collect(), next),
                            _ => incoming.extend(next..next + n),
                        }
                        backlog.append(&mut incoming);
                        model.extend(next..next + n);
                        next += n;
                    }
                    Step::Remove(at) if next > 0 => {
                        let id = u32::try_from(at.index(next as usize)).unwrap();
                        prop_assert_eq!(backlog.remove(id).is_some(), model.remove(&id));
                    }
                    Step::Remove(_) => {}
                    Step::PopOldest => {
                        prop_assert_eq!(backlog.edge(Whom::Oldest), model.first().copied());
                        prop_assert_eq!(backlog.pop(Whom::Oldest), model.pop_first());
                    }
                    Step::PopYoungest => {
                        prop_assert_eq!(backlog.edge(Whom::Youngest), model.last().copied());
                        prop_assert_eq!(backlog.pop(Whom::Youngest), model.pop_last());
                    }
                    Step::HandOut(n) => {
                        out.clear();
                        backlog.move_front(n, &mut out);
                        let expected: VecDeque<_> =
                            std::iter::from_fn(|| model.pop_first()).take(n).collect();
                        prop_assert_eq!(&out, &expected);
                    }
                    Step::HandOver(n) => {
                        // Its first chunk may be an empty one.
                        backlog.hand_over(n, &mut lane);
                        let expected: Vec<_> =
                            std::iter::from_fn(|| model.pop_first()).take(n).collect();
                        prop_assert!(lane.ids().map(|(_, id)| id).eq(expected));
                        out = lane.take_youngest(lane.len() / 2);
                        (0..lane.len()).for_each(|_| _ = lane.pop_front());
                    }
                    Step::GiveBack(n) => {
                        let back = out.split_off(out.len().saturating_sub(n));
                        model.extend(&back);
                        backlog.give_back(back);
                    }
                }
                prop_assert_eq!(backlog.len(), model.len());
                if let Some(index) = &backlog.index {
                    let all = backlog.jobs.ids().map(|(chunk, id)| (id, chunk)).collect();
                    prop_assert_eq!(index, &all);
                }
            }
            prop_assert_eq!(backlog.take_all(), VecDeque::from_iter(model));
            prop_assert!(backlog.index.is_none());
        }
    }

    #[test]
    fn without_a_removal_there_is_no_index() {
        let mut backlog = Backlog::new();
        let mut incoming = Chunks::new();
        incoming.extend(0..10_u32);
        backlog.append(&mut incoming);
        assert!(backlog.index.is_none());
        assert_eq!((backlog.remove(11), backlog.remove(5)), (None, Some(5)));
        assert!(backlog.index.is_some());
    }
}
