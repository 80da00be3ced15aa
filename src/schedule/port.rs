//! What the scheduler is told, and what it has others do.

use std::{sync::Arc, time::Instant};

use crate::job::{Staff, WorkStation};

use super::Step;

/// What the scheduler has done by others.
pub(crate) trait Port<T, U, E> {
    /// There are leases for a worker's idle seats.
    fn wake(&mut self, worker: usize);
    /// The jobs that a worker runs have got this far with their end.
    fn stop_jobs(&mut self, worker: usize, step: Step);
    /// The job on one of a worker's seats was told to stop.
    fn look(&mut self, worker: usize, seat: usize);
    /// There are results of jobs that ended without a worker.
    fn collect(&mut self);
    /// Nothing is left of so many accepted jobs. `tell` asks to hear whether that holds.
    fn settle(&mut self, accepted: u64, tell: bool);
    /// There is more to do: another turn, once others have had theirs.
    fn again(&mut self);
    /// A full window holds back the pool, and its reader may be gone; or one that missed results can be
    /// told so.
    fn muster(&mut self);
    /// A number that nobody could have told.
    fn chance(&mut self) -> u64;
    /// Whether the actix system runs: when it has stopped, nobody can ever be hired again.
    fn system_runs(&self) -> bool;
    /// A worker is to be hired, for these seats, in place of one that died or beside the others. Returns
    /// whether that was possible.
    fn hire(&mut self, worker: usize, station: &Arc<WorkStation<T, U, E>>, staff: Staff) -> bool;
    /// A worker has these seats from now on, too.
    fn seat(&mut self, worker: usize, staff: Staff);
    /// These of a worker's seats, which ran nothing, are to leave.
    fn dismiss(&mut self, worker: usize, seats: Vec<usize>);
    /// A worker has no seats any more, and is to end.
    fn retire(&mut self, worker: usize);
}

/// The time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// By the pool's clock: deadlines, and what users see.
    pub(crate) clock: Instant,
    /// By the real one: the patience with workers that do not answer.
    pub(crate) real: Instant,
}

/// When the scheduler wants another turn, if nothing happens before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turned {
    /// After [`PATIENCE`](super::PATIENCE), by the real time.
    pub(crate) look_again: bool,
    /// How many jobs are worth one; 0 if nobody knows.
    pub(crate) worth: usize,
    /// By the real time: every worker runs something and may be blocked, so that nobody would hear that
    /// the system stopped; or jobs have been asked to end and are to be given up then.
    pub(crate) watch: Option<Instant>,
    /// By the pool's clock.
    pub(crate) due: Option<Instant>,
    /// The system has stopped, and the pool with it.
    pub(crate) is_lost: bool,
}
