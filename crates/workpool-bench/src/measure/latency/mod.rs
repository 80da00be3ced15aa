//! How long a job takes from one who wants it done to one who has its value.

mod arrivals;
mod idle;
mod latencies;
mod load;
mod overrun;
mod plan;

use self::latencies::Latencies;
use super::{
    contenders::SYNC_ARBITER,
    peers::WORKERS,
    report::{Report, Row, median},
};

pub use self::arrivals::arrivals;

/// Round trips one by one, a long job among short ones, and jobs that come when they come, at three loads.
///
/// # Errors
/// A contender brings a wrong value, or not all.
pub fn latency(rounds: usize, only: &str) -> Result<Report, String> {
    let mut rows = idle::rows(rounds, only)?;
    rows.extend(overrun::rows(rounds, only)?);
    let (loads, capacities) = load::rows(rounds, only)?;
    rows.extend(loads);
    let mut what = format!(
        "from submission, or from when a job was due, to its value, {WORKERS} workers, \
         percentiles over {rounds} rounds, ratios to SyncArbiter's p50 and p99 at the same load"
    );
    if !capacities.is_empty() {
        let capacity = median(capacities.into_iter());
        what += &format!("; 100 % load is {capacity:.0} jobs of 100 µs a second");
    }
    Ok(Report::new("latency", what, rows))
}

/// A name, and what runs one round of what `P` asks for.
type Contender<P> = (&'static str, fn(&P) -> Result<Latencies, String>);

/// A contender, and what its rounds came to.
struct Case<P> {
    name: String,
    run: fn(&P) -> Result<Latencies, String>,
    latencies: Latencies,
}

/// Those whose name contains `only`, under a heading that is part of the name.
fn cases<P>(heading: &str, all: &[Contender<P>], only: &str) -> Vec<Case<P>> {
    let case = |(name, run): &Contender<P>| Case {
        name: named(heading, name),
        run: *run,
        latencies: Latencies::new(),
    };
    all.iter().map(case).filter(|case| case.name.contains(only)).collect()
}

fn named(heading: &str, name: &str) -> String {
    format!("{heading}, {name}")
}

/// The parts of the name of a row. There is no comma in a heading.
pub(super) fn heading_and_name(name: &str) -> (&str, &str) {
    name.split_once(", ").unwrap_or(("", name))
}

/// One round: everyone has a turn, so that whatever else the machine does meets them all.
fn measure<P>(cases: &mut [Case<P>], task: &P) -> Result<(), String> {
    for case in cases {
        let latencies = (case.run)(task).map_err(|error| format!("{}: {error}", case.name))?;
        case.latencies.add(&latencies);
    }
    Ok(())
}

fn rows<P>(heading: &str, cases: &[Case<P>]) -> Vec<Row> {
    let base = named(heading, SYNC_ARBITER);
    let base = cases.iter().find(|case| case.name == base).map(|case| &case.latencies);
    let ratio = |case: &Case<P>, quantile| {
        Some(case.latencies.at(quantile) / base.map(|base| base.at(quantile))?)
    };
    let row = |case: &Case<P>| Row {
        ns_per_job: case.latencies.mean(),
        p50_ns: Some(case.latencies.at(0.5)),
        p99_ns: Some(case.latencies.at(0.99)),
        p999_ns: Some(case.latencies.at(0.999)),
        ratio: ratio(case, 0.5),
        p99_ratio: ratio(case, 0.99),
        ..Row::named(&case.name)
    };
    cases.iter().map(row).collect()
}
