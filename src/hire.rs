//! The starting of workers: all of them when a pool is built, and another when one has died.

use std::{io, ops::Range, rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, Addr};

use crate::{
    collector::Collector,
    job::{Inside, WorkStation, WorkerId},
    message::Collect,
    runtime::{ArbiterHandle, Clock, Crew},
    value::Value,
    work::{BlockingSeat, Hooks, Life, Post, Work},
    worker::{Seats, Worker},
};

/// All that it takes to start a worker.
pub(crate) struct Recruiter<T: Value, U: Value, E: Value> {
    pub(crate) work: Work<T, U, E>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) grace: Duration,
    pub(crate) inside: Arc<Inside<T, U, E>>,
    pub(crate) collector: Addr<Collector<T, U, E>>,
    pub(crate) places: Vec<Place<T, U, E>>,
}

/// One worker's place in the pool.
pub(crate) struct Place<T, U, E> {
    /// What it shares with dispatcher and collector.
    pub(crate) station: Arc<WorkStation<T, U, E>>,
    /// The names of its seats.
    pub(crate) ids: Range<usize>,
}

impl<T: Value, U: Value, E: Value> Recruiter<T, U, E> {
    /// Starts a worker on a thread.
    pub(crate) fn start(&self, arbiter: &ArbiterHandle, number: usize) -> Addr<Worker<T, U, E>> {
        let Place { station, ids } = &self.places[number];
        let (station, ids) = (station.clone(), ids.clone());
        let (work, clock, grace) = (self.work.clone(), self.clock.clone(), self.grace);
        let (inbox, collector) = (self.inside.inbox.clone(), self.collector.clone());
        let ring_dispatcher = Box::new(move |ring| inbox.ring(Some(ring)));
        let life = Life::new(station, self.inside.clone(), ring_dispatcher);
        Worker::start_in_arbiter(arbiter, move |_| {
            let post = Post::new(life, hooks(clock.clone(), collector, number), grace);
            let seats = match work {
                Work::Async(serve) => Seats::Async { post: Rc::new(post), ids, serve },
                Work::Blocking(build) => {
                    Seats::Blocking(Box::new(BlockingSeat::new(post, WorkerId(ids.start), build)))
                }
            };
            Worker { seats, clock }
        })
    }

    /// Starts a worker in place of one that died.
    ///
    /// # Errors
    /// What the operating system said.
    pub(crate) fn replace(
        &self,
        crew: &mut Crew,
        number: usize,
    ) -> io::Result<Addr<Worker<T, U, E>>> {
        crew.replace(number).map(|arbiter| self.start(&arbiter, number))
    }
}

/// A pause beyond what an `Instant` can say: nobody waits longer.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

fn hooks<T: Value, U: Value, E: Value>(
    clock: Arc<dyn Clock>,
    collector: Addr<Collector<T, U, E>>,
    number: usize,
) -> Hooks {
    let sleeping = clock.clone();
    Hooks {
        now: Box::new(move || clock.now()),
        sleep: Box::new(move |pause| sleeping.sleep_until(sleeping.now() + pause.min(CENTURY))),
        ring_collector: Box::new(move || collector.do_send(Collect { from: Some(number) })),
    }
}
