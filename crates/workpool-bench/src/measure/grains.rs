//! Jobs of some length: how much longer they take than if they had been dealt out beforehand.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    contenders::{BARE, Contender, FULL, PEERS, SYNC_ARBITER},
    load::{Load, Measured, Work},
    peers::{WORKERS, run},
    report::{Report, Row, median},
};

/// In microseconds; between those that the figures are for, others for the lines of a plot.
const GRAINS: [f64; 7] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0];

/// How long all jobs of a round take if two workers share them without any cost.
const ROUND: Duration = Duration::from_millis(100);

/// Who is measured: one of each kind.
const NAMES: &[&str] = &[
    BARE,
    FULL,
    "actix-workpool, batches in, batches out",
    "actix-workpool, submit one by one, batches out",
    "actix-workpool, do_send, one message a result",
    SYNC_ARBITER,
    "threadpool",
    "rayon, spawn_fifo",
    "tokio tasks on flume",
    "tokio, spawn and semaphore",
    "kameo pool",
    "ractor factory",
];

/// Runs every contender at every grain once in each round, beside threads that have their share of the
/// jobs from the beginning.
///
/// # Errors
/// The values of a contender do not add up.
pub fn grains(rounds: usize, only: &str) -> Result<Report, String> {
    let of_name = |name: &&str| PEERS.iter().find(|peer| peer.name == *name);
    let all: Vec<_> = NAMES.iter().filter(|name| name.contains(only)).filter_map(of_name).collect();
    let mut rows = Vec::new();
    for grain in GRAINS {
        rows.extend(at(grain, &all, rounds)?);
    }
    let ends = all.iter().flat_map(|peer| [0.5, 0.9].map(|share| reaches(peer, share, &rows)));
    let what = format!(
        "work of some length, {WORKERS} workers, medians of {rounds} rounds; ratios to a static split; {}",
        ends.collect::<Vec<_>>().join("; ")
    );
    Ok(Report::new("grains", what, rows))
}

fn at(grain: f64, all: &[&Contender], rounds: usize) -> Result<Vec<Row>, String> {
    let work = Work::lasting(Duration::from_secs_f64(grain / 1e6));
    let jobs = (ROUND.as_secs_f64() * 1e6 / grain) as u64 * WORKERS as u64;
    let load = Load { jobs, workers: WORKERS, work };
    let mut runs: Vec<Vec<(f64, Measured)>> = vec![Vec::new(); all.len()];
    for _ in 0..rounds {
        for (contender, runs) in all.iter().zip(&mut runs) {
            // Each beside a split of its own: the machine is not as fast at all times.
            let ideal = split(load).as_secs_f64();
            let measured = run(contender, load)?;
            runs.push((measured.took.as_secs_f64() / ideal, measured));
        }
    }
    let row = |(contender, runs): (&&Contender, &Vec<(f64, Measured)>)| Row {
        ns_per_job: median(runs.iter().map(|(_, run)| run.took.as_nanos() as f64)) / jobs as f64,
        ratio: Some(median(runs.iter().map(|(ratio, _)| *ratio))),
        sleeps: Some(median(runs.iter().map(|(_, run)| run.used.sleeps as f64)) / jobs as f64),
        grain_us: Some(grain),
        ..Row::named(named(contender.name, grain))
    };
    Ok(all.iter().zip(&runs).map(row).collect())
}

fn named(contender: &str, grain: f64) -> String {
    format!("{contender}, {grain} µs")
}

/// Whose row it is.
pub(super) fn contender_of(row: &Row) -> &str {
    let contender = row.grain_us.and_then(|grain| row.name.strip_suffix(&named("", grain)));
    contender.unwrap_or(&row.name)
}

/// Threads that each have their share of the jobs.
pub(super) fn split(load: Load) -> Duration {
    let share = load.jobs / load.workers as u64;
    let started = Instant::now();
    thread::scope(|scope| {
        for worker in 0..load.workers as u64 {
            scope.spawn(move || {
                let jobs = worker * share..(worker + 1) * share;
                std::hint::black_box(jobs.map(|n| load.work.value(n)).sum::<u64>())
            });
        }
    });
    started.elapsed()
}

/// From which grain on a contender's jobs take this share of its time, between those that were measured
/// on a line of logarithms.
fn reaches(contender: &Contender, share: f64, rows: &[Row]) -> String {
    let mine = rows.iter().filter(|row| contender_of(row) == contender.name);
    let points: Vec<_> =
        mine.filter_map(|row| Some((row.grain_us?.ln(), 1.0 / row.ratio?))).collect();
    let crossing = points.windows(2).find_map(|pair| match pair {
        [(from, low), (to, high)] if *low < share && share <= *high => {
            Some((from + (to - from) * (share - low) / (high - low)).exp())
        }
        _ => None,
    });
    let grain = match (points.first(), crossing) {
        (Some((_, first)), _) if *first >= share => format!("less than {} µs", GRAINS[0]),
        (_, Some(grain)) => format!("{grain:.1} µs"),
        (_, None) => "no grain".into(),
    };
    format!("{} is {:.0} % efficient from {grain} on", contender.name, share * 100.0)
}
