//! cargo run --example guide
//!
//! A worker pool in the five steps in which one builds it in Go. A comment that starts with `Go:` is
//! the Go for what stands below it.
use std::{error::Error, num::ParseIntError};

use actix_workpool::{Job, JobContext, JobResult, Pool, Queue, Shutdown};
use futures::{
    Future, StreamExt,
    channel::mpsc::{self, UnboundedReceiver},
    future::{self, Either},
    stream,
};

#[actix::main]
async fn main() -> Result<(), Box<dyn Error>> {
    add_up().await?;
    give_up().await
}

// 1. A typed job. `Job::new` gives it an id. Its result brings the job back, whether it succeeded or
//    failed, so there is no type of results to write.
//
// Go: type Job struct { ID int; Name, Amounts string }
struct Bill {
    name: &'static str,
    amounts: &'static str,
}

// Go: type Result struct { Job Job; Total int; Err error }
type Total = JobResult<Bill, u64, BillError>;

#[derive(Debug, thiserror::Error)]
enum BillError {
    #[error("not an amount: {0}")]
    Amount(#[from] ParseIntError),
    #[error("told to stop")]
    Stopped,
}

// 2. The process function.
//
// Go: func total(ctx context.Context, job Job) (int, error) {
fn total(bill: &Bill, cx: &JobContext<Bill, u64, BillError>) -> Result<u64, BillError> {
    let mut total = 0;
    for amount in bill.amounts.split(" + ") {
        // Go: if ctx.Err() != nil { return 0, ctx.Err() }
        if cx.is_cancelled() {
            return Err(BillError::Stopped);
        }
        // Go: n, err := strconv.Atoi(amount); if err != nil { return 0, err }
        total += amount.parse::<u64>()?;
    }
    Ok(total)
}

async fn add_up() -> Result<(), Box<dyn Error>> {
    // 3. The channel of jobs, and the workers that read it.
    let pool = Pool::blocking(total)
        // Go: for w := 1; w <= 3; w++ { go worker(ctx, jobs, results) }
        .workers(3)
        // Go: jobs := make(chan Job, 100)
        .queue(Queue::bounded(100))
        .build()?;
    // Go: results := make(chan Result, 1024)
    let mut results = pool.results();

    let bills = [("Ada", "12 + 30"), ("Grace", "7 + 8 + 9"), ("Edsger", "5 + six"), ("Tony", "1")];
    for (name, amounts) in bills {
        let job = Job::new(Bill { name, amounts });
        // Waits while the queue is full, as the channel does. Where there are more jobs than queue
        // and results have room for, submit them from a task of its own, or use `pool.process`.
        //
        // Go: jobs <- job
        pool.submit(job).await?;
    }
    // Go: close(jobs)
    drop(pool);

    // 4. Results until they end. They do so by themselves, after the last one; in Go, this takes
    //    `go func() { wg.Wait(); close(results) }()`.
    let mut totals: Vec<Total> = Vec::new();
    // Go: for r := range results {
    while let Some(result) = results.next().await {
        totals.push(result);
    }
    // Three workers finish in any order. Ids that one thread makes rise, so this is the order of
    // the jobs.
    totals.sort_by_key(JobResult::id);
    for result in &totals {
        let Bill { name, amounts } = result.job().payload();
        match result.outcome() {
            Ok(total) => println!("{name}: {amounts} = {total}"),
            // Go: if r.Err != nil { log.Print(r.Job.Name, r.Err) }
            Err(error) => println!("{name}: {amounts}: {error}"),
        }
    }
    Ok(())
}

/// A job that ends only when it is told to.
struct Watch(&'static str);

async fn give_up() -> Result<(), Box<dyn Error>> {
    // 5. Cancellation. There is no context to make: whoever holds the future of a job, or the stream
    //    that its result will come by, cancels it by dropping that. The job hears of it through `cx`.
    let (running, mut runs) = mpsc::unbounded();
    let pool = Pool::builder(async move |watch: &Watch, cx| -> Result<(), BillError> {
        // Go: runs <- job.Name
        running.unbounded_send(watch.0).ok();
        // Go: <-ctx.Done(); return ctx.Err()
        cx.cancelled().await;
        Err(BillError::Stopped)
    })
    // One worker: of two jobs, it is certain which one runs and which one waits.
    .workers(1)
    .build()?;
    let results = pool.results();

    // Go: ctx, cancel := context.WithCancel(context.Background())
    // Go: go func() { done <- watch(ctx, job) }()
    let mut run = Box::pin(pool.run(Watch("one")));
    until_one_runs(&mut run, &mut runs).await;
    // Go: cancel()
    drop(run);

    // Go: for _, job := range more { go func() { done <- watch(ctx, job) }() }
    let mut more = pool.process(stream::iter([Watch("two"), Watch("three")]));
    until_one_runs(more.next(), &mut runs).await;
    // Go: cancel()
    drop(more);

    pool.submit(Watch("four")).await?;
    pool.submit(Watch("five")).await?;
    until_one_runs(future::pending::<()>(), &mut runs).await;
    // Go: cancel(); wg.Wait()
    let report = pool.shutdown(Shutdown::Now).await?;

    // The results of one, two and three were for those who gave them up. The others are here: a job
    // that ran returned its own error, and one that never started ends as cancelled. They come in
    // any order.
    let mut others: Vec<_> = results.collect().await;
    others.sort_by_key(JobResult::id);
    for result in &others {
        if let Err(error) = result.outcome() {
            println!("{}: {error}", result.job().payload().0);
        }
    }
    println!("all five: {}", report.counts);
    Ok(())
}

/// Drives `work` until a job says that it runs.
async fn until_one_runs(work: impl Future + Unpin, runs: &mut UnboundedReceiver<&'static str>) {
    // Go: select { case <-done: case name := <-runs: fmt.Println(name, "runs") }
    if let Either::Right((Some(name), _)) = future::select(work, runs.next()).await {
        println!("{name} runs");
    }
}
