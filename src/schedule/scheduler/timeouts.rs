use std::time::Instant;

use crate::{
    error::JobError,
    job::{Running, Stamp},
    schedule::{Now, Port},
    value::Value,
};

use super::Scheduler;

/// What becomes of a job that runs for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overrun {
    /// Its seat drops its future.
    Dropped,
    /// It ends over the head of its code. So many threads at once that are stuck in such code are
    /// replaced.
    LeftBehind { replaced: usize },
}

/// Jobs that run for too long.
impl<T: Value, U: Value, E: Value> Scheduler<T, U, E> {
    pub(super) fn time_out(&mut self, now: Now, port: &mut impl Port<T, U, E>) {
        let end = self.overrun != Overrun::Dropped;
        let timeout = self.timeout;
        let deadline = |job: &Running<T, U, E>| Some((job.deadline(timeout)?, job.start()));
        for late in self.roster.overdue(Stamp::of(now.clock), deadline, end) {
            match late.job {
                Some(job) => self.put([job.end(JobError::TimedOut, now.clock)], port),
                None => port.look(late.worker, late.seat),
            }
        }
    }

    /// Hires others in the place of threads that are stuck, as far as it may.
    pub(super) fn replace_stuck(&mut self, now: Instant, port: &mut impl Port<T, U, E>) {
        let Overrun::LeftBehind { replaced } = self.overrun else { return };
        while self.roster.written_off() < replaced
            && let Some((worker, leases)) = self.roster.write_off()
        {
            let pool = &*self.name;
            tracing::warn!(
                pool,
                worker,
                "a worker's thread is stuck in a job that timed out; it is replaced"
            );
            self.roster.give_back(leases);
            port.retire(worker);
            self.vacancies.open(worker, now);
        }
    }
}
