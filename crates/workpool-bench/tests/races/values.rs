//! Values whose drop panics, and code that panics with such.

use workpool_bench::{
    Shutdown,
    check::Kind,
    scene::{Act, Conduct, Plan, Sent, Stage},
    sim::Sim,
};

use crate::support::{LONG, MS, any_form, explore, let_go, pool_of, some_work};

/// A pool of such values. Nobody listens to it, so its results are dropped.
fn explosive(sim: Sim) -> Stage {
    Stage::build(sim, Plan { explosive: true, ..Plan::of(any_form(sim, 2)) })
}

#[test]
fn values_that_panic_as_they_are_dropped_cost_no_other_job() {
    explore(|sim| async move {
        let stage = explosive(sim);
        for acts in [some_work(sim), vec![Act::Fail], vec![Act::Panic]] {
            let (_, accepted) = stage.submit(Sent::Batch(4), acts).await;
            sim.expect(accepted == Some(true), || "it is refused".into());
        }
        let report = stage.shutdown(Shutdown::Drain(LONG)).await;
        let counts = report.as_ref().map(|report| report.counts);
        let fine = counts.is_ok_and(|c| (c.succeeded, c.failed, c.panicked) == (4, 4, 4));
        sim.expect(fine, || format!("{report:?}"));
    });
}

#[test]
fn what_code_panics_with_may_panic_as_it_is_dropped() {
    explore(|sim| async move {
        let plan = Plan { explosive: true, failures: 2, ..Plan::of(any_form(sim, 2)) };
        let (stage, _) = pool_of(sim, plan).await;
        stage.submit(Sent::Batch(6), vec![Act::Step, Act::Panic]).await;
        stage.submit(Sent::Batch(2), some_work(sim)).await;
        sim.quiet().await;
        for job in 1..=6 {
            sim.expect_kind(job, Kind::Panicked);
        }
        for job in 7..=8 {
            sim.expect_kind(job, Kind::Succeeded);
        }
        let_go(stage).await;
    });
}

#[test]
fn a_subscriber_who_stops_before_values_that_panic_does_not_end_the_pool() {
    explore(|sim| async move {
        let stage = explosive(sim);
        let batches = sim.chance(500).then_some((3, MS));
        let conduct = Conduct { stops_at: Some(1), batches, drained: true, ..Conduct::default() };
        stage.listen(conduct).await;
        for _ in 0..3 {
            stage.submit(Sent::Batch(6), vec![Act::Step]).await;
            sim.exhausted().await;
        }
        let report = stage.shutdown(Shutdown::Drain(LONG)).await;
        sim.expect(report.is_ok(), || "no report".into());
    });
}

#[test]
fn a_caller_has_the_value_of_a_job_whose_payload_panics_as_it_is_dropped() {
    explore(|sim| async move {
        let stage = explosive(sim);
        for job in 1..=8 {
            stage.submit(Sent::Run, Vec::new()).await;
            sim.expect_kind(job, Kind::Succeeded);
        }
        let_go(stage).await;
    });
}
