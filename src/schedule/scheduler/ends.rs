use std::{mem, time::Instant};

use crate::{
    error::JobError,
    job::{Ended, Running},
    lane::Chunks,
    schedule::{Ending, Leave, Now, Port, Step},
    value::Value,
};

use super::{Left, Phase, Scheduler};

/// How a pool ends.
impl<T: Value, U: Value, E: Value> Scheduler<T, U, E> {
    /// Begins to end the pool, or agrees to a stricter end.
    pub(crate) fn end(&mut self, wanted: impl FnOnce(Leave) -> Ending) {
        self.inside.inbox.close();
        self.paused = false;
        let wanted = wanted(self.leave);
        match &mut self.phase {
            Phase::Open => {
                self.phase = Phase::Ending { ending: wanted, step: Step::Running, asked: None }
            }
            Phase::Ending { ending, .. } => *ending = ending.and(wanted),
            Phase::Over { .. } => {}
        }
    }

    /// Where the pool's time is over, cancels what has not started, and ends what runs.
    pub(super) fn cut_short(&mut self, now: Now, port: &mut impl Port<T, U, E>) {
        let Phase::Ending { ending, step, asked } = &mut self.phase else { return };
        let before = mem::replace(step, ending.step(now.clock).max(*step));
        if *step == Step::Ended && now.real >= *asked.get_or_insert(now.real) + self.leave.reach {
            *step = Step::Abandoned;
        }
        let (ending, step, now) = (*ending, *step, now.clock);
        if step > before {
            if step >= Step::Told {
                self.inside.stop();
            }
            (0..self.roster.len()).for_each(|worker| port.stop_jobs(worker, step));
        }
        self.cut_postponed(now, port);
        if ending.starts_nothing(now) {
            self.cancel_waiting(now, port);
        }
        if step > before && step == Step::Abandoned {
            self.abandon(now, port);
        }
    }

    /// When jobs that do not end although they were asked to are given up, by the real time.
    pub(super) fn given_up_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Ending { step: Step::Ended, asked, .. } => Some(asked? + self.leave.reach),
            _ => None,
        }
    }

    pub(super) fn cancel_waiting(&mut self, now: Instant, port: &mut impl Port<T, U, E>) {
        let queued = self.queue.take_all();
        self.end_waiting(queued, || JobError::Cancelled, now, port);
        let later = self.later.take_all();
        self.end_postponed(later.into_iter().map(|job| job.end(JobError::Cancelled, now)), port);
        let keyed = self.keys.take_all();
        self.end_waiting(keyed, || JobError::Cancelled, now, port);
        let leased = self.roster.recall_all();
        self.put(leased.into_iter().map(|job| job.end(JobError::Cancelled, now)), port);
    }

    fn abandon(&mut self, now: Instant, port: &mut impl Port<T, U, E>) {
        let abandoned: Vec<_> = self.roster.abandon().collect();
        for (worker, jobs) in abandoned {
            let (pool, jobs_left) = (&*self.name, jobs.len());
            tracing::warn!(pool, worker, jobs_left, "jobs still ran at the deadline; abandoned");
            self.left.workers.push(worker);
            self.left.abandoned.extend(jobs.iter().filter_map(Running::id));
            self.put(jobs.into_iter().map(|job| job.end(JobError::Abandoned, now)), port);
        }
    }

    /// The collector has handed over everything, of so many accepted jobs. Returns whether that still
    /// holds; a pool that was to end is over then.
    pub(crate) fn settled(&mut self, accepted: u64) -> bool {
        let holds = self.dry && self.accepted == accepted;
        if holds {
            self.forsaken = false;
            if let Phase::Ending { ending, .. } = self.phase {
                self.phase = Phase::Over { ending };
            }
        }
        holds
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over { .. })
    }

    /// Whether the pool, which was dry at the last turn, is closed for good now.
    pub(crate) fn close_if_dry(&self) -> bool {
        self.dry && self.inside.inbox.close_if_none_since(self.accepted)
    }

    /// Nobody holds the pool any more.
    pub(crate) fn forsake(&mut self) {
        self.forsaken = true;
    }

    /// What a pool that is over leaves, and how long its threads have to end.
    pub(crate) fn take_left(&mut self, now: Instant) -> (Left, Option<std::time::Duration>) {
        let patience = match self.phase {
            Phase::Over { ending } | Phase::Ending { ending, .. } => Some(ending.patience(now)),
            Phase::Open => None,
        };
        (mem::take(&mut self.left), patience)
    }

    /// Whatever stopped the pool, nobody waits in its line for ever, and no job just vanishes: those
    /// of callers tell them so as they are dropped, the others end as lost.
    pub(crate) fn collapse(&mut self, now: Instant, port: &mut impl Port<T, U, E>) {
        self.inside.inbox.close();
        let mut incoming = Chunks::new();
        self.inside.inbox.empty(mem::take(&mut self.released), &mut incoming);
        self.queue.append(&mut incoming);
        let (queued, leased) = (self.queue.take_all(), self.roster.recall_all());
        let queued = queued.into_iter().chain(self.keys.take_all()).chain(leased);
        let later = self.later.take_all().into_iter().map(|job| job.end(JobError::Lost, now));
        let again = self.roster.take_again().into_iter().map(|(ended, _)| ended);
        let waiting: Vec<_> =
            later.chain(again).chain(queued.map(|job| job.end(JobError::Lost, now))).collect();
        let waiting = waiting.into_iter();
        self.put_or_drop(waiting, port);
        let running: Vec<_> = self.roster.abandon().flat_map(|(_, jobs)| jobs).collect();
        self.put_or_drop(running.into_iter().map(|job| job.end(JobError::Lost, now)), port);
    }

    fn put_or_drop(
        &self,
        ended: impl Iterator<Item = Ended<T, U, E>>,
        port: &mut impl Port<T, U, E>,
    ) {
        let (waited_for, others): (Vec<_>, Vec<_>) = ended.partition(|job| job.to.is_waiting());
        crate::panic::drop_each(waited_for);
        self.put(others, port);
    }
}
