//! A number of workers that changes while the pool runs.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "support/held.rs"]
mod held;
mod support;

use std::{
    collections::BTreeSet,
    convert::Infallible,
    pin::pin,
    sync::mpsc::{Sender, channel},
    thread::{self, ThreadId},
    time::Duration,
};

use actix_workpool::{
    BlockingProcessor, Builder, JobContext, Pool, Resize, ResizeError, Shutdown, Stopped,
};
use futures::{FutureExt, StreamExt, future};
use held::{Latch, blocked_by};
use support::{
    Crowd, Numbers, Turnstile, behind, is_cancelled, listen, mixed, payloads, status_when,
    warnings, yield_now,
};

const MINUTE: Duration = Duration::from_secs(60);

#[actix::test]
async fn a_pool_that_grows_runs_as_many_jobs_at_once() {
    for threads in [1, 3] {
        let gate = Turnstile::new();
        let pool = behind(&gate).workers(1).threads(threads).build().unwrap();
        pool.submit_all((0..5_u64).collect()).await.unwrap();
        gate.reached(1).await;
        pool.resize(4).await.unwrap();
        gate.reached(3).await;
        let status = pool.status().await.unwrap();
        assert_eq!((status.workers, status.running), (4, 4));
        gate.open(5);
        pool.drain().await.unwrap();
    }
}

#[actix::test]
async fn a_blocking_pool_that_grows_has_a_thread_for_each_worker() {
    let latch = Latch::new();
    let pool = blocked_by(&latch).workers(1).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..4_u64).collect()).await.unwrap();
    latch.reached(1).await;
    pool.resize(3).await.unwrap();
    latch.reached(2).await;
    latch.open();
    let results = ears.results(4).await;
    let workers: BTreeSet<_> =
        results.iter().filter_map(|result| result.worker()).map(|worker| worker.get()).collect();
    assert_eq!(workers.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
}

#[actix::test]
async fn shrink_3_to_1_with_three_running_kills_none_and_the_next_starts_when_none_runs() {
    for threads in [1, 2, 3] {
        let gate = Turnstile::new();
        let pool = behind(&gate).workers(3).threads(threads).build().unwrap();
        let mut ears = listen(&pool).await;
        pool.submit_all((0..5_u64).collect()).await.unwrap();
        gate.reached(3).await;
        pool.resize(1).await.unwrap();
        for running in [2, 1] {
            gate.open(1);
            assert!(ears.result().await.outcome().is_ok());
            let status = status_when(&pool, |status| status.live == running).await;
            assert_eq!((status.workers, status.running), (1, running));
            assert!(pin!(gate.reached(1)).now_or_never().is_none(), "{running} run");
        }
        gate.open(1);
        gate.reached(1).await;
        assert_eq!(pool.status().await.unwrap().running, 1);
        gate.open(2);
        assert_eq!(ears.results(3).await.len(), 3);
    }
}

#[actix::test]
async fn shrink_3_to_1_of_blocking_workers_kills_none_and_the_next_starts_when_none_runs() {
    let crowd = Crowd::default();
    let (latches, late) = ([Latch::new(), Latch::new(), Latch::new()], crowd.clone());
    let held = latches.clone();
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        match held.get(usize::try_from(*n).unwrap()) {
            Some(latch) => latch.hold(),
            None => late.enter(),
        }
        if *n >= 3 {
            late.leave();
        }
        Ok(*n)
    })
    .workers(3)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..40_u64).collect()).await.unwrap();
    for latch in &latches {
        latch.reached(1).await;
    }
    pool.resize(1).await.unwrap();
    for (n, latch) in (0_u64..2).zip(&latches) {
        latch.open();
        assert_eq!(payloads(&ears.results(1).await), [n]);
    }
    assert_eq!(status_when(&pool, |status| status.live == 1).await.running, 1);
    latches[2].open();
    assert_eq!(payloads(&ears.results(38).await), (2..40).collect::<Vec<_>>(), "one by one");
    assert_eq!(crowd.most(), 1);
}

#[actix::test]
async fn resize_to_0_then_drain_waits_and_says_why_and_growing_goes_on() {
    warnings::listen();
    let gate = Turnstile::new();
    let pool = behind(&gate).named("sized").workers(2).build().unwrap();
    pool.submit_all((0..3_u64).collect()).await.unwrap();
    gate.reached(2).await;
    pool.resize(0).await.unwrap();
    let mut drained = pin!(pool.drain());
    gate.open(3);
    let status = status_when(&pool, |status| status.live == 0).await;
    assert_eq!((status.workers, status.running), (0, 0));
    assert!(drained.as_mut().now_or_never().is_none());
    let said = warnings::take();
    let why = "no worker of the pool is live";
    assert!(said.iter().any(|line| line.contains(why) && line.contains("sized")), "{said:?}");
    pool.resize(1).await.unwrap();
    drained.await.unwrap();
}

#[actix::test]
async fn drain_then_resize_to_0_waits_until_there_are_workers_again() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).build().unwrap();
    pool.submit_all((0..2_u64).collect()).await.unwrap();
    let mut drained = pin!(pool.drain());
    assert!(drained.as_mut().now_or_never().is_none());
    pool.resize(0).await.unwrap();
    gate.open(2);
    status_when(&pool, |status| status.live == 0).await;
    assert!(drained.as_mut().now_or_never().is_none());
    pool.resize(2).await.unwrap();
    drained.await.unwrap();
}

/// Says on which thread it lived, when it is dropped.
struct Tenant(Sender<ThreadId>);

impl Drop for Tenant {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

impl BlockingProcessor for Tenant {
    type Payload = u64;
    type Output = ThreadId;
    type Error = Infallible;

    fn process(
        &mut self,
        _: &u64,
        _: &JobContext<u64, ThreadId, Infallible>,
    ) -> Result<ThreadId, Infallible> {
        Ok(thread::current().id())
    }
}

#[actix::test]
async fn a_worker_that_leaves_drops_its_processor_on_its_own_thread() {
    let (tell, told) = channel();
    let build = move || Ok::<_, Infallible>(Tenant(tell.clone()));
    let pool = Pool::blocking_processor(build).workers(1).build().unwrap();
    let own = pool.run(1_u64).await.unwrap();
    pool.resize(0).await.unwrap();
    assert_eq!(told.recv().unwrap(), own);
    pool.resize(1).await.unwrap();
    let next = pool.run(2_u64).await.unwrap();
    assert_ne!(next, own, "a new worker has a new thread");
    pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
    assert_eq!(told.recv().unwrap(), next);
}

#[actix::test]
async fn idle_async_workers_leave_at_once_and_their_places_are_taken_again() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(6).threads(2).build().unwrap();
    status_when(&pool, |status| status.live == 6).await;
    for workers in [2, 5, 1, 4] {
        pool.resize(workers).await.unwrap();
        status_when(&pool, |status| status.live == workers).await;
        pool.submit_all((0..9_u64).collect()).await.unwrap();
        gate.reached(u32::try_from(workers).unwrap()).await;
        assert_eq!(pool.status().await.unwrap().running, workers);
        gate.open(9);
        pool.drain().await.unwrap();
        gate.reached(9 - u32::try_from(workers).unwrap()).await;
    }
}

#[actix::test]
async fn a_resize_whose_asker_leaves_is_heeded_nevertheless() {
    let pool = behind(&Turnstile::new()).workers(2).build().unwrap();
    assert!(pool.resize(3).now_or_never().is_none());
    assert_eq!(pool.status().await.unwrap().workers, 3);
}

#[actix::test]
async fn too_many_workers_are_refused_and_nothing_changes() {
    let pool = behind(&Turnstile::new()).workers(2).build().unwrap();
    let refused = pool.resize(usize::MAX).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("workers is {}: there can be 1048576 at most; set workers lower", usize::MAX)
    );
    assert_eq!(pool.status().await.unwrap().workers, 2);
    assert_eq!(pool.dispatcher().send(Resize(3)).await.unwrap(), Ok(()));
    assert_eq!(pool.status().await.unwrap().workers, 3);
    pool.shutdown(Shutdown::Now).await.unwrap();
    assert_eq!(pool.resize(1).await, Err(ResizeError::Stopped(Stopped)));
}

#[actix::test]
async fn a_pool_without_workers_that_nobody_holds_ends_with_its_jobs_cancelled() {
    let pool = behind(&Turnstile::new()).workers(1).build().unwrap();
    pool.resize(0).await.unwrap();
    let mut results = pool.results();
    pool.submit(1_u64).await.unwrap();
    drop(pool);
    assert!(is_cancelled(&results.next().await.unwrap()));
    assert!(results.next().await.is_none());
}

#[actix::test]
async fn a_shutdown_of_a_pool_without_workers_ends_at_its_deadline() {
    let pool = behind(&Turnstile::new()).workers(1).build().unwrap();
    pool.resize(0).await.unwrap();
    pool.submit(1_u64).await.unwrap();
    let report = pool.shutdown(Shutdown::Drain(Duration::ZERO)).await.unwrap();
    assert_eq!((report.counts.cancelled, report.threads_left), (1, 0));
}

#[actix::test]
async fn a_pool_that_drains_to_its_end_can_still_grow() {
    let pool = behind(&open_gate()).workers(1).build().unwrap();
    pool.resize(0).await.unwrap();
    pool.submit(1_u64).await.unwrap();
    let mut report = pin!(pool.shutdown(Shutdown::Drain(MINUTE)));
    assert!(report.as_mut().now_or_never().is_none());
    pool.resize(1).await.unwrap();
    assert_eq!(report.await.unwrap().counts.succeeded, 1);
}

fn open_gate() -> Turnstile {
    let gate = Turnstile::new();
    gate.open(1_000);
    gate
}

async fn sized_at_random(builder: Builder<u64, u64, String>) {
    const JOBS: u64 = 20_000;
    let pool = builder.workers(3).build().unwrap();
    let mut ears = listen(&pool).await;
    let sizes = [0, 1, 7, 2, 0, 3, 12, 1, 5, 0, 4];
    let sizing = async {
        for workers in sizes.iter().cycle().take(300) {
            pool.resize(*workers).await.unwrap();
            yield_now().await;
        }
        pool.resize(2).await.unwrap();
    };
    let submitting = async {
        for n in 0..JOBS {
            pool.submit(n).await.unwrap();
            if n % 64 == 0 {
                yield_now().await;
            }
        }
    };
    future::join(sizing, submitting).await;
    pool.drain().await.unwrap();
    let mut results = Vec::new();
    while results.len() < JOBS as usize {
        match ears.hear().await {
            support::Heard::Result(result) => results.push(result),
            support::Heard::Drained(_) => {}
            other => panic!("heard {other:?}"),
        }
    }
    let ended: BTreeSet<_> = payloads(&results).into_iter().collect();
    assert_eq!(ended.len(), JOBS as usize, "each job once");
    let report = pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
    assert_eq!((report.counts.total(), report.threads_left), (JOBS, 0));
}

#[actix::test]
async fn no_job_is_lost_or_run_twice_while_an_async_pool_is_resized() {
    sized_at_random(Pool::builder(async |n: &u64, _cx| mixed(n).await).threads(2)).await;
}

#[actix::test]
async fn no_job_is_lost_or_run_twice_while_a_blocking_pool_is_resized() {
    sized_at_random(Pool::blocking(|n: &u64, _cx| {
        mixed(n).now_or_never().expect("it does not wait")
    }))
    .await;
}
