//! What users of worker pools in other languages do, and what has gone wrong there: many submitters,
//! nested use, storms of panics, groups, overflow, idling and reuse.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "support/held.rs"]
mod held;
mod support;

use std::{
    collections::HashSet,
    future::Future,
    panic::resume_unwind,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use actix::Addr;
use actix_workpool::{
    Builder, Dispatcher, Job, JobError, JobId, Jobs, OnFull, Pool, Queue, Refusal, Refused,
    RunError, Shutdown,
};
use futures::{FutureExt, StreamExt, executor::block_on, future::join_all, stream};
use held::until;
use support::{
    Numbers, Turnstile, behind, listen, listen_for_results, mixed, payloads, status_when, yield_now,
};

const MINUTE: Duration = Duration::from_secs(60);

fn echo(workers: usize) -> Builder<u64, u64, String> {
    Pool::builder(async |n: &u64, _cx| Ok(*n)).workers(workers).threads(2)
}

/// Runs this on so many threads, and waits for what they return without keeping the thread.
async fn on_threads<R: Send + 'static>(
    threads: u64,
    run: impl Fn(u64) -> R + Clone + Send + 'static,
) -> Vec<R> {
    let threads: Vec<_> = (0..threads)
        .map(|n| {
            let run = run.clone();
            thread::spawn(move || run(n))
        })
        .collect();
    until(|| threads.iter().all(thread::JoinHandle::is_finished)).await;
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

/// Submits a job again and again until it is accepted.
fn insist(pool: &Numbers, job: Job<u64>) -> JobId {
    let mut job = job;
    loop {
        match pool.try_submit(job) {
            Ok(id) => return id,
            Err(Refused { job: back, reason: Refusal::Full { .. } }) => job = back,
            Err(other) => panic!("{other}"),
        }
        thread::yield_now();
    }
}

#[actix::test]
async fn many_threads_that_submit_in_every_way_get_every_job_done_once() {
    let pool: Numbers = Pool::builder(async |n: &u64, _cx| mixed(n).await)
        .workers(5)
        .threads(2)
        .queue(Queue::bounded(7))
        .build()
        .unwrap();
    let ears = listen(&pool).await;
    let submitter = pool.clone();
    let submitted = on_threads(6, move |thread| {
        let (pool, mut heard, mut ids) = (submitter.clone(), 0, Vec::new());
        for n in 0..60 {
            match (thread + n) % 5 {
                0 => ids.push(insist(&pool, Job::new(n))),
                1 => ids.push(block_on(pool.submit(n)).unwrap()),
                2 => ids.extend(block_on(pool.submit_all((0..5).collect())).unwrap()),
                3 => {
                    heard += u64::from(!matches!(block_on(pool.run(n)), Err(RunError::Stopped(_))));
                }
                _ => heard += block_on(pool.process(stream::iter(0..9_u64)).count()) as u64,
            }
        }
        (heard, ids)
    })
    .await;
    let counts = pool.shutdown(Shutdown::Drain(Duration::MAX)).await.unwrap().counts;
    let accepted: HashSet<_> = submitted.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    let answered: u64 = submitted.iter().map(|(heard, _)| heard).sum();
    assert_eq!(counts.total(), accepted.len() as u64 + answered);
    assert_eq!(ears.ended_once().await, accepted);
}

#[actix::test]
async fn a_job_that_was_refused_can_be_submitted_again_as_it_is() {
    let gate = Turnstile::new();
    let queue = Queue::bounded(1).on_full(OnFull::Reject);
    let pool = behind(&gate).workers(1).queue(queue).build().unwrap();
    let mut ears = listen_for_results(&pool).await;
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    pool.submit(1_u64).await.unwrap();
    let job = Job::new(2);
    let id = job.id();
    let mut refused = pool.try_submit(job).unwrap_err();
    for _ in 0..5 {
        assert_eq!(refused.job.id(), id);
        refused = pool.submit(refused.job).await.unwrap_err();
    }
    gate.open(3);
    assert_eq!(payloads(&ears.results(2).await), [0, 1]);
    assert_eq!(pool.submit(refused.job).await.unwrap(), id);
    assert_eq!(ears.result().await.id(), id);
}

#[actix::test]
async fn whatever_overflows_comes_back_or_is_reported_and_nothing_else_is_lost() {
    for on_full in [OnFull::Reject, OnFull::EvictOldest, OnFull::EvictYoungest] {
        let queue = Queue::bounded(5).on_full(on_full);
        let pool = echo(2).queue(queue).build().unwrap();
        let submitter = pool.clone();
        let accepted = on_threads(4, move |thread| {
            (0..200).filter(|n| submitter.try_submit(1_000 * thread + n).is_ok()).count() as u64
        })
        .await;
        let accepted: u64 = accepted.iter().sum();
        let counts = pool.shutdown(Shutdown::Drain(Duration::MAX)).await.unwrap().counts;
        assert_eq!(counts.succeeded + counts.evicted, accepted, "{on_full:?}");
        match on_full {
            OnFull::Reject => assert_eq!(counts.evicted, 0),
            _ => assert_eq!(accepted, 800, "an evicting queue accepts everything"),
        }
    }
}

#[actix::test]
async fn a_storm_of_panics_strands_nobody() {
    // Says nothing on the terminal.
    let panics =
        |n: &u64| -> Result<u64, String> { resume_unwind(Box::new(format!("{n} panics"))) };
    let forms: [Builder<u64, u64, String>; 2] = [
        Pool::builder(async move |n: &u64, _cx| panics(n)),
        Pool::blocking(move |n: &u64, _cx| panics(n)),
    ];
    for form in forms {
        let pool = form.workers(3).threads(2).queue(Queue::bounded(2)).build().unwrap();
        // Each waits for room that only a job that panics can make.
        let answers = join_all((0..500_u64).map(|n| pool.run(n))).await;
        let panicked =
            |answer: &Result<_, _>| matches!(answer, Err(RunError::Ended(JobError::Panicked(_))));
        assert!(answers.iter().all(panicked));
        assert_eq!(pool.process(stream::iter(0..500_u64)).count().await, 500);
        let status = status_when(&pool, |status| status.live == 3).await;
        assert_eq!((status.counts.panicked, status.deaths), (1_000, 0));
    }
}

#[actix::test]
async fn a_job_uses_another_pool_and_that_one_a_third() {
    let third = echo(1).build().unwrap();
    let inner = third.clone();
    let second: Numbers =
        Pool::blocking(move |n: &u64, _cx| block_on(inner.run(n + 1)).map_err(|e| e.to_string()))
            .workers(1)
            .build()
            .unwrap();
    let inner = second.clone();
    let first: Numbers = Pool::builder(async move |n: &u64, _cx| {
        inner.run(10 * n).await.map_err(|error| error.to_string())
    })
    .workers(8)
    .build()
    .unwrap();
    let answers = join_all((0..50_u64).map(|n| first.run(n))).await;
    assert!(answers.into_iter().zip(0..).all(|(answer, n)| answer.unwrap() == 10 * n + 1));
    // Ended from the outside in, none waits for ever.
    for pool in [first, second, third] {
        let report = pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
        assert_eq!((report.counts.succeeded, report.threads_left), (50, 0));
    }
}

#[actix::test]
async fn when_the_inner_pool_ends_first_the_outer_jobs_are_told_why() {
    let gate = Turnstile::new();
    let inner = behind(&gate).workers(1).build().unwrap();
    let used = inner.clone();
    let outer: Numbers = Pool::builder(async move |n: &u64, _cx| {
        used.run(*n).await.map_err(|error| error.to_string())
    })
    .workers(3)
    .build()
    .unwrap();
    let mut ears = listen(&outer).await;
    outer.submit_all((0..3_u64).collect()).await.unwrap();
    gate.reached(1).await;
    inner.shutdown(Shutdown::Now).await.unwrap();
    for result in ears.results(3).await {
        let Err(JobError::Failed(text)) = result.outcome() else { panic!("{result:?}") };
        assert!(["the job was cancelled", "not accepted: the pool is closed"].contains(&&**text));
    }
}

/// Sums up a range by halving it: each half is a job of the same pool.
#[actix::test]
async fn a_tree_of_jobs_that_submit_jobs_is_drained_as_a_whole() {
    let sum = Arc::new(AtomicUsize::new(0));
    let total = sum.clone();
    let pool = Pool::builder(async move |range: &std::ops::Range<usize>, cx| {
        if range.len() == 1 {
            total.fetch_add(range.start, Ordering::SeqCst);
        } else {
            let middle = range.start.midpoint(range.end);
            cx.submit(range.start..middle)?;
            cx.submit(middle..range.end)?;
        }
        Ok::<_, Refused<Job<std::ops::Range<usize>>>>(())
    })
    .workers(4)
    .build()
    .unwrap();
    for round in 1..=20 {
        pool.submit(0..1_000).await.unwrap();
        pool.drain().await.unwrap();
        assert_eq!(sum.load(Ordering::SeqCst), round * 499_500);
    }
    assert_eq!(pool.status().await.unwrap().counts.succeeded, 20 * 1_999);
}

#[actix::test]
async fn a_job_that_submits_to_its_own_full_pool_is_refused_and_does_not_wait() {
    let pool: Numbers = Pool::blocking(|n: &u64, cx| {
        let refused = loop {
            match cx.submit(0_u64) {
                Ok(_) if *n == 0 => return Ok(0),
                Ok(_) => {}
                Err(refused) => break refused,
            }
        };
        Err(format!("{}", refused.reason))
    })
    .workers(1)
    .queue(Queue::bounded(2))
    .build()
    .unwrap();
    let error = pool.run(1_u64).await.unwrap_err();
    assert!(error.to_string().contains("the queue is full"), "{error}");
    pool.shutdown(Shutdown::Now).await.unwrap();
}

type Home = Arc<OnceLock<Addr<Dispatcher<u64, u64, String>>>>;

/// A pool whose job n has job n - 1 done by the same pool, by way of its address, and waits for it.
fn nested(workers: usize) -> (Numbers, Turnstile) {
    let (home, gate) = (Home::default(), Turnstile::new());
    let (own, held) = (home.clone(), gate.clone());
    let pool: Numbers = Pool::builder(async move |n: &u64, cx| {
        if *n == 0 {
            held.pass().await;
            return Ok(0);
        }
        cx.submit(n - 1).map_err(|refused| refused.to_string())?;
        // It waits for quiescence, which cannot come while it runs itself.
        let drained = own.get().unwrap().send(actix_workpool::Drain).await;
        Err(format!("the pool was dry: {drained:?}"))
    })
    .workers(workers)
    .build()
    .unwrap();
    home.set(pool.dispatcher().clone()).unwrap();
    (pool, gate)
}

#[actix::test]
async fn jobs_that_wait_for_their_own_pool_to_run_dry_are_ended_by_a_shutdown() {
    for shutdown in [Shutdown::Now, Shutdown::FinishRunning(Duration::ZERO)] {
        let (pool, gate) = nested(3);
        pool.submit(2_u64).await.unwrap();
        gate.reached(1).await;
        let counts = pool.shutdown(shutdown).await.unwrap().counts;
        assert_eq!((counts.cancelled, counts.total()), (3, 3));
    }
}

/// A job that has others done by its own pool and waits for their values.
type Own = Arc<Mutex<Option<Numbers>>>;

fn factorial(workers: usize) -> (Numbers, Own) {
    let own = Own::default();
    let inside = own.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        if *n <= 1 {
            return Ok(1);
        }
        let pool = inside.lock().unwrap().clone().ok_or("no pool")?;
        Ok(n * pool.run(n - 1).await.map_err(|error| error.to_string())?)
    })
    .workers(workers)
    .build()
    .unwrap();
    *own.lock().unwrap() = Some(pool.clone());
    (pool, own)
}

#[actix::test]
async fn a_job_runs_jobs_on_its_own_pool_as_deep_as_there_are_workers() {
    let (pool, own) = factorial(5);
    assert_eq!(pool.run(5_u64).await.unwrap(), 120);
    {
        // One deeper, and all wait for each other: until somebody stops waiting.
        let mut stuck = Box::pin(pool.run(6_u64));
        assert!((&mut stuck).now_or_never().is_none());
        status_when(&pool, |status| (status.running, status.queued + status.leased) == (5, 1))
            .await;
        drop(stuck);
    }
    pool.drain().await.unwrap();
    assert_eq!(pool.run(5_u64).await.unwrap(), 120);
    own.lock().unwrap().take();
    pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
}

#[actix::test]
async fn a_pool_that_was_idle_is_the_same_threads_when_it_is_used_again() {
    let threads = Arc::new(Mutex::new(HashSet::<ThreadId>::new()));
    let seen = threads.clone();
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        seen.lock().unwrap().insert(thread::current().id());
        Ok(*n)
    })
    .workers(3)
    .build()
    .unwrap();
    for burst in 0..100 {
        pool.submit_all((0..burst % 20).collect()).await.unwrap();
        pool.drain().await.unwrap();
        let status = status_when(&pool, |status| status.live == 3).await;
        assert_eq!((status.running, status.leased, status.queued), (0, 0, 0));
    }
    assert!((1..=3).contains(&threads.lock().unwrap().len()));
}

#[actix::test]
async fn groups_of_jobs_on_one_pool_end_each_for_itself() {
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        if *n >= 100 {
            held.pass().await;
        }
        if *n == 50 { Err("fifty".into()) } else { Ok(*n) }
    })
    .workers(4)
    .build()
    .unwrap();
    let mut slow = pool.process(stream::iter(100..103_u64));
    assert!(slow.next().now_or_never().is_none());
    gate.reached(3).await;
    let quick: Vec<_> = pool.process(stream::iter(0..49_u64)).ordered().collect().await;
    assert_eq!(payloads(&quick), Vec::from_iter(0..49));
    // The first error, after which the rest of the group is given up.
    let mut failing = pool.process(stream::iter(40..90_u64)).ordered();
    let mut before = Vec::new();
    while let Some(result) = failing.next().await {
        match result.outcome() {
            Ok(n) => before.push(*n),
            Err(JobError::Failed(_)) => break,
            Err(error) => panic!("{error}"),
        }
    }
    drop(failing);
    assert_eq!(before, Vec::from_iter(40..50));
    gate.open(3);
    assert_eq!(slow.count().await, 3);
    pool.drain().await.unwrap();
    assert_eq!(pool.run(1_u64).await.unwrap(), 1);
}

#[actix::test]
async fn a_pool_that_is_paused_and_resumed_all_the_time_loses_nothing() {
    let pool = echo(3).queue(Queue::bounded(10)).build().unwrap();
    let submitter = pool.clone();
    let done: Pin<Box<dyn Future<Output = _>>> = Box::pin(on_threads(3, move |thread| {
        let n = |n| 1_000 * thread + n;
        (0..300).map(|m| insist(&submitter, Job::new(n(m)))).collect::<Vec<_>>()
    }));
    let mut done = done.fuse();
    let ids = loop {
        futures::select! {
            ids = done => break ids,
            () = async {
                pool.pause().await.unwrap();
                yield_now().await;
                pool.resume().await.unwrap();
            }.fuse() => {}
        }
    };
    pool.resume().await.unwrap();
    pool.drain().await.unwrap();
    assert_eq!(ids.into_iter().flatten().collect::<HashSet<_>>().len(), 900);
    assert_eq!(pool.status().await.unwrap().counts.succeeded, 900);
}

#[actix::test]
async fn one_subscriber_of_two_pools_hears_both_to_their_ends() {
    let (one, other) = (echo(2).build().unwrap(), echo(2).own_arbiter().build().unwrap());
    let (addr, mut ears) = support::listener();
    for pool in [&one, &other] {
        let subscribe = actix_workpool::Subscribe::results(addr.clone().recipient());
        pool.subscribe(subscribe).await.unwrap();
    }
    drop(addr);
    one.submit_all((0..50_u64).collect::<Jobs<_>>()).await.unwrap();
    one.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
    other.submit_all((50..100_u64).collect::<Jobs<_>>()).await.unwrap();
    other.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
    let mut heard = payloads(&ears.results(100).await);
    heard.sort_unstable();
    assert!(heard.into_iter().eq(0..100));
    assert_eq!(ears.rest().await.len(), 0);
}
