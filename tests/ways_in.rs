//! How jobs get into a pool, and from where.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{cell::Cell, rc::Rc, thread};

use actix::{Actor, Context, Handler, ResponseFuture};
use actix_workpool::{
    Cancel, Drain, GetStatus, Job, Jobs, OnFull, Pause, Pool, Queue, Refusal, Resize, Resume,
};
use futures::{FutureExt, executor::block_on, future::join_all};
use support::{Numbers, Turnstile, behind, listen, listen_for_results, payloads, yield_now};

fn doubling() -> Numbers {
    Pool::builder(async |n: &u64, _cx| Ok(2 * n)).workers(2).build().unwrap()
}

fn held(gate: &Turnstile, queue: Queue) -> Numbers {
    behind(gate).workers(1).queue(queue).build().unwrap()
}

/// Counts the turns that another task on this thread has.
fn count_turns() -> Rc<Cell<usize>> {
    let turns = Rc::new(Cell::new(0));
    let counted = turns.clone();
    actix_rt::spawn(async move {
        loop {
            counted.set(counted.get() + 1);
            yield_now().await;
        }
    });
    turns
}

#[actix::test]
async fn a_message_that_is_sent_is_answered_by_the_id_of_its_job() {
    let pool = doubling();
    let mut ears = listen(&pool).await;
    let job = Job::new(1);
    let id = job.id();
    assert_eq!(pool.dispatcher().send(job).await.unwrap().unwrap(), id);
    assert_eq!(ears.result().await.id(), id);
}

#[actix::test]
async fn a_flood_of_do_send_brings_every_result() {
    let pool = doubling();
    let mut ears = listen_for_results(&pool).await;
    (0..5_000).for_each(|n| pool.dispatcher().do_send(Job::new(n)));
    let mut heard = payloads(&ears.results(5_000).await);
    heard.sort_unstable();
    assert_eq!(heard, Vec::from_iter(0..5_000));
}

#[actix::test]
async fn a_flood_of_messages_lets_others_on_the_thread_have_their_turn() {
    let pool = doubling();
    let mut ears = listen_for_results(&pool).await;
    let sender = pool.clone();
    let flood = thread::spawn(move || {
        (0..100_000).for_each(|n| sender.dispatcher().do_send(Job::new(n)));
    });
    // Results reach this thread, on which the dispatcher runs, before all jobs were taken in.
    ears.results(10).await;
    flood.join().unwrap();
    ears.results(99_990).await;
}

#[actix::test]
async fn who_submits_one_after_another_lets_others_on_the_thread_have_their_turn() {
    let pool = doubling();
    let mut ears = listen_for_results(&pool).await;
    let turns = count_turns();
    for n in 0..2_000_u64 {
        pool.submit(n).await.unwrap();
    }
    let one_by_one = turns.get();
    for _ in 0..4 {
        pool.submit_all((0..1_000_u64).collect()).await.unwrap();
    }
    let in_batches = turns.get();
    // One task that holds many submissions has no more in a row than one that makes them one after another.
    let (last, most) = (Cell::new((turns.get(), 0)), Cell::new(0));
    let count = || {
        let (turn, in_a_row) = last.get();
        last.set(if turn == turns.get() { (turn, in_a_row + 1) } else { (turns.get(), 1) });
        most.set(most.get().max(last.get().1));
    };
    join_all((0..2_000_u64).map(|n| pool.submit(n).inspect(|_| count()))).await;
    assert!(most.get() <= 600, "{} in a row", most.get());
    let all = [one_by_one, in_batches, turns.get()];
    // There is room for all of them, so nothing else would make it wait.
    assert!(all[0] > 1 && all.is_sorted_by(|before, after| before < after), "{all:?}");
    ears.results(8_000).await;
}

#[actix::test]
async fn a_flood_of_control_messages_lets_others_on_the_thread_have_their_turn() {
    const FLOOD: usize = 10_000;
    let pool = doubling();
    let turns = count_turns();
    let to = pool.dispatcher();
    let kinds: [(&str, &dyn Fn()); 6] = [
        ("GetStatus", &|| to.do_send(GetStatus)),
        ("Drain", &|| to.do_send(Drain)),
        ("Pause", &|| to.do_send(Pause)),
        ("Resume", &|| to.do_send(Resume)),
        ("Resize", &|| to.do_send(Resize(2))),
        ("Cancel", &|| to.do_send(Cancel(Job::new(0_u64).id()))),
    ];
    for (kind, send) in kinds {
        (0..FLOOD).for_each(|_| send());
        let before = turns.get();
        pool.resume().await.unwrap();
        // Actix's `mailbox_assert` panics at 256 messages in a row.
        assert!(turns.get() - before >= FLOOD / 256, "{kind}: {turns:?} in all");
    }
}

#[actix::test]
async fn a_batch_is_accepted_as_one_and_runs_dry_once() {
    let pool = doubling();
    let mut ears = listen(&pool).await;
    let jobs: Jobs<u64> = (0..500).collect();
    let ids: Vec<_> = jobs.ids().collect();
    assert_eq!(pool.dispatcher().send(jobs).await.unwrap().unwrap(), ids);
    ears.results(500).await;
    assert_eq!(ears.drained().await.succeeded, 500);
    pool.dispatcher().do_send(Jobs::from_iter(0..500));
    ears.results(500).await;
    assert_eq!(ears.drained().await.succeeded, 500);
}

#[actix::test]
async fn a_batch_is_accepted_whole_or_not_at_all() {
    let gate = Turnstile::new();
    let pool = held(&gate, Queue::bounded(3).on_full(OnFull::Reject));
    let mut ears = listen(&pool).await;
    pool.submit(0_u64).await.unwrap();
    gate.reached(1).await;
    pool.submit_all(Jobs::from_iter([1, 2])).await.unwrap();
    let refused = pool.submit_all(Jobs::from_iter([3, 4])).await.unwrap_err();
    assert_eq!(refused.reason, Refusal::Full { capacity: 3 });
    assert_eq!(refused.job.into_iter().map(Job::into_payload).collect::<Vec<_>>(), [3, 4]);
    pool.dispatcher().do_send(Jobs::from_iter([5, 6]));
    assert_eq!(payloads(&ears.results(2).await), [5, 6], "each comes back as rejected");
    gate.open(3);
    assert_eq!(payloads(&ears.results(3).await), [0, 1, 2]);
}

#[actix::test]
async fn an_empty_batch_changes_nothing() {
    let pool = doubling();
    let mut ears = listen(&pool).await;
    assert_eq!(pool.submit_all(Jobs::from_iter([0_u64; 0])).await.unwrap(), []);
    assert_eq!(pool.dispatcher().send(Jobs::from_iter([0_u64; 0])).await.unwrap().unwrap(), []);
    pool.submit(1_u64).await.unwrap();
    ears.result().await;
    assert_eq!(ears.drained().await.total(), 1);
}

#[actix::test]
async fn jobs_come_from_threads_outside_any_system() {
    let pool = doubling();
    let mut ears = listen_for_results(&pool).await;
    let outside = pool.clone();
    let thread = thread::spawn(move || {
        outside.try_submit(1_u64).unwrap();
        outside.try_submit_all(Jobs::from_iter([2, 3])).unwrap();
        outside.dispatcher().do_send(Job::new(4));
        block_on(async {
            outside.submit(5_u64).await.unwrap();
            outside.submit_all(Jobs::from_iter([6])).await.unwrap();
            outside.dispatcher().send(Job::new(7)).await.unwrap().unwrap();
            assert_eq!(outside.run(100_u64).await.unwrap(), 200);
            outside.drain().await.unwrap();
            outside.status().await.unwrap().counts
        })
    });
    let mut heard = payloads(&ears.results(7).await);
    heard.sort_unstable();
    assert_eq!(heard, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(thread_result(thread).await.succeeded, 8);
}

/// Joins a thread without holding up this one.
async fn thread_result<R: Send + 'static>(thread: thread::JoinHandle<R>) -> R {
    let (done, result) = futures::channel::oneshot::channel();
    thread::spawn(move || done.send(thread.join().unwrap()).is_ok());
    result.await.unwrap()
}

/// An actor that has numbers doubled by a pool.
struct Asker(Numbers);

#[derive(actix::Message)]
#[rtype(result = "u64")]
struct Double(u64);

impl Actor for Asker {
    type Context = Context<Self>;
}

impl Handler<Double> for Asker {
    type Result = ResponseFuture<u64>;
    fn handle(&mut self, Double(n): Double, _: &mut Self::Context) -> Self::Result {
        let pool = self.0.clone();
        Box::pin(async move { pool.run(n).await.unwrap() })
    }
}

#[actix::test]
async fn jobs_come_from_actors() {
    let asker = Asker(doubling()).start();
    assert_eq!(asker.send(Double(21)).await.unwrap(), 42);
}

#[actix::test]
async fn a_job_submits_to_its_own_pool_and_never_waits() {
    let pool: Numbers = Pool::builder(async |n: &u64, cx| {
        let refused = (0..*n).filter(|_| cx.submit(0_u64).is_err()).count();
        Ok(refused as u64)
    })
    .workers(1)
    .queue(Queue::bounded(2))
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(5_u64).await.unwrap();
    let results = ears.results(3).await;
    assert_eq!(results[0].outcome(), Ok(&3), "two found room, three were refused");
    assert_eq!(payloads(&results), [5, 0, 0]);
    ears.drained().await;
}

#[actix::test]
async fn a_job_may_submit_to_a_pool_that_nobody_holds_any_more() {
    let gate = Turnstile::new();
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, cx| {
        held.pass().await;
        if *n > 0 {
            cx.submit(n - 1).unwrap();
        }
        Ok(*n)
    })
    .workers(1)
    .build()
    .unwrap();
    let mut ears = listen(&pool).await;
    pool.submit(9_u64).await.unwrap();
    drop(pool);
    gate.open(10);
    assert_eq!(payloads(&ears.results(10).await), Vec::from_iter((0..10).rev()));
    ears.drained().await;
    assert_eq!(ears.rest().await.len(), 0);
}

#[actix::test]
async fn payloads_need_be_neither_cloned_nor_shown() {
    struct Opaque(u64);
    struct Failure;
    let pool = Pool::builder(async |n: &Opaque, _cx| {
        let local = Rc::new(n.0);
        support::yield_now().await;
        if *local == 0 { Err(Failure) } else { Ok(Opaque(*local)) }
    })
    .build()
    .unwrap();
    assert_eq!(pool.run(Opaque(7)).await.ok().unwrap().0, 7);
    assert!(pool.run(Opaque(0)).await.is_err());
}
