use std::{future::poll_fn, panic::AssertUnwindSafe, time::Instant};

use futures::{FutureExt, future::BoxFuture};

use crate::panic::{Apart, catch, text};

use super::SystemClock;

/// Where a pool reads the time, and what it sleeps by.
///
/// A pool uses [`SystemClock`] unless its builder is given another
/// ([`Builder::clock`](crate::Builder::clock)); a test steps a [`StepClock`](crate::StepClock).
pub trait Clock: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Instant;

    /// Completes once the time is `until`. It is polled on a thread of the actix `System`.
    fn sleep_until(&self, until: Instant) -> BoxFuture<'static, ()>;
}

/// A user's clock. Where it panics, the real time stands in: it is read under locks and between a job's
/// end and its result, and a panic there would cost jobs of others. Nothing is logged there, for the same
/// reason; the panic itself is. Neither does it cost anything where the clock or a sleep is dropped.
pub(crate) struct Guarded<C>(Apart<C>);

impl<C> Guarded<C> {
    pub(crate) fn new(clock: C) -> Self {
        Self(Apart::new(clock))
    }
}

impl<C: Clock> Clock for Guarded<C> {
    fn now(&self) -> Instant {
        catch(|| self.0.now()).unwrap_or_else(|_| SystemClock.now())
    }

    fn sleep_until(&self, until: Instant) -> BoxFuture<'static, ()> {
        let sleep = catch(|| self.0.sleep_until(until)).map(Apart::new);
        Box::pin(async move {
            let slept = match sleep {
                Ok(mut sleep) => {
                    let slept = poll_fn(|task| sleep.poll_unpin(task));
                    AssertUnwindSafe(slept).catch_unwind().await.map_err(text)
                }
                Err(text) => Err(text),
            };
            if slept.is_err() {
                SystemClock.sleep_until(until).await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn where_a_users_clock_panics_the_real_time_stands_in() {
        struct Broken;
        impl Clock for Broken {
            fn now(&self) -> Instant {
                panic!("the clock is broken")
            }
            fn sleep_until(&self, _: Instant) -> BoxFuture<'static, ()> {
                panic!("the clock is broken")
            }
        }
        let before = Instant::now();
        assert!((before..=before + Duration::from_secs(60)).contains(&Guarded::new(Broken).now()));
        let system = actix_rt::System::new();
        system.block_on(Guarded::new(Broken).sleep_until(before));
    }
}
