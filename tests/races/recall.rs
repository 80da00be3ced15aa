//! Jobs that were handed out and have not started.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use actix_workpool::{Builder, Jobs, OnFull, Pool, Queue, StepClock};
use futures::FutureExt;

use crate::{
    held::Latch,
    support::{Numbers, Turnstile, is_cancelled, listen, payloads, status_when},
};

/// Notes who starts. Job `HELD` keeps its thread until the latch opens.
struct Starts(Arc<Mutex<Vec<u64>>>, Latch);

const HELD: u64 = u64::MAX;

impl Starts {
    fn new() -> Self {
        Self(Arc::default(), Latch::new())
    }

    fn pool(&self, workers: usize) -> Numbers {
        self.builder(workers).build().unwrap()
    }

    fn builder(&self, workers: usize) -> Builder<u64, u64, String> {
        let (log, latch) = (self.0.clone(), self.1.clone());
        let pool = Pool::blocking(move |n: &u64, _cx| {
            log.lock().unwrap().push(*n);
            if *n == HELD {
                latch.hold();
            }
            Ok(*n)
        });
        // By this clock all jobs are short, so workers are supplied ahead.
        pool.workers(workers).clock(StepClock::new())
    }

    fn take(&self) -> Vec<u64> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// A pool with one worker that runs `HELD`, and 100 jobs that it was handed beside that.
async fn supplied(starts: &Starts) -> Numbers {
    let pool = starts.pool(1);
    pool.submit_all((1_000..5_000).collect()).await.unwrap();
    pool.drain().await.unwrap();
    starts.take();
    let jobs = std::iter::once(HELD).chain(0..100);
    pool.submit_all(jobs.collect()).await.unwrap();
    starts.1.reached(1).await;
    status_when(&pool, |status| status.leased > 0).await;
    pool
}

#[actix::test]
async fn what_is_recalled_before_it_starts_runs_once_and_keeps_its_place() {
    let starts = Starts::new();
    let pool = supplied(&starts).await;
    pool.pause().await.unwrap();
    let status = pool.status().await.unwrap();
    assert_eq!((status.leased, status.queued), (0, 100), "all were taken back");
    pool.submit_all((100..200).collect()).await.unwrap();
    pool.resume().await.unwrap();
    starts.1.open();
    pool.drain().await.unwrap();
    let expected: Vec<_> = std::iter::once(HELD).chain(0..200).collect();
    assert_eq!(starts.take(), expected);
}

#[actix::test]
async fn what_has_started_is_not_recalled() {
    let starts = Starts::new();
    let pool = supplied(&starts).await;
    let mut ears = listen(&pool).await;
    pool.pause().await.unwrap();
    starts.1.open();
    assert_eq!(payloads(&[ears.result().await]), [HELD]);
    assert_eq!(status_when(&pool, |status| status.running == 0).await.queued, 100);
    assert_eq!(starts.take(), [HELD]);
}

#[actix::test]
async fn what_comes_back_from_a_worker_pushes_nothing_out_of_a_full_queue() {
    for on_full in [OnFull::EvictOldest, OnFull::EvictYoungest] {
        let starts = Starts::new();
        let pool = starts.builder(2).queue(Queue::bounded(5_000).on_full(on_full)).build().unwrap();
        pool.submit_all((1_000..5_000).collect()).await.unwrap();
        pool.drain().await.unwrap();
        pool.submit_all([HELD, HELD].into_iter().collect()).await.unwrap();
        starts.1.reached(2).await;
        pool.submit_all((0..5_000).collect()).await.unwrap();
        let leased = pool.status().await.unwrap().leased as u64;
        pool.submit_all((5_000..5_000 + leased).collect()).await.unwrap();
        pool.pause().await.unwrap();
        pool.resume().await.unwrap();
        pool.resize(1).await.unwrap();
        starts.1.open();
        pool.drain().await.unwrap();
        assert_eq!(pool.status().await.unwrap().counts.evicted, 0);
    }
}

#[actix::test]
async fn what_is_recalled_for_a_shutdown_ends_as_cancelled_and_never_starts() {
    let starts = Starts::new();
    let pool = supplied(&starts).await;
    let mut ears = listen(&pool).await;
    let mut report = std::pin::pin!(pool.shutdown(actix_workpool::Shutdown::Now));
    assert!((&mut report).now_or_never().is_none());
    let cancelled = ears.results(100).await;
    assert!(cancelled.iter().all(|result| is_cancelled(result) && result.attempts() == 0));
    starts.1.open();
    assert_eq!(report.await.unwrap().counts.cancelled, 100);
    assert_eq!(starts.take(), [HELD]);
}

#[actix::test]
async fn while_recall_and_start_meet_every_job_starts_once() {
    const JOBS: usize = 20_000;
    let times: Arc<Vec<_>> = Arc::new((0..JOBS).map(|_| AtomicUsize::new(0)).collect());
    let (gate, overrun) = (Turnstile::new(), Arc::new(AtomicBool::new(false)));
    let (counts, held, overruns) = (times.clone(), gate.clone(), overrun.clone());
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        counts[*n as usize].fetch_add(1, Ordering::SeqCst);
        // Now and then one overruns with others behind it, which are then recalled.
        if n.is_multiple_of(500) && overruns.load(Ordering::SeqCst) {
            held.pass().await;
        }
        Ok(*n)
    })
    .workers(4)
    .threads(2)
    .build()
    .unwrap();
    overrun.store(true, Ordering::SeqCst);
    pool.submit_all((0..JOBS as u64).collect::<Jobs<_>>()).await.unwrap();
    for _ in 0..JOBS / 500 {
        gate.reached(1).await;
        pool.pause().await.unwrap();
        pool.resume().await.unwrap();
        gate.open(1);
    }
    pool.drain().await.unwrap();
    assert!(times.iter().all(|times| times.load(Ordering::SeqCst) == 1));
}
