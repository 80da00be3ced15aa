//! Values whose drops panic and which are dropped together: left to their container, two would abort
//! the process. Each panics although another panic may be under way.

use std::{
    future::pending,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use actix::{Actor, ActorContext, Context, Handler};
use actix_rt::{Arbiter, System};
use actix_workpool::{
    Builder, Drained, JobResult, Jobs, OnFull, Pool, Queue, Results, Shutdown, Subscribe,
};
use futures::{FutureExt, StreamExt, stream};

use crate::{
    MINUTE, Unconditional,
    held::Latch,
    support::{Turnstile, yield_now},
};

type Unconditionals = Pool<u64, Unconditional, String>;

struct Deaf;

impl Actor for Deaf {
    type Context = Context<Self>;
}

impl Handler<Results<u64, Unconditional, String>> for Deaf {
    type Result = ();

    fn handle(&mut self, _: Results<u64, Unconditional, String>, _: &mut Self::Context) {}
}

/// Its jobs wait at the gate, but for those that are `free`.
fn behind(gate: &Turnstile, free: fn(u64) -> bool) -> Builder<u64, Unconditional, String> {
    let gate = gate.clone();
    Pool::builder(async move |n: &u64, _cx| {
        if !free(*n) {
            gate.pass().await;
        }
        Ok(Unconditional)
    })
}

async fn has_brought(pool: &Unconditionals, n: u64) {
    while pool.status().await.unwrap().counts.succeeded < n {
        yield_now().await;
    }
}

fn drops_in_peace<V>(value: V) {
    assert!(catch_unwind(AssertUnwindSafe(|| drop(value))).is_ok());
}

#[actix::test]
async fn gathered_results_are_dropped_when_the_arbiter_of_their_pool_stops() {
    let (home, gate) = (Arbiter::new(), Turnstile::new());
    let builder = behind(&gate, |n| n > 0).workers(2).threads(1).arbiter(home.handle());
    let pool = builder.build().unwrap();
    let batches = Subscribe::batches(Deaf.start().recipient());
    pool.subscribe(batches.max_age(Duration::MAX).max_len(9)).await.unwrap();
    pool.submit_all((0..4_u64).collect()).await.unwrap();
    has_brought(&pool, 3).await;
    home.stop();
    home.join().unwrap();
    assert!(pool.drain().await.is_err());
}

#[actix::test]
async fn a_stream_of_results_is_dropped_unread_before_and_after_the_end_of_its_pool() {
    for shutdown in [false, true] {
        let pool = behind(&Turnstile::new(), |_| true).workers(1).build().unwrap();
        let results = pool.results();
        pool.submit_all((0..3_u64).collect()).await.unwrap();
        pool.drain().await.unwrap();
        if shutdown {
            pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
        }
        drops_in_peace(results);
    }
}

#[actix::test]
async fn a_process_is_dropped_with_results_that_nobody_read() {
    let pool = behind(&Turnstile::new(), |_| true).workers(1).build().unwrap();
    let mut results = pool.process(stream::iter(0..3_u64));
    assert!(results.next().now_or_never().is_none());
    pool.drain().await.unwrap();
    drops_in_peace(results);
}

#[actix::test]
async fn a_process_is_dropped_with_results_that_came_too_early() {
    let gate = Turnstile::new();
    let pool = behind(&gate, |n| n > 0).workers(2).threads(1).build().unwrap();
    let mut results = pool.process(stream::iter(0..4_u64)).ordered();
    assert!(results.next().now_or_never().is_none());
    has_brought(&pool, 3).await;
    assert!(results.next().now_or_never().is_none());
    drops_in_peace(results);
}

#[actix::test]
async fn a_process_is_dropped_with_a_job_that_was_refused_and_an_input_that_panics_too() {
    let gate = Turnstile::new();
    let held = gate.clone();
    let builder: Builder<_, (), String> = Pool::builder(async move |_: &_, _cx| {
        held.pass().await;
        Ok(())
    });
    let queue = Queue::bounded(1).on_full(OnFull::Reject);
    let pool = builder.workers(1).queue(queue).build().unwrap();
    pool.submit(None).await.unwrap();
    gate.reached(1).await;
    let input = Unconditional;
    let mut results = pool.process(stream::iter([(); 2]).map(move |()| {
        let _input = &input;
        Some(Unconditional)
    }));
    assert!(results.next().now_or_never().is_none());
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(results)));
    assert!(dropped.is_err(), "the input is the caller's");
    gate.open(1);
    pool.drain().await.unwrap();
}

#[test]
fn jobs_are_dropped_that_a_pool_accepted_which_never_had_a_turn() {
    System::new().block_on(async {
        let builder: Builder<Unconditional, (), String> =
            Pool::builder(async |_: &Unconditional, _cx| pending().await);
        let pool = builder.workers(1).queue(Queue::bounded(2)).build().unwrap();
        let jobs = |n| Jobs::from_iter((0..n).map(|_| Unconditional));
        pool.try_submit_all(jobs(2)).unwrap();
        for _ in 0..2 {
            // It has left the line by the time that the line goes.
            assert!(pool.submit_all(jobs(1)).now_or_never().is_none());
        }
    });
}

/// Stops once the latch is open.
struct Brief(Latch);

impl Actor for Brief {
    type Context = Context<Self>;
}

impl Handler<JobResult<u64, Unconditional, String>> for Brief {
    type Result = ();

    fn handle(&mut self, result: JobResult<u64, Unconditional, String>, ctx: &mut Context<Self>) {
        mem::forget(result);
        self.0.hold();
        ctx.stop();
    }
}

impl Handler<Drained> for Brief {
    type Result = ();

    fn handle(&mut self, _: Drained, _: &mut Context<Self>) {}
}

#[actix::test]
async fn results_in_the_mailbox_of_a_subscriber_that_stops_cost_its_pool_nothing() {
    let (theirs, latch) = (Arbiter::new(), Latch::new());
    let held = latch.clone();
    let brief = Brief::start_in_arbiter(&theirs.handle(), |_| Brief(held));
    let pool = behind(&Turnstile::new(), |_| true).workers(1).build().unwrap();
    pool.subscribe(Subscribe::results(brief.clone().recipient())).await.unwrap();
    pool.subscribe(Subscribe::drained(brief.recipient())).await.unwrap();
    pool.submit_all((0..5_u64).collect()).await.unwrap();
    has_brought(&pool, 5).await;
    latch.open();
    // The pool has no turn before the actor is gone.
    theirs.stop();
    theirs.join().unwrap();
    pool.submit(5).await.unwrap();
    pool.drain().await.unwrap();
    let status = pool.status().await.unwrap();
    assert_eq!((status.counts.succeeded, status.subscribers), (6, 0));
}
