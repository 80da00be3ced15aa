//! Each shutdown, with each kind of job that does not end, and everyone who can wait.

use std::time::Duration;

use actix_workpool::{Pool, Shutdown, StepClock};
use futures::FutureExt;

use crate::{
    MINUTE,
    crowd::{Crowd, FORMS, Form, report_of},
    held::{Latch, answers_everything, subscribed},
    support::{Echo, Numbers, Turnstile, behind, is_cancelled, listen, status_when},
};

const SHUTDOWNS: [Shutdown; 5] = [
    Shutdown::Drain(MINUTE),
    Shutdown::FinishRunning(MINUTE),
    Shutdown::Now,
    Shutdown::Drain(Duration::ZERO),
    Shutdown::FinishRunning(Duration::ZERO),
];

/// How long a job that is told to stop has, unless that is set.
const GRACES: [Duration; 2] = [Duration::ZERO, Duration::from_secs(1)];

/// How long after its deadline a pool gives up async jobs that block their threads.
const REACH: Duration = Duration::from_millis(100);

/// How long this shutdown lets jobs run that do not end.
fn deadline(shutdown: Shutdown, grace: Duration) -> Duration {
    match shutdown {
        Shutdown::Drain(deadline) | Shutdown::FinishRunning(deadline) => deadline,
        Shutdown::Now => grace,
    }
}

#[actix::test]
async fn every_shutdown_ends_whatever_runs_wakes_everyone_and_gives_one_report() {
    for form in FORMS {
        for shutdown in SHUTDOWNS {
            ends(form, shutdown, None).await;
        }
    }
}

#[actix::test]
async fn a_shutdown_with_a_grace_ends_whatever_runs_too() {
    for form in FORMS {
        for shutdown in SHUTDOWNS {
            ends(form, shutdown, Some(Duration::from_secs(5))).await;
            ends(form, shutdown, Some(Duration::ZERO)).await;
        }
    }
}

async fn ends(form: Form, shutdown: Shutdown, grace: Option<Duration>) {
    let (clock, latch) = (StepClock::new(), Latch::new());
    let builder = form.builder(&latch).clock(clock.clone());
    let builder = match grace {
        Some(grace) => builder.grace(grace),
        None => builder,
    };
    let mut crowd = Crowd::gather(builder, latch).await;
    let askers = crowd.ask_twice(shutdown).await;
    let grace = grace.unwrap_or(GRACES[usize::from(form == Form::Blocks)]);
    clock.advance(deadline(shutdown, grace));
    if form == Form::BlocksAsync {
        clock.advance(REACH);
    }
    let report = report_of(askers).await.unwrap();
    crowd.all_are_told().await;
    let first = if form.blocks() { "Abandoned" } else { "Cancelled" };
    let case = format!("{form:?}, {shutdown:?}, {grace:?}");
    let expected = [
        ("run, running", first),
        ("process, queued", "[Err(Cancelled)]"),
        ("submit", "Closed, 3 back"),
        ("submit_all", "Closed, 2 back"),
        ("send", "Closed, 6 back"),
        ("run, in line", "Closed, 7 back"),
        ("process, in line", "[Err(Rejected(Closed))]"),
        ("drain", "Ok(())"),
        ("results", "[Err(Cancelled)]"),
    ];
    assert_eq!(crowd.told(), expected.map(|(who, told)| (who, told.to_owned())), "{case}");
    let counts = report.counts;
    assert_eq!(counts.cancelled + counts.abandoned, 3, "{case}: {counts}");
    assert_eq!(report.abandoned.len(), usize::from(form.blocks()), "{case}");
    let left = form.blocks() || form == Form::LeavesBehind;
    assert_eq!(report.threads_left, usize::from(left), "{case}");
    assert_eq!(crowd.pool.shutdown(Shutdown::Now).await, Ok(report), "{case}");
    answers_everything(&crowd.pool, crowd.subscription).await;
    crowd.latch.open();
}

#[actix::test]
async fn a_stricter_shutdown_ends_one_that_drains_at_once() {
    for form in FORMS {
        let (clock, latch) = (StepClock::new(), Latch::new());
        let builder = form.builder(&latch).clock(clock.clone()).grace(Duration::ZERO);
        let mut crowd = Crowd::gather(builder, latch).await;
        let patient = crowd.ask_twice(Shutdown::Drain(Duration::MAX)).await;
        assert!(!patient.iter().any(|asker| asker.is_finished()));
        let strict = crowd.ask_twice(Shutdown::Now).await;
        while crowd.pool.status().await.is_ok_and(|status| status.queued > 0) {}
        if form == Form::BlocksAsync {
            clock.advance(REACH);
        }
        let report = report_of(strict).await.unwrap();
        assert_eq!(report_of(patient).await, Ok(report));
        crowd.all_are_told().await;
        answers_everything(&crowd.pool, crowd.subscription).await;
        crowd.latch.open();
    }
}

#[actix::test]
async fn a_shutdown_of_a_paused_pool_ends_it() {
    for shutdown in SHUTDOWNS {
        let (gate, clock) = (Turnstile::new(), StepClock::new());
        let pool = behind(&gate).workers(1).clock(clock.clone()).build().unwrap();
        let subscription = subscribed(&pool).await;
        let mut ears = listen(&pool).await;
        pool.pause().await.unwrap();
        pool.submit_all((0..3_u64).collect()).await.unwrap();
        let other = pool.clone();
        let report = actix_rt::spawn(async move { other.shutdown(shutdown).await });
        while pool.status().await.is_ok_and(|status| status.open) {}
        clock.advance(deadline(shutdown, GRACES[0]));
        assert_eq!(report.await.unwrap().unwrap().counts.cancelled, 3, "{shutdown:?}");
        assert!(ears.results(3).await.iter().all(is_cancelled));
        answers_everything(&pool, subscription).await;
    }
}

#[actix::test]
async fn a_shutdown_of_a_pool_without_workers_ends_it_though_a_factory_never_returns() {
    for hangs in [false, true] {
        for shutdown in SHUTDOWNS {
            let clock = StepClock::new();
            let factory = async move || match hangs {
                true => std::future::pending().await,
                false => Err::<Echo, _>("no luck"),
            };
            let pool: Numbers = Pool::processor(factory).clock(clock.clone()).build().unwrap();
            let subscription = subscribed(&pool).await;
            pool.submit_all((0..3_u64).collect()).await.unwrap();
            if !hangs {
                status_when(&pool, |status| status.build_failures > 0).await;
            }
            let other = pool.clone();
            let report = actix_rt::spawn(async move { other.shutdown(shutdown).await });
            while pool.status().await.is_ok_and(|status| status.open) {}
            clock.advance(deadline(shutdown, GRACES[0]));
            let report = report.await.unwrap().unwrap();
            assert_eq!((report.counts.cancelled, report.threads_left), (3, 0), "{shutdown:?}");
            answers_everything(&pool, subscription).await;
        }
    }
}

#[actix::test]
async fn a_factory_that_blocks_its_thread_costs_a_shutdown_no_more_than_that_thread() {
    // Its thread is waited for until the deadline, by the real time.
    let short = Duration::from_millis(1);
    for shutdown in [Shutdown::Drain(short), Shutdown::FinishRunning(short), Shutdown::Now] {
        let (clock, latch) = (StepClock::new(), Latch::new());
        let held = latch.clone();
        let factory = move || {
            held.hold();
            Ok::<_, String>(Echo)
        };
        let pool: Numbers =
            Pool::blocking_processor(factory).workers(1).clock(clock.clone()).build().unwrap();
        latch.reached(1).await;
        pool.submit(1_u64).await.unwrap();
        let other = pool.clone();
        let report = actix_rt::spawn(async move { other.shutdown(shutdown).await });
        while pool.status().await.is_ok_and(|status| status.open) {}
        clock.advance(deadline(shutdown, GRACES[1]));
        let report = report.await.unwrap().unwrap();
        assert_eq!((report.counts.cancelled, report.abandoned.len()), (1, 0), "{shutdown:?}");
        assert_eq!(report.threads_left, 1, "{shutdown:?}");
        latch.open();
    }
}

#[actix::test]
async fn what_an_abandoned_job_returns_late_is_dropped_and_changes_nothing() {
    let (clock, latch) = (StepClock::new(), Latch::new());
    let pool = Form::Blocks.builder(&latch).workers(2).clock(clock.clone()).build().unwrap();
    let mut ears = listen(&pool).await;
    let ids = pool.submit_all((0..3_u64).collect()).await.unwrap();
    latch.reached(2).await;
    let other = pool.clone();
    let report = actix_rt::spawn(async move { other.shutdown(Shutdown::Now).await });
    status_when(&pool, |status| !status.open).await;
    assert!((&mut Box::pin(pool.drain())).now_or_never().is_none());
    clock.advance(GRACES[1]);
    let report = report.await.unwrap().unwrap();
    let mut abandoned = report.abandoned.clone();
    abandoned.sort_unstable_by_key(|id| ids.iter().position(|other| other == id));
    assert_eq!((abandoned.as_slice(), report.threads_left), (&ids[..2], 2));
    latch.open();
    ears.results(3).await;
    ears.drained().await;
    assert_eq!(ears.rest().await.len(), 0);
    assert_eq!(pool.shutdown(Shutdown::Now).await, Ok(report));
}
