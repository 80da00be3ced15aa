use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;

use super::Clock;

/// A clock for tests, whose time stands still until it is told to move.
///
/// Clones are the same clock.
#[derive(Clone)]
pub struct StepClock(Arc<Mutex<Steps>>);

struct Steps {
    now: Instant,
    /// Who sleeps until when, and a number that tells sleepers of one instant apart.
    sleepers: BTreeMap<(Instant, u64), Waker>,
    next: u64,
}

impl StepClock {
    /// A clock that shows this instant.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Steps {
            now: Instant::now(),
            sleepers: BTreeMap::new(),
            next: 0,
        })))
    }

    /// Moves the time on, and wakes whoever slept until then.
    ///
    /// # Panics
    /// The time would be beyond what an [`Instant`] can say.
    pub fn advance(&self, by: Duration) {
        let mut steps = self.steps();
        steps.now += by;
        // Keys up to the new time, whatever their number.
        let now = steps.now;
        let later = steps.sleepers.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut steps.sleepers, later);
        drop(steps);
        due.into_values().for_each(Waker::wake);
    }

    /// How many sleep by this clock now.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.steps().sleepers.len()
    }

    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for StepClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for StepClock {
    fn now(&self) -> Instant {
        self.steps().now
    }

    fn sleep_until(&self, until: Instant) -> BoxFuture<'static, ()> {
        let number = {
            let mut steps = self.steps();
            steps.next += 1;
            steps.next
        };
        Box::pin(Sleep { clock: self.clone(), key: (until, number) })
    }
}

struct Sleep {
    clock: StepClock,
    key: (Instant, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut steps = self.clock.steps();
        if steps.now >= self.key.0 {
            return Poll::Ready(());
        }
        steps.sleepers.insert(self.key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.steps().sleepers.remove(&self.key);
    }
}

impl fmt::Debug for StepClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.steps();
        f.debug_struct("StepClock")
            .field("now", &steps.now)
            .field("sleepers", &steps.sleepers.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn a_sleeper_wakes_when_the_clock_is_moved_to_its_time() {
        let clock = StepClock::new();
        let second = Duration::from_secs(1);
        let mut sleep = clock.sleep_until(clock.now() + second);
        assert_eq!((&mut sleep).now_or_never(), None);
        assert_eq!(clock.sleepers(), 1);
        clock.advance(second / 2);
        assert_eq!((&mut sleep).now_or_never(), None);
        clock.advance(second / 2);
        assert_eq!(clock.sleepers(), 0);
        assert_eq!(sleep.now_or_never(), Some(()));
    }

    #[test]
    fn a_dropped_sleeper_is_forgotten() {
        let clock = StepClock::new();
        let mut sleep = clock.sleep_until(clock.now() + Duration::from_secs(1));
        assert_eq!((&mut sleep).now_or_never(), None);
        drop(sleep);
        assert_eq!(clock.sleepers(), 0);
    }
}
