//! Who is subscribed, and the handing over of each result to all of them.

use std::{borrow::Cow, collections::VecDeque, fmt, mem, sync::Arc, time::Instant};

use crate::{
    job::JobResult,
    message::Drained,
    panic::{Apart, OneByOne, drop_each},
    value::Value,
};

use super::{
    Results,
    batches::{Batches, Bounds},
    spares::Spares,
    stream::StreamOutlet,
    windows::{Credit, Limit, Room, Windows},
};

/// Names a subscription, for [`Unsubscribe`](crate::Unsubscribe).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubscriptionId(u64);

/// Where messages go that a subscriber gets.
pub(crate) trait Outlet<M>: Send {
    /// Hands a message over, or gives it back if the subscriber is gone. The credit is dropped once
    /// the subscriber has handled the message.
    fn send(&self, message: M, credit: Option<Credit>) -> Result<(), M>;

    /// Sends all of these; they need no credit. Where the subscriber is gone, those that it did not get are left.
    fn send_all(&self, messages: &mut VecDeque<M>) -> bool {
        while let Some(message) = messages.pop_front() {
            if let Err(message) = self.send(message, None) {
                messages.push_front(message);
                return false;
            }
        }
        true
    }

    /// What was sent may be on its way together: it goes now.
    fn flush(&self) {}

    /// What was sent is in the subscriber's mailbox after this.
    fn settle(&self) {}

    /// Whether the subscriber is gone.
    fn is_gone(&self) -> bool;

    /// The same, but it does not keep the subscriber alive.
    fn weaken(self: Box<Self>) -> Box<dyn Outlet<M>>;
}

/// What a subscriber wants to be told.
pub(crate) enum Kind<T, U, E> {
    Results(Box<dyn Outlet<JobResult<T, U, E>>>),
    Batches(Box<dyn Outlet<Results<T, U, E>>>, Bounds),
    Drained(Box<dyn Outlet<Drained>>),
}

impl<T, U, E> Kind<T, U, E> {
    /// Whether the subscriber is gone.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Self::Results(outlet) => outlet.is_gone(),
            Self::Batches(outlet, _) => outlet.is_gone(),
            Self::Drained(outlet) => outlet.is_gone(),
        }
    }

    /// The same, but it does not keep the subscriber alive.
    pub(crate) fn weaken(self) -> Self {
        match self {
            Self::Results(outlet) => Self::Results(outlet.weaken()),
            Self::Batches(outlet, bounds) => Self::Batches(outlet.weaken(), bounds),
            Self::Drained(outlet) => Self::Drained(outlet.weaken()),
        }
    }
}

/// All that a subscriber asks for.
pub(crate) struct Order<T, U, E> {
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: Kind<T, U, E>,
    /// How much it may have waiting; any number of results if `None`.
    pub(crate) limit: Option<Limit>,
}

impl<T: Value, U: Value, E: Value> Order<T, U, E> {
    /// For a stream of results, which has its window already.
    pub(crate) fn stream(name: &'static str, outlet: StreamOutlet<T, U, E>) -> Self {
        Self { name: name.into(), kind: Kind::Results(Box::new(outlet)), limit: None }
    }
}

enum Subscriber<T, U, E> {
    Results(Box<dyn Outlet<JobResult<T, U, E>>>),
    Batches(Box<dyn Outlet<Results<T, U, E>>>, Batches<JobResult<T, U, E>>),
    Drained(Box<dyn Outlet<Drained>>),
}

type Batch<T, U, E> = Vec<JobResult<T, U, E>>;

/// Sends a batch, whose buffer comes back to the `spares`; gives it back if the subscriber is gone.
fn send<T, U, E>(
    outlet: &dyn Outlet<Results<T, U, E>>,
    batch: Option<Batch<T, U, E>>,
    spares: &Arc<Spares<JobResult<T, U, E>>>,
    room: &Room,
) -> Result<(), Batch<T, U, E>> {
    let Some(batch) = batch else { return Ok(()) };
    let credit = room.credit(batch.len());
    let sent = outlet.send(Results::new(batch, spares.clone()), credit);
    sent.map_err(|mut unsent| unsent.take())
}

/// Sends single results, and returns how many. Those are left that the subscriber, who is gone, did not get.
fn send_all<R>(outlet: &dyn Outlet<R>, results: &mut Vec<R>) -> usize {
    let all = results.len();
    let mut queue = OneByOne::from(VecDeque::from(mem::take(results)));
    outlet.send_all(&mut queue);
    outlet.flush();
    *results = mem::take(&mut *queue).into();
    all - results.len()
}

struct Subscription<T, U, E> {
    id: SubscriptionId,
    name: Cow<'static, str>,
    /// Results may lie in its mailbox, and are dropped with the last that sends to it.
    subscriber: Apart<Subscriber<T, U, E>>,
    room: Room,
    /// It was found to be gone, and is removed once nobody looks at the list.
    gone: bool,
}

impl<T, U, E> Subscription<T, U, E> {
    fn wants_results(&self) -> bool {
        !matches!(*self.subscriber, Subscriber::Drained(_))
    }

    /// Gives it results, of which none is left: the buffer goes along where that saves moving them one by one.
    fn give_all(&mut self, results: &mut Vec<JobResult<T, U, E>>, now: Instant) -> Given {
        let (outlet, batches) = match &mut *self.subscriber {
            Subscriber::Results(outlet) if matches!(self.room, Room::Endless) => {
                let heard = send_all(&**outlet, results);
                self.gone |= !results.is_empty();
                drop_each(results.drain(..));
                return Given { heard, missed: 0 };
            }
            Subscriber::Batches(outlet, batches) if !self.room.is_lossy() => (outlet, batches),
            _ => return self.give_each(results.drain(..), now),
        };
        let mut given = Given::default();
        self.room.fill(results.len());
        while !results.is_empty() && !self.gone {
            let before = results.len();
            let sent =
                send(&**outlet, batches.take_from(results, now), &batches.spares, &self.room);
            match sent {
                Ok(()) => given.heard += before - results.len(),
                Err(undelivered) => {
                    self.gone = true;
                    drop_each(undelivered);
                }
            }
        }
        drop_each(results.drain(..));
        given
    }

    /// Gives it results one by one.
    fn give_each(
        &mut self,
        results: impl Iterator<Item = JobResult<T, U, E>>,
        now: Instant,
    ) -> Given {
        let mut given = Given::default();
        for result in results {
            if self.gone {
                drop_each([result]);
            } else if !self.room.admit() {
                given.heard += 1;
                given.missed += 1;
                drop_each([result]);
            } else {
                given.heard += usize::from(self.give(result, now));
            }
        }
        if let Subscriber::Results(outlet) = &*self.subscriber {
            outlet.flush();
        }
        given
    }

    /// Gives it a result for which it has room. Returns whether it got it.
    #[inline]
    fn give(&mut self, result: JobResult<T, U, E>, now: Instant) -> bool {
        if self.room.has_missed() {
            // What it missed came after what it was given, and before this.
            self.flush();
            self.room.tell(false);
        }
        self.room.fill(1);
        let sent = match &mut *self.subscriber {
            Subscriber::Results(outlet) => {
                outlet.send(result, self.room.credit(1)).map_err(|result| vec![result])
            }
            Subscriber::Batches(outlet, batches) => {
                send(&**outlet, batches.push(result, now), &batches.spares, &self.room)
            }
            Subscriber::Drained(_) => Ok(()),
        };
        self.note(sent)
    }

    /// Hands over what has been gathered, or is on its way.
    fn flush(&mut self) {
        match &mut *self.subscriber {
            Subscriber::Results(outlet) => outlet.settle(),
            Subscriber::Batches(outlet, batches) => {
                let sent = send(&**outlet, batches.flush(), &batches.spares, &self.room);
                self.note(sent);
            }
            Subscriber::Drained(_) => {}
        }
    }

    /// Hands over what has been gathered for so long that it must go.
    fn flush_old(&mut self, now: Instant) {
        if let Subscriber::Batches(outlet, batches) = &mut *self.subscriber {
            let sent = send(&**outlet, batches.flush_old(now), &batches.spares, &self.room);
            self.note(sent);
        }
    }

    /// Hands over everything, what it is to be told of missed results included.
    fn settle(&mut self, last: bool) {
        self.flush();
        if let Subscriber::Batches(_, batches) = &*self.subscriber {
            batches.spares.clear();
        }
        self.room.tell(last);
    }

    /// Takes note of what came of sending to it. Returns whether it got the message.
    fn note<V>(&mut self, sent: Result<(), impl IntoIterator<Item = V>>) -> bool {
        sent.map_err(|undelivered| {
            self.gone = true;
            drop_each(undelivered);
        })
        .is_ok()
    }
}

/// What became of results that were given to a subscriber.
#[derive(Clone, Copy, Debug, Default)]
struct Given {
    /// So many, from the first on, it got or missed; from then on it was gone.
    heard: usize,
    /// For want of room.
    missed: u64,
}

/// All subscriptions of a pool.
pub(crate) struct Hub<T, U, E> {
    /// The pool's name.
    pool: Cow<'static, str>,
    windows: Windows,
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
    /// Results that a subscriber without room missed.
    missed: u64,
    /// Empty between calls: a buffer for what all but the last of several subscribers get.
    shares: Vec<JobResult<T, U, E>>,
}

impl<T, U, E> Hub<T, U, E> {
    pub(crate) fn new(pool: Cow<'static, str>, windows: Windows) -> Self {
        Self {
            pool,
            windows,
            subscriptions: Vec::new(),
            next: 0,
            listeners: 0,
            any_gone: false,
            lost: 0,
            unheard: 0,
            missed: 0,
            shares: Vec::new(),
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

    pub(crate) fn missed(&self) -> u64 {
        self.missed
    }

    pub(crate) fn add(&mut self, order: Order<T, U, E>, now: Instant) -> SubscriptionId {
        let Order { name, kind, limit } = order;
        let id = SubscriptionId(self.next);
        self.next += 1;
        let window = limit.as_ref().map_or(usize::MAX, |limit| limit.window);
        let room = match (&kind, limit) {
            (Kind::Results(_) | Kind::Batches(..), Some(limit)) => {
                Room::new(limit, name.clone(), &self.windows)
            }
            (Kind::Drained(_), _) | (_, None) => Room::Endless,
        };
        let subscriber = match kind {
            Kind::Results(outlet) => Subscriber::Results(outlet),
            Kind::Batches(outlet, Bounds { max_len, max_age }) => {
                // What is gathered takes room too: a full window must not wait for a longer batch.
                let bounds = Bounds { max_len: max_len.min(window), max_age };
                Subscriber::Batches(outlet, Batches::new(bounds, now))
            }
            Kind::Drained(outlet) => Subscriber::Drained(outlet),
        };
        let subscriber = Apart::new(subscriber);
        let subscription = Subscription { id, name, subscriber, room, gone: false };
        self.listeners += usize::from(subscription.wants_results());
        self.subscriptions.push(subscription);
        id
    }

    /// Removes a subscription, after handing over what it has waiting; `false` if there is none.
    pub(crate) fn remove(&mut self, id: SubscriptionId) -> bool {
        let Some(at) = self.subscriptions.iter().position(|other| other.id == id) else {
            return false;
        };
        let mut subscription = self.subscriptions.remove(at);
        subscription.settle(true);
        self.discount(&subscription);
        true
    }

    fn discount(&mut self, subscription: &Subscription<T, U, E>) {
        self.listeners -= usize::from(subscription.wants_results());
    }

    /// Hands results to everyone who wants results, to one after another: a mailbox that is filled in one go
    /// costs half. A sole receiver owns them, several share them. None is left.
    pub(crate) fn forward(&mut self, results: &mut Vec<JobResult<T, U, E>>, now: Instant) {
        let all = results.len();
        if self.listeners > 1 {
            *results = mem::take(results).into_iter().map(JobResult::into_shared).collect();
        }
        let (mut left, mut heard) = (self.listeners, 0);
        for subscription in self.subscriptions.iter_mut().filter(|other| other.wants_results()) {
            left -= 1;
            let given = if left == 0 {
                subscription.give_all(results, now)
            } else {
                self.shares.extend(results.iter().map(JobResult::share));
                subscription.give_all(&mut self.shares, now)
            };
            heard = given.heard.max(heard);
            self.missed += given.missed;
            self.any_gone |= subscription.gone;
        }
        // Where nobody was there to take them.
        drop_each(results.drain(..));
        self.count_unheard(all - heard);
        self.remove_gone();
    }

    /// Hands over the batches that are old enough.
    pub(crate) fn flush_old(&mut self, now: Instant) {
        for subscription in &mut self.subscriptions {
            subscription.flush_old(now);
            self.any_gone |= subscription.gone;
        }
        self.remove_gone();
    }

    /// Hands over all batches, and tells of all missed results; for good if this is the `last`
    /// time.
    pub(crate) fn settle(&mut self, last: bool) {
        for subscription in &mut self.subscriptions {
            subscription.settle(last);
            self.any_gone |= subscription.gone;
        }
        self.shares = Vec::new();
        self.remove_gone();
    }

    /// When the next batch must go.
    pub(crate) fn due(&self) -> Option<Instant> {
        let due = |subscription: &Subscription<T, U, E>| match &*subscription.subscriber {
            Subscriber::Batches(_, batches) => batches.due(),
            _ => None,
        };
        self.subscriptions.iter().filter_map(due).min()
    }

    /// Tells everyone who wants to know that the pool is quiescent.
    pub(crate) fn announce(&mut self, drained: Drained) {
        for subscription in &mut self.subscriptions {
            if let Subscriber::Drained(outlet) = &*subscription.subscriber {
                let sent = outlet.send(drained, None).map_err(Some);
                self.any_gone |= !subscription.note(sent);
            }
        }
        self.remove_gone();
    }

    /// `n` results of accepted jobs have been forwarded, or have gone to callers.
    pub(crate) fn forwarded(&self, n: u64) {
        self.windows.forwarded(n);
    }

    /// Removes those who are gone, without waiting for the next message to them, and tells the others
    /// what they missed.
    pub(crate) fn muster(&mut self) {
        for subscription in &mut self.subscriptions {
            if subscription.room.has_missed() {
                subscription.settle(false);
            }
            subscription.gone |= match &*subscription.subscriber {
                Subscriber::Results(outlet) => outlet.is_gone(),
                Subscriber::Batches(outlet, _) => outlet.is_gone(),
                Subscriber::Drained(outlet) => outlet.is_gone(),
            };
            self.any_gone |= subscription.gone;
        }
        self.remove_gone();
    }

    fn remove_gone(&mut self) {
        if !mem::take(&mut self.any_gone) {
            return;
        }
        let gone: Vec<_> = self.subscriptions.extract_if(.., |other| other.gone).collect();
        for mut subscription in gone {
            self.lost += 1;
            self.discount(&subscription);
            subscription.room.tell(true);
            let (pool, subscriber) = (&*self.pool, &*subscription.name);
            tracing::info!(pool, subscriber, "a subscriber is gone, and is not told any more");
        }
    }

    fn count_unheard(&mut self, results: usize) {
        if self.unheard == 0 && results > 0 {
            let pool = &*self.pool;
            tracing::warn!(
                pool,
                "a result found no subscriber; it and those after it are only counted"
            );
        }
        self.unheard += results as u64;
    }
}

impl<T, U, E> fmt::Debug for Hub<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("subscriptions", &self.len()).finish_non_exhaustive()
    }
}
