//! Every message, with who sends it to whom, and when.

mod status;
mod subscribe;

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use actix::{Message, WeakAddr};

pub use self::subscribe::Subscribe;
use crate::{
    deliver::{Results, SubscriptionId},
    dispatcher::Dispatcher,
    error::{Refused, ResizeError, Stopped, SubscribeError},
    job::{Counts, Job, JobId, JobResult, Jobs, Staff, WorkStation},
    runtime::Reply,
    value::Value,
    work::Stopping,
};

/// application → dispatcher, to have one job done. Answered once it is accepted or refused.
///
/// A `send` that is dropped before that takes its job with it: one that waits for room is never
/// accepted, and is dropped when its turn in the line comes, or before. Dropped after that, the job
/// is done all the same. Once the pool has ended, the job is gone with the message: only the methods of
/// [`Pool`](crate::Pool) give it back.
impl<T: 'static> Message for Job<T> {
    type Result = Result<JobId, Refused<Self>>;
}

/// application → dispatcher, to have several jobs accepted together; otherwise as a [`Job`].
impl<T: 'static> Message for Jobs<T> {
    type Result = Result<Vec<JobId>, Refused<Self>>;
}

/// collector → subscribers, when a job has ended that nobody waits for.
impl<T: 'static, U: 'static, E: 'static> Message for JobResult<T, U, E> {
    type Result = ();
}

/// collector → subscribers, when a batch of results is full or old enough.
impl<T: 'static, U: 'static, E: 'static> Message for Results<T, U, E> {
    type Result = ();
}

/// collector → subscribers, each time the pool has become quiescent: nothing waits, nothing runs,
/// and every result has been handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
#[non_exhaustive]
pub struct Drained {
    /// The jobs that ended since the one before, those of callers who waited for them included.
    pub counts: Counts,
}

/// collector → subscriber, to its [`Subscribe::on_missed`]: results that it missed, since its window
/// was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
#[non_exhaustive]
pub struct Missed {
    /// How many results it missed since the one before, or since it subscribed.
    pub count: u64,
}

/// application → dispatcher, to end a subscription. Answered by whether there was one; what had
/// been gathered for a batch is handed over first, and so is the number of results that it missed.
/// Its window holds back the pool no more.
///
/// A `send` that is dropped before it is handled ends nothing;
/// [`Pool::unsubscribe`](crate::Pool::unsubscribe) does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<bool, Stopped>")]
pub struct Unsubscribe(pub SubscriptionId);

/// application → dispatcher, to wait for quiescence. Answered at the next such moment: at once if
/// the pool is quiescent, and at the latest when it ends. The pool goes on accepting jobs. A `send`
/// that is dropped changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), Stopped>")]
pub struct Drain;

/// application → dispatcher, to cancel one job. Answered by what it met.
///
/// It never overtakes its job: what was submitted before it is known to it. Ids of jobs that have
/// ended are not remembered. A `send` that is dropped before it is handled cancels nothing; what is
/// sent by `do_send`, or by [`Pool::cancel`](crate::Pool::cancel), does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<CancelOutcome, Stopped>")]
pub struct Cancel(pub JobId);

/// dispatcher → application: what a [`Cancel`] met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelOutcome {
    /// The job waited. It does not run any more, and ends as [`Cancelled`](crate::JobError::Cancelled).
    /// While its pause before another attempt lasts, it ends as its last attempt did.
    Waiting,
    /// The job runs. It is told, and an async one is dropped after its grace. What it returns before
    /// that counts, a value or an error, and it is not tried again.
    Running,
    /// There is no such job in the pool: it has ended, was never accepted, or is another pool's.
    NotHere,
}

/// application → dispatcher, to start no job from the answer on. Jobs that run go on, jobs are
/// accepted as before, and [`Drain`] waits for a [`Resume`].
///
/// A pool that is shut down resumes by itself. One that nobody can reach any more while it is paused
/// cancels what waits. A `send` that is dropped before it is handled pauses nothing;
/// [`Pool::pause`](crate::Pool::pause) does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), Stopped>")]
pub struct Pause;

/// application → dispatcher, to start jobs again. A `send` that is dropped before it is handled
/// changes nothing; [`Pool::resume`](crate::Pool::resume) does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), Stopped>")]
pub struct Resume;

/// application → dispatcher, to end the pool. Answered when its threads have ended and every
/// result has been handed over.
///
/// From here on nothing is accepted. Asked several times, each limit that is stricter holds, and
/// everyone gets the same report. Once the pool has ended, its address answers no more;
/// [`Pool::shutdown`](crate::Pool::shutdown) still does. A `send` that is dropped before it is
/// handled ends nothing; `do_send` and that method do.
///
/// Jobs that run are first told ([`JobContext::is_cancelled`](crate::JobContext::is_cancelled)), and
/// have the pool's [grace](crate::Builder::grace) to end by themselves, within the deadline. Then the
/// futures of async ones are dropped, at their next `await` that does not complete. What still runs
/// at the deadline, because it blocks its thread, ends as
/// [`Abandoned`](crate::JobError::Abandoned), and its thread is left behind; for async jobs a tenth
/// of a second after the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<ShutdownReport, Stopped>")]
pub enum Shutdown {
    /// Every accepted job may run. A grace before this time (at most half of it), those that have not
    /// started are cancelled, and those that run are told. Zero means at once, without a grace.
    Drain(Duration),
    /// Jobs that have not started are cancelled at once; those that run are told a grace before this
    /// time (at most half of it). Zero means at once, without a grace.
    FinishRunning(Duration),
    /// Every job is cancelled at once: those that run are told, and have their grace.
    Now,
}

/// dispatcher → application: how a pool ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Every job of the pool's life, by outcome.
    pub counts: Counts,
    /// The jobs that ended as [`Abandoned`](crate::JobError::Abandoned). Their payloads are in their
    /// results.
    pub abandoned: Vec<JobId>,
    /// Threads of the pool's that were left behind: those of abandoned jobs, and those that had not
    /// ended by the deadline, nor a tenth of a second after the last job, since they wait for what a
    /// job has put on tokio's blocking threads.
    pub threads_left: usize,
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.counts)?;
        for (n, job) in self.abandoned.iter().enumerate() {
            write!(f, "{}{job}", if n == 0 { ": " } else { ", " })?;
        }
        match self.threads_left {
            0 => Ok(()),
            1 => f.write_str("; 1 thread left behind"),
            n => write!(f, "; {n} threads left behind"),
        }
    }
}

/// application → dispatcher, to see how the pool stands. A `send` that is dropped changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Status, Stopped>")]
pub struct GetStatus;

/// dispatcher → application: how the pool stands. Printed, it is one line.
///
/// ```
/// # use std::convert::Infallible;
/// # use actix_workpool::Pool;
/// # #[actix::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::builder(async |n: &u64, _cx| Ok::<_, Infallible>(n + 1)).workers(1).build()?;
/// pool.run(1_u64).await?;
/// pool.drain().await?;
/// let status = pool.status().await?;
/// assert_eq!(status.to_string(), "open: 0 running; 1 of 1 workers live; 1 succeeded");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Whether jobs are accepted.
    pub open: bool,
    /// Whether it was told to start no job ([`Pause`]).
    pub paused: bool,
    /// How many workers there are to be, by [`Builder::workers`](crate::Builder::workers) or the last
    /// [`Resize`].
    pub workers: usize,
    /// Workers that run a job or could: not those whose processor was not built yet, whose thread has
    /// ended and was not replaced yet, or whose thread is [stuck](Self::stuck). While there is none, no
    /// job starts. Just after [`build`](crate::Builder::build), there may be none yet.
    pub live: usize,
    /// Threads of workers that ended under the pool. Each was replaced: at once if it had started a
    /// job, and otherwise after a pause of 0.1 s, doubling up to 30 s.
    pub deaths: u64,
    /// How often a processor was not built: its factory failed or panicked.
    pub build_failures: u64,
    /// Jobs that run.
    pub running: usize,
    /// Threads whose job timed out and whose code has not returned, those included that were
    /// [replaced](crate::Builder::replace_stuck), or whose worker has ended by a [`Resize`].
    pub stuck: usize,
    /// Jobs that have been handed to workers and not started, those included that have come back from one
    /// and go to the next.
    pub leased: usize,
    /// Jobs that have been accepted, are not [`postponed`](Self::postponed), and have not been handed
    /// out: in the queue, or waiting for their [key](crate::Job::key). While the pool is paused, those
    /// too that had been handed out and not started.
    pub queued: usize,
    /// How many may wait, [`queued`](Self::queued) and [`postponed`](Self::postponed) together; `None` if
    /// any number. Jobs that are tried again, or come back in a pause, may make it more for a while.
    pub capacity: Option<usize>,
    /// Jobs that have a delay which is not over, or whose pause before another attempt lasts.
    pub postponed: usize,
    /// Submissions that wait in line for room, a batch as one. Their jobs have not been accepted.
    pub in_line: usize,
    /// Jobs that have ended, by outcome.
    pub counts: Counts,
    /// Subscriptions.
    pub subscribers: usize,
    /// Subscribers that were found to be gone, and removed.
    pub subscribers_gone: u64,
    /// Results that found nobody: no subscriber, or a caller that had stopped waiting.
    pub unheard: u64,
    /// Results that a subscriber missed, since its window was full ([`Subscribe::on_missed`]); one
    /// that several missed counts for each.
    pub missed: u64,
    /// A subscriber that the pool has been waiting for, if it has for a second and longer.
    pub stall: Option<Stall>,
}

/// A pool that waits for a subscriber: its window is full, jobs wait beside an idle worker, and for a
/// second by the pool's clock it has handled nothing.
///
/// A slow handler may take that long. But if a handler waits for this pool (for room in its queue,
/// or for the result of a job), each waits for the other. Once found, a `tracing` warning names both,
/// and [`Status::stall`] shows it until the subscriber has handled something, or is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stall {
    /// The pool's name ([`Builder::named`](crate::Builder::named)).
    pub pool: Cow<'static, str>,
    /// The subscriber's name ([`Subscribe::named`]), or "a stream of results".
    pub subscriber: Cow<'static, str>,
}

/// application → dispatcher, to have so many workers from now on.
///
/// More start at once; where the operating system gives no thread for one, it is tried again. With
/// fewer, those that run nothing end at once, and the others as soon as their jobs have ended, whoever
/// is first: no job is ended for it, and none starts while as many run as the pool is to have. With 0,
/// what is accepted waits, and so do `run` and [`Drain`], until there are workers again.
///
/// A worker whose job timed out and whose code has not returned runs nothing, and ends like an idle one.
/// Its thread ends when the code returns; until then it counts in [`Status::stuck`] and against
/// [`Builder::replace_stuck`](crate::Builder::replace_stuck).
///
/// A worker that ends drops its processor; names of workers ([`WorkerId`](crate::WorkerId)) are not
/// used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), ResizeError>")]
pub struct Resize(pub usize);

/// a pool's handle → dispatcher: a message that is heeded although nobody waits for its answer any
/// more. By itself, one whose `send` is dropped is not handled.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Heed<M: Message> {
    pub(crate) message: M,
    pub(crate) reply: Reply<M::Result>,
}

/// a stream of jobs → dispatcher, when it is dropped: those of its jobs that wait in the queue are
/// cancelled. The others have been told, by what their stream tells them by.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct CancelWaiting {
    pub(crate) jobs: Vec<JobId>,
}

/// worker, collector, reader or submitter → dispatcher, when it must look at its lanes.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Knock;

/// collector → dispatcher, after a [`Settle`] that held, if it asked for that.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Settled {
    /// Jobs that had been accepted by then. All of them have ended and been handed over.
    pub(crate) accepted: u64,
}

/// the system's arbiter → dispatcher, when it has ended after the dispatcher took it to run.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct SystemStopped;

/// dispatcher → itself, to have handled everything that was sent before.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct LastCall;

/// dispatcher → worker, when there are leases for its idle seats.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Wake;

/// dispatcher → worker, when there are to be more seats on its thread.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Seat {
    pub(crate) staff: Staff,
}

/// dispatcher → worker, when seats that ran nothing were told to leave.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Dismiss {
    pub(crate) seats: Vec<usize>,
}

/// dispatcher → worker, when jobs that run must come to an end.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct StopJobs(pub(crate) Stopping);

/// dispatcher → worker, when the job on one of its seats was told to stop.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Look {
    pub(crate) seat: usize,
}

/// worker, dispatcher → collector, when there are results in an outbox; collector → itself, when it
/// is time to look at all of them.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Collect {
    pub(crate) from: Origin,
}

/// Where results come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Anywhere,
    /// They are of jobs that ended without a worker.
    Dispatcher,
    Worker(usize),
}

/// dispatcher → collector, before a worker is hired: where its results will be.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Enlist<T: Value, U: Value, E: Value> {
    pub(crate) worker: usize,
    pub(crate) station: Arc<WorkStation<T, U, E>>,
}

/// dispatcher → collector, to add a subscription.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Enrol<T: Value, U: Value, E: Value> {
    pub(crate) subscribe: Subscribe<T, U, E>,
    pub(crate) reply: Reply<Result<SubscriptionId, SubscribeError>>,
}

/// dispatcher → collector, to remove a subscription.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Remove {
    pub(crate) id: SubscriptionId,
    pub(crate) reply: Reply<bool>,
}

/// dispatcher → collector, when a full window holds back the pool, or a notice of missed results has room:
/// remove subscribers that are gone, and tell the others what they missed.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Muster;

/// dispatcher → collector, to be answered at the next quiescence.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct AwaitDrained {
    pub(crate) reply: Reply<()>,
}

/// dispatcher → collector, when nothing is left anywhere: hand over what the outboxes hold, and if
/// still nothing more has been accepted, the pool is quiescent.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Settle<T: Value, U: Value, E: Value> {
    pub(crate) accepted: u64,
    /// Who wants to hear that it held.
    pub(crate) tell: Option<WeakAddr<Dispatcher<T, U, E>>>,
}

/// dispatcher → collector, to ask what it has counted.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Census {
    pub(crate) reply: Reply<Counted>,
}

/// What the collector has counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    pub(crate) counts: Counts,
    pub(crate) subscribers: usize,
    pub(crate) subscribers_gone: u64,
    pub(crate) unheard: u64,
    pub(crate) missed: u64,
}

/// dispatcher → collector, when the pool has ended: hand over what is left, end, and do the rest.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Close {
    pub(crate) then: Box<dyn FnOnce(Counts) + Send>,
}
