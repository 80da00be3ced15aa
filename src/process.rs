use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{Stream, StreamExt, channel::mpsc, future::BoxFuture, ready, stream::Fuse};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::{
    error::{JobError, Refusal, Refused},
    job::{Address, Arrival, Entry, Flow, FlowSeat, Job, JobId, JobResult},
    panic::{OneByOne, drop_each},
    pool::Pool,
    value::Value,
};

/// A stream of jobs under way, as a stream of their results: what
/// [`Pool::process`](crate::Pool::process) returns.
///
/// Nobody else has these results, so [`JobResult::into_parts`] succeeds, but for a job that was
/// abandoned or lost while its code still runs.
///
/// ```
/// # use std::{convert::Infallible, error::Error};
/// # use actix_workpool::Pool;
/// use futures::{StreamExt, stream};
///
/// # #[actix::main]
/// # async fn main() -> Result<(), Box<dyn Error>> {
/// let pool = Pool::blocking(|n: &u64, _cx| Ok::<_, Infallible>(n * n)).build()?;
/// let mut squares = pool.process(stream::iter(1..4_u64)).ordered();
/// let mut sum = 0;
/// while let Some(result) = squares.next().await {
///     if let Ok(parts) = result.into_parts() {
///         sum += parts.outcome?;
///     }
/// }
/// assert_eq!(sum, 14);
/// # Ok(())
/// # }
/// ```
pub struct Process<S: Stream, T: Value, U: Value, E: Value> {
    jobs: Pin<Box<Fuse<S>>>,
    pool: Pool<T, U, E>,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    /// How many jobs may be taken whose results have not been read.
    buffer: usize,
    flow: Arc<Flow<T, U, E>>,
    arrivals: OneByOne<mpsc::UnboundedReceiver<Arrival<T, U, E>>>,
    /// A job that waits for room in the pool's queue, with its number.
    in_line: Option<(u64, InLine<T>)>,
    /// A job that a full queue refused, while others of this stream are under way.
    held: OneByOne<Option<Held<T>>>,
    /// Jobs taken, and results read.
    taken: u64,
    read: u64,
    /// Jobs taken whose results have not been read.
    under_way: HashSet<JobId>,
    /// Results that came before those of earlier jobs, where the order is kept.
    early: Option<Early<T, U, E>>,
    state: State,
}

type Early<T, U, E> = OneByOne<BTreeMap<u64, JobResult<T, U, E>>>;

type InLine<T> = BoxFuture<'static, Result<JobId, Refused<Job<T>>>>;

struct Held<T> {
    number: u64,
    job: Job<T>,
    /// Results read by then: it is submitted again once there are more.
    read: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Taking,
    /// No more jobs: the input has ended, or the pool is closed.
    Finishing,
    /// The pool died under its jobs.
    Dead,
}

impl<S, T: Value, U: Value, E: Value> Process<S, T, U, E>
where
    S: Stream,
    S::Item: Into<Job<T>>,
{
    pub(crate) fn new(jobs: S, pool: Pool<T, U, E>, buffer: usize) -> Self {
        let (sender, arrivals) = mpsc::unbounded();
        Self {
            jobs: Box::pin(jobs.fuse()),
            closed: Box::pin(pool.inbox().closed()),
            pool,
            buffer,
            flow: Arc::new(Flow { arrivals: sender, stop: CancellationToken::new() }),
            arrivals: arrivals.into(),
            in_line: None,
            held: None.into(),
            taken: 0,
            read: 0,
            under_way: HashSet::new(),
            early: None,
            state: State::Taking,
        }
    }

    /// Results come in the order of the jobs, each as soon as those before it have been read.
    #[must_use]
    pub fn ordered(mut self) -> Self {
        self.early = Some(BTreeMap::new().into());
        self
    }

    /// How many jobs may be taken from the input whose results have not been read: 1,024 unless
    /// set; 0 counts as 1.
    #[must_use]
    pub fn buffer(mut self, jobs: usize) -> Self {
        self.buffer = jobs.max(1);
        self
    }

    /// Takes jobs until enough are under way.
    fn take_jobs(&mut self, cx: &mut Context<'_>) {
        loop {
            if let Some((number, in_line)) = &mut self.in_line {
                let Poll::Ready(answer) = in_line.as_mut().poll(cx) else { return };
                let number = *number;
                self.in_line = None;
                self.accepted_or_not(number, answer);
            }
            if let Some(held) = self.held.take_if(|held| self.read > held.read) {
                self.submit(held.number, held.job);
                continue;
            }
            let under_way = usize::try_from(self.taken - self.read).unwrap_or(usize::MAX);
            if self.held.is_some() || self.state != State::Taking || under_way >= self.buffer {
                return;
            }
            if self.closed.as_mut().poll(cx).is_ready() {
                self.state = State::Finishing;
                return;
            }
            match self.jobs.as_mut().poll_next(cx) {
                Poll::Pending => return,
                Poll::Ready(None) => self.state = State::Finishing,
                Poll::Ready(Some(job)) => {
                    // The user's conversion may panic: it is not taken before it is a job.
                    let job = job.into();
                    self.taken += 1;
                    self.submit(self.taken - 1, job);
                }
            }
        }
    }

    fn submit(&mut self, number: u64, job: Job<T>) {
        self.under_way.insert(job.id());
        let to = Address::from(FlowSeat::new(self.flow.clone(), number));
        let inbox = self.pool.inbox().clone();
        let in_line = async move { inbox.accept(1, || Entry { job, to }).await };
        self.in_line = Some((number, Box::pin(in_line)));
    }

    fn accepted_or_not(&mut self, number: u64, answer: Result<JobId, Refused<Job<T>>>) {
        let Err(Refused { job, reason }) = answer else { return };
        match reason {
            Refusal::Closed => self.state = State::Finishing,
            // Each of its own that ends may make room; were there none, it could wait for ever.
            Refusal::Full { .. } if self.taken - self.read > 1 => {
                *self.held = Some(Held { number, job, read: self.read });
                return;
            }
            _ => {}
        }
        let entry = Entry::<T, U, E>::new(job);
        let rejected = entry.reject(JobError::Rejected(reason), self.pool.inbox().now());
        let arrival = (number, Some(rejected.result));
        let _ = self.flow.arrivals.unbounded_send(arrival);
    }

    fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<Option<JobResult<T, U, E>>> {
        loop {
            if let Some(result) = self.early.as_mut().and_then(|early| early.remove(&self.read)) {
                return Poll::Ready(Some(result));
            }
            match ready!(self.arrivals.poll_next_unpin(cx)) {
                Some((number, Some(result))) => match &mut self.early {
                    Some(early) => _ = early.insert(number, result),
                    None => return Poll::Ready(Some(result)),
                },
                Some((_, None)) | None => {
                    self.state = State::Dead;
                    return Poll::Ready(None);
                }
            }
        }
    }
}

impl<S, T: Value, U: Value, E: Value> Stream for Process<S, T, U, E>
where
    S: Stream,
    S::Item: Into<Job<T>>,
{
    type Item = JobResult<T, U, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.take_jobs(cx);
        if this.state == State::Dead || (this.state == State::Finishing && this.taken == this.read)
        {
            return Poll::Ready(None);
        }
        let result = ready!(this.poll_result(cx));
        if let Some(result) = &result {
            this.read += 1;
            this.under_way.remove(&result.id());
        }
        Poll::Ready(result)
    }
}

impl<S: Stream, T: Value, U: Value, E: Value> Drop for Process<S, T, U, E> {
    fn drop(&mut self) {
        // It leaves the line first: once it was let in, its job is one of those under way.
        drop_each(self.in_line.take());
        self.flow.stop.cancel();
        self.pool.cancel_waiting(self.under_way.drain().collect());
    }
}

impl<S: Stream, T: Value, U: Value, E: Value> Unpin for Process<S, T, U, E> {}

impl<S: Stream, T: Value, U: Value, E: Value> fmt::Debug for Process<S, T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("taken", &self.taken)
            .field("read", &self.read)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
