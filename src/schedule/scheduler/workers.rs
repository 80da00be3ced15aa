use std::{mem, time::Instant};

use crate::{
    error::JobError,
    job::{Accepted, Running},
    lane::Remains,
    schedule::{Dealt, Port, sizing::Opened},
    value::Value,
};

use super::{Phase, Scheduler};

/// Workers that come and go.
impl<T: Value, U: Value, E: Value> Scheduler<T, U, E> {
    /// Those that are not needed any more are dismissed, and those that have died are to be replaced.
    pub(super) fn see_off(&mut self, now: Instant, port: &mut impl Port<T, U, E>) {
        while let Some((worker, leases)) = self.roster.take_emptied() {
            self.vacancies.close(worker);
            port.retire(worker);
            self.roster.give_back(leases);
        }
        while let Some((worker, remains)) = self.roster.bury() {
            self.bury(worker, remains, now, port);
        }
    }

    /// What ran is lost, and what had not started goes back to its place.
    fn bury(
        &mut self,
        worker: usize,
        remains: Remains<Accepted<T, U, E>, Running<T, U, E>>,
        now: Instant,
        port: &mut impl Port<T, U, E>,
    ) {
        let Remains { running, leases, begun } = remains;
        tracing::warn!(
            pool = &*self.name,
            worker,
            lost = running.len(),
            given_back = leases.len(),
            "a worker's thread ended; it is replaced"
        );
        self.vacancies.died(worker, begun > 0, now);
        for (job, told) in running {
            let wanted = !job.is_given_up() && !told.is_cancelled(job.start());
            self.lose(job.end(JobError::Lost, now), wanted, now, port);
        }
        self.roster.give_back(leases);
    }

    pub(super) fn fill_vacancies(&mut self, now: Instant, port: &mut impl Port<T, U, E>) {
        if matches!(self.phase, Phase::Over { .. }) {
            return;
        }
        while let Some(worker) = self.vacancies.take_due(now) {
            let (station, staff) = (self.roster.station(worker), self.roster.staff(worker));
            if !port.hire(worker, station, staff) {
                self.vacancies.postpone(worker, now);
            }
        }
    }

    /// Has so many workers from now on.
    pub(crate) fn resize(&mut self, workers: usize, now: Instant, port: &mut impl Port<T, U, E>) {
        let size = self.roster.size();
        if workers > size {
            self.grow(workers - size, now, port);
        } else if workers < size {
            self.shrink(size - workers, port);
        }
    }

    fn grow(&mut self, n: usize, now: Instant, port: &mut impl Port<T, U, E>) {
        for Opened { worker, staff, is_new } in self.roster.grow(n) {
            if is_new {
                self.vacancies.open(worker, now);
            } else if !self.vacancies.is_vacant(worker) {
                port.seat(worker, staff);
            }
        }
    }

    /// What had been handed out goes back first: it may lie with those that leave.
    fn shrink(&mut self, n: usize, port: &mut impl Port<T, U, E>) {
        let leases = self.roster.recall_all();
        self.roster.give_back(leases);
        for (worker, seats) in self.roster.shrink(n) {
            port.dismiss(worker, seats);
        }
    }

    /// Says so when no worker is live and none is about to be. Where nobody holds the pool any more,
    /// nobody would mend that, and what waits is cancelled.
    pub(super) fn see_whether_anyone_works(
        &mut self,
        dealt: &Dealt,
        now: Instant,
        port: &mut impl Port<T, U, E>,
    ) {
        let workers = 0..self.roster.len();
        let absent = |worker: usize| match self.vacancies.is_vacant(worker) {
            true => self.roster.seats(worker),
            false => 0,
        };
        let helpless = dealt.live == 0 && {
            let all: usize = workers.clone().map(|worker| self.roster.seats(worker)).sum();
            dealt.failing + workers.map(absent).sum::<usize>() >= all
        };
        let (pool, queued) = (&*self.name, self.queue.len());
        if helpless && !mem::replace(&mut self.said_helpless, true) {
            tracing::warn!(pool, queued, "no worker of the pool is live");
        } else if dealt.live > 0 && mem::take(&mut self.said_helpless) {
            tracing::info!(pool, "a worker of the pool is live again");
        }
        if self.forsaken && (helpless || self.paused) {
            self.cancel_waiting(now, port);
        }
    }
}
