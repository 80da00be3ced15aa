//! Subscribers that run on another thread than the pool: a task there sends them their results.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::mpsc;

use actix::{Actor, Arbiter, Context, Handler, Message};
use actix_workpool::{Pool, Subscribe, Unsubscribe};
use futures::StreamExt;
use support::{NumberResult, Numbers, listen, listener, payloads};

fn far(workers: usize) -> Numbers {
    Pool::builder(async |n: &u64, _cx| Ok(*n)).workers(workers).own_arbiter().build().unwrap()
}

/// Tells of results, and of a message that anybody may send.
struct Reader(futures::channel::mpsc::UnboundedSender<Read>);

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
    let pool = far(2);
    let (addr, mut ears) = listener();
    pool.subscribe(Subscribe::results(addr.recipient()).window(7)).await.unwrap();
    let mut left: Vec<u64> = (0..5_000).collect();
    pool.submit_all(left.clone().into()).await.unwrap();
    for number in payloads(&ears.results(left.len()).await) {
        let at = left.binary_search(&number).expect("once");
        left.remove(at);
    }
}

#[actix::test]
async fn its_results_are_in_its_mailbox_once_a_drain_resolves_or_it_is_unsubscribed() {
    for unsubscribes in [false, true] {
        let (pool, arbiter) = (far(2), Arbiter::new());
        let (sender, mut reads) = futures::channel::mpsc::unbounded();
        let reader = Reader::start_in_arbiter(&arbiter.handle(), |_| Reader(sender));
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
    let (pool, arbiter) = (far(2), Arbiter::new());
    let mut ears = listen(&pool).await;
    let (sender, mut reads) = futures::channel::mpsc::unbounded();
    let reader = Reader::start_in_arbiter(&arbiter.handle(), |_| Reader(sender));
    pool.subscribe(Subscribe::results(reader.recipient())).await.unwrap();
    pool.submit(0).await.unwrap();
    assert_eq!(reads.next().await, Some(Read::Result(0)));
    assert_eq!(ears.results(1).await.len(), 1);
    ears.drained().await;
    let blocked = block(&arbiter);
    pool.submit_all((1..=1_000_u64).collect()).await.unwrap();
    arbiter.stop();
    drop(blocked);
    arbiter.join().unwrap();
    assert_eq!(ears.results(1_000).await.len(), 1_000);
    ears.drained().await;
    pool.submit(7).await.unwrap();
    assert_eq!(payloads(&ears.results(1).await), [7]);
    ears.drained().await;
    let status = pool.status().await.unwrap();
    assert_eq!((status.subscribers, status.subscribers_gone), (2, 1));
}
