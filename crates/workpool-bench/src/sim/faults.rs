//! What goes wrong from outside, when a run wants it to.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    panic::resume_unwind,
    rc::Rc,
    time::Instant,
};

use super::{
    thread::{Role, State, Thread, WILL},
    world::{HOME, Sim, Time, World, holds_none, now, with},
};

#[derive(Default)]
pub(super) struct Faults {
    /// The system has stopped.
    stopped: Cell<bool>,
    /// Whom to call if it stops before its arbiter has got to them.
    watches: RefCell<BTreeMap<u64, Box<dyn FnOnce()>>>,
    /// How many threads are denied before one is granted.
    denials: Cell<u32>,
    /// After how many readings on the home thread the pool's clock panics.
    clock: Cell<Option<u32>>,
    /// After how many wake-ups of the home thread one is lost. No fault of the pool's: it shows that
    /// the simulator would notice.
    wakes: Cell<Option<u32>>,
}

impl World {
    pub(super) fn loses_a_wake(&self, thread: usize) -> bool {
        self.threads.borrow()[thread].role == Role::Home && count_down(&self.faults.wakes)
    }
}

/// Whether this was the last.
fn count_down(count: &Cell<Option<u32>>) -> bool {
    let left = count.get().map(|left| left.checked_sub(1));
    count.set(left.flatten());
    left == Some(None)
}

pub(crate) fn system_runs() -> bool {
    with(|world| !world.faults.stopped.get()).unwrap_or_default()
}

/// Whether the system runs; calls `stopped` where its stop was on its way.
pub(crate) fn watch_system(stopped: impl FnOnce() + 'static) -> bool {
    let watch = |world: &Rc<World>| {
        let number = world.number();
        world.faults.watches.borrow_mut().insert(number, Box::new(stopped));
        // The system's arbiter takes it out, if it comes to that.
        let take_out = move || with(|world| world.faults.watches.borrow_mut().remove(&number));
        world.threads.borrow()[HOME].execute(move || drop(take_out()));
    };
    system_runs() && with(watch).is_some()
}

pub(crate) fn denies_thread() -> bool {
    let denies = |world: &Rc<World>| {
        let left = world.faults.denials.get();
        world.faults.denials.set(left.saturating_sub(1));
        left > 0
    };
    with(denies).unwrap_or_default()
}

/// A user's clock may panic. Here it does so on the home thread alone, and never under a lock.
pub(crate) fn read_pool_clock() -> Instant {
    let panics = with(|world| {
        let current = world.current.get().map(|number| world.threads.borrow()[number].role);
        current == Some(Role::Home) && holds_none() && count_down(&world.faults.clock)
    });
    if panics == Some(true) && !std::thread::panicking() {
        with(|world| world.note(|| "the clock panics".into()));
        resume_unwind(Box::new(WILL));
    }
    now(Time::Pool)
}

/// What can go wrong from outside.
impl Sim {
    /// Stops the arbiter of one of the pool's workers, if there is one now. Returns whether there was.
    pub fn stop_worker(self, worker: usize) -> bool {
        let stop = |world: &Rc<World>| {
            let threads = world.threads.borrow();
            let mut candidates = threads
                .iter()
                .filter(|thread| thread.role == Role::Worker(worker) && thread.accepts());
            candidates.next_back().map(|thread| {
                world.note(|| format!("stops {}", thread.name()));
                thread.order_stop();
            })
        };
        with(stop).flatten().is_some()
    }

    /// Drops the dispatcher, as a panic in it would.
    pub fn kill_dispatcher(self) {
        self.kill("Dispatcher");
    }

    /// Drops the collector, as a panic in it would.
    pub fn kill_collector(self) {
        self.kill("Collector");
    }

    fn kill(self, actor: &'static str) {
        with(|world| {
            world.ledger.forget_guarantees();
            let threads = world.threads.borrow();
            let has_it = |thread: &&Rc<Thread>| thread.tasks().contains(&actor);
            threads.iter().filter(has_it).for_each(|thread| thread.order_kill(actor));
        });
    }

    /// Has the pool's clock panic on the home thread, once it was read `readings` times more.
    pub fn break_clock(self, readings: u32) {
        with(|world| {
            world.ledger.forget_guarantees();
            world.faults.clock.set(Some(readings));
        });
    }

    /// Stops the actix system: all arbiters, but for the system's own if `home` stays.
    pub fn stop_system(self, home_stays: bool) {
        with(|world| {
            world.note(|| "the system stops".into());
            world.ledger.forget_guarantees();
            for thread in world.threads.borrow().iter() {
                match thread.role {
                    Role::Worker(_) => thread.order_stop(),
                    Role::Home if !home_stays || thread.is_of_a_pool() => thread.order_stop(),
                    _ => {}
                }
            }
        });
        // Its stop is on its way for a while: its arbiters end in any order.
        crate::scene::spawn(self, "the stop of the system", async move {
            self.while_others_run().await;
            let watches = with(|world| {
                world.faults.stopped.set(true);
                world.faults.watches.take()
            });
            watches.into_iter().flatten().for_each(|(_, stopped)| stopped());
        });
    }

    /// Has the next `n` threads not be granted.
    pub fn deny_threads(self, n: u32) {
        with(|world| world.faults.denials.set(n));
    }

    /// Loses the wake-up of the home thread that comes after `n` others.
    pub fn lose_wake(self, n: u32) {
        with(|world| world.faults.wakes.set(Some(n)));
    }

    /// The pool's threads that have not ended: those that are blocked, and the others.
    pub fn threads_left(self) -> (usize, usize) {
        let count = |world: &Rc<World>| {
            let threads = world.threads.borrow();
            let left = threads.iter().filter(|thread| thread.is_of_a_pool() && !thread.has_ended());
            let (blocked, others): (Vec<_>, Vec<_>) =
                left.partition(|thread| thread.state.get() == State::Blocked);
            (blocked.len(), others.len())
        };
        with(count).unwrap_or_default()
    }

    /// Whether dispatcher and collector are gone.
    pub fn actors_are_gone(self) -> bool {
        let gone = |world: &Rc<World>| {
            let threads = world.threads.borrow();
            let mut tasks = threads.iter().flat_map(|thread| thread.tasks());
            !tasks.any(|task| matches!(task, "Dispatcher" | "Collector"))
        };
        with(gone).unwrap_or(true)
    }
}
