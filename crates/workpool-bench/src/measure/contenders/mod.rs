//! The pools that are compared, each written as its own documentation would have it. Each delivers
//! every result to one receiver.

mod actors;
mod ours;
mod tasks;
mod threads;

use super::load::{Load, Measured};

pub(crate) use ours::{In, Ours, Out};
pub(crate) use tasks::runtime;

/// One way to have jobs done.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// What it costs a job, roughly, in units of the fastest: slow ones are given fewer.
    pub(crate) weight: u64,
    pub(crate) run: fn(Load) -> Measured,
}

const fn contender(name: &'static str, weight: u64, run: fn(Load) -> Measured) -> Contender {
    Contender { name, weight, run }
}

/// What the others are compared with.
pub(crate) const BARE: &str = "crossbeam threads, bare";
pub(crate) const FULL: &str = "crossbeam threads, with the pool's bookkeeping";
pub(crate) const SYNC_ARBITER: &str = "actix SyncArbiter";
pub(crate) const TASKS: &str = "tokio, a task per job, 1,000 at once";

pub(crate) const PEERS: &[Contender] = &[
    contender(BARE, 1, threads::bare),
    contender(FULL, 3, threads::full),
    contender("actix-workpool, batches in, batches out", 1, |load| {
        Ours::new(In::Batches, Out::Batches).run(load)
    }),
    contender("actix-workpool, submit one by one, batches out", 2, |load| {
        Ours::new(In::Submit, Out::Batches).run(load)
    }),
    contender("actix-workpool, do_send, batches out", 3, |load| {
        Ours::new(In::DoSend, Out::Batches).run(load)
    }),
    contender("actix-workpool, batches in, one message a result", 3, |load| {
        Ours::new(In::Batches, Out::Single).run(load)
    }),
    contender("actix-workpool, submit one by one, one message a result", 3, |load| {
        Ours::new(In::Submit, Out::Single).run(load)
    }),
    contender("actix-workpool, do_send, one message a result", 4, |load| {
        Ours::new(In::DoSend, Out::Single).run(load)
    }),
    contender("actix-workpool, do_send, one message a result, own arbiter", 8, |load| {
        Ours::new(In::DoSend, Out::Single).on_own_arbiter().run(load)
    }),
    contender(SYNC_ARBITER, 6, actors::sync_arbiter),
    contender("threadpool", 6, threads::threadpool),
    contender("rayon, spawn_fifo", 6, threads::rayon),
    contender("tokio tasks on flume", 6, tasks::flume),
    contender("tokio, spawn and semaphore", 40, tasks::semaphore),
    contender("kameo pool", 200, actors::kameo),
    contender("ractor factory", 400, actors::ractor),
    contender("actix-workpool, async, 1,000 at once, one yield each", 4, ours::yielding),
    contender(TASKS, 10, tasks::yielding),
];
