//! Values whose drop panics, unless their user has them.

use std::{
    panic::resume_unwind,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{
    Job, JobError, Refusal, Refused,
    sim::{self, Sim},
};

use super::{
    listener::Outcome,
    task::{Failure, Output, Task},
};

/// Lies in a payload, a value, or an error, and panics when that is dropped, if it is lit.
#[derive(Debug, Default)]
pub(crate) struct Bomb(AtomicBool);

impl Bomb {
    /// Lights it now and then, where the pool is to have such: as it is handed over.
    pub(crate) fn light(&self, pool: usize) {
        let lit = sim::with(|world| {
            world.ledger.write(|books| books.pools[pool].explosive) && world.chance(300)
        });
        self.0.store(lit == Some(true), Ordering::Relaxed);
    }

    pub(crate) fn is_lit(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Its user has it, and drops it where that does no harm.
    pub(crate) fn defuse(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if !self.is_lit() || !sim::is_in_run() {
            return;
        }
        if std::thread::panicking() {
            let guaranteed = sim::with(|world| world.ledger.has_guarantees()) == Some(true);
            if guaranteed && sim::this_thread().is_at_the_pools() {
                sim::fail(|| "rule 8: a value is dropped in the unwind of another".into());
            }
            return;
        }
        sim::note(|| "the drop of a value panics".into());
        resume_unwind(Box::new(sim::WILL));
    }
}

/// Someone has the result.
pub(super) fn defuse(result: &Outcome) {
    let task = result.job().payload();
    sim::with(|world| world.ledger.looks_at(task.number, result));
    task.bomb.defuse();
    let (of, bomb) = match result.outcome() {
        Ok(Output { number, bomb }) | Err(JobError::Failed(Failure { number, bomb })) => {
            (*number, bomb)
        }
        Err(_) => return,
    };
    bomb.defuse();
    if of != task.number {
        sim::fail(|| format!("job {} has what came of job {of}", task.number));
    }
}

/// Why a job was refused: its sender has it back.
pub(super) fn reason(refused: Refused<Job<Task>>) -> Refusal {
    refused.job.payload().bomb.defuse();
    refused.reason
}

/// What code panics with: its drop panics too, with one that is less deep.
pub(crate) struct Shell(usize);

impl Shell {
    /// Panics, in one of several ways, without the noise of a panic.
    pub(crate) fn explode(pool: usize) -> ! {
        let explosive = |books: &mut crate::check::Books| books.pools[pool].explosive;
        match sim::with(|world| world.ledger.write(explosive)) {
            Some(true) => resume_unwind(Box::new(Self(Sim::here().below(4)))),
            _ => resume_unwind(Box::new(sim::WILL)),
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if self.0 > 0 && sim::is_in_run() && !std::thread::panicking() {
            resume_unwind(Box::new(Self(self.0 - 1)));
        }
    }
}
