//! What a job costs where many workers ask for jobs.

use actix_workpool::Pool;

use crate::measure::{
    contenders::Out,
    load::{Load, Meter},
};

use super::{
    case::{Case, Found, counted, row},
    stage::{Stage, empty, in_system, submit_batches},
};

const JOBS: u64 = 400_000;
const WORKERS: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

#[derive(Clone, Copy, Debug)]
enum Form {
    /// A thread each.
    Blocking,
    /// On as many threads as there are cores.
    Async,
}

pub(super) fn cases() -> Vec<Case> {
    let forms = [("blocking worker", Form::Blocking), ("async worker", Form::Async)];
    let of_form = |(what, form)| {
        WORKERS.map(|workers| {
            let name = counted(workers, what);
            Case::new(name.clone(), move || in_system(measure(&name, form, workers)))
                .beside(counted(1, what))
        })
    };
    forms.into_iter().flat_map(of_form).collect()
}

async fn measure(name: &str, form: Form, workers: usize) -> Result<Found, String> {
    let load = Load { workers, ..empty(JOBS) };
    let mut stage = match form {
        Form::Blocking => Stage::plain(load).await?,
        Form::Async => {
            let builder = Pool::builder(async move |n: &u64, _cx| Ok(load.work.value(*n)));
            Stage::new(builder, load, 1, Out::Batches).await?
        }
    };
    let meter = Meter::start();
    submit_batches(&stage.pool, load.numbers())?;
    let measured = meter.stop(stage.all_there().await?);
    stage.end().await?;
    let line = match form {
        Form::Blocking => "blocking, a thread each",
        Form::Async => "async",
    };
    Ok(Found::row(row(name, JOBS, &[measured]).at("workers", line, workers as u64)))
}
