//! What the collector decides: what it fetches from the outboxes, to whom each result goes, and
//! when the pool is quiescent. It is told the time.

use std::{collections::BTreeSet, mem, sync::Arc, time::Instant};

use crate::{
    intake::Inbox,
    job::{Counts, Finished, WorkStation},
    lane::Newcomers,
    message::{Counted, Drained, Origin},
    panic::drop_each,
    value::Value,
};

use super::{Hub, Order, SubscriptionId};

pub(crate) struct Delivery<T: Value, U: Value, E: Value> {
    /// Where workers leave their results, by number, and where the dispatcher does.
    workers: Vec<Arc<WorkStation<T, U, E>>>,
    exit: Arc<WorkStation<T, U, E>>,
    inbox: Arc<Inbox<T, U, E>>,
    newcomers: Arc<Newcomers<Order<T, U, E>>>,
    hub: Hub<T, U, E>,
    /// Workers whose outboxes must be looked at again without being rung.
    watched: BTreeSet<usize>,
    /// Since the last quiescence.
    counts: Counts,
    /// Before it.
    counted: Counts,
    /// Callers that had stopped waiting for their results.
    callers_gone: u64,
    /// Goes to and fro between here and the outboxes.
    finished: Finished<T, U, E>,
}

impl<T: Value, U: Value, E: Value> Delivery<T, U, E> {
    pub(crate) fn new(
        workers: Vec<Arc<WorkStation<T, U, E>>>,
        exit: Arc<WorkStation<T, U, E>>,
        inbox: Arc<Inbox<T, U, E>>,
        newcomers: Arc<Newcomers<Order<T, U, E>>>,
        hub: Hub<T, U, E>,
    ) -> Self {
        Self {
            workers,
            exit,
            inbox,
            newcomers,
            hub,
            watched: BTreeSet::new(),
            counts: Counts::default(),
            counted: Counts::default(),
            callers_gone: 0,
            finished: Finished::default(),
        }
    }

    /// A worker's results are to be found here from now on: there are none left where they were.
    pub(crate) fn enlist(&mut self, worker: usize, station: Arc<WorkStation<T, U, E>>) {
        // Where no thread was to be had for one before it, there is nothing yet.
        let vacant = || self.exit.clone();
        self.workers.resize_with(self.workers.len().max(worker + 1), vacant);
        self.workers[worker] = station;
    }

    /// Hands over what one outbox holds, or all of them. Returns whether they must be looked at again
    /// without being rung.
    pub(crate) fn collect(&mut self, from: Origin, now: Instant) -> bool {
        match from {
            Origin::Dispatcher => _ = self.empty(None, now),
            Origin::Worker(worker) => {
                self.empty_worker(worker, now);
                // It has nothing more to do: what others have done need not wait for a larger batch.
                if !self.watched.contains(&worker) {
                    mem::take(&mut self.watched)
                        .into_iter()
                        .for_each(|w| self.empty_worker(w, now));
                }
            }
            Origin::Anywhere => {
                self.empty(None, now);
                (0..self.workers.len()).for_each(|worker| self.empty_worker(worker, now));
            }
        }
        self.hub.flush_old(now);
        !self.watched.is_empty()
    }

    fn empty_worker(&mut self, worker: usize, now: Instant) {
        if self.empty(Some(worker), now) {
            self.watched.insert(worker);
        } else {
            self.watched.remove(&worker);
        }
    }

    /// Returns whether this outbox must be looked at again.
    fn empty(&mut self, worker: Option<usize>, now: Instant) -> bool {
        let station = worker.map_or(&self.exit, |worker| &self.workers[worker]);
        let watch = station.empty(&mut self.finished);
        self.take_in(now);
        let counts = mem::take(&mut self.finished.counts);
        if counts.total() == 0 {
            return watch;
        }
        self.counts.add_all(&counts);
        self.answer_callers();
        self.hub.forward(&mut self.finished.for_subscribers, now);
        if !self.finished.freed.is_empty() {
            self.inbox.free(&mut self.finished.freed);
        }
        let forwarded = counts.accepted();
        if forwarded > 0 {
            self.hub.forwarded(forwarded);
        }
        watch
    }

    fn answer_callers(&mut self) {
        for (waiter, result) in self.finished.for_callers.drain(..) {
            let delivered = waiter.deliver(result);
            self.callers_gone += u64::from(delivered.is_err());
            drop_each(delivered.err());
        }
    }

    /// Serves those who have come, before anything is handed over that was submitted after that.
    fn take_in(&mut self, now: Instant) {
        for order in self.newcomers.take() {
            self.hub.add(order, now);
        }
    }

    /// Adds a subscription.
    pub(crate) fn add(&mut self, order: Order<T, U, E>, now: Instant) -> SubscriptionId {
        self.hub.add(order, now)
    }

    pub(crate) fn remove(&mut self, id: SubscriptionId) -> bool {
        self.hub.remove(id)
    }

    /// Removes subscribers that are gone.
    pub(crate) fn muster(&mut self) {
        self.hub.muster();
    }

    /// When the next batch is old enough.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.hub.due()
    }

    /// Nothing is left of so many accepted jobs: if everything has been collected and nothing else was
    /// accepted meanwhile, the pool is quiescent, and whoever wants to know is told. Returns whether
    /// it is.
    pub(crate) fn settle(&mut self, accepted: u64) -> bool {
        let quiescent = self.inbox.accepted() == accepted;
        if quiescent {
            self.hub.settle(false);
            if self.counts.accepted() > 0 {
                self.hub.announce(Drained { counts: self.counts });
                self.counted.add_all(&mem::take(&mut self.counts));
            }
        }
        quiescent
    }

    /// Hands over everything, however young its batch is.
    pub(crate) fn finish(&mut self, now: Instant) -> Counts {
        self.collect(Origin::Anywhere, now);
        self.hub.settle(true);
        self.total()
    }

    fn total(&self) -> Counts {
        let mut total = self.counted;
        total.add_all(&self.counts);
        total
    }

    pub(crate) fn counted(&self) -> Counted {
        Counted {
            counts: self.total(),
            subscribers: self.hub.len(),
            subscribers_gone: self.hub.lost(),
            unheard: self.hub.unheard() + self.callers_gone,
            missed: self.hub.missed(),
        }
    }
}

impl<T: Value, U: Value, E: Value> Drop for Delivery<T, U, E> {
    /// Whatever stopped the collector, whoever still waits for a result or a stream of them is told so,
    /// and the dispatcher, which cannot go on without it, has a turn to see that.
    fn drop(&mut self) {
        self.newcomers.close();
        self.workers.iter().chain([&self.exit]).for_each(|station| station.close());
        self.inbox.knock();
    }
}
