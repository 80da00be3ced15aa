//! Windows that hold back a pool while an unrelated job runs.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{future::pending, time::Duration};

use actix::{Actor, ActorContext, Context, Handler, ResponseFuture};
use actix_workpool::{Pool, Status, StepClock, Subscribe};
use support::{NumberResult, Numbers, Turnstile, status_when};

/// The job that runs all the time.
const LONG: u64 = 0;

/// Two workers, of which one is busy with a job that waits at the gate.
async fn half_busy(gate: &Turnstile, clock: &StepClock) -> Numbers {
    let held = gate.clone();
    let pool: Numbers = Pool::builder(async move |n: &u64, _cx| {
        if *n == LONG {
            held.pass().await;
        }
        Ok(*n)
    })
    .workers(2)
    .clock(clock.clone())
    .build()
    .unwrap();
    pool.submit(LONG).await.unwrap();
    gate.reached(1).await;
    pool
}

/// Waits for ever in its handler; it may have stopped itself before.
struct Waits {
    stops: bool,
}

impl Actor for Waits {
    type Context = Context<Self>;
}

impl Handler<NumberResult> for Waits {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: NumberResult, ctx: &mut Self::Context) -> Self::Result {
        if self.stops {
            ctx.stop();
        }
        Box::pin(pending())
    }
}

#[actix::test]
async fn a_handler_that_waits_is_reported_although_another_job_runs() {
    let (gate, clock) = (Turnstile::new(), StepClock::new());
    let pool = half_busy(&gate, &clock).await;
    let waits = Waits { stops: false }.start().recipient();
    pool.subscribe(Subscribe::results(waits).window(2).named("waits")).await.unwrap();
    pool.submit_all((1..9_u64).collect()).await.unwrap();
    status_when(&pool, |status| status.counts.succeeded > 0 && status.running == 1).await;
    clock.advance(Duration::from_secs(1));
    let status = status_when(&pool, |status| status.stall.is_some()).await;
    assert_eq!(status.stall.unwrap().subscriber, "waits");
    assert!(status.queued > 0);
}

#[actix::test]
async fn a_subscriber_that_stopped_holds_back_nothing_although_another_job_runs() {
    let (gate, clock) = (Turnstile::new(), StepClock::new());
    let pool = half_busy(&gate, &clock).await;
    let stops = Waits { stops: true }.start().recipient();
    pool.subscribe(Subscribe::results(stops).window(2)).await.unwrap();
    pool.submit_all((1..9_u64).collect()).await.unwrap();
    clock.advance(Duration::from_secs(1));
    // The other job still runs.
    let done = |status: &Status| status.counts.succeeded == 8 && status.running == 1;
    assert_eq!(status_when(&pool, done).await.subscribers_gone, 1);
}
