use workpool_bench::{
    CancelOutcome,
    check::Kind,
    scene::{Act, Form, Gate, Plan, Sent, Stage},
};

use crate::support::{MS, any_form, explore, let_go, pool, pool_of, some_work};

#[test]
fn cancelled_while_it_waits_a_job_ends_as_cancelled_and_never_starts() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 1).await;
        let gate = Gate::closed();
        let (first, _) = stage.submit(Sent::Try, vec![Act::Wait(gate)]).await;
        let (second, _) = stage.submit(Sent::Try, some_work(sim)).await;
        // Whether the first has started or not, the second can't before the gate opens.
        sim.while_others_run().await;
        cancel_meets(CancelOutcome::Waiting, &stage, second).await;
        gate.open();
        sim.exhausted().await;
        sim.expect_kind(first, Kind::Succeeded);
        sim.expect_kind(second, Kind::Cancelled);
        let_go(stage).await;
    });
}

#[test]
fn cancelled_while_it_runs_an_async_job_is_dropped_after_its_grace() {
    explore(|sim| async move {
        let grace = MS * sim.below(3) as u32;
        let (stage, _) =
            pool_of(sim, Plan::of(Form::Async(2, 1 + sim.below(2))).grace(grace)).await;
        let (job, _) = stage.submit(Sent::Try, vec![Act::Wait(Gate::closed())]).await;
        sim.exhausted().await;
        cancel_meets(CancelOutcome::Running, &stage, job).await;
        sim.quiet().await;
        sim.expect_kind(job, Kind::Cancelled);
        let_go(stage).await;
    });
}

#[test]
fn cancelled_while_it_runs_a_blocking_job_is_told_and_its_value_counts() {
    explore(|sim| async move {
        let (stage, _) = pool_of(sim, Plan::of(Form::Blocking(1 + sim.below(2)))).await;
        let (job, _) = stage.submit(Sent::Try, vec![Act::Step, Act::UntilCancelled]).await;
        sim.exhausted().await;
        cancel_meets(CancelOutcome::Running, &stage, job).await;
        sim.quiet().await;
        sim.expect_kind(job, Kind::Succeeded);
        let_go(stage).await;
    });
}

#[test]
fn a_cancel_finds_no_job_that_has_ended_or_never_was() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 2).await;
        let (job, _) = stage.submit(Sent::Try, some_work(sim)).await;
        sim.quiet().await;
        sim.expect_kind(job, Kind::Succeeded);
        cancel_meets(CancelOutcome::NotHere, &stage, job).await;
        let (unsent, _) = stage.begin(Sent::Try, Vec::new());
        cancel_meets(CancelOutcome::NotHere, &stage, unsent).await;
        let_go(stage).await;
    });
}

#[test]
fn a_cancel_at_any_moment_ends_a_job_once() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 1 + sim.below(3)).await;
        for _ in 0..5 {
            let (job, answer) = stage.begin(Sent::Submit, some_work(sim));
            stage.spawn("a submitter", async move { _ = answer.await });
            let canceller = stage.clone();
            stage.spawn("one who cancels", async move {
                canceller.sim.while_others_run().await;
                canceller.cancel(job).await;
            });
        }
        sim.quiet().await;
        let_go(stage).await;
    });
}

#[test]
fn a_value_that_is_returned_in_the_poll_that_sees_the_cancel_counts() {
    explore(|sim| async move {
        let (stage, _) = pool_of(sim, Plan::of(any_form(sim, 2))).await;
        let (job, _) = stage.submit(Sent::Try, vec![Act::UntilCancelled]).await;
        sim.exhausted().await;
        stage.cancel(job).await;
        sim.quiet().await;
        sim.expect_kind(job, Kind::Succeeded);
        let_go(stage).await;
    });
}

#[test]
fn a_run_that_is_dropped_cancels_its_job() {
    explore(|sim| async move {
        let (stage, listener) = pool(sim, 1).await;
        let gate = Gate::closed();
        stage.submit(Sent::Try, vec![Act::Wait(gate)]).await;
        for _ in 0..4 {
            let leaves = sim.while_others_run();
            let (_, answer) = stage.begin_unless(Sent::Run, some_work(sim), leaves);
            stage.spawn("a caller who leaves", async move { _ = answer.await });
        }
        sim.while_others_run().await;
        gate.open();
        sim.quiet().await;
        let heard = sim.heard(listener);
        sim.expect(heard == 1, || "the results of callers are nobody else's".into());
        let status = stage.status().await;
        let ended = status.map(|status| status.counts.total());
        sim.expect(ended <= Some(5), || format!("{ended:?} jobs have ended"));
        let_go(stage).await;
    });
}

#[test]
fn a_run_that_is_dropped_while_its_job_waits_leaves_no_job_that_starts() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 1).await;
        let gate = Gate::closed();
        stage.submit(Sent::Try, vec![Act::Wait(gate)]).await;
        let leave = Gate::closed();
        let (job, answer) = stage.begin_unless(Sent::Run, some_work(sim), leave.wait());
        stage.spawn("a caller", async move { _ = answer.await });
        sim.exhausted().await;
        leave.open();
        sim.exhausted().await;
        gate.open();
        sim.quiet().await;
        sim.expect(!sim.has_started(job), || "a job starts whose caller has left".into());
        let_go(stage).await;
    });
}

/// Cancels a job, which must be so.
async fn cancel_meets(outcome: CancelOutcome, stage: &Stage, job: u64) {
    let met = stage.cancel(job).await;
    stage.sim.expect(met == Some(outcome), || format!("met {met:?}"));
}
