//! When the jobs of the benches come that do not wait for each other.

use std::time::Duration;

use workpool_bench::measure::arrivals;

const LENGTH: Duration = Duration::from_secs(10);

fn gaps(times: &[Duration]) -> Vec<f64> {
    let gap = |pair: &[Duration]| (pair[1] - pair[0]).as_secs_f64();
    times.windows(2).map(gap).collect()
}

#[test]
fn one_seed_always_gives_the_same_times() {
    assert_eq!(arrivals(1, 1_000.0, LENGTH), arrivals(1, 1_000.0, LENGTH));
    assert_ne!(arrivals(1, 1_000.0, LENGTH), arrivals(2, 1_000.0, LENGTH));
}

#[test]
fn they_are_in_order_and_within_the_length() {
    let times = arrivals(3, 20_000.0, LENGTH);
    assert!(times.is_sorted());
    assert!(times.last().is_some_and(|last| *last < LENGTH));
}

#[test]
fn there_are_as_many_as_asked_for() {
    for seed in 0..20 {
        let number = arrivals(seed, 10_000.0, LENGTH).len() as f64;
        // A Poisson number with mean 100,000 deviates by 316.
        assert!((number - 100_000.0).abs() < 5.0 * 316.0, "seed {seed}: {number}");
    }
}

#[test]
fn gaps_are_exponential() {
    for seed in 0..20 {
        let gaps = gaps(&arrivals(seed, 10_000.0, LENGTH));
        let longer_than = |means: f64| {
            gaps.iter().filter(|gap| **gap > means * 1e-4).count() as f64 / gaps.len() as f64
        };
        // The share of gaps longer than so many means.
        for means in [0.5, 1.0, 2.0, 3.0] {
            let share = longer_than(means);
            assert!((share - (-means).exp()).abs() < 0.01, "seed {seed}, {means}: {share}");
        }
    }
}

#[test]
fn without_a_rate_there_are_none() {
    assert!(arrivals(1, 0.0, LENGTH).is_empty());
}
