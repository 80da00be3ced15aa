use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{Stream, StreamExt, channel::mpsc};

use crate::{job::JobResult, panic::OneByOne, value::Value};

use super::{
    hub::Outlet,
    windows::{Account, Credit, Windows},
};

/// The results of a pool, as a stream: what [`Pool::results`](crate::Pool::results) returns.
///
/// While its buffer is full, the pool hands out no job, and never more jobs than it has room for.
/// What can go beyond the buffer are results of jobs that were with workers when the stream was
/// made, and of jobs that end without a worker: evicted, rejected, or cancelled in the queue.
///
/// A full stream that nobody reads holds up everyone: callers of `run` wait, `drain` waits, and a
/// shutdown that drains waits until its deadline. Read it, or drop it.
///
/// It ends once the pool has ended and its last result was read. It does not keep the pool
/// alive. Dropped, it is no longer subscribed, and results that waited in it are dropped with it.
pub struct ResultStream<T, U, E> {
    results: OneByOne<mpsc::UnboundedReceiver<JobResult<T, U, E>>>,
    account: Arc<Account>,
}

/// The collector's end of a [`ResultStream`].
pub(crate) struct StreamOutlet<T, U, E> {
    results: mpsc::UnboundedSender<JobResult<T, U, E>>,
    account: Arc<Account>,
}

/// Makes a stream with room for `buffer` results, and the outlet that fills it.
pub(crate) fn outlet<T, U, E>(
    name: &'static str,
    buffer: usize,
    windows: &Windows,
) -> (StreamOutlet<T, U, E>, ResultStream<T, U, E>) {
    let (sender, receiver) = mpsc::unbounded();
    let account = windows.open(name.into(), buffer);
    let outlet = StreamOutlet { results: sender, account: account.clone() };
    (outlet, ResultStream { results: receiver.into(), account })
}

impl<T: Value, U: Value, E: Value> Outlet<JobResult<T, U, E>> for StreamOutlet<T, U, E> {
    fn send(
        &self,
        result: JobResult<T, U, E>,
        _: Option<Credit>,
    ) -> Result<(), JobResult<T, U, E>> {
        self.account.fill(1);
        self.results.unbounded_send(result).map_err(mpsc::TrySendError::into_inner)
    }

    fn is_gone(&self) -> bool {
        self.results.is_closed()
    }

    fn weaken(self: Box<Self>) -> Box<dyn Outlet<JobResult<T, U, E>>> {
        // It keeps no reader alive.
        self
    }
}

impl<T, U, E> Stream for ResultStream<T, U, E> {
    type Item = JobResult<T, U, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.results.poll_next_unpin(cx);
        if let Poll::Ready(Some(_)) = polled {
            self.account.done(1);
        }
        polled
    }
}

impl<T, U, E> Drop for ResultStream<T, U, E> {
    fn drop(&mut self) {
        self.account.close();
    }
}

impl<T, U, E> fmt::Debug for ResultStream<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultStream").finish_non_exhaustive()
    }
}
