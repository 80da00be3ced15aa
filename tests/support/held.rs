//! What tests of endings share: a gate for blocking code, and all questions that a pool answers.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{Arc, Condvar, Mutex};

use actix::MailboxError;
use actix_workpool::{
    Cancel, Drain, GetStatus, Job, Jobs, Pause, Pool, Refusal, Resize, ResizeError, Resume,
    RunError, Shutdown, Stopped, Subscribe, SubscribeError, SubscriptionId, Unsubscribe,
};
use futures::{StreamExt, stream};
use tokio::sync::Semaphore;

use super::support::{Numbers, listener, yield_now};

/// Holds blocking code until it is opened for good, and counts those that have reached it.
#[derive(Clone, Debug)]
pub struct Latch {
    open: Arc<(Mutex<bool>, Condvar)>,
    reached: Arc<Semaphore>,
}

impl Latch {
    pub fn new() -> Self {
        Self { open: Arc::default(), reached: Arc::new(Semaphore::new(0)) }
    }

    /// In a job: says that it has come.
    pub fn greet(&self) {
        self.reached.add_permits(1);
    }

    /// In a job: blocks the thread until the latch is open.
    pub fn hold(&self) {
        self.greet();
        let (open, opened) = &*self.open;
        drop(opened.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
    }

    /// In a test: lets everyone through, now and later.
    pub fn open(&self) {
        *self.open.0.lock().unwrap() = true;
        self.open.1.notify_all();
    }

    /// In a test: waits until `n` more have come.
    pub async fn reached(&self, n: u32) {
        self.reached.acquire_many(n).await.unwrap().forget();
    }
}

/// A pool whose jobs each keep their thread until the latch opens, and come back as they went in.
pub fn blocked_by(latch: &Latch) -> actix_workpool::Builder<u64, u64, String> {
    let latch = latch.clone();
    Pool::blocking(move |n: &u64, _cx| {
        latch.hold();
        Ok(*n)
    })
}

/// Waits until something is so, and lets others have their turn meanwhile.
pub async fn until(mut so: impl FnMut() -> bool) {
    while !so() {
        yield_now().await;
    }
}

/// A subscription of an actor's, for the questions to come.
pub async fn subscribed(pool: &Numbers) -> SubscriptionId {
    let (addr, _) = listener();
    pool.subscribe(Subscribe::drained(addr.recipient())).await.unwrap()
}

/// Calls every method of a pool that has ended, and sends everything to its address: each answers,
/// and says that the pool is closed.
pub async fn answers_everything(pool: &Numbers, subscription: SubscriptionId) {
    assert!(pool.is_closed());
    let refused = pool.try_submit(1_u64).unwrap_err();
    assert_eq!((refused.job.into_payload(), refused.reason), (1, Refusal::Closed));
    let refused = pool.submit(2_u64).await.unwrap_err();
    assert_eq!((refused.job.into_payload(), refused.reason), (2, Refusal::Closed));
    let batch = || Jobs::from_iter([3_u64, 4]);
    let refused = pool.try_submit_all(batch()).unwrap_err();
    assert_eq!((refused.job.len(), refused.reason), (2, Refusal::Closed));
    let refused = pool.submit_all(batch()).await.unwrap_err();
    assert_eq!((refused.job.len(), refused.reason), (2, Refusal::Closed));
    match pool.run(5_u64).await {
        Err(RunError::Refused(refused)) => assert_eq!(refused.job.into_payload(), 5),
        other => panic!("a pool that has ended answered {other:?}"),
    }
    assert_eq!(pool.process(stream::iter([6_u64])).count().await, 0);
    assert_eq!(pool.process(stream::iter([6_u64])).ordered().buffer(1).count().await, 0);
    assert!(pool.results().next().await.is_none());
    assert!(pool.results_with_buffer(0).next().await.is_none());
    let (addr, _) = listener();
    let answer = pool.subscribe(Subscribe::results(addr.recipient())).await;
    assert_eq!(answer, Err(SubscribeError::Stopped(Stopped)));
    assert_eq!(pool.unsubscribe(subscription).await, Err(Stopped));
    assert_eq!(pool.drain().await, Err(Stopped));
    assert_eq!(pool.cancel(Job::new(7_u64).id()).await, Err(Stopped));
    assert_eq!(pool.pause().await, Err(Stopped));
    assert_eq!(pool.resume().await, Err(Stopped));
    assert_eq!(pool.resize(1).await, Err(ResizeError::Stopped(Stopped)));
    assert_eq!(pool.status().await, Err(Stopped));
    let report = pool.shutdown(Shutdown::Now).await;
    assert_eq!(pool.clone().shutdown(Shutdown::Drain(std::time::Duration::MAX)).await, report);
    answers_no_message(pool, subscription).await;
}

async fn answers_no_message(pool: &Numbers, subscription: SubscriptionId) {
    let address = pool.dispatcher();
    assert!(!address.connected());
    let closed = |error| matches!(error, MailboxError::Closed);
    assert!(address.send(Job::new(1)).await.is_err_and(closed));
    assert!(address.send(Jobs::from_iter([1])).await.is_err_and(closed));
    let (addr, _) = listener();
    assert!(address.send(Subscribe::drained(addr.recipient())).await.is_err_and(closed));
    assert!(address.send(Unsubscribe(subscription)).await.is_err_and(closed));
    assert!(address.send(Drain).await.is_err_and(closed));
    assert!(address.send(Cancel(Job::new(1_u64).id())).await.is_err_and(closed));
    assert!(address.send(Pause).await.is_err_and(closed));
    assert!(address.send(Resume).await.is_err_and(closed));
    assert!(address.send(Resize(1)).await.is_err_and(closed));
    assert!(address.send(GetStatus).await.is_err_and(closed));
    assert!(address.send(Shutdown::Now).await.is_err_and(closed));
    address.do_send(Job::new(1));
    address.do_send(Drain);
}
