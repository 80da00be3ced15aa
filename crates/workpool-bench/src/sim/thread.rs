//! Simulated threads: each is an arbiter, which polls its tasks one at a time.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    rc::{Rc, Weak},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use futures::future::{self, LocalBoxFuture};
use tokio::task::{LocalEnterGuard, LocalSet};

use crate::scene::Shell;

use super::world::{HOME, World, fail, note, step, suspend, with};

/// What a thread is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Dispatcher and collector.
    Home,
    /// The program that uses the pool.
    Program,
    /// One of the pool's workers.
    Worker(usize),
    /// Waits for the others to end.
    Joiner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Runnable,
    /// None of its tasks was woken.
    Asleep,
    /// A task of its blocks it.
    Blocked,
    Ended,
}

enum Command {
    Execute(Box<dyn FnOnce()>),
    /// As a panic in a handler does: the task is dropped, and the thread goes on.
    Kill(&'static str),
    Stop,
}

struct Task {
    name: &'static str,
    /// `None` while it is polled, and once it is done.
    future: Option<LocalBoxFuture<'static, ()>>,
    waker: Waker,
    woken: bool,
    done: bool,
}

pub(crate) struct Thread {
    number: usize,
    pub(super) role: Role,
    pub(super) state: Cell<State>,
    /// How much of the processor it gets, beside the others.
    pub(super) weight: Cell<usize>,
    /// What it has done one after another.
    turns: Cell<u64>,
    commands: RefCell<VecDeque<Command>>,
    tasks: RefCell<Vec<Task>>,
    ready: RefCell<VecDeque<usize>>,
    accepts: Cell<bool>,
    /// The task that blocks the thread was woken since it was last polled.
    unblocked: Cell<bool>,
    /// The task that is polled, or was last.
    task: Cell<&'static str>,
    /// Where actix spawns what answers a message later, for actors on this thread.
    answers: RefCell<Weak<LocalSet>>,
    on_end: RefCell<Vec<Waker>>,
}

impl Thread {
    pub(super) fn new(number: usize, role: Role) -> Rc<Self> {
        Rc::new(Self {
            number,
            role,
            state: Cell::new(State::Runnable),
            weight: Cell::new(1),
            turns: Cell::new(0),
            commands: RefCell::default(),
            tasks: RefCell::default(),
            ready: RefCell::default(),
            accepts: Cell::new(true),
            unblocked: Cell::new(false),
            task: Cell::new(""),
            answers: RefCell::default(),
            on_end: RefCell::default(),
        })
    }

    pub(super) fn name(&self) -> String {
        match self.role {
            Role::Home => "home".into(),
            Role::Program => format!("program {}", self.number),
            Role::Worker(worker) => format!("worker {worker}"),
            Role::Joiner => "joiner".into(),
        }
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Whether it takes orders.
    pub(crate) fn accepts(&self) -> bool {
        self.accepts.get()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state.get() == State::Ended
    }

    /// Stays the same for as long as it does one thing.
    pub(crate) fn turn(&self) -> u64 {
        self.turns.get()
    }

    pub(crate) fn is_a_workers(&self) -> bool {
        matches!(self.role, Role::Worker(_))
    }

    /// Whether what runs on it is the pool's own code, and not the program's.
    pub(crate) fn is_at_the_pools(&self) -> bool {
        ACTORS.contains(&self.task.get()) || matches!(self.role, Role::Worker(_) | Role::Joiner)
    }

    /// Whether a pool has started it.
    pub(super) fn is_of_a_pool(&self) -> bool {
        match self.role {
            Role::Worker(_) | Role::Joiner => true,
            Role::Home => self.number != HOME,
            Role::Program => false,
        }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.state.get() == State::Blocked
    }

    /// Has it call this. A thread that has stopped drops it.
    pub(crate) fn execute(&self, call: impl FnOnce() + 'static) {
        self.order(Command::Execute(Box::new(call)));
    }

    pub(crate) fn order_stop(&self) {
        self.order(Command::Stop);
    }

    pub(super) fn order_kill(&self, task: &'static str) {
        self.order(Command::Kill(task));
    }

    fn order(&self, command: Command) {
        if self.accepts.get() {
            self.commands.borrow_mut().push_back(command);
            self.rouse();
        }
    }

    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.spawn_named("", future);
    }

    pub(crate) fn spawn_named(
        &self,
        name: &'static str,
        future: impl Future<Output = ()> + 'static,
    ) {
        if !self.accepts.get() {
            return;
        }
        let task = {
            let mut tasks = self.tasks.borrow_mut();
            let waker = self.waker(Some(tasks.len()));
            let future = Some(Box::pin(future) as _);
            tasks.push(Task { name, future, waker, woken: false, done: false });
            tasks.len() - 1
        };
        self.wake(task);
    }

    /// The names of the tasks that are not done.
    pub(super) fn tasks(&self) -> Vec<&'static str> {
        let tasks = self.tasks.borrow();
        tasks.iter().filter(|task| !task.done && !task.name.is_empty()).map(|t| t.name).collect()
    }

    fn waker(&self, task: Option<usize>) -> Waker {
        let run = with(|world| world.run).unwrap_or_default();
        Waker::from(Arc::new(Wakeup { run, thread: self.number, task }))
    }

    fn wake(&self, task: usize) {
        if let Some(task) = self.tasks.borrow_mut().get_mut(task)
            && (task.done || std::mem::replace(&mut task.woken, true))
        {
            return;
        }
        self.ready.borrow_mut().push_back(task);
        self.rouse();
    }

    fn unblock(&self) {
        self.unblocked.set(true);
        if self.is_blocked() {
            self.state.set(State::Runnable);
        }
    }

    fn rouse(&self) {
        if self.state.get() == State::Asleep {
            self.state.set(State::Runnable);
        }
    }

    /// While this is held, actors answer later by tasks of this thread's.
    pub(super) fn enter(&self) -> Option<LocalEnterGuard> {
        self.answers.borrow().upgrade().map(|answers| answers.enter())
    }

    /// Polls what actix spawns, until the thread ends.
    fn serve(&self) {
        let answers = Rc::new(LocalSet::new());
        *self.answers.borrow_mut() = Rc::downgrade(&answers);
        self.spawn(async move { answers.run_until(future::pending()).await });
    }

    /// What the thread does, from its start to its end.
    pub(super) fn live(&self) {
        loop {
            self.turns.set(self.turns.get() + 1);
            let (ready, orders) = (self.ready.borrow().len(), self.commands.borrow().len());
            if ready + orders == 0 {
                self.state.set(State::Asleep);
                suspend();
                continue;
            }
            let choice = with(|world| world.choose(ready + usize::from(orders > 0)));
            match choice.filter(|&choice| choice < ready) {
                Some(choice) => self.poll(choice),
                None => {
                    if !self.obey() {
                        break;
                    }
                }
            }
            step();
        }
        self.end();
    }

    /// Returns whether it goes on.
    fn obey(&self) -> bool {
        let command = self.commands.borrow_mut().pop_front();
        match command {
            None => {}
            Some(Command::Execute(call)) => survive(call),
            Some(Command::Kill(name)) => self.kill(name),
            Some(Command::Stop) => return false,
        }
        true
    }

    fn kill(&self, name: &'static str) {
        let victim = {
            let mut tasks = self.tasks.borrow_mut();
            let victim = tasks.iter_mut().find(|task| !task.done && task.name == name);
            victim.and_then(|task| {
                task.done = true;
                self.task.set(name);
                task.future.take()
            })
        };
        note(|| format!("{name} is killed"));
        survive(|| drop(victim));
    }

    fn poll(&self, choice: usize) {
        let (number, future, waker) = {
            let mut ready = self.ready.borrow_mut();
            let Some(number) = ready.remove(choice) else { return };
            let task = &mut self.tasks.borrow_mut()[number];
            task.woken = false;
            self.task.set(task.name);
            (number, task.future.take(), task.waker.clone())
        };
        let Some(mut future) = future else { return };
        let polled = catch_unwind(AssertUnwindSafe(|| {
            future.as_mut().poll(&mut Context::from_waker(&waker))
        }));
        if let Err(panic) = &polled {
            if !is_by_will(&**panic) {
                fail(|| "a task of the pool's panicked: its text is above".into());
            } else if ACTORS.contains(&self.task.get()) {
                fail(|| format!("rule 8: a panic of users' code ends the {}", self.task.get()));
            }
        }
        if matches!(polled, Ok(Poll::Pending)) {
            self.tasks.borrow_mut()[number].future = Some(future);
        } else {
            self.tasks.borrow_mut()[number].done = true;
            survive(|| drop(future));
        }
        if let Err(panic) = polled {
            dispose(panic);
        }
    }

    /// Drops everything on it, as an arbiter does that was stopped.
    fn end(&self) {
        self.accepts.set(false);
        note(|| "ends".into());
        let count = self.tasks.borrow().len();
        for number in 0..count {
            let future = {
                let task = &mut self.tasks.borrow_mut()[number];
                task.done = true;
                self.task.set(task.name);
                task.future.take()
            };
            survive(|| drop(future));
            step();
        }
        let commands = std::mem::take(&mut *self.commands.borrow_mut());
        survive(|| drop(commands));
        self.state.set(State::Ended);
        let waiting = std::mem::take(&mut *self.on_end.borrow_mut());
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// The pool's.
const ACTORS: [&str; 3] = ["Dispatcher", "Collector", "Worker"];

/// What panics by the simulator's will says so.
pub(crate) const WILL: &str = "by the simulator's will";

fn is_by_will(panic: &(dyn Any + Send)) -> bool {
    panic.is::<Shell>() || panic.downcast_ref::<&str>().is_some_and(|text| *text == WILL)
}

/// Drops what something panicked with, and what that panics with.
fn dispose(mut panic: Box<dyn Any + Send>) {
    while let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        panic = another;
    }
}

/// As tokio does for a task: its panic is its own.
fn survive(call: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
        dispose(panic);
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").field("role", &self.role).finish_non_exhaustive()
    }
}

impl World {
    /// Which of so many tasks comes next: the one that was woken first in half of all runs.
    fn choose(&self, n: usize) -> usize {
        if self.setting.in_order { 0 } else { self.below(n) }
    }
}

struct Wakeup {
    run: u64,
    thread: usize,
    /// `None` for the task that blocks its thread.
    task: Option<usize>,
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        let wake = |world: &Rc<World>| {
            if world.run != self.run || world.loses_a_wake(self.thread) {
                return;
            }
            let thread = world.threads.borrow()[self.thread].clone();
            match self.task {
                Some(task) => thread.wake(task),
                None => thread.unblock(),
            }
        };
        with(wake);
    }
}

pub(crate) fn thread(number: usize) -> Rc<Thread> {
    match with(|world| world.threads.borrow()[number].clone()) {
        Some(thread) => thread,
        // The run is over.
        None => Thread::new(number, Role::Joiner),
    }
}

pub(crate) fn this_thread() -> Rc<Thread> {
    thread(current().unwrap_or_default())
}

/// The number of the thread that has its turn.
pub(crate) fn current() -> Option<usize> {
    with(|world| world.current.get()).flatten()
}

/// What each thread is doing, by its number.
pub(crate) fn turns() -> Vec<u64> {
    let turns = |world: &Rc<World>| world.threads.borrow().iter().map(|t| t.turn()).collect();
    with(turns).unwrap_or_default()
}

/// Starts one more thread, and returns its number.
pub(crate) fn start_thread(role: Role) -> usize {
    let start = |world: &Rc<World>| {
        let mut threads = world.threads.borrow_mut();
        let number = threads.len();
        threads.push(Thread::new(number, role));
        if matches!(role, Role::Home | Role::Program) {
            threads[number].serve();
        }
        number
    };
    with(start).unwrap_or_default()
}

/// Completes when a thread has ended.
pub(crate) fn ended(number: usize) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        let thread = thread(number);
        if thread.has_ended() {
            return Poll::Ready(());
        }
        thread.on_end.borrow_mut().push(cx.waker().clone());
        Poll::Pending
    })
}

/// Blocks the thread until the future completes.
pub(crate) fn block_on<R>(future: impl Future<Output = R>) -> R {
    let thread = this_thread();
    let waker = thread.waker(None);
    let mut future = pin!(future);
    loop {
        thread.unblocked.set(false);
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        if thread.unblocked.get() {
            step();
        } else {
            thread.state.set(State::Blocked);
            suspend();
        }
    }
}
