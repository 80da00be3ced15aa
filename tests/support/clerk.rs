//! An actor that is slow to handle what it gets.

use actix::{
    Actor, ActorContext, Addr, Context, Handler, Message, ResponseActFuture, fut::wrap_future,
};
use actix_workpool::{Drained, Missed, Results, Subscribe};
use futures::{StreamExt, channel::mpsc};

use super::{Ears, Heard, NumberResult, Turnstile};

/// An actor that tells at once of what it gets, and has handled it once it is let through.
pub struct Clerk {
    gate: Turnstile,
    heard: mpsc::UnboundedSender<Heard>,
    handled: mpsc::UnboundedSender<()>,
}

/// What a test knows of a [`Clerk`].
pub struct Office {
    pub clerk: Addr<Clerk>,
    pub ears: Ears,
    gate: Turnstile,
    handled: mpsc::UnboundedReceiver<()>,
}

impl Office {
    pub fn new() -> Self {
        let gate = Turnstile::new();
        let (heard, ears) = mpsc::unbounded();
        let (handled, done) = mpsc::unbounded();
        let clerk = Clerk { gate: gate.clone(), heard, handled }.start();
        Self { clerk, gate, ears: Ears(ears), handled: done }
    }

    pub fn subscribe(&self) -> Subscribe<u64, u64, String> {
        Subscribe::results(self.clerk.clone().recipient())
    }

    /// Lets the clerk handle `n` more messages.
    pub async fn handle(&mut self, n: usize) {
        self.gate.open(n);
        for _ in 0..n {
            self.handled.next().await.unwrap();
        }
    }
}

impl Clerk {
    fn work(&self, heard: Heard) -> ResponseActFuture<Self, ()> {
        let _ = self.heard.unbounded_send(heard);
        let (gate, handled) = (self.gate.clone(), self.handled.clone());
        Box::pin(wrap_future(async move {
            gate.pass().await;
            let _ = handled.unbounded_send(());
        }))
    }
}

impl Actor for Clerk {
    type Context = Context<Self>;
}

impl Handler<NumberResult> for Clerk {
    type Result = ResponseActFuture<Self, ()>;
    fn handle(&mut self, result: NumberResult, _: &mut Self::Context) -> Self::Result {
        self.work(Heard::Result(result))
    }
}

impl Handler<Results<u64, u64, String>> for Clerk {
    type Result = ResponseActFuture<Self, ()>;
    fn handle(
        &mut self,
        results: Results<u64, u64, String>,
        _: &mut Self::Context,
    ) -> Self::Result {
        self.work(Heard::Batch(results.into_iter().collect()))
    }
}

impl Handler<Missed> for Clerk {
    type Result = ResponseActFuture<Self, ()>;
    fn handle(&mut self, missed: Missed, _: &mut Self::Context) -> Self::Result {
        self.work(Heard::Missed(missed.count))
    }
}

impl Handler<Drained> for Clerk {
    type Result = ResponseActFuture<Self, ()>;
    fn handle(&mut self, drained: Drained, _: &mut Self::Context) -> Self::Result {
        self.work(Heard::Drained(drained.counts))
    }
}

#[derive(Message)]
#[rtype(result = "()")]
pub struct Stop;

impl Handler<Stop> for Clerk {
    type Result = ();
    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
