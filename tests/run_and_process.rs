//! One job and its answer; a stream of jobs and theirs.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use actix_workpool::{Job, JobError, OnFull, Pool, Queue, Refusal, RunError, Shutdown};
use futures::{FutureExt, StreamExt, channel::mpsc, executor::block_on, future::join_all, stream};
use support::{Crowd, Numbers, Turnstile, listen, mixed};

fn held(gate: &Turnstile, workers: usize, queue: Queue) -> Numbers {
    let gate = gate.clone();
    let pool = Pool::builder(async move |n: &u64, _cx| {
        gate.pass().await;
        mixed(n).await
    });
    pool.workers(workers).queue(queue).build().unwrap()
}

fn mixing(workers: usize) -> Numbers {
    Pool::builder(async |n: &u64, _cx| mixed(n).await).workers(workers).build().unwrap()
}

#[actix::test]
async fn run_answers_with_the_value_or_the_reason_and_nobody_else_hears_of_it() {
    let pool = mixing(2);
    let ears = listen(&pool).await;
    assert_eq!(pool.run(2_u64).await.unwrap(), 2);
    let error = pool.run(3_u64).await.unwrap_err();
    assert!(matches!(error, RunError::Ended(JobError::Failed(ref text)) if text == "job 3 fails"));
    let error = pool.run(Job::new(99)).await.unwrap_err();
    assert_eq!(error.to_string(), "the job panicked: job 99 panics");
    let counts = pool.shutdown(Shutdown::Now).await.unwrap().counts;
    assert_eq!((counts.succeeded, counts.failed, counts.panicked), (1, 1, 1));
    drop(pool);
    assert!(ears.rest().await.iter().all(|heard| matches!(heard, support::Heard::Drained(_))));
}

#[actix::test]
async fn run_serves_many_callers_at_once() {
    let pool = mixing(3);
    let answers = join_all((0..1_000).map(|n| pool.run(2 * n))).await;
    assert!(answers.into_iter().enumerate().all(|(n, answer)| answer.unwrap() == 2 * n as u64));
}

#[actix::test]
async fn run_dropped_cancels_its_job_where_it_waits_and_where_it_runs() {
    let gate = Turnstile::new();
    let pool = held(&gate, 1, Queue::unbounded());
    let mut running = Box::pin(pool.run(1_u64));
    assert!((&mut running).now_or_never().is_none());
    gate.reached(1).await;
    let mut waiting = Box::pin(pool.run(2_u64));
    assert!((&mut waiting).now_or_never().is_none());
    drop(waiting);
    drop(running);
    pool.drain().await.unwrap();
    let status = pool.status().await.unwrap();
    assert_eq!((status.counts.cancelled, status.counts.total(), status.unheard), (2, 2, 2));
}

#[actix::test]
async fn run_dropped_when_it_was_just_let_in_from_the_line_cancels_its_job() {
    let gate = Turnstile::new();
    let pool = held(&gate, 1, Queue::bounded(1));
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    let waiting = pool.submit(2_u64).await.unwrap();
    let mut run = Box::pin(pool.run(4_u64));
    assert!((&mut run).now_or_never().is_none());
    // This lets it in, and nobody polls it meanwhile.
    pool.cancel(waiting).await.unwrap();
    let status = pool.status().await.unwrap();
    assert_eq!((status.in_line, status.queued), (0, 1));
    drop(run);
    gate.open(2);
    pool.drain().await.unwrap();
    let counts = pool.status().await.unwrap().counts;
    assert_eq!((counts.succeeded, counts.cancelled), (1, 2));
}

#[actix::test]
async fn run_dropped_tells_a_blocking_job() {
    let (started, starts) = futures::channel::oneshot::channel();
    let started = std::sync::Mutex::new(Some(started));
    let pool: Numbers = Pool::blocking(move |_: &u64, cx| {
        started.lock().unwrap().take().into_iter().for_each(|s| s.send(()).unwrap());
        while !cx.is_cancelled() {
            std::thread::yield_now();
        }
        Err("gave up".into())
    })
    .workers(1)
    .build()
    .unwrap();
    let mut run = Box::pin(pool.run(1_u64));
    assert!((&mut run).now_or_never().is_none());
    starts.await.unwrap();
    drop(run);
    pool.drain().await.unwrap();
    assert_eq!(pool.status().await.unwrap().counts.failed, 1);
}

#[actix::test]
async fn a_processed_stream_brings_one_result_for_each_job_and_ends_by_itself() {
    let pool = mixing(3);
    let results: Vec<_> = pool.process(stream::iter(0..5_000_u64)).collect().await;
    let mut payloads = support::payloads(&results);
    payloads.sort_unstable();
    assert_eq!(payloads, Vec::from_iter(0..5_000));
    let failed = results.iter().filter(|result| result.outcome().is_err()).count();
    assert_eq!(failed, 2_500);
    assert_eq!(pool.process(stream::empty::<u64>()).count().await, 0);
    let counts = pool.shutdown(Shutdown::Now).await.unwrap().counts;
    assert_eq!((counts.succeeded, counts.failed, counts.panicked), (2_500, 2_450, 50));
}

#[actix::test]
async fn an_ordered_stream_keeps_the_order_of_its_jobs() {
    let gates: Vec<_> = (0..8).map(|_| Turnstile::new()).collect();
    let held = gates.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        held[*n as usize].pass().await;
        Ok(*n)
    })
    .workers(8)
    .build()
    .unwrap();
    let mut results = pool.process(stream::iter(0..8_u64)).ordered();
    assert!(results.next().now_or_never().is_none());
    gates.iter().rev().for_each(|gate| gate.open(1));
    let results: Vec<_> = results.collect().await;
    assert_eq!(support::payloads(&results), Vec::from_iter(0..8));
}

#[actix::test]
async fn as_completed_means_that_a_slow_job_holds_up_no_other() {
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        if *n == 0 {
            held.pass().await;
        }
        Ok(*n)
    })
    .workers(2)
    .build()
    .unwrap();
    let mut results = pool.process(stream::iter(0..500_u64)).buffer(3);
    for _ in 1..500 {
        assert_ne!(*results.next().await.unwrap().job().payload(), 0);
    }
    gate.open(1);
    assert_eq!(results.next().await.unwrap().outcome(), Ok(&0));
    assert!(results.next().await.is_none());
}

#[actix::test]
async fn a_stream_takes_no_more_jobs_than_its_buffer_holds() {
    let pool = mixing(2);
    let crowd = Crowd::default();
    let inside = crowd.clone();
    let jobs = stream::iter((0..500_u64).map(|n| 2 * n)).inspect(|_| inside.enter());
    let mut results = pool.process(jobs).ordered().buffer(7);
    while let Some(result) = results.next().await {
        assert!(result.outcome().is_ok());
        crowd.leave();
    }
    assert_eq!(crowd.most(), 7);
}

#[actix::test]
async fn a_stream_waits_for_room_in_a_bounded_queue() {
    for on_full in [OnFull::Wait, OnFull::EvictOldest] {
        let gate = Turnstile::new();
        let pool = held(&gate, 1, Queue::bounded(2).on_full(on_full));
        gate.open(1_000);
        let results: Vec<_> =
            pool.process(stream::iter((0..300_u64).map(|n| 2 * n))).buffer(50).collect().await;
        assert_eq!(results.len(), 300);
        let evicted = results.iter().filter(|r| r.outcome() == Err(&JobError::Evicted)).count();
        assert!(evicted == 0 || on_full == OnFull::EvictOldest);
    }
}

#[actix::test]
async fn a_stream_holds_a_job_that_a_full_queue_refused_until_one_of_its_own_has_ended() {
    let gate = Turnstile::new();
    let pool = held(&gate, 1, Queue::bounded(2).on_full(OnFull::Reject));
    gate.open(1_000);
    let jobs = stream::iter((0..300_u64).map(|n| 2 * n));
    let results: Vec<_> = pool.process(jobs).ordered().collect().await;
    assert_eq!(results.len(), 300);
    assert!(results.iter().all(|result| result.outcome().is_ok()));
}

#[actix::test]
async fn a_job_that_is_refused_by_a_queue_full_of_others_comes_out_as_rejected() {
    let gate = Turnstile::new();
    let pool = held(&gate, 1, Queue::bounded(1).on_full(OnFull::Reject));
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    pool.submit(2_u64).await.unwrap();
    let results: Vec<_> = pool.process(stream::iter([4_u64, 6])).collect().await;
    assert_eq!(support::payloads(&results), [4, 6]);
    let full = JobError::Rejected(Refusal::Full { capacity: 1 });
    assert!(results.iter().all(|result| result.outcome() == Err(&full)));
    gate.open(2);
}

#[actix::test]
async fn a_stream_of_a_closed_pool_ends_after_what_it_took_although_its_input_goes_on() {
    let gate = Turnstile::new();
    let pool = held(&gate, 1, Queue::unbounded());
    let (jobs, input) = mpsc::unbounded::<u64>();
    let mut results = pool.process(input);
    [0, 2].into_iter().for_each(|n| jobs.unbounded_send(n).unwrap());
    assert!(results.next().now_or_never().is_none());
    gate.open(2);
    pool.shutdown(Shutdown::Drain(std::time::Duration::MAX)).await.unwrap();
    jobs.unbounded_send(4).unwrap();
    let rest: Vec<_> = results.collect().await;
    assert_eq!(support::payloads(&rest), [0, 2]);
}

#[actix::test]
async fn a_stream_whose_input_is_idle_ends_when_its_pool_is_closed() {
    let pool = mixing(2);
    let mut results = pool.process(stream::iter([2_u64]).chain(stream::pending()));
    assert!(results.next().await.unwrap().outcome().is_ok());
    let (none, report) = futures::join!(results.next(), pool.shutdown(Shutdown::Now));
    assert!(none.is_none());
    assert_eq!(report.unwrap().counts.succeeded, 1);
}

#[actix::test]
async fn a_stream_dropped_cancels_its_jobs() {
    let gate = Turnstile::new();
    let pool = held(&gate, 2, Queue::unbounded());
    let mut results = pool.process(stream::iter(0..100_u64)).buffer(10);
    assert!(results.next().now_or_never().is_none());
    gate.reached(2).await;
    drop(results);
    pool.drain().await.unwrap();
    assert_eq!(pool.status().await.unwrap().counts.cancelled, 10);
}

#[actix::test]
async fn a_stream_dropped_gives_up_the_places_of_its_jobs_in_the_queue_at_once() {
    let gate = Turnstile::new();
    let pool = held(&gate, 1, Queue::bounded(3).on_full(OnFull::Reject));
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    let other = pool.submit(2_u64).await.unwrap();
    let mut process = pool.process(stream::iter([4_u64, 6]));
    assert!(process.next().now_or_never().is_none());
    drop(process);
    assert_eq!(pool.status().await.unwrap().queued, 1);
    pool.try_submit_all([8, 10].into_iter().collect()).unwrap();
    pool.cancel(other).await.unwrap();
    gate.open(3);
    pool.drain().await.unwrap();
    let counts = pool.status().await.unwrap().counts;
    assert_eq!((counts.succeeded, counts.cancelled), (3, 3));
}

#[actix::test]
async fn a_stream_dropped_when_its_job_was_just_let_in_from_the_line_cancels_that_too() {
    let gate = Turnstile::new();
    let pool = held(&gate, 1, Queue::bounded(1));
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    let waiting = pool.submit(2_u64).await.unwrap();
    let mut process = pool.process(stream::iter([4_u64]));
    assert!(process.next().now_or_never().is_none());
    pool.cancel(waiting).await.unwrap();
    assert_eq!(pool.status().await.unwrap().queued, 1);
    drop(process);
    assert_eq!(pool.status().await.unwrap().queued, 0);
    gate.open(1);
    pool.drain().await.unwrap();
}

#[actix::test]
async fn a_stream_keeps_its_pool_alive_and_runs_on_any_thread() {
    let pool = mixing(2);
    let results = pool.process(stream::iter((0..100_u64).map(|n| 2 * n))).ordered();
    drop(pool);
    let (done, count) = futures::channel::oneshot::channel();
    std::thread::spawn(move || done.send(block_on(results.count())).unwrap());
    assert_eq!(count.await.unwrap(), 100);
}

#[actix::test]
async fn two_streams_do_not_mix() {
    let pool = mixing(3);
    let evens = pool.process(stream::iter((0..500_u64).map(|n| 4 * n))).collect::<Vec<_>>();
    let others = pool.process(stream::iter((0..500_u64).map(|n| 4 * n + 2))).collect::<Vec<_>>();
    let (evens, others) = futures::join!(evens, others);
    assert!(evens.iter().all(|result| result.job().payload() % 4 == 0));
    assert!(others.iter().all(|result| result.job().payload() % 4 == 2));
    assert_eq!((evens.len(), others.len()), (500, 500));
}

#[actix::test]
async fn a_conversion_that_panics_in_a_processed_stream_costs_its_own_job_and_no_other() {
    /// Becomes a job, unless it is thirteen.
    struct Wish(u64);
    impl From<Wish> for Job<u64> {
        fn from(Wish(n): Wish) -> Self {
            assert_ne!(n, 13, "thirteen is no job");
            Self::new(n)
        }
    }
    let pool = mixing(2);
    for ordered in [false, true] {
        let results = pool.process(stream::iter([2, 4, 13, 6, 8].map(Wish)));
        let mut results = if ordered { results.ordered() } else { results };
        let (mut got, mut panics) = (Vec::new(), 0);
        loop {
            match std::panic::AssertUnwindSafe(results.next()).catch_unwind().await {
                Ok(Some(result)) => got.push(*result.job().payload()),
                Ok(None) => break,
                Err(_) => panics += 1,
            }
        }
        got.sort_unstable();
        assert_eq!((got, panics), (vec![2, 4, 6, 8], 1));
    }
}
