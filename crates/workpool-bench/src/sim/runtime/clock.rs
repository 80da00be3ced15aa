use std::time::Instant;

use futures::future::BoxFuture;

use crate::{
    panic::catch,
    sim::{self, Time},
};

/// As the pool's.
pub trait Clock: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Instant;

    /// Completes once the time is `until`.
    fn sleep_until(&self, until: Instant) -> BoxFuture<'static, ()>;
}

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

/// As the pool's: where a user's clock panics, the real time stands in.
pub(crate) struct Guarded<C>(pub(crate) C);

impl<C: Clock> Clock for Guarded<C> {
    fn now(&self) -> Instant {
        catch(|| self.0.now()).unwrap_or_else(|_| SystemClock.now())
    }

    fn sleep_until(&self, until: Instant) -> BoxFuture<'static, ()> {
        self.0.sleep_until(until)
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
