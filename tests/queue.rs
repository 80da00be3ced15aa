//! The queue: how many wait, and what becomes of one more.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_workpool::{Job, JobError, Jobs, OnFull, Pool, Queue, Refusal, Shutdown, StepClock};
use futures::{FutureExt, future::join_all};
use support::{Ears, Numbers, Turnstile, behind, listen, payloads};

const FULL: Refusal = Refusal::Full { capacity: 2 };

/// A pool with one worker that runs job 0 until the gate opens.
async fn busy(on_full: OnFull) -> (Numbers, Turnstile, Ears) {
    let (gate, clock) = (Turnstile::new(), StepClock::new());
    let pool = behind(&gate)
        .workers(1)
        .queue(Queue::bounded(2).on_full(on_full))
        .clock(clock.clone())
        .build()
        .unwrap();
    let ears = listen(&pool).await;
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    // By this clock jobs are long, so none is handed out before a worker is free for it.
    clock.advance(Duration::from_secs(60));
    (pool, gate, ears)
}

#[actix::test]
async fn a_full_queue_lets_wait_in_line_first_come_first_served() {
    let (pool, gate, mut ears) = busy(OnFull::Wait).await;
    pool.submit_all(Jobs::from_iter([1, 2])).await.unwrap();
    let mut in_line = pin!(join_all((3..8).map(|n| pool.submit(n))));
    assert!((&mut in_line).now_or_never().is_none());
    let message = pool.dispatcher().send(Job::new(8));
    let status = pool.status().await.unwrap();
    assert_eq!((status.queued, status.capacity, status.in_line), (2, Some(2), 6));
    assert_eq!(pool.try_submit(9_u64).unwrap_err().reason, FULL, "it would overtake the line");
    gate.open(9);
    assert!(in_line.await.iter().all(Result::is_ok));
    message.await.unwrap().unwrap();
    assert_eq!(payloads(&ears.results(9).await), Vec::from_iter(0..9));
    let status = pool.status().await.unwrap();
    assert_eq!((status.queued, status.in_line), (0, 0));
}

#[actix::test]
async fn a_batch_waits_for_room_for_all_of_it() {
    let (pool, gate, mut ears) = busy(OnFull::Wait).await;
    pool.submit(1_u64).await.unwrap();
    let mut batch = pin!(pool.submit_all(Jobs::from_iter([2, 3])));
    let mut single = pin!(pool.submit(4_u64));
    assert!((&mut batch).now_or_never().is_none());
    assert!((&mut single).now_or_never().is_none(), "there is room, but the batch came first");
    gate.open(1);
    assert_eq!(batch.await.unwrap().len(), 2);
    assert!((&mut single).now_or_never().is_none());
    gate.open(4);
    single.await.unwrap();
    assert_eq!(payloads(&ears.results(5).await), [0, 1, 2, 3, 4]);
}

#[actix::test]
async fn one_who_leaves_the_line_is_never_accepted_and_lets_in_those_behind() {
    let (pool, gate, mut ears) = busy(OnFull::Wait).await;
    pool.submit(1_u64).await.unwrap();
    let mut behind = pin!(pool.submit(9_u64));
    {
        let mut batch = pin!(pool.submit_all(Jobs::from_iter([2, 3])));
        assert!((&mut batch).now_or_never().is_none());
        assert!((&mut behind).now_or_never().is_none());
    }
    behind.await.unwrap();
    {
        let mut message = pin!(pool.dispatcher().send(Job::new(4)));
        assert!((&mut message).now_or_never().is_none());
        assert_eq!(pool.status().await.unwrap().in_line, 1);
    }
    assert_eq!(pool.status().await.unwrap().in_line, 0);
    gate.open(9);
    assert_eq!(payloads(&ears.results(3).await), [0, 1, 9]);
    ears.drained().await;
}

#[actix::test]
async fn one_who_leaves_the_middle_of_the_line_takes_its_job_along_at_once() {
    let alive = Arc::new(());
    let pool: Pool<Arc<()>, (), String> =
        Pool::builder(async |_, _cx| Ok(())).queue(Queue::bounded(1)).build().unwrap();
    pool.pause().await.unwrap();
    pool.submit(alive.clone()).await.unwrap();
    let mut line = Vec::from_iter((0..3).map(|_| Box::pin(pool.submit(alive.clone()))));
    assert!(line.iter_mut().all(|submit| submit.now_or_never().is_none()));
    drop(line.remove(1));
    assert_eq!(Arc::strong_count(&alive), 4);
    assert_eq!(pool.status().await.unwrap().in_line, 2);
    pool.resume().await.unwrap();
    join_all(line).await.into_iter().for_each(|accepted| _ = accepted.unwrap());
}

#[actix::test]
async fn a_message_that_nobody_waits_for_is_rejected_by_a_full_queue() {
    for on_full in [OnFull::Wait, OnFull::Reject] {
        let (pool, gate, mut ears) = busy(on_full).await;
        pool.dispatcher().do_send(Jobs::from_iter([1, 2]));
        pool.dispatcher().do_send(Job::new(3));
        let rejected = ears.result().await;
        assert_eq!(rejected.outcome(), Err(&JobError::Rejected(FULL)));
        assert_eq!((*rejected.job().payload(), rejected.attempts()), (3, 0));
        assert_eq!((rejected.queued(), rejected.worker()), (None, None));
        gate.open(3);
        assert_eq!(payloads(&ears.results(3).await), [0, 1, 2]);
        let counts = ears.drained().await;
        assert_eq!((counts.succeeded, counts.rejected), (3, 1));
    }
}

#[actix::test]
async fn the_oldest_is_evicted_and_comes_back() {
    let (pool, gate, mut ears) = busy(OnFull::EvictOldest).await;
    for n in 1..=5_u64 {
        pool.try_submit(n).unwrap();
    }
    let evicted = ears.results(3).await;
    assert_eq!(payloads(&evicted), [1, 2, 3]);
    assert!(evicted.iter().all(|result| result.outcome() == Err(&JobError::Evicted)));
    assert!(evicted.iter().all(|result| result.queued().is_some()));
    gate.open(3);
    assert_eq!(payloads(&ears.results(3).await), [0, 4, 5]);
    assert_eq!(ears.drained().await.evicted, 3);
}

#[actix::test]
async fn the_youngest_queued_is_evicted_and_comes_back() {
    let (pool, gate, mut ears) = busy(OnFull::EvictYoungest).await;
    for n in 1..=4_u64 {
        pool.try_submit(n).unwrap();
    }
    assert_eq!(payloads(&ears.results(2).await), [2, 3]);
    pool.try_submit_all(Jobs::from_iter([5, 6])).unwrap();
    assert_eq!(payloads(&ears.results(2).await), [1, 4], "a batch makes room for all of itself");
    gate.open(3);
    assert_eq!(payloads(&ears.results(3).await), [0, 5, 6]);
}

#[actix::test]
async fn an_evicted_job_answers_its_caller() {
    let (pool, gate, _ears) = busy(OnFull::EvictOldest).await;
    let mut victim = pin!(pool.run(1_u64));
    assert!((&mut victim).now_or_never().is_none());
    pool.submit_all(Jobs::from_iter([2, 3])).await.unwrap();
    assert_eq!(victim.await.unwrap_err().to_string(), "the job was pushed out of a full queue");
    gate.open(3);
    pool.drain().await.unwrap();
}

#[actix::test]
async fn nothing_is_evicted_while_workers_are_idle() {
    for on_full in [OnFull::EvictOldest, OnFull::EvictYoungest] {
        let (gate, clock) = (Turnstile::new(), StepClock::new());
        let pool = behind(&gate)
            .workers(3)
            .threads(1)
            .queue(Queue::bounded(1).on_full(on_full))
            .clock(clock.clone())
            .build()
            .unwrap();
        let mut ears = listen(&pool).await;
        // The workers have asked for jobs once each has run one.
        for n in 0..3_u64 {
            pool.submit(n).await.unwrap();
            gate.reached(1).await;
        }
        clock.advance(Duration::from_secs(60));
        gate.open(3);
        ears.results(3).await;
        ears.drained().await;
        for n in 10..14_u64 {
            pool.try_submit(n).unwrap();
        }
        gate.reached(3).await;
        assert_eq!(pool.status().await.unwrap().counts.evicted, 0);
        pool.try_submit(14_u64).unwrap();
        assert_eq!(payloads(&ears.results(1).await), [13], "{on_full:?}");
        gate.open(4);
        ears.results(4).await;
    }
}

#[actix::test]
async fn nothing_is_evicted_while_workers_are_idle_and_a_reader_has_room() {
    let (gate, clock) = (Turnstile::new(), StepClock::new());
    let pool = behind(&gate)
        .workers(3)
        .threads(1)
        .queue(Queue::bounded(1).on_full(OnFull::EvictYoungest))
        .clock(clock.clone())
        .build()
        .unwrap();
    for n in 0..3_u64 {
        pool.submit(n).await.unwrap();
        gate.reached(1).await;
    }
    clock.advance(Duration::from_secs(60));
    gate.open(3);
    pool.drain().await.unwrap();
    let _reader = pool.results_with_buffer(4);
    for n in 3..7_u64 {
        pool.try_submit(n).unwrap();
    }
    gate.reached(3).await;
    let status = pool.status().await.unwrap();
    assert_eq!((status.counts.evicted, status.queued), (0, 1));
    gate.open(4);
}

#[actix::test]
async fn a_shutdown_turns_the_line_away_with_its_jobs() {
    let (pool, gate, _ears) = busy(OnFull::Wait).await;
    pool.submit_all(Jobs::from_iter([1, 2])).await.unwrap();
    let mut in_line = pin!(join_all((3..6).map(|n| pool.submit(n))));
    assert!((&mut in_line).now_or_never().is_none());
    let release = async {
        pool.status().await.unwrap();
        gate.open(1);
    };
    let ending = pool.shutdown(Shutdown::FinishRunning(Duration::MAX));
    let (turned_away, report, ()) = futures::join!(in_line, ending, release);
    for (n, answer) in (3..).zip(turned_away) {
        let refused = answer.unwrap_err();
        assert_eq!((refused.job.into_payload(), refused.reason), (n, Refusal::Closed));
    }
    assert_eq!(report.unwrap().counts.total(), 3);
}

#[actix::test]
async fn a_job_that_is_dropped_in_line_may_submit_again_from_its_drop() {
    /// Calls something when it is dropped.
    struct Curious(Option<Box<dyn FnOnce() + Send + Sync>>);
    impl Drop for Curious {
        fn drop(&mut self) {
            self.0.take().into_iter().for_each(|call| call());
        }
    }
    let (gate, asked) = (Turnstile::new(), Arc::new(AtomicBool::new(false)));
    let held = gate.clone();
    let pool: Pool<Curious, (), String> = Pool::builder(async move |_: &Curious, _cx| {
        held.pass().await;
        Ok(())
    })
    .workers(1)
    .queue(Queue::bounded(1))
    .build()
    .unwrap();
    pool.submit(Curious(None)).await.unwrap();
    gate.reached(1).await;
    pool.submit(Curious(None)).await.unwrap();
    let (again, full) = (pool.clone(), asked.clone());
    let job = Curious(Some(Box::new(move || {
        full.store(again.try_submit(Curious(None)).is_err(), Ordering::SeqCst);
    })));
    assert!(pool.submit(job).now_or_never().is_none());
    assert!(asked.load(Ordering::SeqCst), "it was dropped outside the inbox's lock");
    gate.open(2);
    pool.drain().await.unwrap();
}
