//! How a pool is to be.

use std::{cell::Cell, time::Duration};

use crate::{
    Builder, OnFull, Pool, Queue, Retry,
    runtime::PoolClock,
    sim::{self, Sim},
};

use super::{
    bomb::Shell,
    task::{Failure, Hand, Output, Task},
};

/// The forms of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// So many seats on so many threads.
    Async(usize, usize),
    /// So many threads.
    Blocking(usize),
}

/// Where a pool's dispatcher and collector are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Home {
    /// Where the system's own arbiter is.
    #[default]
    Here,
    /// On a thread of the program's.
    Program,
    /// On one of its own.
    Own,
}

/// How often a job is started at most, and how long it waits before the next time, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries(pub u32, pub Duration);

/// How a pool is to be.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The form of its work.
    pub form: Form,
    /// Its queue.
    pub queue: Queue,
    /// The grace of its jobs.
    pub grace: Option<Duration>,
    /// How often its factory fails or panics before it succeeds.
    pub failures: u32,
    /// Values of its jobs panic when they are dropped, and so does what their code panics with.
    pub explosive: bool,
    /// Where its dispatcher and its collector are.
    pub home: Home,
    /// How long its jobs may run.
    pub timeout: Option<Duration>,
    /// How often they are tried.
    pub tries: Option<Tries>,
    /// How many threads are replaced that are stuck.
    pub replaced: usize,
}

impl Plan {
    /// A pool of this form, and otherwise as pools are.
    #[must_use]
    pub fn of(form: Form) -> Self {
        Self {
            form,
            queue: Queue::unbounded(),
            grace: None,
            failures: 0,
            explosive: false,
            home: Home::Here,
            timeout: None,
            tries: None,
            replaced: 0,
        }
    }

    /// With jobs that are tried so often.
    #[must_use]
    pub fn tries(self, attempts: u32, pause: Duration) -> Self {
        Self { tries: Some(Tries(attempts, pause)), ..self }
    }

    /// With this queue.
    #[must_use]
    pub fn queue(self, queue: Queue) -> Self {
        Self { queue, ..self }
    }

    /// With this grace.
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace: Some(grace), ..self }
    }

    /// Any pool of up to 4 workers.
    #[must_use]
    pub fn any(sim: Sim) -> Self {
        let policies = [OnFull::Wait, OnFull::Reject, OnFull::EvictOldest, OnFull::EvictYoungest];
        let queue = match sim.chance(400) {
            true => Queue::unbounded(),
            false => Queue::bounded(1 + sim.below(4)).on_full(policies[sim.below(4)]),
        };
        let graces = [None, Some(Duration::ZERO), Some(Duration::from_millis(2))];
        let form = Self::any_form(sim);
        let pause = Duration::from_micros([0, 300, 2_000, 60_000][sim.below(4)]);
        let may_stick = matches!(form, Form::Blocking(_));
        Self {
            form,
            queue,
            grace: graces[sim.below(3)],
            failures: [0, 0, 0, 2][sim.below(4)],
            explosive: sim.chance(300),
            home: [Home::Here, Home::Here, Home::Program, Home::Own][sim.below(4)],
            timeout: sim.chance(150).then(|| Duration::from_micros(sim.below(4_000) as u64)),
            tries: sim.chance(400).then(|| Tries(1 + sim.below(3) as u32, pause)),
            replaced: if may_stick { sim.below(3) } else { 0 },
        }
    }

    /// Any form with up to 4 workers.
    #[must_use]
    pub fn any_form(sim: Sim) -> Form {
        match sim.chance(500) {
            true => Form::Async(1 + sim.below(4), 1 + sim.below(2)),
            false => Form::Blocking(1 + sim.below(3)),
        }
    }

    pub(crate) fn seats(&self) -> usize {
        match self.form {
            Form::Async(seats, _) | Form::Blocking(seats) => seats,
        }
    }

    pub(crate) fn builder(&self, pool: usize) -> Builder<Task, Output, Failure> {
        let failures = self.failures;
        let builder = match self.form {
            Form::Async(seats, threads) => {
                Pool::processor(async move || build(pool, failures)).workers(seats).threads(threads)
            }
            Form::Blocking(seats) => {
                Pool::blocking_processor(move || build(pool, failures)).workers(seats)
            }
        };
        let builder = builder.queue(self.queue).clock(PoolClock).replace_stuck(self.replaced);
        let builder = match self.timeout {
            Some(timeout) => builder.timeout(timeout),
            None => builder,
        };
        let builder = match self.tries {
            Some(Tries(attempts, pause)) => {
                builder.retry(Retry::attempts(attempts).backoff(pause, pause))
            }
            None => builder,
        };
        let builder = match self.home {
            Home::Here => builder,
            Home::Program => builder.arbiter(crate::runtime::ArbiterHandle(2)),
            Home::Own => builder.own_arbiter(),
        };
        match self.grace {
            Some(grace) => builder.grace(grace),
            None => builder,
        }
    }
}

thread_local! {
    /// How often a factory has failed, in which run.
    static FAILED: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
}

fn build(pool: usize, failures: u32) -> Result<Hand, std::io::Error> {
    let run = sim::with(|world| world.run()).unwrap_or_default();
    let (of, failed) = FAILED.get();
    let failed = if of == run { failed } else { 0 };
    sim::step();
    if failed < failures {
        FAILED.set((run, failed + 1));
        if failed % 2 == 1 {
            Shell::explode(pool);
        }
        return Err(std::io::Error::other("not built, by the simulator's will"));
    }
    Ok(Hand::new(pool))
}
