//! From when a job was due to when its value is there, under load that does not wait for anyone.
//!
//! Each contender is used as its documentation has it. Crossbeam's threads, rayon and the tasks on flume
//! are given their jobs by the thread that sleeps until they are due, since all of these can be called
//! from anywhere; the values go to another thread, or task, through a channel. Actix code submits on an
//! arbiter, by `do_send` and `try_submit`, woken by that thread; the values are messages to an actor on
//! the same arbiter. What is used "from another thread" is called by the sleeper itself, while its
//! values go to that actor all the same.

use std::{thread, time::Duration};

use actix::{Actor, Context, Handler, Message, Recipient, SyncArbiter, SyncContext};
use actix_workpool::{Pool, Results, Shutdown, Subscribe};
use crossbeam_channel::{Receiver, unbounded};
use tokio::{sync::oneshot, time::timeout_at};

use crate::measure::{
    contenders::{BARE, SYNC_ARBITER, runtime},
    grains::split,
    load::{Load, Work},
    peers::WORKERS,
    report::{Row, median},
};

use super::{
    Contender, arrivals, cases,
    latencies::Latencies,
    measure,
    plan::{Ledger, Plan, Submitter, WARM_UP},
};

/// In percent, and for how many seconds it is recorded: where few jobs come, longer.
const LOADS: [(u64, u64); 3] = [(10, 2), (50, 1), (90, 1)];
const GRAIN: Duration = Duration::from_micros(100);

const CONTENDERS: &[Contender<Plan>] = &[
    (BARE, bare),
    (SYNC_ARBITER, |plan| sync_arbiter(plan, Caller::Arbiter)),
    ("actix SyncArbiter, from another thread", |plan| sync_arbiter(plan, Caller::Thread)),
    ("actix-workpool, try_submit, batches out", |plan| workpool(plan, Caller::Arbiter)),
    ("actix-workpool, try_submit from another thread, batches out, own arbiter", |plan| {
        workpool(plan, Caller::Thread)
    }),
    ("rayon, spawn_fifo", rayon),
    ("tokio tasks on flume", flume),
];

/// The rows, and how many jobs a second were 100 % in each round.
pub(super) fn rows(rounds: usize, only: &str) -> Result<(Vec<Row>, Vec<f64>), String> {
    let work = Work::lasting(GRAIN);
    let (mut rows, mut capacities) = (Vec::new(), Vec::new());
    for (percent, seconds) in LOADS {
        let heading = format!("{percent} % load");
        let mut all = cases(&heading, CONTENDERS, only);
        if all.is_empty() {
            continue;
        }
        for round in 0..rounds {
            let capacity = capacity(work);
            capacities.push(capacity);
            // All have the same times, and other rounds have others.
            let per_second = capacity * percent as f64 / 100.0;
            let due = arrivals(round as u64, per_second, WARM_UP + Duration::from_secs(seconds));
            measure(&mut all, &Plan::new(due, work))?;
        }
        rows.extend(super::rows(&heading, &all));
    }
    Ok((rows, capacities))
}

/// How many jobs a second two threads do that have their share beforehand, as the machine is now.
fn capacity(work: Work) -> f64 {
    let load = Load { jobs: 2_000, workers: WORKERS, work };
    median((0..3).map(|_| load.jobs as f64 / split(load).as_secs_f64()))
}

fn bare(plan: &Plan) -> Result<Latencies, String> {
    let (submitter, ledger) = plan.start();
    let (jobs, queue) = unbounded();
    let (back, results) = unbounded();
    let work = plan.work;
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            let (queue, back) = (queue.clone(), back.clone());
            scope.spawn(move || queue.iter().for_each(|n| _ = back.send(work.value(n))));
        }
        submitter.on_a_thread(move |n| _ = jobs.send(n));
        receive(ledger, &results)
    })
}

fn rayon(plan: &Plan) -> Result<Latencies, String> {
    let (submitter, ledger) = plan.start();
    let threads = rayon::ThreadPoolBuilder::new().num_threads(WORKERS);
    let pool = threads.build().map_err(|error| error.to_string())?;
    let (back, results) = unbounded();
    let work = plan.work;
    submitter.on_a_thread(move |n| {
        let back = back.clone();
        pool.spawn_fifo(move || _ = back.send(work.value(n)));
    });
    receive(ledger, &results)
}

fn receive(mut ledger: Ledger, results: &Receiver<u64>) -> Result<Latencies, String> {
    let deadline = ledger.deadline();
    while ledger.waits()
        && let Ok(value) = results.recv_deadline(deadline)
    {
        ledger.note(value);
    }
    ledger.close()
}

fn flume(plan: &Plan) -> Result<Latencies, String> {
    let (submitter, mut ledger) = plan.start();
    let (jobs, queue) = flume::unbounded::<u64>();
    let (back, results) = flume::unbounded();
    let work = plan.work;
    runtime(WORKERS).block_on(async {
        for _ in 0..WORKERS {
            let (queue, back) = (queue.clone(), back.clone());
            tokio::spawn(async move {
                while let Ok(n) = queue.recv_async().await {
                    let _ = back.send(work.value(n));
                }
            });
        }
        submitter.on_a_thread(move |n| _ = jobs.send(n));
        let deadline = ledger.deadline().into();
        let receive = async {
            while ledger.waits()
                && let Ok(value) = results.recv_async().await
            {
                ledger.note(value);
            }
        };
        // What has not come by then, the ledger knows to be missing.
        let _ = timeout_at(deadline, receive).await;
        ledger.close()
    })
}

/// Where actix code submits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Arbiter,
    Thread,
}

impl Caller {
    fn submit(self, submitter: Submitter, submit: impl FnMut(u64) + Send + 'static) {
        match self {
            Self::Arbiter => _ = actix_rt::spawn(submitter.here(submit)),
            Self::Thread => submitter.on_a_thread(submit),
        }
    }
}

fn workpool(plan: &Plan, caller: Caller) -> Result<Latencies, String> {
    let work = plan.work;
    let builder = Pool::blocking(move |n: &u64, _cx| Ok::<_, String>(work.value(*n)));
    let builder = builder.workers(WORKERS);
    let builder = if caller == Caller::Thread { builder.own_arbiter() } else { builder };
    actix_rt::System::new().block_on(async {
        let (submitter, ledger) = plan.start();
        let pool = builder.build().map_err(|error| error.to_string())?;
        let (clerk, filled) = Clerk::new(ledger);
        let subscribe = Subscribe::batches(clerk.start().recipient());
        pool.subscribe(subscribe).await.map_err(|error| error.to_string())?;
        let jobs = pool.clone();
        caller.submit(submitter, move |n| _ = jobs.try_submit(n));
        let latencies = filled.await;
        let _ = pool.shutdown(Shutdown::Now).await;
        latencies
    })
}

fn sync_arbiter(plan: &Plan, caller: Caller) -> Result<Latencies, String> {
    let work = plan.work;
    actix_rt::System::new().block_on(async {
        let (submitter, ledger) = plan.start();
        let (clerk, filled) = Clerk::new(ledger);
        let results = clerk.start().recipient();
        let worker = move || SyncWorker { work, results: results.clone() };
        let workers = SyncArbiter::start(WORKERS, worker);
        caller.submit(submitter, move |n| workers.do_send(Ask(n)));
        filled.await
    })
}

#[derive(Message)]
#[rtype(result = "()")]
struct Ask(u64);

#[derive(Message)]
#[rtype(result = "()")]
struct Value(u64);

struct SyncWorker {
    work: Work,
    results: Recipient<Value>,
}

impl Actor for SyncWorker {
    type Context = SyncContext<Self>;
}

impl Handler<Ask> for SyncWorker {
    type Result = ();

    fn handle(&mut self, Ask(n): Ask, _: &mut Self::Context) {
        self.results.do_send(Value(self.work.value(n)));
    }
}

/// The actor who gets the values. It hands over its ledger when there is nothing to wait for any more.
struct Clerk(Option<(Ledger, oneshot::Sender<Ledger>)>);

impl Clerk {
    fn new(ledger: Ledger) -> (Self, impl Future<Output = Result<Latencies, String>>) {
        let (sender, filled) = oneshot::channel::<Ledger>();
        let filled = timeout_at(ledger.deadline().into(), filled);
        let filled = async {
            let ledger = filled.await.map_err(|_| "values are missing")?;
            ledger.map_err(|_| "the actor who gets the values is gone")?.close()
        };
        (Self(Some((ledger, sender))), filled)
    }

    fn note(&mut self, value: u64) {
        let Some((ledger, _)) = &mut self.0 else { return };
        ledger.note(value);
        if !ledger.waits()
            && let Some((ledger, filled)) = self.0.take()
        {
            let _ = filled.send(ledger);
        }
    }
}

impl Actor for Clerk {
    type Context = Context<Self>;
}

impl Handler<Value> for Clerk {
    type Result = ();

    fn handle(&mut self, Value(value): Value, _: &mut Self::Context) {
        self.note(value);
    }
}

impl Handler<Results<u64, u64, String>> for Clerk {
    type Result = ();

    fn handle(&mut self, results: Results<u64, u64, String>, _: &mut Self::Context) {
        // No job has the value 0, so what brought none is wrong.
        results.iter().for_each(|result| self.note(result.outcome().copied().unwrap_or_default()));
    }
}
