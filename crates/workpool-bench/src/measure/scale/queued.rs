//! What a job costs where many wait.

use crate::measure::load::Meter;

use super::{
    case::{Case, Found, row},
    stage::{Stage, empty, in_system, submit_batches},
};

const QUEUES: [(u64, &str); 5] =
    [(1_000, "10³"), (10_000, "10⁴"), (100_000, "10⁵"), (1_000_000, "10⁶"), (10_000_000, "10⁷")];

/// What all cases are called in a picture that measure how the queue's length matters.
pub(super) const QUEUED: &str = "queued";

/// A short queue is filled as often as it takes for so many jobs: one alone is over in an instant.
const JOBS: u64 = 200_000;

pub(super) fn cases() -> Vec<Case> {
    let case = |(jobs, power)| {
        let name = format!("{power} queued");
        Case::new(name.clone(), move || in_system(measure(&name, jobs))).beside("10⁴ queued")
    };
    QUEUES.map(case).into()
}

/// Fills the queue of a paused pool, and has it emptied.
async fn measure(name: &str, jobs: u64) -> Result<Found, String> {
    let load = empty(jobs);
    let mut stage = Stage::plain(load).await?;
    let (mut whole, mut resumed) = (Vec::new(), Vec::new());
    let times = (JOBS / jobs).max(1);
    for _ in 0..times {
        stage.pool.pause().await.map_err(|error| error.to_string())?;
        let from_submission = Meter::start();
        submit_batches(&stage.pool, load.numbers())?;
        let from_resumption = Meter::start();
        stage.pool.resume().await.map_err(|error| error.to_string())?;
        let sum = stage.all_there().await?;
        resumed.push(from_resumption.stop(sum));
        whole.push(from_submission.stop(sum));
    }
    stage.end().await?;
    let resumed = row(format!("{name}, from resume on"), times * jobs, &resumed);
    let rows = vec![
        row(name, times * jobs, &whole).at(QUEUED, "batches", jobs),
        resumed.at(QUEUED, "batches, from resume on", jobs),
    ];
    Ok(Found { rows, note: None })
}
