//! What the parts of a pool cost on this machine: no pool of the same parts can cost less.

mod hops;
mod local;
mod wake;

use super::{
    load::Measured,
    report::{Report, Row, median},
};

/// What one run of a part came to.
struct Run {
    /// How often it was done.
    times: u64,
    measured: Measured,
    /// Of each time, where they were timed one by one.
    p50_ns: Option<f64>,
}

type Part = (&'static str, fn() -> Result<Run, String>);

const PARTS: &[Part] = &[
    ("a clock read, Instant::now", local::clock),
    ("a read of the processor's counter", local::counter),
    ("a Mutex locked and unlocked, uncontended", local::mutex),
    ("an allocation of 64 bytes, and its release", local::allocation),
    ("an empty catch_unwind", local::catch),
    ("a mailbox hop in actix, same arbiter", hops::same_arbiter),
    ("a mailbox hop in actix, another arbiter", hops::another_arbiter),
    ("a lane hop, two threads and a locked Vec", hops::lane),
    ("a wake-up by a condvar, half a round trip", wake::condvar),
];

/// Measures every part once in each round, so that whatever else the machine does meets them all.
///
/// # Errors
/// What was handed over did not arrive.
pub fn floor(rounds: usize, only: &str) -> Result<Report, String> {
    let parts: Vec<_> = PARTS.iter().filter(|(name, _)| name.contains(only)).collect();
    let mut runs: Vec<Vec<Run>> = parts.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for ((name, part), runs) in parts.iter().zip(&mut runs) {
            runs.push(part().map_err(|error| format!("{name}: {error}"))?);
        }
    }
    let rows = parts.iter().zip(&runs).map(|((name, _), runs)| row(name, runs)).collect();
    let what = format!("what parts cost, in ns each, medians of {rounds} rounds");
    Ok(Report::new("floor", what, rows))
}

fn row(name: &str, runs: &[Run]) -> Row {
    let of = |value: fn(&Measured) -> f64| {
        median(runs.iter().map(|run| value(&run.measured) / run.times as f64))
    };
    let p50s: Vec<f64> = runs.iter().filter_map(|run| run.p50_ns).collect();
    Row {
        ns_per_job: of(|run| run.took.as_nanos() as f64),
        cpu_ns_per_job: Some(of(|run| run.used.cpu.as_nanos() as f64)),
        sleeps: Some(of(|run| run.used.sleeps as f64)),
        p50_ns: (!p50s.is_empty()).then(|| median(p50s.into_iter())),
        ..Row::named(name)
    }
}

/// Every number from 0 on has arrived, so many of them.
fn check(times: u64, sum: u64) -> Result<(), String> {
    let expected = times * (times - 1) / 2;
    if sum == expected { Ok(()) } else { Err(format!("the sum is {sum}, not {expected}")) }
}
