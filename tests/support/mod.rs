//! What tests share: an actor that listens, and gates that hold jobs.
// Each test crate uses a part of this, and none has documentation.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod clerk;
pub mod warnings;

use std::{
    collections::HashSet,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use actix::{Actor, Addr, Context, Handler};
use actix_workpool::{
    BlockingProcessor, Builder, Counts, Drained, JobContext, JobError, JobId, JobResult, Missed,
    Pool, Processor, Results, Status, StepClock, Subscribe,
};
use futures::{StreamExt, channel::mpsc};
use tokio::sync::Semaphore;

/// The pool of most tests: numbers in, numbers out, text for errors.
pub type Numbers = Pool<u64, u64, String>;
pub type NumberResult = JobResult<u64, u64, String>;

/// What a [`Listener`] heard, in the order in which it handled it.
#[derive(Debug)]
pub enum Heard {
    Result(NumberResult),
    Batch(Vec<NumberResult>),
    Missed(u64),
    Drained(Counts),
}

/// An actor that passes on whatever a pool tells it.
pub struct Listener(mpsc::UnboundedSender<Heard>);

/// What comes from a [`Listener`].
pub struct Ears(mpsc::UnboundedReceiver<Heard>);

pub fn listener() -> (Addr<Listener>, Ears) {
    let (listener, ears) = unstarted_listener();
    (listener.start(), ears)
}

pub fn unstarted_listener() -> (Listener, Ears) {
    let (sender, receiver) = mpsc::unbounded();
    (Listener(sender), Ears(receiver))
}

/// A listener that is subscribed to results alone.
pub async fn listen_for_results(pool: &Numbers) -> Ears {
    let (addr, ears) = listener();
    pool.subscribe(Subscribe::results(addr.recipient())).await.unwrap();
    ears
}

/// A listener that is subscribed to results and to quiescence.
pub async fn listen(pool: &Numbers) -> Ears {
    let (addr, ears) = listener();
    pool.subscribe(Subscribe::results(addr.clone().recipient())).await.unwrap();
    pool.subscribe(Subscribe::drained(addr.recipient())).await.unwrap();
    ears
}

impl Ears {
    pub async fn hear(&mut self) -> Heard {
        self.0.next().await.expect("the listener is gone")
    }

    /// The next thing heard, which must be a result.
    pub async fn result(&mut self) -> NumberResult {
        match self.hear().await {
            Heard::Result(result) => result,
            other => panic!("expected a result, heard {other:?}"),
        }
    }

    pub async fn results(&mut self, n: usize) -> Vec<NumberResult> {
        let mut results = Vec::with_capacity(n);
        while results.len() < n {
            match self.hear().await {
                Heard::Result(result) => results.push(result),
                Heard::Batch(batch) => results.extend(batch),
                other => panic!("heard {other:?} after {} of {n} results", results.len()),
            }
        }
        results
    }

    /// The next thing heard, which must be that the pool ran dry.
    pub async fn drained(&mut self) -> Counts {
        match self.hear().await {
            Heard::Drained(counts) => counts,
            other => panic!("expected Drained, heard {other:?}"),
        }
    }

    /// The next thing heard, which must be that results were missed.
    pub async fn missed(&mut self) -> u64 {
        match self.hear().await {
            Heard::Missed(count) => count,
            other => panic!("expected Missed, heard {other:?}"),
        }
    }

    /// All that is heard until the pool and the listener are gone.
    pub async fn rest(self) -> Vec<Heard> {
        self.0.collect().await
    }

    /// The ids of all results of the rest, of which each must be there once.
    pub async fn ended_once(self) -> HashSet<JobId> {
        let mut ended = HashSet::new();
        for heard in self.rest().await {
            if let Heard::Result(result) = heard {
                assert!(ended.insert(result.id()), "{} ended twice", result.id());
            }
        }
        ended
    }
}

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Handler<NumberResult> for Listener {
    type Result = ();
    fn handle(&mut self, result: NumberResult, _: &mut Self::Context) {
        let _ = self.0.unbounded_send(Heard::Result(result));
    }
}

impl Handler<Results<u64, u64, String>> for Listener {
    type Result = ();
    fn handle(&mut self, results: Results<u64, u64, String>, _: &mut Self::Context) {
        let _ = self.0.unbounded_send(Heard::Batch(results.into_iter().collect()));
    }
}

impl Handler<Missed> for Listener {
    type Result = ();
    fn handle(&mut self, missed: Missed, _: &mut Self::Context) {
        let _ = self.0.unbounded_send(Heard::Missed(missed.count));
    }
}

impl Handler<Drained> for Listener {
    type Result = ();
    fn handle(&mut self, drained: Drained, _: &mut Self::Context) {
        let _ = self.0.unbounded_send(Heard::Drained(drained.counts));
    }
}

/// Holds async jobs until they are let through, and counts those that have reached it.
#[derive(Clone, Debug)]
pub struct Turnstile {
    permits: Arc<Semaphore>,
    reached: Arc<Semaphore>,
}

impl Turnstile {
    pub fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(0)), reached: Arc::new(Semaphore::new(0)) }
    }

    /// In a job: waits to be let through.
    pub async fn pass(&self) {
        self.reached.add_permits(1);
        self.permits.acquire().await.unwrap().forget();
    }

    /// In a test: lets `n` jobs through.
    pub fn open(&self, n: usize) {
        self.permits.add_permits(n);
    }

    /// In a test: waits until `n` more jobs have come.
    pub async fn reached(&self, n: u32) {
        self.reached.acquire_many(n).await.unwrap().forget();
    }
}

/// A pool whose jobs each wait at the gate, and come back as they went in.
pub fn behind(gate: &Turnstile) -> Builder<u64, u64, String> {
    let gate = gate.clone();
    Pool::builder(async move |n: &u64, _cx| {
        gate.pass().await;
        Ok(*n)
    })
}

/// A pool whose workers share a thread and hold their jobs at the gate, with a clock that tests move.
pub fn held(workers: usize) -> (Numbers, Turnstile, StepClock) {
    let (gate, clock) = (Turnstile::new(), StepClock::new());
    let pool = behind(&gate).workers(workers).threads(1).clock(clock.clone()).build().unwrap();
    (pool, gate, clock)
}

/// A pool whose jobs come back as they went in, at once.
pub fn echo() -> Numbers {
    Pool::builder(async |n: &u64, _cx| Ok(*n)).workers(2).build().unwrap()
}

/// The same as a processor, in both forms.
pub struct Echo;

impl Processor for Echo {
    type Payload = u64;
    type Output = u64;
    type Error = String;

    async fn process(&mut self, n: &u64, _: &JobContext<u64, u64, String>) -> Result<u64, String> {
        Ok(*n)
    }
}

impl BlockingProcessor for Echo {
    type Payload = u64;
    type Output = u64;
    type Error = String;

    fn process(&mut self, n: &u64, _: &JobContext<u64, u64, String>) -> Result<u64, String> {
        Ok(*n)
    }
}

/// The highest number of those that were inside at once.
#[derive(Clone, Debug, Default)]
pub struct Crowd(Arc<(AtomicUsize, AtomicUsize)>);

impl Crowd {
    pub fn enter(&self) {
        let inside = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(inside, Ordering::SeqCst);
    }

    pub fn leave(&self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }

    pub fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

/// A job that comes back as it went in; odd ones fail and multiples of a hundred panic.
pub async fn mixed(n: &u64) -> Result<u64, String> {
    match n {
        n if n % 100 == 99 => panic!("job {n} panics"),
        n if n % 2 == 1 => Err(format!("job {n} fails")),
        n => Ok(*n),
    }
}

pub fn payloads(results: &[NumberResult]) -> Vec<u64> {
    results.iter().map(|result| *result.job().payload()).collect()
}

pub fn is_cancelled(result: &NumberResult) -> bool {
    matches!(result.outcome(), Err(JobError::Cancelled))
}

pub fn is_lost(result: &NumberResult) -> bool {
    matches!(result.outcome(), Err(JobError::Lost))
}

/// The pool's status, once it is as wanted.
pub async fn status_when(pool: &Numbers, wanted: impl Fn(&Status) -> bool) -> Status {
    loop {
        let status = pool.status().await.unwrap();
        if wanted(&status) {
            return status;
        }
        yield_now().await;
    }
}

/// Lets everything else on the thread have its turn.
pub async fn yield_now() {
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
