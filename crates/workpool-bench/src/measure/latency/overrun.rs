//! How long one long job among many empty ones keeps the others waiting: the time until the last of the
//! others has its result.

use std::{
    thread,
    time::{Duration, Instant},
};

use actix_workpool::{JobResult, Jobs, Pool, ResultStream, Shutdown};
use futures::StreamExt;

use crate::measure::{contenders::BARE, peers::WORKERS, report::Row};

use super::{Contender, cases, latencies::Latencies, measure};

const HEADING: &str = "a 50 ms job in 10⁴ empty ones";

const CONTENDERS: &[Contender<()>] = &[
    (BARE, |()| crossbeam()),
    ("actix-workpool, last of the others", |()| actix_rt::System::new().block_on(workpool())),
];

const JOBS: u64 = 10_000;
const LONG: Duration = Duration::from_millis(50);

pub(super) fn rows(rounds: usize, only: &str) -> Result<Vec<Row>, String> {
    let mut all = cases(HEADING, CONTENDERS, only);
    for _ in 0..rounds {
        measure(&mut all, &())?;
    }
    Ok(super::rows(HEADING, &all))
}

/// The one in the middle of the second lot is long.
fn run(n: u64) -> u64 {
    if n == JOBS + JOBS / 2 {
        thread::sleep(LONG);
    }
    n + 1
}

fn once(took: Duration) -> Latencies {
    let mut latencies = Latencies::new();
    latencies.record(took);
    latencies
}

async fn workpool() -> Result<Latencies, String> {
    let pool = Pool::blocking(|n: &u64, _cx| Ok::<_, String>(run(*n))).workers(WORKERS).build();
    let pool = pool.map_err(|error| error.to_string())?;
    let mut results = pool.results();
    // From the first lot it learns that jobs are short, and hands out many at once.
    submit(&pool, 0).await?;
    take(&mut results, JOBS).await?;
    let started = Instant::now();
    submit(&pool, JOBS).await?;
    take(&mut results, JOBS - 1).await?;
    let took = started.elapsed();
    let last = take(&mut results, 1).await?;
    let _ = pool.shutdown(Shutdown::Now).await;
    if last == JOBS + JOBS / 2 { Ok(once(took)) } else { Err(format!("job {last} came last")) }
}

async fn submit(pool: &Pool<u64, u64, String>, first: u64) -> Result<(), String> {
    let jobs: Jobs<u64> = (first..first + JOBS).collect();
    pool.submit_all(jobs).await.map(drop).map_err(|refused| refused.to_string())
}

/// Takes so many results, and returns the last one's number.
async fn take(results: &mut ResultStream<u64, u64, String>, n: u64) -> Result<u64, String> {
    let mut last = 0;
    for _ in 0..n {
        let result: JobResult<_, _, _> = results.next().await.ok_or("a result is missing")?;
        last = *result.job().payload();
        if result.outcome() != Ok(&(last + 1)) {
            return Err(format!("job {last} brought a wrong value"));
        }
    }
    Ok(last)
}

fn crossbeam() -> Result<Latencies, String> {
    let (jobs, queue) = crossbeam_channel::unbounded();
    let (back, values) = crossbeam_channel::unbounded();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            let (queue, back) = (queue.clone(), back.clone());
            scope.spawn(move || queue.iter().for_each(|n| _ = back.send(run(n))));
        }
        let started = Instant::now();
        (JOBS..2 * JOBS).for_each(|n| _ = jobs.send(n));
        let others = values.iter().take(JOBS as usize - 1).count();
        let took = started.elapsed();
        drop(jobs);
        if others as u64 == JOBS - 1 { Ok(once(took)) } else { Err("a value is missing".into()) }
    })
}
