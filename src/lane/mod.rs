//! What threads share: lanes and windows, and nothing else (besides a job's stop token).
//!
//! A [`Lane`] is a locked queue with a doorbell. Whoever puts something in learns, under the same
//! lock, whether the consumer has to be woken; whoever takes something out says, under the same
//! lock, whether it will look again by itself. So no put is ever left behind with the consumer
//! asleep and no ring on its way, and a busy consumer is not rung at all. The ring itself is a
//! message, sent after the lock is released.
//!
//! A job's way has two lanes: the inbox ([`crate::intake`]), and its worker's [`station`], from where its
//! result goes to the collector.

mod bench;
mod chunks;
mod content;
mod newcomers;
mod outbox;
mod station;
mod surplus;
mod told;
mod waits;
mod window;

#[cfg(all(test, workpool_loom))]
mod loom_tests;
#[cfg(test)]
mod station_tests;

pub(crate) use self::{
    bench::{SUPPLY, Survey},
    chunks::Chunks,
    newcomers::Newcomers,
    outbox::Gather,
    station::{End, Handover, Next, Remains, Station},
    surplus::Surplus,
    told::{Told, Why},
    waits::{Batched, Waits},
    window::{Holdback, Window},
};

use crate::sync::{Mutex, lock};

/// What the consumer of a lane is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bell {
    /// It will not look before it is rung.
    Asleep,
    /// A ring is on its way to it.
    Rung,
    /// It will look again by itself before it sleeps.
    Awake,
}

impl Bell {
    /// Something was put: whoever put it is to ring the consumer, if that is unaware.
    #[inline]
    pub(crate) fn note(&mut self, put: Put) -> Option<Ring> {
        let ring = matches!(
            (put, *self),
            (Put::Patient | Put::Urgent, Bell::Asleep) | (Put::Urgent, Bell::Awake)
        );
        if ring {
            *self = Bell::Rung;
        }
        ring.then_some(Ring(()))
    }
}

/// What a put left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// Nothing: the consumer need not know.
    Nothing,
    /// Something that can wait until a consumer that is awake looks by itself.
    Patient,
    /// Something that even a consumer that is awake should be told of.
    Urgent,
}

/// The duty to ring the consumer, once. It comes from a put that found the consumer unaware.
#[must_use = "the consumer sleeps on unless it is rung"]
#[derive(Debug)]
pub(crate) struct Ring(());

/// A queue `Q` under a lock, with a doorbell.
#[derive(Debug)]
pub(crate) struct Lane<Q> {
    state: Mutex<State<Q>>,
}

#[derive(Debug)]
struct State<Q> {
    queue: Q,
    bell: Bell,
}

impl<Q> Lane<Q> {
    /// A lane whose consumer is asleep.
    pub(crate) fn new(queue: Q) -> Self {
        Self { state: Mutex::new(State { queue, bell: Bell::Asleep }) }
    }

    /// The producer's side: changes the queue, and says by its [`Put`] what the consumer is owed.
    pub(crate) fn put<R>(&self, put: impl FnOnce(&mut Q) -> (R, Put)) -> (R, Option<Ring>) {
        let mut state = lock(&self.state);
        let (answer, put) = put(&mut state.queue);
        (answer, state.bell.note(put))
    }

    /// The consumer's side: takes from the queue, given what the bell says, and says how the bell
    /// stands from now on.
    #[inline(always)]
    pub(crate) fn take<R>(&self, take: impl FnOnce(&mut Q, Bell) -> (R, Bell)) -> R {
        let mut state = lock(&self.state);
        let bell = state.bell;
        let (answer, bell) = take(&mut state.queue, bell);
        state.bell = bell;
        answer
    }

    /// Looks, or changes something that the consumer need not know of.
    pub(crate) fn peek<R>(&self, peek: impl FnOnce(&mut Q) -> R) -> R {
        peek(&mut lock(&self.state).queue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(lane: &Lane<Vec<u8>>, put: Put) -> bool {
        lane.put(|queue| (queue.push(1), put)).1.is_some()
    }

    #[test]
    fn a_sleeping_consumer_is_rung_once() {
        let lane = Lane::new(Vec::new());
        assert!(push(&lane, Put::Patient));
        assert!(!push(&lane, Put::Patient));
        assert!(!push(&lane, Put::Urgent));
    }

    #[test]
    fn a_consumer_that_is_awake_is_rung_for_what_is_urgent_only() {
        let lane = Lane::new(Vec::new());
        lane.take(|_, _| ((), Bell::Awake));
        assert!(!push(&lane, Put::Patient));
        assert!(push(&lane, Put::Urgent));
        assert!(!push(&lane, Put::Urgent));
    }

    #[test]
    fn a_put_of_nothing_rings_nobody() {
        let lane = Lane::new(Vec::new());
        assert!(!push(&lane, Put::Nothing));
        assert!(push(&lane, Put::Patient));
    }
}
