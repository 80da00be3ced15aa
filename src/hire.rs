//! The starting of workers: when a pool is built, when one has died, and when there are to be more.

use std::{rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, Addr};

use crate::{
    collector::Collector,
    job::{Inside, Staff, Stamp, WorkStation, WorkerId},
    message::{Collect, Origin},
    runtime::{ArbiterHandle, Budget, Clock, Ticks, chance, look_again},
    value::Value,
    work::{BlockingSeat, Hooks, Life, Post, Terms, Work},
    worker::{Seats, Worker},
};

/// All that it takes to start a worker.
pub(crate) struct Recruiter<T: Value, U: Value, E: Value> {
    pub(crate) work: Work<T, U, E>,
    pub(crate) clock: Arc<dyn Clock>,
    /// That clock is the system's.
    pub(crate) is_real_time: bool,
    pub(crate) terms: Terms<E>,
    pub(crate) inside: Arc<Inside<T, U, E>>,
    pub(crate) collector: Addr<Collector<T, U, E>>,
}

impl<T: Value, U: Value, E: Value> Recruiter<T, U, E> {
    /// Starts a worker on a thread, with this number, what it shares with dispatcher and collector, and
    /// its seats.
    pub(crate) fn start(
        &self,
        arbiter: &ArbiterHandle,
        number: usize,
        station: Arc<WorkStation<T, U, E>>,
        staff: Staff,
    ) -> Addr<Worker<T, U, E>> {
        let (work, clock, terms) = (self.work.clone(), self.clock.clone(), self.terms.clone());
        let (inbox, collector) = (self.inside.inbox.clone(), self.collector.clone());
        let is_real_time = self.is_real_time;
        let ring_dispatcher = Box::new(move |ring| inbox.ring(Some(ring)));
        let life = Life::new(station, self.inside.clone(), ring_dispatcher);
        Worker::start_in_arbiter(arbiter, move |_| {
            let post =
                Post::new(life, hooks(clock.clone(), is_real_time, collector, number), terms);
            let seats = match work {
                Work::Async(serve) => Seats::Async { post: Rc::new(post), serve },
                Work::Blocking(build) => {
                    // It has one seat.
                    let id = staff.first().map_or(WorkerId(0), |&(_, id)| id);
                    Seats::Blocking(Box::new(BlockingSeat::new(post, id, build)))
                }
            };
            Worker { seats, staff, clock, budget: Budget::default() }
        })
    }
}

/// A pause beyond what an `Instant` can say: nobody waits longer.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

fn hooks<T: Value, U: Value, E: Value>(
    clock: Arc<dyn Clock>,
    is_real_time: bool,
    collector: Addr<Collector<T, U, E>>,
    number: usize,
) -> Hooks {
    let sleeping = clock.clone();
    Hooks {
        now: if is_real_time {
            let ticks = Ticks::new();
            Box::new(move || ticks.now())
        } else {
            Box::new(move || Stamp::of(clock.now()))
        },
        sleep: Box::new(move |pause| sleeping.sleep_until(sleeping.now() + pause.min(CENTURY))),
        ring_collector: Box::new(move || {
            collector.do_send(Collect { from: Origin::Worker(number) });
        }),
        chance: Box::new(chance),
        look_again: Box::new(look_again),
    }
}
