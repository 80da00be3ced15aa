use std::{borrow::Cow, fmt, sync::Arc, thread, time::Duration};

use actix::Actor;

use crate::{
    collector::Collector,
    deliver::{Delivery, Hub, Windows},
    dispatcher::{Desk, Dispatcher, PostRoom},
    error::BuildError,
    hire::Recruiter,
    intake::{Inbox, Queue},
    job::Inside,
    lane::{Holdback, Newcomers, Station, Surplus},
    message::Knock,
    pool::Pool,
    runtime::{ArbiterHandle, Clock, Crew, Guarded, SystemClock, home, request},
    schedule::{Leave, Overrun, Retry, Roster, Scheduler, SchedulerParts},
    value::Value,
    work::{Terms, Work},
};

/// How a pool is to be: made by [`Pool::builder`], [`Pool::blocking`], [`Pool::processor`] or
/// [`Pool::blocking_processor`].
///
/// ```
/// # use std::convert::Infallible;
/// use actix_workpool::{OnFull, Pool, Queue};
///
/// # #[actix::main]
/// # async fn main() -> Result<(), actix_workpool::BuildError> {
/// let pool = Pool::builder(async |n: &u64, _cx| Ok::<_, Infallible>(n + 1))
///     .workers(1_000) // as many jobs at once,
///     .threads(2) // on so many threads
///     .queue(Queue::bounded(10_000).on_full(OnFull::Reject))
///     .own_arbiter()
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing starts before build()"]
pub struct Builder<T, U, E> {
    name: Cow<'static, str>,
    work: Work<T, U, E>,
    workers: usize,
    threads: usize,
    queue: Queue,
    home: Home,
    clock: Arc<dyn Clock>,
    is_real_time: bool,
    /// Unless set, it depends on the form.
    grace: Option<Duration>,
    timeout: Option<Duration>,
    retry: Option<Retry<E>>,
    replaced: usize,
    prefetch: usize,
}

/// The grace of a blocking form, unless it is set: a blocking job sees that it should end only when it
/// asks, and cannot be ended otherwise.
const BLOCKING_GRACE: Duration = Duration::from_secs(1);

/// A worker costs about a kilobyte before it has done anything: more than this is a mistake.
pub(crate) const MOST_WORKERS: usize = 1 << 20;

/// Where dispatcher and collector run.
enum Home {
    Here,
    At(ArbiterHandle),
    Own,
}

impl<T: Value, U: Value, E: Value> Builder<T, U, E> {
    pub(crate) fn new(work: Work<T, U, E>) -> Self {
        let parallelism = thread::available_parallelism().map_or(1, usize::from);
        Self {
            name: "unnamed pool".into(),
            work,
            workers: parallelism,
            threads: parallelism,
            queue: Queue::unbounded(),
            home: Home::Here,
            clock: Arc::new(SystemClock),
            is_real_time: true,
            grace: None,
            timeout: None,
            retry: None,
            replaced: 0,
            prefetch: usize::MAX,
        }
    }

    /// A name for logs, and for [`Status::stall`](crate::Status::stall); "unnamed pool" unless set.
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// How many jobs run at once, 1,048,576 at most; the machine's parallelism unless set.
    ///
    /// A worker of a blocking form owns a thread. Workers of an async form are cheap: thousands of
    /// them share a few [`threads`](Self::threads). So an async job that blocks delays its
    /// neighbours on that thread.
    pub fn workers(self, workers: usize) -> Self {
        Self { workers, ..self }
    }

    /// How many threads the workers of an async form share, at most one for each worker; the
    /// machine's parallelism unless set. A blocking form has a thread for each worker, whatever is
    /// set here.
    pub fn threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// How many jobs may wait, and what happens to one more; any number unless set.
    pub fn queue(self, queue: Queue) -> Self {
        Self { queue, ..self }
    }

    /// Runs dispatcher and collector on this arbiter, not on the one that calls
    /// [`build`](Self::build).
    pub fn arbiter(self, arbiter: ArbiterHandle) -> Self {
        Self { home: Home::At(arbiter), ..self }
    }

    /// Runs dispatcher and collector on an arbiter of their own, which ends with the pool: jobs are
    /// handed out and results forwarded even while the arbiter that calls [`build`](Self::build)
    /// is busy, at the price of a wake-up more each way.
    pub fn own_arbiter(self) -> Self {
        Self { home: Home::Own, ..self }
    }

    /// How long a job that is told to stop has for its end; zero unless set for an async form, one
    /// second for a blocking form.
    ///
    /// A job is told when it is cancelled ([`Pool::cancel`]), when its caller stops waiting, when it has
    /// run for as long as it may ([`timeout`](Self::timeout)), and when a shutdown says so, this long
    /// before its deadline, but never before half of it is over. The future of an async job is dropped
    /// after it, at its next `await` that does not complete: a future that is dropped at once is right
    /// where it cleans up in its `Drop`; one that cleans up after [`JobContext::cancelled`] needs a
    /// grace. A blocking job cannot be ended: where it timed out, or at the shutdown's deadline, its
    /// result comes without it ([`TimedOut`](crate::JobError::TimedOut),
    /// [`Abandoned`](crate::JobError::Abandoned)). Zero means at once.
    ///
    /// [`JobContext::cancelled`]: crate::JobContext::cancelled
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace: Some(grace), ..self }
    }

    /// How long a job may run, unless it has a timeout of its own; for ever unless set. See
    /// [`Job::timeout`](crate::Job::timeout); one of `Duration::MAX` lifts this for its job.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// Which jobs that brought no value are tried again, when, and how often; none unless set.
    pub fn retry(self, retry: Retry<E>) -> Self {
        Self { retry: Some(retry), ..self }
    }

    /// How many threads of a blocking form may be replaced at once whose job has timed out and whose
    /// code has not returned; 0 unless set.
    ///
    /// Such a thread cannot be ended. Unless it is replaced, its worker is free only once it returns, and
    /// with as many as there are workers, the pool stands still. Replaced, another thread takes its
    /// place, and it ends when it returns: that makes room for the next. The thread of a job that was
    /// cancelled and has no timeout is not replaced. An async job that times out is dropped, and has no
    /// need of this: [`build`](Self::build) refuses it for an async form.
    pub fn replace_stuck(self, threads: usize) -> Self {
        Self { replaced: threads, ..self }
    }

    /// How many jobs a worker is handed ahead of those that it runs, at most; unless set, as many as last
    /// about a millisecond by how long its jobs took, and never more than 2,048.
    ///
    /// With 0, a job is handed out when a worker asks for one, and not before. So jobs go out in the order
    /// of acceptance whatever their lengths (two that go to two workers at once may start in either order, by
    /// as long as a thread takes to wake up), and as many as there are workers may wait for each other.
    /// Otherwise a job can start after younger ones for as long as one before it in its worker's supply
    /// runs (guarantee 8 of the readme). It costs a wake-up or two a job: nothing beside jobs of a
    /// millisecond, which are handed out one by one whatever is set here, and several times the price of an
    /// empty one.
    pub fn prefetch(self, jobs: usize) -> Self {
        Self { prefetch: jobs, ..self }
    }

    /// Where the pool reads the time; the system's clock unless set. For tests. Where it panics, the
    /// real time stands in.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(Guarded::new(clock)), is_real_time: false, ..self }
    }

    /// Starts the actors and the workers' threads.
    ///
    /// Dispatcher and collector run on the arbiter that calls this, or on the system's own where
    /// the calling thread has none.
    ///
    /// # Errors
    /// A setting can never work, there is no running actix `System`, or the operating system gives
    /// no thread. Nothing is left running then.
    pub fn build(self) -> Result<Pool<T, U, E>, BuildError> {
        self.check()?;
        let here = home().ok_or(BuildError::NoSystem)?;
        let mut crew = Crew::default();
        let (setting, value) = match self.work {
            Work::Async(_) => ("threads", self.threads),
            Work::Blocking(_) => ("workers", self.workers),
        };
        let thread = |source| BuildError::Thread { setting, value, source };
        let home = match &self.home {
            Home::Here => here,
            Home::At(arbiter) if arbiter.alive() => arbiter.clone(),
            Home::At(_) => return Err(stopped_arbiter()),
            Home::Own => crew.hire_other().map_err(thread)?,
        };
        let threads = self.most_threads().min(self.workers);
        let arbiters =
            (0..threads).map(|number| crew.hire_for(number)).collect::<Result<Vec<_>, _>>();
        Ok(self.start(&home, &arbiters.map_err(thread)?, crew))
    }

    fn check(&self) -> Result<(), BuildError> {
        let refuse = |setting, value: usize, change| {
            Err(BuildError::Setting { setting, value: value.to_string(), change })
        };
        match *self {
            Self { workers: 0, .. } => {
                refuse("workers", 0, "no job would ever run; set workers to 1 or more")
            }
            Self { workers, .. } if workers > MOST_WORKERS => {
                refuse("workers", workers, "there can be 1,048,576 at most; set workers lower")
            }
            Self { threads: 0, .. } => {
                refuse("threads", 0, "no worker would have one; set threads to 1 or more")
            }
            Self { queue: Queue { capacity: Some(0), .. }, .. } => refuse(
                "queue capacity",
                0,
                "no job would ever be accepted; use Queue::bounded(1) or more, or Queue::unbounded()",
            ),
            Self { retry: Some(Retry { attempts: 0, .. }), .. } => refuse(
                "retry attempts",
                0,
                "no job would ever be started; use Retry::attempts(1) or more, or leave it out",
            ),
            Self { replaced: 1.., work: Work::Async(_), .. } => refuse(
                "replace_stuck",
                self.replaced,
                "an async job that times out is dropped, and leaves no thread to replace; use a blocking form, \
                 or leave it out",
            ),
            _ => Ok(()),
        }
    }

    fn most_threads(&self) -> usize {
        match self.work {
            Work::Async(_) => self.threads,
            Work::Blocking(_) => usize::MAX,
        }
    }

    fn start(self, home: &ArbiterHandle, arbiters: &[ArbiterHandle], crew: Crew) -> Pool<T, U, E> {
        let clock = self.clock.clone();
        let inbox = Inbox::new(self.queue, move || clock.now());
        let inside = Arc::new(Inside::new(inbox.clone()));
        let (holdback, newcomers) = (Arc::new(Holdback::new()), Arc::new(Newcomers::new()));
        let (leave, overrun) = (self.leave(), self.overrun());
        let (grace, retry) = (leave.grace, self.retry.clone());
        let prefetch = self.prefetch;
        let terms = Terms { grace, timeout: self.timeout, retry: retry.clone(), prefetch };
        let surplus = Arc::new(Surplus::new());
        // For jobs that end without a worker.
        let exit = Arc::new(Station::new(0, surplus.clone()));
        let mut roster = Roster::new(surplus, self.most_threads());
        roster.grow(self.workers);

        let windows = {
            let inbox = inbox.clone();
            Windows::new(holdback.clone(), move |ring| inbox.ring(ring))
        };

        let collector = {
            let stations = (0..roster.len()).map(|worker| roster.station(worker).clone()).collect();
            let hub = Hub::new(self.name.clone(), windows.clone());
            let delivery =
                Delivery::new(stations, exit.clone(), inbox.clone(), newcomers.clone(), hub);
            let clock = self.clock.clone();
            Collector::start_in_arbiter(home, |_| Collector::new(delivery, clock))
        };
        let recruiter = Recruiter {
            work: self.work,
            clock: self.clock.clone(),
            is_real_time: self.is_real_time,
            terms,
            inside: inside.clone(),
            collector: collector.clone(),
        };
        let workers: Vec<_> = arbiters
            .iter()
            .enumerate()
            .map(|(number, arbiter)| {
                let staff = roster.staff(number);
                recruiter.start(arbiter, number, roster.station(number).clone(), staff)
            })
            .collect();
        let parts = SchedulerParts {
            name: self.name,
            inside,
            holdback,
            exit: exit.clone(),
            bound: self.queue,
            leave,
            timeout: self.timeout,
            overrun,
            retry,
            roster,
        };
        let (reply, report) = request();
        // Whole before they are on their way: where the arbiter ends first, they are dropped on it.
        let desk = Desk::new(inbox.clone(), collector.clone(), exit, self.clock, reply);
        let post_room = PostRoom::new(workers, collector, recruiter, crew);
        let dispatcher = Dispatcher::start_in_arbiter(home, |_| {
            Dispatcher::new(desk, Scheduler::new(parts), post_room)
        });
        let bell = dispatcher.downgrade();
        inbox.connect(move || {
            if let Some(dispatcher) = bell.upgrade() {
                dispatcher.do_send(Knock);
            }
        });
        // Whoever rang before the bell was there is heard now.
        dispatcher.do_send(Knock);
        Pool::new(dispatcher, inbox, windows, newcomers, report)
    }

    fn overrun(&self) -> Overrun {
        match self.work {
            Work::Async(_) => Overrun::Dropped,
            Work::Blocking(_) => Overrun::LeftBehind { replaced: self.replaced },
        }
    }

    fn leave(&self) -> Leave {
        match self.work {
            Work::Async(_) => Leave::droppable(self.grace.unwrap_or_default()),
            Work::Blocking(_) => Leave::blocking(self.grace.unwrap_or(BLOCKING_GRACE)),
        }
    }
}

fn stopped_arbiter() -> BuildError {
    BuildError::Setting {
        setting: "arbiter",
        value: "stopped".into(),
        change: "nothing would run on it; pass the handle of one that runs",
    }
}

impl<T, U, E> fmt::Debug for Builder<T, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("workers", &self.workers)
            .field("threads", &self.threads)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
