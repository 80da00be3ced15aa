//! Who is evicted, where jobs wait for their time as well.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use actix_workpool::{Job, JobError, OnFull, Pool, Queue, Retry, StepClock};
use support::{NumberResult, Numbers, Turnstile, listen, payloads, status_when};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A pool that evicts where more than `capacity` wait. Job 0 has its only worker until the gate opens, and job
/// 9 fails at first, and is to be tried again after a minute.
fn evicting(capacity: usize, on_full: OnFull) -> (Numbers, Turnstile, StepClock) {
    let (gate, clock) = (Turnstile::new(), StepClock::new());
    let held = gate.clone();
    let pool = Pool::builder(async move |n: &u64, cx| {
        held.pass().await;
        if *n == 9 && cx.attempt() == 1 { Err("at first".into()) } else { Ok(*n) }
    });
    let pool = pool
        .workers(1)
        .queue(Queue::bounded(capacity).on_full(on_full))
        .retry(Retry::attempts(2).backoff(MINUTE, MINUTE))
        .clock(clock.clone());
    (pool.build().unwrap(), gate, clock)
}

/// Submits these one after another while job 0 runs. Returns the first that end.
async fn first_ended<const N: usize>(
    (pool, gate, clock): &(Numbers, Turnstile, StepClock),
    jobs: impl IntoIterator<Item = Job<u64>>,
) -> [u64; N] {
    let mut ears = listen(pool).await;
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    for job in jobs {
        clock.advance(SECOND / 10);
        pool.submit(job).await.unwrap();
    }
    let results = ears.results(N).await;
    let is_pushed_out = |result: &NumberResult| match result.job().payload() {
        9 => matches!(result.outcome(), Err(JobError::Failed(_))) && result.attempts() == 1,
        _ => result.outcome() == Err(&JobError::Evicted),
    };
    assert!(results.iter().all(is_pushed_out), "{results:?}");
    payloads(&results).try_into().unwrap()
}

const EVICT: [OnFull; 2] = [OnFull::EvictOldest, OnFull::EvictYoungest];

#[actix::test]
async fn of_delayed_jobs_those_who_have_waited_longest_or_shortest_are_evicted_whenever_due() {
    for (on_full, evicted) in EVICT.into_iter().zip([[1, 2], [2, 3]]) {
        for delay in [|_| MINUTE, |n| n * MINUTE, |n| (9 - n) * MINUTE] {
            let jobs = (1..5_u32).map(|n| Job::new(n.into()).delay(delay(n)));
            assert_eq!(first_ended(&evicting(2, on_full), jobs).await, evicted, "{on_full:?}");
        }
    }
}

#[actix::test]
async fn a_job_that_comes_to_a_queue_full_of_delayed_ones_pushes_out_one_of_those() {
    for (on_full, evicted) in EVICT.into_iter().zip([[1], [2]]) {
        let jobs = [Job::new(1).delay(MINUTE), Job::new(2).delay(SECOND), Job::new(3)];
        assert_eq!(first_ended(&evicting(2, on_full), jobs).await, evicted, "{on_full:?}");
    }
}

#[actix::test]
async fn one_that_is_to_be_tried_again_is_pushed_out_by_its_acceptance_and_ends_as_it_had_failed() {
    for (on_full, evicted) in EVICT.into_iter().zip([[1, 9], [2, 3]]) {
        let pool = evicting(3, on_full);
        pool.0.submit(Job::new(1).delay(MINUTE)).await.unwrap();
        pool.2.advance(SECOND);
        pool.0.submit(9_u64).await.unwrap();
        pool.1.reached(1).await;
        // By this clock jobs are long, so none is handed out before a worker is free for it.
        pool.2.advance(SECOND);
        pool.1.open(1);
        status_when(&pool.0, |status| status.postponed == 2 && status.running == 0).await;
        let jobs = [2, 3, 4].map(Job::new);
        assert_eq!(first_ended(&pool, jobs).await, evicted, "{on_full:?}");
    }
}

#[actix::test]
async fn who_is_evicted_counts_as_accepted_when_its_delay_was_over() {
    for (on_full, evicted) in EVICT.into_iter().zip([[2], [1]]) {
        let pool = evicting(2, on_full);
        pool.0.submit(Job::new(1).delay(SECOND)).await.unwrap();
        let mut ears = listen(&pool.0).await;
        assert_eq!(first_ended::<0>(&pool, [Job::new(2)]).await, []);
        pool.2.advance(SECOND);
        status_when(&pool.0, |status| status.postponed == 0).await;
        pool.0.submit(3_u64).await.unwrap();
        assert_eq!(payloads(&ears.results(1).await), evicted, "{on_full:?}");
    }
}
