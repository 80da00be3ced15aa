use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{Stream, StreamExt, channel::mpsc};

use crate::{
    intake::Inbox,
    job::JobResult,
    lane::{Holdback, Window},
    value::Value,
};

use super::hub::Outlet;

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
pub struct ResultStream<T: Value, U: Value, E: Value> {
    results: mpsc::UnboundedReceiver<JobResult<T, U, E>>,
    window: Arc<Window>,
    holdback: Arc<Holdback>,
    inbox: Arc<Inbox<T, U, E>>,
}

/// The collector's end of a [`ResultStream`].
pub(crate) struct StreamOutlet<T, U, E> {
    results: mpsc::UnboundedSender<JobResult<T, U, E>>,
    window: Arc<Window>,
}

/// Makes a stream with room for `buffer` results, and the outlet that fills it.
pub(crate) fn outlet<T: Value, U: Value, E: Value>(
    buffer: usize,
    holdback: Arc<Holdback>,
    inbox: Arc<Inbox<T, U, E>>,
) -> (StreamOutlet<T, U, E>, ResultStream<T, U, E>) {
    let (sender, receiver) = mpsc::unbounded();
    let window = Arc::new(Window::new(buffer));
    holdback.open(window.clone());
    let outlet = StreamOutlet { results: sender, window: window.clone() };
    (outlet, ResultStream { results: receiver, window, holdback, inbox })
}

impl<T: Value, U: Value, E: Value> Outlet<JobResult<T, U, E>> for StreamOutlet<T, U, E> {
    fn send(&self, result: JobResult<T, U, E>) -> Result<(), JobResult<T, U, E>> {
        self.window.fill();
        self.results.unbounded_send(result).map_err(mpsc::TrySendError::into_inner)
    }
}

impl<T: Value, U: Value, E: Value> Stream for ResultStream<T, U, E> {
    type Item = JobResult<T, U, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.results.poll_next_unpin(cx);
        if let Poll::Ready(Some(_)) = polled {
            self.inbox.ring(self.holdback.read_one(&self.window));
        }
        polled
    }
}

impl<T: Value, U: Value, E: Value> Drop for ResultStream<T, U, E> {
    fn drop(&mut self) {
        self.inbox.ring(self.holdback.close(&self.window));
    }
}

impl<T: Value, U: Value, E: Value> fmt::Debug for ResultStream<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultStream").finish_non_exhaustive()
    }
}
