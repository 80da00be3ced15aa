//! Subscribers that panic, stop, or submit from their handlers.

use std::pin::pin;

use actix::{Actor, Context, Handler};
use actix_rt::Arbiter;
use actix_workpool::{Pool, Results, Subscribe};
use futures::{FutureExt, StreamExt};

use crate::support::{
    Ears, NumberResult, Numbers, Turnstile, echo, listen, listener, payloads, status_when,
};

/// Panics at the first thing that it hears.
struct Panicker;

impl Actor for Panicker {
    type Context = Context<Self>;
}

impl Handler<NumberResult> for Panicker {
    type Result = ();
    fn handle(&mut self, _: NumberResult, _: &mut Self::Context) {
        panic!("a subscriber panics");
    }
}

impl Handler<Results<u64, u64, String>> for Panicker {
    type Result = ();
    fn handle(&mut self, _: Results<u64, u64, String>, _: &mut Self::Context) {
        panic!("a subscriber panics");
    }
}

impl Handler<actix_workpool::Drained> for Panicker {
    type Result = ();
    fn handle(&mut self, _: actix_workpool::Drained, _: &mut Self::Context) {
        panic!("a subscriber panics");
    }
}

/// Three rounds of a hundred jobs, of which these ears hear everything.
async fn the_others_hear_everything(pool: &Numbers, mut ears: Ears) {
    for _ in 0..3 {
        pool.submit_all((0..100_u64).collect()).await.unwrap();
        assert_eq!(ears.results(100).await.len(), 100);
        assert_eq!(ears.drained().await.total(), 100);
    }
}

#[actix::test]
async fn subscribers_that_panic_are_removed_and_counted_and_the_others_get_everything() {
    let pool = echo();
    for subscribe in [
        Subscribe::results(Panicker.start().recipient()),
        Subscribe::batches(Panicker.start().recipient()),
        Subscribe::drained(Panicker.start().recipient()),
    ] {
        pool.subscribe(subscribe).await.unwrap();
    }
    let ears = listen(&pool).await;
    the_others_hear_everything(&pool, ears).await;
    let status = pool.status().await.unwrap();
    assert_eq!((status.subscribers, status.subscribers_gone), (2, 3));
}

#[actix::test]
async fn a_subscriber_whose_arbiter_was_stopped_is_removed_and_the_others_get_everything() {
    let arbiter = Arbiter::new();
    let on = arbiter.handle();
    let (sender, _heard) = std::sync::mpsc::channel::<u64>();
    struct Far(std::sync::mpsc::Sender<u64>);
    impl Actor for Far {
        type Context = Context<Self>;
    }
    impl Handler<NumberResult> for Far {
        type Result = ();
        fn handle(&mut self, result: NumberResult, _: &mut Self::Context) {
            let _ = self.0.send(*result.job().payload());
        }
    }
    let far = Far::start_in_arbiter(&on, |_| Far(sender));
    let pool = echo();
    pool.subscribe(Subscribe::results(far.recipient())).await.unwrap();
    let ears = listen(&pool).await;
    arbiter.stop();
    arbiter.join().unwrap();
    the_others_hear_everything(&pool, ears).await;
    assert_eq!(pool.status().await.unwrap().subscribers_gone, 1);
}

#[actix::test]
async fn a_subscriber_whose_arbiter_is_stopped_while_results_come_costs_the_others_nothing() {
    for _ in 0..20 {
        let arbiter = Arbiter::new();
        let on = arbiter.handle();
        let pool = echo();
        let quitter = Quitter::start_in_arbiter(&on, |_| Quitter(7));
        pool.subscribe(Subscribe::results(quitter.recipient())).await.unwrap();
        let ears = listen(&pool).await;
        the_others_hear_everything(&pool, ears).await;
        arbiter.join().unwrap();
        pool.run(1_u64).await.unwrap();
    }
}

/// Stops its own arbiter at its n-th result.
struct Quitter(u64);

impl Actor for Quitter {
    type Context = Context<Self>;
}

impl Handler<NumberResult> for Quitter {
    type Result = ();
    fn handle(&mut self, _: NumberResult, _: &mut Self::Context) {
        self.0 = self.0.saturating_sub(1);
        if self.0 == 0 {
            Arbiter::current().stop();
        }
    }
}

#[actix::test]
async fn a_stream_of_results_that_is_dropped_half_read_costs_the_others_nothing() {
    let pool = echo();
    let mut results = pool.results();
    let mut ears = listen(&pool).await;
    pool.submit_all((0..10_u64).collect()).await.unwrap();
    results.next().await.unwrap();
    drop(results);
    ears.results(10).await;
    ears.drained().await;
    the_others_hear_everything(&pool, ears).await;
}

/// Submits each result's payload less one, until there is nothing left of it.
struct Resubmitter(Option<Numbers>);

impl Actor for Resubmitter {
    type Context = Context<Self>;
}

impl Handler<NumberResult> for Resubmitter {
    type Result = ();
    fn handle(&mut self, result: NumberResult, _: &mut Self::Context) {
        let n = *result.job().payload();
        match &self.0 {
            Some(pool) if n > 0 => _ = pool.try_submit(n - 1).unwrap(),
            _ => self.0 = None,
        }
    }
}

#[actix::test]
async fn what_a_subscriber_submits_before_quiescence_is_drained_too() {
    const LONG: u64 = 100;
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool = Pool::builder(async move |n: &u64, _cx| {
        if *n == LONG {
            held.pass().await;
        }
        Ok(*n)
    });
    let pool = pool.workers(2).build().unwrap();
    let mut ears = listen(&pool).await;
    let resubmitter = Resubmitter(Some(pool.clone())).start();
    pool.subscribe(Subscribe::results(resubmitter.recipient())).await.unwrap();
    pool.submit_all([LONG, 3].into_iter().collect()).await.unwrap();
    let mut drain = pin!(pool.drain());
    assert!((&mut drain).now_or_never().is_none());
    assert_eq!(payloads(&ears.results(4).await), [3, 2, 1, 0]);
    assert!((&mut drain).now_or_never().is_none(), "one still runs");
    gate.open(1);
    drain.await.unwrap();
    ears.results(1).await;
    assert_eq!(ears.drained().await.succeeded, 5);
}

#[actix::test]
async fn what_a_subscriber_submits_after_quiescence_runs_dry_anew() {
    struct Once(Option<Numbers>);
    impl Actor for Once {
        type Context = Context<Self>;
    }
    impl Handler<actix_workpool::Drained> for Once {
        type Result = ();
        fn handle(&mut self, _: actix_workpool::Drained, _: &mut Self::Context) {
            if let Some(pool) = self.0.take() {
                pool.try_submit(2_u64).unwrap();
            }
        }
    }
    let pool = echo();
    let once = Once(Some(pool.clone())).start();
    let mut ears = listen(&pool).await;
    pool.subscribe(Subscribe::drained(once.recipient())).await.unwrap();
    pool.submit(1_u64).await.unwrap();
    for n in [1, 2] {
        assert_eq!(payloads(&ears.results(1).await), [n]);
        assert_eq!(ears.drained().await.total(), 1);
    }
}

#[actix::test]
async fn a_subscription_that_is_made_while_results_are_on_their_way_gets_all_or_the_later_ones() {
    for _ in 0..50 {
        let pool = echo();
        pool.submit_all((0..100_u64).collect()).await.unwrap();
        let (addr, mut ears) = listener();
        pool.subscribe(Subscribe::results(addr.clone().recipient())).await.unwrap();
        pool.subscribe(Subscribe::drained(addr.recipient())).await.unwrap();
        pool.submit_all((100..200_u64).collect()).await.unwrap();
        let mut late = Vec::new();
        while late.len() < 100 {
            if let crate::support::Heard::Result(result) = ears.hear().await {
                late.extend((*result.job().payload() >= 100).then(|| result.id()));
            }
        }
        status_when(&pool, |status| status.counts.succeeded == 200).await;
    }
}
