use std::time::{Duration, Instant};

use crate::{
    error::JobError,
    job::{Accepted, Ended, Postponed, Stamp},
    lane::Chunks,
    schedule::Port,
    value::Value,
};

use super::{Phase, Scheduler};

/// Jobs that wait for their time or for their key.
impl<T: Value, U: Value, E: Value> Scheduler<T, U, E> {
    /// Jobs that have been accepted and not handed out.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len() + self.later.len() + self.keys.len()
    }

    /// Those of them that are not in the queue.
    pub(super) fn aside(&self) -> usize {
        self.later.len() + self.keys.len()
    }

    /// The key for which a job must wait; if that is free, the job holds it from now on.
    pub(super) fn awaited_key(&mut self, job: &mut Accepted<T, U, E>) -> Option<u64> {
        let key = job.wanted_key()?;
        if !self.keys.claim(key) {
            return Some(key);
        }
        job.hold_key();
        None
    }

    /// The jobs that held these keys have ended: who waited for each goes to its place.
    pub(super) fn release_keys(&mut self, freed: Vec<u64>) {
        for key in freed {
            if let Some(mut next) = self.keys.release(key) {
                next.hold_key();
                self.queue.give_back([next].into());
            }
        }
    }

    /// What is due at `now` goes to the queue: to the end of it after a delay, to its own place to be
    /// tried again.
    pub(super) fn take_due(&mut self, now: Instant, port: &mut impl Port<T, U, E>) {
        if self.later.len() == 0 {
            return;
        }
        let mut due = Chunks::new();
        while let Some(job) = self.later.pop_due(now) {
            match job {
                Postponed::Delayed(mut job) => {
                    job.move_behind(self.accepted);
                    match self.awaited_key(&mut job) {
                        Some(key) => self.keys.wait(key, job),
                        None => due.push_back(job),
                    }
                }
                Postponed::Retry(ended) => self.try_again(ended, port),
            }
        }
        self.queue.append(&mut due);
    }

    fn try_again(&mut self, Ended { result, to }: Ended<T, U, E>, port: &mut impl Port<T, U, E>) {
        match result.retry() {
            Ok((job, Some(queued))) => {
                self.queue.give_back([Accepted::again(job, to, queued)].into());
            }
            // Its code still holds it, on a thread that is dead: it stays as it ended.
            Ok((_, None)) => unreachable!("a job that ran had been accepted"),
            Err(result) => self.end_postponed([Ended { result, to }], port),
        }
    }

    /// What workers have put by to be tried again waits from now on.
    pub(super) fn take_again(&mut self, now: Instant) {
        let again = self.roster.take_again();
        self.postpone(again, now);
    }

    /// Has jobs wait that are to be tried again.
    fn postpone(
        &mut self,
        again: impl IntoIterator<Item = (Ended<T, U, E>, Duration)>,
        now: Instant,
    ) {
        let mut jobs = 0;
        for (ended, pause) in again {
            jobs += 1;
            let due = Stamp::of(now).after(pause).instant();
            self.later.push(due, Postponed::Retry(ended));
        }
        self.inside.inbox.take_back(jobs);
    }

    /// What ran on a worker that died is lost, or tried again if it `may` be.
    pub(super) fn lose(
        &mut self,
        ended: Ended<T, U, E>,
        may: bool,
        now: Instant,
        port: &mut impl Port<T, U, E>,
    ) {
        let retry = self.retry.as_ref().filter(|_| may);
        match retry.and_then(|retry| retry.pause(ended.result.attempts(), port.chance())) {
            Some(pause) => self.postpone([(ended, pause)], now),
            None => self.put([ended], port),
        }
    }

    /// Hands over what has ended while it waited.
    pub(super) fn end_postponed(
        &mut self,
        ended: impl IntoIterator<Item = Ended<T, U, E>>,
        port: &mut impl Port<T, U, E>,
    ) {
        for ended in ended {
            self.released += 1;
            self.put([ended], port);
        }
    }

    /// Cancels what would be due only when the pool's time is over.
    pub(super) fn cut_postponed(&mut self, now: Instant, port: &mut impl Port<T, U, E>) {
        let Phase::Ending { ending, .. } = &self.phase else { return };
        let limit = ending.start_until();
        let late = self.later.take_from(limit);
        self.end_postponed(late.into_iter().map(|job| job.end(JobError::Cancelled, now)), port);
    }
}
