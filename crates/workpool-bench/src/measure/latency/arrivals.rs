//! When jobs come that do not wait for each other.

use std::{iter, time::Duration};

use fastrand::Rng;

/// Poisson arrivals, so many a second on average, from zero up to `length`: the gaps are drawn from an
/// exponential distribution. One seed always gives the same times.
#[must_use]
pub fn arrivals(seed: u64, per_second: f64, length: Duration) -> Vec<Duration> {
    let mut random = Rng::with_seed(seed);
    let mut at = 0.0;
    let next = move || {
        // What is drawn may be 0 but never 1, and the logarithm of 0 is no gap.
        at -= (1.0 - random.f64()).ln() / per_second;
        Some(at)
    };
    let length = length.as_secs_f64();
    iter::from_fn(next).take_while(|at| *at < length).map(Duration::from_secs_f64).collect()
}
