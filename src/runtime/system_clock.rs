use std::time::Instant;

use futures::future::BoxFuture;

use super::Clock;

/// The real time, and the timers of the actix runtime (their grain is a millisecond).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep_until(&self, until: Instant) -> BoxFuture<'static, ()> {
        Box::pin(actix_rt::time::sleep_until(until.into()))
    }
}
