//! All of one run that its threads share.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use crate::{
    check::{Books, Ledger},
    scene::{Gates, Kept, Marks},
};

use super::{drive::Setting, faults::Faults, thread::Thread};

/// The two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    Real,
    Pool,
}

/// How far the run must have come for someone who waits for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Still {
    /// No thread can go on.
    Exhausted,
    /// And nothing comes of waiting longer.
    Quiet,
}

/// Whom to wake, and whether that is not soon.
type Timer = (Waker, bool);

/// Timers that are set this far ahead are a pool's watch over what tells it nothing: nobody who waits
/// for something else may have to wait for that.
const NOT_SOON: Duration = Duration::from_millis(50);

/// Who waits for stillness, and where they are told that it is reached.
pub(super) type Waiting = (Still, Waker, Rc<Cell<bool>>);

pub(crate) struct World {
    pub(super) run: u64,
    pub(super) setting: Setting,
    pub(super) random: RefCell<fastrand::Rng>,
    pub(super) threads: RefCell<Vec<Rc<Thread>>>,
    /// Which thread runs; `None` while the next is chosen.
    pub(super) current: Cell<Option<usize>>,
    /// Locks that it holds.
    held: Cell<usize>,
    base: Instant,
    now: [Cell<Instant>; 2],
    timers: [RefCell<BTreeMap<(Instant, u64), Timer>>; 2],
    numbers: Cell<u64>,
    pub(super) waits_for_stillness: RefCell<Vec<Waiting>>,
    pub(super) faults: Faults,
    /// What the ledger had been told, and how often time has passed since.
    pub(super) idle: Cell<(u64, u32)>,
    pub(super) steps: Cell<u64>,
    pub(super) trace: RefCell<Vec<String>>,
    pub(super) violation: RefCell<Option<String>>,
    pub(crate) ledger: Ledger,
    pub(crate) gates: RefCell<Gates>,
    pub(crate) marks: RefCell<Marks>,
    pub(crate) kept: RefCell<Kept>,
}

thread_local! {
    static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
    static RUNS: Cell<u64> = const { Cell::new(0) };
}

/// The home thread's number, and that of the first of the two threads of the program.
pub(super) const HOME: usize = 0;
pub(super) const PROGRAM: [usize; 2] = [1, 2];

impl World {
    pub(super) fn new(seed: u64, setting: Setting) -> Rc<Self> {
        let run = RUNS.get() + 1;
        RUNS.set(run);
        // Nobody reads the real time but for this one value, and nothing depends on it.
        let base = Instant::now();
        Rc::new(Self {
            run,
            setting,
            random: RefCell::new(fastrand::Rng::with_seed(seed)),
            threads: RefCell::default(),
            current: Cell::new(None),
            held: Cell::new(0),
            base,
            now: [Cell::new(base), Cell::new(base)],
            timers: Default::default(),
            numbers: Cell::new(0),
            waits_for_stillness: RefCell::default(),
            faults: Faults::default(),
            idle: Cell::new((0, 0)),
            steps: Cell::new(0),
            trace: RefCell::default(),
            violation: RefCell::default(),
            ledger: Ledger::default(),
            gates: RefCell::default(),
            marks: RefCell::default(),
            kept: RefCell::default(),
        })
    }

    pub(crate) fn run(&self) -> u64 {
        self.run
    }

    pub(super) fn enter(self: &Rc<Self>) {
        WORLD.set(Some(self.clone()));
    }

    pub(super) fn leave() {
        WORLD.set(None);
    }

    /// A number below `n`.
    pub(crate) fn below(&self, n: usize) -> usize {
        self.random.borrow_mut().usize(0..n.max(1))
    }

    /// Whether something happens that does so `per_mille` of 1,000 times.
    pub(crate) fn chance(&self, per_mille: u32) -> bool {
        per_mille > 0 && self.random.borrow_mut().u32(0..1_000) < per_mille
    }

    pub(crate) fn number(&self) -> u64 {
        let number = self.numbers.get() + 1;
        self.numbers.set(number);
        number
    }

    pub(crate) fn now(&self, time: Time) -> Instant {
        self.now[time as usize].get()
    }

    /// Lets time pass, and wakes whoever slept until then.
    pub(crate) fn advance(&self, time: Time, to: Instant) {
        let to = to.max(self.now(time));
        self.now[time as usize].set(to);
        self.note(|| format!("{time:?} time is {:?}", to.duration_since(self.base)));
        let due = {
            let mut timers = self.timers[time as usize].borrow_mut();
            let later = timers.split_off(&(to, u64::MAX));
            std::mem::replace(&mut *timers, later)
        };
        due.into_values().for_each(|(waker, _)| waker.wake());
    }

    pub(crate) fn next_timer(&self, time: Time) -> Option<Instant> {
        self.timers[time as usize].borrow().keys().next().map(|(due, _)| *due)
    }

    /// Whether something happens soon by the real time.
    pub(super) fn awaits_soon(&self) -> bool {
        self.timers[Time::Real as usize].borrow().values().any(|(_, not_soon)| !not_soon)
    }

    pub(super) fn note(&self, text: impl FnOnce() -> String) {
        if self.setting.trace {
            let thread = match self.current.get() {
                Some(number) => self.threads.borrow()[number].name(),
                None => "time".into(),
            };
            self.trace.borrow_mut().push(format!(
                "{:>6} {thread:<10} {}",
                self.steps.get(),
                text()
            ));
        }
    }

    pub(crate) fn fail(&self, text: String) {
        self.note(|| format!("VIOLATION: {text}"));
        self.violation.borrow_mut().get_or_insert(text);
    }
}

/// Looks at the run that is under way. What outlives a run finds none.
pub(crate) fn with<R>(look: impl FnOnce(&Rc<World>) -> R) -> Option<R> {
    let world = WORLD.with_borrow(Clone::clone);
    world.as_ref().map(look)
}

/// Whether one of a run's threads calls this.
pub(crate) fn is_in_run() -> bool {
    with(|world| world.current.get().is_some()).unwrap_or_default()
}

/// Whether no pool is to end, and nothing was ended from outside.
pub(crate) fn nothing_ends() -> bool {
    let ends = |books: &mut Books| books.pools.iter().any(|pool| pool.ending);
    with(|world| world.ledger.has_guarantees() && !world.ledger.write(ends)).unwrap_or_default()
}

/// Says that something must not be as it is.
pub(crate) fn fail(text: impl FnOnce() -> String) {
    with(|world| world.fail(text()));
}

pub(crate) fn note(text: impl FnOnce() -> String) {
    with(|world| world.note(text));
}

pub(crate) fn home() -> usize {
    HOME
}

/// A lock is taken.
pub(crate) fn hold() {
    with(|world| world.held.set(world.held.get() + 1));
}

pub(crate) fn release() {
    with(|world| world.held.set(world.held.get().saturating_sub(1)));
}

pub(super) fn holds_none() -> bool {
    with(|world| world.held.get() == 0).unwrap_or(true)
}

/// Other threads may run here. Not during an unwind: a panic belongs to its thread.
pub(crate) fn step() {
    let hold_up = |world: &Rc<World>| {
        world.current.get().is_some()
            && world.held.get() == 0
            && !std::thread::panicking()
            && world.chance(world.setting.preemption)
    };
    if with(hold_up).unwrap_or(false) {
        suspend();
    }
}

/// Goes back to where the next thread is chosen.
#[expect(deprecated, reason = "a scope cannot be handed down through the pool's code")]
pub(super) fn suspend() {
    generator::yield_with(());
}

pub(crate) fn now(time: Time) -> Instant {
    with(|world| world.now(time)).unwrap_or_else(Instant::now)
}

/// Completes once it is `until`.
pub(crate) fn sleep_until(time: Time, until: Instant) -> impl Future<Output = ()> + Send {
    let not_soon = until.saturating_duration_since(now(time)) >= NOT_SOON;
    Sleep { time, until, not_soon, number: None }
}

struct Sleep {
    time: Time,
    until: Instant,
    not_soon: bool,
    number: Option<u64>,
}

impl Sleep {
    fn forget(&mut self) {
        if let Some(number) = self.number.take() {
            let key = (self.until, number);
            with(|world| world.timers[self.time as usize].borrow_mut().remove(&key));
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.forget();
        let number = with(|world| {
            let number = world.number();
            let key = (self.until, number);
            let timer = (cx.waker().clone(), self.not_soon);
            (world.now(self.time) < self.until)
                .then(|| world.timers[self.time as usize].borrow_mut().insert(key, timer))
                .map(|_| number)
        });
        self.number = number.flatten();
        if self.number.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.forget();
    }
}

/// The run, as those see it who make things happen in it.
#[derive(Clone, Copy, Debug)]
pub struct Sim(pub(super) ());

impl Sim {
    pub(crate) fn here() -> Self {
        Self(())
    }

    /// A number below `n`.
    pub fn below(self, n: usize) -> usize {
        with(|world| world.below(n)).unwrap_or_default()
    }

    /// Whether something happens that does so `per_mille` of 1,000 times.
    pub fn chance(self, per_mille: u32) -> bool {
        with(|world| world.chance(per_mille)).unwrap_or_default()
    }

    /// The time by the pool's clock.
    pub fn now(self) -> Instant {
        now(Time::Pool)
    }

    /// The real time.
    pub fn real_now(self) -> Instant {
        now(Time::Real)
    }

    /// Moves the pool's clock on.
    pub fn advance(self, by: Duration) {
        with(|world| world.advance(Time::Pool, world.now(Time::Pool) + by));
    }

    /// Lets time pass by both clocks.
    pub fn pass(self, by: Duration) {
        with(|world| {
            [Time::Real, Time::Pool].map(|time| world.advance(time, world.now(time) + by))
        });
    }

    /// Sleeps by the pool's clock.
    pub async fn sleep(self, pause: Duration) {
        sleep_until(Time::Pool, self.now() + pause).await;
    }

    /// Completes when no thread can go on without time passing.
    pub async fn exhausted(self) {
        stillness(Still::Exhausted).await;
    }

    /// Completes when nothing can happen any more, however much time passes.
    pub async fn quiet(self) {
        stillness(Still::Quiet).await;
    }

    /// Completes after a random number of chances for others.
    pub async fn while_others_run(self) {
        let mut left = self.below(12);
        poll_fn(|cx| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Says that something must not be as it is: the run fails.
    pub fn fail(self, text: impl Into<String>) {
        fail(|| text.into());
    }

    /// Fails the run unless this holds.
    pub fn expect(self, holds: bool, text: impl FnOnce() -> String) {
        if !holds {
            fail(text);
        }
    }
}

async fn stillness(still: Still) {
    let reached = Rc::new(Cell::new(false));
    poll_fn(|cx| {
        if reached.get() {
            return Poll::Ready(());
        }
        let wait = (still, cx.waker().clone(), reached.clone());
        with(|world| world.waits_for_stillness.borrow_mut().push(wait));
        Poll::Pending
    })
    .await;
}
