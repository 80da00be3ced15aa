use workpool_bench::{
    Shutdown,
    check::Kind,
    scene::{Act, Form, Gate, Plan, Sent, Stage},
};

use crate::support::{LONG, MS, any_form, explore, let_go, pool, pool_of, some_work};

#[test]
fn a_job_whose_recall_meets_its_start_runs_once() {
    explore(|sim| async move {
        // A thread for each seat: a job that blocks one holds up no other seat.
        let seats = 2 + sim.below(2);
        let form = [Form::Blocking(seats), Form::Async(seats, seats)][sim.below(2)];
        let (stage, _) = pool_of(sim, Plan::of(form)).await;
        let gate = Gate::closed();
        // Short ones first, so that workers are supplied ahead of time.
        stage.submit(Sent::Batch(6), vec![Act::Step]).await;
        sim.while_others_run().await;
        stage.submit(Sent::Batch(3), vec![Act::Step]).await;
        stage.submit(Sent::Try, vec![Act::Block(gate)]).await;
        stage.submit(Sent::Batch(8), vec![Act::Step]).await;
        sim.quiet().await;
        let held_up = sim.jobs().into_iter().filter(|&job| sim.kind(job).is_none()).count();
        sim.expect(held_up == 1, || format!("invariant 6: {held_up} jobs are held up"));
        stage.spawn("one who drains", {
            let stage = stage.clone();
            async move { _ = stage.drain().await }
        });
        gate.open();
        sim.quiet().await;
        for job in sim.jobs() {
            sim.expect_kind(job, Kind::Succeeded);
        }
        let_go(stage).await;
    });
}

#[test]
fn a_lease_that_was_given_back_keeps_its_place() {
    explore(|sim| async move {
        // One seat: the books check the order of all starts.
        let (stage, _) = pool(sim, 1).await;
        stage.submit(Sent::Batch(4), vec![Act::Step]).await;
        let feeder = stage.clone();
        stage.spawn("a submitter", async move {
            for _ in 0..8 {
                feeder.submit(Sent::Submit, vec![Act::Step]).await;
                feeder.sim.while_others_run().await;
            }
        });
        for _ in 0..3 {
            sim.while_others_run().await;
            stage.pause().await;
            sim.while_others_run().await;
            stage.resume().await;
            if sim.chance(500) {
                sim.stop_worker(0);
            }
        }
        sim.quiet().await;
        let_go(stage).await;
    });
}

#[test]
fn a_worker_whose_arbiter_is_stopped_loses_what_it_ran_and_is_replaced() {
    explore(|sim| async move {
        let (stage, _) = pool_of(sim, Plan::of(Form::Async(4, 2))).await;
        let gate = Gate::closed();
        stage.submit(Sent::Batch(8), vec![Act::Wait(gate), Act::Step]).await;
        sim.exhausted().await;
        sim.stop_worker(sim.below(2));
        sim.exhausted().await;
        gate.open();
        sim.quiet().await;
        let kinds: Vec<_> = sim.jobs().into_iter().filter_map(|job| sim.kind(job)).collect();
        let count = |kind| kinds.iter().filter(|&&other| other == kind).count();
        sim.expect((count(Kind::Lost), count(Kind::Succeeded)) == (2, 6), || format!("{kinds:?}"));
        let status = stage.status().await;
        sim.expect(
            status.as_ref().is_some_and(|status| (status.deaths, status.live) == (1, 4)),
            || format!("{status:?}"),
        );
        let_go(stage).await;
    });
}

#[test]
fn a_worker_who_dies_at_any_moment_loses_no_more_than_it_ran() {
    explore(|sim| async move {
        let plan = Plan::of(any_form(sim, 2));
        let (stage, _) = pool_of(sim, plan).await;
        for _ in 0..6 {
            let (_, answer) = stage.begin(Sent::Submit, some_work(sim));
            stage.spawn("a submitter", async move { _ = answer.await });
        }
        for _ in 0..2 {
            sim.while_others_run().await;
            if sim.chance(300) {
                sim.deny_threads(2);
            }
            sim.stop_worker(sim.below(Stage::threads(&plan)));
        }
        sim.quiet().await;
        for job in sim.jobs() {
            let kind = sim.kind(job);
            let ran = sim.has_started(job);
            sim.expect(kind == Some(Kind::Succeeded) || kind == Some(Kind::Lost) && ran, || {
                format!("invariant 5: job {job} ended as {kind:?}")
            });
        }
        let_go(stage).await;
    });
}

#[test]
fn a_worker_whose_processor_is_not_built_takes_no_job_until_it_is() {
    explore(|sim| async move {
        let plan = Plan { failures: 1 + sim.below(4) as u32, ..Plan::of(any_form(sim, 2)) };
        let (stage, _) = pool_of(sim, plan).await;
        stage.submit(Sent::Batch(4), some_work(sim)).await;
        sim.quiet().await;
        for job in sim.jobs() {
            sim.expect_kind(job, Kind::Succeeded);
        }
        let_go(stage).await;
    });
}

#[test]
fn a_panic_and_an_overrun_cost_their_own_job_alone() {
    explore(|sim| async move {
        let (stage, _) = pool_of(sim, Plan::of(Form::Blocking(2))).await;
        let gate = Gate::closed();
        let (hung, _) = stage.submit(Sent::Try, vec![Act::Block(gate)]).await;
        let (panicking, _) = stage.submit(Sent::Try, vec![Act::Step, Act::Panic]).await;
        let (other, _) = stage.submit(Sent::Batch(3), vec![Act::Work(MS), Act::Step]).await;
        sim.quiet().await;
        sim.expect(sim.runs(hung), || "it does not run".into());
        sim.expect_kind(panicking, Kind::Panicked);
        (other..other + 3).for_each(|job| sim.expect_kind(job, Kind::Succeeded));
        gate.open();
        let report = stage.shutdown(Shutdown::Drain(LONG)).await;
        sim.expect(report.is_ok(), || "no report".into());
    });
}
