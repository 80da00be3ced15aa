//! The jobs of a run, and the code that does them.

use std::{
    future::{Future, poll_fn},
    task::{Poll, Waker},
    time::Duration,
};

use crate::{
    BlockingProcessor, Job, JobContext, Processor,
    check::{Record, Returned, Way},
    sim::{self, Sim},
};

use super::{
    bomb::{Bomb, Shell, reason},
    errand::Errand,
};

/// A job's value.
#[derive(Debug)]
pub struct Output {
    pub(crate) number: u64,
    pub(crate) bomb: Bomb,
}

/// A job's error.
#[derive(Debug)]
pub struct Failure {
    pub(crate) number: u64,
    pub(crate) bomb: Bomb,
}

/// A job's payload: what its code is to do.
#[derive(Debug)]
pub struct Task {
    /// Names it in the ledger.
    pub number: u64,
    pub(crate) pool: usize,
    pub(crate) acts: Vec<Act>,
    pub(crate) bomb: Bomb,
}

/// What a job's code does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Lets others run.
    Step,
    /// Takes this long.
    Work(Duration),
    /// Waits for this long by the pool's clock; a blocking job blocks its thread.
    Sleep(Duration),
    /// Submits another job to its own pool.
    Submit(Vec<Act>),
    /// Waits until the gate is open; a blocking job blocks its thread.
    Wait(Gate),
    /// Blocks its thread until the gate is open.
    Block(Gate),
    /// Waits until it is told to stop.
    UntilCancelled,
    /// Stops its own thread's arbiter.
    StopThread,
    /// Returns an error.
    Fail,
    /// Panics.
    Panic,
    /// Does this if it is the first attempt.
    First(Box<Self>),
}

impl Act {
    /// This, at the first attempt alone.
    #[must_use]
    pub fn at_first(self) -> Self {
        Self::First(Box::new(self))
    }

    /// What it comes to.
    fn at(&self, attempt: u32) -> Option<&Self> {
        match self {
            Self::First(act) if attempt == 1 => Some(act),
            Self::First(_) => None,
            act => Some(act),
        }
    }
}

/// What jobs wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate(usize);

#[derive(Debug, Default)]
pub(crate) struct Gates(Vec<(bool, Vec<Waker>)>);

impl Gate {
    /// A gate that is closed.
    pub fn closed() -> Self {
        let make = |gates: &mut Gates| {
            gates.0.push((false, Vec::new()));
            gates.0.len() - 1
        };
        Self(sim::with(|world| make(&mut world.gates.borrow_mut())).unwrap_or_default())
    }

    /// Opens it for good.
    pub fn open(self) {
        let waiting = sim::with(|world| {
            let gate = &mut world.gates.borrow_mut().0[self.0];
            gate.0 = true;
            std::mem::take(&mut gate.1)
        });
        waiting.into_iter().flatten().for_each(Waker::wake);
    }

    /// Whether it is open.
    pub fn is_open(self) -> bool {
        sim::with(|world| world.gates.borrow().0[self.0].0).unwrap_or_default()
    }

    /// Opens all gates of the run.
    pub fn open_all() {
        let gates = sim::with(|world| world.gates.borrow().0.len()).unwrap_or_default();
        (0..gates).for_each(|gate| Self(gate).open());
    }

    /// Waits until it is open.
    pub fn wait(self) -> impl Future<Output = ()> {
        poll_fn(move |cx| {
            let is_open = sim::with(|world| {
                let gate = &mut world.gates.borrow_mut().0[self.0];
                gate.1.push(cx.waker().clone());
                gate.0
            });
            if is_open == Some(false) { Poll::Pending } else { Poll::Ready(()) }
        })
    }
}

/// Makes a job, and enters it in the books.
pub(crate) fn job(pool: usize, way: Way, errand: impl Into<Errand>) -> (u64, Job<Task>) {
    let errand = errand.into();
    let number = sim::with(|world| world.ledger.jobs() + 1).unwrap_or_default();
    sim::note(|| format!("job {number}: {way:?} {errand:?}"));
    let bomb = Bomb::default();
    let job = Job::new(Task { number, pool, acts: errand.acts.clone(), bomb });
    sim::with(|world| {
        world.ledger.write(|books| {
            let begun = (books.tick(), Sim::here().now());
            let terms = books.pools[pool].terms(&errand);
            books.jobs.insert(number, Record::new(pool, job.id(), way, begun, terms));
        });
    });
    (number, errand.terms(job))
}

impl Task {
    /// For what came of it. Two in one result are dropped in one unwind: that is their user's fault.
    fn another_bomb(&self) -> Bomb {
        let bomb = Bomb::default();
        if !self.bomb.is_lit() {
            bomb.light(self.pool);
        }
        bomb
    }
}

/// A job that is about to be submitted.
pub(crate) fn lit(job: Job<Task>) -> Job<Task> {
    let task = job.payload();
    task.bomb.light(task.pool);
    job
}

type Cx = JobContext<Task, Output, Failure>;

/// Does one job. Where its future is dropped, the books are told, too.
async fn perform(task: &Task, cx: &Cx, blocks: bool) -> Result<Output, Failure> {
    let mut run = RunOf { number: task.number, how: Returned::Dropped };
    let attempt = cx.attempt();
    sim::note(|| format!("job {} starts on {}, attempt {attempt}", task.number, cx.worker()));
    sim::with(|world| world.ledger.starts(task.number, &sim::this_thread(), attempt));
    for act in task.acts.iter().filter_map(|act| act.at(attempt)) {
        sim::step();
        match act {
            Act::Step => pause(blocks).await,
            Act::Work(time) => Sim::here().pass(*time),
            Act::Sleep(time) => Sim::here().sleep(*time).await,
            Act::Submit(acts) => submit(task, cx, acts.clone()),
            Act::Wait(gate) => gate.wait().await,
            Act::Block(gate) => sim::block_on(gate.wait()),
            Act::UntilCancelled => cx.cancelled().await,
            Act::StopThread => {
                sim::with(|world| world.ledger.count_crash());
                sim::this_thread().order_stop();
            }
            Act::Fail => {
                run.how = Returned::Failure;
                return Err(Failure { number: task.number, bomb: task.another_bomb() });
            }
            Act::Panic => {
                run.how = Returned::Panic;
                Shell::explode(task.pool);
            }
            Act::First(_) => {}
        }
    }
    run.how = Returned::Value;
    Ok(Output { number: task.number, bomb: task.another_bomb() })
}

/// Lets others run: other threads, and where it may wait, other tasks of its own.
async fn pause(blocks: bool) {
    sim::step();
    let mut waits = !blocks;
    poll_fn(|cx| {
        if !std::mem::replace(&mut waits, false) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn submit(task: &Task, cx: &Cx, acts: Vec<Act>) {
    let (number, job) = job(task.pool, Way::Subscribers, acts);
    super::submit::decided(&[number], &cx.submit(lit(job)).map_err(reason));
}

struct RunOf {
    number: u64,
    how: Returned,
}

impl Drop for RunOf {
    fn drop(&mut self) {
        sim::note(|| format!("job {} returns: {:?}", self.number, self.how));
        let thread = sim::this_thread().number();
        sim::with(|world| world.ledger.returns(self.number, thread, self.how));
    }
}

/// One processor: the books know how many there are on which thread.
pub(crate) struct Hand {
    pool: usize,
    thread: usize,
}

impl Hand {
    pub(crate) fn new(pool: usize) -> Self {
        let thread = sim::this_thread().number();
        count(pool, thread, |built| built + 1);
        Self { pool, thread }
    }
}

fn count(pool: usize, thread: usize, change: impl FnOnce(usize) -> usize) {
    sim::with(|world| {
        world.ledger.write(|books| {
            let built = books.pools[pool].processors.entry(thread).or_default();
            *built = change(*built);
        });
    });
}

impl Drop for Hand {
    fn drop(&mut self) {
        count(self.pool, self.thread, |built| built - 1);
    }
}

impl Processor for Hand {
    type Payload = Task;
    type Output = Output;
    type Error = Failure;

    async fn process(&mut self, task: &Task, cx: &Cx) -> Result<Output, Failure> {
        perform(task, cx, false).await
    }
}

impl BlockingProcessor for Hand {
    type Payload = Task;
    type Output = Output;
    type Error = Failure;

    fn process(&mut self, task: &Task, cx: &Cx) -> Result<Output, Failure> {
        sim::block_on(perform(task, cx, true))
    }
}
