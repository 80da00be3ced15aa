//! Where a job's result goes. A result has one address: the caller that waits for it, or else the
//! subscribers.

use std::sync::Arc;

use futures::channel::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::JobResult;

pub(crate) enum Address<T, U, E> {
    /// Everyone who is subscribed when the result is forwarded.
    Subscribers,
    /// Someone who waits for this very result. In a box, so that other jobs are small.
    Waiter(Box<Waiter<T, U, E>>),
}

pub(crate) enum Waiter<T, U, E> {
    /// The one who called `run`.
    Caller(Caller<T, U, E>),
    /// A stream of jobs that is being processed.
    Flow(FlowSeat<T, U, E>),
}

impl<T, U, E> From<Caller<T, U, E>> for Address<T, U, E> {
    fn from(caller: Caller<T, U, E>) -> Self {
        Self::Waiter(Box::new(Waiter::Caller(caller)))
    }
}

impl<T, U, E> From<FlowSeat<T, U, E>> for Address<T, U, E> {
    fn from(seat: FlowSeat<T, U, E>) -> Self {
        Self::Waiter(Box::new(Waiter::Flow(seat)))
    }
}

impl<T, U, E> Address<T, U, E> {
    /// What cancels this job alone, if anything does.
    pub(crate) fn stop(&self) -> Option<&CancellationToken> {
        let Self::Waiter(waiter) = self else { return None };
        match &**waiter {
            Waiter::Caller(caller) => Some(&caller.stop),
            Waiter::Flow(seat) => seat.flow.as_ref().map(|flow| &flow.stop),
        }
    }

    /// Whether someone waits for this very result.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self, Self::Waiter(_))
    }

    /// Lets go of the address without telling anyone.
    pub(crate) fn disarm(self) {
        if let Self::Waiter(mut waiter) = self
            && let Waiter::Flow(seat) = &mut *waiter
        {
            seat.flow = None;
        }
    }
}

impl<T, U, E> Waiter<T, U, E> {
    /// Hands the result over; gives it back if nobody waits any more.
    pub(crate) fn deliver(self, result: JobResult<T, U, E>) -> Result<(), Undelivered<T, U, E>> {
        match self {
            Self::Caller(caller) => caller.deliver(result),
            Self::Flow(seat) => seat.deliver(result),
        }
    }
}

/// A result that nobody waited for.
type Undelivered<T, U, E> = Option<JobResult<T, U, E>>;

/// A caller that waits for one result. Dropped undelivered, it wakes the caller empty-handed.
pub(crate) struct Caller<T, U, E> {
    reply: oneshot::Sender<JobResult<T, U, E>>,
    stop: CancellationToken,
}

impl<T, U, E> Caller<T, U, E> {
    pub(crate) fn new(reply: oneshot::Sender<JobResult<T, U, E>>, stop: CancellationToken) -> Self {
        Self { reply, stop }
    }

    fn deliver(self, result: JobResult<T, U, E>) -> Result<(), Undelivered<T, U, E>> {
        self.reply.send(result).map_err(Some)
    }
}

/// What comes out of a [`Flow`]: which job in the order of the input, and its result, or nothing
/// if the pool died under it.
pub(crate) type Arrival<T, U, E> = (u64, Option<JobResult<T, U, E>>);

/// One stream of jobs under way, shared by its jobs.
pub(crate) struct Flow<T, U, E> {
    pub(crate) arrivals: mpsc::UnboundedSender<Arrival<T, U, E>>,
    pub(crate) stop: CancellationToken,
}

/// One job's place in a [`Flow`]. Dropped undelivered, it says so.
pub(crate) struct FlowSeat<T, U, E> {
    flow: Option<Arc<Flow<T, U, E>>>,
    index: u64,
}

impl<T, U, E> FlowSeat<T, U, E> {
    pub(crate) fn new(flow: Arc<Flow<T, U, E>>, index: u64) -> Self {
        Self { flow: Some(flow), index }
    }

    fn deliver(mut self, result: JobResult<T, U, E>) -> Result<(), Undelivered<T, U, E>> {
        let Some(flow) = self.flow.take() else { return Err(Some(result)) };
        let sent = flow.arrivals.unbounded_send((self.index, Some(result)));
        sent.map_err(|unsent| unsent.into_inner().1)
    }
}

impl<T, U, E> Drop for FlowSeat<T, U, E> {
    fn drop(&mut self) {
        if let Some(flow) = self.flow.take() {
            let _ = flow.arrivals.unbounded_send((self.index, None));
        }
    }
}
