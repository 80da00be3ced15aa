//! What a job costs where many hear of its result.

use actix_workpool::Pool;

use crate::measure::{contenders::Out, load::Meter};

use super::{
    case::{Case, Found, counted, row},
    stage::{Stage, empty, in_system, submit_batches},
};

/// Results that all of them together get, if each gets no fewer than so many.
const MESSAGES: u64 = 800_000;
const FEWEST: u64 = 50_000;
const SUBSCRIBERS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

pub(super) fn cases() -> Vec<Case> {
    let ways = [("batches", Out::Batches), ("single messages", Out::Single)];
    let in_a_way = |(how, way_out): (&'static str, Out)| {
        let name = move |subscribers| format!("{}, {how}", counted(subscribers, "subscriber"));
        SUBSCRIBERS.map(|subscribers| {
            let run = move || in_system(measure(&name(subscribers), subscribers, way_out));
            Case::new(name(subscribers), run).beside(name(1))
        })
    };
    ways.into_iter().flat_map(in_a_way).collect()
}

async fn measure(name: &str, subscribers: usize, way_out: Out) -> Result<Found, String> {
    let load = empty((MESSAGES / subscribers as u64).max(FEWEST));
    let builder = Pool::blocking(move |n: &u64, _cx| Ok(load.work.value(*n)));
    let mut stage = Stage::new(builder, load, subscribers, way_out).await?;
    let meter = Meter::start();
    submit_batches(&stage.pool, load.numbers())?;
    let measured = meter.stop(stage.all_there().await?);
    stage.end().await?;
    let how = match way_out {
        Out::Batches => "batches",
        Out::Single => "single messages",
    };
    Ok(Found::row(row(name, load.jobs, &[measured]).at("subscribers", how, subscribers as u64)))
}
