//! What a job costs where many threads submit.

use tokio::task::spawn_blocking;

use crate::measure::load::Meter;

use super::{
    case::{Case, Found, counted, row},
    stage::{Stage, Submit, empty, in_system, submit_batches, submit_each},
};

/// Each thread has an equal share.
const JOBS: u64 = 800_000;
const SUBMITTERS: [usize; 5] = [1, 2, 4, 8, 16];

pub(super) fn cases() -> Vec<Case> {
    let ways: [(&str, Submit); 2] = [("one by one", submit_each), ("batches", submit_batches)];
    let in_a_way = |(how, submit): (&'static str, Submit)| {
        let name = move |threads| format!("{}, {how}", counted(threads, "submitter"));
        SUBMITTERS.map(|threads| {
            let run = move || in_system(measure(how, &name(threads), threads as u64, submit));
            Case::new(name(threads), run).beside(name(1))
        })
    };
    ways.into_iter().flat_map(in_a_way).collect()
}

async fn measure(how: &str, name: &str, threads: u64, submit: Submit) -> Result<Found, String> {
    let mut stage = Stage::plain(empty(JOBS)).await?;
    let share = JOBS / threads;
    let meter = Meter::start();
    let start = |thread| {
        let pool = stage.pool.clone();
        spawn_blocking(move || submit(&pool, thread * share..(thread + 1) * share))
    };
    // All are started before any is waited for. That costs microseconds of some hundred milliseconds.
    for thread in (0..threads).map(start).collect::<Vec<_>>() {
        thread.await.map_err(|error| error.to_string())??;
    }
    let measured = meter.stop(stage.all_there().await?);
    stage.end().await?;
    Ok(Found::row(row(name, JOBS, &[measured]).at("submitters", how, threads)))
}
