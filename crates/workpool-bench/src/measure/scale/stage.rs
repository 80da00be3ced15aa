//! A pool and those who hear of its results, for one run.

use std::{ops::Range, time::Duration};

use actix::{Actor, Context, Handler};
use actix_rt::time::{sleep, timeout};
use actix_workpool::{
    Builder, JobError, JobResult, Jobs, Pool, Results, Shutdown, Subscribe, Value,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::measure::{
    contenders::Out,
    load::{Load, Work},
};

/// What the pool is given and what it brings: a number each.
pub(super) type Numbers = Pool<u64, u64, String>;

/// Jobs of a batch.
pub(super) const BATCH: u64 = 1_000;

/// How long whoever waits for results waits: a benchmark that loses some must end, too.
const PATIENCE: Duration = Duration::from_secs(300);

/// Empty jobs for as many blocking workers as there are in every bench that says nothing of workers.
pub(super) fn empty(jobs: u64) -> Load {
    Load { jobs, workers: 2, work: Work::default() }
}

/// Runs what needs an actix system.
pub(super) fn in_system<R>(run: impl Future<Output = R>) -> R {
    actix_rt::System::new().block_on(run)
}

/// A running pool, whose every subscriber adds up all values.
pub(super) struct Stage {
    pub(super) pool: Numbers,
    load: Load,
    subscribers: usize,
    sums: UnboundedReceiver<u64>,
    /// How often the load has been done.
    done: u64,
}

impl Stage {
    /// A pool of blocking workers with one subscriber, who gets batches.
    pub(super) async fn plain(load: Load) -> Result<Self, String> {
        let builder = Pool::blocking(move |n: &u64, _cx| Ok(load.work.value(*n)));
        Self::new(builder, load, 1, Out::Batches).await
    }

    /// The load may be submitted several times, each time after the one before is done.
    pub(super) async fn new(
        builder: Builder<u64, u64, String>,
        load: Load,
        subscribers: usize,
        way_out: Out,
    ) -> Result<Self, String> {
        let pool = started(builder, load.workers).await?;
        let (full, sums) = unbounded_channel();
        for _ in 0..subscribers {
            let tally = Tally { each: load.jobs, left: load.jobs, sum: 0, full: full.clone() };
            let tally = tally.start();
            let subscribe = match way_out {
                Out::Batches => Subscribe::batches(tally.recipient()),
                Out::Single => Subscribe::results(tally.recipient()),
            };
            pool.subscribe(subscribe).await.map_err(|error| error.to_string())?;
        }
        Ok(Self { pool, load, subscribers, sums, done: 0 })
    }

    /// Waits until every subscriber has all results of the load, and checks them.
    pub(super) async fn all_there(&mut self) -> Result<u64, String> {
        for _ in 0..self.subscribers {
            let sum = in_time(self.sums.recv()).await?.ok_or("a subscriber has stopped")?;
            check(sum, self.load.sum())?;
        }
        self.done += 1;
        Ok(self.load.sum())
    }

    /// Ends the pool. No job can have ended twice, nor without a value.
    pub(super) async fn end(self) -> Result<(), String> {
        end(&self.pool, self.done * self.load.jobs).await
    }
}

/// Starts a pool, and waits for its threads: they are not what is measured.
pub(super) async fn started<T: Value>(
    builder: Builder<T, u64, String>,
    workers: usize,
) -> Result<Pool<T, u64, String>, String> {
    let pool = builder.workers(workers).build().map_err(|error| error.to_string())?;
    let all_live = async {
        while pool.status().await.is_ok_and(|status| status.live < workers) {
            sleep(Duration::from_millis(1)).await;
        }
    };
    in_time(all_live).await?;
    Ok(pool)
}

/// Ends a pool that has done so many jobs.
pub(super) async fn end<T: Value>(pool: &Pool<T, u64, String>, jobs: u64) -> Result<(), String> {
    let report = pool.shutdown(Shutdown::Drain(PATIENCE)).await;
    let counts = report.map_err(|error| error.to_string())?.counts;
    if counts.succeeded == jobs { Ok(()) } else { Err(format!("not {jobs} jobs, but {counts}")) }
}

/// Waits for what comes soon, or never.
pub(super) async fn in_time<R>(what: impl Future<Output = R>) -> Result<R, String> {
    let late = |_| format!("no end within {} s: results are missing", PATIENCE.as_secs());
    timeout(PATIENCE, what).await.map_err(late)
}

pub(super) fn check(sum: u64, expected: u64) -> Result<(), String> {
    if sum == expected {
        Ok(())
    } else {
        Err(format!("the values add up to {sum}, not {expected}"))
    }
}

/// A way to submit jobs.
pub(super) type Submit = fn(&Numbers, Range<u64>) -> Result<(), String>;

/// Submits in batches. The queues here have no bound: none is refused, and none waits.
pub(super) fn submit_batches(pool: &Numbers, numbers: Range<u64>) -> Result<(), String> {
    let end = numbers.end;
    for first in numbers.step_by(BATCH as usize) {
        let batch: Jobs<u64> = (first..end.min(first + BATCH)).collect();
        pool.try_submit_all(batch).map_err(|refused| refused.to_string())?;
    }
    Ok(())
}

/// Submits one by one.
pub(super) fn submit_each(pool: &Numbers, mut numbers: Range<u64>) -> Result<(), String> {
    let mut submit = |n| pool.try_submit(n).map(drop).map_err(|refused| refused.to_string());
    numbers.try_for_each(&mut submit)
}

/// Adds up values, and tells their sum each time that so many results have come.
struct Tally {
    each: u64,
    left: u64,
    sum: u64,
    full: UnboundedSender<u64>,
}

impl Tally {
    fn add(&mut self, outcome: Result<&u64, &JobError<String>>) {
        self.sum += outcome.copied().unwrap_or_default();
        self.left -= 1;
        if self.left == 0 {
            let _ = self.full.send(self.sum);
            (self.left, self.sum) = (self.each, 0);
        }
    }
}

impl Actor for Tally {
    type Context = Context<Self>;
}

impl Handler<JobResult<u64, u64, String>> for Tally {
    type Result = ();

    fn handle(&mut self, result: JobResult<u64, u64, String>, _: &mut Self::Context) {
        self.add(result.outcome());
    }
}

impl Handler<Results<u64, u64, String>> for Tally {
    type Result = ();

    fn handle(&mut self, results: Results<u64, u64, String>, _: &mut Self::Context) {
        results.iter().for_each(|result| self.add(result.outcome()));
    }
}
