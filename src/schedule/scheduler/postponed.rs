use std::{
    mem,
    time::{Duration, Instant},
};

use crate::{
    error::JobError,
    intake::{Inflow, OnFull, Queue},
    job::{Accepted, Ended, Postponed, Stamp},
    schedule::{Chunks, Port, push_out_youngest},
    value::Value,
};

use super::{Phase, Scheduler};

/// Jobs that wait for their time or for their key.
impl<T: Value, U: Value, E: Value> Scheduler<T, U, E> {
    /// Jobs that have been accepted and not handed out.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len() + self.later.len() + self.keys.len()
    }

    /// Sets those of the incoming jobs aside that cannot go to the queue yet.
    pub(super) fn set_aside(
        &mut self,
        incoming: &mut Chunks<Accepted<T, U, E>>,
        inflow: &mut Inflow,
        taken: Instant,
    ) {
        let mut stay = Chunks::new();
        let mut sizes = inflow.sizes.iter_mut();
        let (mut size, mut left) = (None, 0);
        while let Some(job) = incoming.pop_front() {
            while left == 0
                && let Some(next) = sizes.next()
            {
                left = mem::take(next);
                size = Some(next);
            }
            left = left.saturating_sub(1);
            if let Some(delay) = job.delay() {
                // Its own time of acceptance is that of its burst, and may be older than it is.
                self.later.push(Stamp::of(taken).after(delay).instant(), Postponed::Delayed(job));
            } else if let Some(job) = self.with_its_key(job) {
                stay.push_back(job);
                if let Some(size) = &mut size {
                    **size += 1;
                }
            }
        }
        *incoming = stay;
    }

    /// Gives back a job that may go on, unless it must wait for its key.
    fn with_its_key(&mut self, mut job: Accepted<T, U, E>) -> Option<Accepted<T, U, E>> {
        let Some(key) = job.wanted_key() else { return Some(job) };
        job = self.keys.admit(key, job)?;
        job.hold_key();
        Some(job)
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
        let mut due = Chunks::new();
        while let Some(job) = self.later.pop_due(now) {
            match job {
                Postponed::Delayed(mut job) => {
                    job.move_behind(self.accepted);
                    due.extend(self.with_its_key(job));
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

    /// Ends what had been postponed.
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

    /// Where a queue evicts, and still holds more than it may: those in the queue go first.
    pub(super) fn evict(&mut self, now: Instant, port: &mut impl Port<T, U, E>) {
        let Queue { capacity: Some(capacity), on_full } = self.bound else { return };
        if !matches!(on_full, OnFull::EvictOldest | OnFull::EvictYoungest) {
            return;
        }
        let room = capacity.saturating_sub(self.waiting() - self.queue.len());
        let victims = match on_full {
            OnFull::EvictOldest => super::evict_oldest(&mut self.queue, room),
            _ => push_out_youngest(&mut self.queue, room),
        };
        self.end_waiting(victims, || JobError::Evicted, now, port);
        while self.waiting() > capacity {
            let Some(job) = self
                .later
                .pop_last()
                .map(|job| job.end(JobError::Evicted, now))
                .or_else(|| Some(self.keys.pop()?.end(JobError::Evicted, now)))
            else {
                return;
            };
            self.end_postponed([job], port);
        }
    }
}
