//! A pool of the run, and what can be asked of it.

use std::{future::Future, time::Duration};

use crate::{
    CancelOutcome, JobId, Pool, Shutdown, ShutdownReport, Status, Stopped,
    sim::{self, Sim},
};

use super::{
    plan::{Form, Plan},
    task::{Failure, Output, Task},
};

/// The grace of a blocking form, unless another is set.
const MOST_GRACE: Duration = Duration::from_secs(1);

/// A handle on a pool of the run. It keeps the pool alive.
#[derive(Clone)]
pub struct Stage {
    /// The run.
    pub sim: Sim,
    /// The pool.
    pub pool: Pool<Task, Output, Failure>,
    pub(crate) number: usize,
    /// What its jobs have, at most.
    grace: Duration,
}

impl Stage {
    /// Builds a pool.
    ///
    /// # Panics
    /// The plan can never work.
    pub fn build(sim: Sim, plan: Plan) -> Self {
        sim::note(|| format!("builds {plan:?}"));
        let number = sim::with(|world| {
            world.ledger.write(|books| {
                books.pools.push(crate::check::PoolBook {
                    sizes: crate::check::Sizes::new(plan.seats()),
                    single: plan.seats() == 1,
                    capacity: plan.queue.capacity,
                    explosive: plan.explosive,
                    blocking: matches!(plan.form, Form::Blocking(_)),
                    timeout: plan.timeout,
                    most_attempts: plan.tries.map_or(1, |tries| tries.0),
                    replaced: plan.replaced,
                    ..Default::default()
                });
                books.pools.len() - 1
            })
        });
        let number = number.unwrap_or_default();
        match plan.builder(number).build() {
            Ok(pool) => Self { sim, pool, number, grace: plan.grace.unwrap_or(MOST_GRACE) },
            Err(error) => panic!("the pool was not built: {error}"),
        }
    }

    /// Runs a task of the program's, on one of its threads. The run fails if it waits for ever.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + 'static) {
        spawn(self.sim, name, task);
    }

    /// Waits for quiescence. Returns whether it was reached.
    pub async fn drain(&self) -> bool {
        let before = self.accepted();
        let drained = self.pool.drain().await.is_ok();
        sim::note(|| format!("drain: {drained}"));
        sim::with(|world| {
            if drained && world.ledger.has_guarantees() {
                world.ledger.write(|books| books.note_drained(&before));
                self.mark(&before);
            }
        });
        drained
    }

    fn accepted(&self) -> Vec<u64> {
        let accepted = |books: &mut crate::check::Books| {
            books.which(self.number, crate::check::Record::is_accepted)
        };
        sim::with(|world| world.ledger.write(accepted)).unwrap_or_default()
    }

    /// Cancels a job by its number.
    pub async fn cancel(&self, number: u64) -> Option<CancelOutcome> {
        let id = self.id(number)?;
        let met = self.pool.cancel(id).await.ok()?;
        sim::note(|| format!("cancel of job {number}: {met:?}"));
        if met == CancelOutcome::Waiting {
            sim::with(|world| world.ledger.write(|books| books.note_cancelled(number)));
        }
        Some(met)
    }

    /// The id of a job.
    pub fn id(&self, number: u64) -> Option<JobId> {
        sim::with(|world| world.ledger.write(|books| books.jobs.get(&number).map(|job| job.id)))?
    }

    /// Has no job start.
    pub async fn pause(&self) {
        self.note_pause(true);
        let _ = self.pool.pause().await;
        sim::note(|| "paused".into());
    }

    /// Has jobs start again.
    pub async fn resume(&self) {
        if self.pool.resume().await.is_ok() {
            self.note_pause(false);
        }
        sim::note(|| "resumed".into());
    }

    fn note_pause(&self, paused: bool) {
        sim::with(|world| world.ledger.write(|books| books.pools[self.number].paused = paused));
    }

    /// How the pool stands.
    pub async fn status(&self) -> Option<Status> {
        let asked = sim::with(|world| world.ledger.told()).unwrap_or_default();
        let status = self.pool.status().await.ok()?;
        let workers = status.workers;
        let known = |books: &mut crate::check::Books| {
            let sizes = &books.pools[self.number].sizes;
            (sizes.may_be(workers, asked), sizes.has_changed())
        };
        let known = sim::with(|world| world.ledger.write(known));
        let (may_be, has_changed) = known.unwrap_or((true, true));
        self.sim.expect(may_be, || format!("invariant 2: {status:?}"));
        self.sim.expect(has_changed || status.running + status.live <= 2 * workers, || {
            format!("invariant 2: {status:?}")
        });
        Some(status)
    }

    /// Has so many workers. Returns whether that was answered.
    pub async fn resize(&self, workers: usize) -> bool {
        sim::note(|| format!("resizes to {workers}"));
        let size = sim::with(|world| {
            world.ledger.write(|books| {
                let now = books.tick();
                books.pools[self.number].sizes.begin(workers, now)
            })
        });
        let answered = self.pool.resize(workers).await.is_ok();
        sim::note(|| format!("resized to {workers}: {answered}"));
        if let Some(size) = size.filter(|_| answered) {
            let turns = sim::turns();
            sim::with(|world| {
                world.ledger.write(|books| {
                    let now = books.tick();
                    books.pools[self.number].sizes.answer(size, now, turns);
                });
            });
        }
        answered
    }

    /// Ends the pool. The books keep what is reported.
    ///
    /// # Errors
    /// As the pool's own.
    pub async fn shutdown(&self, how: Shutdown) -> Result<ShutdownReport, Stopped> {
        self.note_ending();
        sim::note(|| format!("shuts down: {how:?}"));
        sim::with(|world| {
            world.ledger.write(|books| {
                let now = books.tick();
                let pool = &mut books.pools[self.number];
                pool.shut_at.get_or_insert(now);
                pool.time_left.push(self.time_for(how));
            });
        });
        let report = self.pool.shutdown(how).await;
        sim::note(|| format!("{report:?}"));
        if let Ok(report) = &report {
            let (total, abandoned) = (report.counts.total(), report.abandoned.clone());
            let note = |books: &mut crate::check::Books| {
                let before = books.pools[self.number].report.replace((total, abandoned.clone()));
                before.is_none_or(|before| before == (total, abandoned))
            };
            let same = sim::with(|world| world.ledger.write(note));
            self.sim.expect(same != Some(false), || "two reports differ".into());
            self.mark(&self.accepted());
        }
        report
    }

    /// How long an end may take. Jobs that block the thread of an async form are given up a tenth of a
    /// second after its deadline.
    fn time_for(&self, how: Shutdown) -> Duration {
        let time = match how {
            Shutdown::Drain(time) | Shutdown::FinishRunning(time) => time,
            Shutdown::Now => self.grace,
        };
        time + Duration::from_millis(100)
    }

    fn note_ending(&self) {
        sim::with(|world| world.ledger.write(|books| books.pools[self.number].ending = true));
    }

    /// Lets go of the pool.
    pub fn let_go(self) {
        sim::note(|| "lets go of the pool".into());
        self.note_ending();
    }

    /// One of the endings.
    pub fn any_shutdown(&self) -> Shutdown {
        let deadline = Duration::from_millis([0, 1, 5, 200][self.sim.below(4)]);
        match self.sim.below(3) {
            0 => Shutdown::Drain(deadline),
            1 => Shutdown::FinishRunning(deadline),
            _ => Shutdown::Now,
        }
    }

    /// How many worker threads the plan has.
    pub fn threads(plan: &Plan) -> usize {
        match plan.form {
            Form::Async(seats, threads) => threads.min(seats),
            Form::Blocking(threads) => threads,
        }
    }
}

/// Runs a task of the program's.
pub fn spawn(sim: Sim, name: &'static str, task: impl Future<Output = ()> + 'static) {
    sim::thread(1 + sim.below(2)).execute(move || sim::this_thread().spawn_named(name, task));
}

/// As [`spawn`], but on the thread that calls this.
pub fn spawn_beside(name: &'static str, task: impl Future<Output = ()> + 'static) {
    sim::this_thread().spawn_named(name, task);
}
