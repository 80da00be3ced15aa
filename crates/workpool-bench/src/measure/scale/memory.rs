//! What a job that waits takes of memory.

use std::fs;

use crate::measure::{load::Meter, report::Row};

use super::{
    case::{Case, Found, row},
    queued::QUEUED,
    stage::{Stage, Submit, empty, in_system, submit_batches, submit_each},
};

const WAYS: [(&str, &str, Submit); 2] = [
    ("queued, memory", "batches, until taken in", submit_batches),
    ("queued one by one, memory", "one by one, until taken in", submit_each),
];
const QUEUES: [(u64, &str); 2] = [(1_000_000, "10⁶"), (10_000_000, "10⁷")];

pub(super) fn cases() -> Vec<Case> {
    let in_a_way = |(what, line, submit): (&'static str, &'static str, Submit)| {
        QUEUES.map(|(jobs, power)| {
            let name = format!("{power} {what}");
            Case::new(name.clone(), move || in_system(measure(&name, jobs, line, submit))).alone()
        })
    };
    WAYS.into_iter().flat_map(in_a_way).collect()
}

/// How much larger the process has ever been than before, once the dispatcher of a paused pool has all jobs.
/// The time is that of submitting them, and of taking them in.
async fn measure(name: &str, jobs: u64, line: &str, submit: Submit) -> Result<Found, String> {
    let load = empty(jobs);
    let mut stage = Stage::plain(load).await?;
    stage.pool.pause().await.map_err(|error| error.to_string())?;
    let before = memory("VmRSS:")?;
    let meter = Meter::start();
    submit(&stage.pool, load.numbers())?;
    // It is answered after all that was submitted before has been taken in.
    let status = stage.pool.status().await.map_err(|error| error.to_string())?;
    let measured = meter.stop(0);
    let bytes = memory("VmHWM:")?.saturating_sub(before);
    if status.queued as u64 != jobs {
        return Err(format!("{} jobs wait, not {jobs}", status.queued));
    }
    stage.pool.resume().await.map_err(|error| error.to_string())?;
    stage.all_there().await?;
    stage.end().await?;
    let bytes_per_job = Some(bytes as f64 / jobs as f64);
    let row = row(name, jobs, &[measured]).at(QUEUED, line, jobs);
    Ok(Found::row(Row { bytes_per_job, ..row }))
}

/// The bytes of this process that lie in memory, now or at the highest.
fn memory(which: &str) -> Result<u64, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix(which));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    kilobytes.map(|kilobytes: u64| kilobytes * 1_024).ok_or_else(|| format!("there is no {which}"))
}
