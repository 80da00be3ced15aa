use std::mem;

use crate::{
    error::JobError,
    job::{JobId, Running},
    lane::Survey,
    message::{CancelOutcome, Stall},
    schedule::{Now, Port},
    value::Value,
};

use super::{Phase, Scheduler};

/// What can be asked of it.
impl<T: Value, U: Value, E: Value> Scheduler<T, U, E> {
    /// Cancels one job, wherever it is.
    pub(crate) fn cancel(
        &mut self,
        id: JobId,
        now: Now,
        port: &mut impl Port<T, U, E>,
    ) -> CancelOutcome {
        self.take_in(now, port);
        self.take_again(now.clock);
        if self.cancel_waiting_one(id, now, port) {
            return CancelOutcome::Waiting;
        }
        if let Some(job) = self.roster.withdraw(id) {
            self.put([job.end(JobError::Cancelled, now.clock)], port);
            return CancelOutcome::Waiting;
        }
        let start = |job: &Running<T, U, E>| (job.id() == Some(id)).then(|| job.start());
        let Some((worker, seat)) = self.roster.cancel(start) else {
            return CancelOutcome::NotHere;
        };
        port.look(worker, seat);
        CancelOutcome::Running
    }

    /// Cancels those of these jobs that wait, and that no worker has been handed.
    pub(crate) fn cancel_those_waiting(
        &mut self,
        ids: Vec<JobId>,
        now: Now,
        port: &mut impl Port<T, U, E>,
    ) {
        self.take_in(now, port);
        self.take_again(now.clock);
        for id in ids {
            self.cancel_waiting_one(id, now, port);
        }
    }

    /// Cancels a job that waits in the queue, for its key, or for its time.
    fn cancel_waiting_one(&mut self, id: JobId, now: Now, port: &mut impl Port<T, U, E>) -> bool {
        if let Some(job) = self.queue.remove(id).or_else(|| self.keys.remove(id)) {
            self.end_waiting([job], || JobError::Cancelled, now.clock, port);
        } else if let Some(job) = self.roster.withdraw_returned(id) {
            self.put([job.end(JobError::Cancelled, now.clock)], port);
        } else if let Some(job) = self.later.remove(id) {
            self.end_postponed([job.end(JobError::Cancelled, now.clock)], port);
        } else {
            return false;
        }
        true
    }

    /// From here on no job starts. What had been handed out and not started comes back.
    pub(crate) fn pause(&mut self) {
        if self.phase == Phase::Open && !mem::replace(&mut self.paused, true) {
            let leases = self.roster.recall_all();
            self.roster.give_back(leases);
        }
    }

    pub(crate) fn resume(&mut self) {
        self.paused = false;
    }

    pub(crate) fn look(&mut self) -> Look {
        let seats = self.roster.census();
        // Nobody is to have those while the pool is paused.
        let back = if self.paused { self.roster.returned() } else { 0 };
        let seats = Survey { waiting: seats.waiting - back, ..seats };
        Look {
            workers: self.roster.size(),
            stuck: seats.stuck + self.roster.written_off(),
            seats,
            queued: self.queue.len() + self.keys.len() + back,
            postponed: self.later.len(),
            paused: self.paused,
            deaths: self.vacancies.deaths(),
            build_failures: self.roster.failures(),
            stall: self.vigil.stall(&self.name),
        }
    }
}

/// What the scheduler shows.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) workers: usize,
    pub(crate) seats: Survey,
    pub(crate) stuck: usize,
    pub(crate) queued: usize,
    pub(crate) postponed: usize,
    pub(crate) paused: bool,
    pub(crate) deaths: u64,
    pub(crate) build_failures: u64,
    pub(crate) stall: Option<Stall>,
}
