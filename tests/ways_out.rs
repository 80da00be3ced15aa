//! How results get out of a pool, and to whom.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use actix::{Actor, ActorContext, Addr, Context, Handler};
use actix_workpool::{
    Counts, Drained, Pool, Queue, Results, Shutdown, StepClock, Stopped, Subscribe, SubscribeError,
    Unsubscribe,
};
use futures::{FutureExt, StreamExt};
use support::{Heard, NumberResult, Numbers, Turnstile, behind, echo, listen, listener, payloads};

/// An actor that stops at the first thing that it hears.
struct Leaver;

impl Actor for Leaver {
    type Context = Context<Self>;
}

impl Handler<NumberResult> for Leaver {
    type Result = ();
    fn handle(&mut self, _: NumberResult, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<Results<u64, u64, String>> for Leaver {
    type Result = ();
    fn handle(&mut self, _: Results<u64, u64, String>, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<Drained> for Leaver {
    type Result = ();
    fn handle(&mut self, _: Drained, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

#[actix::test]
async fn a_subscriber_that_is_gone_is_removed_and_counted_and_the_others_get_everything() {
    let pool = echo();
    let leaver: Addr<Leaver> = Leaver.start();
    let mut ears = listen(&pool).await;
    let singles = Subscribe::results(leaver.clone().recipient()).named("leaver");
    pool.subscribe(singles).await.unwrap();
    pool.subscribe(Subscribe::batches(leaver.clone().recipient())).await.unwrap();
    pool.subscribe(Subscribe::drained(leaver.recipient())).await.unwrap();
    assert_eq!(pool.status().await.unwrap().subscribers, 5);
    for round in 0..3 {
        pool.submit_all((0..100_u64).collect()).await.unwrap();
        assert_eq!(ears.results(100).await.len(), 100, "round {round}");
        ears.drained().await;
    }
    let status = pool.status().await.unwrap();
    assert_eq!((status.subscribers, status.subscribers_gone), (2, 3));
}

#[actix::test]
async fn results_without_a_subscriber_are_counted() {
    let pool = echo();
    pool.submit_all((0..10_u64).collect()).await.unwrap();
    pool.drain().await.unwrap();
    let status = pool.status().await.unwrap();
    assert_eq!((status.counts.succeeded, status.unheard), (10, 10));
}

#[actix::test]
async fn a_batch_goes_when_it_is_full_or_old() {
    let (clock, gate) = (StepClock::new(), Turnstile::new());
    let pool = behind(&gate).workers(1).clock(clock.clone()).build().unwrap();
    let (addr, mut ears) = listener();
    let age = Duration::from_millis(20);
    let batches = Subscribe::batches(addr.recipient()).max_len(3).max_age(age);
    pool.subscribe(batches).await.unwrap();
    pool.submit_all((0..6_u64).collect()).await.unwrap();

    gate.open(3);
    let Heard::Batch(full) = ears.hear().await else { panic!("not a batch") };
    assert_eq!(payloads(&full), [0, 1, 2]);

    gate.open(1);
    gate.reached(5).await;
    // The result has been fetched by the time that the collector has been asked for its counts.
    assert_eq!(pool.status().await.unwrap().counts.succeeded, 4);
    clock.advance(age - Duration::from_millis(1));
    pool.status().await.unwrap();
    assert!(ears.hear().now_or_never().is_none(), "it may wait for others");
    clock.advance(Duration::from_millis(1));
    let Heard::Batch(old) = ears.hear().await else { panic!("not a batch") };
    assert_eq!(payloads(&old), [3]);

    gate.open(2);
    let Heard::Batch(last) = ears.hear().await else { panic!("not a batch") };
    assert_eq!(payloads(&last), [4, 5], "a quiescent pool has handed over everything");
}

#[actix::test]
async fn batches_of_no_results_are_refused() {
    let pool = echo();
    let (addr, _ears) = listener();
    let never = Subscribe::batches(addr.recipient()).max_len(0);
    let error = pool.subscribe(never).await.unwrap_err();
    assert_eq!(error, SubscribeError::EmptyBatches);
    assert!(error.to_string().contains("max_len is 0"));
}

#[actix::test]
async fn unsubscribing_hands_over_what_was_gathered() {
    let pool = echo();
    let (addr, mut ears) = listener();
    let long = Duration::from_secs(3_600);
    let batches = Subscribe::batches(addr.recipient()).max_len(1_000).max_age(long);
    let id = pool.dispatcher().send(batches).await.unwrap().unwrap();
    let mut stream = pool.results();
    pool.submit(1_u64).await.unwrap();
    stream.next().await.unwrap();
    assert_eq!(pool.dispatcher().send(Unsubscribe(id)).await.unwrap(), Ok(true));
    assert_eq!(payloads(&ears.results(1).await), [1]);
}

#[actix::test]
async fn a_stream_of_results_has_every_job_that_was_submitted_after_it_and_ends_with_the_pool() {
    let pool = echo();
    for round in 0..100_u64 {
        let mut results = pool.results();
        pool.try_submit(round).unwrap();
        assert_eq!(*results.next().await.unwrap().job().payload(), round);
    }
    let results = pool.results();
    pool.submit_all((0..100_u64).collect()).await.unwrap();
    drop(pool);
    assert_eq!(results.count().await, 100);
}

#[actix::test]
async fn a_full_stream_of_results_holds_the_pool_back_until_it_is_read_or_dropped() {
    let pool: Numbers = Pool::blocking(|n: &u64, _cx| Ok(*n)).workers(2).build().unwrap();
    let mut results = pool.results_with_buffer(4);
    pool.submit_all((0..100_u64).collect()).await.unwrap();
    for read in 0..10 {
        while pool.status().await.unwrap().counts.succeeded < read + 4 {}
        for _ in 0..100 {
            assert_eq!(pool.status().await.unwrap().counts.succeeded, read + 4);
        }
        results.next().await.unwrap();
    }
    drop(results);
    pool.drain().await.unwrap();
    assert_eq!(pool.status().await.unwrap().counts.succeeded, 100);
}

#[actix::test]
async fn a_stream_of_results_counts_jobs_of_callers_only_while_they_are_under_way() {
    let pool = echo();
    let mut results = pool.results_with_buffer(1);
    for n in 0..100_u64 {
        assert_eq!(pool.run(n).await.unwrap(), n);
    }
    pool.submit(7_u64).await.unwrap();
    assert_eq!(*results.next().await.unwrap().job().payload(), 7);
}

#[actix::test]
async fn a_result_knows_its_job_its_worker_and_its_times() {
    let clock = StepClock::new();
    let gate = Turnstile::new();
    let pool = behind(&gate).workers(1).clock(clock.clone()).build().unwrap();
    let mut ears = listen(&pool).await;
    let second = Duration::from_secs(1);
    pool.submit(1_u64).await.unwrap();
    gate.reached(1).await;
    pool.submit(2_u64).await.unwrap();
    clock.advance(second);
    gate.open(1);
    ears.result().await;
    gate.reached(1).await;
    clock.advance(2 * second);
    gate.open(1);
    let result = ears.result().await;
    assert_eq!((result.waited(), result.took()), (second, 2 * second));
    assert_eq!(result.ended(), result.queued().unwrap() + 3 * second);
    assert_eq!((result.attempts(), result.worker().unwrap().get()), (1, 0));
    let parts = result.into_parts().unwrap();
    assert_eq!((parts.job.into_payload(), parts.outcome), (2, Ok(2)));
}

#[actix::test]
async fn a_subscription_is_made_and_ended_although_its_asker_leaves() {
    let pool = echo();
    let (addr, _ears) = listener();
    let subscribe = || Subscribe::results(addr.clone().recipient());
    assert!(pool.subscribe(subscribe()).now_or_never().is_none());
    assert_eq!(pool.status().await.unwrap().subscribers, 1);
    let id = pool.subscribe(subscribe()).await.unwrap();
    assert!(pool.unsubscribe(id).now_or_never().is_none());
    assert_eq!(pool.status().await.unwrap().subscribers, 1);
    assert_eq!(pool.unsubscribe(id).await, Ok(false));
}

#[actix::test]
async fn subscribers_of_a_pool_that_has_ended_are_told_so() {
    let pool = echo();
    pool.shutdown(Shutdown::Now).await.unwrap();
    let (addr, _ears) = listener();
    let subscribe = Subscribe::results(addr.recipient());
    assert_eq!(pool.subscribe(subscribe).await, Err(SubscribeError::Stopped(Stopped)));
    assert_eq!(pool.results().count().await, 0);
    assert!(pool.status().await.is_err());
}

#[actix::test]
async fn a_stream_of_results_misses_nothing_that_was_submitted_after_it_on_any_thread() {
    let pool: Numbers =
        Pool::blocking(|n: &u64, _cx| Ok(*n)).workers(2).own_arbiter().build().unwrap();
    let others = pool.clone();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let busy = std::thread::spawn(move || {
        while stopped.try_recv().is_err() {
            futures::executor::block_on(others.run(0_u64)).unwrap();
        }
    });
    for n in 1..5_000_u64 {
        let mut results = pool.results_with_buffer(4);
        pool.try_submit(n).unwrap();
        assert_eq!(*results.next().await.unwrap().job().payload(), n);
    }
    stop.send(()).unwrap();
    busy.join().unwrap();
    assert_eq!(pool.status().await.unwrap().unheard, 0);
}

/// A value whose drop panics, if it is armed.
struct Bomb(bool);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.0, "the drop of a value");
    }
}

#[actix::test]
async fn values_whose_drop_panics_in_a_batch_for_nobody_cost_nobody_else() {
    struct Goer;
    impl Actor for Goer {
        type Context = Context<Self>;
    }
    impl Handler<Results<u64, Bomb, String>> for Goer {
        type Result = ();
        fn handle(&mut self, _: Results<u64, Bomb, String>, _: &mut Self::Context) {}
    }
    impl Handler<Drained> for Goer {
        type Result = ();
        fn handle(&mut self, _: Drained, ctx: &mut Self::Context) {
            ctx.stop();
        }
    }
    let pool = Pool::builder(async |n: &u64, _cx| Ok::<_, String>(Bomb(*n > 0))).build().unwrap();
    for max_len in [2, 100] {
        let goer = Goer.start();
        let batches = Subscribe::batches(goer.clone().recipient()).max_len(max_len);
        pool.subscribe(batches).await.unwrap();
        pool.subscribe(Subscribe::drained(goer.clone().recipient())).await.unwrap();
        assert!(pool.run(0_u64).await.is_ok());
        while goer.connected() {
            support::yield_now().await;
        }
        pool.submit_all((1..10_u64).collect()).await.unwrap();
        pool.drain().await.unwrap();
    }
    assert!(pool.run(0_u64).await.is_ok());
    assert_eq!(pool.shutdown(Shutdown::Now).await.unwrap().counts.succeeded, 21);
}

#[actix::test]
async fn a_value_whose_drop_panics_in_line_costs_nobody_else() {
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool = Pool::builder(async move |_: &Bomb, _cx| {
        held.pass().await;
        Ok::<_, String>(())
    })
    .workers(1)
    .queue(Queue::bounded(1))
    .build()
    .unwrap();
    pool.submit(Bomb(false)).await.unwrap();
    gate.reached(1).await;
    pool.submit(Bomb(false)).await.unwrap();
    let mut first = Box::pin(pool.submit(Bomb(false)));
    let mut second = Box::pin(pool.submit(Bomb(true)));
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    drop(second);
    gate.open(3);
    first.await.unwrap();
    pool.drain().await.unwrap();
    assert_eq!(pool.shutdown(Shutdown::Now).await.unwrap().counts.succeeded, 3);
}

#[actix::test]
async fn a_value_whose_drop_panics_costs_nobody_else() {
    let pool = Pool::builder(async |_: &Bomb, _cx| Ok::<_, String>(()))
        .workers(1)
        .queue(Queue::bounded(1).on_full(actix_workpool::OnFull::EvictOldest))
        .build()
        .unwrap();
    for _ in 0..20 {
        pool.submit(Bomb(true)).await.unwrap();
    }
    pool.drain().await.unwrap();
    pool.run(Bomb(false)).await.unwrap();
    let Counts { succeeded, evicted, .. } = pool.shutdown(Shutdown::Now).await.unwrap().counts;
    assert_eq!(succeeded + evicted, 21);
}
