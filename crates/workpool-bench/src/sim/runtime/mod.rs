//! In place of the pool's `runtime`: simulated arbiters, threads and clocks.

#[path = "../../../../../src/runtime/alarm.rs"]
mod alarm;
#[path = "../../../../../src/runtime/budget.rs"]
mod budget;
#[path = "../../../../../src/runtime/clock.rs"]
mod clock;
mod clocks;
mod crew;
#[path = "../../../../../src/runtime/keep.rs"]
mod keep;
#[path = "../../../../../src/runtime/outlet.rs"]
mod outlet;
mod site;
#[path = "../../../../../src/runtime/reply.rs"]
mod reply;
#[path = "../../../../../src/runtime/singly.rs"]
mod singly;
#[path = "../../../../../src/runtime/turns.rs"]
mod turns;

pub use self::{
    clock::Clock,
    clocks::{PoolClock, SystemClock},
};
pub(crate) use self::{
    alarm::{Alarm, Rang},
    budget::Budget,
    clock::Guarded,
    crew::{ArbiterHandle, Crew, home, spawn, stop_this_thread, watch_system},
    reply::{Reply, Request, request},
    singly::Singly,
    turns::{operations, take_turns},
    clocks::Ticks,
};

/// Whether a thread that has looked for work in vain so many times is to look again.
pub(crate) fn look_again(times: u32) -> bool {
    times < 2
}

/// A number by chance.
pub(crate) fn chance() -> u64 {
    crate::sim::with(|world| world.below(usize::MAX) as u64).unwrap_or_default()
}
