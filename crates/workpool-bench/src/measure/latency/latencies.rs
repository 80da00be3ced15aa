//! Many durations, as a histogram.

use std::time::Duration;

use hdrhistogram::Histogram;

/// In nanoseconds, to three digits.
#[derive(Clone, Debug)]
pub(super) struct Latencies(Histogram<u64>);

/// What takes longer counts as this. With a bound, the histogram does not grow while it measures.
const LONGEST: Duration = Duration::from_secs(100);

impl Latencies {
    pub(super) fn new() -> Self {
        match Histogram::new_with_bounds(1, LONGEST.as_nanos() as u64, 3) {
            Ok(histogram) => Self(histogram),
            Err(error) => unreachable!("no histogram: {error}"),
        }
    }

    pub(super) fn record(&mut self, took: Duration) {
        self.0.saturating_record(took.min(LONGEST).as_nanos() as u64);
    }

    pub(super) fn add(&mut self, other: &Self) {
        if let Err(error) = self.0.add(&other.0) {
            unreachable!("the bounds differ: {error}");
        }
    }

    pub(super) fn mean(&self) -> f64 {
        self.0.mean()
    }

    pub(super) fn at(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64
    }
}
