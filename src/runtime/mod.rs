//! Every call into the actix runtime: arbiters, spawning, timers, joining; and the clock.

mod alarm;
mod budget;
mod chance;
mod clock;
mod crew;
mod keep;
mod look;
mod outlet;
mod reply;
mod singly;
mod site;
mod step_clock;
mod system_clock;
mod ticks;
mod turns;

pub use self::{clock::Clock, step_clock::StepClock, system_clock::SystemClock};
pub(crate) use actix_rt::ArbiterHandle;

#[cfg(all(test, workpool_loom))]
pub(crate) use self::keep::keep_until;
pub(crate) use self::{
    alarm::{Alarm, Rang},
    budget::Budget,
    chance::chance,
    clock::Guarded,
    crew::{Crew, home, spawn, stop_this_thread, watch_system},
    look::look_again,
    reply::{Reply, Request, request},
    singly::Singly,
    ticks::Ticks,
    turns::{operations, take_turns},
};
