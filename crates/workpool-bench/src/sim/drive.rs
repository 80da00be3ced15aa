//! One run, from its seed to its report.

use std::{cell::RefCell, future::Future, rc::Rc, time::Duration};

use futures::future::LocalBoxFuture;
use generator::{Generator, Gn};

use super::{
    thread::{Role, State, Thread, start_thread},
    world::{PROGRAM, Sim, Still, Time, World},
};

/// How a run is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting {
    /// Whether to write down what happens.
    pub trace: bool,
    /// How often of 1,000 times a thread is held up where it can be. Drawn from the seed.
    pub(super) preemption: u32,
    /// Tasks of a thread are polled in the order in which they were woken. Drawn from the seed.
    pub(super) in_order: bool,
    /// How often of 1,000 steps time passes although something can happen. Drawn from the seed.
    pub(super) passing: u32,
}

impl Setting {
    /// A setting whose run is written down.
    #[must_use]
    pub fn traced() -> Self {
        Self { trace: true, ..Self::default() }
    }
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What should not have happened.
    pub violation: Option<String>,
    /// What happened, if it was to be written down.
    pub trace: Vec<String>,
    /// How often a thread went on.
    pub steps: u64,
    /// Jobs that were submitted.
    pub jobs: u64,
    /// Threads and actors that died.
    pub crashes: u64,
}

/// More steps than any run needs that comes to an end.
const MOST_STEPS: u64 = 300_000;

/// As much as a debug build needs.
const STACK: usize = 64 * 1_024;

type Coroutine = Generator<'static, (), ()>;

/// Runs a scene once. The same seed makes the same run.
pub fn run<F>(seed: u64, setting: Setting, scene: impl FnOnce(Sim) -> F) -> Report
where
    F: Future<Output = ()> + 'static,
{
    let mut draw = fastrand::Rng::with_seed(!seed);
    let setting = Setting {
        preemption: [30, 150, 500, 900][draw.usize(0..4)],
        in_order: draw.bool(),
        passing: [0, 2, 20, 100][draw.usize(0..4)],
        ..setting
    };
    let world = World::new(seed, setting);
    world.enter();
    start_thread(Role::Home);
    PROGRAM.iter().for_each(|_| _ = start_thread(Role::Program));
    spawn(&world, PROGRAM[0], "the scene", Box::pin(scene(Sim(()))));
    let mut coroutines = Vec::new();
    drive(&world, &mut coroutines);
    conclude(&world, &mut coroutines);
    let report = Report {
        violation: world.violation.take(),
        trace: world.trace.take(),
        steps: world.steps.get(),
        jobs: world.ledger.jobs(),
        crashes: world.ledger.crashes(),
    };
    // What is left of a run that failed cannot go on to its end.
    coroutines.into_iter().for_each(|coroutine| match coroutine.is_done() {
        true => SPARE.with_borrow_mut(|spare| spare.push(coroutine)),
        false => std::mem::forget(coroutine),
    });
    World::leave();
    report
}

fn spawn(world: &World, thread: usize, name: &'static str, future: LocalBoxFuture<'static, ()>) {
    let thread = world.threads.borrow()[thread].clone();
    thread.spawn_named(name, future);
}

/// Lets threads run until nothing can happen any more.
fn drive(world: &Rc<World>, coroutines: &mut Vec<Coroutine>) {
    loop {
        if world.violation.borrow().is_some() {
            return;
        }
        if world.steps.get() > MOST_STEPS {
            return world.fail("the run does not come to an end".into());
        }
        if world.chance(world.setting.passing) {
            pass_a_little(world);
        }
        match choose(world) {
            Some(thread) => resume(world, &thread, coroutines),
            None => {
                if !stand_still(world) {
                    return;
                }
            }
        }
    }
}

fn pass_a_little(world: &World) {
    let time = [Time::Real, Time::Pool][world.below(2)];
    let by = Duration::from_micros(world.below(800) as u64);
    world.advance(time, world.now(time) + by);
}

/// A thread that can go on, by the weights that threads have for a while.
fn choose(world: &World) -> Option<Rc<Thread>> {
    let threads = world.threads.borrow();
    if world.chance(15) {
        for thread in threads.iter() {
            thread.weight.set([1, 3, 30, 200][world.below(4)]);
        }
    }
    let runnable = || threads.iter().filter(|thread| thread.state.get() == State::Runnable);
    let mut left = world.below(runnable().map(|thread| thread.weight.get()).sum());
    let fits = |thread: &&Rc<Thread>| {
        let weight = thread.weight.get();
        let fits = left < weight;
        left = left.saturating_sub(weight);
        fits
    };
    runnable().find(fits).cloned()
}

fn resume(world: &World, thread: &Rc<Thread>, coroutines: &mut Vec<Coroutine>) {
    while coroutines.len() <= thread.number() {
        let number = coroutines.len();
        coroutines.push(coroutine(number));
    }
    world.steps.set(world.steps.get() + 1);
    world.current.set(Some(thread.number()));
    let entered = thread.enter();
    coroutines[thread.number()].resume();
    drop(entered);
    world.current.set(None);
}

thread_local! {
    /// Coroutines of earlier runs: to map a stack costs more than most threads do on it.
    static SPARE: RefCell<Vec<Coroutine>> = const { RefCell::new(Vec::new()) };
}

fn coroutine(number: usize) -> Coroutine {
    let live = move || super::thread::thread(number).live();
    match SPARE.with_borrow_mut(Vec::pop) {
        None => Gn::new_opt(STACK, live),
        Some(mut spare) => {
            spare.init_code(live);
            spare
        }
    }
}

/// No thread can go on: someone waited for that, or time passes. Returns whether that changed
/// anything.
fn stand_still(world: &Rc<World>) -> bool {
    if !world.awaits_soon() {
        world.ledger.check_stillness(world.next_timer(Time::Pool).is_some());
    }
    if world.next_timer(Time::Real).is_none() {
        world.ledger.check_deadlines(world.now(Time::Pool));
    }
    if wake_who_waits(world, Still::Exhausted) {
        return true;
    }
    if world.is_idling() {
        world.idle.set((0, 0));
        return wake_who_waits(world, Still::Quiet);
    }
    let mut times = [Time::Real, Time::Pool];
    if world.below(2) == 0 {
        times.reverse();
    }
    for time in times {
        if let Some(due) = world.next_timer(time) {
            world.advance(time, due);
            return true;
        }
    }
    wake_who_waits(world, Still::Quiet)
}

/// So often time passes to no avail before it is taken that nothing comes of it: a pool may look for
/// something every second, for ever.
const IDLE: u32 = 60;

impl World {
    /// Time has passed often, and nobody has told the ledger anything.
    fn is_idling(&self) -> bool {
        let told = self.ledger.told();
        let (before, times) = self.idle.get();
        let times = if told == before { times + 1 } else { 0 };
        self.idle.set((told, times));
        times > IDLE
    }
}

fn wake_who_waits(world: &World, for_what: Still) -> bool {
    let waiting = {
        let mut waiting = world.waits_for_stillness.borrow_mut();
        let fit: Vec<_> = (0..waiting.len()).filter(|&at| waiting[at].0 == for_what).collect();
        match fit.is_empty() {
            true => None,
            false => Some(waiting.swap_remove(fit[world.below(fit.len())])),
        }
    };
    let Some((_, waker, reached)) = waiting else { return false };
    reached.set(true);
    waker.wake();
    true
}

/// Checks that nothing is left, and ends the threads that are not the pool's.
fn conclude(world: &Rc<World>, coroutines: &mut Vec<Coroutine>) {
    if world.violation.borrow().is_some() {
        return;
    }
    let waiting: Vec<_> =
        PROGRAM.iter().flat_map(|&thread| world.threads.borrow()[thread].tasks()).collect();
    if !waiting.is_empty() {
        return world.fail(format!("waits for ever: {waiting:?}"));
    }
    world.ledger.check_end(world);
    let left: Vec<_> = {
        let threads = world.threads.borrow();
        let pools = threads.iter().filter(|thread| thread.is_of_a_pool());
        pools.filter(|thread| !thread.has_ended()).map(|thread| thread.name()).collect()
    };
    if !left.is_empty() {
        return world.fail(format!("threads of the pool are left: {left:?}"));
    }
    world.threads.borrow().iter().for_each(|thread| thread.order_stop());
    drive(world, coroutines);
}
