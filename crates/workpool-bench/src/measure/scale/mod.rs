//! How the cost of a job grows with what the pool has to do: jobs that wait, workers, threads that
//! submit, subscribers, payloads.

mod case;
mod memory;
mod payloads;
mod queued;
mod stage;
mod submitters;
mod subscribers;
mod workers;
mod worst;

use self::case::{Case, Found, medians};

use super::report::{Report, Row};

/// In the order of the table. What leaves an allocator with much comes late.
fn cases() -> Vec<Case> {
    let groups = [
        workers::cases(),
        submitters::cases(),
        subscribers::cases(),
        payloads::cases(),
        queued::cases(),
        memory::cases(),
        worst::cases(),
    ];
    groups.into_iter().flatten().collect()
}

/// Runs every case once in each round, so that whatever else the machine does meets them all.
///
/// # Errors
/// The values of a case do not add up, or there is no process for one that needs its own.
pub fn scale(rounds: usize, only: &str) -> Result<Report, String> {
    let cases: Vec<_> = cases().into_iter().filter(|case| case.name.contains(only)).collect();
    let mut runs: Vec<Vec<Found>> = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for (case, runs) in cases.iter().zip(&mut runs) {
            runs.push(case.run()?);
        }
    }
    let mut what = vec![format!("empty jobs, by the pool alone, medians of {rounds} rounds")];
    // One run's explanation is enough: that of the worst.
    what.extend(runs.iter().filter_map(|runs| worst(runs)?.note.clone()));
    Ok(Report::new("scale", what.join("; "), rows(&cases, &runs)))
}

/// In a process of its own: runs one case, and says in JSON what it has found.
///
/// # Errors
/// There is none by that name, or its values do not add up.
pub fn scale_alone(name: &str) -> Result<String, String> {
    let case = cases().into_iter().find(|case| case.name == name);
    let found = case.ok_or("there is no such case")?.run_here()?;
    serde_json::to_string(&found).map_err(|error| error.to_string())
}

fn worst(runs: &[Found]) -> Option<&Found> {
    let of = |run: &&Found| run.rows.first().and_then(|row| row.worst_ns).unwrap_or_default();
    runs.iter().max_by(|one, other| of(one).total_cmp(&of(other)))
}

fn rows(cases: &[Case], runs: &[Vec<Found>]) -> Vec<Row> {
    let all: Vec<Vec<Row>> = runs.iter().map(|runs| medians(runs)).collect();
    let compared = |(case, rows): (&Case, &Vec<Row>)| {
        let base = cases.iter().position(|other| Some(&other.name) == case.base.as_ref());
        let base = base.map_or(&[][..], |base| &all[base]);
        let ratio = |(n, row): (usize, &Row)| {
            let ratio = base.get(n).map(|base| row.ns_per_job / base.ns_per_job);
            Row { ratio, ..row.clone() }
        };
        rows.iter().enumerate().map(ratio).collect::<Vec<_>>()
    };
    cases.iter().zip(&all).flat_map(compared).collect()
}
