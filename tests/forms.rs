//! The forms of work, and what becomes of them when they panic or cannot be built.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    cell::Cell,
    io,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use actix::Addr;
use actix_workpool::{
    BlockingProcessor, Dispatcher, JobContext, JobError, Pool, Processor, Shutdown, StepClock,
};
use futures::{StreamExt, channel::mpsc};
use support::{Numbers, listen, payloads, yield_now};

type Cx = JobContext<u64, u64, String>;

/// Counts its jobs, on the thread on which it was built. It is not `Send`.
struct Counter(Rc<Cell<u64>>, ThreadId);

impl Counter {
    fn new() -> Self {
        Self(Rc::default(), thread::current().id())
    }

    fn count(&self, n: u64) -> Result<u64, String> {
        assert_eq!(thread::current().id(), self.1);
        assert_ne!(n, 13, "thirteen");
        self.0.set(self.0.get() + 1);
        Ok(self.0.get())
    }
}

impl Processor for Counter {
    type Payload = u64;
    type Output = u64;
    type Error = String;

    async fn process(&mut self, n: &u64, _: &Cx) -> Result<u64, String> {
        yield_now().await;
        self.count(*n)
    }
}

impl BlockingProcessor for Counter {
    type Payload = u64;
    type Output = u64;
    type Error = String;

    fn process(&mut self, n: &u64, _: &Cx) -> Result<u64, String> {
        self.count(*n)
    }
}

fn stateful() -> [Numbers; 2] {
    [
        Pool::processor(async || Ok::<_, io::Error>(Counter::new())).workers(1).build().unwrap(),
        Pool::blocking_processor(|| Ok::<_, io::Error>(Counter::new())).workers(1).build().unwrap(),
    ]
}

#[actix::test]
async fn a_processor_keeps_its_state_from_job_to_job_on_its_own_thread() {
    for pool in stateful() {
        for n in 1..=5_u64 {
            assert_eq!(pool.run(0_u64).await.unwrap(), n);
        }
    }
}

#[actix::test]
async fn a_processor_that_panicked_is_built_anew_and_the_worker_goes_on() {
    for pool in stateful() {
        assert_eq!(pool.run(0_u64).await.unwrap(), 1);
        let error = pool.run(13_u64).await.unwrap_err();
        assert!(error.to_string().contains("thirteen"), "{error}");
        assert_eq!(pool.run(0_u64).await.unwrap(), 1, "its state is new");
    }
}

#[actix::test]
async fn each_worker_has_a_processor_of_its_own() {
    let built = Arc::new(AtomicUsize::new(0));
    let counts = built.clone();
    let pool: Numbers = Pool::processor(async move || {
        counts.fetch_add(1, Ordering::SeqCst);
        Ok::<_, io::Error>(Counter::new())
    })
    .workers(5)
    .threads(2)
    .build()
    .unwrap();
    pool.submit_all((100..1_100_u64).collect()).await.unwrap();
    pool.drain().await.unwrap();
    pool.shutdown(Shutdown::Now).await.unwrap();
    assert_eq!(built.load(Ordering::SeqCst), 5);
}

/// Fails or panics twice, then succeeds; says each time that it was called.
fn flaky(
    calls: mpsc::UnboundedSender<usize>,
) -> impl Fn() -> Result<Counter, String> + Send + Sync {
    let called = AtomicUsize::new(0);
    move || {
        let call = called.fetch_add(1, Ordering::SeqCst);
        calls.unbounded_send(call).unwrap();
        match call {
            0 => Err("no connection".into()),
            1 => panic!("the factory panics"),
            _ => Ok(Counter::new()),
        }
    }
}

#[actix::test]
async fn a_factory_that_fails_or_panics_is_called_again_after_growing_pauses() {
    for blocking in [false, true] {
        let (clock, (calls, mut called)) = (StepClock::new(), mpsc::unbounded());
        let factory = flaky(calls);
        let pool: Numbers = if blocking {
            Pool::blocking_processor(factory)
        } else {
            Pool::processor(async move || factory())
        }
        .workers(1)
        .clock(clock.clone())
        .build()
        .unwrap();
        let id = pool.submit(7_u64).await.unwrap();
        let mut results = pool.results();
        for (call, pause) in [(0, 100), (1, 200)] {
            assert_eq!(called.next().await, Some(call));
            while clock.sleepers() == 0 {
                yield_now().await;
            }
            clock.advance(Duration::from_millis(pause - 1));
            assert!(called.try_recv().is_err(), "it was called before its pause was over");
            clock.advance(Duration::from_millis(1));
        }
        assert_eq!(called.next().await, Some(2));
        assert_eq!(results.next().await.unwrap().id(), id, "the job waited for its processor");
    }
}

#[actix::test]
async fn a_panic_becomes_its_text_and_costs_nobody_else() {
    let panicky = |n: &u64| match n % 4 {
        0 => panic!("plain"),
        1 => panic!("number {n}"),
        2 => std::panic::panic_any(*n),
        _ => Ok(*n),
    };
    let pools: [Numbers; 2] = [
        Pool::builder(async move |n: &u64, _cx| panicky(n)).workers(2).build().unwrap(),
        Pool::blocking(move |n: &u64, _cx| panicky(n)).workers(2).build().unwrap(),
    ];
    for pool in pools {
        let mut ears = listen(&pool).await;
        pool.submit_all((0..400_u64).collect()).await.unwrap();
        for result in ears.results(400).await {
            let n = *result.job().payload();
            let text = match n % 4 {
                0 => "plain".to_owned(),
                1 => format!("number {n}"),
                2 => "a panic without text".to_owned(),
                _ => {
                    assert_eq!(result.outcome(), Ok(&n));
                    continue;
                }
            };
            assert_eq!(result.outcome(), Err(&JobError::Panicked(text.into())));
        }
        assert_eq!(ears.drained().await.panicked, 300);
    }
}

#[actix::test]
async fn a_panic_while_a_job_is_being_dropped_for_a_cancel_costs_nobody_else() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the drop of a job's own value");
        }
    }
    let (started, mut starts) = mpsc::unbounded();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        if *n == 0 {
            let _bomb = Bomb;
            started.unbounded_send(()).unwrap();
            std::future::pending::<()>().await;
        }
        Ok(*n)
    })
    .workers(1)
    .build()
    .unwrap();
    let mut run = Box::pin(pool.run(0_u64));
    assert!(futures::FutureExt::now_or_never(&mut run).is_none());
    starts.next().await.unwrap();
    drop(run);
    assert_eq!(pool.run(1_u64).await.unwrap(), 1);
    assert_eq!(pool.status().await.unwrap().counts.cancelled, 1);
}

#[actix::test]
async fn an_async_job_that_never_waits_leaves_its_neighbours_their_turn() {
    let (stop, stopped) = futures::channel::oneshot::channel();
    let stopped = Mutex::new(Some(stopped));
    let pool: Numbers = Pool::builder(async move |n: &u64, cx| {
        if *n == 0 {
            let stopped = stopped.lock().unwrap().take().unwrap();
            stopped.await.unwrap();
            return Ok(0);
        }
        // Each job has a successor, so this never ends by itself.
        let _ = cx.submit(*n);
        Ok(*n)
    })
    .workers(2)
    .threads(1)
    .build()
    .unwrap();
    let mut first = Box::pin(pool.run(0_u64));
    assert!(futures::FutureExt::now_or_never(&mut first).is_none());
    pool.submit(1_u64).await.unwrap();
    stop.send(()).unwrap();
    assert_eq!(first.await.unwrap(), 0);
    pool.shutdown(Shutdown::Now).await.unwrap();
}

/// A pool and its address fit into other types: they can be named.
struct Service {
    pool: Pool<String, usize, io::Error>,
    dispatcher: Addr<Dispatcher<String, usize, io::Error>>,
}

#[actix::test]
async fn a_pool_and_its_address_can_be_named_shared_and_sent() {
    fn fits<V: Clone + Send + Sync + 'static>(_: &V) {}
    let pool = Pool::builder(async |text: &String, _cx| Ok(text.len())).build().unwrap();
    let service = Service { dispatcher: pool.dispatcher().clone(), pool };
    fits(&service.pool);
    fits(&service.dispatcher);
    assert_eq!(service.pool.run("four".to_owned()).await.unwrap(), 4);
}

#[actix::test]
async fn a_blocking_pool_runs_each_worker_on_a_thread_of_its_own() {
    let (names, mut named) = mpsc::unbounded();
    let barrier = std::sync::Barrier::new(3);
    let pool: Numbers = Pool::blocking(move |n: &u64, cx| {
        barrier.wait();
        names.unbounded_send((cx.worker(), thread::current().id())).unwrap();
        Ok(*n)
    })
    .workers(3)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..3_u64).collect()).await.unwrap();
    assert_eq!(payloads(&ears.results(3).await).len(), 3);
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(named.next().await.unwrap());
    }
    let workers: std::collections::HashSet<_> = seen.iter().map(|(worker, _)| worker).collect();
    let threads: std::collections::HashSet<_> = seen.iter().map(|(_, thread)| thread).collect();
    assert_eq!((workers.len(), threads.len()), (3, 3));
}
