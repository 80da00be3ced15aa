//! A hundred pools and more, ended in every way: threads, file descriptors, values and memory are then
//! where they began. This is one test in a process of its own, since it counts all that the process has.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "support/held.rs"]
mod held;
mod support;

use std::{
    fs,
    future::pending,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use actix_rt::{Arbiter, System};
use actix_workpool::{BlockingProcessor, Builder, JobContext, Pool, Queue, Shutdown, Stopped};
use futures::{FutureExt, StreamExt, executor::block_on, stream};
use held::Latch;
use support::yield_now;

/// A payload, a value, an error, or what a process function has captured: it counts those that live.
struct Counted(u64);

static ALIVE: AtomicUsize = AtomicUsize::new(0);

impl Counted {
    fn new(n: u64) -> Self {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Self(n)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

type Tested = Pool<Counted, Counted, Counted>;

/// Even jobs succeed, odd ones fail; a thousand and more never end, or block until the latch opens.
fn builder(blocking: bool, latch: &Latch) -> Builder<Counted, Counted, Counted> {
    let (captured, latch) = (Counted::new(0), latch.clone());
    let done = move |job: &Counted| {
        let value = Counted::new(job.0 + captured.0);
        if job.0.is_multiple_of(2) { Ok(value) } else { Err(value) }
    };
    match blocking {
        true => Pool::blocking(move |job: &Counted, _cx| {
            if job.0 >= 1_000 {
                latch.hold();
            }
            done(job)
        }),
        false => Pool::builder(async move |job: &Counted, _cx| {
            if job.0 >= 1_000 {
                latch.greet();
                pending::<()>().await;
            }
            done(job)
        }),
    }
}

/// What this process has.
#[derive(Debug, PartialEq, Eq)]
struct Has {
    threads: usize,
    descriptors: usize,
    values: usize,
}

fn has() -> Has {
    let entries = |folder| fs::read_dir(folder).unwrap().count();
    Has {
        threads: entries("/proc/self/task"),
        descriptors: entries("/proc/self/fd"),
        values: ALIVE.load(Ordering::SeqCst),
    }
}

/// Kilobytes that are in memory.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// How a pool ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Shutdown(Shutdown),
    /// As the one before, while a job neither ends nor lets itself be ended.
    Stuck(Shutdown),
    /// The last handle is dropped, in this state; in the last of them no worker was ever built.
    Forsaken,
    Paused,
    Barren,
    /// Its dispatcher's arbiter is stopped from outside.
    Killed,
    /// Its system is stopped, or goes without that.
    SystemStopped,
    SystemDropped,
}

const SECOND: Duration = Duration::from_secs(1);

const ENDS: [End; 12] = [
    End::Shutdown(Shutdown::Drain(SECOND)),
    End::Shutdown(Shutdown::FinishRunning(SECOND)),
    End::Shutdown(Shutdown::Now),
    End::Shutdown(Shutdown::Drain(Duration::ZERO)),
    End::Stuck(Shutdown::Drain(Duration::from_millis(1))),
    End::Stuck(Shutdown::Now),
    End::Forsaken,
    End::Paused,
    End::Barren,
    End::Killed,
    End::SystemStopped,
    End::SystemDropped,
];

/// Builds a pool in a system of its own, uses it in every way, and ends it. What waits inside of the
/// system for ever is waited for outside.
fn one(end: End, blocking: bool, own_arbiter: bool) {
    let (system, latch) = (System::new(), Latch::new());
    let pool = system.block_on(live(end, blocking, own_arbiter, latch.clone()));
    match end {
        End::SystemStopped => {
            system.block_on(async { System::current().stop() });
            system.run().unwrap();
        }
        _ => drop(system),
    }
    let Some(pool) = pool else { return };
    // A system that goes without being stopped leaves arbiters alone, and with them a pool on its own.
    if matches!(end, End::SystemDropped) && own_arbiter {
        block_on(pool.shutdown(Shutdown::Now)).unwrap();
    }
    // One whose arbiter was stopped ends when that has its turn.
    while !pool.is_closed() {
        assert!(own_arbiter, "{end:?}");
        thread::yield_now();
    }
    assert!(pool.try_submit(Counted::new(1)).is_err());
    assert_eq!(block_on(pool.drain()), Err(Stopped), "{end:?}, {own_arbiter}");
    latch.open();
}

async fn live(end: End, blocking: bool, own_arbiter: bool, latch: Latch) -> Option<Tested> {
    if matches!(end, End::Barren) {
        return never_built(own_arbiter).await;
    }
    let arbiter = Arbiter::new();
    let builder = builder(blocking, &latch).workers(3).threads(2).grace(Duration::ZERO);
    let builder = match (end, own_arbiter) {
        (End::Killed, _) => builder.arbiter(arbiter.handle()),
        (_, true) => builder.own_arbiter(),
        (_, false) => builder,
    };
    let pool = builder.queue(Queue::bounded(50)).build().unwrap();
    let mut results = pool.results();
    let unread = pool.results();
    pool.submit_all((0..20).map(Counted::new).collect()).await.unwrap();
    assert!(pool.run(Counted::new(2)).await.is_ok());
    assert_eq!(pool.process(stream::iter((0..9).map(Counted::new))).count().await, 9);
    results.next().await.unwrap();
    pool.drain().await.unwrap();
    // Jobs that do not end, jobs behind them, and a caller who leaves.
    if matches!(end, End::Stuck(_) | End::Killed | End::SystemStopped | End::SystemDropped) {
        pool.submit(Counted::new(1_000)).await.unwrap();
        latch.reached(1).await;
    }
    if matches!(end, End::Paused) {
        pool.pause().await.unwrap();
    }
    {
        let mut left = Box::pin(pool.run(Counted::new(4)));
        let _ = (&mut left).now_or_never();
    }
    pool.submit_all((0..20).map(Counted::new).collect()).await.unwrap();
    drop(unread);
    let kept = match end {
        End::Shutdown(shutdown) | End::Stuck(shutdown) => {
            let report = pool.shutdown(shutdown).await.unwrap();
            // Others than those of stuck jobs may be slow to end, by the real time.
            let stuck = blocking && matches!(end, End::Stuck(_));
            assert!(report.threads_left >= usize::from(stuck), "{report:?}");
            Some(pool)
        }
        End::Forsaken | End::Paused | End::Barren => {
            drop(pool);
            while results.next().await.is_some() {}
            None
        }
        End::Killed => {
            arbiter.stop();
            while pool.dispatcher().connected() {
                yield_now().await;
            }
            Some(pool)
        }
        End::SystemStopped | End::SystemDropped => Some(pool),
    };
    arbiter.stop();
    arbiter.join().unwrap();
    kept
}

/// Is never built.
struct Never;

impl BlockingProcessor for Never {
    type Payload = Counted;
    type Output = Counted;
    type Error = Counted;

    fn process(
        &mut self,
        _: &Counted,
        _: &JobContext<Counted, Counted, Counted>,
    ) -> Result<Counted, Counted> {
        Err(Counted::new(0))
    }
}

async fn never_built(own_arbiter: bool) -> Option<Tested> {
    let captured = Counted::new(0);
    let builder = Pool::blocking_processor(move || {
        let _captured = &captured;
        Err::<Never, _>("no luck")
    });
    let builder = builder.workers(3);
    let pool = if own_arbiter { builder.own_arbiter() } else { builder }.build().unwrap();
    let results = pool.results();
    pool.submit_all((0..20).map(Counted::new).collect()).await.unwrap();
    drop(pool);
    assert_eq!(results.count().await, 20);
    None
}

/// Waits until the process has no more than at the beginning.
fn settle(before: &Has, after: &str) {
    // What a leak leaves never goes: then this many turns of other threads are over some time.
    for _ in 0..100_000 {
        if has() == *before {
            return;
        }
        thread::yield_now();
    }
    panic!("after {after}: {:?} instead of {before:?}", has());
}

#[test]
fn pools_that_ended_in_every_way_leave_no_thread_descriptor_value_or_memory() {
    let all = |round: usize, before: &Has| {
        for end in ENDS {
            for (blocking, own_arbiter) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                one(end, blocking, own_arbiter);
                settle(before, &format!("round {round}, {end:?}, {blocking}, {own_arbiter}"));
            }
        }
    };
    // The first system of a process leaves what it keeps for ever, such as tokio's pipe for signals.
    let threads = has().threads;
    one(End::Forsaken, false, false);
    while has().threads > threads {
        thread::yield_now();
    }
    let before = has();
    all(0, &before);
    let resident_before = resident();
    for round in 1..4 {
        all(round, &before);
    }
    // 144 pools with three threads and more each. One that stayed would keep its stacks, at least
    // 100 kB; the allocator's own ups and downs are within a few megabytes.
    let grown = resident().saturating_sub(resident_before);
    assert!(grown < 8_192, "memory has grown by {grown} kB");
}
