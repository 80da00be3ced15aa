//! What is known of one job.

use std::time::{Duration, Instant};

use crate::{JobId, error::JobError, sim};

/// How a job came in, and so where its result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Its result goes to the subscribers.
    Subscribers,
    /// As a message without an asker: refused, it comes to the subscribers.
    Message,
    /// A caller waits for it.
    Caller,
    /// A stream of jobs waits for it, and may read it late.
    Stream,
}

impl Way {
    /// Whether its result is nobody else's.
    pub(crate) fn is_private(self) -> bool {
        matches!(self, Self::Caller | Self::Stream)
    }
}

/// How a job's code ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// With a value.
    Value,
    /// With an error.
    Failure,
    /// With a panic.
    Panic,
    /// Its future was dropped.
    Dropped,
}

/// How a job ended, as its result says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are named as the pool's own")]
pub enum Kind {
    Succeeded,
    Failed,
    Panicked,
    TimedOut,
    Cancelled,
    Evicted,
    Rejected,
    Lost,
    Abandoned,
}

impl Kind {
    /// The kind of this outcome.
    pub fn of<U, E>(outcome: Result<&U, &JobError<E>>) -> Self {
        match outcome {
            Ok(_) => Self::Succeeded,
            Err(JobError::Failed(_)) => Self::Failed,
            Err(JobError::Panicked(_)) => Self::Panicked,
            Err(JobError::TimedOut) => Self::TimedOut,
            Err(JobError::Cancelled) => Self::Cancelled,
            Err(JobError::Evicted) => Self::Evicted,
            Err(JobError::Rejected(_)) => Self::Rejected,
            Err(JobError::Lost) => Self::Lost,
            Err(JobError::Abandoned) => Self::Abandoned,
        }
    }

    /// Whether the worker that ran the job said so.
    pub(crate) fn is_by_its_worker(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Panicked)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Unknown,
    Accepted,
    Refused,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) at: u64,
    pub(crate) thread: usize,
}

/// On what terms a job runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) timeout: Option<Duration>,
    pub(crate) delay: Option<Duration>,
    pub(crate) key: Option<u8>,
    /// It is started so often, at most.
    pub(crate) attempts: u32,
    /// Its code cannot be ended, and may run on when the job has timed out.
    pub(crate) blocks: bool,
}

/// One job. Points in time are counted in what the ledger was told.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) pool: usize,
    pub(crate) id: JobId,
    pub(crate) way: Way,
    /// When its submission began, and when it had its place: it was answered, or waited in line.
    pub(crate) begun: u64,
    pub(crate) begun_at: Instant,
    pub(crate) terms: Terms,
    pub(crate) placed: Option<u64>,
    pub(crate) verdict: Verdict,
    /// So many jobs wait in line with it, itself included.
    pub(crate) in_line: usize,
    /// Whoever waited for its answer or its result has stopped.
    pub(crate) left: bool,
    /// How often it was started, and when for the first time and the last.
    pub(crate) attempts: u32,
    pub(crate) first: Option<u64>,
    pub(crate) start: Option<Start>,
    pub(crate) returned: Option<(u64, Returned)>,
    pub(crate) kind: Option<Kind>,
    /// Why it must not start any more, if it must not.
    pub(crate) must_not_start: Option<&'static str>,
    /// When a drain had waited for it that resolved as the pool ended.
    pub(crate) drained_at_the_end: Option<u64>,
    /// Who heard of it.
    pub(crate) heard: Vec<usize>,
    /// When the first of them did.
    pub(crate) first_heard: Option<u64>,
}

impl Record {
    pub(crate) fn new(
        pool: usize,
        id: JobId,
        way: Way,
        (begun, begun_at): (u64, Instant),
        terms: Terms,
    ) -> Self {
        Self {
            pool,
            id,
            way,
            begun,
            begun_at,
            terms,
            attempts: 0,
            first: None,
            placed: None,
            verdict: Verdict::Unknown,
            in_line: 0,
            left: false,
            start: None,
            returned: None,
            kind: None,
            must_not_start: None,
            drained_at_the_end: None,
            heard: Vec::new(),
            first_heard: None,
        }
    }

    /// What its sender was told.
    pub(crate) fn decide(&mut self, accepted: bool) {
        self.verdict = if accepted { Verdict::Accepted } else { Verdict::Refused };
        if !accepted && (self.start.is_some() || self.kind.is_some()) {
            crate::sim::fail(|| format!("invariant 1: {} was refused, and ran", self.id));
        }
    }

    pub(crate) fn is_accepted(&self) -> bool {
        self.verdict == Verdict::Accepted
    }

    pub(crate) fn runs(&self) -> bool {
        self.start.is_some() && self.returned.is_none()
    }

    /// Its code ran, or began, after this.
    pub(crate) fn ran_after(&self, at: u64) -> bool {
        self.start.is_some() && self.returned.is_none_or(|(returned, _)| returned > at)
    }

    /// It has not been started, or may be started again.
    pub(crate) fn may_start(&self) -> bool {
        self.start.is_none() || self.may_be_retried()
    }

    /// What its code did last may be tried again.
    pub(crate) fn may_be_retried(&self) -> bool {
        let how = self.returned.map(|(_, returned)| returned);
        self.attempts < self.terms.attempts
            && matches!(how, Some(Returned::Failure | Returned::Panic | Returned::Dropped))
    }

    /// It may have ended over the head of its code.
    pub(crate) fn may_be_left_behind(&self) -> bool {
        // The real time stands in for a clock that panics.
        let now = sim::Sim::here().now().max(sim::Sim::here().real_now());
        let is_late = |timeout| now.duration_since(self.begun_at) >= timeout;
        self.kind == Some(Kind::Abandoned)
            || self.terms.blocks && self.terms.timeout.is_some_and(is_late)
    }

    /// It may start even now: it was about to when it was ended over its head.
    pub(crate) fn was_given_up(&self) -> bool {
        match self.kind {
            Some(Kind::Abandoned) => true,
            Some(Kind::TimedOut) => self.terms.blocks,
            _ => false,
        }
    }

    /// Accepted, and nothing has come of it yet.
    pub(crate) fn waits(&self) -> bool {
        self.verdict == Verdict::Accepted && self.may_start() && self.kind.is_none()
    }

    /// It may be in the queue, for all that is known.
    pub(crate) fn may_wait(&self) -> bool {
        // One who left the line may have been let in just before.
        let in_line = self.in_line > 0 && self.verdict == Verdict::Unknown && !self.left;
        self.verdict != Verdict::Refused && self.may_start() && self.kind.is_none() && !in_line
    }

    /// What is wrong with this kind of end, if anything is.
    pub(crate) fn objection(&self, kind: Kind, guaranteed: bool) -> Option<&'static str> {
        let returned = self.returned.map(|(_, returned)| returned);
        let started = self.start.is_some();
        let again = self.may_be_retried();
        match kind {
            _ if self.kind.is_some_and(|before| before != kind) => Some("ended in two ways"),
            _ if self.verdict == Verdict::Refused && kind != Kind::Rejected => {
                Some("was refused, and brought a result")
            }
            Kind::Succeeded if returned != Some(Returned::Value) => Some("returned no value"),
            Kind::Failed if returned != Some(Returned::Failure) => Some("did not fail"),
            Kind::Panicked if returned != Some(Returned::Panic) => Some("did not panic"),
            Kind::Cancelled if started && !again && returned != Some(Returned::Dropped) => {
                Some("was cancelled, although its code ran to its end or runs")
            }
            Kind::Evicted if started && !again => Some("never waited, for it was started"),
            Kind::Rejected if started => Some("never waited, for it was started"),
            Kind::TimedOut if self.terms.timeout.is_none() => Some("may run for ever"),
            Kind::TimedOut
                if started
                    && !again
                    && !self.terms.blocks
                    && returned != Some(Returned::Dropped) =>
            {
                Some("timed out, and was not dropped")
            }
            Kind::Rejected if self.way == Way::Subscribers => {
                Some("has a sender, who was not told")
            }
            Kind::Lost if guaranteed && !started => Some("was lost, and had not started"),
            _ => None,
        }
    }
}
