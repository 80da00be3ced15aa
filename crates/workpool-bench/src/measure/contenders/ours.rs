//! actix-workpool, in each way in and out.

use actix::{Actor, Context, Handler};
use actix_workpool::{Builder, Job, JobError, JobResult, Jobs, Pool, Results, Shutdown, Subscribe};
use tokio::{sync::oneshot, task::yield_now};

use crate::measure::load::{Load, Measured, Meter};

/// What the pool is given and what it brings: a number each.
type Numbers = Pool<u64, u64, String>;

/// How jobs go in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum In {
    /// `submit_all`, 1,000 at once.
    Batches,
    /// `submit`, one after another.
    Submit,
    /// A message each to the dispatcher's address.
    DoSend,
}

/// How results come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Out {
    /// A message for all that is there.
    Batches,
    /// A message each.
    Single,
}

/// A way to use the pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ours {
    way_in: In,
    way_out: Out,
    own_arbiter: bool,
}

/// Jobs of a batch.
const BATCH: u64 = 1_000;

impl Ours {
    pub(crate) const fn new(way_in: In, way_out: Out) -> Self {
        Self { way_in, way_out, own_arbiter: false }
    }

    pub(crate) const fn on_own_arbiter(self) -> Self {
        Self { own_arbiter: true, ..self }
    }

    pub(crate) fn run(self, load: Load) -> Measured {
        let builder = Pool::blocking(move |n: &u64, _cx| Ok(load.work.value(*n)));
        let builder = builder.workers(load.workers);
        let builder = if self.own_arbiter { builder.own_arbiter() } else { builder };
        self.run_with(load, builder)
    }

    fn run_with(self, load: Load, builder: Builder<u64, u64, String>) -> Measured {
        actix_rt::System::new().block_on(async {
            let Ok(pool) = builder.build() else { unreachable!("no pool") };
            let (done, sum) = oneshot::channel();
            let adder = Adder { left: load.jobs, sum: 0, done: Some(done) }.start();
            let subscribe = match self.way_out {
                Out::Batches => Subscribe::batches(adder.recipient()),
                Out::Single => Subscribe::results(adder.recipient()),
            };
            let Ok(_) = pool.subscribe(subscribe).await else { unreachable!("no subscription") };
            let meter = Meter::start();
            submit(&pool, load, self.way_in).await;
            let measured = meter.stop(sum.await.unwrap_or_default());
            let _ = pool.shutdown(Shutdown::Now).await;
            measured
        })
    }
}

async fn submit(pool: &Numbers, load: Load, way_in: In) {
    match way_in {
        In::Batches => {
            for first in load.numbers().step_by(BATCH as usize) {
                let batch = first..load.jobs.min(first + BATCH);
                let _ = pool.submit_all(batch.collect::<Jobs<u64>>()).await;
            }
        }
        In::Submit => {
            for n in load.numbers() {
                let _ = pool.submit(n).await;
            }
        }
        In::DoSend => load.numbers().for_each(|n| pool.dispatcher().do_send(Job::new(n))),
    }
}

/// Async jobs, 1,000 at once, each of which yields once.
pub(super) fn yielding(load: Load) -> Measured {
    let builder = Pool::builder(async move |n: &u64, _cx| {
        yield_now().await;
        Ok(load.work.value(*n))
    });
    Ours::new(In::Batches, Out::Batches).run_with(load, builder.workers(1_000))
}

/// Adds up values until so many results have come.
struct Adder {
    left: u64,
    sum: u64,
    done: Option<oneshot::Sender<u64>>,
}

impl Adder {
    fn add(&mut self, outcome: Result<&u64, &JobError<String>>) {
        self.sum += outcome.copied().unwrap_or_default();
        self.left -= 1;
        if self.left == 0
            && let Some(done) = self.done.take()
        {
            let _ = done.send(self.sum);
        }
    }
}

impl Actor for Adder {
    type Context = Context<Self>;
}

impl Handler<JobResult<u64, u64, String>> for Adder {
    type Result = ();

    fn handle(&mut self, result: JobResult<u64, u64, String>, _: &mut Self::Context) {
        self.add(result.outcome());
    }
}

impl Handler<Results<u64, u64, String>> for Adder {
    type Result = ();

    fn handle(&mut self, results: Results<u64, u64, String>, _: &mut Self::Context) {
        results.iter().for_each(|result| self.add(result.outcome()));
    }
}
