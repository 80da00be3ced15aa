//! A job while it runs: in the custody of its worker's lane, so that it can be ended even if its
//! thread never comes back.

use std::{
    mem::{self, ManuallyDrop},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{error::JobError, lane::Told, panic::drop_each};

use super::{Accepted, Address, Ended, Entry, Job, JobId, JobResult, Stamp, WorkerId, result::End};

/// Where a job lies while it runs: shared by its lane and the code that runs it.
pub(crate) type Slot<T> = triomphe::Arc<Option<Job<T>>>;

/// Where and since when a job has run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) worker: WorkerId,
    pub(crate) started: Stamp,
}

/// What a lane keeps of a job that runs. Whoever takes it out of the lane ends the job.
pub(crate) struct Running<T, U, E> {
    /// The lane's share of the seat's slot; `None` only while jobs are exchanged.
    job: Option<Slot<T>>,
    to: Address<T, U, E>,
    queued: Stamp,
    place: u64,
    run: Run,
    /// The number of this start on its seat: no other there has the same.
    start: u64,
}

impl<T, U, E> Running<T, U, E> {
    /// When it is to have ended, where `timeout` is for jobs that have none of their own.
    pub(crate) fn deadline(&self, timeout: Option<Duration>) -> Option<Stamp> {
        self.job()?.deadline(self.run.started, timeout)
    }

    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    pub(crate) fn id(&self) -> Option<JobId> {
        self.job().map(Job::id)
    }

    fn job(&self) -> Option<&Job<T>> {
        self.job.as_deref()?.as_ref()
    }

    /// Whether its caller waits no more.
    pub(crate) fn is_given_up(&self) -> bool {
        self.to.stop().is_some_and(CancellationToken::is_cancelled)
    }

    /// Ends the job over the head of the code that runs it, which may still look at its payload.
    pub(crate) fn end(self, error: JobError<E>, ended: Instant) -> Ended<T, U, E> {
        let Self { job, to, queued, place, run, .. } = self;
        let end = End::new(Err(error), Some(run), Some(queued), Stamp::of(ended));
        let result = match job.map(triomphe::Arc::try_unwrap) {
            Some(Ok(Some(mut job))) => {
                job.options().place = Some(place);
                JobResult::new(job, end)
            }
            Some(Err(job)) => JobResult::shared_with_its_code(job, end),
            Some(Ok(None)) | None => unreachable!("a job that runs lies in its slot"),
        };
        Ended { result, to }
    }
}

/// What one seat has of the job that it runs. Its slot serves one job after another, so that none
/// costs an allocation.
pub(crate) struct Hand<T> {
    slot: Slot<T>,
    /// Jobs that have begun on the seat.
    starts: u64,
    /// What its caller cancels it by, if anybody does.
    stop: Option<CancellationToken>,
}

/// A job that ran on a seat, and was given back by its lane.
pub(crate) struct Done<T, U, E> {
    job: Job<T>,
    to: Address<T, U, E>,
    queued: Stamp,
    place: u64,
    run: Run,
    /// Others may wait for it.
    pub(crate) held_key: Option<u64>,
}

/// A job that ran, and what came of it.
pub(crate) struct Completion<'a, T, U, E> {
    pub(crate) job: Done<T, U, E>,
    pub(crate) outcome: &'a mut Result<U, JobError<E>>,
    /// Whether its code was called at all.
    pub(crate) started: bool,
    pub(crate) at: Stamp,
}

impl<T, U, E> Done<T, U, E> {
    /// It is to come back to its place.
    pub(crate) fn keep_place(&mut self) {
        self.job.options().place = Some(self.place);
    }
}

impl<'a, T, U, E> Completion<'a, T, U, E> {
    /// Where its result goes, and what makes the result, once, of what lies in `outcome`.
    #[inline(always)]
    pub(super) fn split(
        self,
    ) -> (Address<T, U, E>, impl FnOnce() -> JobResult<T, U, E> + use<'a, T, U, E>) {
        let Self { job: Done { job, to, queued, run, .. }, outcome, started, at } = self;
        // Who drops it on unwinding needs the job in one piece, and it is moved once more. Nothing here
        // unwinds, but for want of memory.
        let job = ManuallyDrop::new(job);
        let result = move || {
            let outcome = mem::replace(outcome, Err(JobError::Lost));
            let end = End::new(outcome, started.then_some(run), Some(queued), at);
            JobResult::new(ManuallyDrop::into_inner(job), end)
        };
        (to, result)
    }

    pub(crate) fn end(self) -> Ended<T, U, E> {
        let (to, result) = self.split();
        Ended { result: result(), to }
    }
}

impl<T> Hand<T> {
    pub(crate) fn new() -> Self {
        Self { slot: triomphe::Arc::new(None), starts: 0, stop: None }
    }

    /// Lets go of a job that was ended over the head of its code.
    pub(crate) fn let_go(&mut self) {
        drop_each([mem::replace(&mut self.slot, triomphe::Arc::new(None))]);
    }

    /// The number of the job's start.
    pub(crate) fn start(&self) -> u64 {
        self.starts
    }

    /// The job that runs.
    pub(crate) fn job(&self) -> Option<&Job<T>> {
        (*self.slot).as_ref()
    }

    pub(crate) fn stop(&self) -> Option<&CancellationToken> {
        self.stop.as_ref()
    }

    /// Whether nobody wants the outcome of its job any more, by what its seat was `told`.
    pub(crate) fn is_unwanted(&self, told: &Told) -> bool {
        told.is_cancelled(self.starts)
            || self.stop.as_ref().is_some_and(CancellationToken::is_cancelled)
    }

    /// Begins a job: what is returned is for the lane.
    #[inline(always)]
    pub(crate) fn begin<U, E>(&mut self, job: Accepted<T, U, E>, run: Run) -> Running<T, U, E> {
        let Accepted { entry: Entry { job, to }, queued, place } = job;
        let (slot, start) = self.hold(job, &to);
        Running { job: Some(slot), to, queued, place, run, start }
    }

    /// The job lies in the seat's slot from now on: a share of that, and the number of the start.
    #[inline(always)]
    fn hold<U, E>(&mut self, job: Job<T>, to: &Address<T, U, E>) -> (Slot<T>, u64) {
        self.turn_to(to);
        match triomphe::Arc::get_mut(&mut self.slot) {
            Some(slot) => *slot = Some(job),
            None => self.slot = triomphe::Arc::new(Some(job)),
        }
        (self.slot.clone(), self.starts)
    }

    /// Another job starts, whose result goes there.
    #[inline(always)]
    fn turn_to<U, E>(&mut self, to: &Address<T, U, E>) {
        self.starts += 1;
        if self.stop.is_some() || to.is_waiting() {
            self.stop = to.stop().cloned();
        }
    }

    /// Takes back the job that ran, which its lane gave back, and begins another in its place. From then on
    /// nothing can unwind: who drops a job on the way needs it in one piece, and it is moved once more.
    #[inline(always)]
    pub(crate) fn exchange<U, E>(
        &mut self,
        ran: &mut Running<T, U, E>,
        next: Accepted<T, U, E>,
        run: Run,
    ) -> Done<T, U, E> {
        drop(ran.job.take());
        let Accepted { entry, queued, place } = next;
        self.turn_to(&entry.to);
        let slot = triomphe::Arc::get_mut(&mut self.slot);
        let Some(job) = slot.and_then(|slot| slot.replace(entry.job)) else {
            unreachable!("nobody else has a job that its lane gave back")
        };
        // It was taken out above.
        mem::forget(ran.job.replace(self.slot.clone()));
        ran.start = self.starts;
        let held_key = job.held_key();
        Done {
            job,
            to: mem::replace(&mut ran.to, entry.to),
            queued: mem::replace(&mut ran.queued, queued),
            place: mem::replace(&mut ran.place, place),
            run: mem::replace(&mut ran.run, run),
            held_key,
        }
    }

    /// Takes back the job that ran, which its lane gave back.
    pub(crate) fn take_back<U, E>(&mut self, ran: Running<T, U, E>) -> Done<T, U, E> {
        let Running { job, to, queued, place, run, .. } = ran;
        let job = self.take_out(job);
        Done { held_key: job.held_key(), job, to, queued, place, run }
    }

    /// The job, once its lane has given up its share of the slot: it is the seat's own then.
    #[inline(always)]
    fn take_out(&mut self, share: Option<Slot<T>>) -> Job<T> {
        drop(share);
        match triomphe::Arc::get_mut(&mut self.slot).and_then(Option::take) {
            Some(job) => job,
            None => unreachable!("nobody else has a job that its lane gave back"),
        }
    }
}

impl<T> Drop for Hand<T> {
    /// Its share may be the last one of a job whose code did not come back.
    fn drop(&mut self) {
        self.let_go();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Entry;

    type Queued = Accepted<u8, u8, ()>;

    fn now() -> Stamp {
        Stamp::of(Instant::now())
    }

    fn accepted(payload: u8) -> Queued {
        Accepted::new(Entry::new(Job::new(payload)), now())
    }

    fn run() -> Run {
        Run { worker: WorkerId(0), started: now() }
    }

    fn payload(ended: &Ended<u8, u8, ()>) -> u8 {
        *ended.result.job().payload()
    }

    fn end(job: Done<u8, u8, ()>) -> Ended<u8, u8, ()> {
        Completion { job, outcome: &mut Ok(9), started: true, at: now() }.end()
    }

    #[test]
    fn one_slot_serves_one_job_after_another() {
        let mut hand = Hand::new();
        let mut running = hand.begin(accepted(1), run());
        let slot = hand.slot.as_ptr();
        let done = hand.exchange(&mut running, accepted(2), run());
        assert_eq!(payload(&end(done)), 1);
        assert_eq!(hand.job().map(|job| *job.payload()), Some(2));
        let done = hand.take_back(running);
        assert_eq!(payload(&end(done)), 2);
        assert!(hand.job().is_none());
        assert_eq!(hand.slot.as_ptr(), slot);
    }

    #[test]
    fn a_job_that_is_ended_over_its_codes_head_is_still_there_for_both() {
        let mut hand = Hand::new();
        let running = hand.begin::<u8, ()>(accepted(1), run());
        let ended = running.end(JobError::Abandoned, Instant::now());
        assert_eq!((payload(&ended), hand.job().map(|job| *job.payload())), (1, Some(1)));
        let result = ended.result.into_parts().expect_err("its code runs");
        // The seat may go on: the slot is no longer its own, and it takes another.
        let _ = hand.begin::<u8, ()>(accepted(2), run());
        assert_eq!(result.into_parts().unwrap().job.into_payload(), 1);
    }

    #[test]
    fn a_job_whose_code_is_gone_is_its_results_own() {
        let mut hand = Hand::new();
        let running = hand.begin::<u8, ()>(accepted(1), run());
        drop(hand);
        let ended = running.end(JobError::Lost, Instant::now());
        assert_eq!(ended.result.into_parts().unwrap().attempts, 1);
    }
}
