//! Who is subscribed, and the handing over of each result to all of them.

use std::{borrow::Cow, fmt, mem, time::Instant};

use crate::{job::JobResult, message::Drained, panic::drop_each};

use super::{
    Results,
    batches::{Batches, Bounds},
};

/// Names a subscription, for [`Unsubscribe`](crate::Unsubscribe).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubscriptionId(u64);

/// Where messages go that a subscriber gets.
pub(crate) trait Outlet<M>: Send {
    /// Hands a message over, or gives it back if the subscriber is gone.
    fn send(&self, message: M) -> Result<(), M>;
}

/// What a subscriber wants to be told.
pub(crate) enum Kind<T, U, E> {
    Results(Box<dyn Outlet<JobResult<T, U, E>>>),
    Batches(Box<dyn Outlet<Results<T, U, E>>>, Bounds),
    Drained(Box<dyn Outlet<Drained>>),
}

enum Subscriber<T, U, E> {
    Results(Box<dyn Outlet<JobResult<T, U, E>>>),
    Batches(Box<dyn Outlet<Results<T, U, E>>>, Batches<JobResult<T, U, E>>),
    Drained(Box<dyn Outlet<Drained>>),
}

impl<T, U, E> Subscriber<T, U, E> {
    fn wants_results(&self) -> bool {
        !matches!(self, Self::Drained(_))
    }

    #[inline]
    /// Gives it a result; gives it back if the subscriber is gone.
    fn give(
        &mut self,
        result: JobResult<T, U, E>,
        now: Instant,
    ) -> Result<(), Undelivered<T, U, E>> {
        match self {
            Self::Results(outlet) => outlet.send(result).map_err(|result| vec![result]),
            Self::Batches(outlet, batches) => send(&**outlet, batches.push(result, now)),
            Self::Drained(_) => Ok(()),
        }
    }
}

type Undelivered<T, U, E> = Vec<JobResult<T, U, E>>;

fn send<T, U, E>(
    outlet: &dyn Outlet<Results<T, U, E>>,
    batch: Option<Vec<JobResult<T, U, E>>>,
) -> Result<(), Undelivered<T, U, E>> {
    batch.map_or(Ok(()), |batch| outlet.send(Results(batch)).map_err(|Results(batch)| batch))
}

struct Subscription<T, U, E> {
    id: SubscriptionId,
    name: Option<Cow<'static, str>>,
    subscriber: Subscriber<T, U, E>,
    /// It was found to be gone, and is removed once nobody looks at the list.
    gone: bool,
}

impl<T, U, E> Subscription<T, U, E> {
    /// Takes note of what came of sending to it. Returns whether it got the message.
    fn note<V>(&mut self, sent: Result<(), impl IntoIterator<Item = V>>) -> bool {
        sent.map_err(|undelivered| {
            self.gone = true;
            drop_each(undelivered);
        })
        .is_ok()
    }
}

/// All subscriptions of a pool.
pub(crate) struct Hub<T, U, E> {
    subscriptions: Vec<Subscription<T, U, E>>,
    next: u64,
    /// How many subscriptions want results.
    listeners: usize,
    /// Whether any was found to be gone and is not removed yet.
    any_gone: bool,
    /// Subscribers that were found to be gone.
    lost: u64,
    /// Results that nobody was there to hear.
    unheard: u64,
}

impl<T, U, E> Hub<T, U, E> {
    pub(crate) fn new() -> Self {
        Self {
            subscriptions: Vec::new(),
            next: 0,
            listeners: 0,
            any_gone: false,
            lost: 0,
            unheard: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.subscriptions.len()
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    pub(crate) fn unheard(&self) -> u64 {
        self.unheard
    }

    pub(crate) fn add(
        &mut self,
        name: Option<Cow<'static, str>>,
        kind: Kind<T, U, E>,
        now: Instant,
    ) -> SubscriptionId {
        let id = SubscriptionId(self.next);
        self.next += 1;
        let subscriber = match kind {
            Kind::Results(outlet) => Subscriber::Results(outlet),
            Kind::Batches(outlet, bounds) => Subscriber::Batches(outlet, Batches::new(bounds, now)),
            Kind::Drained(outlet) => Subscriber::Drained(outlet),
        };
        self.listeners += usize::from(subscriber.wants_results());
        self.subscriptions.push(Subscription { id, name, subscriber, gone: false });
        id
    }

    /// Removes a subscription, after handing over what it has waiting; `false` if there is none.
    pub(crate) fn remove(&mut self, id: SubscriptionId) -> bool {
        let Some(at) = self.subscriptions.iter().position(|other| other.id == id) else {
            return false;
        };
        let mut subscription = self.subscriptions.remove(at);
        if let Subscriber::Batches(outlet, batches) = &mut subscription.subscriber {
            let sent = send(&**outlet, batches.flush());
            subscription.note(sent);
        }
        self.listeners -= usize::from(subscription.subscriber.wants_results());
        true
    }

    #[inline]
    /// Hands a result to everyone who wants results. A sole one owns it, several share it.
    pub(crate) fn forward(&mut self, result: JobResult<T, U, E>, now: Instant) {
        let mut left = self.listeners;
        let mut result = Some(result);
        let mut heard = false;
        let listeners = self.subscriptions.iter_mut().filter(|s| s.subscriber.wants_results());
        for subscription in listeners {
            left -= 1;
            let Some(mine) = result.take() else { break };
            let mine = if left > 0 {
                let (mine, others) = mine.share();
                result = Some(others);
                mine
            } else {
                mine
            };
            let sent = subscription.subscriber.give(mine, now);
            let got_it = subscription.note(sent);
            heard |= got_it;
            self.any_gone |= !got_it;
        }
        if !heard {
            self.count_unheard();
        }
        self.remove_gone();
    }

    /// Hands over the batches that are old enough, or all of them.
    pub(crate) fn flush(&mut self, now: Instant, all: bool) {
        for subscription in &mut self.subscriptions {
            if let Subscriber::Batches(outlet, batches) = &mut subscription.subscriber {
                let batch = if all { batches.flush() } else { batches.flush_old(now) };
                let sent = send(&**outlet, batch);
                self.any_gone |= !subscription.note(sent);
            }
        }
        self.remove_gone();
    }

    /// When the next batch must go.
    pub(crate) fn due(&self) -> Option<Instant> {
        let due = |subscription: &Subscription<T, U, E>| match &subscription.subscriber {
            Subscriber::Batches(_, batches) => batches.due(),
            _ => None,
        };
        self.subscriptions.iter().filter_map(due).min()
    }

    /// Tells everyone who wants to know that the pool is quiescent.
    pub(crate) fn announce(&mut self, drained: Drained) {
        for subscription in &mut self.subscriptions {
            if let Subscriber::Drained(outlet) = &subscription.subscriber {
                let sent = outlet.send(drained).map_err(Some);
                self.any_gone |= !subscription.note(sent);
            }
        }
        self.remove_gone();
    }

    fn remove_gone(&mut self) {
        if !mem::take(&mut self.any_gone) {
            return;
        }
        for subscription in self.subscriptions.extract_if(.., |subscription| subscription.gone) {
            self.lost += 1;
            self.listeners -= usize::from(subscription.subscriber.wants_results());
            let name = subscription.name.as_deref().unwrap_or("unnamed");
            tracing::info!(name, "a subscriber is gone, and is not told any more");
        }
    }

    fn count_unheard(&mut self) {
        if self.unheard == 0 {
            tracing::warn!("a result found no subscriber; it and those after it are only counted");
        }
        self.unheard += 1;
    }
}

impl<T, U, E> fmt::Debug for Hub<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("subscriptions", &self.len()).finish_non_exhaustive()
    }
}
