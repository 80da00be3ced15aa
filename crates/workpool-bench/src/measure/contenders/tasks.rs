//! Tasks of tokio.

use std::sync::Arc;

use tokio::{
    runtime::{Builder, Runtime},
    sync::{Semaphore, mpsc},
    task::{LocalSet, yield_now},
};

use crate::measure::load::{Load, Measured, Meter};

/// A runtime of as many threads.
pub(crate) fn runtime(threads: usize) -> Runtime {
    match Builder::new_multi_thread().worker_threads(threads).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => unreachable!("no runtime: {error}"),
    }
}

/// A task for each worker takes jobs from one channel and puts results into another.
pub(super) fn flume(load: Load) -> Measured {
    let (jobs, queue) = flume::unbounded::<u64>();
    let (back, results) = flume::unbounded();
    runtime(load.workers).block_on(async {
        for _ in 0..load.workers {
            let (queue, back) = (queue.clone(), back.clone());
            tokio::spawn(async move {
                while let Ok(n) = queue.recv_async().await {
                    let _ = back.send(load.work.value(n));
                }
            });
        }
        let meter = Meter::start();
        load.numbers().for_each(|n| _ = jobs.send(n));
        let mut sum = 0;
        for _ in load.numbers() {
            sum += results.recv_async().await.unwrap_or_default();
        }
        meter.stop(sum)
    })
}

/// A task per job, and permits for as many as there are workers.
pub(super) fn semaphore(load: Load) -> Measured {
    runtime(load.workers).block_on(async {
        let permits = Arc::new(Semaphore::new(load.workers));
        let (back, results) = mpsc::unbounded_channel();
        let meter = Meter::start();
        let submit = async {
            for n in load.numbers() {
                let Ok(permit) = permits.clone().acquire_owned().await else { return };
                let back = back.clone();
                tokio::spawn(async move {
                    let _ = back.send(load.work.value(n));
                    drop(permit);
                });
            }
        };
        let (sum, ()) = tokio::join!(add_up(load, results), submit);
        meter.stop(sum)
    })
}

/// A local task per job that yields once, 1,000 of them at once, on one thread.
pub(super) fn yielding(load: Load) -> Measured {
    let Ok(runtime) = Builder::new_current_thread().build() else { unreachable!("no runtime") };
    LocalSet::new().block_on(&runtime, async {
        let permits = Arc::new(Semaphore::new(1_000));
        let (back, results) = mpsc::unbounded_channel();
        let meter = Meter::start();
        let submit = async {
            for n in load.numbers() {
                let Ok(permit) = permits.clone().acquire_owned().await else { return };
                let back = back.clone();
                tokio::task::spawn_local(async move {
                    yield_now().await;
                    let _ = back.send(load.work.value(n));
                    drop(permit);
                });
            }
        };
        let (sum, ()) = tokio::join!(add_up(load, results), submit);
        meter.stop(sum)
    })
}

pub(super) async fn add_up(load: Load, mut results: mpsc::UnboundedReceiver<u64>) -> u64 {
    let mut sum = 0;
    for _ in load.numbers() {
        sum += results.recv().await.unwrap_or_default();
    }
    sum
}
