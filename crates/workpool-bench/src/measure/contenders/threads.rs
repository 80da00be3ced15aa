//! Threads, with and without a library around them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::measure::load::{Load, Measured, Meter};

/// Threads that take jobs from one channel and put results into another.
pub(super) fn bare(load: Load) -> Measured {
    let worker = move |jobs: Receiver<u64>, results: Sender<u64>| {
        jobs.iter().for_each(|n| _ = results.send(load.work.value(n)));
    };
    with_threads(load, worker, |n| n, |value| value)
}

struct Job {
    id: u64,
    payload: u64,
    queued: Instant,
}

struct JobResult {
    job: Job,
    outcome: Result<u64, String>,
    worker: usize,
    started: Instant,
    ended: Instant,
}

/// The same, with what the pool keeps of each job: an id, when it was queued, started and ended, who
/// ran it, its outcome, and the job itself; and a panic costs its own job alone.
pub(super) fn full(load: Load) -> Measured {
    static IDS: AtomicU64 = AtomicU64::new(0);
    let worker = move |jobs: Receiver<Job>, results: Sender<JobResult>| {
        // The end of one job is the start of the next.
        let mut started = Instant::now();
        for job in jobs {
            let run = AssertUnwindSafe(|| Ok(load.work.value(job.payload)));
            let outcome = catch_unwind(run).unwrap_or_else(|_| Err("it panicked".into()));
            let ended = Instant::now();
            let _ = results.send(JobResult { job, outcome, worker: 0, started, ended });
            started = ended;
        }
    };
    let mut now = Instant::now();
    let job = move |payload: u64| {
        // One reading serves a burst, as in the pool.
        if payload.is_multiple_of(64) {
            now = Instant::now();
        }
        Job { id: IDS.fetch_add(1, Ordering::Relaxed), payload, queued: now }
    };
    let value = |result: JobResult| {
        std::hint::black_box((result.job.id, result.job.queued, result.worker));
        std::hint::black_box((result.started, result.ended));
        result.outcome.unwrap_or_default()
    };
    with_threads(load, worker, job, value)
}

fn with_threads<J: Send + 'static, R: Send + 'static>(
    load: Load,
    worker: impl Fn(Receiver<J>, Sender<R>) + Copy + Send + 'static,
    mut job: impl FnMut(u64) -> J,
    value: impl Fn(R) -> u64,
) -> Measured {
    let (jobs, queue) = unbounded();
    let (back, results) = unbounded();
    let start = |_| {
        let (queue, back) = (queue.clone(), back.clone());
        thread::spawn(move || worker(queue, back))
    };
    let threads: Vec<_> = (0..load.workers).map(start).collect();
    drop(back);
    let meter = Meter::start();
    load.numbers().for_each(|n| _ = jobs.send(job(n)));
    let sum = results.iter().take(load.jobs as usize).map(value).sum();
    let measured = meter.stop(sum);
    drop(jobs);
    threads.into_iter().for_each(|thread| _ = thread.join());
    measured
}

pub(super) fn threadpool(load: Load) -> Measured {
    let pool = threadpool::ThreadPool::new(load.workers);
    let (back, results) = unbounded();
    let meter = Meter::start();
    for n in load.numbers() {
        let back = back.clone();
        pool.execute(move || _ = back.send(load.work.value(n)));
    }
    let sum = results.iter().take(load.jobs as usize).sum();
    let measured = meter.stop(sum);
    pool.join();
    measured
}

pub(super) fn rayon(load: Load) -> Measured {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(load.workers);
    let Ok(pool) = threads.build() else { unreachable!("no threads for rayon") };
    let (back, results) = unbounded();
    let meter = Meter::start();
    for n in load.numbers() {
        let back = back.clone();
        pool.spawn_fifo(move || _ = back.send(load.work.value(n)));
    }
    let sum = results.iter().take(load.jobs as usize).sum();
    meter.stop(sum)
}
