//! A job, from its making to its terminal result.

mod accepted;
mod address;
mod context;
mod counts;
mod finished;
mod id;
mod jobs;
mod options;
mod result;
mod running;
mod stamp;

use std::{fmt, hash::Hash, time::Duration};

use crate::lane::Station;

use self::options::Options;

#[cfg(test)]
pub(crate) use self::result::End;
pub(crate) use self::{
    accepted::{Accepted, Batch, Entry, Postponed, place_of},
    address::{Address, Arrival, Caller, Flow, FlowSeat, Waiter},
    context::Inside,
    finished::Finished,
    id::Staff,
    result::Ended,
    running::{Completion, Done, Hand, Run, Running},
    stamp::Stamp,
};
pub use self::{
    context::JobContext,
    counts::Counts,
    id::{JobId, WorkerId},
    jobs::Jobs,
    result::{JobResult, Parts},
};

/// The lanes of one worker.
pub(crate) type WorkStation<T, U, E> =
    Station<Accepted<T, U, E>, Running<T, U, E>, Ended<T, U, E>, Finished<T, U, E>>;

/// One piece of work: a payload for the process function, and an id to know it by.
///
/// As an actix message to a [`Dispatcher`](crate::Dispatcher) it is answered by the id once the job
/// is accepted; a refused job comes back inside the error. Sent with `do_send`, a job that cannot
/// be accepted comes to the subscribers as a result with the outcome
/// [`Rejected`](crate::JobError::Rejected).
///
/// A plain payload turns into a job by itself where one is asked for (`impl Into<Job<T>>`); make
/// one with [`Job::new`] to know its id before it is sent.
pub struct Job<T> {
    id: JobId,
    options: Option<Box<Options>>,
    payload: T,
}

impl<T> Job<T> {
    /// A job with a new id. Its payload moves along with it, to its worker and into its result: box what has more
    /// than some hundred bytes.
    pub fn new(payload: T) -> Self {
        Self { id: JobId::next(), options: None, payload }
    }

    /// How long the job may run, by the pool's clock, from its start;
    /// [`Builder::timeout`](crate::Builder::timeout) unless set.
    ///
    /// A job that still runs then ends as [`TimedOut`](crate::JobError::TimedOut). The future of an
    /// async one is dropped, after the pool's [grace](crate::Builder::grace), at its next `await` that
    /// does not complete; what it returns before that counts (an error as
    /// [`Failed`](crate::JobError::Failed)). A blocking one is told by
    /// [`JobContext::is_cancelled`]; its result does not wait for it, what it returns is dropped, and
    /// its worker is free only once it has returned, unless it is
    /// [replaced](crate::Builder::replace_stuck). Zero ends a job that does not return at once, and may end it
    /// before its code is called.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options().timeout = Some(timeout);
        self
    }

    /// Starts the job no sooner than this after it was accepted, by the pool's clock.
    ///
    /// Until then it waits: it counts against the queue's bound, [`Pool::drain`](crate::Pool::drain)
    /// waits for it, and it can be cancelled. Then it goes to the end of the queue. Where the queue
    /// [evicts](crate::OnFull), it counts by its acceptance until then, and as accepted then afterwards. A
    /// shutdown that starts no more jobs by then cancels it at once:
    /// [`Shutdown::Drain(d)`](crate::Shutdown::Drain) starts jobs until `d` less the grace (at most half of
    /// `d`), and the others start none.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.options().delay = Some(delay);
        self
    }

    /// Jobs of one pool with equal keys run one at a time, in the order of their acceptance, on any
    /// worker, and the results of those that ran come in that order. One with a [delay](Self::delay) takes
    /// its place when that is over, and holds up nobody before. One that is cancelled or evicted while it
    /// waits for its key is heard of at once, before those ahead of it.
    ///
    /// One that is to be [tried again](crate::Builder::retry) keeps the others waiting. A blocking one that
    /// timed out does not: it frees its key although its code still runs, so the next may run beside it.
    ///
    /// Keys are compared by a hash of 64 bits: two that share it, by a chance of 1 in 2⁶⁴, count as equal.
    /// `"a"` and a `String` that holds it are equal; `1_u32` and `1_u64` are different keys. If this is
    /// called several times, the last key counts.
    ///
    /// A job that waits for its key counts against the queue's bound, can be cancelled, and is
    /// [evicted](crate::OnFull) by its acceptance as if it were in the queue.
    #[must_use]
    pub fn key(mut self, key: impl Hash) -> Self {
        self.options().key = Some(options::number_of(&key));
        self
    }

    pub(crate) fn options(&mut self) -> &mut Options {
        self.options.get_or_insert_default()
    }

    /// When it is to have ended if it `started` then, where `timeout` is for jobs that have none of their
    /// own.
    #[inline]
    pub(crate) fn deadline(&self, started: Stamp, timeout: Option<Duration>) -> Option<Stamp> {
        let own = self.options.as_ref().and_then(|options| options.timeout);
        own.or(timeout).map(|timeout| started.after(timeout))
    }

    /// Whether it cannot just go to the end of the queue.
    #[inline]
    pub(crate) fn is_special(&self) -> bool {
        self.options
            .as_ref()
            .is_some_and(|options| options.delay.is_some() || options.key.is_some())
    }

    /// The key that others wait for until the job has ended.
    #[inline]
    pub(crate) fn held_key(&self) -> Option<u64> {
        let options = self.options.as_ref()?;
        if options.holds_key { options.key } else { None }
    }

    /// How often it has been started before, and brought no value.
    #[inline]
    pub(crate) fn attempts(&self) -> u32 {
        self.options.as_ref().map_or(0, |options| options.attempts)
    }

    /// It is accepted, perhaps not for the first time: what became of it before does not count.
    #[inline]
    pub(crate) fn begin_anew(&mut self) {
        if let Some(options) = &mut self.options {
            let Options { timeout, delay, key, .. } = **options;
            **options = Options { timeout, delay, key, ..Options::default() };
        }
    }

    fn delay_wanted(&self) -> Option<Duration> {
        self.options.as_ref()?.delay
    }

    /// The key for which it must wait, unless it holds it.
    fn wanted_key(&self) -> Option<u64> {
        let options = self.options.as_ref()?;
        if options.holds_key { None } else { options.key }
    }

    /// Its place in the queue, if that was noted.
    fn place(&self) -> Option<u64> {
        self.options.as_ref()?.place
    }

    fn last_run(&self) -> Option<Run> {
        self.options.as_ref()?.last
    }

    /// The job's id.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// What the process function will see.
    pub fn payload(&self) -> &T {
        &self.payload
    }

    /// Takes the payload out.
    pub fn into_payload(self) -> T {
        self.payload
    }
}

impl<T> From<T> for Job<T> {
    fn from(payload: T) -> Self {
        Self::new(payload)
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("id", &self.id).finish_non_exhaustive()
    }
}
