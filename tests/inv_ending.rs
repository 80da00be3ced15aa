//! What a pool promises of faults and of its end: invariants 5, 9 and 10.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "support/held.rs"]
mod held;
mod support;

use std::{
    cell::RefCell,
    convert::Infallible,
    future::{Future, pending},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix_rt::Arbiter;
use actix_workpool::{
    BlockingProcessor, Builder, Clock, JobContext, JobError, Jobs, Pool, Processor, Shutdown,
    Status, StepClock, Subscribe, SystemClock,
};
use held::{Latch, blocked_by, until};
use support::{NumberResult, Numbers, Turnstile, behind, listen, listener, payloads, status_when};

const MINUTE: Duration = Duration::from_secs(60);

/// Returns what it was given; multiples of three panic.
struct Panicky;

fn panicky(n: u64) -> Result<u64, String> {
    assert_ne!(n % 3, 0, "a multiple of three");
    Ok(n)
}

impl Processor for Panicky {
    type Payload = u64;
    type Output = u64;
    type Error = String;

    async fn process(&mut self, n: &u64, _: &JobContext<u64, u64, String>) -> Result<u64, String> {
        panicky(*n)
    }
}

impl BlockingProcessor for Panicky {
    type Payload = u64;
    type Output = u64;
    type Error = String;

    fn process(&mut self, n: &u64, _: &JobContext<u64, u64, String>) -> Result<u64, String> {
        panicky(*n)
    }
}

#[actix::test]
async fn inv_05_a_panic_costs_its_own_job_and_no_other_in_any_form() {
    let forms: [Builder<u64, u64, String>; 4] = [
        Pool::builder(async |n: &u64, _cx| panicky(*n)),
        Pool::blocking(|n: &u64, _cx| panicky(*n)),
        Pool::processor(async || Ok::<_, Infallible>(Panicky)),
        Pool::blocking_processor(|| Ok::<_, Infallible>(Panicky)),
    ];
    for form in forms {
        let pool = form.workers(3).threads(2).build().unwrap();
        let mut ears = listen(&pool).await;
        pool.submit_all((0..300_u64).collect()).await.unwrap();
        for result in ears.results(300).await {
            let panicked = matches!(result.outcome(), Err(JobError::Panicked(_)));
            assert_eq!(panicked, result.job().payload() % 3 == 0, "{result:?}");
        }
        let counts = ears.drained().await;
        assert_eq!((counts.panicked, counts.succeeded, counts.total()), (100, 200, 300));
        assert_eq!(pool.status().await.unwrap().deaths, 0);
    }
}

const HANGS: u64 = 0;

/// Everything but the job that hangs ends, on the other worker.
async fn all_but_the_one_that_hangs(pool: &Numbers) {
    let mut ears = listen(pool).await;
    pool.submit_all((0..500_u64).collect()).await.unwrap();
    let mut others = payloads(&ears.results(499).await);
    others.sort_unstable();
    assert!(others.into_iter().eq(1..500));
    // Its thread may be slower to wake than the other to do all the rest.
    let runs = |status: &Status| (status.running, status.leased) == (1, 0);
    let status = status_when(pool, runs).await;
    assert_eq!((status.queued, status.counts.succeeded), (0, 499));
}

#[actix::test]
async fn inv_05_an_async_job_that_never_ends_costs_its_own_job_and_no_other() {
    for threads in [1, 2] {
        let pool = Pool::builder(async |n: &u64, _cx| match *n {
            HANGS => pending().await,
            n => Ok(n),
        });
        let pool = pool.workers(2).threads(threads).build().unwrap();
        all_but_the_one_that_hangs(&pool).await;
        let report = pool.shutdown(Shutdown::Now).await.unwrap();
        assert_eq!((report.counts.cancelled, report.threads_left), (1, 0));
    }
}

#[actix::test]
async fn inv_05_a_job_that_blocks_its_thread_costs_its_own_job_and_no_other() {
    let latch = Latch::new();
    let hang = move |n: u64, latch: &Latch| {
        if n == HANGS {
            latch.hold();
        }
        Ok(n)
    };
    let (one, other) = (latch.clone(), latch.clone());
    let forms: [Builder<u64, u64, String>; 2] = [
        Pool::builder(async move |n: &u64, _cx| hang(*n, &one)),
        Pool::blocking(move |n: &u64, _cx| hang(*n, &other)),
    ];
    for form in forms {
        let pool = form.workers(2).threads(2).grace(Duration::ZERO).build().unwrap();
        all_but_the_one_that_hangs(&pool).await;
        let report = pool.shutdown(Shutdown::Now).await.unwrap();
        assert_eq!((report.counts.abandoned, report.threads_left), (1, 1));
    }
    latch.open();
}

#[actix::test]
async fn inv_05_a_job_that_kills_its_thread_costs_what_ran_on_that_thread_and_no_other() {
    let (gate, doom) = (Turnstile::new(), Turnstile::new());
    let (held, doomed) = (gate.clone(), doom.clone());
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        if *n == 0 {
            doomed.pass().await;
            Arbiter::current().stop();
            return pending().await;
        }
        held.pass().await;
        Ok(*n)
    })
    .workers(6)
    .threads(3)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..60_u64).collect()).await.unwrap();
    gate.reached(5).await;
    doom.reached(1).await;
    doom.open(1);
    let is_lost = |result: &NumberResult| matches!(result.outcome(), Err(JobError::Lost));
    let lost = ears.results(2).await;
    assert!(lost.iter().all(is_lost), "{lost:?}");
    gate.open(58);
    assert!(ears.results(58).await.iter().all(|result| result.outcome().is_ok()));
    assert_eq!(ears.drained().await.total(), 60);
}

/// Six jobs on two workers, of which those that run do not end.
async fn six(pool: &Numbers, reached: impl Future<Output = ()>) -> Vec<actix_workpool::JobId> {
    let ids = pool.submit_all((0..6_u64).collect()).await.unwrap();
    reached.await;
    ids
}

#[actix::test]
async fn inv_09_a_shutdown_ends_by_its_deadline_and_names_what_it_abandons() {
    let reach = Duration::from_millis(100);
    for blocking in [false, true] {
        for shutdown in [Shutdown::Drain(MINUTE), Shutdown::FinishRunning(MINUTE), Shutdown::Now] {
            let (latch, clock) = (Latch::new(), StepClock::new());
            let held = latch.clone();
            let builder = match blocking {
                true => blocked_by(&latch),
                false => Pool::builder(async move |n: &u64, _cx| {
                    held.hold();
                    Ok(*n)
                }),
            };
            let builder = builder.workers(2).threads(2).grace(Duration::ZERO);
            let pool = builder.clock(clock.clone()).build().unwrap();
            let mut ears = listen(&pool).await;
            let ids = six(&pool, latch.reached(2)).await;
            let other = pool.clone();
            let report = actix_rt::spawn(async move { other.shutdown(shutdown).await });
            while pool.status().await.is_ok_and(|status| status.open) {}
            if shutdown != Shutdown::Now {
                clock.advance(MINUTE - Duration::from_nanos(1));
                assert!(pool.status().await.is_ok_and(|status| status.running == 2));
                clock.advance(Duration::from_nanos(1));
            }
            // Threads of async jobs have a moment to answer.
            clock.advance(if blocking { Duration::ZERO } else { reach });
            let mut report = report.await.unwrap().unwrap();
            report.abandoned.sort_unstable_by_key(|id| id.get());
            assert_eq!((&report.abandoned[..], report.threads_left), (&ids[..2], 2));
            assert_eq!((report.counts.cancelled, report.counts.abandoned), (4, 2));
            for result in ears.results(6).await {
                let expected = match ids[..2].contains(&result.id()) {
                    true => JobError::Abandoned,
                    false => JobError::Cancelled,
                };
                assert_eq!(result.outcome(), Err(&expected), "{blocking}, {shutdown:?}");
            }
            assert_eq!(ears.drained().await.total(), 6);
            latch.open();
        }
    }
}

#[actix::test]
async fn inv_09_a_shutdown_drops_by_its_deadline_the_futures_that_do_not_end() {
    for shutdown in [Shutdown::Drain(MINUTE), Shutdown::FinishRunning(MINUTE), Shutdown::Now] {
        let (gate, clock) = (Turnstile::new(), StepClock::new());
        let pool = behind(&gate).workers(2).clock(clock.clone()).build().unwrap();
        let mut ears = listen(&pool).await;
        six(&pool, gate.reached(2)).await;
        let other = pool.clone();
        let report = actix_rt::spawn(async move { other.shutdown(shutdown).await });
        while pool.status().await.is_ok_and(|status| status.open) {}
        clock.advance(if shutdown == Shutdown::Now { Duration::ZERO } else { MINUTE });
        let report = report.await.unwrap().unwrap();
        assert_eq!((report.counts.cancelled, report.abandoned.len()), (6, 0), "{shutdown:?}");
        assert_eq!(report.threads_left, 0, "{shutdown:?}");
        assert!(ears.results(6).await.iter().all(support::is_cancelled));
    }
}

/// The real time, which counts the threads on which it was read and that have not ended, and the
/// sleeps by it that are not over.
#[derive(Clone, Default)]
struct Census(Arc<[AtomicUsize; 2]>);

struct Counted(Census, usize);

thread_local! {
    static COUNTED: RefCell<Vec<Counted>> = const { RefCell::new(Vec::new()) };
}

impl Census {
    fn count(&self, what: usize) -> Counted {
        self.0[what].fetch_add(1, Ordering::SeqCst);
        Counted(self.clone(), what)
    }

    fn threads(&self) -> usize {
        self.0[0].load(Ordering::SeqCst)
    }

    fn sleeps(&self) -> usize {
        self.0[1].load(Ordering::SeqCst)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0[self.1].fetch_sub(1, Ordering::SeqCst);
    }
}

impl Clock for Census {
    fn now(&self) -> Instant {
        COUNTED.with_borrow_mut(|counted| {
            if !counted.iter().any(|other| Arc::ptr_eq(&other.0.0, &self.0)) {
                counted.push(self.count(0));
            }
        });
        SystemClock.now()
    }

    fn sleep_until(&self, until: Instant) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (sleep, counted) = (SystemClock.sleep_until(until), self.count(1));
        Box::pin(async move {
            sleep.await;
            drop(counted);
        })
    }
}

/// Builds a pool in each of its forms and homes, has it do jobs, ends it as `end` says, and counts
/// what is left. The thread of the test counts as one.
async fn leaves_nothing<F: Future<Output = ()>>(end: impl Fn(Numbers) -> F) {
    type Form = fn() -> Builder<u64, u64, String>;
    let work: [Form; 4] = [
        || Pool::builder(async |n: &u64, _cx| panicky(*n)),
        || Pool::blocking(|n: &u64, _cx| panicky(*n)),
        || Pool::processor(async || Ok::<_, Infallible>(Panicky)),
        || Pool::blocking_processor(|| Ok::<_, Infallible>(Panicky)),
    ];
    for own_arbiter in [false, true] {
        for form in work {
            let census = Census::default();
            let builder = form().workers(4).threads(2).clock(census.clone());
            let builder = if own_arbiter { builder.own_arbiter() } else { builder };
            let pool = builder.build().unwrap();
            let (addr, mut ears) = listener();
            let batches = Subscribe::batches(addr.clone().recipient()).max_age(MINUTE);
            pool.subscribe(batches).await.unwrap();
            pool.subscribe(Subscribe::drained(addr.recipient())).await.unwrap();
            pool.submit_all((0..100_u64).collect()).await.unwrap();
            ears.results(100).await;
            ears.drained().await;
            assert!(census.threads() > 1, "its threads have read the clock");
            // This makes a batch that waits for its age, by a timer.
            pool.submit(1_u64).await.unwrap();
            let address = pool.dispatcher().clone();
            end(pool).await;
            assert!(!address.connected(), "the dispatcher is gone");
            assert_eq!(
                ears.rest().await.len(),
                2,
                "the collector is gone, and with it its address"
            );
            assert_eq!((census.threads(), census.sleeps()), (1, 0));
        }
    }
}

#[actix::test]
async fn inv_10_after_a_shutdown_no_thread_timer_or_actor_is_left() {
    for shutdown in [Shutdown::Drain(MINUTE), Shutdown::FinishRunning(MINUTE)] {
        leaves_nothing(async |pool: Numbers| {
            let report = pool.shutdown(shutdown).await.unwrap();
            assert_eq!((report.threads_left, report.counts.total()), (0, 101));
        })
        .await;
    }
}

#[actix::test]
async fn inv_10_after_a_shutdown_only_the_threads_of_abandoned_jobs_are_left() {
    let (latch, census) = (Latch::new(), Census::default());
    let pool = blocked_by(&latch).workers(5).grace(Duration::ZERO).clock(census.clone());
    let pool = pool.own_arbiter().build().unwrap();
    pool.submit_all(Jobs::from_iter([1, 2])).await.unwrap();
    latch.reached(2).await;
    let report = pool.shutdown(Shutdown::Now).await.unwrap();
    assert_eq!((report.abandoned.len(), report.threads_left), (2, 2));
    // And that of the test.
    assert_eq!((census.threads(), census.sleeps()), (3, 0));
    latch.open();
    until(|| census.threads() == 1).await;
}

#[actix::test]
async fn inv_10_a_pool_that_nobody_holds_leaves_nothing_either() {
    for own_arbiter in [false, true] {
        let census = Census::default();
        let builder = Pool::<u64, u64, String>::builder(async |n: &u64, _cx| Ok(*n));
        let builder = builder.workers(4).threads(2).clock(census.clone());
        let pool = if own_arbiter { builder.own_arbiter() } else { builder }.build().unwrap();
        let ears = listen(&pool).await;
        pool.submit(1_u64).await.unwrap();
        drop(pool);
        assert_eq!(ears.rest().await.len(), 2);
        until(|| (census.threads(), census.sleeps()) == (1, 0)).await;
    }
}
