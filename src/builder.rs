use std::{fmt, ops::Range, rc::Rc, sync::Arc, thread};

use actix::{Actor, Addr};
use tokio_util::sync::CancellationToken;

use crate::{
    collector::Collector,
    dispatcher::{Dispatcher, Exit, Outfit},
    error::BuildError,
    intake::{Inbox, Queue},
    job::{Inside, WorkStation, WorkerId},
    lane::{Holdback, Newcomers, Station},
    message::{Collect, Knock},
    pool::Pool,
    runtime::{ArbiterHandle, Clock, Crew, SystemClock, home, request},
    schedule::Roster,
    value::Value,
    work::{BlockingSeat, Hooks, Post, Work},
    worker::{Seats, Worker},
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
    work: Work<T, U, E>,
    workers: usize,
    threads: usize,
    queue: Queue,
    home: Home,
    clock: Arc<dyn Clock>,
}

/// A worker costs about a kilobyte before it has done anything: more than this is a mistake.
const MOST_WORKERS: usize = 1 << 20;

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
            work,
            workers: parallelism,
            threads: parallelism,
            queue: Queue::unbounded(),
            home: Home::Here,
            clock: Arc::new(SystemClock),
        }
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

    /// Where the pool reads the time; the system's clock unless set. For tests.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
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
            Home::Own => crew.hire().map_err(thread)?,
        };
        let seats = self.seats();
        let arbiters = seats.iter().map(|_| crew.hire()).collect::<Result<Vec<_>, _>>();
        Ok(self.start(&home, &arbiters.map_err(thread)?, &seats, crew))
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
            _ => Ok(()),
        }
    }

    /// Which workers share which thread.
    fn seats(&self) -> Vec<Range<usize>> {
        let threads = match self.work {
            Work::Async(_) => self.threads.min(self.workers),
            Work::Blocking(_) => self.workers,
        };
        let at = |thread: usize| self.workers * thread / threads;
        (0..threads).map(|thread| at(thread)..at(thread + 1)).collect()
    }

    fn start(
        self,
        home: &ArbiterHandle,
        arbiters: &[ArbiterHandle],
        seats: &[Range<usize>],
        crew: Crew,
    ) -> Pool<T, U, E> {
        let clock = self.clock.clone();
        let inbox = Inbox::new(self.queue, move || clock.now());
        let inside = Arc::new(Inside { inbox: inbox.clone(), stop: CancellationToken::new() });
        let (holdback, newcomers) = (Arc::new(Holdback::new()), Arc::new(Newcomers::new()));
        let (reply, report) = request();
        // One for each thread of workers, and one for jobs that end without a worker.
        let stations: Vec<_> = (0..=seats.len()).map(|_| Arc::new(Station::new())).collect();
        let exit = Exit { station: stations[seats.len()].clone(), number: seats.len() };

        let collector = {
            let (stations, inbox) = (stations.clone(), inbox.clone());
            let (holdback, newcomers) = (holdback.clone(), newcomers.clone());
            let clock = self.clock.clone();
            Collector::start_in_arbiter(home, |_| {
                Collector::new(stations, inbox, holdback, newcomers, clock)
            })
        };
        let mut workers = Vec::with_capacity(seats.len());
        for (number, (arbiter, ids)) in arbiters.iter().zip(seats).enumerate() {
            let station = (stations[number].clone(), number);
            workers.push(self.start_worker(arbiter, ids.clone(), station, &inside, &collector));
        }
        let outfit = Outfit {
            bound: self.queue,
            roster: Roster::new(stations.into_iter().take(seats.len())),
            workers,
            seats: self.workers,
            crew,
            inside,
            holdback: holdback.clone(),
            report: reply,
            collector,
            exit,
            clock: self.clock,
        };
        let dispatcher = Dispatcher::start_in_arbiter(home, |_| Dispatcher::new(outfit));
        let bell = dispatcher.downgrade();
        inbox.connect(move || {
            if let Some(dispatcher) = bell.upgrade() {
                dispatcher.do_send(Knock);
            }
        });
        // Whoever rang before the bell was there is heard now.
        dispatcher.do_send(Knock);
        Pool::new(dispatcher, inbox, holdback, newcomers, report)
    }

    fn start_worker(
        &self,
        arbiter: &ArbiterHandle,
        ids: Range<usize>,
        (station, number): (Arc<WorkStation<T, U, E>>, usize),
        inside: &Arc<Inside<T, U, E>>,
        collector: &Addr<Collector<T, U, E>>,
    ) -> Addr<Worker<T, U, E>> {
        let (work, clock) = (self.work.clone(), self.clock.clone());
        let (inside, collector) = (inside.clone(), collector.clone());
        Worker::start_in_arbiter(arbiter, move |_| {
            let hooks = hooks(clock.clone(), inside.inbox.clone(), collector, number);
            let post = Post::new(station, inside, hooks, ids.len());
            let seats = match work {
                Work::Async(serve) => Seats::Async { post: Rc::new(post), ids, serve },
                Work::Blocking(build) => {
                    Seats::Blocking(Box::new(BlockingSeat::new(post, WorkerId(ids.start), build)))
                }
            };
            Worker { seats, clock }
        })
    }
}

fn hooks<T: Value, U: Value, E: Value>(
    clock: Arc<dyn Clock>,
    inbox: Arc<Inbox<T, U, E>>,
    collector: Addr<Collector<T, U, E>>,
    number: usize,
) -> Hooks {
    let sleeping = clock.clone();
    Hooks {
        now: Box::new(move || clock.now()),
        sleep: Box::new(move |pause| sleeping.sleep_until(sleeping.now() + pause)),
        ring_dispatcher: Box::new(move |ring| inbox.ring(Some(ring))),
        ring_collector: Box::new(move || collector.do_send(Collect { from: Some(number) })),
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
