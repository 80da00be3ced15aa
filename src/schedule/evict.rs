//! Who leaves a full queue for the sake of newer jobs.

use std::collections::VecDeque;

use crate::lane::{Batched, Chunks};

/// Who leaves: by the time of acceptance, among all that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    Oldest,
    Youngest,
}

impl Whom {
    /// Of several.
    pub(crate) fn of<A: Ord>(self, all: impl IntoIterator<Item = A>) -> Option<A> {
        match self {
            Self::Oldest => all.into_iter().min(),
            Self::Youngest => all.into_iter().max(),
        }
    }

    /// The place of the one in a queue.
    pub(crate) fn place_in<J: Batched>(self, queue: &Chunks<J>) -> Option<J::Place> {
        match self {
            Self::Oldest => queue.first_place(),
            Self::Youngest => queue.last_place(),
        }
    }

    /// Removes the one in a queue.
    pub(crate) fn pop<J: Batched>(self, queue: &mut Chunks<J>) -> Option<J> {
        match self {
            Self::Oldest => queue.pop_front(),
            Self::Youngest => queue.pop_back(),
        }
    }

    /// In the order in which they were accepted, where they were found in the order in which they leave.
    pub(crate) fn in_order<A>(self, mut victims: Vec<A>) -> Vec<A> {
        if self == Self::Youngest {
            victims.reverse();
        }
        victims
    }
}

/// Removes the oldest beyond `capacity`.
pub(crate) fn evict_oldest<J: Batched>(queue: &mut Chunks<J>, capacity: usize) -> VecDeque<J> {
    let mut victims = VecDeque::new();
    queue.move_front(queue.len().saturating_sub(capacity), &mut victims);
    victims
}

/// Removes the youngest beyond `capacity`, and returns them in the order of the queue.
pub(crate) fn push_out_youngest<J: Batched>(queue: &mut Chunks<J>, capacity: usize) -> VecDeque<J> {
    queue.take_youngest(queue.len().saturating_sub(capacity))
}

/// Takes in submissions of `sizes` jobs one after another, each of which pushes out the youngest
/// of those before it where there is no room for it within `capacity`.
pub(crate) fn evict_youngest<J: Batched>(
    queue: &mut Chunks<J>,
    incoming: &mut Chunks<J>,
    sizes: &[usize],
    capacity: usize,
) -> VecDeque<J> {
    let mut victims = VecDeque::new();
    for &size in sizes {
        victims.extend(push_out_youngest(queue, capacity.saturating_sub(size)));
        incoming.hand_over(size, queue);
    }
    queue.append(incoming);
    victims
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(jobs: impl IntoIterator<Item = u32>) -> Chunks<u32> {
        let mut incoming = Chunks::new();
        incoming.extend(jobs);
        incoming
    }

    fn queue(jobs: impl IntoIterator<Item = u32>) -> Chunks<u32> {
        let mut queue = Chunks::new();
        queue.append(&mut incoming(jobs));
        queue
    }

    fn content(mut queue: Chunks<u32>) -> VecDeque<u32> {
        queue.take_all()
    }

    #[test]
    fn the_oldest_leave_in_order() {
        let mut jobs = queue(1..=5);
        assert_eq!(evict_oldest(&mut jobs, 3), [1, 2]);
        assert_eq!(content(jobs), [3, 4, 5]);
    }

    #[test]
    fn each_submission_pushes_out_the_youngest_before_it() {
        let mut jobs = queue([1, 2]);
        assert_eq!(evict_youngest(&mut jobs, &mut incoming([3, 4]), &[1, 1], 2), [2, 3]);
        assert_eq!(content(jobs), [1, 4]);
    }

    #[test]
    fn a_batch_never_pushes_out_its_own_jobs() {
        let mut jobs = queue([1, 2]);
        assert_eq!(evict_youngest(&mut jobs, &mut incoming([3, 4]), &[2], 2), [1, 2]);
        assert_eq!(content(jobs), [3, 4]);
    }

    #[test]
    fn nobody_leaves_a_queue_with_room() {
        let mut jobs = queue([1]);
        assert!(evict_youngest(&mut jobs, &mut incoming([2]), &[1], 2).is_empty());
        assert!(evict_oldest(&mut jobs, 2).is_empty());
        assert_eq!(content(jobs), [1, 2]);
    }
}
