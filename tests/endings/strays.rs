//! Ends that nobody asked for, and ends asked for in odd places.

use std::{
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix::Addr;
use actix_workpool::{Dispatcher, JobError, Pool, RunError, Shutdown, StepClock};
use futures::{FutureExt, channel::oneshot};

use crate::{
    MINUTE,
    held::{Latch, answers_everything, blocked_by, subscribed, until},
    support::{Numbers, Turnstile, behind, is_cancelled, listen, status_when, yield_now},
};

#[actix::test]
async fn a_shutdown_that_nobody_waits_for_ends_the_pool() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(1_u64).await.unwrap();
    gate.reached(1).await;
    pool.dispatcher().do_send(Shutdown::Now);
    assert!(is_cancelled(&ears.result().await));
    ears.drained().await;
    assert_eq!(ears.rest().await.len(), 0);
    assert_eq!(pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap().counts.cancelled, 1);
}

#[actix::test]
async fn a_pool_whose_handles_go_during_its_shutdown_ends_by_its_deadline() {
    for form in crate::crowd::FORMS {
        let (clock, latch) = (StepClock::new(), Latch::new());
        let pool = form.builder(&latch).workers(1).clock(clock.clone()).build().unwrap();
        let mut ears = listen(&pool).await;
        pool.submit_all((0..3_u64).collect()).await.unwrap();
        latch.reached(1).await;
        {
            let mut report = pin!(pool.shutdown(Shutdown::Drain(MINUTE)));
            assert!((&mut report).now_or_never().is_none());
            status_when(&pool, |status| !status.open).await;
        }
        drop(pool);
        clock.advance(MINUTE + Duration::from_secs(1));
        ears.results(3).await;
        assert_eq!(ears.drained().await.total(), 3, "{form:?}");
        assert_eq!(ears.rest().await.len(), 0);
        latch.open();
    }
}

/// What asks a pool for its end from inside one of its jobs.
type Hook = Arc<Mutex<Option<Addr<Dispatcher<u64, u64, String>>>>>;

#[actix::test]
async fn an_async_job_that_waits_for_the_end_of_its_own_pool_is_cancelled_at_the_deadline() {
    let clock = StepClock::new();
    let hook: Hook = Arc::default();
    let address = hook.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        let address = address.lock().unwrap().take();
        if let Some(address) = address {
            let report = address.send(Shutdown::Drain(MINUTE)).await;
            return Err(format!("the pool ended before its job: {report:?}"));
        }
        Ok(*n)
    })
    .workers(1)
    .clock(clock.clone())
    .build()
    .unwrap();
    *hook.lock().unwrap() = Some(pool.dispatcher().clone());
    let subscription = subscribed(&pool).await;
    let mut run = pin!(pool.run(1_u64));
    assert!((&mut run).now_or_never().is_none());
    status_when(&pool, |status| !status.open).await;
    clock.advance(MINUTE);
    let error = run.await.unwrap_err();
    assert!(matches!(error, RunError::Ended(JobError::Cancelled)), "{error:?}");
    assert_eq!(pool.shutdown(Shutdown::Now).await.unwrap().counts.cancelled, 1);
    answers_everything(&pool, subscription).await;
}

#[actix::test]
async fn a_blocking_job_that_asks_for_the_end_of_its_own_pool_and_returns_has_its_value() {
    let hook: Hook = Arc::default();
    let address = hook.clone();
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        if let Some(address) = address.lock().unwrap().take() {
            address.do_send(Shutdown::FinishRunning(MINUTE));
        }
        Ok(*n)
    })
    .workers(1)
    .build()
    .unwrap();
    *hook.lock().unwrap() = Some(pool.dispatcher().clone());
    assert_eq!(pool.run(1_u64).await.unwrap(), 1);
    assert_eq!(pool.shutdown(Shutdown::Now).await.unwrap().counts.succeeded, 1);
}

#[actix::test]
async fn a_pool_that_nobody_holds_waits_for_a_job_that_blocks_and_then_ends() {
    let latch = Latch::new();
    let alive = Arc::new(());
    let (held, inside) = (latch.clone(), alive.clone());
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        let _inside = &inside;
        held.hold();
        Ok(*n)
    })
    .workers(2)
    .own_arbiter()
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..3_u64).collect()).await.unwrap();
    latch.reached(2).await;
    drop(pool);
    for _ in 0..1_000 {
        yield_now().await;
    }
    assert!(Arc::strong_count(&alive) > 1, "its jobs run");
    latch.open();
    ears.results(3).await;
    ears.drained().await;
    assert_eq!(ears.rest().await.len(), 0);
    until(|| Arc::strong_count(&alive) == 1).await;
}

#[actix::test]
async fn a_pool_that_never_had_a_job_ends_in_every_way() {
    for own_arbiter in [false, true] {
        for shutdown in [Some(Shutdown::Drain(Duration::MAX)), Some(Shutdown::Now), None] {
            let alive = Arc::new(());
            let inside = alive.clone();
            let pool = Pool::<u64, u64, String>::builder(async move |n: &u64, _cx| {
                let _inside = &inside;
                Ok(*n)
            });
            let pool = if own_arbiter { pool.own_arbiter() } else { pool };
            let pool = pool.workers(4).threads(4).build().unwrap();
            if let Some(shutdown) = shutdown {
                let report = pool.shutdown(shutdown).await.unwrap();
                assert_eq!((report.counts.total(), report.threads_left), (0, 0));
                assert_eq!(Arc::strong_count(&alive), 1);
            }
            drop(pool);
            until(|| Arc::strong_count(&alive) == 1).await;
        }
    }
}

#[actix::test]
async fn the_end_of_a_pool_that_is_asked_for_at_once_from_many_threads_is_one() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(2).build().unwrap();
    pool.submit_all((0..10_u64).collect()).await.unwrap();
    gate.open(5);
    let askers: Vec<_> = (0..8)
        .map(|n| {
            let pool = pool.clone();
            let shutdown = if n % 2 == 0 { Shutdown::Drain(MINUTE) } else { Shutdown::Now };
            std::thread::spawn(move || futures::executor::block_on(pool.shutdown(shutdown)))
        })
        .collect();
    until(|| askers.iter().all(std::thread::JoinHandle::is_finished)).await;
    let reports: Vec<_> = askers.into_iter().map(|asker| asker.join().unwrap()).collect();
    assert!(reports.iter().all(|report| *report == reports[0]));
    assert_eq!(reports[0].as_ref().unwrap().counts.total(), 10);
}

#[actix::test]
async fn the_drop_of_a_handle_by_another_thread_meets_the_last_result() {
    for _ in 0..100 {
        let pool = Pool::<u64, u64, String>::builder(async |n: &u64, _cx| Ok(*n));
        let pool = pool.workers(1).build().unwrap();
        let ears = listen(&pool).await;
        let (tell, told) = oneshot::channel::<()>();
        pool.submit(1_u64).await.unwrap();
        std::thread::spawn(move || drop((pool, tell)));
        assert!(told.await.is_err());
        assert_eq!(ears.rest().await.len(), 2, "a result, and Drained");
    }
}

#[actix::test]
async fn a_zero_grace_and_a_zero_deadline_are_no_worse_than_a_job_that_never_returns() {
    let (clock, latch) = (StepClock::new(), Latch::new());
    let pool = blocked_by(&latch).workers(1).grace(Duration::ZERO).clock(clock).build().unwrap();
    let id = pool.submit(1_u64).await.unwrap();
    latch.reached(1).await;
    // By a clock that stands still: it is over at once.
    let report = pool.shutdown(Shutdown::Drain(Duration::ZERO)).await.unwrap();
    assert_eq!((report.abandoned, report.threads_left), (vec![id], 1));
    latch.open();
}
