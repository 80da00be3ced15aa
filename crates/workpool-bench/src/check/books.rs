//! The ledger: it is told what happens, and objects at once to what must not.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use crate::{JobId, scene::Errand, sim};

use super::{
    record::{Kind, Record, Returned, Terms},
    sizes::Sizes,
};

/// Someone who is subscribed.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    pub(crate) pool: usize,
    /// When the subscription was answered.
    pub(crate) since: Option<u64>,
    pub(crate) left: bool,
    pub(crate) hears_results: bool,
    /// Results may wait for others, to make a batch.
    pub(crate) patient: bool,
    /// It misses results for which this window has no room, and is told how many.
    pub(crate) misses: Option<usize>,
    /// The same actor is told of those.
    pub(crate) is_told_itself: bool,
    /// When its subscription was asked for, and when its end was, until it was answered.
    pub(crate) asked: u64,
    pub(crate) left_between: Option<(u64, u64)>,
    /// The run let go of its actor, which nobody else holds; and since when it must have stopped.
    pub(crate) let_go: bool,
    pub(crate) stopped: Option<u64>,
    pub(crate) heard: u64,
    /// How many results it has missed, and how often it was told so.
    pub(crate) missed: u64,
    pub(crate) notices: usize,
    /// How often it was told of quiescence, and how many results that were in all.
    pub(crate) drained: u64,
    pub(crate) counted: u64,
    /// When the last job ended whose result came from each worker.
    pub(crate) last: HashMap<usize, u64>,
}

/// One pool of the run.
#[derive(Debug, Default)]
pub(crate) struct PoolBook {
    pub(crate) sizes: Sizes,
    /// Its code blocks its thread, and so many are replaced that are stuck.
    pub(crate) blocking: bool,
    pub(crate) replaced: usize,
    /// How long its jobs may run that do not say so, and how often they are started at most.
    pub(crate) timeout: Option<Duration>,
    pub(crate) most_attempts: u32,
    /// Processors that are built, by thread.
    pub(crate) processors: BTreeMap<usize, usize>,
    pub(crate) capacity: Option<usize>,
    pub(crate) single: bool,
    /// Values of its jobs panic when they are dropped.
    pub(crate) explosive: bool,
    pub(crate) paused: bool,
    /// It has begun to end.
    pub(crate) ending: bool,
    /// When it was first told to end: what is sent as a message from then on may vanish.
    pub(crate) shut_at: Option<u64>,
    /// How long it may take to end, from when it hears of that.
    pub(crate) time_left: Vec<Duration>,
    /// When it must be over, by its clock, at the latest.
    pub(crate) deadline: Option<Instant>,
    /// What its report said.
    pub(crate) report: Option<(u64, Vec<JobId>)>,
}

impl PoolBook {
    pub(crate) fn terms(&self, errand: &Errand) -> Terms {
        Terms {
            timeout: errand.timeout.or(self.timeout),
            delay: errand.delay,
            key: errand.key,
            attempts: self.most_attempts,
            blocks: self.blocking,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    clock: u64,
    pub(crate) jobs: BTreeMap<u64, Record>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) pools: Vec<PoolBook>,
    /// The jobs that were started, as they were.
    pub(crate) starts: Vec<u64>,
    /// Results that wait in a stream with a window.
    pub(crate) unread: usize,
    /// Streams that are open: no more jobs are under way than the smallest has room for.
    pub(crate) streams: usize,
}

/// What is known of a run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(super) books: RefCell<Books>,
    /// Dispatcher, collector or system were ended from outside: results may be lost, but nothing
    /// hangs, and nothing comes twice.
    pub(super) crashed: Cell<bool>,
    crashes: Cell<u64>,
}

impl Ledger {
    pub(crate) fn jobs(&self) -> u64 {
        self.books.borrow().jobs.len() as u64
    }

    /// How much it has been told: while that stands still, nothing happens but that time passes.
    pub(crate) fn told(&self) -> u64 {
        self.books.borrow().clock
    }

    pub(crate) fn crashes(&self) -> u64 {
        self.crashes.get()
    }

    pub(crate) fn count_crash(&self) {
        self.crashes.set(self.crashes.get() + 1);
    }

    pub(crate) fn forget_guarantees(&self) {
        self.count_crash();
        self.crashed.set(true);
    }

    pub(crate) fn has_guarantees(&self) -> bool {
        !self.crashed.get()
    }

    pub(crate) fn write<R>(&self, write: impl FnOnce(&mut Books) -> R) -> R {
        write(&mut self.books.borrow_mut())
    }

    /// A job's code has ended.
    pub(crate) fn returns(&self, number: u64, thread: usize, how: Returned) {
        let mut books = self.books.borrow_mut();
        let at = books.tick();
        let Books { jobs, pools, .. } = &mut *books;
        if let Some(record) = jobs.get_mut(&number) {
            record.returned = Some((at, how));
            pools[record.pool].sizes.returns(thread);
        }
    }

    /// A result came to its caller.
    pub(crate) fn answers(&self, number: u64, kind: Kind) {
        let mut books = self.books.borrow_mut();
        books.tick();
        let Some(record) = books.jobs.get_mut(&number) else { return };
        if record.kind.is_some() {
            sim::fail(|| format!("invariant 1: job {number} has two results"));
        }
        self.judge(record, number, kind);
    }

    pub(super) fn judge(&self, record: &mut Record, number: u64, kind: Kind) {
        if let Some(objection) = record.objection(kind, self.has_guarantees()) {
            sim::fail(|| {
                format!("invariant 1: job {number} ended as {kind:?}, but it {objection}")
            });
        }
        let lost_alive = kind == Kind::Lost
            && self.has_guarantees()
            && record.start.is_some_and(|start| sim::thread(start.thread).accepts());
        if lost_alive {
            sim::fail(|| format!("invariant 5: job {number} is lost, and its thread is not"));
        }
        record.kind = Some(kind);
    }
}

impl Books {
    /// No thread can go on: whoever is to stop has stopped.
    pub(super) fn note_stops(&mut self) {
        for listener in self.listeners.iter_mut().filter(|listener| listener.let_go) {
            listener.stopped.get_or_insert(self.clock);
        }
    }

    pub(crate) fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// A drain has resolved that began after these were accepted.
    pub(crate) fn note_drained(&mut self, jobs: &[u64]) {
        for number in jobs {
            let Some(record) = self.jobs.get_mut(number) else { continue };
            if self.pools[record.pool].shut_at.is_some() {
                // Whether it was abandoned, the report will say.
                record.drained_at_the_end.get_or_insert(self.clock);
                continue;
            }
            record.must_not_start = Some("a drain has waited for it");
            // One that timed out over its head runs on.
            if record.runs() && !record.may_be_left_behind() {
                sim::fail(|| format!("invariant 4: job {number} runs after a drain"));
            }
        }
    }

    /// A cancel found it waiting.
    pub(crate) fn note_cancelled(&mut self, number: u64) {
        if let Some(record) = self.jobs.get_mut(&number) {
            record.must_not_start = Some("it was cancelled while it waited");
            if record.start.is_some() && !record.may_be_retried() {
                sim::fail(|| format!("job {number} was cancelled while it waited, and runs"));
            }
        }
    }

    /// The pool is about to hear of these.
    pub(crate) fn note_begun(&mut self, jobs: &[u64]) {
        let at = self.tick();
        for number in jobs {
            if let Some(record) = self.jobs.get_mut(number) {
                record.begun = at;
            }
        }
    }

    /// These wait in line together, if they have not done so before.
    pub(crate) fn note_in_line(&mut self, jobs: &[u64]) {
        let at = self.tick();
        for number in jobs {
            if let Some(record) = self.jobs.get_mut(number) {
                record.placed.get_or_insert(at);
                record.in_line = jobs.len();
            }
        }
    }

    /// The numbers of the jobs of a pool that this holds for.
    pub(crate) fn which(&self, pool: usize, holds: impl Fn(&Record) -> bool) -> Vec<u64> {
        let of_pool = self.jobs.iter().filter(|(_, job)| job.pool == pool && holds(job));
        of_pool.map(|(number, _)| *number).collect()
    }
}
