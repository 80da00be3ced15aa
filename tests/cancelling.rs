//! Cancelling one job by its id, and pausing all.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_workpool::{Cancel, CancelOutcome, Job, Jobs, Pool, Shutdown, StepClock, Stopped};
use futures::{FutureExt, StreamExt, channel::mpsc};
use support::{
    NumberResult, Numbers, Turnstile, behind, is_cancelled, listen, listen_for_results, payloads,
    status_when, yield_now,
};

const MINUTE: Duration = Duration::from_secs(60);

#[actix::test]
async fn a_cancel_says_what_it_met_and_a_waiting_job_never_runs() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).build().unwrap();
    let mut ears = listen(&pool).await;
    let ids = pool.submit_all((0..3_u64).collect()).await.unwrap();
    gate.reached(1).await;
    assert_eq!(pool.cancel(ids[1]).await, Ok(CancelOutcome::Waiting));
    assert_eq!(pool.cancel(ids[1]).await, Ok(CancelOutcome::NotHere), "it has ended");
    let cancelled = ears.result().await;
    assert!(is_cancelled(&cancelled) && cancelled.attempts() == 0);
    assert_eq!(pool.cancel(ids[0]).await, Ok(CancelOutcome::Running));
    assert!(is_cancelled(&ears.result().await));
    gate.open(1);
    assert_eq!(payloads(&ears.results(1).await), [2]);
    assert_eq!(pool.cancel(ids[2]).await, Ok(CancelOutcome::NotHere));
    assert_eq!(pool.cancel(Job::new(9_u64).id()).await, Ok(CancelOutcome::NotHere));
}

#[actix::test]
async fn a_job_that_was_told_to_stop_runs_when_it_is_submitted_again() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).build().unwrap();
    let mut ears = listen_for_results(&pool).await;
    let id = pool.submit(7_u64).await.unwrap();
    gate.reached(1).await;
    assert_eq!(pool.cancel(id).await, Ok(CancelOutcome::Running));
    let cancelled = ears.result().await.into_parts().unwrap();
    assert!(cancelled.outcome.is_err());
    gate.open(1);
    pool.submit(cancelled.job).await.unwrap();
    let result = ears.result().await;
    assert_eq!((result.outcome(), result.attempts(), result.id()), (Ok(&7), 1, id));
}

#[actix::test]
async fn the_id_of_another_pools_job_is_not_here() {
    let gate = Turnstile::new();
    let (pool, other) = (behind(&gate).build().unwrap(), behind(&gate).build().unwrap());
    let id = pool.submit(1_u64).await.unwrap();
    assert_eq!(other.cancel(id).await, Ok(CancelOutcome::NotHere));
    gate.open(1);
    pool.drain().await.unwrap();
}

#[actix::test]
async fn a_cancel_of_a_pool_that_has_ended_is_answered() {
    let pool = behind(&Turnstile::new()).build().unwrap();
    pool.shutdown(Shutdown::Now).await.unwrap();
    assert_eq!(pool.cancel(Job::new(1_u64).id()).await, Err(Stopped));
    assert_eq!((pool.pause().await, pool.resume().await), (Err(Stopped), Err(Stopped)));
}

#[actix::test]
async fn a_cancel_never_overtakes_its_job() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).build().unwrap();
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    for n in 1..100_u64 {
        let job = Job::new(n);
        let id = job.id();
        if n % 2 == 0 {
            pool.try_submit(job).unwrap();
        } else {
            pool.dispatcher().do_send(job);
        }
        let met = pool.dispatcher().send(Cancel(id)).await.unwrap();
        assert_eq!(met, Ok(CancelOutcome::Waiting));
    }
}

#[actix::test]
async fn a_value_that_was_returned_wins_over_a_cancel() {
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, cx| {
        held.pass().await;
        cx.cancelled().await;
        Ok(n + u64::from(cx.is_cancelled()))
    })
    .workers(1)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    let id = pool.submit(1_u64).await.unwrap();
    gate.open(1);
    gate.reached(1).await;
    assert_eq!(pool.cancel(id).await, Ok(CancelOutcome::Running));
    assert_eq!(ears.result().await.outcome(), Ok(&2));
}

#[actix::test]
async fn a_blocking_job_sees_that_it_is_cancelled_and_its_neighbour_does_not() {
    let (tell, mut told) = mpsc::unbounded();
    let release = Arc::new(AtomicBool::new(false));
    let released = release.clone();
    let pool: Numbers = Pool::blocking(move |n: &u64, cx| {
        tell.unbounded_send(*n).unwrap();
        while !cx.is_cancelled() && !released.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        if cx.is_cancelled() { Err("cancelled".into()) } else { Ok(*n) }
    })
    .workers(2)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    let ids = pool.submit_all(Jobs::from_iter([1, 2])).await.unwrap();
    let started = [told.next().await.unwrap(), told.next().await.unwrap()];
    assert_ne!(started[0], started[1]);
    assert_eq!(pool.cancel(ids[0]).await, Ok(CancelOutcome::Running));
    let first = ears.result().await;
    assert_eq!((first.id(), first.outcome().is_err()), (ids[0], true));
    release.store(true, Ordering::SeqCst);
    assert_eq!(ears.result().await.outcome(), Ok(&2));
}

/// A job that notes that it was told, and then waits for ever.
fn stubborn(tell: mpsc::UnboundedSender<u64>, grace: Duration, clock: &StepClock) -> Numbers {
    Pool::builder(async move |n: &u64, cx| {
        cx.cancelled().await;
        tell.unbounded_send(*n).unwrap();
        std::future::pending::<()>().await;
        Ok(*n)
    })
    .workers(4)
    .grace(grace)
    .clock(clock.clone())
    .build()
    .unwrap()
}

/// Moves the clock on once somebody sleeps by it, and not before.
async fn advance_a_sleeper(clock: &StepClock, by: Duration) {
    while clock.sleepers() == 0 {
        yield_now().await;
    }
    clock.advance(by);
}

#[actix::test]
async fn a_cancelled_async_job_is_dropped_after_its_grace() {
    let (tell, mut told) = mpsc::unbounded();
    let clock = StepClock::new();
    let pool = stubborn(tell, MINUTE, &clock);
    let mut ears = listen(&pool).await;
    let id = pool.submit(7_u64).await.unwrap();
    status_when(&pool, |status| status.running == 1).await;
    assert_eq!(pool.cancel(id).await, Ok(CancelOutcome::Running));
    assert_eq!(told.next().await, Some(7));
    advance_a_sleeper(&clock, MINUTE - Duration::from_millis(1)).await;
    assert_eq!(pool.status().await.unwrap().running, 1);
    clock.advance(Duration::from_millis(1));
    assert!(is_cancelled(&ears.result().await));
}

#[actix::test]
async fn a_cancel_whose_asker_leaves_is_heeded_nevertheless() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).build().unwrap();
    let mut ears = listen(&pool).await;
    let ids = pool.submit_all((0..2_u64).collect()).await.unwrap();
    gate.reached(1).await;
    for id in [ids[1], ids[0]] {
        {
            let mut cancel = pin!(pool.cancel(id));
            assert!((&mut cancel).now_or_never().is_none());
        }
        let result = ears.result().await;
        assert_eq!((result.id(), is_cancelled(&result)), (id, true));
    }
}

#[actix::test]
async fn the_job_of_a_caller_who_left_has_its_grace_too() {
    let (tell, mut told) = mpsc::unbounded();
    let clock = StepClock::new();
    let pool = stubborn(tell, MINUTE, &clock);
    {
        let mut run = pin!(pool.run(7_u64));
        assert!((&mut run).now_or_never().is_none());
        status_when(&pool, |status| status.running == 1).await;
    }
    assert_eq!(told.next().await, Some(7));
    advance_a_sleeper(&clock, MINUTE).await;
    pool.drain().await.unwrap();
    assert_eq!(pool.status().await.unwrap().counts.cancelled, 1);
}

#[actix::test]
async fn a_shutdown_tells_jobs_a_grace_before_its_deadline() {
    let (tell, mut told) = mpsc::unbounded();
    let clock = StepClock::new();
    let pool = stubborn(tell, MINUTE, &clock);
    pool.submit(7_u64).await.unwrap();
    status_when(&pool, |status| status.running == 1).await;
    let mut report = pin!(pool.shutdown(Shutdown::Drain(3 * MINUTE)));
    assert!((&mut report).now_or_never().is_none());
    pool.status().await.unwrap();
    clock.advance(2 * MINUTE);
    assert_eq!(told.next().await, Some(7));
    clock.advance(MINUTE);
    let report = report.await.unwrap();
    assert_eq!((report.counts.cancelled, report.abandoned.len()), (1, 0));
}

#[actix::test]
async fn a_pool_that_is_paused_starts_nothing_until_it_resumes() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(2).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    pool.pause().await.unwrap();
    gate.open(9);
    pool.submit_all((1..5_u64).collect()).await.unwrap();
    assert_eq!(payloads(&ears.results(1).await), [0], "what ran goes on");
    let status = status_when(&pool, |status| status.running == 0).await;
    assert_eq!((status.paused, status.queued, status.leased), (true, 4, 0));
    let mut drain = pin!(pool.drain());
    assert!((&mut drain).now_or_never().is_none());
    pool.resume().await.unwrap();
    drain.await.unwrap();
    ears.results(4).await;
    assert!(!pool.status().await.unwrap().paused);
}

#[actix::test]
async fn a_pause_and_a_resume_whose_askers_leave_are_heeded_nevertheless() {
    let pool = support::echo();
    assert!(pool.pause().now_or_never().is_none());
    assert!(pool.status().await.unwrap().paused);
    assert!(pool.resume().now_or_never().is_none());
    assert!(!pool.status().await.unwrap().paused);
}

#[actix::test]
async fn a_shutdown_that_drains_resumes_a_paused_pool() {
    let gate = Turnstile::new();
    let pool = behind(&gate).build().unwrap();
    gate.open(3);
    pool.pause().await.unwrap();
    pool.submit_all((0..3_u64).collect()).await.unwrap();
    let report = pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
    assert_eq!(report.counts.succeeded, 3);
}

#[actix::test]
async fn a_paused_pool_that_nobody_holds_cancels_what_waits_and_ends() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    pool.pause().await.unwrap();
    pool.submit_all((1..4_u64).collect()).await.unwrap();
    drop(pool);
    assert!(ears.results(3).await.iter().all(is_cancelled));
    gate.open(1);
    assert_eq!(ears.result().await.outcome(), Ok(&0));
    ears.drained().await;
    assert_eq!(ears.rest().await.len(), 0);
}

#[actix::test]
async fn cancelling_a_hundred_thousand_queued_jobs_leaves_the_others_in_order() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).build().unwrap();
    let ids = pool.submit_all((0..100_000_u64).collect()).await.unwrap();
    gate.reached(1).await;
    for (n, id) in ids.iter().enumerate().skip(1) {
        if n % 10_000 != 0 {
            assert_eq!(pool.cancel(*id).await, Ok(CancelOutcome::Waiting));
        }
    }
    let mut results = pool.results();
    gate.open(10);
    let mut left = Vec::new();
    while left.len() < 10 {
        let result: NumberResult = results.next().await.unwrap();
        left.extend(result.outcome().ok().copied());
    }
    assert_eq!(left, Vec::from_iter((0..10).map(|n| n * 10_000)));
}
