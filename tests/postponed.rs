//! Jobs that wait for their time: those with a delay, and those that are to be tried again.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "support/held.rs"]
mod held;
mod support;

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use actix::System;
use actix_workpool::{
    Builder, CancelOutcome, Job, JobError, Jobs, OnFull, Pool, Queue, Retry, RunError, Shutdown,
    StepClock,
};
use futures::{FutureExt, future};
use held::until;
use support::{
    Heard, NumberResult, Numbers, Turnstile, behind, is_cancelled, listen, payloads, status_when,
    yield_now,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn echo() -> Builder<u64, u64, String> {
    Pool::builder(async |n: &u64, _cx| Ok(*n))
}

/// Each job fails until its `attempts`th start, and then succeeds.
fn fails_until(attempts: u32) -> Builder<u64, u64, String> {
    Pool::builder(async move |n: &u64, cx| match cx.attempt() {
        attempt if attempt < attempts => Err(format!("attempt {attempt} of {n}")),
        _ => Ok(*n),
    })
}

fn at_once() -> Retry<String> {
    Retry::attempts(3).backoff(Duration::ZERO, Duration::ZERO)
}

fn failed(result: &NumberResult) -> bool {
    matches!(result.outcome(), Err(JobError::Failed(_)))
}

#[actix::test]
async fn a_delayed_job_starts_when_its_time_has_come_and_not_before() {
    let clock = StepClock::new();
    let pool = echo().workers(1).clock(clock.clone()).build().unwrap();
    let mut ears = listen(&pool).await;
    let delayed = |n, seconds| Job::new(n).delay(seconds * SECOND);
    pool.submit_all(Jobs::from_iter([delayed(3, 2), delayed(2, 1), Job::new(1)])).await.unwrap();
    assert_eq!(payloads(&ears.results(1).await), [1]);
    let status = pool.status().await.unwrap();
    assert_eq!((status.postponed, status.queued), (2, 0));
    for n in [2, 3] {
        let mut drained = pin!(pool.drain());
        assert!(drained.as_mut().now_or_never().is_none(), "it waits for what is delayed");
        status_when(&pool, |status| status.running == 0).await;
        clock.advance(SECOND);
        let result = ears.result().await;
        assert_eq!(*result.job().payload(), n);
        assert_eq!(result.waited(), (n as u32 - 1) * SECOND, "from its acceptance on");
    }
    assert_eq!(ears.drained().await.succeeded, 3, "it was dry once");
}

#[actix::test]
async fn a_delayed_job_counts_against_the_bound_and_goes_to_the_end_of_the_queue() {
    let (gate, clock) = (Turnstile::new(), StepClock::new());
    let queue = Queue::bounded(2).on_full(OnFull::Reject);
    let pool = behind(&gate).workers(1).queue(queue).clock(clock.clone()).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(Job::new(1).delay(SECOND)).await.unwrap();
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    pool.submit(2_u64).await.unwrap();
    assert!(pool.submit(3_u64).await.is_err(), "one is delayed, one waits");
    clock.advance(SECOND);
    status_when(&pool, |status| status.postponed == 0 && status.queued == 2).await;
    gate.open(3);
    assert_eq!(payloads(&ears.results(3).await), [0, 2, 1]);
}

#[actix::test]
async fn a_delayed_job_can_be_cancelled_and_runs_never() {
    let clock = StepClock::new();
    let pool = echo().clock(clock.clone()).build().unwrap();
    let mut ears = listen(&pool).await;
    let id = pool.submit(Job::new(1).delay(SECOND)).await.unwrap();
    assert_eq!(pool.cancel(id).await, Ok(CancelOutcome::Waiting));
    assert!(is_cancelled(&ears.result().await));
    assert_eq!(pool.cancel(id).await, Ok(CancelOutcome::NotHere));
    let mut run = Box::pin(pool.run(Job::new(2).delay(SECOND)));
    assert!(run.as_mut().now_or_never().is_none());
    status_when(&pool, |status| status.postponed == 1).await;
    drop(run);
    status_when(&pool, |status| status.postponed == 0 && status.counts.cancelled == 2).await;
}

#[actix::test]
async fn shutdown_drain_waits_for_a_delay_before_its_deadline_and_cancels_one_after_it_at_once() {
    let clock = StepClock::new();
    let pool = echo().clock(clock.clone()).build().unwrap();
    let mut ears = listen(&pool).await;
    let jobs = [(1, 10), (2, 20), (3, 90)].map(|(n, after)| Job::new(n).delay(after * SECOND));
    pool.submit_all(Jobs::from_iter(jobs)).await.unwrap();
    let mut report = pin!(pool.shutdown(Shutdown::Drain(15 * SECOND)));
    assert!(report.as_mut().now_or_never().is_none());
    let cancelled = ears.results(2).await;
    assert!(cancelled.iter().all(is_cancelled));
    assert_eq!(payloads(&cancelled), [2, 3]);
    clock.advance(10 * SECOND);
    assert_eq!(ears.result().await.outcome(), Ok(&1));
    let counts = report.await.unwrap().counts;
    assert_eq!((counts.succeeded, counts.cancelled), (1, 2));
}

#[actix::test]
async fn other_shutdowns_cancel_what_is_delayed_at_once() {
    for shutdown in [Shutdown::FinishRunning(MINUTE), Shutdown::Now] {
        let pool = echo().clock(StepClock::new()).build().unwrap();
        pool.submit(Job::new(1).delay(SECOND)).await.unwrap();
        assert_eq!(pool.shutdown(shutdown).await.unwrap().counts.cancelled, 1);
    }
}

#[actix::test]
async fn a_job_is_tried_again_after_growing_pauses_and_its_result_is_that_of_the_last_attempt() {
    let clock = StepClock::new();
    let retry = Retry::attempts(3).backoff(2 * SECOND, MINUTE);
    let pool = fails_until(3).retry(retry).clock(clock.clone()).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(7_u64).await.unwrap();
    for most in [2, 4] {
        status_when(&pool, |status| status.postponed == 1 && status.running == 0).await;
        clock.advance(most * SECOND / 2 - Duration::from_nanos(1));
        assert_eq!(pool.status().await.unwrap().postponed, 1, "half of the pause is certain");
        clock.advance(most * SECOND / 2 + Duration::from_nanos(1));
    }
    let result = ears.result().await;
    assert_eq!((result.outcome(), result.attempts()), (Ok(&7), 3));
    assert_eq!(result.waited(), 6 * SECOND);
    assert_eq!(ears.drained().await.total(), 1);
}

#[actix::test]
async fn a_job_that_fails_at_its_last_attempt_ends_with_that_error() {
    let pool = fails_until(9).retry(at_once()).build().unwrap();
    match pool.run(7_u64).await {
        Err(RunError::Ended(JobError::Failed(error))) => assert_eq!(error, "attempt 3 of 7"),
        other => panic!("it ended as {other:?}"),
    }
}

#[actix::test]
async fn the_rule_says_what_is_tried_again_and_a_panic_is_if_it_says_so() {
    let retry = at_once().when(|error| matches!(error, JobError::Panicked(_)));
    let pool: Numbers = Pool::builder(async |n: &u64, cx| {
        assert!(*n != 0 || cx.attempt() > 1, "at first");
        if *n == 1 { Err("one".into()) } else { Ok(*n) }
    })
    .retry(retry)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..2_u64).collect()).await.unwrap();
    let mut results = ears.results(2).await;
    results.sort_by_key(|result| *result.job().payload());
    assert_eq!((results[0].outcome(), results[0].attempts()), (Ok(&0), 2));
    assert!(failed(&results[1]) && results[1].attempts() == 1);
}

#[actix::test]
async fn a_blocking_job_is_tried_again_on_any_worker() {
    let starts = Arc::new(AtomicU32::new(0));
    let counts = starts.clone();
    let pool: Numbers = Pool::blocking(move |n: &u64, cx| {
        counts.fetch_add(1, Ordering::SeqCst);
        if cx.attempt() < 3 { Err(n.to_string()) } else { Ok(*n) }
    })
    .workers(2)
    .retry(at_once())
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..100_u64).collect()).await.unwrap();
    assert!(ears.results(100).await.iter().all(|result| result.attempts() == 3));
    assert_eq!(ears.drained().await.succeeded, 100);
    assert_eq!(starts.load(Ordering::SeqCst), 300);
}

#[actix::test]
async fn recalled_or_retried_a_job_keeps_its_place_by_acceptance() {
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, cx| {
        held.pass().await;
        if *n == 0 && cx.attempt() == 1 { Err("once".into()) } else { Ok(*n) }
    })
    .workers(1)
    .retry(at_once())
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    pool.submit_all((1..3_u64).collect()).await.unwrap();
    pool.pause().await.unwrap();
    gate.open(4);
    status_when(&pool, |status| status.queued == 3).await;
    pool.resume().await.unwrap();
    assert_eq!(payloads(&ears.results(3).await), [0, 1, 2]);
}

#[actix::test]
async fn jobs_of_one_burst_that_are_tried_again_come_back_to_their_places() {
    let clock = StepClock::new();
    let retry = Retry::attempts(2).backoff(SECOND, SECOND);
    let pool = fails_until(2).workers(1).retry(retry).clock(clock.clone()).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..20_u64).collect()).await.unwrap();
    status_when(&pool, |status| status.postponed == 20).await;
    pool.pause().await.unwrap();
    clock.advance(SECOND);
    status_when(&pool, |status| status.queued == 20).await;
    pool.resume().await.unwrap();
    assert_eq!(payloads(&ears.results(20).await), (0..20).collect::<Vec<_>>());
}

#[actix::test]
async fn a_delayed_job_that_is_tried_again_goes_to_the_place_that_it_had_after_its_delay() {
    let (gate, clock) = (Turnstile::new(), StepClock::new());
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, cx| {
        held.pass().await;
        if *n == 9 && cx.attempt() == 1 { Err("once".into()) } else { Ok(*n) }
    })
    .workers(1)
    .retry(at_once())
    .clock(clock.clone())
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(Job::new(9).delay(SECOND)).await.unwrap();
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    clock.advance(SECOND / 2);
    pool.submit(1_u64).await.unwrap();
    clock.advance(SECOND);
    status_when(&pool, |status| status.postponed == 0).await;
    pool.submit(2_u64).await.unwrap();
    gate.open(2);
    assert_eq!(payloads(&ears.results(2).await), [0, 1]);
    gate.reached(2).await;
    pool.pause().await.unwrap();
    gate.open(3);
    status_when(&pool, |status| status.queued == 2).await;
    pool.resume().await.unwrap();
    assert_eq!(payloads(&ears.results(2).await), [9, 2]);
}

#[actix::test]
async fn a_job_that_waits_to_be_tried_again_is_ended_by_a_cancel_with_its_last_error() {
    let clock = StepClock::new();
    let pool = fails_until(2).retry(Retry::attempts(2)).clock(clock.clone()).build().unwrap();
    let mut ears = listen(&pool).await;
    let id = pool.submit(1_u64).await.unwrap();
    status_when(&pool, |status| status.postponed == 1).await;
    assert_eq!(pool.cancel(id).await, Ok(CancelOutcome::Waiting));
    let result = ears.result().await;
    assert!(failed(&result) && result.attempts() == 1);
}

#[actix::test]
async fn a_job_that_is_cancelled_while_it_runs_is_not_tried_again() {
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |_: &u64, cx| {
        held.pass().await;
        cx.cancelled().await;
        Err("told".into())
    })
    .retry(at_once())
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    let id = pool.submit(1_u64).await.unwrap();
    gate.open(1);
    gate.reached(1).await;
    pool.cancel(id).await.unwrap();
    let result = ears.result().await;
    assert!(failed(&result) && result.attempts() == 1);
}

#[actix::test]
async fn shutdown_drain_waits_for_a_retry_before_its_deadline_and_ends_one_after_it_at_once() {
    let clock = StepClock::new();
    for (pause, succeeded) in [(2 * SECOND, 1), (10 * MINUTE, 0)] {
        let retry = Retry::attempts(2).backoff(pause, pause);
        let pool = fails_until(2).retry(retry).clock(clock.clone()).build().unwrap();
        let mut ears = listen(&pool).await;
        pool.submit(1_u64).await.unwrap();
        status_when(&pool, |status| status.postponed == 1).await;
        let mut report = pin!(pool.shutdown(Shutdown::Drain(MINUTE)));
        assert!(report.as_mut().now_or_never().is_none());
        if succeeded == 1 {
            clock.advance(2 * SECOND);
        }
        let result = ears.result().await;
        assert_eq!(failed(&result), succeeded == 0, "with its last error, if it was too late");
        assert_eq!(report.await.unwrap().counts.succeeded, succeeded);
    }
}

#[actix::test]
async fn a_retry_that_begins_to_wait_during_a_shutdown_is_held_to_its_deadline() {
    let (gate, clock) = (Turnstile::new(), StepClock::new());
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |_: &u64, _cx| {
        held.pass().await;
        Err("again".into())
    })
    .retry(Retry::attempts(2).backoff(10 * MINUTE, 10 * MINUTE))
    .clock(clock.clone())
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(1_u64).await.unwrap();
    gate.reached(1).await;
    let mut report = pin!(pool.shutdown(Shutdown::Drain(MINUTE)));
    assert!(report.as_mut().now_or_never().is_none());
    gate.open(1);
    assert!(failed(&ears.result().await));
    assert_eq!(report.await.unwrap().counts.failed, 1);
}

#[actix::test]
async fn a_job_whose_worker_died_is_tried_again_a_set_number_of_times() {
    let pool: Numbers = Pool::builder(async |n: &u64, cx| {
        if *n == 0 || cx.attempt() == 1 {
            actix_rt::Arbiter::current().stop();
            future::pending::<()>().await;
        }
        Ok(*n)
    })
    .workers(1)
    .retry(at_once())
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..2_u64).collect()).await.unwrap();
    let mut results = ears.results(2).await;
    results.sort_by_key(|result| *result.job().payload());
    assert!(matches!(results[0].outcome(), Err(JobError::Lost)));
    assert_eq!(results[0].attempts(), 3, "it kills every worker that it meets");
    assert_eq!((results[1].outcome(), results[1].attempts()), (Ok(&1), 2));
    assert_eq!(pool.status().await.unwrap().deaths, 4);
}

#[actix::test]
async fn a_job_that_was_cancelled_is_not_tried_again_although_its_worker_died() {
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, cx| {
        held.pass().await;
        cx.cancelled().await;
        actix_rt::Arbiter::current().stop();
        future::pending::<()>().await;
        Ok(*n)
    })
    .workers(1)
    .grace(MINUTE)
    .retry(at_once())
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    let id = pool.submit(1_u64).await.unwrap();
    gate.open(1);
    gate.reached(1).await;
    pool.cancel(id).await.unwrap();
    let result = ears.result().await;
    assert!(matches!(result.outcome(), Err(JobError::Lost)) && result.attempts() == 1);
}

#[actix::test]
async fn a_job_that_timed_out_is_tried_again_if_it_could_be_dropped() {
    let (gate, clock) = (Turnstile::new(), StepClock::new());
    let pool = behind(&gate)
        .timeout(SECOND)
        .retry(Retry::attempts(2).backoff(Duration::ZERO, Duration::ZERO))
        .clock(clock.clone())
        .build()
        .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(1_u64).await.unwrap();
    gate.reached(1).await;
    clock.advance(SECOND);
    gate.reached(1).await;
    gate.open(1);
    let result = ears.result().await;
    assert_eq!((result.outcome(), result.attempts()), (Ok(&1), 2));
}

#[actix::test]
async fn a_pool_that_nobody_holds_still_does_what_is_postponed() {
    let clock = StepClock::new();
    let pool = echo().clock(clock.clone()).build().unwrap();
    let ears = listen(&pool).await;
    pool.submit(Job::new(1).delay(SECOND)).await.unwrap();
    drop(pool);
    until(|| clock.sleepers() > 0).await;
    clock.advance(SECOND);
    let heard = ears.rest().await;
    assert!(matches!(&heard[0], Heard::Result(result) if result.outcome() == Ok(&1)), "{heard:?}");
}

#[test]
fn when_the_system_stops_what_is_postponed_is_lost_and_nothing_hangs() {
    let system = System::new();
    let clock = StepClock::new();
    let pool = system.block_on(async {
        let pool = fails_until(2).retry(Retry::attempts(2)).clock(clock).build().unwrap();
        let mut run = Box::pin(pool.run(1_u64));
        assert!(run.as_mut().now_or_never().is_none());
        pool.submit(Job::new(2).delay(SECOND)).await.unwrap();
        status_when(&pool, |status| status.postponed == 2).await;
        System::current().stop();
        assert!(matches!(run.await, Err(RunError::Stopped(_))));
        pool
    });
    assert!(pool.is_closed());
}

#[actix::test]
async fn no_attempts_are_refused() {
    let refused = echo().retry(Retry::attempts(0)).build().unwrap_err();
    assert!(refused.to_string().starts_with("retry attempts is 0"), "{refused}");
}

#[actix::test]
async fn retries_and_delays_at_random_each_end_once() {
    const JOBS: u64 = 3_000;
    let clock = StepClock::new();
    let pool: Numbers = Pool::builder(async |n: &u64, cx| {
        if n.is_multiple_of(3) {
            yield_now().await;
        }
        match (n % 5, cx.attempt()) {
            (0, 1) => Err("first".into()),
            (1, _) => Err("always".into()),
            (2, 1) => panic!("first"),
            _ => Ok(*n),
        }
    })
    .workers(5)
    .threads(2)
    .retry(Retry::attempts(3).backoff(SECOND / 10, SECOND))
    .queue(Queue::bounded(50))
    .clock(clock.clone())
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    let submitting = async {
        for n in 0..JOBS {
            let delay = u32::try_from(n % 4).unwrap() * SECOND / 7;
            let job = if n.is_multiple_of(2) { Job::new(n).delay(delay) } else { Job::new(n) };
            pool.submit(job).await.unwrap();
        }
        pool.drain().await.unwrap();
    };
    let stepping = async {
        loop {
            clock.advance(SECOND / 20);
            yield_now().await;
        }
    };
    future::select(Box::pin(submitting), Box::pin(stepping)).await;
    let mut results = Vec::new();
    while results.len() < JOBS as usize {
        if let Heard::Result(result) = ears.hear().await {
            results.push(result);
        }
    }
    let counts = pool.status().await.unwrap().counts;
    assert_eq!((counts.total(), counts.failed), (JOBS, JOBS / 5));
    let mut ended = payloads(&results);
    ended.sort_unstable();
    assert_eq!(ended, (0..JOBS).collect::<Vec<_>>());
}
