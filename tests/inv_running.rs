//! What a pool promises of when its jobs run: invariants 2, 6, 7, 8 and 11.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use actix_workpool::{Pool, Queue, Retry, StepClock};
use futures::{
    FutureExt, StreamExt,
    channel::{mpsc::unbounded as mpsc_unbounded, oneshot},
};
use support::{Crowd, Heard, Numbers, Turnstile, behind, listen, payloads, yield_now};

#[actix::test]
async fn inv_02_no_job_starts_while_all_workers_run() {
    let crowd = Crowd::default();
    let inside = crowd.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        inside.enter();
        for _ in 0..n % 5 {
            yield_now().await;
        }
        inside.leave();
        Ok(*n)
    })
    .workers(3)
    .threads(2)
    .build()
    .unwrap();
    pool.submit_all((0..5_000_u64).collect()).await.unwrap();
    pool.drain().await.unwrap();
    assert!((1..=3).contains(&crowd.most()), "{} ran at once", crowd.most());
}

#[actix::test]
async fn inv_02_as_many_run_as_there_are_workers() {
    for threads in [1, 2, 7] {
        let gate = Turnstile::new();
        let pool = behind(&gate).workers(7).threads(threads).build().unwrap();
        pool.submit_all((0..20_u64).collect()).await.unwrap();
        gate.reached(7).await;
        let status = pool.status().await.unwrap();
        assert_eq!((status.workers, status.running, status.leased, status.queued), (7, 7, 0, 13));
        gate.open(20);
        pool.drain().await.unwrap();
    }
}

#[actix::test]
async fn inv_02_blocking_workers_run_one_job_each() {
    let crowd = Crowd::default();
    let inside = crowd.clone();
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        inside.enter();
        thread::yield_now();
        inside.leave();
        Ok(*n)
    })
    .workers(2)
    .build()
    .unwrap();
    pool.submit_all((0..2_000_u64).collect()).await.unwrap();
    pool.drain().await.unwrap();
    assert!((1..=2).contains(&crowd.most()), "{} ran at once", crowd.most());
}

const MANY: u64 = 10_000;

/// Submits many short jobs and one that overruns in their midst, and waits for all the others.
async fn all_but_the_overrun(pool: &Numbers, release: impl FnOnce()) {
    let mut ears = listen(pool).await;
    // Workers learn that jobs are short, and are handed large supplies.
    pool.submit_all((MANY..2 * MANY).collect()).await.unwrap();
    ears.results(MANY as usize).await;
    ears.drained().await;
    pool.submit_all((0..MANY).collect()).await.unwrap();
    let others = ears.results(MANY as usize - 1).await;
    assert!(!payloads(&others).contains(&(MANY / 2)));
    release();
    assert_eq!(payloads(&ears.results(1).await), [MANY / 2]);
    ears.drained().await;
}

#[actix::test]
async fn inv_06_a_blocking_job_that_overruns_delays_no_job_behind_it() {
    let (release, held) = mpsc::channel();
    let held = Mutex::new(held);
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        if *n == MANY / 2 {
            held.lock().unwrap().recv().unwrap();
        }
        Ok(*n)
    })
    .workers(2)
    .build()
    .unwrap();
    all_but_the_overrun(&pool, || release.send(()).unwrap()).await;
}

#[actix::test]
async fn inv_06_an_async_job_that_overruns_delays_no_job_behind_it() {
    for threads in [1, 2] {
        let gate = Turnstile::new();
        let held = gate.clone();
        let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
            if *n == MANY / 2 {
                held.pass().await;
            }
            Ok(*n)
        })
        .workers(2)
        .threads(threads)
        .build()
        .unwrap();
        all_but_the_overrun(&pool, || gate.open(1)).await;
    }
}

#[actix::test]
async fn inv_06_an_async_job_that_blocks_its_thread_delays_no_job_on_another_thread() {
    let (release, held) = mpsc::channel();
    let held = Mutex::new(held);
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        if *n == MANY / 2 {
            held.lock().unwrap().recv().unwrap();
        }
        Ok(*n)
    })
    .workers(8)
    .threads(2)
    .build()
    .unwrap();
    all_but_the_overrun(&pool, || release.send(()).unwrap()).await;
}

#[actix::test]
async fn inv_06_jobs_that_wait_for_each_other_run_at_once_whatever_was_learned_before() {
    let meeting = Barrier::new(4);
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        if *n >= MANY {
            meeting.wait();
        }
        Ok(*n)
    })
    .workers(4)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    // Four jobs that should take no time are not worth waking four workers for; these are.
    pool.submit_all((0..MANY).collect()).await.unwrap();
    ears.results(MANY as usize).await;
    ears.drained().await;
    pool.submit_all((MANY..MANY + 4).collect()).await.unwrap();
    assert_eq!(ears.results(4).await.len(), 4);
}

/// A payload that counts those that are alive.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self(alive.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[actix::test]
async fn inv_07_memory_is_bounded_by_the_queue_the_leases_and_the_windows() {
    const QUEUE: usize = 10;
    const WINDOW: usize = 4;
    let pool = Pool::builder(async |_: &Counted, _cx| Ok::<_, String>(()))
        .workers(2)
        .queue(Queue::bounded(QUEUE))
        .build()
        .unwrap();
    let mut results = pool.results_with_buffer(WINDOW);
    let alive = Arc::new(AtomicUsize::new(0));
    let mut most = 0;
    let mut accepted = 0;
    for round in 0..500 {
        // Submits until the pool takes no more, with nobody reading.
        while pool.submit(Counted::new(&alive)).now_or_never().is_some() {
            accepted += 1;
            pool.status().await.unwrap();
        }
        most = most.max(alive.load(Ordering::SeqCst));
        let status = pool.status().await.unwrap();
        assert!(status.queued <= QUEUE, "round {round}: {status:?}");
        drop(results.next().await.unwrap());
    }
    assert!(most <= QUEUE + WINDOW, "{most} payloads were alive");
    assert!(accepted >= 500);
    drop(results);
    pool.drain().await.unwrap();
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[actix::test]
async fn inv_08_jobs_of_a_millisecond_and_more_start_first_in_first_out() {
    let clock = StepClock::new();
    let started = Arc::new(Mutex::new(Vec::new()));
    let gates: Arc<Vec<_>> = Arc::new((0..200).map(|_| Turnstile::new()).collect());
    let (log, held) = (started.clone(), gates.clone());
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        log.lock().unwrap().push(*n);
        held[*n as usize].pass().await;
        Ok(*n)
    })
    .workers(3)
    .threads(2)
    .clock(clock.clone())
    .build()
    .unwrap();
    for n in 0..200_u64 {
        pool.submit(n).await.unwrap();
    }
    // The three that run end in an order of their own: each time, the next in line starts.
    let mut running: Vec<usize> = vec![0, 1, 2];
    for &n in &running {
        gates[n].reached(1).await;
    }
    for next in 3..200 {
        clock.advance(Duration::from_millis(1));
        let done = running.remove(next * 7 % 3);
        gates[done].open(1);
        gates[next].reached(1).await;
        running.push(next);
    }
    running.iter().for_each(|&n| gates[n].open(1));
    pool.drain().await.unwrap();
    let mut started = started.lock().unwrap().clone();
    // Which of the first three logs first is a matter of their threads.
    started[..3].sort_unstable();
    assert!(started.is_sorted(), "{started:?}");
}

#[actix::test]
async fn inv_08_what_was_handed_out_behind_an_overrun_has_its_place_again_when_one_ends() {
    const SHORT: u64 = 3_000;
    let clock = StepClock::new();
    let gates: Arc<Vec<_>> = Arc::new((0..100).map(|_| Turnstile::new()).collect());
    let (begins, mut begun) = mpsc_unbounded();
    let held = gates.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        if let Some(long) = n.checked_sub(SHORT) {
            begins.unbounded_send(long).unwrap();
            held[long as usize].pass().await;
        }
        Ok(*n)
    })
    .workers(3)
    .threads(3)
    .clock(clock.clone())
    .build()
    .unwrap();
    // Workers learn that jobs are short, and have large supplies of which the last are not.
    pool.submit_all((0..SHORT + 100).collect()).await.unwrap();
    let mut running: Vec<u64> = (&mut begun).take(3).collect().await;
    let mut waiting: Vec<u64> = (0..100).filter(|n| !running.contains(n)).collect();
    while !waiting.is_empty() {
        clock.advance(Duration::from_millis(2));
        let done = running.remove(waiting.len() * 7 % 3);
        gates[done as usize].open(1);
        let next = begun.next().await.unwrap();
        assert_eq!(next, waiting.remove(0), "beside {running:?}");
        running.push(next);
    }
    running.iter().for_each(|&n| gates[n as usize].open(1));
    pool.drain().await.unwrap();
}

#[actix::test]
async fn inv_08_without_prefetch_as_many_as_there_are_workers_may_wait_for_each_other() {
    const GROUPS: u64 = 500;
    let meeting = Barrier::new(4);
    let pool: Numbers = Pool::blocking(move |n: &u64, _cx| {
        if *n < 4 * GROUPS {
            meeting.wait();
        }
        Ok(*n)
    })
    .workers(4)
    .prefetch(0)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    // Each four that come after each other meet, and no other job can be in their way.
    pool.submit_all((4 * GROUPS..MANY).chain(0..4 * GROUPS).collect()).await.unwrap();
    assert_eq!(ears.results(MANY as usize).await.len(), MANY as usize);
}

#[actix::test]
async fn inv_08_without_prefetch_a_job_that_is_tried_again_at_once_is_not_overtaken() {
    let started = Arc::new(Mutex::new(Vec::new()));
    let log = started.clone();
    let retry = Retry::attempts(3).backoff(Duration::ZERO, Duration::ZERO);
    let pool: Numbers = Pool::blocking(move |n: &u64, cx| {
        log.lock().unwrap().push(*n);
        if cx.attempt() < 3 && n.is_multiple_of(3) { Err("again".into()) } else { Ok(*n) }
    })
    .workers(1)
    .prefetch(0)
    .retry(retry)
    .build()
    .unwrap();
    pool.submit_all((0..300_u64).collect()).await.unwrap();
    pool.drain().await.unwrap();
    let started = started.lock().unwrap();
    assert!(started.is_sorted() && started.len() == 500, "{started:?}");
}

#[actix::test]
async fn inv_08_one_worker_takes_short_jobs_in_order_too() {
    let pool: Numbers = Pool::blocking(|n: &u64, _cx| Ok(*n)).workers(1).build().unwrap();
    let mut ears = listen(&pool).await;
    for n in 0..20_000_u64 {
        pool.try_submit(n).unwrap();
    }
    assert!(payloads(&ears.results(20_000).await).is_sorted());
}

#[actix::test]
async fn inv_11_a_pool_that_nobody_holds_finishes_its_jobs_and_ends() {
    let gate = Turnstile::new();
    let held = gate.clone();
    let (gone, is_gone) = oneshot::channel::<()>();
    let gone = Mutex::new(Some(gone));
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        let _keep = &gone;
        held.pass().await;
        Ok(*n)
    })
    .workers(2)
    .build()
    .unwrap();
    let ears = listen(&pool).await;
    pool.submit_all((0..100_u64).collect()).await.unwrap();
    drop(pool);
    gate.open(100);
    let heard = ears.rest().await;
    assert_eq!(heard.len(), 101, "a hundred results, and then Drained");
    assert!(matches!(heard[100], Heard::Drained(_)));
    assert!(is_gone.await.is_err(), "the process function is dropped with the last thread");
}
