//! How the dispatcher reaches others: the scheduler's port.

use std::{mem, time::Duration};

use actix::{Addr, WeakAddr};

use crate::{
    collector::Collector,
    hire::Recruiter,
    job::Counts,
    message::{Close, Collect, Knock, Look, Muster, Settle, StopJobs, SystemStopped, Wake},
    panic::drop_each,
    runtime::{Crew, watch_system},
    schedule::{Port, Step},
    value::Value,
    work::Stopping,
    worker::Worker,
};

use super::Dispatcher;

pub(crate) struct PostRoom<T: Value, U: Value, E: Value> {
    workers: Vec<Addr<Worker<T, U, E>>>,
    collector: Addr<Collector<T, U, E>>,
    /// The number of the outbox for jobs that end without a worker.
    exit: usize,
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
        let exit = workers.len();
        Self {
            workers,
            collector,
            exit,
            recruiter: Some(recruiter),
            crew,
            dispatcher: None,
            closed: false,
        }
    }

    pub(super) fn connect(&mut self, dispatcher: WeakAddr<Dispatcher<T, U, E>>) {
        self.dispatcher = Some(dispatcher);
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

impl<T: Value, U: Value, E: Value> Port for PostRoom<T, U, E> {
    fn wake(&mut self, worker: usize) {
        self.workers[worker].do_send(Wake);
    }

    fn stop_jobs(&mut self, worker: usize, step: Step) {
        let stopping = match step {
            Step::Running => Stopping::No,
            Step::Told => Stopping::Told,
            Step::Ended | Step::Abandoned => Stopping::Now,
        };
        self.workers[worker].do_send(StopJobs(stopping));
    }

    fn look(&mut self, worker: usize, seat: usize) {
        self.workers[worker].do_send(Look { seat });
    }

    fn collect(&mut self) {
        self.collector.do_send(Collect { from: Some(self.exit) });
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

    fn system_runs(&self) -> bool {
        let dispatcher = self.dispatcher.clone();
        watch_system(move || {
            if let Some(dispatcher) = dispatcher.and_then(|dispatcher| dispatcher.upgrade()) {
                dispatcher.do_send(SystemStopped);
            }
        })
    }

    fn hire(&mut self, worker: usize) -> bool {
        let Some(recruiter) = &self.recruiter else { return false };
        match recruiter.replace(&mut self.crew, worker) {
            Ok(addr) => self.workers[worker] = addr,
            Err(error) => {
                tracing::warn!(%error, worker, "no thread for a worker; trying again");
                return false;
            }
        }
        true
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
