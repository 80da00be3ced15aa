//! The inbox: the lane into the dispatcher, with the gate under its lock.

use std::{
    collections::VecDeque,
    fmt, iter,
    marker::PhantomData,
    mem,
    sync::{Arc, OnceLock},
    time::Instant,
};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::{
    error::{Refusal, Refused},
    job::{Accepted, Entry, Job, JobId, Jobs, Stamp},
    lane::{Bell, Chunks, Lane, Put, Ring},
    panic::drop_each,
    value::{Of, Value},
};

use super::{
    OnFull, Queue,
    gate::{Gate, Place, Waiting},
    incoming::Incoming,
};

/// Times of acceptance are exact to this many jobs of a burst: a reading of the clock costs as
/// much as the rest of a submission.
const STAMP_EVERY: usize = 64;

/// What can be submitted: one job, or several that go together.
pub(crate) trait Submission<T, U, E>: Send + 'static {
    /// What the sender holds, and gets back if it is refused.
    type Item: Send + 'static;
    /// What the sender is told if it is accepted.
    type Receipt: Send + 'static;

    fn len(&self) -> usize;
    fn receipt(&self) -> Self::Receipt;
    fn accept(self, queued: Stamp, jobs: &mut Incoming<T, U, E>);
    fn refuse(self, reason: Refusal) -> Refused<Self::Item>;
    /// The jobs of what was refused.
    fn each(item: Self::Item) -> impl Iterator<Item = Job<T>>;
}

impl<T: Value, U: Value, E: Value> Submission<T, U, E> for Entry<T, U, E> {
    type Item = Job<T>;
    type Receipt = JobId;

    fn len(&self) -> usize {
        1
    }

    fn receipt(&self) -> JobId {
        self.job.id()
    }

    fn accept(self, queued: Stamp, jobs: &mut Incoming<T, U, E>) {
        jobs.push(Accepted::new(self, queued));
    }

    fn refuse(self, reason: Refusal) -> Refused<Job<T>> {
        Refused { job: Entry::refuse(self), reason }
    }

    fn each(job: Job<T>) -> impl Iterator<Item = Job<T>> {
        iter::once(job)
    }
}

impl<T: Value, U, E> Submission<T, U, E> for Jobs<T> {
    type Item = Self;
    type Receipt = Vec<JobId>;

    fn len(&self) -> usize {
        Jobs::len(self)
    }

    fn receipt(&self) -> Vec<JobId> {
        Jobs::receipt(self)
    }

    fn accept(self, queued: Stamp, jobs: &mut Incoming<T, U, E>) {
        jobs.push_all(self, queued);
    }

    fn refuse(self, reason: Refusal) -> Refused<Self> {
        Refused { job: self, reason }
    }

    fn each(jobs: Self) -> impl Iterator<Item = Job<T>> {
        jobs.into_iter()
    }
}

/// What a submission is answered by.
pub(crate) type Decision<S, T, U, E> =
    Result<<S as Submission<T, U, E>>::Receipt, Refused<<S as Submission<T, U, E>>::Item>>;

/// What came of a submission that may wait.
pub(crate) enum Submitted<A, D> {
    /// It was decided at once: whom to answer, and how.
    Decided(A, D),
    /// It waits in line.
    InLine(Place),
}

/// Whom to answer once a submission that waits in line is decided.
pub(crate) trait Answer<R>: Send + 'static {
    /// Whether nobody waits for it any more.
    fn is_closed(&self) -> bool;
    fn send(self, answer: R);
}

/// What remains to be done once the inbox is unlocked.
type Afterwards = Box<dyn FnOnce() + Send>;

/// Someone in the line: a submission of any kind, and whom to answer.
trait Waiter<T, U, E>: Waiting + Send {
    fn accept(self: Box<Self>, queued: Stamp, jobs: &mut Incoming<T, U, E>) -> Afterwards;
    fn turn_away(self: Box<Self>);
}

struct InLine<S: Submission<T, U, E>, A, T, U, E> {
    submission: S,
    receipt: S::Receipt,
    asker: A,
    of: Of<T, U, E>,
}

impl<S, A, T, U, E> Waiting for InLine<S, A, T, U, E>
where
    S: Submission<T, U, E>,
    A: Answer<Decision<S, T, U, E>>,
{
    fn jobs(&self) -> usize {
        self.submission.len()
    }

    fn has_left(&self) -> bool {
        self.asker.is_closed()
    }
}

impl<S, A, T, U, E> Waiter<T, U, E> for InLine<S, A, T, U, E>
where
    S: Submission<T, U, E>,
    A: Answer<Decision<S, T, U, E>>,
{
    fn accept(self: Box<Self>, queued: Stamp, jobs: &mut Incoming<T, U, E>) -> Afterwards {
        let Self { submission, receipt, asker, .. } = *self;
        submission.accept(queued, jobs);
        Box::new(move || asker.send(Ok(receipt)))
    }

    fn turn_away(self: Box<Self>) {
        self.asker.send(Err(self.submission.refuse(Refusal::Closed)));
    }
}

impl<T, U, E> Waiting for Box<dyn Waiter<T, U, E>> {
    fn jobs(&self) -> usize {
        (**self).jobs()
    }

    fn has_left(&self) -> bool {
        (**self).has_left()
    }
}

struct Content<T, U, E> {
    gate: Gate<Box<dyn Waiter<T, U, E>>>,
    jobs: Incoming<T, U, E>,
    /// Keys whose holders have ended.
    freed: Vec<u64>,
    /// The time that jobs are stamped with, until there are `stamp_at` of them.
    now: Stamp,
    stamp_at: usize,
    /// How many jobs each submission brought, if the youngest are evicted: a submission pushes out
    /// what came before it, never itself.
    sizes: Option<Vec<usize>>,
}

/// The lane from everyone who submits to the dispatcher. It outlives the dispatcher, so that a job
/// for a pool that is gone comes back.
pub(crate) struct Inbox<T, U, E> {
    lane: Lane<Content<T, U, E>>,
    now: Box<dyn Fn() -> Instant + Send + Sync>,
    /// Rings the dispatcher; set once it has an address.
    bell: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Cancelled when the gate closes.
    closed: CancellationToken,
}

impl<T: Value, U: Value, E: Value> Inbox<T, U, E> {
    pub(crate) fn new(
        queue: Queue,
        now: impl Fn() -> Instant + Send + Sync + 'static,
    ) -> Arc<Self> {
        let gate = Gate::new(queue.capacity, queue.on_full);
        let sizes = (queue.on_full == OnFull::EvictYoungest).then(Vec::new);
        let content = Content {
            gate,
            jobs: Incoming::new(),
            freed: Vec::new(),
            now: Stamp::of(now()),
            stamp_at: 0,
            sizes,
        };
        Arc::new(Self {
            lane: Lane::new(content),
            now: Box::new(now),
            bell: OnceLock::new(),
            closed: CancellationToken::new(),
        })
    }

    /// Gives the inbox its bell, once.
    pub(crate) fn connect(&self, bell: impl Fn() + Send + Sync + 'static) {
        let _ = self.bell.set(Box::new(bell));
    }

    pub(crate) fn ring(&self, ring: Option<Ring>) {
        if ring.is_some() {
            self.knock();
        }
    }

    /// Has the dispatcher look at everything.
    pub(crate) fn knock(&self) {
        if let Some(bell) = self.bell.get() {
            bell();
        }
    }

    /// Accepts or refuses at once, from any thread.
    pub(crate) fn try_submit<S: Submission<T, U, E>>(&self, submission: S) -> Decision<S, T, U, E> {
        self.try_accept(submission).map_err(|(submission, reason)| submission.refuse(reason))
    }

    /// As [`try_submit`](Self::try_submit), but what is refused can be submitted again.
    #[inline(always)]
    pub(crate) fn try_accept<S: Submission<T, U, E>>(
        &self,
        submission: S,
    ) -> Result<S::Receipt, (S, Refusal)> {
        let (receipt, jobs) = (submission.receipt(), submission.len());
        // They stay where they are: what is returned from under a lock is moved several times.
        let (mut submission, mut refused) = (Some(submission), None);
        self.put(|content| match content.gate.admit(jobs) {
            Ok(()) => ((), submission.take().map_or(Put::Nothing, |jobs| self.push(content, jobs))),
            Err(reason) => {
                refused = Some(reason);
                ((), Put::Nothing)
            }
        });
        // Not both in a tuple, which would be one more move.
        let Some(reason) = refused else { return Ok(receipt) };
        match submission {
            Some(submission) => Err((submission, reason)),
            None => Ok(receipt),
        }
    }

    /// Accepts, refuses, or lets the submission wait in line, where the policy is to wait.
    pub(crate) fn submit_or_wait<S: Submission<T, U, E>, A>(
        &self,
        submission: S,
        asker: A,
    ) -> Submitted<A, Decision<S, T, U, E>>
    where
        A: Answer<Decision<S, T, U, E>>,
    {
        let receipt = submission.receipt();
        let decided = self.put(|content| match content.gate.admit(submission.len()) {
            Ok(()) => (Ok((asker, Ok(receipt))), self.push(content, submission)),
            Err(reason) if content.gate.may_wait(reason) => {
                let in_line = Box::new(InLine { submission, receipt, asker, of: PhantomData });
                (Err(content.gate.join(in_line)), Put::Nothing)
            }
            Err(reason) => (Ok((asker, Err((submission, reason)))), Put::Nothing),
        });
        match decided {
            Ok((asker, answer)) => {
                let answer = answer.map_err(|(submission, reason)| submission.refuse(reason));
                Submitted::Decided(asker, answer)
            }
            Err(place) => Submitted::InLine(place),
        }
    }

    fn push<S: Submission<T, U, E>>(&self, content: &mut Content<T, U, E>, submission: S) -> Put {
        let before = content.jobs.all.len();
        if before >= content.stamp_at {
            content.now = Stamp::of((self.now)());
            content.stamp_at = before + STAMP_EVERY;
        }
        if let Some(sizes) = &mut content.sizes {
            sizes.push(submission.len());
        }
        submission.accept(content.now, &mut content.jobs);
        match content.jobs.all.len() > before {
            // Some of them may wait for a time, whoever works.
            true if content.jobs.any_special => Put::Urgent,
            true => Put::Patient,
            false => Put::Nothing,
        }
    }

    /// Leaves the line, with the submission, and lets in those behind.
    pub(crate) fn leave(&self, place: Place) {
        let answers = self.put(|content| {
            content.gate.leave(place);
            let answers = self.admit_line(content);
            let put = if answers.is_empty() { Put::Nothing } else { Put::Patient };
            (answers, put)
        });
        answers.into_iter().for_each(|answer| answer());
    }

    /// The time by the pool's clock.
    pub(crate) fn now(&self) -> Instant {
        (self.now)()
    }

    /// The dispatcher's side: gives back the room of jobs that are about to be handed out. Those who
    /// wait for it are let in when the inbox is emptied.
    pub(crate) fn release(&self, jobs: usize) {
        self.lane.peek(|content| content.gate.release(jobs));
    }

    /// The dispatcher's side: jobs that had been handed out wait again.
    pub(crate) fn take_back(&self, jobs: usize) {
        self.lane.peek(|content| content.gate.take_back(jobs));
    }

    /// The dispatcher's side: gives back the room of `ended` jobs, lets in those who waited
    /// for it, and moves all that was accepted to the end of `into`.
    pub(crate) fn empty(&self, ended: usize, into: &mut Chunks<Accepted<T, U, E>>) -> Inflow {
        let (inflow, answers, left) = self.lane.take(|content, _| {
            content.gate.release(ended);
            let answers = self.admit_line(content);
            into.append(&mut content.jobs.all);
            content.stamp_at = 0;
            let sizes = content.sizes.as_mut().map(mem::take).unwrap_or_default();
            // By then, all of them had been accepted: the dispatcher's time may be older.
            let any_special = mem::take(&mut content.jobs.any_special);
            let special = any_special.then(|| (self.now)());
            let freed = mem::take(&mut content.freed);
            let inflow = Inflow { accepted: content.gate.accepted(), sizes, special, freed };
            ((inflow, answers, content.gate.take_left()), Bell::Asleep)
        });
        answers.into_iter().for_each(|answer| answer());
        drop_each(left);
        inflow
    }

    /// The dispatcher's side: nobody could start what comes now. Whoever can, later, rings the dispatcher,
    /// and it empties the inbox then.
    pub(crate) fn need_not_ring(&self) {
        self.lane.take(|_, bell| ((), if bell == Bell::Asleep { Bell::Awake } else { bell }));
    }

    fn admit_line(&self, content: &mut Content<T, U, E>) -> Vec<Afterwards> {
        let mut answers = Vec::new();
        while let Some(waiter) = content.gate.next_in_line() {
            if answers.is_empty() {
                content.now = Stamp::of((self.now)());
            }
            answers.push(waiter.accept(content.now, &mut content.jobs));
        }
        answers
    }

    /// Changes the content under the lock; rings, and drops what users own, once it is released.
    #[inline(always)]
    fn put<R>(&self, put: impl FnOnce(&mut Content<T, U, E>) -> (R, Put)) -> R {
        let mut left = Vec::new();
        let (answer, ring) = self.lane.put(|content| {
            let put = put(content);
            if content.gate.any_left() {
                left = content.gate.take_left();
            }
            put
        });
        self.ring(ring);
        if !left.is_empty() {
            drop_each(left);
        }
        answer
    }

    /// The collector's side: the results of jobs that held these keys have been handed over.
    pub(crate) fn free(&self, keys: &mut Vec<u64>) {
        self.put(|content| {
            content.freed.append(keys);
            ((), Put::Urgent)
        });
    }

    /// Jobs that were ever accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.lane.peek(|content| content.gate.accepted())
    }

    /// Refuses everything from now on, and turns away the line.
    pub(crate) fn close(&self) {
        let line = self.lane.peek(|content| content.gate.close());
        self.turn_away(line);
    }

    /// Whether everything is refused.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Completes once everything is refused.
    pub(crate) fn closed(&self) -> WaitForCancellationFutureOwned {
        self.closed.clone().cancelled_owned()
    }

    fn turn_away(&self, line: VecDeque<Box<dyn Waiter<T, U, E>>>) {
        self.closed.cancel();
        line.into_iter().for_each(Waiter::turn_away);
    }

    /// Refuses everything from now on, unless something has been accepted beyond `accepted` jobs.
    pub(crate) fn close_if_none_since(&self, accepted: u64) -> bool {
        let line = self
            .lane
            .peek(|content| (content.gate.accepted() == accepted).then(|| content.gate.close()));
        line.map(|line| self.turn_away(line)).is_some()
    }

    /// What the gate shows.
    pub(crate) fn look(&self) -> Look {
        self.lane.peek(|Content { gate, .. }| Look {
            open: gate.is_open(),
            capacity: gate.capacity(),
            waiting: gate.waiting(),
        })
    }
}

/// What came of emptying the inbox.
#[derive(Debug)]
pub(crate) struct Inflow {
    /// Jobs that were ever accepted, those just taken included.
    pub(crate) accepted: u64,
    /// How many jobs each submission brought; empty unless the youngest are evicted.
    pub(crate) sizes: Vec<usize>,
    /// When the jobs were taken, if some of them cannot just go to the end of the queue.
    pub(crate) special: Option<Instant>,
    /// Keys whose holders have ended.
    pub(crate) freed: Vec<u64>,
}

/// What the gate shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) open: bool,
    pub(crate) capacity: Option<usize>,
    /// Submissions that wait in line.
    pub(crate) waiting: usize,
}

impl<T, U, E> fmt::Debug for Inbox<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}
