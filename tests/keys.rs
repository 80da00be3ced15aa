//! Jobs that share a key.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{collections::HashMap, time::Duration};

use actix_workpool::{
    Builder, CancelOutcome, Job, JobError, Jobs, OnFull, Pool, Queue, Retry, Shutdown, StepClock,
};
use futures::{FutureExt, StreamExt, stream};
use support::{
    Crowd, Ears, Heard, Numbers, Turnstile, behind, is_cancelled, listen, mixed, payloads,
    status_when,
};

const SECOND: Duration = Duration::from_secs(1);
const EVICT_YOUNGEST: OnFull = OnFull::EvictYoungest;

/// A job whose key is its last digit.
fn keyed(n: u64) -> Job<u64> {
    Job::new(n).key(n % 10)
}

#[actix::test]
async fn jobs_with_one_key_run_one_at_a_time_and_others_beside_them() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(4).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all(Jobs::from_iter([keyed(1), keyed(11), keyed(21), keyed(2), Job::new(5)]))
        .await
        .unwrap();
    gate.reached(3).await;
    let status = pool.status().await.unwrap();
    assert_eq!((status.running, status.queued), (3, 2));
    assert!(Box::pin(gate.reached(1)).now_or_never().is_none());
    gate.open(5);
    let ended = payloads(&ears.results(5).await);
    let of_one: Vec<_> = ended.into_iter().filter(|n| n % 10 == 1).collect();
    assert_eq!(of_one, [1, 11, 21]);
    assert_eq!(ears.drained().await.succeeded, 5);
}

#[actix::test]
async fn a_job_without_a_key_does_not_wait_behind_those_that_wait_for_theirs() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(2).build().unwrap();
    pool.submit_all(Jobs::from_iter([keyed(1), keyed(11), keyed(21), Job::new(4)])).await.unwrap();
    gate.reached(2).await;
    assert_eq!(pool.status().await.unwrap().queued, 2);
    gate.open(4);
    pool.drain().await.unwrap();
}

#[actix::test]
async fn one_that_waits_for_its_key_can_be_cancelled_and_the_key_goes_on() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(2).build().unwrap();
    let mut ears = listen(&pool).await;
    let ids = pool.submit_all(Jobs::from_iter([1, 11, 21].map(keyed))).await.unwrap();
    gate.reached(1).await;
    assert_eq!(pool.cancel(ids[1]).await, Ok(CancelOutcome::Waiting));
    assert!(is_cancelled(&ears.result().await));
    assert!(Box::pin(gate.reached(1)).now_or_never().is_none(), "the first still holds the key");
    assert_eq!(pool.cancel(ids[0]).await, Ok(CancelOutcome::Running));
    gate.reached(1).await;
    gate.open(1);
    assert_eq!(payloads(&ears.results(2).await), [1, 21]);
}

#[actix::test]
async fn however_the_holder_ends_the_next_has_the_key() {
    let pool: Numbers = Pool::builder(async |n: &u64, _cx| {
        if *n == 31 {
            actix_rt::Arbiter::current().stop();
            futures::future::pending::<()>().await;
        }
        if *n == 41 {
            futures::future::pending::<()>().await;
        }
        mixed(&(n / 10 * 49 + 1)).await
    })
    .workers(3)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    let jobs = (0..8_u64).map(|n| match n * 10 + 1 {
        41 => keyed(41).timeout(Duration::ZERO),
        n => keyed(n),
    });
    pool.submit_all(jobs.collect()).await.unwrap();
    let results = ears.results(8).await;
    assert_eq!(payloads(&results), (0..8).map(|n| n * 10 + 1).collect::<Vec<_>>());
    assert!(matches!(results[3].outcome(), Err(JobError::Lost)));
    assert!(matches!(results[4].outcome(), Err(JobError::TimedOut)));
}

#[actix::test]
async fn a_job_that_is_tried_again_keeps_its_key_until_its_terminal_result() {
    let clock = StepClock::new();
    let pool: Numbers = Pool::builder(async |n: &u64, cx| match (n, cx.attempt()) {
        (1, 1) => Err("once".into()),
        _ => Ok(*n),
    })
    .workers(2)
    .retry(Retry::attempts(2).backoff(SECOND, SECOND))
    .clock(clock.clone())
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all(Jobs::from_iter([1, 11, 2].map(keyed))).await.unwrap();
    assert_eq!(payloads(&ears.results(1).await), [2]);
    let status = status_when(&pool, |status| status.postponed == 1).await;
    assert_eq!((status.queued, status.running), (1, 0), "the next of its key waits");
    clock.advance(SECOND);
    assert_eq!(payloads(&ears.results(2).await), [1, 11]);
}

#[actix::test]
async fn a_delayed_job_takes_its_key_when_its_time_has_come() {
    let clock = StepClock::new();
    let pool: Numbers =
        Pool::builder(async |n: &u64, _cx| Ok(*n)).clock(clock.clone()).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all(Jobs::from_iter([keyed(1).delay(SECOND), keyed(11)])).await.unwrap();
    assert_eq!(payloads(&ears.results(1).await), [11], "it does not wait for one that is delayed");
    clock.advance(SECOND);
    assert_eq!(payloads(&ears.results(1).await), [1]);
}

#[actix::test]
async fn those_who_wait_for_a_key_count_against_the_bound() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).queue(Queue::bounded(2).on_full(OnFull::Reject));
    let pool = pool.build().unwrap();
    pool.submit(keyed(1)).await.unwrap();
    gate.reached(1).await;
    pool.submit_all(Jobs::from_iter([11, 21].map(keyed))).await.unwrap();
    assert!(pool.submit(5_u64).await.is_err());
    gate.open(3);
    pool.drain().await.unwrap();
}

/// A pool that evicts where more than 2 wait, and whose only worker runs job 1 until the gate opens.
async fn evicting(on_full: OnFull) -> (Numbers, Turnstile, Ears) {
    let gate = Turnstile::new();
    let queue = Queue::bounded(2).on_full(on_full);
    let pool = behind(&gate).workers(1).queue(queue).build().unwrap();
    let ears = listen(&pool).await;
    pool.submit(keyed(1)).await.unwrap();
    gate.reached(1).await;
    (pool, gate, ears)
}

#[actix::test]
async fn of_those_who_wait_for_one_key_those_who_have_waited_longest_or_shortest_are_evicted() {
    let policies =
        [(OnFull::EvictOldest, [11, 21], [31, 41]), (EVICT_YOUNGEST, [21, 31], [11, 41])];
    for (on_full, evicted, kept) in policies {
        let (pool, gate, mut ears) = evicting(on_full).await;
        for n in [11, 21, 31, 41] {
            pool.submit(keyed(n)).await.unwrap();
        }
        let results = ears.results(2).await;
        assert_eq!(payloads(&results), evicted, "{on_full:?}");
        assert!(results.iter().all(|result| result.outcome() == Err(&JobError::Evicted)));
        gate.open(3);
        assert_eq!(payloads(&ears.results(3).await), [1, kept[0], kept[1]]);
        assert_eq!(ears.drained().await.evicted, 2);
    }
}

#[actix::test]
async fn whether_a_job_waits_for_a_key_has_no_say_in_who_is_evicted() {
    for (on_full, evicted) in [(OnFull::EvictOldest, [11, 5]), (EVICT_YOUNGEST, [5, 21])] {
        let (pool, gate, mut ears) = evicting(on_full).await;
        for job in [keyed(11), Job::new(5), keyed(21), Job::new(6)] {
            pool.submit(job).await.unwrap();
        }
        assert_eq!(payloads(&ears.results(2).await), evicted, "{on_full:?}");
        gate.open(3);
        ears.results(3).await;
    }
}

#[actix::test]
async fn a_batch_pushes_out_none_of_its_own_jobs_whatever_they_wait_for() {
    for on_full in [OnFull::EvictOldest, EVICT_YOUNGEST] {
        let (pool, gate, mut ears) = evicting(on_full).await;
        for batch in [[keyed(11), Job::new(5)], [Job::new(6), keyed(21)]] {
            pool.submit_all(Jobs::from_iter(batch)).await.unwrap();
        }
        assert_eq!(payloads(&ears.results(2).await), [11, 5], "{on_full:?}");
        gate.open(3);
        assert_eq!(payloads(&ears.results(3).await), [1, 6, 21]);
    }
}

#[actix::test]
async fn nothing_that_waits_for_a_key_is_evicted_for_a_job_that_an_idle_worker_is_handed() {
    for on_full in [OnFull::EvictOldest, EVICT_YOUNGEST] {
        let (gate, clock) = (Turnstile::new(), StepClock::new());
        let queue = Queue::bounded(1).on_full(on_full);
        let pool = behind(&gate).workers(2).threads(1).queue(queue).clock(clock.clone());
        let pool = pool.build().unwrap();
        let mut ears = listen(&pool).await;
        // Both workers have asked for jobs once each has run one.
        for n in [7, 8_u64] {
            pool.submit(n).await.unwrap();
            gate.reached(1).await;
        }
        clock.advance(60 * SECOND);
        gate.open(2);
        ears.results(2).await;
        ears.drained().await;
        pool.submit(keyed(1)).await.unwrap();
        gate.reached(1).await;
        pool.submit(keyed(11)).await.unwrap();
        pool.submit(5_u64).await.unwrap();
        gate.reached(1).await;
        assert_eq!(pool.status().await.unwrap().counts.evicted, 0, "{on_full:?}");
        pool.submit(keyed(21)).await.unwrap();
        assert_eq!(payloads(&ears.results(1).await), [11], "{on_full:?}");
        gate.open(3);
        ears.results(3).await;
    }
}

#[actix::test]
async fn a_shutdown_ends_those_who_wait_for_a_key() {
    let gate = Turnstile::new();
    for (shutdown, succeeded) in [(Shutdown::Drain(60 * SECOND), 3), (Shutdown::Now, 0)] {
        let pool = behind(&gate).workers(1).build().unwrap();
        pool.submit_all(Jobs::from_iter([1, 11, 21].map(keyed))).await.unwrap();
        gate.reached(1).await;
        if succeeded > 0 {
            gate.open(3);
        }
        let counts = pool.shutdown(shutdown).await.unwrap().counts;
        assert_eq!((counts.succeeded, counts.cancelled), (succeeded, 3 - succeeded));
        gate.reached(2 * u32::from(succeeded > 0)).await;
    }
}

#[actix::test]
async fn keys_work_for_run_and_process_too() {
    let crowd = Crowd::default();
    let inside = crowd.clone();
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        inside.enter();
        std::thread::yield_now();
        inside.leave();
        Ok(*n)
    })
    .workers(4)
    .build()
    .unwrap();
    let one = |n: u64| Job::new(n).key("one");
    let results = pool.process(stream::iter((0..200).map(one))).ordered().collect::<Vec<_>>();
    let runs = futures::future::join_all((200..300).map(|n| pool.run(one(n))));
    let (results, values) = futures::future::join(results, runs).await;
    assert!(results.len() == 200 && values.iter().all(Result::is_ok));
    assert_eq!(crowd.most(), 1);
}

#[actix::test]
async fn a_job_that_came_back_can_be_submitted_again_with_its_key() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(2).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(keyed(1)).await.unwrap();
    gate.open(1);
    let job = ears.result().await.into_parts().unwrap().job;
    ears.drained().await;
    pool.submit(keyed(11)).await.unwrap();
    gate.reached(2).await;
    pool.submit(job).await.unwrap();
    assert_eq!(pool.status().await.unwrap().queued, 1, "it waits for its key, as it did before");
    gate.open(2);
    assert_eq!(payloads(&ears.results(2).await), [11, 1]);
}

#[actix::test]
async fn a_job_that_is_rejected_with_the_key_that_it_once_held_frees_nothing() {
    let gate = Turnstile::new();
    let queue = Queue::bounded(1).on_full(OnFull::Reject);
    let pool = behind(&gate).workers(2).queue(queue).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(keyed(1)).await.unwrap();
    gate.reached(1).await;
    gate.open(1);
    let old = ears.result().await.into_parts().unwrap().job;
    ears.drained().await;
    pool.submit(keyed(11)).await.unwrap();
    gate.reached(1).await;
    pool.submit(keyed(21)).await.unwrap();
    pool.dispatcher().do_send(old);
    let rejected = ears.result().await;
    assert!(matches!(rejected.outcome(), Err(JobError::Rejected(_))) && rejected.attempts() == 0);
    assert_eq!(pool.status().await.unwrap().queued, 1, "the key is another's");
    gate.open(2);
    assert_eq!(payloads(&ears.results(2).await), [11, 21]);
}

#[actix::test]
async fn a_process_that_is_dropped_takes_those_with_it_that_wait_for_a_key_or_a_time() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).clock(StepClock::new()).build().unwrap();
    let jobs = [keyed(1), keyed(11), Job::new(2).delay(SECOND)];
    let mut results = pool.process(stream::iter(jobs));
    assert!(results.next().now_or_never().is_none());
    gate.reached(1).await;
    status_when(&pool, |status| status.queued == 1 && status.postponed == 1).await;
    drop(results);
    let status = status_when(&pool, |status| status.queued == 0 && status.postponed == 0).await;
    assert_eq!(status.counts.succeeded, 0);
}

async fn in_order(builder: Builder<u64, u64, String>) {
    const JOBS: u64 = 5_000;
    let pool = builder.workers(4).queue(Queue::bounded(100)).build().unwrap();
    let mut ears = listen(&pool).await;
    for n in 0..JOBS {
        let job = if n % 4 == 3 { Job::new(n) } else { keyed(n) };
        pool.submit(job).await.unwrap();
    }
    let mut last = HashMap::new();
    let mut heard = 0;
    while heard < JOBS {
        let Heard::Result(result) = ears.hear().await else { continue };
        heard += 1;
        let n = *result.job().payload();
        if n % 4 != 3 {
            let before = last.insert(n % 10, n);
            assert!(before < Some(n), "{n} after {before:?}");
        }
    }
}

#[actix::test]
async fn inv_03_results_of_one_key_arrive_in_order_from_async_workers() {
    in_order(Pool::builder(async |n: &u64, _cx| mixed(n).await).threads(2)).await;
}

#[actix::test]
async fn inv_03_results_of_one_key_arrive_in_order_from_blocking_workers() {
    in_order(Pool::blocking(|n: &u64, _cx| mixed(n).now_or_never().unwrap())).await;
}

#[actix::test]
async fn inv_08_the_jobs_of_a_key_run_one_at_a_time_and_in_order() {
    let (started, starts) = std::sync::mpsc::channel();
    let crowd = Crowd::default();
    let inside = crowd.clone();
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        inside.enter();
        started.send(*n).unwrap();
        inside.leave();
        Ok(*n)
    })
    .workers(3)
    .build()
    .unwrap();
    pool.submit_all((0..1_000).map(|n| Job::new(n).key(())).collect()).await.unwrap();
    pool.drain().await.unwrap();
    assert_eq!(starts.try_iter().collect::<Vec<_>>(), (0..1_000).collect::<Vec<_>>());
    assert_eq!(crowd.most(), 1);
}
