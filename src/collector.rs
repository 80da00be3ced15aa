//! The collector: empties the outboxes, hands each result to its address, and announces
//! quiescence. It is thin: it moves results from the lanes to the hub and keeps the time.

use std::{mem, sync::Arc, time::Instant};

use actix::{Actor, ActorContext, AsyncContext, Context, Handler};

use crate::{
    deliver::Hub,
    intake::Inbox,
    job::{Address, Counts, Ended, WorkStation},
    lane::{Holdback, Newcomers},
    message::{
        AwaitDrained, Census, Close, Collect, Counted, Drained, Enrol, Remove, Settle, Settled,
        Subscribe,
    },
    panic::catch,
    runtime::{Alarm, Clock, Reply, SystemClock},
    schedule::PATIENCE,
    value::Value,
};

pub(crate) struct Collector<T: Value, U: Value, E: Value> {
    stations: Vec<Arc<WorkStation<T, U, E>>>,
    inbox: Arc<Inbox<T, U, E>>,
    holdback: Arc<Holdback>,
    newcomers: Arc<Newcomers<Subscribe<T, U, E>>>,
    clock: Arc<dyn Clock>,
    hub: Hub<T, U, E>,
    /// Since the last quiescence.
    counts: Counts,
    /// Before it.
    counted: Counts,
    /// Callers that had stopped waiting for their results.
    callers_gone: u64,
    waiting_for_quiescence: Vec<Reply<()>>,
    /// When to look again at outboxes whose workers will not ring. By the real time, whatever the
    /// pool's clock says: a clock that stands still would hold up results.
    watch: Alarm,
    /// When the next batch is old enough, by the pool's clock.
    batches: Alarm,
    /// Goes to and fro between here and the outboxes.
    buffer: Vec<Ended<T, U, E>>,
}

impl<T: Value, U: Value, E: Value> Collector<T, U, E> {
    pub(crate) fn new(
        stations: Vec<Arc<WorkStation<T, U, E>>>,
        inbox: Arc<Inbox<T, U, E>>,
        holdback: Arc<Holdback>,
        newcomers: Arc<Newcomers<Subscribe<T, U, E>>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            stations,
            inbox,
            holdback,
            newcomers,
            clock,
            hub: Hub::new(),
            counts: Counts::default(),
            counted: Counts::default(),
            callers_gone: 0,
            waiting_for_quiescence: Vec::new(),
            watch: Alarm::default(),
            batches: Alarm::default(),
            buffer: Vec::new(),
        }
    }

    /// Hands over what one outbox holds, or all of them, and looks again later where that is due.
    fn collect(&mut self, from: Option<usize>, ctx: &mut Context<Self>) {
        let now = self.clock.now();
        let watch = match from {
            Some(station) => self.empty(station, now),
            None => (0..self.stations.len()).fold(false, |watch, s| self.empty(s, now) | watch),
        };
        self.hub.flush(now, false);
        // By way of the mailbox: a subscription that was sent first is then made first.
        let look = |_: &mut Self, ctx: &mut Context<Self>| {
            ctx.address().do_send(Collect { from: None });
        };
        if watch {
            let due = SystemClock.now() + PATIENCE;
            self.watch.set(Some(due), &SystemClock, ctx, |this| &mut this.watch, look);
        }
        self.batches.set(self.hub.due(), &*self.clock, ctx, |this| &mut this.batches, look);
    }

    /// Returns whether the outbox must be looked at again without being rung.
    fn empty(&mut self, station: usize, now: Instant) -> bool {
        let mut results = mem::take(&mut self.buffer);
        let watch = self.stations[station].outbox.empty(&mut results);
        self.take_in(now);
        let before = self.counts.accepted();
        for result in results.drain(..) {
            self.counts.add(result.result.outcome());
            // One that nobody hears is dropped here, and its values may panic.
            if let Err(text) = catch(|| self.deliver(result, now)) {
                tracing::warn!(%text, "the drop of a result panicked");
            }
        }
        self.buffer = results;
        let forwarded = self.counts.accepted() - before;
        if forwarded > 0 {
            self.inbox.ring(self.holdback.forwarded(forwarded));
        }
        watch
    }

    /// Serves those who have come, before anything is handed over that was submitted after that.
    fn take_in(&mut self, now: Instant) {
        for Subscribe { name, kind } in self.newcomers.take() {
            self.hub.add(name, kind, now);
        }
    }

    fn deliver(&mut self, Ended { result, to }: Ended<T, U, E>, now: Instant) {
        let delivered = match to {
            Address::Subscribers => return self.hub.forward(result, now),
            Address::Caller(caller) => caller.deliver(result),
            Address::Flow(seat) => seat.deliver(result),
        };
        self.callers_gone += u64::from(!delivered);
    }

    /// Everything has been handed over, and nothing else was accepted meanwhile.
    fn quiescent(&mut self) {
        if self.counts.accepted() > 0 {
            self.hub.announce(Drained { counts: self.counts });
            self.counted.add_all(&mem::take(&mut self.counts));
        }
        self.waiting_for_quiescence.drain(..).for_each(|reply| reply.send(()));
    }

    fn total(&self) -> Counts {
        let mut total = self.counted;
        total.add_all(&self.counts);
        total
    }
}

impl<T: Value, U: Value, E: Value> Actor for Collector<T, U, E> {
    type Context = Context<Self>;
}

impl<T: Value, U: Value, E: Value> Handler<Collect> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, Collect { from }: Collect, ctx: &mut Self::Context) {
        self.collect(from, ctx);
    }
}

impl<T: Value, U: Value, E: Value> Handler<Settle<T, U, E>> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, Settle { accepted, tell }: Settle<T, U, E>, ctx: &mut Self::Context) {
        self.collect(None, ctx);
        if self.inbox.accepted() != accepted {
            return;
        }
        self.hub.flush(self.clock.now(), true);
        self.quiescent();
        if let Some(dispatcher) = tell.and_then(|dispatcher| dispatcher.upgrade()) {
            dispatcher.do_send(Settled { accepted });
        }
    }
}

impl<T: Value, U: Value, E: Value> Handler<Enrol<T, U, E>> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, Enrol { subscribe, reply }: Enrol<T, U, E>, _: &mut Self::Context) {
        let answer = subscribe
            .check()
            .map(|()| self.hub.add(subscribe.name, subscribe.kind, self.clock.now()));
        reply.send(answer);
    }
}

impl<T: Value, U: Value, E: Value> Handler<Remove> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, Remove { id, reply }: Remove, _: &mut Self::Context) {
        reply.send(self.hub.remove(id));
    }
}

impl<T: Value, U: Value, E: Value> Handler<AwaitDrained> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, AwaitDrained { reply }: AwaitDrained, _: &mut Self::Context) {
        // Those who stopped waiting must not pile up in a pool that is never quiescent.
        self.waiting_for_quiescence.retain(|reply| !reply.is_closed());
        self.waiting_for_quiescence.push(reply);
    }
}

impl<T: Value, U: Value, E: Value> Handler<Census> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, Census { reply }: Census, ctx: &mut Self::Context) {
        self.collect(None, ctx);
        reply.send(Counted {
            counts: self.total(),
            subscribers: self.hub.len(),
            subscribers_gone: self.hub.lost(),
            unheard: self.hub.unheard() + self.callers_gone,
        });
    }
}

impl<T: Value, U: Value, E: Value> Handler<Close> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, Close { then }: Close, ctx: &mut Self::Context) {
        // What came after quiescence can only be jobs that were rejected.
        self.collect(None, ctx);
        self.hub.flush(self.clock.now(), true);
        ctx.stop();
        then(self.total());
    }
}

impl<T: Value, U: Value, E: Value> Drop for Collector<T, U, E> {
    /// Whatever stopped the actor, whoever still waits for a result or a stream of them is told so, and
    /// the dispatcher, which cannot go on without it, has a turn to see that.
    fn drop(&mut self) {
        self.newcomers.close();
        self.stations.iter().for_each(|station| station.outbox.close());
        self.inbox.knock();
    }
}

// `Actor` asks for it; nothing here is pinned, whatever the values are.
impl<T: Value, U: Value, E: Value> Unpin for Collector<T, U, E> {}
