//! Panics wherever users' code can run: each costs at most its own job.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/held.rs"]
mod held;
#[path = "../support/mod.rs"]
mod support;

mod clocks;
mod factories;
mod pairs;
mod threads;
mod together;

use std::{
    convert::Infallible,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use actix_workpool::{
    BlockingProcessor, Builder, Job, JobContext, Jobs, OnFull, Pool, Processor, Queue, Retry,
    Shutdown, StepClock,
};
use futures::{FutureExt, StreamExt, stream};
use held::{Latch, until};
use support::{Numbers, Turnstile, echo, listen, status_when};

const MINUTE: Duration = Duration::from_secs(60);

/// A value whose drop panics, unless it comes in the course of another panic. It counts its drops.
struct Bomb(u64, Arc<AtomicUsize>);

impl Bomb {
    fn is_first(&self) -> bool {
        self.0 == 0
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::SeqCst);
        if !thread::panicking() {
            // Says nothing on the terminal.
            resume_unwind(Box::new("the drop of a value panics"));
        }
    }
}

type Bombs = Pool<Bomb, Bomb, Bomb>;

/// Makes bombs, and counts those that went off.
#[derive(Clone, Default)]
struct Arsenal(Arc<AtomicUsize>);

impl Arsenal {
    fn bomb(&self, n: u64) -> Bomb {
        Bomb(n, self.0.clone())
    }

    fn bombs(&self, n: u64) -> Jobs<Bomb> {
        (0..n).map(|n| self.bomb(n)).collect()
    }

    fn dropped(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Even jobs succeed, odd ones fail, with a bomb each; from `held` on they wait at the gate first.
    fn builder(&self, gate: &Turnstile, held: u64) -> Builder<Bomb, Bomb, Bomb> {
        let (arsenal, gate) = (self.clone(), gate.clone());
        Pool::builder(async move |bomb: &Bomb, _cx| {
            if bomb.0 >= held {
                gate.pass().await;
            }
            let value = arsenal.bomb(bomb.0);
            if bomb.0.is_multiple_of(2) { Ok(value) } else { Err(value) }
        })
    }
}

/// The pool still does what it should.
async fn works(pool: &Bombs, arsenal: &Arsenal) {
    let before = pool.status().await.unwrap().counts.succeeded;
    pool.submit(arsenal.bomb(0)).await.unwrap();
    pool.drain().await.unwrap();
    assert_eq!(pool.status().await.unwrap().counts.succeeded, before + 1);
}

#[actix::test]
async fn drops_that_panic_of_payloads_values_and_errors_that_nobody_hears_cost_nobody_anything() {
    let (arsenal, gate) = (Arsenal::default(), Turnstile::new());
    let pool: Bombs = arsenal.builder(&gate, u64::MAX).workers(3).threads(2).build().unwrap();
    for _ in 0..10 {
        pool.submit_all(arsenal.bombs(50)).await.unwrap();
        pool.drain().await.unwrap();
    }
    let counts = pool.status().await.unwrap().counts;
    assert_eq!((counts.succeeded, counts.failed, counts.total()), (250, 250, 500));
    assert_eq!(arsenal.dropped(), 1_000, "each payload and each value");
    works(&pool, &arsenal).await;
    assert_eq!(pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap().threads_left, 0);
}

#[actix::test]
async fn a_result_whose_drop_panics_is_counted_as_unheard_where_its_caller_has_left() {
    let (gate, arsenal) = (Turnstile::new(), Arsenal::default());
    let (held, made) = (gate.clone(), arsenal.clone());
    let pool: Bombs = Pool::builder(async move |bomb: &Bomb, cx| {
        held.pass().await;
        cx.cancelled().await;
        Ok(made.bomb(bomb.0))
    })
    .workers(1)
    .build()
    .unwrap();
    {
        let mut run = Box::pin(pool.run(arsenal.bomb(1)));
        assert!((&mut run).now_or_never().is_none());
        gate.reached(1).await;
        gate.open(1);
    }
    pool.drain().await.unwrap();
    let status = pool.status().await.unwrap();
    assert_eq!((status.counts.succeeded, status.unheard), (1, 1));
}

#[actix::test]
async fn drops_that_panic_of_jobs_that_are_cancelled_evicted_or_rejected_cost_nobody_anything() {
    for on_full in [OnFull::Wait, OnFull::Reject, OnFull::EvictOldest, OnFull::EvictYoungest] {
        let (arsenal, gate, clock) = (Arsenal::default(), Turnstile::new(), StepClock::new());
        let queue = Queue::bounded(3).on_full(on_full);
        let builder = arsenal.builder(&gate, 1).workers(1).queue(queue).clock(clock.clone());
        let pool: Bombs = builder.build().unwrap();
        pool.submit(arsenal.bomb(1)).await.unwrap();
        gate.reached(1).await;
        clock.advance(MINUTE);
        let mut ids = pool.try_submit_all(arsenal.bombs(3)).unwrap();
        for n in 0..3 {
            pool.dispatcher().do_send(Job::new(arsenal.bomb(n)));
        }
        pool.dispatcher().do_send(arsenal.bombs(2));
        status(&pool).await;
        pool.cancel(ids.remove(1)).await.unwrap();
        // One who leaves the line, or is let in at once.
        if on_full == OnFull::Wait {
            let mut in_line = Box::pin(pool.submit_all(arsenal.bombs(3)));
            assert!((&mut in_line).now_or_never().is_none());
            drop(in_line);
        }
        status(&pool).await;
        gate.open(9);
        pool.drain().await.unwrap();
        works(&pool, &arsenal).await;
        let report = pool.shutdown(Shutdown::Now).await.unwrap();
        assert_eq!((report.counts.total(), report.threads_left), (10, 0), "{on_full:?}");
    }
}

async fn status(pool: &Bombs) {
    pool.status().await.unwrap();
}

#[actix::test]
async fn drops_that_panic_at_every_shutdown_cost_nobody_anything() {
    for shutdown in [Shutdown::Drain(MINUTE), Shutdown::FinishRunning(MINUTE), Shutdown::Now] {
        let (arsenal, gate, clock) = (Arsenal::default(), Turnstile::new(), StepClock::new());
        let pool: Bombs =
            arsenal.builder(&gate, 0).workers(2).clock(clock.clone()).build().unwrap();
        pool.submit_all(arsenal.bombs(6)).await.unwrap();
        gate.reached(2).await;
        let other = pool.clone();
        let report = actix_rt::spawn(async move { other.shutdown(shutdown).await });
        while pool.status().await.is_ok_and(|status| status.open) {}
        clock.advance(if shutdown == Shutdown::Now { Duration::ZERO } else { MINUTE });
        let report = report.await.unwrap().unwrap();
        assert_eq!((report.counts.cancelled, report.threads_left), (6, 0), "{shutdown:?}");
        assert_eq!(arsenal.dropped(), 6);
    }
}

#[actix::test]
async fn a_late_value_of_an_abandoned_job_whose_drop_panics_costs_nobody_anything() {
    let (arsenal, latch) = (Arsenal::default(), Latch::new());
    let (values, held) = (arsenal.clone(), latch.clone());
    let pool: Bombs = Pool::blocking(move |bomb: &Bomb, _cx| {
        held.hold();
        Ok(values.bomb(bomb.0))
    })
    .workers(1)
    .grace(Duration::ZERO)
    .build()
    .unwrap();
    pool.submit_all(arsenal.bombs(2)).await.unwrap();
    latch.reached(1).await;
    let report = pool.shutdown(Shutdown::Now).await.unwrap();
    assert_eq!((report.counts.abandoned, report.counts.cancelled), (1, 1));
    latch.open();
    until(|| arsenal.dropped() == 3).await;
}

/// A processor whose drop panics.
struct Doomed(Bomb);

impl Processor for Doomed {
    type Payload = u64;
    type Output = u64;
    type Error = String;

    async fn process(&mut self, n: &u64, _: &JobContext<u64, u64, String>) -> Result<u64, String> {
        assert_ne!(*n, 13, "thirteen");
        Ok(*n + self.0.0)
    }
}

impl BlockingProcessor for Doomed {
    type Payload = u64;
    type Output = u64;
    type Error = String;

    fn process(&mut self, n: &u64, _: &JobContext<u64, u64, String>) -> Result<u64, String> {
        assert_ne!(*n, 13, "thirteen");
        Ok(*n + self.0.0)
    }
}

#[actix::test]
async fn a_retry_rule_whose_drop_panics_costs_nobody_anything() {
    let (arsenal, gate) = (Arsenal::default(), Turnstile::new());
    let captured = arsenal.bomb(0);
    let rule = Retry::attempts(2)
        .backoff(Duration::ZERO, Duration::ZERO)
        .when(move |_| Bomb::is_first(&captured));
    drop(rule.clone());
    let pool = arsenal.builder(&gate, 9).workers(2).retry(rule).build().unwrap();
    let results = pool.process(stream::iter(arsenal.bombs(4))).collect::<Vec<_>>().await;
    assert!(
        results.iter().all(|result| result.attempts() == 1 + u32::from(result.outcome().is_err()))
    );
    // Whoever drops its result hears of its panic; these are not what is asked about.
    results.into_iter().for_each(|result| drop(catch_unwind(AssertUnwindSafe(|| drop(result)))));
    let before = arsenal.dropped();
    let report = pool.shutdown(Shutdown::Now).await.unwrap();
    assert_eq!((report.threads_left, report.counts.total()), (0, 4));
    assert_eq!(arsenal.dropped(), before + 1, "with its last user");
}

#[actix::test]
async fn a_processor_whose_drop_panics_costs_nobody_anything() {
    for blocking in [false, true] {
        let arsenal = Arsenal::default();
        let maker = arsenal.clone();
        let build = move || Ok::<_, Infallible>(Doomed(maker.bomb(0)));
        let builder: Builder<u64, u64, String> = match blocking {
            false => Pool::processor(async move || build()),
            true => Pool::blocking_processor(build),
        };
        let pool = builder.workers(2).threads(1).build().unwrap();
        let mut ears = listen(&pool).await;
        pool.submit_all(Jobs::from_iter([1, 13, 2, 13, 3])).await.unwrap();
        ears.results(5).await;
        assert_eq!(ears.drained().await.succeeded, 3);
        assert_eq!(pool.run(1_u64).await.unwrap(), 1);
        assert_eq!(pool.status().await.unwrap().deaths, 0);
        let report = pool.shutdown(Shutdown::Now).await.unwrap();
        assert_eq!((report.threads_left, report.counts.total()), (0, 6));
        // Two after panics, and one for each worker at its end.
        assert_eq!(arsenal.dropped(), 4, "{blocking}");
    }
}

#[actix::test]
async fn a_process_function_whose_drop_panics_costs_its_pool_no_result() {
    for (blocking, own_arbiter) in [(false, false), (true, false), (false, true), (true, true)] {
        let arsenal = Arsenal::default();
        let captured = arsenal.bomb(1);
        let builder: Builder<u64, u64, String> = match blocking {
            false => Pool::builder(async move |n: &u64, _cx| {
                let _captured = &captured;
                Ok(*n)
            }),
            true => Pool::blocking(move |n: &u64, _cx| {
                let _captured = &captured;
                Ok(*n)
            }),
        };
        let builder = builder.workers(2);
        let pool = if own_arbiter { builder.own_arbiter() } else { builder }.build().unwrap();
        let mut ears = listen(&pool).await;
        pool.submit_all((0..20_u64).collect()).await.unwrap();
        assert_eq!(ears.results(20).await.len(), 20);
        let report = pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
        assert_eq!((report.counts.succeeded, report.threads_left), (20, 0));
        until(|| arsenal.dropped() == 1).await;
    }
}

/// A panic's payload whose drop panics, with a payload of the same kind, so many times.
struct Nested(u32);

impl Drop for Nested {
    fn drop(&mut self) {
        if self.0 > 0 {
            resume_unwind(Box::new(Nested(self.0 - 1)));
        }
    }
}

#[actix::test]
async fn panic_payloads_whose_drop_panics_cost_their_own_job_and_no_other() {
    for depth in 0..4 {
        let panicky = move |n: &u64| match n % 2 {
            0 => panic_any(Nested(depth)),
            _ => Ok(*n),
        };
        let forms: [Builder<u64, u64, String>; 2] = [
            Pool::builder(async move |n: &u64, _cx| panicky(n)),
            Pool::blocking(move |n: &u64, _cx| panicky(n)),
        ];
        for form in forms {
            let pool = form.workers(2).threads(1).build().unwrap();
            let mut ears = listen(&pool).await;
            pool.submit_all((0..20_u64).collect()).await.unwrap();
            ears.results(20).await;
            let counts = ears.drained().await;
            assert_eq!((counts.panicked, counts.succeeded), (10, 10), "{depth} {counts}");
            assert_eq!(pool.status().await.unwrap().deaths, 0);
        }
    }
}

#[actix::test]
async fn panic_payloads_whose_drop_panics_cost_nothing_where_values_are_dropped_either() {
    struct Value(u32);
    impl Drop for Value {
        fn drop(&mut self) {
            resume_unwind(Box::new(Nested(self.0)));
        }
    }
    let pool = Pool::builder(async |n: &u32, _cx| Ok::<_, ()>(Value(*n)));
    let pool = pool.workers(1).build().unwrap();
    pool.submit_all((0..5_u32).collect()).await.unwrap();
    pool.drain().await.unwrap();
    assert_eq!(pool.status().await.unwrap().counts.succeeded, 5);
}

#[actix::test]
async fn a_factory_that_panics_with_a_payload_whose_drop_panics_is_called_again() {
    for blocking in [false, true] {
        let (calls, clock) = (Arc::new(AtomicUsize::new(0)), StepClock::new());
        let arsenal = Arsenal::default();
        let build = move || match calls.fetch_add(1, Ordering::SeqCst) {
            0 => panic_any(Nested(2)),
            _ => Ok::<_, Infallible>(Doomed(arsenal.bomb(0))),
        };
        let builder: Builder<u64, u64, String> = match blocking {
            false => Pool::processor(async move || build()),
            true => Pool::blocking_processor(build),
        };
        let pool = builder.workers(1).clock(clock.clone()).build().unwrap();
        let other = pool.clone();
        let run = actix_rt::spawn(async move { other.run(1_u64).await });
        status_when(&pool, |status| status.build_failures == 1).await;
        until(|| clock.sleepers() > 0).await;
        clock.advance(Duration::from_millis(100));
        assert_eq!(run.await.unwrap().unwrap(), 1);
    }
}

/// Becomes a job, unless it is thirteen.
struct Wish(u64);

impl From<Wish> for Job<u64> {
    fn from(Wish(n): Wish) -> Self {
        assert_ne!(n, 13, "thirteen is no job");
        Self::new(n)
    }
}

#[actix::test]
async fn a_stream_of_jobs_that_panics_costs_its_own_jobs_and_no_others() {
    let pool = echo();
    let mut ears = listen(&pool).await;
    let mut results = pool.process(stream::iter(0..9_u64).map(|n| {
        assert_ne!(n, 5, "the input panics");
        n
    }));
    let panicked = AssertUnwindSafe(async { while results.next().await.is_some() {} });
    assert!(panicked.catch_unwind().await.is_err());
    drop(results);
    pool.drain().await.unwrap();
    ears.drained().await;
    pool.submit(7_u64).await.unwrap();
    assert_eq!(ears.results(1).await[0].outcome(), Ok(&7));
}

#[actix::test]
async fn a_conversion_that_panics_elsewhere_costs_nothing_but_itself() {
    let pool = echo();
    assert!(catch_unwind(AssertUnwindSafe(|| pool.try_submit(Wish(13)))).is_err());
    assert!(AssertUnwindSafe(pool.submit(Wish(13))).catch_unwind().await.is_err());
    assert!(AssertUnwindSafe(pool.run(Wish(13))).catch_unwind().await.is_err());
    assert_eq!(pool.run(Wish(1)).await.unwrap(), 1);
    assert_eq!(pool.drain().await, Ok(()));
    let status = pool.status().await.unwrap();
    assert_eq!((status.counts.total(), status.queued), (1, 0));
    // In a job, where the panic is the job's.
    let pool: Numbers = Pool::builder(async |n: &u64, cx| {
        cx.submit(Wish(*n)).unwrap();
        Ok(*n)
    })
    .build()
    .unwrap();
    let error = pool.run(13_u64).await.unwrap_err();
    assert!(error.to_string().contains("thirteen"), "{error}");
    pool.shutdown(Shutdown::Now).await.unwrap();
}

#[actix::test]
async fn a_future_that_panics_when_it_is_dropped_for_a_shutdown_costs_nobody_anything() {
    let (arsenal, gate) = (Arsenal::default(), Turnstile::new());
    let (bombs, reached) = (arsenal.clone(), gate.clone());
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        let _bomb = bombs.bomb(*n);
        reached.pass().await;
        pending().await
    })
    .workers(3)
    .threads(1)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..3_u64).collect()).await.unwrap();
    gate.reached(3).await;
    let report = pool.shutdown(Shutdown::Now).await.unwrap();
    assert_eq!((report.counts.cancelled, report.threads_left), (3, 0));
    assert_eq!((ears.results(3).await.len(), arsenal.dropped()), (3, 3));
}

/// A payload whose drop always panics.
struct Unconditional;

impl Drop for Unconditional {
    fn drop(&mut self) {
        resume_unwind(Box::new("the drop of a payload panics"));
    }
}

#[actix::test]
async fn a_batch_of_payloads_whose_drops_panic_can_be_given_up_in_line_or_refused() {
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool: Pool<Option<Unconditional>, (), String> = Pool::builder(async move |_: &_, _cx| {
        held.pass().await;
        Ok(())
    })
    .workers(1)
    .queue(Queue::bounded(2))
    .build()
    .unwrap();
    pool.submit(None).await.unwrap();
    gate.reached(1).await;
    pool.submit_all(Jobs::from_iter([None, None])).await.unwrap();
    let bombs = || Jobs::from_iter([Some(Unconditional), Some(Unconditional)]);
    assert!(pool.submit_all(bombs()).now_or_never().is_none(), "it waits in line");
    let mut sent = Box::pin(pool.dispatcher().send(bombs()));
    assert!((&mut sent).now_or_never().is_none());
    pool.status().await.unwrap();
    drop(sent);
    drop(pool.try_submit_all(bombs()).unwrap_err());
    gate.open(3);
    pool.drain().await.unwrap();
    assert_eq!(pool.shutdown(Shutdown::Now).await.unwrap().counts.succeeded, 3);
}
