//! What a subscriber may have waiting, and what happens when it has no room.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix::{
    Actor, ActorContext, Addr, Arbiter, AtomicResponse, Context, Handler, ResponseFuture,
    fut::wrap_future,
};
use actix_workpool::{Missed, Pool, Queue, Shutdown, StepClock, Subscribe, SubscribeError};
use futures::{FutureExt, StreamExt, channel::mpsc};
use support::{
    Heard, NumberResult, Numbers, Turnstile, behind,
    clerk::{Clerk, Office, Stop},
    listen, listener, payloads, unstarted_listener, warnings, yield_now,
};

const SECOND: Duration = Duration::from_secs(1);

/// A pool that counts the jobs it has started.
fn counting() -> (Numbers, Arc<AtomicU64>) {
    let started = Arc::new(AtomicU64::new(0));
    let count = started.clone();
    let pool = Pool::builder(async move |n: &u64, _cx| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(*n)
    });
    (pool.workers(1).build().unwrap(), started)
}

/// Waits until so many jobs have started, and sees that no more do.
async fn stands_at(n: u64, (pool, started): &(Numbers, Arc<AtomicU64>)) {
    while started.load(Ordering::SeqCst) < n {
        pool.status().await.unwrap();
    }
    for _ in 0..100 {
        pool.status().await.unwrap();
        assert_eq!(started.load(Ordering::SeqCst), n);
    }
}

/// How many results there are, and how many were missed, where jobs 0, 1, 2, … ended in this order.
fn tally(heard: impl IntoIterator<Item = Heard>) -> (u64, u64) {
    let (mut next, mut missed) = (0, 0);
    for heard in heard {
        match heard {
            Heard::Result(result) => {
                assert_eq!(*result.job().payload(), next, "what was missed is told where it was");
                next += 1;
            }
            Heard::Missed(count) => {
                assert!(count > 0);
                (next, missed) = (next + count, missed + count);
            }
            other => panic!("heard {other:?}"),
        }
    }
    (next - missed, missed)
}

#[actix::test]
async fn room_comes_back_once_a_handler_has_run_and_no_more_jobs_are_handed_out_than_there_is_room()
{
    let (pool, mut office) = (counting(), Office::new());
    pool.0.subscribe(office.subscribe().window(3)).await.unwrap();
    pool.0.submit_all((0..10_u64).collect()).await.unwrap();
    for handled in 0..7 {
        stands_at(handled + 3, &pool).await;
        office.handle(1).await;
    }
    office.handle(3).await;
    assert_eq!(payloads(&office.ears.results(10).await), Vec::from_iter(0..10));
    pool.0.drain().await.unwrap();
}

#[actix::test]
async fn the_narrowest_of_several_windows_holds() {
    let pool = counting();
    let (mut narrow, mut wide) = (Office::new(), Office::new());
    pool.0.subscribe(narrow.subscribe().window(2)).await.unwrap();
    pool.0.subscribe(wide.subscribe().window(4)).await.unwrap();
    pool.0.submit_all((0..10_u64).collect()).await.unwrap();
    stands_at(2, &pool).await;
    wide.handle(1).await;
    stands_at(2, &pool).await;
    narrow.handle(2).await;
    stands_at(4, &pool).await;
    narrow.handle(2).await;
    stands_at(5, &pool).await;
}

#[actix::test]
async fn batches_are_no_larger_than_the_window_and_what_is_gathered_takes_room() {
    let (pool, mut office) = (counting(), Office::new());
    let batches = Subscribe::batches(office.clerk.clone().recipient()).max_len(100);
    pool.0.subscribe(batches.max_age(3_600 * SECOND).window(4)).await.unwrap();
    pool.0.submit_all((0..10_u64).collect()).await.unwrap();
    for whole in [4, 8] {
        stands_at(whole, &pool).await;
        assert_eq!(office.ears.results(4).await.len(), 4);
        assert!(office.ears.hear().now_or_never().is_none());
        office.handle(1).await;
    }
    stands_at(10, &pool).await;
    assert_eq!(payloads(&office.ears.results(2).await), [8, 9]);
}

#[actix::test]
async fn results_of_a_worker_arrive_in_order_through_a_mailbox_that_is_narrower_than_the_window() {
    /// Handles one result at a time: all others wait in its mailbox.
    struct Scribe(Turnstile, mpsc::UnboundedSender<u64>);
    impl Actor for Scribe {
        type Context = Context<Self>;
    }
    impl Handler<NumberResult> for Scribe {
        type Result = AtomicResponse<Self, ()>;
        fn handle(&mut self, result: NumberResult, _: &mut Self::Context) -> Self::Result {
            let _ = self.1.unbounded_send(*result.job().payload());
            let gate = self.0.clone();
            AtomicResponse::new(Box::pin(wrap_future(async move { gate.pass().await })))
        }
    }
    for capacity in [1, 16] {
        let (pool, gate) = (counting(), Turnstile::new());
        let (written, order) = mpsc::unbounded();
        let mut ctx = Context::new();
        ctx.set_mailbox_capacity(capacity);
        let scribe = ctx.run(Scribe(gate.clone(), written));
        pool.0.subscribe(Subscribe::results(scribe.recipient()).window(100)).await.unwrap();
        pool.0.submit_all((0..1_000_u64).collect()).await.unwrap();
        stands_at(100, &pool).await;
        gate.open(1_000);
        assert!(order.take(1_000).collect::<Vec<_>>().await.into_iter().eq(0..1_000));
    }
}

#[actix::test]
async fn drained_comes_after_the_last_result_was_handed_over() {
    let pool = counting().0;
    let (addr, mut ears) = listener();
    pool.subscribe(Subscribe::results(addr.clone().recipient()).window(3)).await.unwrap();
    pool.subscribe(Subscribe::drained(addr.recipient())).await.unwrap();
    for _ in 0..100 {
        pool.submit_all((0..50_u64).collect()).await.unwrap();
        assert_eq!(payloads(&ears.results(50).await), Vec::from_iter(0..50));
        assert_eq!(ears.drained().await.succeeded, 50);
    }
}

#[actix::test]
async fn a_subscriber_that_may_miss_results_is_told_how_many_before_the_next_and_nobody_waits() {
    let gate = Turnstile::new();
    let (pool, mut office) = (behind(&gate).workers(1).build().unwrap(), Office::new());
    let lossy = office.subscribe().window(2).on_missed(office.clerk.clone().recipient());
    pool.subscribe(lossy).await.unwrap();
    let mut all = listen(&pool).await;
    pool.submit_all((0..10_u64).collect()).await.unwrap();
    gate.open(5);
    assert_eq!(payloads(&all.results(5).await), [0, 1, 2, 3, 4]);
    assert_eq!(payloads(&office.ears.results(2).await), [0, 1]);
    assert!(office.ears.hear().now_or_never().is_none());

    office.handle(1).await;
    gate.open(2);
    all.results(2).await;
    assert_eq!(office.ears.missed().await, 3);
    assert_eq!(payloads(&office.ears.results(1).await), [5]);

    office.handle(3).await;
    gate.open(3);
    all.results(3).await;
    assert_eq!(office.ears.missed().await, 1);
    assert_eq!(payloads(&office.ears.results(2).await), [7, 8]);
    all.drained().await;
    assert_eq!(office.ears.missed().await, 1, "a quiescent pool has told everything");
    let status = pool.status().await.unwrap();
    assert_eq!((status.missed, status.unheard, status.subscribers_gone), (5, 0, 0));
}

#[actix::test]
async fn results_and_missed_ones_are_all_results_however_fast_they_come() {
    let pool = counting().0;
    let (arbiter, (actor, ears)) = (Arbiter::new(), unstarted_listener());
    let addr = support::Listener::start_in_arbiter(&arbiter.handle(), |_| actor);
    let (go, held) = std::sync::mpsc::channel::<()>();
    arbiter.spawn_fn(move || held.recv().unwrap());
    let results = Subscribe::results(addr.clone().recipient());
    pool.subscribe(results.window(7).on_missed(addr.recipient())).await.unwrap();
    pool.submit_all((0..100_u64).collect()).await.unwrap();
    pool.drain().await.unwrap();
    go.send(()).unwrap();
    for n in 100..20_000_u64 {
        pool.submit(n).await.unwrap();
    }
    pool.drain().await.unwrap();
    let missed = pool.status().await.unwrap().missed;
    pool.shutdown(Shutdown::Now).await.unwrap();
    drop(pool);
    assert_eq!(tally(ears.rest().await), (20_000 - missed, missed));
    assert!(missed >= 93);
}

#[actix::test]
async fn notices_of_missed_results_are_bounded_too() {
    let (pool, mut office) = (counting().0, Office::new());
    let lossy = office.subscribe().window(1).on_missed(office.clerk.clone().recipient());
    pool.subscribe(lossy).await.unwrap();
    for n in 0..10_u64 {
        pool.submit(n).await.unwrap();
        pool.drain().await.unwrap();
    }
    assert_eq!(payloads(&office.ears.results(1).await), [0]);
    assert_eq!(office.ears.missed().await, 1);
    assert!(office.ears.hear().now_or_never().is_none());
    office.handle(2).await;
    assert_eq!(office.ears.missed().await, 8, "as soon as it can be told");
    pool.submit(10_u64).await.unwrap();
    assert_eq!(payloads(&office.ears.results(1).await), [10]);
}

#[actix::test]
async fn at_last_it_is_told_how_much_it_missed_in_any_case() {
    for unsubscribe in [true, false] {
        let (pool, mut office) = (counting().0, Office::new());
        let lossy = office.subscribe().window(1).on_missed(office.clerk.clone().recipient());
        let id = pool.subscribe(lossy).await.unwrap();
        for n in 0..5_u64 {
            pool.submit(n).await.unwrap();
            pool.drain().await.unwrap();
        }
        if unsubscribe {
            assert_eq!(pool.unsubscribe(id).await, Ok(true));
        }
        pool.shutdown(Shutdown::Now).await.unwrap();
        assert_eq!(payloads(&office.ears.results(1).await), [0]);
        assert_eq!([office.ears.missed().await, office.ears.missed().await], [1, 3]);
    }
}

#[actix::test]
async fn where_nobody_is_there_to_be_told_missed_results_are_only_counted() {
    let (pool, mut office, other) = (counting().0, Office::new(), Office::new());
    let lossy = office.subscribe().window(1).on_missed(other.clerk.clone().recipient());
    pool.subscribe(lossy).await.unwrap();
    other.clerk.send(Stop).await.unwrap();
    pool.submit_all((0..5_u64).collect()).await.unwrap();
    pool.drain().await.unwrap();
    office.handle(1).await;
    pool.submit(5_u64).await.unwrap();
    assert_eq!(payloads(&office.ears.results(2).await), [0, 5]);
    let status = pool.status().await.unwrap();
    assert_eq!((status.missed, status.subscribers, status.subscribers_gone), (4, 1, 0));
}

#[actix::test]
async fn a_subscriber_that_stops_with_a_full_window_frees_the_pool() {
    let (pool, office) = (counting(), Office::new());
    pool.0.subscribe(office.subscribe().window(2)).await.unwrap();
    let (addr, mut ears) = listener();
    pool.0.subscribe(Subscribe::results(addr.recipient())).await.unwrap();
    pool.0.submit_all((0..10_u64).collect()).await.unwrap();
    stands_at(2, &pool).await;
    office.clerk.do_send(Stop);
    assert_eq!(payloads(&ears.results(10).await), Vec::from_iter(0..10));
    pool.0.drain().await.unwrap();
    assert_eq!(pool.0.status().await.unwrap().subscribers_gone, 1);
}

#[actix::test]
async fn a_subscriber_that_stops_frees_the_pool_although_its_responses_never_end() {
    /// Its responses outlive it.
    struct Sleeper;
    impl Actor for Sleeper {
        type Context = Context<Self>;
    }
    impl Handler<NumberResult> for Sleeper {
        type Result = ResponseFuture<()>;
        fn handle(&mut self, _: NumberResult, ctx: &mut Self::Context) -> Self::Result {
            ctx.stop();
            Box::pin(std::future::pending())
        }
    }
    let clock = StepClock::new();
    let pool: Numbers =
        Pool::builder(async |n: &u64, _cx| Ok(*n)).workers(1).clock(clock.clone()).build().unwrap();
    let sleeper = Subscribe::results(Sleeper.start().recipient());
    pool.subscribe(sleeper.window(1)).await.unwrap();
    pool.submit_all((0..10_u64).collect()).await.unwrap();
    let mut drained = std::pin::pin!(pool.drain());
    while (&mut drained).now_or_never().is_none() {
        clock.advance(SECOND);
        yield_now().await;
    }
    assert_eq!(pool.status().await.unwrap().subscribers_gone, 1);
}

#[actix::test]
async fn a_subscriber_that_panics_in_its_handler_is_removed_and_the_others_get_everything() {
    struct Fuse;
    impl Actor for Fuse {
        type Context = Context<Self>;
    }
    impl Handler<NumberResult> for Fuse {
        type Result = ();
        fn handle(&mut self, result: NumberResult, _: &mut Self::Context) {
            assert!(*result.job().payload() < 3, "a handler panics");
        }
    }
    let (pool, _) = counting();
    let fuse = Fuse.start();
    let mut ears = listen(&pool).await;
    pool.subscribe(Subscribe::results(fuse.recipient()).window(1)).await.unwrap();
    pool.submit_all((0..10_u64).collect()).await.unwrap();
    assert_eq!(payloads(&ears.results(10).await), Vec::from_iter(0..10));
    ears.drained().await;
    assert_eq!(pool.status().await.unwrap().subscribers_gone, 1);
}

#[actix::test]
async fn a_subscription_that_ends_with_a_full_window_frees_the_pool() {
    let (pool, office) = (counting(), Office::new());
    let id = pool.0.subscribe(office.subscribe().window(1)).await.unwrap();
    pool.0.submit_all((0..10_u64).collect()).await.unwrap();
    stands_at(1, &pool).await;
    assert_eq!(pool.0.unsubscribe(id).await, Ok(true));
    pool.0.drain().await.unwrap();
}

#[actix::test]
async fn a_shutdown_ends_by_its_deadline_although_a_window_stays_full() {
    let (clock, mut office) = (StepClock::new(), Office::new());
    let pool: Numbers =
        Pool::builder(async |n: &u64, _cx| Ok(*n)).workers(1).clock(clock.clone()).build().unwrap();
    pool.subscribe(office.subscribe().window(1)).await.unwrap();
    pool.submit_all((0..10_u64).collect()).await.unwrap();
    let mut ended = Box::pin(pool.shutdown(Shutdown::Drain(5 * SECOND)));
    assert_eq!(payloads(&office.ears.results(1).await), [0]);
    assert!((&mut ended).now_or_never().is_none());
    assert!(!pool.status().await.unwrap().open);
    clock.advance(5 * SECOND);
    let counts = ended.await.unwrap().counts;
    assert_eq!((counts.succeeded, counts.cancelled), (1, 9));
    assert_eq!(office.ears.results(9).await.len(), 9);
}

#[actix::test]
async fn what_was_handed_over_is_handled_after_the_pool_and_its_own_arbiter_have_ended() {
    let pool: Numbers =
        Pool::builder(async |n: &u64, _cx| Ok(*n)).workers(1).own_arbiter().build().unwrap();
    let (arbiter, (actor, mut ears)) = (Arbiter::new(), unstarted_listener());
    let addr = support::Listener::start_in_arbiter(&arbiter.handle(), |_| actor);
    let (go, held) = std::sync::mpsc::channel::<()>();
    arbiter.spawn_fn(move || held.recv().unwrap());
    pool.subscribe(Subscribe::results(addr.recipient()).window(100)).await.unwrap();
    pool.submit_all((0..50_u64).collect()).await.unwrap();
    pool.shutdown(Shutdown::Drain(Duration::MAX)).await.unwrap();
    go.send(()).unwrap();
    assert_eq!(payloads(&ears.results(50).await), Vec::from_iter(0..50));
}

#[actix::test]
async fn a_weak_subscription_does_not_keep_its_actor_alive() {
    let pool = counting().0;
    for window in [None, Some(3)] {
        let (addr, mut ears) = listener();
        let weak = Subscribe::results(addr.clone().recipient()).weak();
        let weak = match window {
            Some(window) => weak.window(window).on_missed(addr.clone().recipient()),
            None => weak,
        };
        pool.subscribe(weak).await.unwrap();
        pool.subscribe(Subscribe::drained(addr.clone().recipient()).weak()).await.unwrap();
        pool.submit(1_u64).await.unwrap();
        assert_eq!(payloads(&ears.results(1).await), [1]);
        ears.drained().await;
        drop(addr);
        assert_eq!(ears.rest().await.len(), 0);
        pool.submit(2_u64).await.unwrap();
        pool.drain().await.unwrap();
    }
    let status = pool.status().await.unwrap();
    assert_eq!((status.subscribers, status.subscribers_gone, status.unheard), (0, 4, 2));
}

#[actix::test]
async fn subscriptions_that_can_never_work_are_refused() {
    let (pool, office, gone) = (counting().0, Office::new(), Office::new());
    gone.clerk.send(Stop).await.unwrap();
    let (there, told) = (|| office.subscribe(), || office.clerk.clone().recipient::<Missed>());
    let not_told = || gone.clerk.clone().recipient::<Missed>();
    let drained = |clerk: &Addr<Clerk>| Subscribe::drained(clerk.clone().recipient());
    for (refused, error) in [
        (there().window(0), SubscribeError::EmptyWindow),
        (there().window(0).on_missed(told()), SubscribeError::EmptyWindow),
        (there().on_missed(told()), SubscribeError::NoWindow),
        (gone.subscribe(), SubscribeError::Gone),
        (gone.subscribe().window(1), SubscribeError::Gone),
        (gone.subscribe().weak(), SubscribeError::Gone),
        (there().window(1).on_missed(not_told()), SubscribeError::Gone),
        (there().window(1).on_missed(not_told()).weak(), SubscribeError::Gone),
        (drained(&gone.clerk), SubscribeError::Gone),
    ] {
        assert_eq!(pool.subscribe(refused).await, Err(error));
    }
    pool.subscribe(drained(&office.clerk).window(1)).await.unwrap();
    assert_eq!(pool.status().await.unwrap().subscribers, 1);
}

#[actix::test]
async fn a_handler_that_waits_for_room_in_the_pool_that_waits_for_it_is_reported_as_a_stall() {
    struct Again(Numbers);
    impl Actor for Again {
        type Context = Context<Self>;
    }
    impl Handler<NumberResult> for Again {
        type Result = ResponseFuture<()>;
        fn handle(&mut self, _: NumberResult, _: &mut Self::Context) -> Self::Result {
            let pool = self.0.clone();
            Box::pin(async move { drop(pool.submit(100_u64).await) })
        }
    }
    warnings::listen();
    let (clock, gate) = (StepClock::new(), Turnstile::new());
    let pool = behind(&gate).named("thumbnails").workers(1).queue(Queue::bounded(1));
    let pool = pool.clock(clock.clone()).build().unwrap();
    let again = Subscribe::results(Again(pool.clone()).start().recipient());
    let id = pool.subscribe(again.named("indexer").window(1)).await.unwrap();
    pool.submit(1_u64).await.unwrap();
    gate.reached(1).await;
    pool.submit(2_u64).await.unwrap();
    gate.open(9);
    while pool.status().await.unwrap().in_line == 0 {}
    clock.advance(SECOND - Duration::from_millis(1));
    assert_eq!(pool.status().await.unwrap().stall, None);
    assert_eq!(warnings::take(), [""; 0]);

    clock.advance(Duration::from_millis(1));
    let mut warned = warnings::take();
    while warned.is_empty() {
        yield_now().await;
        warned = warnings::take();
    }
    for part in
        ["a stall", "pool=\"thumbnails\"", "subscriber=\"indexer\"", "queued=1", "in_line=1"]
    {
        assert!(warned[0].contains(part), "{warned:?}");
    }
    clock.advance(9 * SECOND);
    let stall = pool.status().await.unwrap().stall.unwrap();
    assert_eq!((&*stall.pool, &*stall.subscriber), ("thumbnails", "indexer"));
    assert_eq!((warned.len(), warnings::take().len()), (1, 0), "it is said once");

    assert_eq!(pool.unsubscribe(id).await, Ok(true));
    pool.drain().await.unwrap();
    assert_eq!(pool.status().await.unwrap().stall, None);
    assert_eq!(pool.shutdown(Shutdown::Now).await.unwrap().counts.succeeded, 3);
}

#[actix::test]
async fn a_stream_of_results_that_nobody_reads_stalls_the_pool_until_it_is_read() {
    let clock = StepClock::new();
    let pool: Numbers =
        Pool::builder(async |n: &u64, _cx| Ok(*n)).workers(1).clock(clock.clone()).build().unwrap();
    let mut results = pool.results_with_buffer(1);
    pool.submit_all((0..3_u64).collect()).await.unwrap();
    while clock.sleepers() == 0 {
        pool.status().await.unwrap();
    }
    clock.advance(SECOND);
    let stall = pool.status().await.unwrap().stall.unwrap();
    assert_eq!((&*stall.pool, &*stall.subscriber), ("unnamed pool", "a stream of results"));
    results.next().await.unwrap();
    assert_eq!(pool.status().await.unwrap().stall, None);
    drop(results);
    pool.drain().await.unwrap();
}
