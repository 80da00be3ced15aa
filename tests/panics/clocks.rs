//! A clock of the user's that panics.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use actix_workpool::{Builder, CancelOutcome, Clock, Pool, Queue, Shutdown, SystemClock};

use crate::{
    Arsenal, Bomb, Doomed, MINUTE,
    held::{Latch, blocked_by},
    support::{Turnstile, behind, listen, status_when},
};

/// The real time, except that on threads of a kind its readings, or its sleeps, panic a few times.
#[derive(Clone)]
struct Broken {
    /// Whether a thread that works is meant, or any other.
    workers: bool,
    sleeps: bool,
    panics: Arc<AtomicUsize>,
}

impl Broken {
    fn new(workers: bool, sleeps: bool) -> Self {
        Self { workers, sleeps, panics: Arc::default() }
    }

    fn break_down(&self, times: usize) {
        self.panics.store(times, Ordering::SeqCst);
    }

    fn read(&self, sleeps: bool) {
        let works = thread::current().name().is_some_and(|name| name.contains("arbiter:"));
        if works == self.workers && sleeps == self.sleeps {
            let update = |left: usize| left.checked_sub(1);
            if self.panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, update).is_ok() {
                resume_unwind(Box::new("the clock is broken"));
            }
        }
    }
}

impl Clock for Broken {
    fn now(&self) -> Instant {
        self.read(false);
        Instant::now()
    }

    fn sleep_until(&self, until: Instant) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.read(true);
        SystemClock.sleep_until(until)
    }
}

#[actix::test]
async fn a_clock_that_panics_costs_nobody_anything_on_whatever_thread() {
    for (blocking, workers) in [(false, false), (false, true), (true, false), (true, true)] {
        let (clock, gate, latch) = (Broken::new(workers, false), Turnstile::new(), Latch::new());
        let builder = if blocking { blocked_by(&latch) } else { behind(&gate) };
        let builder = builder.workers(2).threads(1).queue(Queue::bounded(100));
        let pool = builder.clock(clock.clone()).build().unwrap();
        let mut ears = listen(&pool).await;
        pool.submit_all((0..10_u64).collect()).await.unwrap();
        if blocking {
            latch.reached(2).await;
        } else {
            gate.reached(2).await;
        }
        clock.break_down(5);
        gate.open(100);
        latch.open();
        for n in 10..20_u64 {
            let submitted = catch_unwind(AssertUnwindSafe(|| pool.try_submit(n)));
            assert!(submitted.is_ok_and(|submitted| submitted.is_ok()));
        }
        let results = ears.results(20).await;
        let all_well = results.iter().all(|result| result.outcome().is_ok());
        assert!(all_well, "{blocking}, {workers}: {results:?}");
        assert_eq!(ears.drained().await.total(), 20);
        clock.break_down(5);
        let report = pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
        assert_eq!((report.counts.succeeded, report.threads_left), (20, 0));
    }
}

#[actix::test]
async fn a_clock_whose_sleep_panics_costs_nobody_anything() {
    for workers in [false, true] {
        let clock = Broken::new(workers, true);
        clock.break_down(3);
        let failed = AtomicUsize::new(0);
        let arsenal = Arsenal::default();
        let build = move || match failed.fetch_add(1, Ordering::SeqCst) {
            0 => Err("not yet"),
            _ => Ok(Doomed(arsenal.bomb(0))),
        };
        let builder: Builder<u64, u64, String> = Pool::blocking_processor(build);
        let pool = builder.workers(1).clock(clock.clone()).build().unwrap();
        assert_eq!(pool.run(1_u64).await.unwrap(), 1);
        let report = pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
        assert_eq!((report.counts.succeeded, report.threads_left), (1, 0));
    }
}

/// The real time, whose sleeps panic as they are dropped, and so does the clock.
struct Explosive(Arsenal, #[expect(dead_code, reason = "it is dropped")] Bomb);

impl Clock for Explosive {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep_until(&self, until: Instant) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let bomb = self.0.bomb(0);
        Box::pin(async move {
            let _bomb = bomb;
            SystemClock.sleep_until(until).await;
        })
    }
}

#[actix::test]
async fn a_clock_that_panics_as_it_and_its_sleeps_are_dropped_costs_nobody_anything() {
    let (arsenal, gate) = (Arsenal::default(), Turnstile::new());
    let held = gate.clone();
    let builder: Builder<u64, u64, String> = Pool::builder(async move |n: &u64, cx| {
        match n {
            0 => held.pass().await,
            _ => cx.cancelled().await,
        }
        Ok(*n)
    });
    let builder = builder.workers(2).threads(1).clock(Explosive(arsenal.clone(), arsenal.bomb(0)));
    let pool = builder.grace(MINUTE).build().unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(0_u64).await.unwrap();
    let id = pool.submit(1_u64).await.unwrap();
    status_when(&pool, |status| status.running == 2).await;
    assert_eq!(pool.cancel(id).await, Ok(CancelOutcome::Running));
    let ended = ears.result().await;
    assert_eq!((ended.id(), ended.outcome().ok()), (id, Some(&1)), "{ended:?}");
    assert_eq!(arsenal.dropped(), 1, "the sleep of its grace");
    gate.open(1);
    assert_eq!(ears.result().await.outcome(), Ok(&0));
    let report = pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
    assert_eq!((report.counts.succeeded, report.threads_left), (2, 0));
}
