//! What `build()` refuses, and where a pool can be built.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{sync::mpsc, thread};

use actix::{Arbiter, System};
use actix_workpool::{BuildError, Builder, Pool, Queue};
use support::Numbers;

fn echo() -> Builder<u64, u64, String> {
    Pool::builder(async |n: &u64, _cx| Ok(*n))
}

#[actix::test]
async fn what_can_never_work_is_refused_with_what_to_change() {
    let refusals = [
        (
            echo().workers(0).build(),
            "workers is 0: no job would ever run; set workers to 1 or more",
        ),
        (
            echo().workers(usize::MAX).build(),
            "workers is 18446744073709551615: there can be 1,048,576 at most; set workers lower",
        ),
        (
            echo().threads(0).build(),
            "threads is 0: no worker would have one; set threads to 1 or more",
        ),
        (
            echo().queue(Queue::bounded(0)).build(),
            "queue capacity is 0: no job would ever be accepted; use Queue::bounded(1) or more, or \
             Queue::unbounded()",
        ),
    ];
    for (built, text) in refusals {
        assert_eq!(built.unwrap_err().to_string(), text);
    }
}

#[test]
fn without_a_running_system_nothing_is_built() {
    assert!(matches!(echo().build(), Err(BuildError::NoSystem)));
    let system = System::new();
    system.block_on(async { System::current().stop() });
    system.run().unwrap();
    let error = echo().build().unwrap_err();
    assert!(matches!(error, BuildError::NoSystem));
    assert!(error.to_string().contains("#[actix::main]"));
}

#[actix::test]
async fn a_stopped_arbiter_is_refused() {
    let arbiter = Arbiter::new();
    let handle = arbiter.handle();
    arbiter.stop();
    arbiter.join().unwrap();
    let error = echo().arbiter(handle).build().unwrap_err();
    assert!(error.to_string().starts_with("arbiter is stopped"), "{error}");
}

#[actix::test]
async fn dispatcher_and_collector_run_where_they_are_told_to() {
    let arbiter = Arbiter::new();
    for pool in [
        echo().build().unwrap(),
        echo().own_arbiter().build().unwrap(),
        echo().arbiter(arbiter.handle()).build().unwrap(),
    ] {
        assert_eq!(pool.run(7_u64).await.unwrap(), 7);
        pool.shutdown(actix_workpool::Shutdown::Now).await.unwrap();
    }
    arbiter.stop();
}

#[test]
fn a_pool_can_be_built_before_its_system_runs() {
    let system = System::new();
    let pool = echo().build().unwrap();
    assert_eq!(system.block_on(pool.run(7_u64)).unwrap(), 7);
}

#[actix::test]
async fn a_pool_can_be_built_by_a_thread_that_knows_the_system() {
    let system = System::current();
    let (built, mut pools) = futures::channel::mpsc::unbounded();
    thread::spawn(move || {
        System::set_current(system);
        built.unbounded_send(echo().build().unwrap()).unwrap();
    });
    let pool: Numbers = futures::StreamExt::next(&mut pools).await.unwrap();
    assert_eq!(pool.run(7_u64).await.unwrap(), 7);
}

#[actix::test]
async fn more_threads_than_workers_are_not_started() {
    let (name, names) = mpsc::channel();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        name.send(thread::current().id()).unwrap();
        Ok(*n)
    })
    .workers(1)
    .threads(64)
    .build()
    .unwrap();
    pool.submit_all((0..10_u64).collect()).await.unwrap();
    pool.drain().await.unwrap();
    let first = names.recv().unwrap();
    assert!(names.iter().take(9).all(|name| name == first));
}
