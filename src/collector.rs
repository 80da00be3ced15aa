//! The collector: empties the outboxes, hands each result to its address, and announces
//! quiescence. It is thin: what it does is in [`crate::deliver`], and it keeps the time.

use std::{sync::Arc, time::Duration};

use actix::{Actor, ActorContext, Context, Handler};

use crate::{
    deliver::Delivery,
    message::{
        AwaitDrained, Census, Close, Collect, Enlist, Enrol, Muster, Origin, Remove, Settle,
        Settled,
    },
    runtime::{Alarm, Budget, Clock, Rang, Reply, SystemClock},
    value::Value,
};

/// How long results may lie in an outbox whose worker goes on and does not ring.
const LAG: Duration = Duration::from_millis(1);

pub(crate) struct Collector<T: Value, U: Value, E: Value> {
    delivery: Delivery<T, U, E>,
    clock: Arc<dyn Clock>,
    waiting_for_quiescence: Vec<Reply<()>>,
    /// When to look again at outboxes whose workers will not ring. By the real time, whatever the
    /// pool's clock says: a clock that stands still would hold up results.
    watch: Alarm,
    /// When the next batch is old enough, by the pool's clock.
    batches: Alarm,
    budget: Budget,
}

impl<T: Value, U: Value, E: Value> Collector<T, U, E> {
    pub(crate) fn new(delivery: Delivery<T, U, E>, clock: Arc<dyn Clock>) -> Self {
        Self {
            delivery,
            clock,
            waiting_for_quiescence: Vec::new(),
            watch: Alarm::default(),
            batches: Alarm::default(),
            budget: Budget::default(),
        }
    }

    /// Hands over what one outbox holds, or all of them, and looks again later where that is due.
    fn collect(&mut self, from: Origin, ctx: &mut Context<Self>) {
        let watch = self.delivery.collect(from, self.clock.now());
        let look = |this: &mut Self, ctx: &mut Context<Self>| {
            this.collect(Origin::Anywhere, ctx);
        };
        if watch {
            let due = SystemClock.now() + LAG;
            self.watch.set(Some(due), &SystemClock, ctx, |this| &mut this.watch, look);
        }
        let due = self.delivery.due();
        self.batches.set(due, &*self.clock, ctx, |this| &mut this.batches, look);
    }
}

impl<T: Value, U: Value, E: Value> Actor for Collector<T, U, E> {
    type Context = Context<Self>;
}

impl<T: Value, U: Value, E: Value> Handler<Rang<Self>> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, rang: Rang<Self>, ctx: &mut Self::Context) {
        rang.answer(self, ctx);
    }
}

impl<T: Value, U: Value, E: Value> Handler<Collect> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, Collect { from }: Collect, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        self.collect(from, ctx);
    }
}

impl<T: Value, U: Value, E: Value> Handler<Enlist<T, U, E>> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, enlist: Enlist<T, U, E>, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        let Enlist { worker, station } = enlist;
        self.collect(Origin::Anywhere, ctx);
        self.delivery.enlist(worker, station);
    }
}

impl<T: Value, U: Value, E: Value> Handler<Settle<T, U, E>> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, Settle { accepted, tell }: Settle<T, U, E>, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        self.collect(Origin::Anywhere, ctx);
        if !self.delivery.settle(accepted) {
            return;
        }
        self.waiting_for_quiescence.drain(..).for_each(|reply| reply.send(()));
        if let Some(dispatcher) = tell.and_then(|dispatcher| dispatcher.upgrade()) {
            dispatcher.do_send(Settled { accepted });
        }
    }
}

impl<T: Value, U: Value, E: Value> Handler<Enrol<T, U, E>> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, Enrol { subscribe, reply }: Enrol<T, U, E>, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        let order = subscribe.into_order();
        reply.send(order.map(|order| self.delivery.add(order, self.clock.now())));
    }
}

impl<T: Value, U: Value, E: Value> Handler<Remove> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, Remove { id, reply }: Remove, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        reply.send(self.delivery.remove(id));
    }
}

impl<T: Value, U: Value, E: Value> Handler<Muster> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, _: Muster, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        self.delivery.muster();
    }
}

impl<T: Value, U: Value, E: Value> Handler<AwaitDrained> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, AwaitDrained { reply }: AwaitDrained, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        // Those who stopped waiting must not pile up in a pool that is never quiescent.
        self.waiting_for_quiescence.retain(|reply| !reply.is_closed());
        self.waiting_for_quiescence.push(reply);
    }
}

impl<T: Value, U: Value, E: Value> Handler<Census> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, Census { reply }: Census, ctx: &mut Self::Context) {
        self.budget.spend(ctx);
        self.collect(Origin::Anywhere, ctx);
        reply.send(self.delivery.counted());
    }
}

impl<T: Value, U: Value, E: Value> Handler<Close> for Collector<T, U, E> {
    type Result = ();

    fn handle(&mut self, Close { then }: Close, ctx: &mut Self::Context) {
        // What came after quiescence can only be jobs that were rejected.
        let counts = self.delivery.finish(self.clock.now());
        ctx.stop();
        then(counts);
    }
}

// `Actor` asks for it; nothing here is pinned, whatever the values are.
impl<T: Value, U: Value, E: Value> Unpin for Collector<T, U, E> {}
