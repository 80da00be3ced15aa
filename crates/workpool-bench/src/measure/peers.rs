//! Empty jobs, by one pool after another, in turns.

use super::{
    allocations::count,
    contenders::{BARE, Contender, PEERS},
    load::{Load, Measured, Work},
    report::{Report, Row, median},
};

/// Jobs of the fastest in one round.
const JOBS: u64 = 1_000_000;
pub(super) const WORKERS: usize = 2;

/// Runs every contender once in each round, so that whatever else the machine does meets them all.
///
/// # Errors
/// The values of a contender do not add up.
pub fn peers(rounds: usize, only: &str) -> Result<Report, String> {
    let all: Vec<_> = PEERS.iter().filter(|peer| peer.name.contains(only)).collect();
    let mut runs: Vec<Vec<Measured>> = vec![Vec::new(); all.len()];
    for _ in 0..rounds {
        for (contender, runs) in all.iter().zip(&mut runs) {
            runs.push(run(contender, load(contender))?);
        }
    }
    let rows = all.iter().zip(&runs).map(|(peer, runs)| row(peer, runs));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let bare = rows.iter().find(|row| row.name == BARE).map(|row| row.ns_per_job);
    let ratio = |row: Row| Row { ratio: bare.map(|bare| row.ns_per_job / bare), ..row };
    let rows = rows.into_iter().map(ratio).collect();
    Ok(Report::new(
        "peers",
        format!(
            "{JOBS} empty jobs, fewer for who is slow, {WORKERS} workers, medians of {rounds} rounds"
        ),
        rows,
    ))
}

fn load(contender: &Contender) -> Load {
    Load { jobs: JOBS / contender.weight, workers: WORKERS, work: Work::default() }
}

/// Runs a contender, and checks what it brings.
pub(super) fn run(contender: &Contender, load: Load) -> Result<Measured, String> {
    let measured = (contender.run)(load);
    if measured.sum == load.sum() {
        Ok(measured)
    } else {
        Err(format!(
            "{}: the values add up to {}, not {}",
            contender.name,
            measured.sum,
            load.sum()
        ))
    }
}

fn row(contender: &Contender, runs: &[Measured]) -> Result<Row, String> {
    let jobs = load(contender).jobs as f64;
    let of = |value: fn(&Measured) -> f64| median(runs.iter().map(value)) / jobs;
    Ok(Row {
        ns_per_job: of(|run| run.took.as_nanos() as f64),
        cpu_ns_per_job: Some(of(|run| run.used.cpu.as_nanos() as f64)),
        allocs: count(contender)?,
        sleeps: Some(of(|run| run.used.sleeps as f64)),
        ..Row::named(contender.name)
    })
}
