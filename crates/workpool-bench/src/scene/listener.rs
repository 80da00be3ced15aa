//! Subscribers: real actors, on a thread of the program's or at home.

use std::{panic::resume_unwind, time::Duration};

use crate::{
    Drained, JobResult, Missed, Pool, Results,
    check::{Kind, Way},
    sim,
};
use actix::{Actor, ActorContext, Context, Handler};

use super::{
    bomb::{defuse, reason},
    task::{Act, Failure, Gate, Output, Task, job, lit},
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
    /// It misses results for which its window has no room, and this one is told.
    pub misses: Option<Told>,
    /// Its subscriptions are weak: its actor is held by the run alone.
    pub weak: bool,
    /// It blocks its thread in the handler of its first result, until the gate is open.
    pub blocks: Option<Gate>,
    /// It submits a job for each of the first so many results. It then keeps the pool alive.
    pub submits: u64,
}

/// Who is told of results that a listener missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The listener.
    Itself,
    /// Another actor.
    Another,
}

pub(crate) type Outcome = JobResult<Task, Output, Failure>;

pub(crate) struct Listener {
    pub(super) number: usize,
    pub(super) conduct: Conduct,
    pub(super) heard: u64,
    pub(super) pool: Option<(usize, Pool<Task, Output, Failure>)>,
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
            super::submit::decided(&[number], &handle.try_submit(lit(job)).map_err(reason));
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

pub(super) fn leaves(listener: usize) {
    sim::with(|world| {
        world.ledger.write(|books| {
            let listener = &mut books.listeners[listener];
            (listener.left, listener.left_between) = (true, None);
        });
    });
}

/// Results wait for someone who handles none, or no longer do.
pub(super) fn note_unread(change: isize) {
    let note = |unread: usize| unread.saturating_add_signed(change);
    sim::with(|world| world.ledger.write(|books| books.unread = note(books.unread)));
}

/// Takes note of a result. What becomes of its values is the listener's matter from here on.
pub(super) fn hear(listener: usize, result: &Outcome) {
    defuse(result);
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

impl Handler<Results<Task, Output, Failure>> for Listener {
    type Result = ();

    fn handle(&mut self, results: Results<Task, Output, Failure>, ctx: &mut Context<Self>) {
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

impl Handler<Missed> for Listener {
    type Result = ();

    fn handle(&mut self, Missed { count, .. }: Missed, _: &mut Context<Self>) {
        sim::note(|| format!("listener {} missed {count}", self.number));
        sim::with(|world| world.ledger.misses(self.number, count));
    }
}
