//! What a worker's thread lets go of as it ends: a job's future and payload, its processor, the
//! factory. The drop of each panics, although another's does.

use std::{
    cell::RefCell,
    convert::Infallible,
    future::pending,
    mem::ManuallyDrop,
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use actix_rt::{Arbiter, System};
use actix_workpool::{BlockingProcessor, Builder, JobContext, Pool, Processor, Shutdown};

use crate::{MINUTE, held::Latch, support::yield_now};

/// Counts its drops.
#[derive(Default)]
struct Mine(Arc<AtomicUsize>);

impl Mine {
    fn another(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        resume_unwind(Box::new("the drop of a value panics"));
    }
}

/// Says that its thread has ended.
struct EndOfThread(Sender<()>);

impl Drop for EndOfThread {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

thread_local! {
    static END: RefCell<Option<EndOfThread>> = const { RefCell::new(None) };
}

/// What happens in a job.
#[derive(Clone)]
enum Act {
    Returns,
    Holds(Latch),
    HoldsAndWaits(Latch),
    Dies,
}

struct Doomed(Act, #[expect(dead_code, reason = "it is dropped")] Mine);

impl Processor for Doomed {
    type Payload = Mine;
    type Output = ();
    type Error = String;

    async fn process(
        &mut self,
        job: &Mine,
        _: &JobContext<Mine, (), String>,
    ) -> Result<(), String> {
        match &self.0 {
            Act::Returns => return Ok(()),
            Act::Holds(latch) => {
                latch.hold();
                return Ok(());
            }
            Act::HoldsAndWaits(latch) => latch.hold(),
            Act::Dies => _ = Arbiter::current().stop(),
        }
        let _mine = job.another();
        pending().await
    }
}

impl BlockingProcessor for Doomed {
    type Payload = Mine;
    type Output = ();
    type Error = String;

    fn process(&mut self, _: &Mine, _: &JobContext<Mine, (), String>) -> Result<(), String> {
        if let Act::Holds(latch) = &self.0 {
            latch.hold();
        }
        Ok(())
    }
}

/// A pool whose factory has one of `mine`, as has each processor. It says when a thread has ended.
fn doomed(act: &Act, blocking: bool, mine: &Mine) -> (Builder<Mine, (), String>, Receiver<()>) {
    let (act, mine, (end, ended)) = (act.clone(), mine.another(), channel());
    let build = move || {
        END.set(Some(EndOfThread(end.clone())));
        Ok::<_, Infallible>(Doomed(act.clone(), mine.another()))
    };
    let builder = match blocking {
        false => Pool::processor(async move || build()),
        true => Pool::blocking_processor(build),
    };
    (builder.threads(1), ended)
}

#[actix::test]
async fn a_pool_ends_whose_factory_and_processor_panic_as_they_are_dropped() {
    for blocking in [false, true] {
        let mine = ManuallyDrop::new(Mine::default());
        let pool = doomed(&Act::Returns, blocking, &mine).0.workers(1).build().unwrap();
        pool.submit(mine.another()).await.unwrap();
        let report = pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
        assert_eq!((report.counts.succeeded, report.threads_left), (1, 0));
        assert_eq!(mine.0.load(Ordering::SeqCst), 3, "payload, factory, processor");
    }
}

#[actix::test]
async fn an_abandoned_job_returns_and_all_that_it_held_panics_as_it_is_dropped() {
    for blocking in [false, true] {
        let (latch, mine) = (Latch::new(), ManuallyDrop::new(Mine::default()));
        let (builder, ended) = doomed(&Act::Holds(latch.clone()), blocking, &mine);
        let pool = builder.workers(1).grace(Duration::ZERO).build().unwrap();
        pool.submit(mine.another()).await.unwrap();
        latch.reached(1).await;
        let report = pool.shutdown(Shutdown::Now).await.unwrap();
        assert_eq!((report.counts.abandoned, report.threads_left), (1, 1));
        latch.open();
        ended.recv().unwrap();
        assert_eq!(mine.0.load(Ordering::SeqCst), 3, "payload, factory, processor");
    }
}

#[test]
fn a_system_stops_under_a_job_and_all_that_is_dropped_then_panics() {
    let (latch, mine) = (Latch::new(), ManuallyDrop::new(Mine::default()));
    let (builder, ended) = doomed(&Act::HoldsAndWaits(latch.clone()), false, &mine);
    System::new().block_on(async {
        let pool = builder.workers(1).build().unwrap();
        pool.submit(mine.another()).await.unwrap();
        latch.reached(1).await;
        System::current().stop();
        assert!(pool.drain().await.is_err());
    });
    latch.open();
    ended.recv().unwrap();
    assert_eq!(mine.0.load(Ordering::SeqCst), 4, "future, payload, factory, processor");
}

#[actix::test]
async fn a_worker_dies_under_a_job_with_all_that_is_dropped_then() {
    let mine = ManuallyDrop::new(Mine::default());
    let pool = doomed(&Act::Dies, false, &mine).0.workers(1).build().unwrap();
    pool.submit(mine.another()).await.unwrap();
    while !pool.status().await.is_ok_and(|status| (status.deaths, status.live) == (1, 1)) {
        yield_now().await;
    }
    let report = pool.shutdown(Shutdown::Drain(MINUTE)).await.unwrap();
    assert_eq!((report.counts.lost, report.threads_left), (1, 0));
    let all = "future, processor and payload, and then the other processor and the factory";
    assert_eq!(mine.0.load(Ordering::SeqCst), 5, "{all}");
}
