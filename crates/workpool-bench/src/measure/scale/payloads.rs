//! What a job costs whose payload is large.

use std::mem;

use actix::{Actor, Context, Handler};
use actix_workpool::{Jobs, Pool, Results, Subscribe};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::measure::load::Meter;

use super::{
    case::{Case, Found, row},
    stage::{BATCH, check, empty, end, in_system, in_time, started},
};

const SIZES: [(usize, &str); 5] =
    [(0, "0 B"), (64, "64 B"), (1 << 10, "1 KiB"), (64 << 10, "64 KiB"), (1 << 20, "1 MiB")];

/// How often one batch goes through. The receiver keeps it, and what was in it is submitted once more:
/// so every size has equally many jobs, and none is made or dropped while the time runs.
const TIMES: u64 = 400;

type Parcel = Box<[u8]>;
type Parcels = Results<Parcel, u64, String>;

pub(super) fn cases() -> Vec<Case> {
    let name = |size| format!("payloads of {size}");
    let case = |(size, called)| {
        let run = move || in_system(measure(&name(called), size));
        Case::new(name(called), run).beside(name(SIZES[0].1))
    };
    SIZES.map(case).into()
}

async fn measure(name: &str, size: usize) -> Result<Found, String> {
    let pool = Pool::blocking(|parcel: &Parcel, _cx| Ok(value(parcel.len())));
    let pool = started(pool, empty(BATCH).workers).await?;
    let (full, mut kept) = unbounded_channel();
    let keeper = Keeper { kept: Vec::new(), results: 0, full }.start();
    let subscribe = Subscribe::batches(keeper.recipient());
    pool.subscribe(subscribe).await.map_err(|error| error.to_string())?;
    // Written to: what is only zero takes no memory.
    let mut parcels: Vec<Parcel> = (0..BATCH).map(|_| vec![1; size].into()).collect();
    let mut runs = Vec::new();
    for _ in 0..TIMES {
        let meter = Meter::start();
        pool.try_submit_all(Jobs::from(parcels)).map_err(|refused| refused.to_string())?;
        let results = in_time(kept.recv()).await?.ok_or("the subscriber has stopped")?;
        runs.push(meter.stop(0));
        parcels = unpacked(results, size)?;
    }
    end(&pool, TIMES * BATCH).await?;
    let row = row(name, TIMES * BATCH, &runs);
    Ok(Found::row(row.at("bytes of payload", "batches, moved and not read", size as u64)))
}

/// Not the content: that would measure how long it takes to fetch it from memory.
fn value(len: usize) -> u64 {
    len as u64 + 1
}

/// Checks the results, and takes the payloads out.
fn unpacked(results: Vec<Parcels>, size: usize) -> Result<Vec<Parcel>, String> {
    let (mut parcels, mut sum) = (Vec::new(), 0);
    for result in results.into_iter().flatten() {
        let parts = result.into_parts().map_err(|_| "somebody else holds a result")?;
        sum += parts.outcome.unwrap_or_default();
        parcels.push(parts.job.into_payload());
    }
    check(sum, BATCH * value(size))?;
    Ok(parcels)
}

/// Keeps results until a batch of jobs is complete.
struct Keeper {
    kept: Vec<Parcels>,
    results: u64,
    full: UnboundedSender<Vec<Parcels>>,
}

impl Actor for Keeper {
    type Context = Context<Self>;
}

impl Handler<Parcels> for Keeper {
    type Result = ();

    fn handle(&mut self, results: Parcels, _: &mut Self::Context) {
        self.results += results.len() as u64;
        self.kept.push(results);
        if self.results >= BATCH {
            self.results = 0;
            let _ = self.full.send(mem::take(&mut self.kept));
        }
    }
}
