use std::time::Instant;

use futures::future::BoxFuture;

use crate::{
    job::Stamp,
    sim::{self, Time},
};

use super::Clock;

/// In place of the system's clock: the simulated real time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        sim::now(Time::Real)
    }

    fn sleep_until(&self, until: Instant) -> BoxFuture<'static, ()> {
        Box::pin(sim::sleep_until(Time::Real, until))
    }
}

/// In place of a thread's quick reading of the real time.
#[derive(Debug)]
pub(crate) struct Ticks;

impl Ticks {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn now(&self) -> Stamp {
        Stamp::of(SystemClock.now())
    }
}

/// A clock that users set, as the pool's own `StepClock`: it may stand still while the real one goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct PoolClock;

impl Clock for PoolClock {
    fn now(&self) -> Instant {
        sim::read_pool_clock()
    }

    fn sleep_until(&self, until: Instant) -> BoxFuture<'static, ()> {
        Box::pin(sim::sleep_until(Time::Pool, until))
    }
}
