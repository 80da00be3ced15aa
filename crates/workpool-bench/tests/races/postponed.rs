//! Jobs that are tried again, start later, or share a key.

use std::time::Duration;

use workpool_bench::{
    CancelOutcome, Shutdown,
    check::Kind,
    scene::{Act, Conduct, Errand, Form, Gate, Plan, Sent, Stage},
};

use crate::support::{LONG, MS, any_form, explore, let_go, pool_of, some_work};

#[test]
fn recalled_and_then_retried_a_job_keeps_its_place_by_acceptance() {
    explore(|sim| async move {
        let plan = Plan::of(any_form(sim, 1)).tries(2, [Duration::ZERO, MS][sim.below(2)]);
        let (stage, _) = pool_of(sim, plan).await;
        let gate = Gate::closed();
        // Short ones first, so that the worker is supplied ahead of time, and leases are recalled.
        stage.submit(Sent::Batch(4), vec![Act::Step]).await;
        let (retried, _) = stage.submit(Sent::Try, vec![Act::Step, Act::Fail.at_first()]).await;
        stage.submit(Sent::Try, vec![Act::Wait(gate)]).await;
        let (behind, _) = stage.submit(Sent::Batch(3), vec![Act::Step]).await;
        for _ in 0..2 {
            sim.while_others_run().await;
            stage.pause().await;
            sim.while_others_run().await;
            stage.resume().await;
        }
        sim.exhausted().await;
        // Its pause is over, and what had been handed out goes back once more.
        stage.pause().await;
        sim.advance(MS);
        gate.open();
        sim.exhausted().await;
        stage.resume().await;
        sim.quiet().await;
        let starts = sim.starts();
        let last = starts.iter().rposition(|&job| job == retried);
        let next = starts.iter().position(|&job| job == behind);
        sim.expect(sim.attempts(retried) == 2 && last < next, || format!("{starts:?}"));
        let_go(stage).await;
    });
}

#[test]
fn the_key_of_a_job_that_is_retried_waits_for_its_terminal_result() {
    explore(|sim| async move {
        let plan = Plan::of(any_form(sim, 3)).tries(2, MS);
        let (stage, _) = pool_of(sim, plan).await;
        let fails = [Act::Fail, Act::Panic][sim.below(2)].clone().at_first();
        let errand = Errand::from(vec![Act::Step, fails, Act::Step]).key(1);
        // The books check that no two run side by side, and that none comes between two attempts.
        let (first, answer) = stage.begin(Sent::Batch(3), errand);
        stage.spawn("a submitter", async move { _ = answer.await });
        stage.submit(Sent::Submit, Errand::from(some_work(sim)).key(2)).await;
        if sim.chance(300) {
            sim.while_others_run().await;
            stage.pause().await;
            sim.while_others_run().await;
            stage.resume().await;
        }
        sim.quiet().await;
        for job in first..first + 3 {
            sim.expect_kind(job, Kind::Succeeded);
            sim.expect(sim.attempts(job) == 2, || format!("job {job} was not tried again"));
        }
        let_go(stage).await;
    });
}

#[test]
fn jobs_with_one_key_run_one_at_a_time_in_order_and_so_do_their_results_come() {
    explore(|sim| async move {
        let plan = Plan::of(any_form(sim, 1 + sim.below(3)));
        let (stage, _) = pool_of(sim, plan).await;
        let window = sim.chance(500).then_some(1);
        stage.listen(Conduct { window, ..Conduct::default() }).await;
        for _ in 0..4 {
            let errand = Errand::from(some_work(sim)).key(sim.below(2) as u8);
            stage.submit([Sent::Submit, Sent::Batch(3)][sim.below(2)], errand).await;
        }
        if sim.chance(300) {
            sim.stop_worker(0);
        }
        let drained = stage.drain().await;
        sim.expect(drained, || "a drain does not resolve".into());
        let_go(stage).await;
    });
}

#[test]
fn whoever_waits_for_a_key_can_be_cancelled_and_the_next_has_its_turn() {
    explore(|sim| async move {
        let (stage, _) = pool_of(sim, Plan::of(any_form(sim, 2))).await;
        let gate = Gate::closed();
        let (first, _) = stage.submit(Sent::Try, Errand::from(vec![Act::Wait(gate)]).key(1)).await;
        let (second, _) = stage.submit(Sent::Batch(2), Errand::from(some_work(sim)).key(1)).await;
        sim.while_others_run().await;
        let met = stage.cancel(second).await;
        sim.expect(met == Some(CancelOutcome::Waiting), || format!("met {met:?}"));
        gate.open();
        sim.quiet().await;
        sim.expect_kind(first, Kind::Succeeded);
        sim.expect_kind(second, Kind::Cancelled);
        sim.expect_kind(second + 1, Kind::Succeeded);
        let_go(stage).await;
    });
}

#[test]
fn a_worker_whose_arbiter_is_stopped_has_its_jobs_tried_again_or_loses_them() {
    explore(|sim| async move {
        let attempts = 1 + sim.below(2) as u32;
        let plan = Plan::of(Form::Async(4, 2)).tries(attempts, MS * sim.below(2) as u32);
        let (stage, _) = pool_of(sim, plan).await;
        let gate = Gate::closed();
        stage.submit(Sent::Batch(8), vec![Act::Wait(gate), Act::Step]).await;
        sim.exhausted().await;
        sim.stop_worker(sim.below(2));
        sim.exhausted().await;
        gate.open();
        sim.quiet().await;
        let kinds: Vec<_> = sim.jobs().into_iter().filter_map(|job| sim.kind(job)).collect();
        let lost = kinds.iter().filter(|&&kind| kind == Kind::Lost).count();
        let tried_again = (1..=8).filter(|&job| sim.attempts(job) == 2).count();
        let expected = if attempts == 1 { (2, 0) } else { (0, 2) };
        sim.expect((lost, tried_again) == expected && kinds.len() == 8, || format!("{kinds:?}"));
        let_go(stage).await;
    });
}

#[test]
fn a_worker_who_dies_of_a_job_each_time_has_it_tried_no_more_than_allowed() {
    explore(|sim| async move {
        let plan = Plan::of(any_form(sim, 1 + sim.below(2))).tries(3, MS * sim.below(2) as u32);
        let (stage, _) = pool_of(sim, plan).await;
        // A thread takes its stop only between two polls.
        let kills = vec![Act::StopThread, Act::Wait(Gate::closed())];
        let is_async = matches!(plan.form, Form::Async(..));
        if is_async {
            stage.submit(Sent::Try, kills).await;
        }
        let errand = Errand::from(vec![Act::Step, Act::Panic]).key(1);
        stage.submit(Sent::Batch(2), errand).await;
        stage.submit(Sent::Batch(2), some_work(sim)).await;
        sim.quiet().await;
        if is_async {
            sim.expect_kind(1, Kind::Lost);
            sim.expect(sim.attempts(1) == 3, || format!("{} attempts", sim.attempts(1)));
        }
        for job in sim.jobs() {
            sim.expect(sim.kind(job).is_some(), || format!("job {job} has no result"));
        }
        let_go(stage).await;
    });
}

#[test]
fn a_drain_waits_for_what_is_to_be_tried_again_or_starts_later() {
    explore(|sim| async move {
        let plan = Plan::of(any_form(sim, 2)).tries(2, MS * 5);
        let (stage, _) = pool_of(sim, plan).await;
        stage.submit(Sent::Batch(2), vec![Act::Step, Act::Fail.at_first()]).await;
        stage.submit(Sent::Try, Errand::from(some_work(sim)).delay(MS * 5)).await;
        sim.while_others_run().await;
        let drained = stage.drain().await;
        sim.expect(drained, || "a drain does not resolve".into());
        sim.exhausted().await;
        (1..=3).for_each(|job| sim.expect_kind(job, Kind::Succeeded));
        let_go(stage).await;
    });
}

#[test]
fn a_shutdown_that_drains_waits_for_a_retry_or_a_delay_that_is_due_before_its_deadline() {
    explore(|sim| async move {
        let stage = with_postponed(sim, MS * 5).await;
        let report = stage.shutdown(Shutdown::Drain(LONG)).await;
        sim.expect(report.is_ok_and(|report| report.counts.succeeded == 4), || {
            "not all ran".into()
        });
        sim.quiet().await;
        (1..=4).for_each(|job| sim.expect_kind(job, Kind::Succeeded));
    });
}

#[test]
fn a_shutdown_that_drains_ends_a_retry_or_a_delay_at_once_that_is_due_after_its_deadline() {
    explore(|sim| async move {
        let stage = with_postponed(sim, LONG * 9).await;
        // The first attempt must be over for that.
        sim.exhausted().await;
        let began = sim.now();
        let report = stage.shutdown(Shutdown::Drain(LONG)).await;
        sim.expect(report.is_ok(), || "no report".into());
        let took = sim.now().duration_since(began);
        sim.expect(took < LONG, || format!("it took {took:?}"));
        sim.quiet().await;
        // The last error of what was to be tried again; what had never started is cancelled.
        (1..=2).for_each(|job| sim.expect_kind(job, Kind::Failed));
        (3..=4).for_each(|job| sim.expect_kind(job, Kind::Cancelled));
    });
}

#[test]
fn a_cancel_of_what_is_to_be_tried_again_ends_it_with_its_last_error() {
    explore(|sim| async move {
        let plan = Plan::of(any_form(sim, 2)).tries(3, LONG);
        let (stage, _) = pool_of(sim, plan).await;
        let (job, _) = stage.submit(Sent::Try, vec![Act::Step, Act::Fail]).await;
        sim.exhausted().await;
        let met = stage.cancel(job).await;
        sim.expect(met == Some(CancelOutcome::Waiting), || format!("met {met:?}"));
        sim.quiet().await;
        sim.expect_kind(job, Kind::Failed);
        sim.expect(sim.attempts(job) == 1, || "it was tried again".into());
        let_go(stage).await;
    });
}

#[test]
fn a_cancel_at_any_moment_of_a_job_that_is_tried_again_ends_it_once() {
    explore(|sim| async move {
        let plan = Plan::of(any_form(sim, 1 + sim.below(2))).tries(3, MS * sim.below(2) as u32);
        let (stage, _) = pool_of(sim, plan).await;
        for _ in 0..3 {
            let errand = Errand::from(vec![Act::Step, Act::Fail]);
            let errand = if sim.chance(500) { errand.key(1) } else { errand };
            let (job, answer) = stage.begin(Sent::Submit, errand);
            stage.spawn("a submitter", async move { _ = answer.await });
            let canceller = stage.clone();
            stage.spawn("one who cancels", async move {
                for _ in 0..1 + canceller.sim.below(6) {
                    canceller.sim.while_others_run().await;
                }
                canceller.cancel(job).await;
            });
        }
        sim.quiet().await;
        let_go(stage).await;
    });
}

#[test]
fn when_the_last_handle_is_dropped_what_is_postponed_still_runs() {
    explore(|sim| async move {
        let stage = with_postponed(sim, MS * 5).await;
        sim.while_others_run().await;
        let_go(stage).await;
        (1..=4).for_each(|job| sim.expect_kind(job, Kind::Succeeded));
    });
}

/// A pool with two jobs that fail at first, and two with a delay, one of each with a key.
async fn with_postponed(sim: workpool_bench::sim::Sim, pause: Duration) -> Stage {
    let plan = Plan::of(any_form(sim, 2)).tries(2, pause);
    let (stage, _) = pool_of(sim, plan).await;
    let fails = Errand::from(vec![Act::Step, Act::Fail.at_first()]);
    stage.submit(Sent::Try, fails.clone()).await;
    stage.submit(Sent::Try, fails.key(1)).await;
    let later = Errand::from(some_work(sim)).delay(pause);
    stage.submit(Sent::Try, later.clone()).await;
    stage.submit(Sent::Try, later.key(1)).await;
    stage
}
