//! Workers whose arbiters are stopped from outside, and pools that nobody holds.

use std::{
    any::Any,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use actix_rt::{Arbiter, ArbiterHandle};
use actix_workpool::{Builder, CancelOutcome, JobContext, Pool, Processor, Shutdown, StepClock};
use futures::{FutureExt, channel::oneshot};

use crate::{
    MINUTE,
    held::{Latch, until},
    support::{
        Heard, Numbers, Turnstile, behind, is_cancelled, is_lost, listen, payloads, status_when,
        yield_now,
    },
};

/// A pool whose jobs wait at the gate and tell which arbiter they run on.
fn tell_tale(gate: &Turnstile, workers: usize) -> (Numbers, mpsc::Receiver<ArbiterHandle>) {
    let (gate, (tell, told)) = (gate.clone(), mpsc::channel());
    let pool = Pool::builder(async move |n: &u64, _cx| {
        tell.send(Arbiter::current()).unwrap();
        gate.pass().await;
        Ok(*n)
    });
    (pool.workers(workers).threads(workers).build().unwrap(), told)
}

#[actix::test]
async fn an_arbiter_that_another_thread_stops_loses_what_runs_on_it_and_nothing_else() {
    let gate = Turnstile::new();
    let (pool, arbiters) = tell_tale(&gate, 2);
    let mut ears = listen(&pool).await;
    pool.submit_all((0..10_u64).collect()).await.unwrap();
    gate.reached(2).await;
    let one = arbiters.recv().unwrap();
    assert!(thread::spawn(move || one.stop()).join().unwrap());
    assert!(is_lost(&ears.result().await));
    gate.open(9);
    assert!(ears.results(9).await.iter().all(|result| result.outcome().is_ok()));
    let counts = ears.drained().await;
    assert_eq!((counts.lost, counts.succeeded), (1, 9));
    status_when(&pool, |status| (status.deaths, status.live) == (1, 2)).await;
}

#[actix::test]
async fn a_worker_that_dies_during_a_shutdown_is_replaced_for_what_waits() {
    let gate = Turnstile::new();
    let (pool, arbiters) = tell_tale(&gate, 1);
    pool.submit_all((0..5_u64).collect()).await.unwrap();
    gate.reached(1).await;
    let mut report = pin!(pool.shutdown(Shutdown::Drain(MINUTE)));
    assert!((&mut report).now_or_never().is_none());
    status_when(&pool, |status| !status.open).await;
    arbiters.recv().unwrap().stop();
    status_when(&pool, |status| status.deaths == 1).await;
    gate.open(4);
    let report = report.await.unwrap();
    assert_eq!((report.counts.lost, report.counts.succeeded), (1, 4));
    assert_eq!((report.threads_left, report.abandoned.len()), (0, 0));
}

#[actix::test]
async fn a_cancel_and_the_death_of_the_worker_end_a_job_once() {
    for cancel_first in [false, true] {
        let gate = Turnstile::new();
        let (pool, arbiters) = tell_tale(&gate, 1);
        let mut ears = listen(&pool).await;
        let id = pool.submit(1_u64).await.unwrap();
        gate.reached(1).await;
        let worker = arbiters.recv().unwrap();
        if cancel_first {
            assert_eq!(pool.cancel(id).await, Ok(CancelOutcome::Running));
            worker.stop();
        } else {
            worker.stop();
            assert_ne!(pool.cancel(id).await, Ok(CancelOutcome::Waiting));
        }
        let result = ears.result().await;
        assert!(is_lost(&result) || is_cancelled(&result), "{result:?}");
        assert_eq!(ears.drained().await.total(), 1);
        gate.open(1);
        assert_eq!(pool.run(2_u64).await.unwrap(), 2);
    }
}

#[actix::test]
async fn a_paused_pool_whose_worker_dies_has_another_when_it_resumes() {
    let gate = Turnstile::new();
    let (pool, arbiters) = tell_tale(&gate, 1);
    let mut ears = listen(&pool).await;
    pool.submit_all((0..3_u64).collect()).await.unwrap();
    gate.reached(1).await;
    pool.pause().await.unwrap();
    arbiters.recv().unwrap().stop();
    assert!(is_lost(&ears.result().await));
    assert_eq!(pool.status().await.unwrap().queued, 2);
    pool.resume().await.unwrap();
    gate.open(2);
    assert_eq!(payloads(&ears.results(2).await), [1, 2]);
}

#[actix::test]
async fn a_pool_that_is_killed_costs_the_other_nothing() {
    let gate = Turnstile::new();
    let arbiter = Arbiter::new();
    let one = behind(&gate).workers(1).build().unwrap();
    let other = behind(&gate).workers(1).arbiter(arbiter.handle()).build().unwrap();
    one.submit(1_u64).await.unwrap();
    gate.reached(1).await;
    let mut killed = pin!(other.run(2_u64));
    assert!((&mut killed).now_or_never().is_none());
    gate.reached(1).await;
    arbiter.stop();
    killed.await.unwrap_err();
    gate.open(1);
    one.drain().await.unwrap();
    assert_eq!(one.status().await.unwrap().counts.succeeded, 1);
    assert!(other.shutdown(Shutdown::Now).await.is_err());
}

/// Is built as long as it is allowed to be; its job ends its thread's arbiter when the gate opens.
struct Mortal(Turnstile);

impl Processor for Mortal {
    type Payload = u64;
    type Output = u64;
    type Error = String;

    async fn process(&mut self, _: &u64, _: &JobContext<u64, u64, String>) -> Result<u64, String> {
        self.0.pass().await;
        Arbiter::current().stop();
        std::future::pending().await
    }
}

#[actix::test]
async fn a_pool_that_nobody_holds_and_that_loses_its_last_worker_cancels_what_waits_and_ends() {
    let (gate, barren) = (Turnstile::new(), Arc::new(AtomicBool::new(false)));
    let (held, fails) = (gate.clone(), barren.clone());
    let pool: Numbers = Pool::processor(async move || match fails.load(Ordering::SeqCst) {
        true => Err("no more"),
        false => Ok(Mortal(held.clone())),
    })
    .workers(1)
    .clock(StepClock::new())
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..4_u64).collect()).await.unwrap();
    gate.reached(1).await;
    drop(pool);
    barren.store(true, Ordering::SeqCst);
    gate.open(1);
    assert!(is_lost(&ears.result().await));
    assert!(ears.results(3).await.iter().all(is_cancelled));
    let counts = ears.drained().await;
    assert_eq!((counts.lost, counts.cancelled), (1, 3));
    assert_eq!(ears.rest().await.len(), 0);
}

/// A job that keeps a handle on the pool that runs it, and lets go of both.
struct Keeper {
    _pool: Box<dyn Any + Send + Sync>,
    _gone: oneshot::Sender<()>,
}

#[actix::test]
async fn a_pool_that_only_its_own_job_holds_ends_after_that_job() {
    for blocking in [false, true] {
        let (gate, latch, alive) = (Turnstile::new(), Latch::new(), Arc::new(()));
        let (held, kept, inside) = (gate.clone(), latch.clone(), alive.clone());
        let builder: Builder<Keeper, (), ()> = if blocking {
            Pool::blocking(move |_: &Keeper, _cx| {
                let _inside = &inside;
                kept.hold();
                Ok(())
            })
        } else {
            Pool::builder(async move |_: &Keeper, _cx| {
                let _inside = &inside;
                held.pass().await;
                Ok(())
            })
        };
        let pool = builder.workers(1).build().unwrap();
        let (tell, gone) = oneshot::channel();
        pool.submit(Keeper { _pool: Box::new(pool.clone()), _gone: tell }).await.unwrap();
        if blocking {
            latch.reached(1).await;
        } else {
            gate.reached(1).await;
        }
        drop(pool);
        latch.open();
        gate.open(1);
        assert!(gone.await.is_err(), "the job is dropped, and its handle with it");
        until(|| Arc::strong_count(&alive) == 1).await;
    }
}

#[actix::test]
async fn a_handle_that_is_taken_up_again_from_an_address_keeps_the_pool() {
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).build().unwrap();
    let ears = listen(&pool).await;
    let weak = pool.dispatcher().downgrade();
    pool.submit(1_u64).await.unwrap();
    gate.reached(1).await;
    drop(pool);
    // While its job runs, the pool can be reached.
    let again = loop {
        if let Some(again) = weak.upgrade() {
            break again;
        }
        yield_now().await;
    };
    gate.open(2);
    again.send(actix_workpool::Job::new(2)).await.unwrap().unwrap();
    drop(again);
    let heard = ears.rest().await;
    let results = heard.iter().filter(|heard| matches!(heard, Heard::Result(_))).count();
    assert_eq!(results, 2);
}
