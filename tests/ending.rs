//! Draining, shutting down, and ending unasked.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    pin::pin,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use actix_workpool::{Drain, Jobs, Pool, Refusal, Shutdown, Stopped};
use futures::{FutureExt, StreamExt, channel::oneshot, future::join_all};
use support::{Heard, Numbers, Turnstile, held, is_cancelled, listen, payloads};

const MINUTE: Duration = Duration::from_secs(60);

#[actix::test]
async fn drain_twice_resolves_twice_and_says_so_once() {
    let (pool, gate, _) = held(2);
    let mut ears = listen(&pool).await;
    pool.submit_all((0..5_u64).collect()).await.unwrap();
    {
        let mut both = pin!(join_all([pool.drain(), pool.drain()]));
        assert!((&mut both).now_or_never().is_none());
        gate.open(5);
        assert_eq!(both.await, [Ok(()), Ok(())]);
    }
    assert_eq!(pool.dispatcher().send(Drain).await.unwrap(), Ok(()));
    ears.results(5).await;
    ears.drained().await;
    pool.shutdown(Shutdown::Now).await.unwrap();
    drop(pool);
    assert_eq!(ears.rest().await.len(), 0);
}

#[actix::test]
async fn a_drained_pool_goes_on() {
    let (pool, gate, _) = held(2);
    for n in 0..50_u64 {
        pool.submit(n).await.unwrap();
        gate.open(1);
        pool.drain().await.unwrap();
    }
    assert_eq!(pool.status().await.unwrap().counts.succeeded, 50);
}

#[actix::test]
async fn drain_then_shutdown_drains_last_and_once() {
    let (pool, gate, _) = held(2);
    let mut ears = listen(&pool).await;
    pool.submit_all((0..9_u64).collect()).await.unwrap();
    gate.open(9);
    let (drained, report) = futures::join!(pool.drain(), pool.shutdown(Shutdown::Drain(MINUTE)));
    assert_eq!((drained, report.unwrap().counts.succeeded), (Ok(()), 9));
    ears.results(9).await;
    assert_eq!(ears.drained().await.succeeded, 9);
    drop(pool);
    assert_eq!(ears.rest().await.len(), 0);
}

#[actix::test]
async fn shutdown_drain_runs_everything_that_was_accepted() {
    let (pool, gate, _) = held(2);
    let mut ears = listen(&pool).await;
    pool.submit_all((0..100_u64).collect()).await.unwrap();
    gate.open(100);
    let report = pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
    assert_eq!((report.counts.succeeded, report.counts.total()), (100, 100));
    assert_eq!(ears.results(100).await.len(), 100);
}

#[actix::test]
async fn shutdown_drain_cancels_at_its_deadline_what_waits_and_what_runs() {
    let (pool, gate, clock) = held(2);
    let mut ears = listen(&pool).await;
    pool.submit_all((0..5_u64).collect()).await.unwrap();
    gate.reached(2).await;
    let mut report = pin!(pool.shutdown(Shutdown::Drain(MINUTE)));
    assert!((&mut report).now_or_never().is_none());
    pool.status().await.unwrap();
    clock.advance(MINUTE - Duration::from_secs(1));
    pool.status().await.unwrap();
    assert!((&mut report).now_or_never().is_none());
    clock.advance(Duration::from_secs(1));
    assert_eq!(report.await.unwrap().counts.cancelled, 5);
    assert!(ears.results(5).await.iter().all(is_cancelled));
    ears.drained().await;
}

#[actix::test]
async fn finish_running_cancels_what_waits_at_once_and_what_runs_at_its_deadline() {
    let (pool, gate, clock) = held(2);
    let mut ears = listen(&pool).await;
    pool.submit_all((0..5_u64).collect()).await.unwrap();
    gate.reached(2).await;
    let mut report = pin!(pool.shutdown(Shutdown::FinishRunning(MINUTE)));
    assert!((&mut report).now_or_never().is_none());
    let waiting = ears.results(3).await;
    assert!(waiting.iter().all(|result| is_cancelled(result) && result.attempts() == 0));
    gate.open(1);
    assert_eq!(ears.result().await.attempts(), 1);
    clock.advance(MINUTE);
    let last = ears.result().await;
    assert!(is_cancelled(&last) && last.attempts() == 1);
    let counts = report.await.unwrap().counts;
    assert_eq!((counts.succeeded, counts.cancelled), (1, 4));
}

#[actix::test]
async fn shutdown_now_cancels_everything_at_once() {
    let (pool, gate, _) = held(2);
    let mut ears = listen(&pool).await;
    pool.submit_all((0..5_u64).collect()).await.unwrap();
    gate.reached(2).await;
    assert_eq!(pool.shutdown(Shutdown::Now).await.unwrap().counts.cancelled, 5);
    assert!(ears.results(5).await.iter().all(is_cancelled));
}

#[actix::test]
async fn a_deadline_of_zero_means_at_once() {
    for shutdown in [Shutdown::Drain(Duration::ZERO), Shutdown::FinishRunning(Duration::ZERO)] {
        let (pool, gate, _) = held(2);
        pool.submit_all((0..5_u64).collect()).await.unwrap();
        gate.reached(2).await;
        assert_eq!(pool.shutdown(shutdown).await.unwrap().counts.cancelled, 5);
    }
}

#[actix::test]
async fn a_job_that_sees_the_cancel_and_returns_has_its_value_counted() {
    let (started, mut starts) = futures::channel::mpsc::unbounded();
    let pool: Numbers = Pool::builder(async move |n: &u64, cx| {
        started.unbounded_send(()).unwrap();
        cx.cancelled().await;
        Ok(*n)
    })
    .workers(1)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(7_u64).await.unwrap();
    starts.next().await.unwrap();
    assert_eq!(pool.shutdown(Shutdown::Now).await.unwrap().counts.succeeded, 1);
    assert_eq!(ears.result().await.outcome(), Ok(&7));
}

#[actix::test]
async fn a_blocking_job_is_told_and_waited_for() {
    let (started, starts) = oneshot::channel();
    let started = Mutex::new(Some(started));
    let pool: Numbers = Pool::blocking(move |n: &u64, cx| {
        if let Some(started) = started.lock().unwrap().take() {
            started.send(()).unwrap();
        }
        while !cx.is_cancelled() {
            std::thread::yield_now();
        }
        Err(format!("job {n} gave up"))
    })
    .workers(1)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all(Jobs::from_iter([1, 2])).await.unwrap();
    starts.await.unwrap();
    let counts = pool.shutdown(Shutdown::Now).await.unwrap().counts;
    assert_eq!((counts.failed, counts.cancelled), (1, 1));
    let mut heard = payloads(&ears.results(2).await);
    heard.sort_unstable();
    assert_eq!(heard, [1, 2]);
}

#[actix::test]
async fn five_shutdowns_at_once_agree_on_the_strictest_and_get_the_same_report() {
    let (pool, gate, clock) = held(2);
    pool.submit_all((0..5_u64).collect()).await.unwrap();
    gate.reached(2).await;
    let wanted = [
        Shutdown::Drain(9 * MINUTE),
        Shutdown::Drain(Duration::MAX),
        Shutdown::FinishRunning(5 * MINUTE),
        Shutdown::Drain(3 * MINUTE),
        Shutdown::Drain(9 * MINUTE),
    ];
    let mut reports = pin!(join_all(wanted.map(|shutdown| pool.shutdown(shutdown))));
    assert!((&mut reports).now_or_never().is_none());
    assert_eq!(pool.status().await.unwrap().counts.cancelled, 3, "one lets nothing start");
    clock.advance(3 * MINUTE);
    let reports = reports.await;
    assert!(reports.iter().all(|report| *report == reports[0]));
    assert_eq!(reports[0].as_ref().unwrap().counts.cancelled, 5);
}

#[actix::test]
async fn a_shutdown_that_comes_while_the_threads_are_joined_gets_the_report_too() {
    /// Holds up the end of its thread.
    struct Slow(mpsc::Receiver<()>);
    impl Drop for Slow {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }
    let (release, held) = mpsc::channel();
    let held = Mutex::new(Some(Slow(held)));
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        let _held = &held;
        Ok(*n)
    })
    .workers(1)
    .build()
    .unwrap();
    pool.run(1_u64).await.unwrap();
    let mut first = pin!(pool.shutdown(Shutdown::Now));
    assert!((&mut first).now_or_never().is_none());
    while pool.dispatcher().connected() {
        support::yield_now().await;
    }
    let mut second = pin!(pool.shutdown(Shutdown::Now));
    assert!((&mut second).now_or_never().is_none());
    release.send(()).unwrap();
    let (first, second) = (first.await, second.await);
    assert_eq!(first.clone().unwrap().counts.succeeded, 1);
    assert_eq!(first, second);
}

#[actix::test]
async fn a_shutdown_that_is_dropped_ends_the_pool_nevertheless() {
    let (pool, gate, _) = held(2);
    pool.submit_all((0..3_u64).collect()).await.unwrap();
    gate.reached(2).await;
    {
        let mut report = pin!(pool.shutdown(Shutdown::Drain(MINUTE)));
        assert!((&mut report).now_or_never().is_none());
    }
    gate.open(3);
    while pool.dispatcher().connected() {
        support::yield_now().await;
    }
    assert_eq!(pool.shutdown(Shutdown::Now).await.unwrap().counts.succeeded, 3);
}

#[actix::test]
async fn a_pool_that_has_ended_gives_jobs_back_and_answers_everything() {
    let (pool, _, _) = held(2);
    let report = pool.shutdown(Shutdown::Now).await;
    assert_eq!(pool.try_submit(1_u64).unwrap_err().reason, Refusal::Closed);
    assert_eq!(pool.submit(1_u64).await.unwrap_err().reason, Refusal::Closed);
    let batch = Jobs::from_iter([1_u64, 2]);
    assert_eq!(pool.submit_all(batch).await.unwrap_err().job.len(), 2);
    assert_eq!(pool.run(1_u64).await.unwrap_err().to_string(), "not accepted: the pool is closed");
    assert_eq!(pool.drain().await, Err(Stopped));
    assert_eq!(pool.shutdown(Shutdown::Now).await, report, "the same report as before");
    assert!(!pool.dispatcher().connected());
}

#[actix::test]
async fn a_job_that_is_submitted_during_a_shutdown_comes_back() {
    let (refusals, mut refused) = futures::channel::mpsc::unbounded();
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, cx| {
        held.pass().await;
        let refused = cx.submit(n + 100).unwrap_err();
        refusals.unbounded_send((refused.job.into_payload(), refused.reason)).unwrap();
        Ok(*n)
    })
    .workers(1)
    .build()
    .unwrap();
    pool.submit(1_u64).await.unwrap();
    gate.reached(1).await;
    let mut report = pin!(pool.shutdown(Shutdown::Drain(MINUTE)));
    assert!((&mut report).now_or_never().is_none());
    pool.status().await.unwrap();
    assert_eq!(pool.submit(2_u64).await.unwrap_err().reason, Refusal::Closed);
    gate.open(1);
    report.await.unwrap();
    assert_eq!(refused.next().await, Some((101, Refusal::Closed)));
}

#[actix::test]
async fn after_a_shutdown_nothing_of_the_work_is_left() {
    let alive = Arc::new(());
    let kept = alive.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        let _kept = &kept;
        Ok(*n)
    })
    .workers(8)
    .threads(4)
    .build()
    .unwrap();
    pool.submit_all((0..100_u64).collect()).await.unwrap();
    pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
    assert_eq!(Arc::strong_count(&alive), 1, "the threads have been joined");
}

#[actix::test]
async fn the_last_address_keeps_a_pool_alive_as_a_handle_does() {
    let (pool, gate, _) = held(2);
    let address = pool.dispatcher().clone();
    let mut ears = listen(&pool).await;
    drop(pool);
    gate.open(2);
    for n in 0..2_u64 {
        address.send(actix_workpool::Job::new(n)).await.unwrap().unwrap();
        ears.result().await;
        ears.drained().await;
    }
    drop(address);
    assert_eq!(ears.rest().await.len(), 0, "and then the pool ends");
}

#[actix::test]
async fn what_was_sent_before_the_last_address_went_is_done() {
    for round in 0..200_u64 {
        let pool: Numbers = Pool::builder(async |n: &u64, _cx| Ok(*n)).workers(1).build().unwrap();
        let ears = listen(&pool).await;
        let address = pool.dispatcher().clone();
        std::thread::spawn(move || address.do_send(actix_workpool::Job::new(round)));
        drop(pool);
        let heard = ears.rest().await;
        assert!(matches!(heard[..], [Heard::Result(_), Heard::Drained(_)]), "{heard:?}");
    }
}

#[actix::test]
async fn two_pools_in_one_system_do_not_touch_each_other() {
    let (one, gate, _) = held(2);
    let (other, _, _) = held(2);
    one.submit(1_u64).await.unwrap();
    gate.reached(1).await;
    other.shutdown(Shutdown::Now).await.unwrap();
    gate.open(1);
    one.drain().await.unwrap();
    assert_eq!(one.status().await.unwrap().counts.succeeded, 1);
}

#[test]
fn a_pool_on_its_own_arbiter_works_while_the_thread_that_built_it_is_blocked() {
    let (heard, hear) = mpsc::channel();
    actix::System::new().block_on(async move {
        let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
            heard.send(*n).unwrap();
            Ok(*n)
        })
        .workers(1)
        .own_arbiter()
        .build()
        .unwrap();
        pool.try_submit_all(Jobs::from_iter(0..10)).unwrap();
        // Nothing else runs on this thread until all are done.
        assert!(hear.iter().take(10).eq(0..10));
        pool.shutdown(Shutdown::Now).await.unwrap();
    });
}
