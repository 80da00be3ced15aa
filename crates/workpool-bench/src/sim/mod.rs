//! Simulated threads, time and chance.
//!
//! A run is single-threaded. Each thread of the pool's, and each of the program that uses it, is a
//! coroutine that polls its tasks (real actix actors among them). It can be held up after every use
//! of a lock or an atomic, between two polls, and wherever a job says so; a generator of random
//! numbers says which thread goes on. So a run is one schedule, and its seed replays it.
//!
//! What actix decides is not left to chance: the order of a mailbox, and what an actor does in one
//! poll. Which of a thread's tasks that were woken is polled next is, since that hangs on who woke
//! them first. There are two clocks, the real one and the pool's; time passes now and then, and
//! whenever nothing else can happen.

mod drive;
mod faults;
mod start;
mod thread;
mod world;

pub use self::{
    drive::{Report, Setting, run},
    world::Sim,
};
pub(crate) use self::{
    faults::{denies_thread, read_pool_clock, system_runs, watch_system},
    start::start,
    thread::{
        Role, Thread, WILL, block_on, current, ended, start_thread, this_thread, thread, turns,
    },
    world::{
        Time, World, fail, hold, home, is_in_run, note, nothing_ends, now, release, sleep_until,
        step, with,
    },
};
