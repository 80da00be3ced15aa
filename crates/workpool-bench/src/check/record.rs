//! What is known of one job.

use crate::{JobId, error::JobError};

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

/// One job. Points in time are counted in what the ledger was told.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) pool: usize,
    pub(crate) id: JobId,
    pub(crate) way: Way,
    /// When its submission began, and when it had its place: it was answered, or waited in line.
    pub(crate) begun: u64,
    pub(crate) placed: Option<u64>,
    pub(crate) verdict: Verdict,
    /// So many jobs wait in line with it, itself included.
    pub(crate) in_line: usize,
    /// Whoever waited for its answer or its result has stopped.
    pub(crate) left: bool,
    pub(crate) start: Option<Start>,
    pub(crate) returned: Option<(u64, Returned)>,
    pub(crate) kind: Option<Kind>,
    /// Why it must not start any more, if it must not.
    pub(crate) must_not_start: Option<&'static str>,
    /// Who heard of it.
    pub(crate) heard: Vec<usize>,
    /// When the first of them did.
    pub(crate) first_heard: Option<u64>,
}

impl Record {
    pub(crate) fn new(pool: usize, id: JobId, way: Way, begun: u64) -> Self {
        Self {
            pool,
            id,
            way,
            begun,
            placed: None,
            verdict: Verdict::Unknown,
            in_line: 0,
            left: false,
            start: None,
            returned: None,
            kind: None,
            must_not_start: None,
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

    /// Accepted, and nothing has come of it yet.
    pub(crate) fn waits(&self) -> bool {
        self.verdict == Verdict::Accepted && self.start.is_none() && self.kind.is_none()
    }

    /// It may be in the queue, for all that is known.
    pub(crate) fn may_wait(&self) -> bool {
        // One who left the line may have been let in just before.
        let in_line = self.in_line > 0 && self.verdict == Verdict::Unknown && !self.left;
        self.verdict != Verdict::Refused && self.start.is_none() && self.kind.is_none() && !in_line
    }

    /// What is wrong with this kind of end, if anything is.
    pub(crate) fn objection(&self, kind: Kind, guaranteed: bool) -> Option<&'static str> {
        let returned = self.returned.map(|(_, returned)| returned);
        let started = self.start.is_some();
        match kind {
            _ if self.kind.is_some_and(|before| before != kind) => Some("ended in two ways"),
            _ if self.verdict == Verdict::Refused && kind != Kind::Rejected => {
                Some("was refused, and brought a result")
            }
            Kind::Succeeded if returned != Some(Returned::Value) => Some("returned no value"),
            Kind::Failed if returned != Some(Returned::Failure) => Some("did not fail"),
            Kind::Panicked if returned != Some(Returned::Panic) => Some("did not panic"),
            Kind::Cancelled if started && returned != Some(Returned::Dropped) => {
                Some("was cancelled, although its code ran to its end or runs")
            }
            Kind::Evicted | Kind::Rejected if started => Some("never waited, for it was started"),
            Kind::Rejected if self.way == Way::Subscribers => {
                Some("has a sender, who was not told")
            }
            Kind::Lost if guaranteed && !started => Some("was lost, and had not started"),
            _ => None,
        }
    }
}
