//! How the dispatcher reaches others: the scheduler's port.

use std::{mem, sync::Arc, time::Duration};

use actix::{Actor, Addr, Context, Handler, Message, WeakAddr};

use crate::{
    collector::Collector,
    hire::Recruiter,
    job::{Counts, Staff, WorkStation},
    message::{
        Close, Collect, Dismiss, Enlist, Knock, Look, Muster, Origin, Seat, Settle, StopJobs,
        SystemStopped, Wake,
    },
    panic::drop_each,
    runtime::{Crew, chance, watch_system},
    schedule::{Port, Step},
    value::Value,
    work::Stopping,
    worker::Worker,
};

use super::Dispatcher;

pub(crate) struct PostRoom<T: Value, U: Value, E: Value> {
    /// By number; `None` for one that is no more.
    workers: Vec<Option<Addr<Worker<T, U, E>>>>,
    collector: Addr<Collector<T, U, E>>,
    /// Let go while the threads still run: the process function is then dropped on one of them, as
    /// its captured values may wait for something.
    recruiter: Option<Recruiter<T, U, E>>,
    crew: Crew,
    dispatcher: Option<WeakAddr<Dispatcher<T, U, E>>>,
    closed: bool,
}

impl<T: Value, U: Value, E: Value> PostRoom<T, U, E> {
    pub(crate) fn new(
        workers: Vec<Addr<Worker<T, U, E>>>,
        collector: Addr<Collector<T, U, E>>,
        recruiter: Recruiter<T, U, E>,
        crew: Crew,
    ) -> Self {
        Self {
            workers: workers.into_iter().map(Some).collect(),
            collector,
            recruiter: Some(recruiter),
            crew,
            dispatcher: None,
            closed: false,
        }
    }

    pub(super) fn connect(&mut self, dispatcher: WeakAddr<Dispatcher<T, U, E>>) {
        self.dispatcher = Some(dispatcher);
    }

    fn tell<M>(&self, worker: usize, message: M)
    where
        M: Message<Result = ()> + Send + 'static,
        Worker<T, U, E>: Actor<Context = Context<Worker<T, U, E>>> + Handler<M>,
    {
        // One that is still to be hired, or is no more, has nothing to be told of.
        if let Some(Some(worker)) = self.workers.get(worker) {
            worker.do_send(message);
        }
    }

    /// Whether the collector is there.
    pub(super) fn is_connected(&self) -> bool {
        self.closed || self.collector.connected()
    }

    /// Ends the collector, once it has handed over everything, and then the threads, but for those of
    /// these workers; then calls `ended` with what was counted, and how many threads were left.
    pub(super) fn close(
        &mut self,
        left: Vec<usize>,
        patience: Option<Duration>,
        ended: impl FnOnce(Counts, usize) + Send + 'static,
    ) {
        self.closed = true;
        // In this order: without addresses, workers end at once.
        drop_each(self.recruiter.take());
        self.workers.clear();
        let crew = mem::take(&mut self.crew);
        let then = Box::new(move |counts| {
            crew.dismiss(&left, patience, move |threads_left| ended(counts, threads_left));
        });
        self.collector.do_send(Close { then });
    }
}

impl<T: Value, U: Value, E: Value> Port<T, U, E> for PostRoom<T, U, E> {
    fn wake(&mut self, worker: usize) {
        self.tell(worker, Wake);
    }

    fn stop_jobs(&mut self, worker: usize, step: Step) {
        let stopping = match step {
            Step::Running => Stopping::No,
            Step::Told => Stopping::Told,
            Step::Ended | Step::Abandoned => Stopping::Now,
        };
        self.tell(worker, StopJobs(stopping));
    }

    fn look(&mut self, worker: usize, seat: usize) {
        self.tell(worker, Look { seat });
    }

    fn collect(&mut self) {
        self.collector.do_send(Collect { from: Origin::Dispatcher });
    }

    fn settle(&mut self, accepted: u64, tell: bool) {
        let tell = tell.then(|| self.dispatcher.clone()).flatten();
        self.collector.do_send(Settle { accepted, tell });
    }

    fn again(&mut self) {
        if let Some(dispatcher) = self.dispatcher.as_ref().and_then(WeakAddr::upgrade) {
            dispatcher.do_send(Knock);
        }
    }

    fn muster(&mut self) {
        self.collector.do_send(Muster);
    }

    fn chance(&mut self) -> u64 {
        chance()
    }

    fn system_runs(&self) -> bool {
        let dispatcher = self.dispatcher.clone();
        watch_system(move || {
            if let Some(dispatcher) = dispatcher.and_then(|dispatcher| dispatcher.upgrade()) {
                dispatcher.do_send(SystemStopped);
            }
        })
    }

    fn hire(&mut self, worker: usize, station: &Arc<WorkStation<T, U, E>>, staff: Staff) -> bool {
        let Some(recruiter) = &self.recruiter else { return false };
        let arbiter = match self.crew.hire_for(worker) {
            Ok(arbiter) => arbiter,
            Err(error) => {
                tracing::warn!(%error, worker, "no thread for a worker; trying again");
                return false;
            }
        };
        self.collector.do_send(Enlist { worker, station: station.clone() });
        let addr = recruiter.start(&arbiter, worker, station.clone(), staff);
        self.workers.resize(self.workers.len().max(worker + 1), None);
        self.workers[worker] = Some(addr);
        true
    }

    fn seat(&mut self, worker: usize, staff: Staff) {
        self.tell(worker, Seat { staff });
    }

    fn dismiss(&mut self, worker: usize, seats: Vec<usize>) {
        self.tell(worker, Dismiss { seats });
    }

    fn retire(&mut self, worker: usize) {
        if let Some(place) = self.workers.get_mut(worker) {
            *place = None;
        }
        self.crew.retire(worker);
    }
}

impl<T: Value, U: Value, E: Value> Drop for PostRoom<T, U, E> {
    /// However the dispatcher ends, the collector hands over what there is, and ends too.
    fn drop(&mut self) {
        if !self.closed {
            self.close(Vec::new(), None, |_, _| ());
        }
    }
}
