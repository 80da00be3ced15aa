//! Subscribers: real actors, on a thread of the program's or at home.

use std::{panic::resume_unwind, time::Duration};

use actix::{Actor, ActorContext, Context, Handler};
use futures::StreamExt;

use crate::{
    Drained, JobResult, Pool, ResultStream, Results, Subscribe,
    check::{Kind, Way},
    runtime::ArbiterHandle,
    sim,
};

use super::{
    stage::Stage,
    task::{Act, Failure, Gate, Task, job},
};

/// What a subscriber wants, and what becomes of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conduct {
    /// It wants batches, of this length and age.
    pub batches: Option<(usize, Duration)>,
    /// It wants to be told of quiescence, too.
    pub drained: bool,
    /// It panics when it has heard of so many results.
    pub panics_at: Option<u64>,
    /// It stops itself then.
    pub stops_at: Option<u64>,
    /// It has so many results on the way to it, at most.
    pub window: Option<usize>,
    /// It blocks its thread in the handler of its first result, until the gate is open.
    pub blocks: Option<Gate>,
    /// It submits a job for each of the first so many results. It then keeps the pool alive.
    pub submits: u64,
}

pub(crate) type Outcome = JobResult<Task, u64, Failure>;

pub(crate) struct Listener {
    pub(super) number: usize,
    conduct: Conduct,
    heard: u64,
    pool: Option<(usize, Pool<Task, u64, Failure>)>,
}

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Listener {
    fn hear(&mut self, result: &Outcome, ctx: &mut Context<Self>) {
        hear(self.number, result);
        self.heard += 1;
        if let Some(gate) = self.conduct.blocks.take() {
            note_unread(1);
            sim::block_on(gate.wait());
            note_unread(-1);
        }
        if self.heard <= self.conduct.submits
            && let Some((pool, handle)) = &self.pool
        {
            let (number, job) = job(*pool, Way::Subscribers, vec![Act::Step]);
            super::submit::decided(&[number], &handle.try_submit(job).map_err(|r| r.reason));
        }
        if self.conduct.panics_at == Some(self.heard) {
            self.leaves("panics");
            resume_unwind(Box::new(sim::WILL));
        }
        if self.conduct.stops_at == Some(self.heard) {
            self.leaves("stops");
            ctx.stop();
        }
    }

    fn leaves(&self, how: &str) {
        sim::note(|| format!("listener {} {how}", self.number));
        leaves(self.number);
    }
}

fn leaves(listener: usize) {
    sim::with(|world| world.ledger.write(|books| books.listeners[listener].left = true));
}

/// Results wait for someone who handles none, or no longer do.
fn note_unread(change: isize) {
    let note = |unread: usize| unread.saturating_add_signed(change);
    sim::with(|world| world.ledger.write(|books| books.unread = note(books.unread)));
}

fn hear(listener: usize, result: &Outcome) {
    let (number, kind) = (result.job().payload().number, Kind::of(result.outcome()));
    sim::note(|| format!("listener {listener} hears of job {number}: {kind:?}"));
    let worker = result.worker().map(|worker| worker.get());
    sim::with(|world| world.ledger.hears(listener, number, kind, worker));
}

impl Handler<Outcome> for Listener {
    type Result = ();

    fn handle(&mut self, result: Outcome, ctx: &mut Context<Self>) {
        self.hear(&result, ctx);
    }
}

impl Handler<Results<Task, u64, Failure>> for Listener {
    type Result = ();

    fn handle(&mut self, results: Results<Task, u64, Failure>, ctx: &mut Context<Self>) {
        for result in &results {
            self.hear(result, ctx);
        }
    }
}

impl Handler<Drained> for Listener {
    type Result = ();

    fn handle(&mut self, drained: Drained, _: &mut Context<Self>) {
        sim::note(|| format!("listener {}: drained, {}", self.number, drained.counts));
        sim::with(|world| world.ledger.drained(self.number, &drained.counts));
    }
}

impl Stage {
    /// Subscribes someone. Returns their number, once they are subscribed, and how to end that.
    pub async fn listen(&self, conduct: Conduct) -> Option<(usize, crate::SubscriptionId)> {
        let number = self.enlist(conduct.batches.is_some());
        sim::note(|| format!("listener {number} is to be {conduct:?}"));
        let pool = (conduct.submits > 0).then(|| (self.number, self.pool.clone()));
        let listener = Listener { number, conduct, heard: 0, pool };
        // Not the home thread, nor that of the scene, for one that blocks it.
        let thread = match conduct.blocks {
            None => ArbiterHandle([0, 1, 2][self.sim.below(3)]),
            Some(_) => ArbiterHandle(2),
        };
        let addr = sim::start(&thread, "", move |_| listener);
        self.may_be_marked(addr.downgrade().recipient());
        let results = match conduct.batches {
            None => Subscribe::results(addr.clone().recipient()),
            Some((len, age)) => {
                Subscribe::batches(addr.clone().recipient()).max_len(len).max_age(age)
            }
        };
        let results = match conduct.window {
            None => results,
            Some(window) => {
                sim::with(|world| world.ledger.write(|books| books.streams += 1));
                results.window(window)
            }
        };
        if conduct.drained {
            // First, so that it misses none that results were counted for.
            let drained = Subscribe::drained(addr.recipient());
            self.pool.subscribe(drained).await.ok()?;
        }
        let id = self.pool.subscribe(results).await.ok()?;
        self.joined(number);
        Some((number, id))
    }

    /// Ends a subscription.
    pub async fn stop_listening(&self, (number, id): (usize, crate::SubscriptionId)) {
        sim::note(|| format!("listener {number} unsubscribes"));
        leaves(number);
        let _ = self.pool.unsubscribe(id).await;
    }

    fn enlist(&self, patient: bool) -> usize {
        let enlist = |books: &mut crate::check::Books| {
            books.listeners.push(crate::check::Listener::new(self.number, patient));
            books.listeners.len() - 1
        };
        sim::with(|world| world.ledger.write(enlist)).unwrap_or_default()
    }

    fn joined(&self, number: usize) {
        sim::note(|| format!("listener {number} is subscribed"));
        sim::with(|world| {
            world.ledger.write(|books| {
                let now = books.tick();
                books.listeners[number].since = Some(now);
            });
        });
    }

    /// Opens a stream of results with a window.
    pub fn stream(&self, buffer: usize) -> Reader {
        let number = self.enlist(false);
        let stream = self.pool.results_with_buffer(buffer);
        sim::with(|world| world.ledger.write(|books| books.streams += 1));
        self.joined(number);
        Reader { number, stream, holds_back: false }
    }
}

/// Someone who reads a stream of results.
pub struct Reader {
    number: usize,
    stream: ResultStream<Task, u64, Failure>,
    holds_back: bool,
}

impl Reader {
    /// Reads the next result; `false` at the end.
    pub async fn read(&mut self) -> bool {
        self.hold_back(false);
        let result = self.stream.next().await;
        if let Some(result) = &result {
            hear(self.number, result);
        }
        result.is_some()
    }

    /// Reads what there is at once, and returns how much that was.
    pub fn read_all(&mut self) -> usize {
        let mut read = 0;
        while let Some(Some(result)) = futures::FutureExt::now_or_never(self.stream.next()) {
            hear(self.number, &result);
            read += 1;
        }
        read
    }

    /// Reads to the end, in its own time.
    pub async fn read_on(mut self, sim: crate::sim::Sim) {
        while self.read().await {
            self.hold_back(true);
            sim.while_others_run().await;
        }
    }

    /// While it does not read, jobs may wait for it.
    pub fn hold_back(&mut self, holds: bool) {
        if std::mem::replace(&mut self.holds_back, holds) != holds {
            note_unread(if holds { 1 } else { -1 });
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.hold_back(false);
        sim::with(|world| world.ledger.write(|books| books.streams -= 1));
        leaves(self.number);
    }
}
