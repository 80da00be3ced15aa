//! Drains, pauses, shutdowns and submissions that meet.

use std::{pin::pin, time::Duration};

use actix_workpool::{Drain, Job, JobError, Jobs, Pause, Refusal, RunError, Shutdown};
use futures::{FutureExt, StreamExt, channel::mpsc, future::join_all, stream};

use crate::{
    MINUTE,
    support::{Heard, held, is_cancelled, listen, payloads, status_when},
};

#[actix::test]
async fn a_drain_waits_for_a_pool_that_was_paused_after_it_until_it_resumes() {
    let (pool, gate, _) = held(1);
    let mut ears = listen(&pool).await;
    pool.submit_all((0..3_u64).collect()).await.unwrap();
    gate.reached(1).await;
    let mut drain = pin!(pool.drain());
    assert!((&mut drain).now_or_never().is_none());
    pool.pause().await.unwrap();
    pool.pause().await.unwrap();
    gate.open(3);
    assert_eq!(payloads(&ears.results(1).await), [0]);
    let status = status_when(&pool, |status| status.running == 0).await;
    assert_eq!((status.paused, status.queued), (true, 2), "the status says why");
    assert!((&mut drain).now_or_never().is_none());
    pool.resume().await.unwrap();
    assert_eq!(drain.await, Ok(()));
    ears.results(2).await;
    assert_eq!(ears.drained().await.total(), 3);
}

#[actix::test]
async fn a_paused_pool_without_jobs_is_quiescent() {
    let (pool, _, _) = held(1);
    pool.pause().await.unwrap();
    assert_eq!(pool.drain().await, Ok(()));
}

#[actix::test]
async fn a_drain_that_is_dropped_takes_nothing_from_the_other() {
    let (pool, gate, _) = held(1);
    let mut ears = listen(&pool).await;
    pool.submit(1_u64).await.unwrap();
    let mut kept = pin!(pool.drain());
    {
        let mut dropped = pin!(pool.dispatcher().send(Drain));
        assert!((&mut dropped).now_or_never().is_none());
        assert!((&mut kept).now_or_never().is_none());
        pool.status().await.unwrap();
    }
    gate.open(1);
    assert_eq!(kept.await, Ok(()));
    ears.results(1).await;
    ears.drained().await;
}

#[actix::test]
async fn a_drain_resolves_at_the_deadline_of_the_shutdown_after_it() {
    let (pool, gate, clock) = held(1);
    let mut ears = listen(&pool).await;
    pool.submit_all((0..3_u64).collect()).await.unwrap();
    gate.reached(1).await;
    let other = pool.clone();
    let mut drain = pin!(other.drain());
    let mut report = pin!(other.shutdown(Shutdown::Drain(MINUTE)));
    assert!((&mut drain).now_or_never().is_none());
    assert!((&mut report).now_or_never().is_none());
    status_when(&pool, |status| !status.open).await;
    clock.advance(MINUTE);
    let (drained, report) = futures::join!(drain, report);
    assert_eq!((drained, report.unwrap().counts.cancelled), (Ok(()), 3));
    assert!(ears.results(3).await.iter().all(is_cancelled));
    assert_eq!(ears.drained().await.cancelled, 3);
    assert_eq!(ears.rest().await.len(), 0, "it is said once, last");
}

#[actix::test]
async fn a_drain_that_comes_after_a_shutdown_resolves_at_its_end() {
    let (pool, gate, _) = held(1);
    pool.submit_all((0..3_u64).collect()).await.unwrap();
    gate.reached(1).await;
    let mut report = pin!(pool.shutdown(Shutdown::Drain(MINUTE)));
    assert!((&mut report).now_or_never().is_none());
    status_when(&pool, |status| !status.open).await;
    let mut drain = pin!(pool.drain());
    assert!((&mut drain).now_or_never().is_none());
    gate.open(3);
    let (drained, report) = futures::join!(drain, report);
    assert_eq!((drained, report.unwrap().counts.succeeded), (Ok(()), 3));
}

#[actix::test]
async fn a_pool_that_shuts_down_does_not_pause() {
    let (pool, gate, _) = held(1);
    pool.submit_all((0..3_u64).collect()).await.unwrap();
    gate.reached(1).await;
    let mut report = pin!(pool.shutdown(Shutdown::Drain(MINUTE)));
    assert!((&mut report).now_or_never().is_none());
    pool.pause().await.unwrap();
    pool.dispatcher().do_send(Pause);
    assert!(!pool.status().await.unwrap().paused);
    gate.open(3);
    assert_eq!(report.await.unwrap().counts.succeeded, 3);
}

#[actix::test]
async fn a_paused_pool_that_finishes_what_runs_cancels_what_waits() {
    let (pool, gate, _) = held(1);
    pool.submit_all((0..3_u64).collect()).await.unwrap();
    gate.reached(1).await;
    pool.pause().await.unwrap();
    gate.open(3);
    let report = pool.shutdown(Shutdown::FinishRunning(MINUTE)).await.unwrap();
    assert_eq!((report.counts.succeeded, report.counts.cancelled), (1, 2));
}

#[actix::test]
async fn whatever_is_submitted_during_a_shutdown_comes_back_however_it_comes() {
    let (pool, gate, _) = held(1);
    let mut ears = listen(&pool).await;
    let (input, jobs) = mpsc::unbounded::<u64>();
    let mut results = pool.process(jobs);
    input.unbounded_send(1).unwrap();
    assert!(results.next().now_or_never().is_none());
    gate.reached(1).await;
    let mut report = pin!(pool.shutdown(Shutdown::Drain(MINUTE)));
    assert!((&mut report).now_or_never().is_none());
    status_when(&pool, |status| !status.open).await;

    assert_eq!(pool.try_submit(2_u64).unwrap_err().reason, Refusal::Closed);
    let refused = pool.dispatcher().send(Job::new(3)).await.unwrap().unwrap_err();
    assert_eq!((refused.job.into_payload(), refused.reason), (3, Refusal::Closed));
    let batch = Jobs::from_iter([4, 5]);
    let refused = pool.dispatcher().send(batch).await.unwrap().unwrap_err();
    assert_eq!((refused.job.len(), refused.reason), (2, Refusal::Closed));
    let refused = pool.run(6_u64).await.unwrap_err();
    assert!(matches!(refused, RunError::Refused(refused) if *refused.job.payload() == 6));
    assert_eq!(pool.process(stream::iter([7_u64])).count().await, 0);
    pool.dispatcher().do_send(Job::new(8));
    let rejected = ears.result().await;
    assert_eq!(rejected.outcome(), Err(&JobError::Rejected(Refusal::Closed)));
    assert_eq!(*rejected.job().payload(), 8);

    input.unbounded_send(9).unwrap();
    gate.open(1);
    assert_eq!(payloads(&results.collect::<Vec<_>>().await), [1]);
    let counts = report.await.unwrap().counts;
    assert_eq!((counts.succeeded, counts.rejected, counts.total()), (1, 1, 2));
}

#[actix::test]
async fn a_submission_that_meets_the_shutdown_is_accepted_and_ends_or_comes_back() {
    for round in 0..200_u64 {
        let (pool, gate, _) = held(1);
        let ears = listen(&pool).await;
        gate.open(10);
        let other = pool.clone();
        let submitter = std::thread::spawn(move || {
            (0..10).filter(|n| other.try_submit(round + n).is_ok()).count()
        });
        let counts = pool.shutdown(Shutdown::Drain(Duration::MAX)).await.unwrap().counts;
        let accepted = submitter.join().unwrap();
        assert_eq!(counts.succeeded, accepted as u64);
        drop(pool);
        let heard = ears.rest().await;
        let results = heard.iter().filter(|heard| matches!(heard, Heard::Result(_))).count();
        assert_eq!(results, accepted);
    }
}

/// Asks for one shutdown after the other, moves the clock by the shorter deadline, and returns how
/// many of the two jobs, of which one runs, were cancelled by then.
async fn one_after_the_other(first: Shutdown, then: Shutdown, by: Duration) -> u64 {
    let (pool, gate, clock) = held(1);
    pool.submit_all((0..2_u64).collect()).await.unwrap();
    gate.reached(1).await;
    let mut reports = pin!(join_all([pool.shutdown(first), pool.shutdown(then)]));
    assert!((&mut reports).now_or_never().is_none());
    status_when(&pool, |status| !status.open).await;
    clock.advance(by);
    let reports = reports.await;
    assert_eq!(reports[0], reports[1]);
    assert_eq!(pool.shutdown(Shutdown::Now).await, reports[0], "and the same once it has ended");
    reports[0].as_ref().unwrap().counts.cancelled
}

#[actix::test]
async fn of_two_shutdowns_the_earlier_deadline_holds_whichever_came_first() {
    let (long, short) = (Shutdown::Drain(9 * MINUTE), Shutdown::Drain(MINUTE));
    assert_eq!(one_after_the_other(long, short, MINUTE).await, 2);
    assert_eq!(one_after_the_other(short, long, MINUTE).await, 2);
    let finish = Shutdown::FinishRunning(MINUTE);
    assert_eq!(one_after_the_other(long, finish, MINUTE).await, 2);
    assert_eq!(one_after_the_other(finish, long, MINUTE).await, 2);
    assert_eq!(one_after_the_other(long, Shutdown::Now, Duration::ZERO).await, 2);
    assert_eq!(one_after_the_other(Shutdown::Now, long, Duration::ZERO).await, 2);
}
