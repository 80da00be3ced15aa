use std::{fmt, sync::Arc};

use actix::{Actor, Addr, Context, Handler, Message};
use futures::{FutureExt, Stream, channel::oneshot, future::Shared};
use tokio_util::sync::CancellationToken;

use crate::{
    builder::Builder,
    deliver::{Order, ResultStream, SubscriptionId, Windows, outlet},
    dispatcher::Dispatcher,
    error::{Refused, ResizeError, RunError, Stopped, SubscribeError},
    intake::Inbox,
    job::{Address, Caller, Entry, Job, JobContext, JobId, Jobs},
    lane::Newcomers,
    message::{
        Cancel, CancelOutcome, CancelWaiting, Drain, GetStatus, Heed, Pause, Resize, Resume,
        Shutdown, ShutdownReport, Status, Subscribe, Unsubscribe,
    },
    process::Process,
    runtime::{Request, request},
    value::Value,
    work::{BlockingProcessor, BoxError, Processor, Work},
};

/// Results that wait in a stream unless another number is asked for.
const BUFFER: usize = 1_024;

/// A handle on a running pool of jobs with payloads `T`, whose process function returns
/// `Result<U, E>`. Clones are handles on the same pool.
///
/// It can be sent and shared, and its methods work from any thread, inside an actix `System` or
/// not. When the last handle and the last address of the [`Dispatcher`] have been dropped, the jobs
/// that were accepted finish, and the pool ends by itself.
///
/// A payload, value or error cannot contain a `Pool` of its own type, nor the address of its
/// dispatcher: that does not compile (E0275, an overflow). A job submits to its own pool by
/// [`JobContext::submit`].
pub struct Pool<T: Value, U: Value, E: Value>(Arc<Handle<T, U, E>>);

struct Handle<T: Value, U: Value, E: Value> {
    dispatcher: Addr<Dispatcher<T, U, E>>,
    inbox: Arc<Inbox<T, U, E>>,
    windows: Windows,
    newcomers: Arc<Newcomers<Order<T, U, E>>>,
    report: Shared<Request<Result<ShutdownReport, Stopped>>>,
}

/// The forms of work: what a pool is to do with its jobs.
impl<T: Value, U: Value, E: Value> Pool<T, U, E> {
    /// A pool for work that waits (I/O-bound): an async closure.
    ///
    /// Its future runs on one thread and need not be `Send`. Write the closure in the call, and
    /// annotate the payload's type and the return type: from a `?`, the compiler cannot tell the type of
    /// the error. Where it says that an implementation of `AsyncFn` is not general enough, the closure
    /// stands in a `let` without the type of its context ([`JobContext`]), or returns an `async` block.
    ///
    /// ```
    /// # use actix_workpool::Pool;
    /// # async fn size_of(path: &str) -> std::io::Result<u64> { Ok(path.len() as u64) }
    /// let pool = Pool::builder(async |path: &String, _cx| -> std::io::Result<u64> {
    ///     Ok(size_of(path).await?)
    /// });
    /// ```
    pub fn builder<F>(process: F) -> Builder<T, U, E>
    where
        F: AsyncFn(&T, &JobContext<T, U, E>) -> Result<U, E> + Send + Sync + 'static,
    {
        Builder::new(Work::async_fn(process))
    }

    /// A pool for work that computes or blocks (CPU-bound): a closure, and a thread for each
    /// worker. Write and annotate the closure as for [`builder`](Self::builder).
    ///
    /// The threads belong to the actix runtime: code that starts a tokio runtime of its own and
    /// blocks on it (`Runtime::block_on`, blocking HTTP clients) panics there, as it does in any
    /// async context, and the job ends as [`Panicked`](crate::JobError::Panicked). Do that on a
    /// thread of your own, or use an async form.
    ///
    /// ```
    /// # use actix_workpool::Pool;
    /// let pool = Pool::blocking(|n: &u64, _cx| -> Result<u64, std::num::TryFromIntError> {
    ///     Ok((1..=*n).sum())
    /// });
    /// ```
    pub fn blocking<F>(process: F) -> Builder<T, U, E>
    where
        F: Fn(&T, &JobContext<T, U, E>) -> Result<U, E> + Send + Sync + 'static,
    {
        Builder::new(Work::blocking_fn(process))
    }

    /// A pool for work that waits, with state: `factory` builds a [`Processor`] for each worker, on
    /// the worker's own thread.
    ///
    /// A factory that fails or panics is called again after a pause (0.1 s, doubling up to 30 s);
    /// until it succeeds, its worker takes no job.
    pub fn processor<P, X>(
        factory: impl AsyncFn() -> Result<P, X> + Send + Sync + 'static,
    ) -> Builder<T, U, E>
    where
        P: Processor<Payload = T, Output = U, Error = E>,
        X: Into<BoxError> + 'static,
    {
        Builder::new(Work::processor(factory))
    }

    /// A pool for work that computes or blocks, with state: `factory` builds a
    /// [`BlockingProcessor`] for each worker, on the worker's own thread.
    ///
    /// A factory that fails or panics is called again after a pause (0.1 s, doubling up to 30 s);
    /// until it succeeds, its worker takes no job.
    pub fn blocking_processor<P, X>(
        factory: impl Fn() -> Result<P, X> + Send + Sync + 'static,
    ) -> Builder<T, U, E>
    where
        P: BlockingProcessor<Payload = T, Output = U, Error = E>,
        X: Into<BoxError> + 'static,
    {
        Builder::new(Work::blocking_processor(factory))
    }
}

/// The ways in.
impl<T: Value, U: Value, E: Value> Pool<T, U, E> {
    /// Submits a job, waiting for room where the queue is full and its policy is to wait. The
    /// result goes to the subscribers.
    ///
    /// Once in five hundred submissions or so, a task lets everything else on its thread have a turn: the
    /// pool's own actors may be there, and whoever submits a million jobs would keep them from handing out
    /// the first. (It counts against the task's budget, as tokio's own operations do.) To submit without any
    /// wait, use [`try_submit`](Self::try_submit).
    ///
    /// A task that holds thousands of these futures at once (`join_all`) polls all that are left at each of its
    /// turns: rather submit a batch, or hold some hundreds (`for_each_concurrent`).
    ///
    /// # Errors
    /// The job comes back if the queue is full and does not let wait ([`Refusal::Full`]), or if the
    /// pool is closed or has ended ([`Refusal::Closed`]); so it does to whoever waits for room when
    /// the pool is closed.
    ///
    /// # Cancel safety
    /// Dropped before its first poll or while it waits for room or its turn, the job is never accepted, and
    /// is dropped too. Dropped after that, the job is done all the same.
    ///
    /// [`Refusal::Full`]: crate::Refusal::Full
    /// [`Refusal::Closed`]: crate::Refusal::Closed
    pub async fn submit(&self, job: impl Into<Job<T>>) -> Result<JobId, Refused<Job<T>>> {
        self.0.inbox.accept(1, || Entry::new(job.into())).await
    }

    /// Submits several jobs that are accepted together or not at all; otherwise as
    /// [`submit`](Self::submit).
    ///
    /// # Errors
    /// As [`submit`](Self::submit), and if there are more jobs than the queue can ever hold
    /// ([`Refusal::TooLarge`]).
    ///
    /// # Cancel safety
    /// As [`submit`](Self::submit).
    ///
    /// [`Refusal::TooLarge`]: crate::Refusal::TooLarge
    pub async fn submit_all(&self, jobs: Jobs<T>) -> Result<Vec<JobId>, Refused<Jobs<T>>> {
        self.0.inbox.accept(jobs.len(), || jobs).await
    }

    /// Submits a job, or says at once why not. It neither waits nor blocks, on any thread, but for the moment in
    /// which others hold the queue's lock.
    ///
    /// The job may have ended before this returns: where its id must be known by then, make it first
    /// ([`Job::new`]).
    ///
    /// # Errors
    /// The job comes back if the queue is full or others wait for room in it ([`Refusal::Full`]), or
    /// if the pool is closed or has ended ([`Refusal::Closed`]).
    ///
    /// [`Refusal::Full`]: crate::Refusal::Full
    /// [`Refusal::Closed`]: crate::Refusal::Closed
    pub fn try_submit(&self, job: impl Into<Job<T>>) -> Result<JobId, Refused<Job<T>>> {
        self.0.inbox.try_submit(Entry::new(job.into()))
    }

    /// Submits several jobs that are accepted together or not at all, or says at once why not.
    ///
    /// # Errors
    /// As [`try_submit`](Self::try_submit), and if there are more jobs than the queue can ever hold
    /// ([`Refusal::TooLarge`]).
    ///
    /// [`Refusal::TooLarge`]: crate::Refusal::TooLarge
    pub fn try_submit_all(&self, jobs: Jobs<T>) -> Result<Vec<JobId>, Refused<Jobs<T>>> {
        self.0.inbox.try_submit(jobs)
    }

    /// Has one job done and waits for its value. Nobody else gets the result.
    ///
    /// # Errors
    /// The job was not accepted, as by [`submit`](Self::submit), and comes back
    /// ([`RunError::Refused`]); or it ended without a value, cancelled perhaps
    /// ([`RunError::Ended`]); or the actix `System` or the pool's own thread stopped first
    /// ([`RunError::Stopped`]).
    ///
    /// # Cancel safety
    /// Dropped, it cancels its job, as [`cancel`](Self::cancel) does: one that waits, for room or in
    /// the queue, gives up its place and never starts, an async one that runs is dropped at its next
    /// `await` that does not complete, and a blocking one is told by [`JobContext::is_cancelled`]. If
    /// the job had ended already, its result is counted and dropped.
    pub async fn run(&self, job: impl Into<Job<T>>) -> Result<U, RunError<T, E>> {
        let job = job.into();
        let id = job.id();
        let stop = CancellationToken::new();
        let (reply, answer) = oneshot::channel();
        let to = Address::from(Caller::new(reply, stop.clone()));
        // Before the job is on its way: whoever leaves the line may just have been let in.
        let mut caller = CallerWaits { pool: self, id, stop: Some(stop) };
        let accepted = self.0.inbox.accept(1, || Entry { job, to }).await;
        let answer = match accepted {
            Ok(_) => answer.await.map_err(|oneshot::Canceled| RunError::Stopped(id)),
            Err(refused) => Err(refused.into()),
        };
        caller.stop = None;
        let result = answer?;
        match result.into_outcome() {
            Ok(outcome) => Ok(outcome?),
            Err(_) => unreachable!("nobody else holds a caller's result"),
        }
    }

    /// Has a stream of jobs done: a stream of their results, as they complete, or in the order of
    /// the jobs ([`Process::ordered`]). Nobody else gets these results.
    ///
    /// It takes jobs only as results are read ([`Process::buffer`]), and ends by itself after the
    /// result of the last job. Every job that it took brings exactly one result; one that the pool
    /// did not accept brings one with the outcome [`Rejected`](crate::JobError::Rejected). Once the
    /// pool is closed, it takes no more jobs, and ends after the results of those that it took. It
    /// ends before that only if the actix `System` stops.
    ///
    /// It waits for room in a queue that lets wait. Where the queue rejects, it holds its next job
    /// until one of its own has ended, and brings it as `Rejected` if none is under way. Where the
    /// queue evicts, its jobs may push out each other: set the buffer to the queue's bound at most.
    ///
    /// A job that is [cancelled](Self::cancel) brings its result like any other. Dropped, the stream
    /// cancels the jobs that it took; on a pool that has ended, it ends at once.
    pub fn process<S>(&self, jobs: S) -> Process<S, T, U, E>
    where
        S: Stream,
        S::Item: Into<Job<T>>,
    {
        Process::new(jobs, self.clone(), BUFFER)
    }

    /// Whether the pool accepts no job any more: it has been told to shut down, or has ended. It
    /// answers at once, from any thread.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.inbox.is_closed()
    }

    /// The way in, for those who wait for room.
    pub(crate) fn inbox(&self) -> &Arc<Inbox<T, U, E>> {
        &self.0.inbox
    }

    /// Cancels those of these jobs that wait in the queue.
    pub(crate) fn cancel_waiting(&self, jobs: Vec<JobId>) {
        if !jobs.is_empty() {
            self.0.dispatcher.do_send(CancelWaiting { jobs });
        }
    }
}

/// A caller who waits for a result. Leaving, it cancels its job.
struct CallerWaits<'p, T: Value, U: Value, E: Value> {
    pool: &'p Pool<T, U, E>,
    id: JobId,
    /// `None` once the answer is there.
    stop: Option<CancellationToken>,
}

impl<T: Value, U: Value, E: Value> Drop for CallerWaits<'_, T, U, E> {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The token tells the job even if the dispatcher has no turn before it starts.
            stop.cancel();
            self.pool.0.dispatcher.do_send(Cancel(self.id));
        }
    }
}

/// The ways out, and the end.
impl<T: Value, U: Value, E: Value> Pool<T, U, E> {
    pub(crate) fn new(
        dispatcher: Addr<Dispatcher<T, U, E>>,
        inbox: Arc<Inbox<T, U, E>>,
        windows: Windows,
        newcomers: Arc<Newcomers<Order<T, U, E>>>,
        report: Request<Result<ShutdownReport, Stopped>>,
    ) -> Self {
        let report = report.shared();
        Self(Arc::new(Handle { dispatcher, inbox, windows, newcomers, report }))
    }

    /// The address for actors. It keeps the pool alive as a handle does.
    ///
    /// A message whose `send` is dropped before it is handled is not heeded; one by `do_send` is.
    /// Once the pool has ended, a `send` fails with [`MailboxError::Closed`], and what was sent is
    /// gone.
    ///
    /// [`MailboxError::Closed`]: actix::MailboxError::Closed
    #[must_use]
    pub fn dispatcher(&self) -> &Addr<Dispatcher<T, U, E>> {
        &self.0.dispatcher
    }

    /// Every result of a job that nobody waits for, from now on, as a stream with room for 1,024.
    /// While it is full, the pool hands out no job: see [`ResultStream`].
    ///
    /// A job that is submitted after this call has its result in the stream. Dropped, the stream is
    /// unsubscribed; that of a pool that has ended ends at once.
    #[must_use = "a stream that nobody reads holds the pool back; dropped, it is unsubscribed"]
    pub fn results(&self) -> ResultStream<T, U, E> {
        self.results_with_buffer(BUFFER)
    }

    /// As [`results`](Self::results), with room for `buffer` results; 0 counts as 1.
    #[must_use = "a stream that nobody reads holds the pool back; dropped, it is unsubscribed"]
    pub fn results_with_buffer(&self, buffer: usize) -> ResultStream<T, U, E> {
        const NAME: &str = "a stream of results";
        let Handle { windows, newcomers, .. } = &*self.0;
        let (outlet, stream) = outlet(NAME, buffer.max(1), windows);
        // A pool that has ended takes nobody in: the stream then ends at once.
        newcomers.join(Order::stream(NAME, outlet));
        stream
    }

    /// Subscribes an actor; a job that is submitted after the answer is heard of.
    ///
    /// # Errors
    /// The subscription can never work, its actor has stopped, or the pool has
    /// ([`SubscribeError::Stopped`]).
    ///
    /// # Cancel safety
    /// Dropped after its first poll, the subscription is made nevertheless, and nobody knows its id.
    pub async fn subscribe(
        &self,
        subscribe: Subscribe<T, U, E>,
    ) -> Result<SubscriptionId, SubscribeError> {
        self.ask(subscribe).await
    }

    /// Ends a subscription; `false` if there is none by that id.
    ///
    /// # Errors
    /// The pool has ended, or its actix `System` has stopped.
    ///
    /// # Cancel safety
    /// Dropped after its first poll, the subscription ends nevertheless.
    pub async fn unsubscribe(&self, id: SubscriptionId) -> Result<bool, Stopped> {
        self.ask(Unsubscribe(id)).await
    }

    /// Waits until the pool is quiescent: nothing waits, nothing runs, and every result has been
    /// handed over. The pool goes on accepting jobs, and under a steady flow this may take for
    /// ever. So it does while a stream of results is full and nobody reads it, while a subscriber's
    /// window is full and it handles nothing, while the pool is paused, and while no worker is live
    /// ([`Status`] tells). A job must not wait for this: it waits for the job.
    ///
    /// # Errors
    /// The pool has ended, or its actix `System` has stopped. A pool that is shut down while this
    /// waits is quiescent at its end.
    ///
    /// # Cancel safety
    /// Dropping it changes nothing.
    pub async fn drain(&self) -> Result<(), Stopped> {
        self.0.dispatcher.send(Drain).await.unwrap_or(Err(Stopped))
    }

    /// Ends the pool, and waits until its threads have ended and every result has been handed over.
    /// See [`Shutdown`].
    ///
    /// Everyone who asks gets the same report, also once the pool has ended. A pool with no workers does
    /// not get any for its end, but [`resize`](Self::resize) works while it shuts down.
    ///
    /// # Errors
    /// The actix `System`, or the pool's own arbiter, stopped before the pool had ended.
    ///
    /// # Cancel safety
    /// Dropped after its first poll, the pool ends nevertheless. A job that waits for this is told to
    /// stop like any other, and abandoned if it does not.
    pub async fn shutdown(&self, shutdown: Shutdown) -> Result<ShutdownReport, Stopped> {
        // A `send` that is dropped is not handled. Where the pool has ended already, the message finds
        // nobody, and the report is there.
        self.0.dispatcher.do_send(shutdown);
        self.0.report.clone().await.unwrap_or(Err(Stopped))
    }

    /// Cancels one job, and says what that met. Its terminal result comes to whom it would have come.
    ///
    /// A job that runs is told by [`JobContext::is_cancelled`] and [`JobContext::cancelled`]; an async
    /// one is dropped at its next `await` that does not complete, after the
    /// [grace](Builder::grace). What a job returns although it was told counts, a value or an error,
    /// and it is not tried again. So a blocking job that runs never ends as
    /// [`Cancelled`](crate::JobError::Cancelled).
    ///
    /// In a long queue it looks at the ids of all jobs that came since a job was last looked for: a million
    /// take some milliseconds, once.
    ///
    /// # Errors
    /// The pool has ended, or its actix `System` has stopped.
    ///
    /// # Cancel safety
    /// Dropped after its first poll, the job is cancelled nevertheless.
    pub async fn cancel(&self, id: JobId) -> Result<CancelOutcome, Stopped> {
        self.ask(Cancel(id)).await
    }

    /// Starts no job from the answer on: see [`Pause`].
    ///
    /// # Errors
    /// The pool has ended, or its actix `System` has stopped.
    ///
    /// # Cancel safety
    /// Dropped after its first poll, the pool is paused nevertheless.
    pub async fn pause(&self) -> Result<(), Stopped> {
        self.ask(Pause).await
    }

    /// Starts jobs again. A pool that is not paused goes on as it was.
    ///
    /// # Errors
    /// The pool has ended, or its actix `System` has stopped.
    ///
    /// # Cancel safety
    /// Dropped after its first poll, the pool resumes nevertheless.
    pub async fn resume(&self) -> Result<(), Stopped> {
        self.ask(Resume).await
    }

    /// Has so many workers from now on: see [`Resize`].
    ///
    /// # Errors
    /// There can never be so many, or the pool has ended, or its actix `System` has stopped.
    ///
    /// # Cancel safety
    /// Dropped after its first poll, the number is changed nevertheless.
    pub async fn resize(&self, workers: usize) -> Result<(), ResizeError> {
        self.ask(Resize(workers)).await
    }

    /// Asks the dispatcher, who heeds this even if nobody waits for the answer any more.
    async fn ask<M, V, X>(&self, message: M) -> Result<V, X>
    where
        M: Message<Result = Result<V, X>> + Send + 'static,
        Dispatcher<T, U, E>: Actor<Context = Context<Dispatcher<T, U, E>>> + Handler<M>,
        V: Send + 'static,
        X: From<Stopped> + Send + 'static,
    {
        let (reply, answer) = request();
        self.0.dispatcher.do_send::<Heed<M>>(Heed { message, reply });
        answer.await.unwrap_or_else(|_| Err(Stopped.into()))
    }

    /// How the pool stands.
    ///
    /// # Errors
    /// The pool has ended, or its actix `System` has stopped.
    ///
    /// # Cancel safety
    /// Dropping it changes nothing.
    pub async fn status(&self) -> Result<Status, Stopped> {
        self.0.dispatcher.send(GetStatus).await.unwrap_or(Err(Stopped))
    }
}

impl<T: Value, U: Value, E: Value> Clone for Pool<T, U, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Value, U: Value, E: Value> fmt::Debug for Pool<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}
