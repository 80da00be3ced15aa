//! Workers that die, and processors that are not built.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use actix_rt::Arbiter;
use actix_workpool::{JobError, Jobs, Pool, RunError, Shutdown, Status, StepClock};
use support::{Echo, Numbers, Turnstile, is_lost, listen, payloads, status_when, yield_now};

/// A job that ends its own thread's arbiter when it is this number.
const KILLER: u64 = 13;

/// Jobs wait at the gate; once let through, the killer ends its thread's arbiter.
fn deadly(gate: &Turnstile, workers: usize, threads: usize) -> Numbers {
    let gate = gate.clone();
    Pool::builder(async move |n: &u64, _cx| {
        gate.pass().await;
        if *n == KILLER {
            Arbiter::current().stop();
            std::future::pending::<()>().await;
        }
        Ok(*n)
    })
    .workers(workers)
    .threads(threads)
    .build()
    .unwrap()
}

#[actix::test]
async fn a_worker_whose_arbiter_is_stopped_loses_what_ran_on_it_and_is_replaced() {
    // The killer has a gate of its own, which opens when all four have started.
    let (gate, doom) = (Turnstile::new(), Turnstile::new());
    let (held, doomed) = (gate.clone(), doom.clone());
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        if *n == KILLER {
            doomed.pass().await;
            Arbiter::current().stop();
        }
        held.pass().await;
        Ok(*n)
    })
    .workers(4)
    .threads(2)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all(Jobs::from_iter([1, 2, 3, KILLER])).await.unwrap();
    gate.reached(3).await;
    doom.reached(1).await;
    doom.open(1);
    // The killer and whoever shares its thread.
    let lost = ears.results(2).await;
    assert!(lost.iter().all(is_lost), "{lost:?}");
    assert!(lost.iter().any(|result| *result.job().payload() == KILLER));
    assert!(lost.iter().all(|result| result.attempts() == 1 && result.worker().is_some()));
    gate.open(2);
    let others = ears.results(2).await;
    assert!(others.iter().all(|result| result.outcome().is_ok()));
    assert_eq!(ears.drained().await.lost, 2);
    // All four seats are there again.
    pool.submit_all((20..24_u64).collect()).await.unwrap();
    let status = status_when(&pool, |status| status.running == 4).await;
    assert_eq!((status.live, status.deaths), (4, 1));
    gate.open(4);
    pool.shutdown(Shutdown::Drain(Duration::from_secs(60))).await.unwrap();
}

#[actix::test]
async fn the_caller_of_a_job_that_is_lost_is_told_so() {
    let gate = Turnstile::new();
    let pool = deadly(&gate, 1, 1);
    gate.open(1);
    let error = pool.run(KILLER).await.unwrap_err();
    assert!(matches!(error, RunError::Ended(JobError::Lost)), "{error:?}");
}

#[actix::test]
async fn a_job_that_kills_its_worker_ends_at_the_first_death_and_the_pool_goes_on() {
    let gate = Turnstile::new();
    let pool = deadly(&gate, 1, 1);
    let mut ears = listen(&pool).await;
    gate.open(21);
    pool.submit_all(Jobs::from_iter([KILLER; 20])).await.unwrap();
    assert!(ears.results(20).await.iter().all(is_lost));
    assert_eq!(pool.run(1_u64).await.unwrap(), 1);
    assert_eq!(pool.status().await.unwrap().deaths, 20);
}

#[actix::test]
async fn leases_of_a_worker_that_died_go_back_to_their_places() {
    let (gate, release) = (Turnstile::new(), Arc::new(AtomicBool::new(false)));
    let (started, starts) = mpsc::channel();
    let (held, released) = (gate.clone(), release.clone());
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        if released.load(Ordering::SeqCst) {
            started.send(*n).unwrap();
        }
        if *n == KILLER {
            held.pass().await;
            Arbiter::current().stop();
            std::future::pending::<()>().await;
        }
        Ok(*n)
    })
    .workers(1)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    // Teaches the pool that its jobs are short, so that it is supplied ahead.
    pool.submit_all((1_000..3_000_u64).collect()).await.unwrap();
    ears.results(2_000).await;
    ears.drained().await;
    release.store(true, Ordering::SeqCst);
    pool.submit_all(Jobs::from_iter([KILLER, 20, 21, 22, 23])).await.unwrap();
    gate.reached(1).await;
    pool.submit_all(Jobs::from_iter([24, 25])).await.unwrap();
    gate.open(1);
    let results = ears.results(7).await;
    assert!(is_lost(&results[0]));
    assert_eq!(payloads(&results), [KILLER, 20, 21, 22, 23, 24, 25]);
    assert_eq!(starts.try_iter().collect::<Vec<_>>(), [KILLER, 20, 21, 22, 23, 24, 25]);
}

#[actix::test]
async fn a_blocking_worker_whose_arbiter_was_stopped_is_replaced_and_loses_nothing() {
    let pool: Numbers = Pool::blocking(|n: &u64, _cx| {
        if *n == KILLER {
            Arbiter::current().stop();
        }
        Ok(*n)
    })
    .workers(1)
    .build()
    .unwrap();
    assert_eq!(pool.run(KILLER).await.unwrap(), KILLER);
    status_when(&pool, |status| status.deaths == 1 && status.live == 1).await;
    assert_eq!(pool.run(1_u64).await.unwrap(), 1);
}

/// A factory that fails as long as it is told to.
fn build(fails: &AtomicUsize) -> Result<Echo, &'static str> {
    let left = fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
    match left {
        Ok(n) if n % 2 == 0 => panic!("no luck"),
        Ok(_) => Err("not yet"),
        Err(_) => Ok(Echo),
    }
}

#[actix::test]
async fn while_no_processor_is_built_the_status_says_so_and_tries_go_on_with_growing_pauses() {
    for blocking in [false, true] {
        let (clock, fails) = (StepClock::new(), Arc::new(AtomicUsize::new(3)));
        let builder = match blocking {
            false => Pool::processor(async move || build(&fails)),
            true => Pool::blocking_processor(move || build(&fails)),
        };
        let pool: Numbers = builder.workers(1).clock(clock.clone()).build().unwrap();
        pool.submit(1_u64).await.unwrap();
        for (failures, pause) in [(1, 100), (2, 200), (3, 400)] {
            let failed = |status: &Status| status.build_failures == failures;
            let status = status_when(&pool, failed).await;
            assert_eq!((status.live, status.workers, status.queued), (0, 1, 1));
            while clock.sleepers() == 0 {
                yield_now().await;
            }
            clock.advance(Duration::from_millis(pause - 1));
            assert_eq!(clock.sleepers(), 1, "it is not time yet");
            clock.advance(Duration::from_millis(1));
        }
        pool.drain().await.unwrap();
        assert_eq!(pool.status().await.unwrap().live, 1);
    }
}

#[actix::test]
async fn a_factory_that_kills_its_thread_is_called_again_after_a_pause() {
    let (clock, calls) = (StepClock::new(), Arc::new(AtomicUsize::new(0)));
    let called = calls.clone();
    let factory = async move || {
        if called.fetch_add(1, Ordering::SeqCst) < 2 {
            Arbiter::current().stop();
            std::future::pending::<()>().await;
        }
        Ok::<_, Infallible>(Echo)
    };
    let pool: Numbers = Pool::processor(factory).workers(1).clock(clock.clone()).build().unwrap();
    pool.submit(1_u64).await.unwrap();
    for (deaths, pause) in [(1, 100), (2, 200)] {
        let status = status_when(&pool, |status| status.deaths == deaths).await;
        assert_eq!(status.live, 0);
        clock.advance(Duration::from_millis(pause));
    }
    pool.drain().await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[actix::test]
async fn a_pool_that_nobody_holds_and_that_has_no_worker_cancels_what_waits_and_ends() {
    let factory = || Err::<Echo, _>("never");
    let pool: Numbers = Pool::blocking_processor(factory).workers(2).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..3_u64).collect()).await.unwrap();
    drop(pool);
    assert!(ears.results(3).await.iter().all(support::is_cancelled));
    assert_eq!(ears.drained().await.cancelled, 3);
    assert_eq!(ears.rest().await.len(), 0);
}

#[actix::test]
async fn a_pool_that_nobody_holds_and_whose_dead_worker_has_a_pause_cancels_what_waits_and_ends() {
    let factory = async || {
        Arbiter::current().stop();
        std::future::pending::<()>().await;
        Ok::<_, Infallible>(Echo)
    };
    // Its clock stands still: the pause is never over.
    let builder = Pool::processor(factory).workers(1).clock(StepClock::new());
    let pool: Numbers = builder.build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(1_u64).await.unwrap();
    status_when(&pool, |status| status.deaths == 1).await;
    drop(pool);
    assert!(support::is_cancelled(&ears.result().await));
    ears.drained().await;
    assert_eq!(ears.rest().await.len(), 0);
}

#[actix::test]
async fn a_shutdown_of_a_pool_without_workers_ends_at_its_deadline() {
    let (clock, factory) = (StepClock::new(), async || Err::<Echo, _>("never"));
    let pool: Numbers = Pool::processor(factory).workers(1).clock(clock.clone()).build().unwrap();
    pool.submit(1_u64).await.unwrap();
    status_when(&pool, |status| status.build_failures > 0).await;
    let deadline = Duration::from_secs(5);
    let handle = pool.clone();
    let report = actix_rt::spawn(async move { handle.shutdown(Shutdown::Drain(deadline)).await });
    status_when(&pool, |status| !status.open).await;
    clock.advance(deadline);
    assert_eq!(report.await.unwrap().unwrap().counts.cancelled, 1);
}

#[actix::test]
async fn a_worker_killed_from_outside_between_jobs_costs_nothing() {
    let arbiters = Arc::new(Mutex::new(Vec::new()));
    let known = arbiters.clone();
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        known.lock().unwrap().push(Arbiter::current());
        Ok(*n)
    })
    .workers(1)
    .build()
    .unwrap();
    for round in 1..=20_u64 {
        pool.run(round).await.unwrap();
        arbiters.lock().unwrap().drain(..).for_each(|arbiter| _ = arbiter.stop());
        status_when(&pool, |status| status.deaths == round).await;
    }
    let report = pool.shutdown(Shutdown::Now).await.unwrap();
    assert_eq!((report.counts.succeeded, report.threads_left), (20, 0));
}
