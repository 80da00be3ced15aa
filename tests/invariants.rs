//! The invariants, by number: what a pool promises, whatever else happens.
#![allow(missing_docs)]

mod support;

use std::{
    collections::{BTreeMap, HashSet},
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::Poll,
    thread,
    time::Duration,
};

use actix_workpool::{
    Job, JobError, JobId, Jobs, OnFull, Pool, Queue, Refusal, Refused, RunError, Shutdown,
    StepClock, Subscribe,
};
use futures::{FutureExt, StreamExt, channel::oneshot, future::join_all};
use support::{Crowd, Heard, Numbers, Turnstile, is_cancelled, listen, listener, mixed, payloads};

/// Lets everything else on the thread have its turn.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[actix::test]
async fn inv_01_every_accepted_job_gets_exactly_one_result_from_whatever_thread_it_came() {
    let pool: Numbers =
        Pool::builder(async |n: &u64, _cx| mixed(n).await).workers(5).threads(2).build().unwrap();
    let mut ears = listen(&pool).await;
    let submitters: Vec<_> = (0..4_u64)
        .map(|thread| {
            let pool = pool.clone();
            thread::spawn(move || {
                let jobs = (0..500).map(|n| thread * 1_000 + n);
                jobs.map(|n| pool.try_submit(n).unwrap()).collect::<Vec<JobId>>()
            })
        })
        .collect();
    let mut accepted = HashSet::new();
    for n in 5_000..5_500_u64 {
        let address = pool.dispatcher();
        accepted.insert(address.send(Job::new(n)).await.unwrap().unwrap());
        accepted.extend(address.send(Jobs::from_iter([n, n + 1])).await.unwrap().unwrap());
    }
    for submitter in submitters {
        accepted.extend(submitter.join().unwrap());
    }
    assert_eq!(accepted.len(), 3_500);
    pool.shutdown(Shutdown::Drain(Duration::MAX)).await.unwrap();
    drop(pool);
    let mut ended = HashSet::new();
    for heard in ears_rest(&mut ears).await {
        assert!(ended.insert(heard), "{heard} ended twice");
    }
    assert_eq!(ended, accepted);
}

/// The ids of all results until the listener is gone.
async fn ears_rest(ears: &mut support::Ears) -> Vec<JobId> {
    let ears = std::mem::replace(ears, listener().1);
    let rest = ears.rest().await.into_iter();
    rest.filter_map(|heard| match heard {
        Heard::Result(result) => Some(result.id()),
        _ => None,
    })
    .collect()
}

#[actix::test]
async fn inv_01_a_job_ends_once_however_it_ends() {
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        held.pass().await;
        mixed(n).await
    })
    .workers(1)
    .queue(Queue::bounded(2).on_full(OnFull::EvictOldest))
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    for n in [1, 99, 2, 4] {
        pool.submit(n).await.unwrap();
    }
    assert_eq!(payloads(&ears.results(2).await), [1, 99]);
    gate.open(2);
    assert_eq!(payloads(&ears.results(2).await), [0, 2]);
    gate.reached(2).await;
    let gone = pool.shutdown(Shutdown::Now).await.unwrap();
    let last = ears.result().await;
    assert!(is_cancelled(&last));
    assert_eq!((gone.counts.succeeded, gone.counts.evicted, gone.counts.cancelled), (2, 2, 1));
}

#[actix::test]
async fn inv_01_a_refused_job_comes_back_to_its_sender() {
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        held.pass().await;
        Ok(*n)
    })
    .workers(1)
    .queue(Queue::bounded(1).on_full(OnFull::Reject))
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    pool.submit(1_u64).await.unwrap();

    let full = Refusal::Full { capacity: 1 };
    let Err(Refused { job, reason }) = pool.try_submit(2_u64) else { panic!("accepted") };
    assert_eq!((job.into_payload(), reason), (2, full));
    let Err(Refused { job, reason }) = pool.submit(3_u64).await else { panic!("accepted") };
    assert_eq!((job.into_payload(), reason), (3, full));
    let Err(Refused { job, reason }) = pool.dispatcher().send(Job::new(4)).await.unwrap() else {
        panic!("accepted")
    };
    assert_eq!((job.into_payload(), reason), (4, full));
    let Err(RunError::Refused(refused)) = pool.run(5_u64).await else { panic!("accepted") };
    assert_eq!((refused.job.into_payload(), refused.reason), (5, full));
    let jobs = Jobs::from_iter([6, 7]);
    let Err(Refused { job, reason }) = pool.try_submit_all(jobs) else { panic!("accepted") };
    let too_large = Refusal::TooLarge { jobs: 2, capacity: 1 };
    assert_eq!((job.len(), reason), (2, too_large));
    pool.dispatcher().do_send(Job::new(8));
    let rejected = ears.result().await;
    assert_eq!(*rejected.job().payload(), 8);
    assert_eq!(rejected.outcome(), Err(&JobError::Rejected(full)));

    gate.open(2);
    assert_eq!(payloads(&ears.results(2).await), [0, 1]);
    pool.shutdown(Shutdown::Now).await.unwrap();
    let Err(Refused { job, reason }) = pool.submit(9_u64).await else { panic!("accepted") };
    assert_eq!((job.into_payload(), reason), (9, Refusal::Closed));
}

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
        let held = gate.clone();
        let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
            held.pass().await;
            Ok(*n)
        })
        .workers(7)
        .threads(threads)
        .build()
        .unwrap();
        pool.submit_all((0..20_u64).collect()).await.unwrap();
        gate.reached(7).await;
        let status = pool.status().await.unwrap();
        assert_eq!((status.workers, status.running, status.leased, status.len), (7, 7, 0, 13));
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

#[actix::test]
async fn inv_03_every_subscriber_gets_every_result_once_and_those_of_a_worker_in_order() {
    let pool: Numbers =
        Pool::builder(async |n: &u64, _cx| Ok(*n)).workers(4).threads(2).build().unwrap();
    let (singles, mut single_ears) = listener();
    let (batches, mut batch_ears) = listener();
    pool.subscribe(Subscribe::results(singles.recipient())).await.unwrap();
    pool.subscribe(Subscribe::batches(batches.recipient()).max_len(7)).await.unwrap();
    let stream = pool.results_with_buffer(10_000);
    let jobs: Jobs<u64> = (0..5_000_u64).collect();
    let ids: HashSet<_> = jobs.ids().collect();
    pool.submit_all(jobs).await.unwrap();

    let heard = [single_ears.results(5_000).await, batch_ears.results(5_000).await, {
        stream.take(5_000).collect().await
    }];
    for results in heard {
        let mut of_worker = BTreeMap::<_, Vec<_>>::new();
        for result in &results {
            of_worker.entry(result.worker()).or_default().push(result.started());
        }
        assert!(of_worker.values().all(|started| started.is_sorted()));
        assert_eq!(results.iter().map(|result| result.id()).collect::<HashSet<_>>(), ids);
    }
}

#[actix::test]
async fn inv_03_a_subscriber_gets_results_from_its_registration_to_its_removal() {
    let pool: Numbers = Pool::builder(async |n: &u64, _cx| Ok(*n)).workers(2).build().unwrap();
    pool.submit(1_u64).await.unwrap();
    pool.drain().await.unwrap();
    let (addr, mut ears) = listener();
    let id = pool.subscribe(Subscribe::results(addr.recipient())).await.unwrap();
    pool.submit(2_u64).await.unwrap();
    pool.drain().await.unwrap();
    assert_eq!(pool.unsubscribe(id).await, Ok(true));
    assert_eq!(pool.unsubscribe(id).await, Ok(false));
    pool.submit(3_u64).await.unwrap();
    pool.drain().await.unwrap();
    assert_eq!(payloads(&ears.results(1).await), [2]);
    assert_eq!(ears.rest().await.len(), 0);
}

#[actix::test]
async fn inv_04_drained_comes_once_per_quiescence_after_the_last_result() {
    let pool: Numbers =
        Pool::builder(async |n: &u64, _cx| mixed(n).await).workers(3).threads(2).build().unwrap();
    let mut ears = listen(&pool).await;
    for round in 1..300_u64 {
        pool.submit_all((0..round % 7 + 1).collect()).await.unwrap();
        let results = ears.results((round % 7 + 1) as usize).await;
        assert_eq!(ears.drained().await.total(), results.len() as u64);
    }
    assert_eq!(pool.drain().await, Ok(()), "a quiescent pool answers at once");
    pool.shutdown(Shutdown::Now).await.unwrap();
    assert_eq!(ears.rest().await.len(), 0, "and does not say it again");
}

#[actix::test]
async fn inv_04_every_subscriber_to_quiescence_is_told_also_through_batches_that_wait() {
    let pool: Numbers = Pool::builder(async |n: &u64, _cx| Ok(*n)).workers(2).build().unwrap();
    let (addr, mut ears) = listener();
    let batches = Subscribe::batches(addr.clone().recipient());
    let long = Duration::from_secs(3_600);
    pool.subscribe(batches.max_len(1_000).max_age(long)).await.unwrap();
    pool.subscribe(Subscribe::drained(addr.clone().recipient())).await.unwrap();
    pool.subscribe(Subscribe::drained(addr.recipient())).await.unwrap();
    pool.submit_all((0..10_u64).collect()).await.unwrap();
    assert_eq!(ears.results(10).await.len(), 10);
    assert_eq!(ears.drained().await.succeeded, 10);
    assert_eq!(ears.drained().await.succeeded, 10);
}

#[actix::test]
async fn inv_04_jobs_of_callers_count_and_a_pool_in_use_is_not_drained() {
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        held.pass().await;
        Ok(*n)
    })
    .workers(2)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    let (one, other) = (pool.run(1_u64), pool.run(2_u64));
    gate.open(1);
    let mut both = std::pin::pin!(join_all([one, other]));
    assert!((&mut both).now_or_never().is_none());
    gate.reached(2).await;
    let mut drained = std::pin::pin!(pool.drain());
    assert!((&mut drained).now_or_never().is_none());
    gate.open(1);
    assert_eq!(both.await.len(), 2);
    drained.await.unwrap();
    assert_eq!(ears.drained().await.succeeded, 2);
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
        assert!(status.len <= QUEUE, "round {round}: {status:?}");
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
