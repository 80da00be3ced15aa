//! What a pool promises of results: invariants 1, 3 and 4.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    collections::{BTreeMap, HashSet},
    thread,
    time::Duration,
};

use actix_workpool::{
    Job, JobError, JobId, Jobs, OnFull, Pool, Queue, Refusal, Refused, RunError, Shutdown,
    Subscribe,
};
use futures::{FutureExt, StreamExt, future::join_all};
use support::{Numbers, Turnstile, behind, is_cancelled, listen, listener, mixed, payloads};

#[actix::test]
async fn inv_01_every_accepted_job_gets_exactly_one_result_from_whatever_thread_it_came() {
    let pool: Numbers =
        Pool::builder(async |n: &u64, _cx| mixed(n).await).workers(5).threads(2).build().unwrap();
    let ears = listen(&pool).await;
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
    assert_eq!(ears.ended_once().await, accepted);
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
    let pool =
        behind(&gate).workers(1).queue(Queue::bounded(1).on_full(OnFull::Reject)).build().unwrap();
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
    let pool = behind(&gate).workers(2).build().unwrap();
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
