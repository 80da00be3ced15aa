//! Jobs that may run for so long and no longer.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "support/held.rs"]
mod held;
mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use actix_workpool::{
    Builder, CancelOutcome, Job, JobError, Jobs, Pool, Retry, RunError, Shutdown, StepClock,
};
use futures::{StreamExt, future};
use held::{Latch, blocked_by, until};
use support::{
    NumberResult, Numbers, Turnstile, behind, listen, listen_for_results, payloads, status_when,
    yield_now,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A pool whose jobs may run for a second, and its clock.
fn limited(builder: Builder<u64, u64, String>, workers: usize) -> (Numbers, StepClock) {
    let clock = StepClock::new();
    let builder = builder.workers(workers).timeout(SECOND).clock(clock.clone());
    (builder.build().unwrap(), clock)
}

fn timed_out(result: &NumberResult) -> bool {
    matches!(result.outcome(), Err(JobError::TimedOut))
}

#[actix::test]
async fn an_async_job_that_runs_for_too_long_is_dropped_and_its_worker_goes_on() {
    let gate = Turnstile::new();
    let (pool, clock) = limited(behind(&gate), 1);
    let mut ears = listen(&pool).await;
    pool.submit_all((0..2_u64).collect()).await.unwrap();
    gate.reached(1).await;
    clock.advance(SECOND);
    let late = ears.result().await;
    assert!(timed_out(&late) && late.attempts() == 1 && late.took() == SECOND);
    gate.reached(1).await;
    gate.open(1);
    assert!(ears.result().await.outcome().is_ok());
    assert_eq!(ears.drained().await.timed_out, 1);
}

#[actix::test]
async fn a_jobs_own_timeout_comes_before_the_pools() {
    let (gate, clock) = (Turnstile::new(), StepClock::new());
    let pool = behind(&gate).workers(3).timeout(2 * SECOND).clock(clock.clone()).build().unwrap();
    let mut ears = listen(&pool).await;
    let jobs = [Job::new(1).timeout(SECOND), Job::new(2), Job::new(3).timeout(MINUTE)];
    pool.submit_all(Jobs::from_iter(jobs)).await.unwrap();
    gate.reached(3).await;
    for late in [1, 2] {
        clock.advance(SECOND);
        let result = ears.result().await;
        assert!(timed_out(&result));
        assert_eq!(*result.job().payload(), late);
    }
    gate.open(1);
    assert_eq!(ears.result().await.outcome(), Ok(&3));
}

#[actix::test]
async fn a_job_that_waits_does_not_run_and_does_not_time_out() {
    let (gate, clock) = (Turnstile::new(), StepClock::new());
    let pool = behind(&gate).workers(1).clock(clock.clone()).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(0_u64).await.unwrap();
    pool.submit(Job::new(1).timeout(SECOND)).await.unwrap();
    gate.reached(1).await;
    clock.advance(MINUTE);
    gate.open(2);
    assert!(ears.results(2).await.iter().all(|result| result.outcome().is_ok()));
}

#[actix::test]
async fn a_timeout_of_zero_ends_what_waits_for_anything_and_one_without_end_nothing() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).build().unwrap();
    let error = pool.run(Job::new(1).timeout(Duration::ZERO)).await.unwrap_err();
    assert!(matches!(error, RunError::Ended(JobError::TimedOut)), "{error}");
    pool.run(Job::new(3).timeout(Duration::MAX)).now_or_later(&gate).await;
}

/// A run that is let through.
trait NowOrLater {
    async fn now_or_later(self, gate: &Turnstile);
}

impl<F: Future<Output = Result<u64, RunError<u64, String>>>> NowOrLater for F {
    async fn now_or_later(self, gate: &Turnstile) {
        gate.open(1);
        assert_eq!(self.await.unwrap(), 3);
    }
}

#[actix::test]
async fn an_async_job_that_timed_out_has_its_grace_and_a_value_counts() {
    let clock = StepClock::new();
    let pool: Numbers = Pool::builder(async |n: &u64, cx| {
        cx.cancelled().await;
        if *n == 0 {
            future::pending::<()>().await;
        }
        Ok(*n)
    })
    .workers(2)
    .timeout(SECOND)
    .grace(SECOND)
    .clock(clock.clone())
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..2_u64).collect()).await.unwrap();
    status_when(&pool, |status| status.running == 2).await;
    clock.advance(SECOND);
    assert_eq!(ears.result().await.outcome(), Ok(&1));
    until(|| clock.sleepers() > 0).await;
    clock.advance(SECOND);
    assert!(timed_out(&ears.result().await));
}

#[actix::test]
async fn a_job_that_is_cancelled_before_its_timeout_ends_as_cancelled() {
    let gate = Turnstile::new();
    let (pool, _clock) = limited(behind(&gate), 1);
    let mut ears = listen(&pool).await;
    let id = pool.submit(1_u64).await.unwrap();
    gate.reached(1).await;
    pool.cancel(id).await.unwrap();
    assert!(support::is_cancelled(&ears.result().await));
}

#[actix::test]
async fn a_job_that_is_cancelled_in_the_grace_of_its_timeout_ends_as_cancelled_and_is_not_tried_again()
 {
    let (gate, clock) = (Turnstile::new(), StepClock::new());
    let builder = behind(&gate).workers(1).timeout(SECOND).grace(SECOND);
    let pool = builder.retry(Retry::attempts(9)).clock(clock.clone()).build().unwrap();
    let mut ears = listen(&pool).await;
    let id = pool.submit(1_u64).await.unwrap();
    gate.reached(1).await;
    clock.advance(SECOND);
    until(|| clock.sleepers() > 0).await;
    assert_eq!(pool.cancel(id).await.unwrap(), CancelOutcome::Running);
    clock.advance(SECOND);
    let result = ears.result().await;
    assert!(support::is_cancelled(&result) && result.attempts() == 1);
}

#[actix::test]
async fn a_timed_out_blocking_job_that_returns_late_is_ignored_and_its_seat_is_free_only_then() {
    let latch = Latch::new();
    let (pool, clock) = limited(blocked_by(&latch), 1);
    let mut ears = listen(&pool).await;
    pool.submit_all((0..2_u64).collect()).await.unwrap();
    latch.reached(1).await;
    clock.advance(SECOND);
    let late = ears.result().await;
    assert!(timed_out(&late));
    let status = pool.status().await.unwrap();
    assert_eq!((status.stuck, status.running, status.live, status.queued), (1, 0, 0, 1));
    latch.open();
    assert_eq!(ears.result().await.outcome(), Ok(&1));
    assert_eq!(ears.drained().await.total(), 2, "its own return brought nothing");
    assert_eq!(late.into_parts().unwrap().job.into_payload(), 0, "its code has let go of it");
}

#[actix::test]
async fn a_timed_out_blocking_job_that_returns_first_has_its_value() {
    let latch = Latch::new();
    let (pool, clock) = limited(blocked_by(&latch), 1);
    let mut ears = listen(&pool).await;
    pool.submit(1_u64).await.unwrap();
    latch.reached(1).await;
    latch.open();
    assert_eq!(ears.result().await.outcome(), Ok(&1));
    clock.advance(SECOND);
    ears.drained().await;
    pool.submit(2_u64).await.unwrap();
    assert_eq!(ears.result().await.outcome(), Ok(&2));
}

#[actix::test]
async fn a_blocking_job_that_timed_out_runs_when_it_is_submitted_again() {
    let latch = Latch::new();
    let (pool, clock) = limited(blocked_by(&latch), 1);
    let mut ears = listen_for_results(&pool).await;
    pool.submit(7_u64).await.unwrap();
    latch.reached(1).await;
    clock.advance(SECOND);
    let late = ears.result().await;
    latch.open();
    status_when(&pool, |status| status.stuck == 0).await;
    pool.submit(late.into_parts().unwrap().job).await.unwrap();
    let result = ears.result().await;
    assert_eq!((result.outcome(), result.attempts()), (Ok(&7), 1));
}

#[actix::test]
async fn a_timed_out_blocking_job_sees_that_it_is_and_its_worker_goes_on_after_a_panic_too() {
    let clock = StepClock::new();
    let (seen, sees) = mpsc::channel();
    let pool: Numbers = Pool::blocking(move |n: &u64, cx| {
        while *n == 0 && !cx.is_cancelled() {
            std::thread::yield_now();
        }
        seen.send(cx.is_cancelled()).unwrap();
        assert!(*n != 0, "too late");
        Ok(*n)
    })
    .workers(1)
    .timeout(SECOND)
    .clock(clock.clone())
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..2_u64).collect()).await.unwrap();
    status_when(&pool, |status| status.running == 1).await;
    clock.advance(SECOND);
    assert!(timed_out(&ears.result().await));
    assert_eq!(ears.result().await.outcome(), Ok(&1));
    assert_eq!([sees.recv(), sees.recv()], [Ok(true), Ok(false)]);
}

#[actix::test]
async fn a_pool_is_dry_although_the_code_of_a_job_that_timed_out_runs() {
    let latch = Latch::new();
    let (pool, clock) = limited(blocked_by(&latch), 1);
    pool.submit(1_u64).await.unwrap();
    latch.reached(1).await;
    clock.advance(SECOND);
    pool.drain().await.unwrap();
    let report = pool.shutdown(Shutdown::Now).await.unwrap();
    assert_eq!((report.counts.timed_out, report.threads_left), (1, 1));
    assert_eq!(report.abandoned, [], "it had ended");
    latch.open();
}

#[actix::test]
async fn a_stuck_thread_is_replaced_up_to_a_number_and_ends_when_its_code_returns() {
    let (latch, clock) = (Latch::new(), StepClock::new());
    let held = latch.clone();
    let stuck = Arc::new(AtomicBool::new(true));
    let holds = stuck.clone();
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        if holds.load(Ordering::SeqCst) {
            held.hold();
        }
        Ok(*n)
    })
    .workers(1)
    .replace_stuck(2)
    .timeout(SECOND)
    .clock(clock.clone())
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..4_u64).collect()).await.unwrap();
    let mut workers = Vec::new();
    for n in 0..3 {
        latch.reached(1).await;
        clock.advance(SECOND);
        let late = ears.result().await;
        assert!(timed_out(&late));
        assert_eq!(*late.job().payload(), n);
        workers.push(late.worker().unwrap().get());
    }
    assert_eq!(workers, [0, 1, 2], "each was another's");
    let status = pool.status().await.unwrap();
    assert_eq!((status.workers, status.live, status.stuck, status.queued), (1, 0, 3, 1));
    stuck.store(false, Ordering::SeqCst);
    latch.open();
    assert_eq!(payloads(&ears.results(1).await), [3]);
    status_when(&pool, |status| status.stuck == 0 && status.live == 1).await;
    let report = pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
    assert_eq!((report.counts.timed_out, report.threads_left), (3, 0));
}

#[actix::test]
async fn a_worker_that_is_stuck_can_be_told_to_leave() {
    let latch = Latch::new();
    let (pool, clock) = limited(blocked_by(&latch), 2);
    let mut ears = listen(&pool).await;
    pool.submit(0_u64).await.unwrap();
    latch.reached(1).await;
    clock.advance(SECOND);
    assert!(timed_out(&ears.result().await));
    pool.resize(1).await.unwrap();
    let status = status_when(&pool, |status| status.live == 1).await;
    assert_eq!((status.workers, status.stuck), (1, 1), "its thread is still there");
    latch.open();
    assert_eq!(pool.run(1_u64).await.unwrap(), 1);
    pool.resize(2).await.unwrap();
    status_when(&pool, |status| status.live == 2 && status.stuck == 0).await;
}

#[actix::test]
async fn a_stuck_worker_that_was_told_to_leave_counts_as_one_of_the_threads_that_are_replaced() {
    let (latches, clock) = ([Latch::new(), Latch::new()], StepClock::new());
    let held = latches.clone();
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        held[*n as usize].hold();
        Ok(*n)
    })
    .workers(1)
    .replace_stuck(1)
    .timeout(SECOND)
    .clock(clock.clone())
    .build()
    .unwrap();
    let mut ears = listen_for_results(&pool).await;
    let mut stuck = async |n: u64| {
        pool.submit(n).await.unwrap();
        latches[n as usize].reached(1).await;
        clock.advance(SECOND);
        assert!(timed_out(&ears.result().await));
    };
    stuck(0).await;
    stuck(1).await;
    status_when(&pool, |status| (status.live, status.stuck) == (0, 2)).await;
    pool.resize(0).await.unwrap();
    latches[0].open();
    status_when(&pool, |status| status.stuck == 1).await;
    pool.resize(1).await.unwrap();
    stuck(1).await;
    let status = pool.status().await.unwrap();
    assert_eq!((status.live, status.stuck), (0, 2), "one is being done without already");
    latches[1].open();
    status_when(&pool, |status| (status.live, status.stuck) == (1, 0)).await;
}

#[actix::test]
async fn a_process_stream_brings_what_timed_out() {
    let gate = Turnstile::new();
    let (pool, clock) = limited(behind(&gate), 1);
    let stream = pool.process(futures::stream::iter(0..2_u64)).collect::<Vec<_>>();
    let stepping = async {
        for _ in 0..2 {
            gate.reached(1).await;
            clock.advance(SECOND);
        }
    };
    let (results, ()) = future::join(stream, stepping).await;
    assert!(results.iter().all(timed_out) && results.len() == 2);
}

#[actix::test]
async fn only_blocking_threads_can_be_replaced() {
    let refused = behind(&Turnstile::new()).replace_stuck(1).build().unwrap_err();
    assert!(refused.to_string().starts_with("replace_stuck is 1: an async job"), "{refused}");
}

#[actix::test]
async fn jobs_that_time_out_at_random_each_end_once() {
    const JOBS: u64 = 2_000;
    let clock = StepClock::new();
    let pool: Numbers = Pool::blocking(|n: &u64, cx| {
        while n.is_multiple_of(7) && !cx.is_cancelled() {
            std::thread::yield_now();
        }
        Ok(*n)
    })
    .workers(3)
    .replace_stuck(2)
    .timeout(SECOND)
    .clock(clock.clone())
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..JOBS).collect()).await.unwrap();
    let drained = async {
        let results = ears.results(JOBS as usize).await;
        (results, ears.drained().await)
    };
    let stepping = async {
        loop {
            clock.advance(SECOND / 10);
            yield_now().await;
        }
    };
    let ((results, counts), _) =
        future::select(Box::pin(drained), Box::pin(stepping)).await.factor_first();
    assert_eq!(counts.total(), JOBS);
    let late = results.iter().filter(|result| timed_out(result)).count();
    assert_eq!(late as u64, counts.timed_out);
    let mut ended = payloads(&results);
    ended.sort_unstable();
    assert_eq!(ended, (0..JOBS).collect::<Vec<_>>());
}
