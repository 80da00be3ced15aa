//! The time, which passes as it is read.

use std::time::{Duration, Instant};

use crate::sync::{AtomicU64, Ordering};

/// From one reading to the next. Between its start and its end a job reads nothing, so each takes this
/// long: about as long as an empty one takes, so that workers are supplied as far ahead as they can be.
const TICK_NS: u64 = 100;

#[derive(Debug)]
pub(crate) struct Ticks {
    start: Instant,
    readings: AtomicU64,
}

impl Ticks {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), readings: AtomicU64::new(0) }
    }

    pub(crate) fn now(&self) -> Instant {
        let readings = self.readings.fetch_add(1, Ordering::Relaxed);
        self.start + Duration::from_nanos(readings * TICK_NS)
    }
}
