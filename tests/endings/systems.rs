//! The actix `System` stops or goes, or the arbiter of the pool does, under everyone who waits.

use std::{
    future::pending,
    sync::{Arc, mpsc},
    thread,
};

use actix_rt::{Arbiter, System, SystemRunner};
use actix_workpool::{Builder, JobError, Pool, Refusal, RunError, Shutdown, Stopped};
use futures::{FutureExt, StreamExt, executor::block_on};

use crate::{
    crowd::{Crowd, FORMS, Form, Told},
    held::{Latch, answers_everything, subscribed, until},
    support::{self, Numbers, Turnstile, behind, status_when},
};

/// What stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stops {
    /// The thread of the dispatcher, and nothing else.
    Dispatcher,
    /// All threads, in any order: between the end of a worker and that of the dispatcher, the pool may
    /// take in another job.
    Everything,
}

/// What those who wait for a pool that is stopped are told. A job that was accepted and whose caller
/// is there ends without a result; what waits for the subscribers finds none any more.
fn told_that_it_stopped(told: Vec<(&'static str, Told)>, stops: Stops, case: &str) {
    for (who, told) in told {
        let (expected, late): (&[&str], &[&str]) = match who {
            "run, running" => (&["Stopped", "Lost"], &[]),
            "process, queued" => (&["[]", "[Err(Lost)]"], &[]),
            "submit" => (&["Closed, 3 back"], &["accepted"]),
            "submit_all" => (&["Closed, 2 back"], &["accepted"]),
            "send" => (&["Closed, 6 back"], &["accepted"]),
            "run, in line" => (&["Closed, 7 back"], &["Stopped", "Lost"]),
            "process, in line" => (&["[Err(Rejected(Closed))]"], &["[]", "[Err(Lost)]"]),
            "drain" => (&["Err(Stopped)"], &[]),
            "results" => (&["[]", "[Err(Lost)]"], &["[Err(Lost), Err(Lost)]"]),
            other => panic!("who is {other}?"),
        };
        let is_late = stops == Stops::Everything && late.contains(&told.as_str());
        assert!(expected.contains(&told.as_str()) || is_late, "{case}: {who} was told {told}");
    }
}

/// A pool under load, killed in the middle of a system that goes on or at least is polled on.
async fn killed(form: Form, own_arbiter: bool) {
    let latch = Latch::new();
    let builder = form.builder(&latch);
    let builder = if own_arbiter { builder.own_arbiter() } else { builder };
    let stop = || System::current().stop();
    has_told_everyone(builder, latch, Stops::Everything, &format!("{form:?}"), stop).await;
}

async fn has_told_everyone(
    builder: Builder<u64, u64, String>,
    latch: Latch,
    stops: Stops,
    case: &str,
    kill: impl FnOnce(),
) {
    let mut crowd = Crowd::gather(builder, latch).await;
    kill();
    crowd.all_are_told().await;
    told_that_it_stopped(crowd.told(), stops, case);
    let reports = futures::join!(
        crowd.pool.shutdown(Shutdown::Now),
        crowd.pool.shutdown(Shutdown::Drain(std::time::Duration::MAX)),
    );
    assert_eq!(reports, (Err(Stopped), Err(Stopped)), "{case}");
    answers_everything(&crowd.pool, crowd.subscription).await;
    crowd.latch.open();
}

#[test]
fn when_the_system_stops_everyone_is_told_while_its_thread_is_polled_on() {
    for form in [Form::Waits, Form::LeavesBehind] {
        System::new().block_on(killed(form, false));
    }
}

#[test]
fn when_the_system_stops_everyone_is_told_although_a_job_blocks_its_thread() {
    for form in [Form::Blocks, Form::BlocksAsync] {
        System::new().block_on(killed(form, false));
    }
}

#[test]
fn when_the_system_stops_everyone_is_told_by_a_pool_on_its_own_arbiter() {
    for form in FORMS {
        System::new().block_on(killed(form, true));
    }
}

#[actix::test]
async fn when_the_arbiter_of_a_pool_is_stopped_from_outside_everyone_is_told() {
    for form in FORMS {
        let (latch, arbiter) = (Latch::new(), Arbiter::new());
        let (builder, case) = (form.builder(&latch).arbiter(arbiter.handle()), format!("{form:?}"));
        let stop = || _ = arbiter.stop();
        has_told_everyone(builder, latch, Stops::Dispatcher, &case, stop).await;
        arbiter.join().unwrap();
    }
}

fn echo() -> Builder<u64, u64, String> {
    Pool::builder(async |n: &u64, _cx| Ok(*n))
}

/// A pool whose job 0 stops the system and goes on as it is told; the others come back.
fn stopping(blocking: bool, goes_on: impl Fn() + Send + Sync + 'static) -> Numbers {
    let stop = move |n: &u64| {
        if *n == 0 {
            System::current().stop();
            goes_on();
        }
        Ok(*n)
    };
    match blocking {
        true => Pool::blocking(move |n: &u64, _cx| stop(n)),
        false => Pool::builder(async move |n: &u64, _cx| {
            stop(n)?;
            if *n == 0 { pending().await } else { Ok(*n) }
        }),
    }
    .workers(2)
    .build()
    .unwrap()
}

fn is_stopped(answer: &Result<u64, RunError<u64, String>>) -> bool {
    match answer {
        Err(RunError::Stopped(_) | RunError::Ended(JobError::Lost)) => true,
        Err(RunError::Refused(refused)) => refused.reason == Refusal::Closed,
        _ => false,
    }
}

#[test]
fn a_job_that_stops_the_system_ends_the_pool_while_the_thread_is_polled_on() {
    for blocking in [false, true] {
        System::new().block_on(async move {
            let pool = stopping(blocking, || ());
            let answer = pool.run(0_u64).await;
            // A blocking job returns its value all the same, and may be faster than the stop.
            assert!(is_stopped(&answer) || blocking && answer.is_ok(), "{answer:?}");
            while pool.drain().await.is_ok() {}
            assert_eq!(pool.shutdown(Shutdown::Now).await, Err(Stopped));
            assert!(is_stopped(&pool.run(1_u64).await));
            assert!(pool.results().next().await.is_none());
            assert!(!pool.dispatcher().connected());
        });
    }
}

#[test]
fn a_blocking_job_that_stops_the_system_and_never_returns_holds_up_nobody() {
    System::new().block_on(async {
        let latch = Latch::new();
        let held = latch.clone();
        let pool = stopping(true, move || held.hold());
        assert!(is_stopped(&pool.run(0_u64).await));
        assert_eq!(pool.drain().await, Err(Stopped));
        assert_eq!(pool.shutdown(Shutdown::Now).await, Err(Stopped));
        latch.open();
    });
}

/// Runs a system until one of its jobs stops it, with callers on threads outside of it.
#[test]
fn a_job_that_stops_a_system_that_is_run_ends_the_pool_and_wakes_every_thread() {
    for blocking in [false, true] {
        let system = System::new();
        let pool = system.block_on(async move { stopping(blocking, || ()) });
        let (other, third) = (pool.clone(), pool.clone());
        let caller = thread::spawn(move || block_on(other.run(0_u64)));
        let drainer =
            thread::spawn(move || block_on(async { while third.drain().await.is_ok() {} }));
        system.run().unwrap();
        let answer = caller.join().unwrap();
        assert!(is_stopped(&answer) || blocking && answer.is_ok(), "{answer:?}");
        drainer.join().unwrap();
        assert_eq!(block_on(pool.shutdown(Shutdown::Now)), Err(Stopped));
        assert!(is_stopped(&block_on(pool.run(1_u64))));
    }
}

/// A pool under load, whose system goes without being stopped.
fn dropped(form: Form, own_arbiter: bool, end: impl FnOnce(SystemRunner)) {
    let (system, latch) = (System::new(), Latch::new());
    let builder = form.builder(&latch);
    let builder = if own_arbiter { builder.own_arbiter() } else { builder };
    let mut crowd = system.block_on(Crowd::gather(builder, latch));
    end(system);
    let case = format!("{form:?}, {own_arbiter}");
    told_that_it_stopped(crowd.told(), Stops::Everything, &case);
    assert_eq!(block_on(crowd.pool.shutdown(Shutdown::Now)), Err(Stopped), "{case}");
    assert!(is_stopped(&block_on(crowd.pool.run(1_u64))), "{case}");
    crowd.latch.open();
}

#[test]
fn when_the_system_is_dropped_everyone_is_told() {
    for form in FORMS {
        dropped(form, false, drop);
    }
}

#[test]
fn when_a_system_that_is_run_stops_everyone_is_told() {
    for form in FORMS {
        for own_arbiter in [false, true] {
            dropped(form, own_arbiter, |system| {
                let stopper = system.block_on(async { System::current() });
                thread::spawn(move || stopper.stop());
                system.run().unwrap();
            });
        }
    }
}

#[actix::test]
async fn a_stop_of_the_pools_arbiter_ends_nothing_else_on_the_system() {
    let (gate, arbiter) = (Turnstile::new(), Arbiter::new());
    let alive = Arc::new(());
    let inside = alive.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        let _inside = &inside;
        Ok(*n)
    })
    .arbiter(arbiter.handle())
    .build()
    .unwrap();
    let other = behind(&gate).build().unwrap();
    assert_eq!(pool.run(1_u64).await.unwrap(), 1);
    let (told, is_told) = mpsc::channel();
    arbiter.spawn_fn(move || {
        Arbiter::current().stop();
        told.send(()).unwrap();
    });
    is_told.recv().unwrap();
    until(|| !pool.dispatcher().connected()).await;
    assert!(is_stopped(&pool.run(2_u64).await));
    // The threads of its workers end, too.
    until(|| Arc::strong_count(&alive) == 1).await;
    gate.open(1);
    assert_eq!(other.run(3_u64).await.unwrap(), 3);
    status_when(&other, |status| status.counts.succeeded == 1).await;
}

#[actix::test]
async fn a_pool_whose_arbiter_ends_before_the_dispatcher_begins_answers_as_one_that_has_ended() {
    let (latch, arbiter) = (Latch::new(), Arbiter::new());
    let held = latch.clone();
    arbiter.spawn_fn(move || held.hold());
    latch.reached(1).await;
    arbiter.stop(); // it comes behind what holds the thread
    let pool = echo().arbiter(arbiter.handle()).build().unwrap();
    let (results, caller) = (pool.results(), pool.run(1_u64));
    let mut caller = Box::pin(caller);
    assert!((&mut caller).now_or_never().is_none());
    latch.open();
    arbiter.join().unwrap();
    assert!(is_stopped(&caller.await));
    assert_eq!(results.count().await, 0);
    answers_everything(&pool, subscribed(&support::echo()).await).await;
}

#[test]
fn a_pool_that_is_built_behind_the_stop_of_its_systems_arbiter_answers_as_one_that_has_ended() {
    let system = System::new();
    let pool = system.block_on(async {
        System::current().arbiter().stop();
        echo().build().unwrap()
    });
    drop(system);
    assert!(is_stopped(&block_on(pool.run(1_u64))));
    assert_eq!(block_on(pool.drain()), Err(Stopped));
    assert_eq!(block_on(pool.shutdown(Shutdown::Now)), Err(Stopped));
    assert!(pool.is_closed());
}
