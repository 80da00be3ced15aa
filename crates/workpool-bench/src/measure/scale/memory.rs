//! What a job that waits takes of memory.

use std::{fs, ops::Range};

use crate::measure::{load::Meter, report::Row};

use super::{
    case::{Case, Found, row},
    queued::QUEUED,
    stage::{Numbers, Stage, empty, in_system, submit_batches, submit_each},
};

const QUEUES: [(u64, &str, How); 4] = [
    (1_000_000, "10⁶ queued, memory", How::Batches),
    (10_000_000, "10⁷ queued, memory", How::Batches),
    (1_000_000, "10⁶ queued one by one, memory", How::Each),
    (10_000_000, "10⁷ queued one by one, memory", How::Each),
];

/// How they are submitted.
#[derive(Clone, Copy, Debug)]
enum How {
    Batches,
    Each,
}

impl How {
    fn submit(self, pool: &Numbers, numbers: Range<u64>) -> Result<(), String> {
        match self {
            Self::Batches => submit_batches(pool, numbers),
            Self::Each => submit_each(pool, numbers),
        }
    }

    fn line(self) -> &'static str {
        match self {
            Self::Batches => "batches, until taken in",
            Self::Each => "one by one, until taken in",
        }
    }
}

pub(super) fn cases() -> Vec<Case> {
    let case =
        |(jobs, name, how)| Case::new(name, move || in_system(measure(name, jobs, how))).alone();
    QUEUES.map(case).into()
}

/// How much larger the process has ever been than before, once the dispatcher of a paused pool has all jobs.
/// The time is that of submitting them, and of taking them in.
async fn measure(name: &str, jobs: u64, how: How) -> Result<Found, String> {
    let load = empty(jobs);
    let mut stage = Stage::plain(load).await?;
    stage.pool.pause().await.map_err(|error| error.to_string())?;
    let before = memory("VmRSS:")?;
    let meter = Meter::start();
    how.submit(&stage.pool, load.numbers())?;
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
    let row = row(name, jobs, &[measured]).at(QUEUED, how.line(), jobs);
    Ok(Found::row(Row { bytes_per_job, ..row }))
}

/// The bytes of this process that lie in memory, now or at the highest.
fn memory(which: &str) -> Result<u64, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix(which));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    kilobytes.map(|kilobytes: u64| kilobytes * 1_024).ok_or_else(|| format!("there is no {which}"))
}
