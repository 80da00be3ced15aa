//! A cancel, or a caller that leaves, against a job that waits, starts, ends, or has ended.

use std::pin::pin;

use actix_workpool::{CancelOutcome, Job, Pool, Queue, StepClock};
use futures::{FutureExt, StreamExt, channel::mpsc};

use crate::{
    MINUTE,
    held::{Latch, blocked_by},
    support::{Numbers, Turnstile, behind, is_cancelled, listen, payloads, status_when},
};

#[actix::test]
async fn a_job_that_was_handed_out_and_has_not_started_is_cancelled_as_one_that_waits() {
    let latch = Latch::new();
    let held = latch.clone();
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        if *n == 0 {
            held.hold();
        }
        Ok(*n)
    })
    .workers(1)
    .clock(StepClock::new())
    .build()
    .unwrap();
    // Teaches the pool that its jobs are short, so that it supplies its worker ahead.
    pool.submit_all((1..4_000).collect()).await.unwrap();
    pool.drain().await.unwrap();
    let mut ears = listen(&pool).await;
    let ids = pool.submit_all((0..9).collect()).await.unwrap();
    latch.reached(1).await;
    status_when(&pool, |status| status.leased == 8).await;
    assert_eq!(pool.cancel(ids[4]).await, Ok(CancelOutcome::Waiting));
    let cancelled = ears.result().await;
    assert_eq!((cancelled.id(), is_cancelled(&cancelled)), (ids[4], true));
    assert_eq!(cancelled.attempts(), 0);
    latch.open();
    assert_eq!(payloads(&ears.results(8).await), [0, 1, 2, 3, 5, 6, 7, 8]);
}

#[actix::test]
async fn a_job_that_is_cancelled_twice_while_it_runs_ends_once() {
    for blocking in [false, true] {
        let (gate, latch) = (Turnstile::new(), Latch::new());
        let pool = if blocking { blocked_by(&latch) } else { behind(&gate) };
        // With a grace, the async job runs on after the first cancel.
        let clock = StepClock::new();
        let pool = pool.workers(1).grace(MINUTE).clock(clock.clone()).build().unwrap();
        let mut ears = listen(&pool).await;
        let id = pool.submit(1_u64).await.unwrap();
        if blocking {
            latch.reached(1).await;
        } else {
            gate.reached(1).await;
        }
        assert_eq!(pool.cancel(id).await, Ok(CancelOutcome::Running));
        assert_eq!(pool.cancel(id).await, Ok(CancelOutcome::Running));
        latch.open();
        gate.open(1);
        assert_eq!(ears.result().await.outcome(), Ok(&1));
        assert_eq!(ears.drained().await.total(), 1);
        assert_eq!(pool.cancel(id).await, Ok(CancelOutcome::NotHere));
    }
}

#[actix::test]
async fn a_cancel_that_comes_when_the_value_was_returned_changes_nothing() {
    for _ in 0..50 {
        let gate = Turnstile::new();
        let pool = behind(&gate).workers(1).build().unwrap();
        let mut ears = listen(&pool).await;
        let id = pool.submit(1_u64).await.unwrap();
        gate.reached(1).await;
        gate.open(1);
        let met = pool.cancel(id).await.unwrap();
        let result = ears.result().await;
        match met {
            // It had not been polled again: the permit was there, so it returned all the same, or
            // it was dropped before it could.
            CancelOutcome::Running => assert!(result.outcome().is_ok() || is_cancelled(&result)),
            CancelOutcome::NotHere => assert_eq!(result.outcome(), Ok(&1)),
            other => panic!("the job had started, and the cancel met {other:?}"),
        }
        assert_eq!(ears.drained().await.total(), 1);
    }
}

#[actix::test]
async fn a_blocking_job_that_returns_after_its_cancel_has_its_value_counted() {
    let latch = Latch::new();
    let pool = blocked_by(&latch).workers(1).build().unwrap();
    let mut ears = listen(&pool).await;
    let id = pool.submit(1_u64).await.unwrap();
    latch.reached(1).await;
    assert_eq!(pool.cancel(id).await, Ok(CancelOutcome::Running));
    latch.open();
    assert_eq!(ears.result().await.outcome(), Ok(&1));
}

#[actix::test]
async fn the_job_after_a_cancelled_one_on_the_same_seat_is_not_cancelled() {
    let (told, mut heard) = mpsc::unbounded();
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, cx| {
        told.unbounded_send(cx.is_cancelled()).unwrap();
        held.pass().await;
        Ok(*n)
    })
    .workers(1)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    for n in 0..100 {
        let ids = pool.submit_all([2 * n, 2 * n + 1].into_iter().collect()).await.unwrap();
        gate.reached(1).await;
        assert_eq!(pool.cancel(ids[0]).await, Ok(CancelOutcome::Running));
        assert!(is_cancelled(&ears.result().await));
        gate.reached(1).await;
        gate.open(1);
        assert_eq!(ears.result().await.outcome(), Ok(&(2 * n + 1)));
        ears.drained().await;
        assert_eq!((heard.next().await, heard.next().await), (Some(false), Some(false)));
    }
}

#[actix::test]
async fn a_cancel_and_the_leaving_of_the_caller_end_a_job_once() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).build().unwrap();
    let mut ears = listen(&pool).await;
    let job = Job::new(1_u64);
    let id = job.id();
    {
        let mut run = pin!(pool.run(job));
        assert!((&mut run).now_or_never().is_none());
        gate.reached(1).await;
        assert_eq!(pool.cancel(id).await, Ok(CancelOutcome::Running));
    }
    let counts = ears.drained().await;
    assert_eq!((counts.cancelled, counts.total()), (1, 1));
}

#[actix::test]
async fn the_result_of_a_caller_who_left_when_its_job_had_ended_is_counted_and_dropped() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).build().unwrap();
    let mut ears = listen(&pool).await;
    {
        let mut run = pin!(pool.run(1_u64));
        assert!((&mut run).now_or_never().is_none());
        gate.open(1);
        ears.drained().await;
    }
    let status = pool.status().await.unwrap();
    assert_eq!((status.counts.succeeded, status.counts.total()), (1, 1));
}

#[actix::test]
async fn the_job_of_a_caller_who_left_the_line_was_never_accepted() {
    let gate = Turnstile::new();
    let (clock, queue) = (StepClock::new(), Queue::bounded(1));
    let pool = behind(&gate).workers(1).queue(queue).clock(clock.clone()).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    clock.advance(MINUTE);
    pool.submit(1_u64).await.unwrap();
    {
        let mut run = pin!(pool.run(2_u64));
        assert!((&mut run).now_or_never().is_none());
        assert_eq!(pool.status().await.unwrap().in_line, 1);
    }
    assert_eq!(pool.status().await.unwrap().in_line, 0);
    gate.open(2);
    assert_eq!(payloads(&ears.results(2).await), [0, 1]);
    assert_eq!(ears.drained().await.total(), 2);
}

#[actix::test]
async fn a_message_that_is_dropped_once_its_job_was_accepted_is_done_nevertheless() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).build().unwrap();
    let mut ears = listen(&pool).await;
    {
        let mut message = pin!(pool.dispatcher().send(Job::new(7)));
        assert!((&mut message).now_or_never().is_none());
        gate.reached(1).await;
    }
    gate.open(1);
    assert_eq!(ears.result().await.outcome(), Ok(&7));
}
