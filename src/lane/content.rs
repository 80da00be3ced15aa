//! The jobs of one chunk.

use std::{collections::VecDeque, iter, mem};

use crate::{panic::OneByOne, sizes::LEAST_BATCH};

use super::waits::Batched;

pub(super) enum Content<J: Batched> {
    Each(OneByOne<VecDeque<J>>),
    /// They came together, and the front one is the `first`th of them.
    Batch {
        bare: OneByOne<VecDeque<J::Bare>>,
        first: usize,
        common: J::Common,
    },
}

impl<J: Batched> Content<J> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Each(jobs) => jobs.len(),
            Self::Batch { bare, .. } => bare.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id and the place of one.
    fn known_by(&self, at: usize) -> Option<(J::Id, J::Place)> {
        match self {
            Self::Each(jobs) => jobs.get(at).map(|job| (job.id(), job.place())),
            Self::Batch { bare, first, common } => {
                bare.get(at).map(|bare| J::known_by(bare, *common, first + at))
            }
        }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = J::Id> {
        (0..self.len()).filter_map(|at| self.known_by(at)).map(|(id, _)| id)
    }

    pub(super) fn first_place(&self) -> Option<J::Place> {
        self.known_by(0).map(|(_, place)| place)
    }

    pub(super) fn last_place(&self) -> Option<J::Place> {
        self.known_by(self.len().checked_sub(1)?).map(|(_, place)| place)
    }

    #[inline(always)]
    pub(super) fn pop_front(&mut self) -> Option<J> {
        match self {
            Self::Each(jobs) => jobs.pop_front(),
            Self::Batch { bare, first, common } => {
                let job = bare.pop_front()?;
                let n = *first;
                *first += 1;
                Some(J::whole(job, *common, n))
            }
        }
    }

    pub(super) fn pop_back(&mut self) -> Option<J> {
        match self {
            Self::Each(jobs) => jobs.pop_back(),
            Self::Batch { bare, first, common } => {
                let job = bare.pop_back()?;
                Some(J::whole(job, *common, *first + bare.len()))
            }
        }
    }

    /// Each for itself from now on.
    pub(super) fn each(&mut self) -> &mut VecDeque<J> {
        if let Self::Batch { .. } = self {
            let mut jobs = VecDeque::with_capacity(self.len());
            jobs.extend(iter::from_fn(|| self.pop_front()));
            *self = Self::Each(jobs.into());
        }
        let Self::Each(jobs) = self else { unreachable!("it is no batch any more") };
        jobs
    }

    /// Divides off the oldest `n`, of which there are more. The smaller part is copied, where need be to a buffer of
    /// those that are to spare.
    pub(super) fn divide(&mut self, n: usize, spares: &mut Vec<VecDeque<J>>) -> Self {
        match self {
            Self::Batch { bare, first, common } if n >= LEAST_BATCH => {
                let before = *first;
                *first += n;
                let oldest = divide(bare, n, VecDeque::new());
                Self::Batch { bare: oldest.into(), first: before, common: *common }
            }
            Self::Batch { .. } => {
                let mut oldest = spares.pop().unwrap_or_default();
                oldest.extend(iter::from_fn(|| self.pop_front()).take(n));
                Self::Each(oldest.into())
            }
            Self::Each(jobs) => {
                Self::Each(divide(jobs, n, spares.pop().unwrap_or_default()).into())
            }
        }
    }

    /// Moves the oldest `n` to the end of `into`.
    pub(super) fn move_front(&mut self, n: usize, into: &mut VecDeque<J>) {
        match self {
            Self::Each(jobs) if n >= jobs.len() => into.append(jobs),
            Self::Each(jobs) => into.extend(jobs.drain(..n)),
            Self::Batch { .. } => into.extend(iter::from_fn(|| self.pop_front()).take(n)),
        }
    }
}

fn divide<V>(jobs: &mut VecDeque<V>, n: usize, mut buffer: VecDeque<V>) -> VecDeque<V> {
    if n > jobs.len() / 2 {
        buffer.extend(jobs.drain(n..));
        mem::swap(jobs, &mut buffer);
    } else {
        buffer.extend(jobs.drain(..n));
    }
    buffer
}
