//! Subscribers that run on another thread than the pool: a task there sends them their results.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::mpsc;

use actix::{Actor, Addr, Arbiter, Context, Handler, Message};
use actix_workpool::{Missed, Pool, Subscribe, Unsubscribe};
use futures::{
    StreamExt,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
};
use support::{NumberResult, Numbers, listen, listen_for_results, payloads};

fn far(workers: usize) -> Numbers {
    Pool::builder(async |n: &u64, _cx| Ok(*n)).workers(workers).own_arbiter().build().unwrap()
}

/// Tells of results, and of a message that anybody may send.
struct Reader(UnboundedSender<Read>);

#[derive(Debug, PartialEq)]
enum Read {
    Result(u64),
    Mark,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Mark;

impl Actor for Reader {
    type Context = Context<Self>;
}

impl Handler<NumberResult> for Reader {
    type Result = ();
    fn handle(&mut self, result: NumberResult, _: &mut Self::Context) {
        let _ = self.0.unbounded_send(Read::Result(*result.job().payload()));
    }
}

impl Handler<Mark> for Reader {
    type Result = ();
    fn handle(&mut self, _: Mark, _: &mut Self::Context) {
        let _ = self.0.unbounded_send(Read::Mark);
    }
}

impl Handler<Missed> for Reader {
    type Result = ();
    fn handle(&mut self, _: Missed, _: &mut Self::Context) {}
}

fn reader_on(arbiter: &Arbiter) -> (Addr<Reader>, UnboundedReceiver<Read>) {
    let (sender, reads) = unbounded();
    (Reader::start_in_arbiter(&arbiter.handle(), |_| Reader(sender)), reads)
}

/// Holds up an arbiter until the sender is dropped.
fn block(arbiter: &Arbiter) -> mpsc::Sender<()> {
    let ((sender, receiver), (is_held, held)) = (mpsc::channel::<()>(), mpsc::channel());
    arbiter.spawn_fn(move || {
        let _ = is_held.send(());
        let _ = receiver.recv();
    });
    held.recv().unwrap();
    sender
}

#[actix::test]
async fn it_gets_every_result_once_in_order_and_then_hears_that_the_pool_is_dry() {
    let pool = far(1);
    let mut ears = listen(&pool).await;
    for round in 0..20 {
        let all: Vec<u64> = (0..1_u64 << (round % 12)).collect();
        pool.submit_all(all.clone().into()).await.unwrap();
        assert_eq!(payloads(&ears.results(all.len()).await), all);
        ears.drained().await;
    }
}

#[actix::test]
async fn its_window_holds_the_pool_back() {
    let (pool, arbiter) = (far(2), Arbiter::new());
    let mut ears = listen_for_results(&pool).await;
    let (reader, mut reads) = reader_on(&arbiter);
    pool.subscribe(Subscribe::results(reader.recipient()).window(7)).await.unwrap();
    pool.submit(0).await.unwrap();
    assert_eq!((ears.results(1).await.len(), reads.next().await), (1, Some(Read::Result(0))));
    let blocked = block(&arbiter);
    pool.submit_all((1..=100_u64).collect()).await.unwrap();
    assert_eq!(ears.results(7).await.len(), 7);
    let status = pool.status().await.unwrap();
    assert_eq!((status.counts.succeeded, status.queued), (8, 93));
    drop(blocked);
    pool.drain().await.unwrap();
    let mut results = reads.take(100).collect::<Vec<_>>().await;
    results.sort_unstable_by_key(|read| if let Read::Result(n) = read { *n } else { 0 });
    assert_eq!(results, (1..=100).map(Read::Result).collect::<Vec<_>>());
}

#[actix::test]
async fn its_results_are_in_its_mailbox_once_a_drain_resolves_or_it_is_unsubscribed() {
    for unsubscribes in [false, true] {
        let (pool, arbiter) = (far(2), Arbiter::new());
        let (reader, mut reads) = reader_on(&arbiter);
        let id = pool.subscribe(Subscribe::results(reader.clone().recipient())).await.unwrap();
        pool.submit(0).await.unwrap();
        assert_eq!(reads.next().await, Some(Read::Result(0)));
        let blocked = block(&arbiter);
        for _ in 0..3 {
            pool.submit_all((1..=1_000_u64).collect()).await.unwrap();
            pool.drain().await.unwrap();
        }
        if unsubscribes {
            pool.submit_all((1..=1_000_u64).collect()).await.unwrap();
            assert!(pool.dispatcher().send(Unsubscribe(id)).await.unwrap().unwrap());
        }
        reader.do_send(Mark);
        drop(blocked);
        let results = reads.by_ref().take_while(|read| std::future::ready(*read != Read::Mark));
        let count = results.count().await;
        if unsubscribes {
            assert!((3_000..=4_000).contains(&count), "{count} before the mark");
        } else {
            assert_eq!(count, 3_000);
        }
        pool.drain().await.unwrap();
        drop((pool, reader));
        arbiter.stop();
        assert_eq!(reads.collect::<Vec<_>>().await, [], "nothing comes after that");
        arbiter.join().unwrap();
    }
}

#[actix::test]
async fn it_is_removed_when_its_arbiter_ends_and_the_others_get_everything() {
    for room in [None, Some(false), Some(true)] {
        let (pool, arbiter) = (far(2), Arbiter::new());
        let mut ears = listen(&pool).await;
        let (reader, mut reads) = reader_on(&arbiter);
        let results = Subscribe::results(reader.clone().recipient());
        let subscribe = match room {
            None => results,
            Some(false) => results.window(100),
            Some(true) => results.window(100).on_missed(reader.recipient()),
        };
        pool.subscribe(subscribe).await.unwrap();
        pool.submit(0).await.unwrap();
        assert_eq!(reads.next().await, Some(Read::Result(0)));
        assert_eq!(ears.results(1).await.len(), 1);
        ears.drained().await;
        let blocked = block(&arbiter);
        pool.submit_all((1..=1_000_u64).collect()).await.unwrap();
        assert_eq!(ears.results(100).await.len(), 100);
        arbiter.stop();
        drop(blocked);
        arbiter.join().unwrap();
        assert_eq!(ears.results(900).await.len(), 900);
        ears.drained().await;
        pool.submit(7).await.unwrap();
        assert_eq!(payloads(&ears.results(1).await), [7]);
        ears.drained().await;
        let status = pool.status().await.unwrap();
        assert_eq!((status.subscribers, status.subscribers_gone), (2, 1), "{room:?}");
    }
}
