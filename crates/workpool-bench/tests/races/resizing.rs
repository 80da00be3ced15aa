//! The number of workers changes.

use workpool_bench::{
    Shutdown,
    check::Kind,
    scene::{Act, Form, Gate, Plan, Sent, Stage},
    sim::Sim,
};

use crate::support::{LONG, any_form, explore, let_go, pool, pool_of, some_work};

#[test]
fn shrink_3_to_1_with_three_running_kills_none_and_the_next_starts_when_none_runs() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 3).await;
        let gates = [Gate::closed(), Gate::closed(), Gate::closed()];
        for gate in gates {
            stage.submit(Sent::Try, vec![Act::Wait(gate), Act::Step]).await;
        }
        let (next, _) = stage.submit(Sent::Batch(2), some_work(sim)).await;
        sim.exhausted().await;
        stage.resize(1).await;
        for (at, gate) in gates.into_iter().enumerate() {
            sim.exhausted().await;
            let running = (1..=3).filter(|&job| sim.runs(job)).count();
            sim.expect(running == 3 - at, || format!("{running} run"));
            sim.expect(!sim.has_started(next), || format!("invariant 2: {running} run"));
            gate.open();
        }
        sim.quiet().await;
        (1..=5).for_each(|job| sim.expect_kind(job, Kind::Succeeded));
        let_go(stage).await;
    });
}

#[test]
fn resize_to_0_then_drain_waits_and_growing_goes_on() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 2).await;
        let (first, _) = stage.submit(Sent::Batch(3), some_work(sim)).await;
        if sim.chance(500) {
            sim.while_others_run().await;
        }
        stage.resize(0).await;
        let (last, _) = stage.submit(Sent::Try, some_work(sim)).await;
        let done = Gate::closed();
        let drainer = stage.clone();
        stage.spawn("one who drains", async move {
            let drained = drainer.drain().await;
            drainer.sim.expect(drained, || "a drain does not resolve".into());
            done.open();
        });
        sim.quiet().await;
        sim.expect(!done.is_open() && !sim.has_started(last), || "a drain does not wait".into());
        stage.resize(1 + sim.below(3)).await;
        sim.quiet().await;
        sim.expect(done.is_open(), || "the pool does not go on".into());
        (first..=last).for_each(|job| sim.expect_kind(job, Kind::Succeeded));
        let_go(stage).await;
    });
}

#[test]
fn a_pool_that_is_resized_at_any_moment_loses_no_job_and_has_as_many_workers_in_the_end() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 1 + sim.below(3)).await;
        in_use(&stage);
        for _ in 0..1 + sim.below(4) {
            sim.while_others_run().await;
            stage.resize(sim.below(5)).await;
        }
        has_workers(&stage, 1 + sim.below(4)).await;
        all_succeed(sim);
        let_go(stage).await;
    });
}

/// One seat may be woken for a job and leave, while another beside it rests.
#[test]
fn a_resize_that_meets_a_submission_leaves_no_job_beside_an_idle_seat() {
    explore(|sim| async move {
        let (stage, _) = pool_of(sim, Plan::of(Form::Async(4, 2))).await;
        sim.quiet().await;
        sim.stop_worker(1);
        for workers in (1..4).rev() {
            let submitter = stage.clone();
            stage.spawn("one who submits", async move {
                submitter.submit(Sent::Try, some_work(sim)).await;
            });
            stage.resize(workers).await;
            sim.quiet().await;
        }
        (1..=3).for_each(|job| sim.expect_kind(job, Kind::Succeeded));
        let_go(stage).await;
    });
}

#[test]
fn resizes_at_once_agree_on_the_last() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 1 + sim.below(3)).await;
        in_use(&stage);
        for _ in 0..3 {
            let sizer = stage.clone();
            stage.spawn("one who resizes", async move {
                sizer.sim.while_others_run().await;
                sizer.resize(sizer.sim.below(5)).await;
            });
        }
        sim.while_others_run().await;
        sim.quiet().await;
        has_workers(&stage, 2).await;
        all_succeed(sim);
        let_go(stage).await;
    });
}

#[test]
fn a_resize_that_meets_a_workers_death_leaves_as_many_workers_as_were_wanted() {
    explore(|sim| async move {
        let plan = Plan::of(any_form(sim, 3));
        let (stage, _) = pool_of(sim, plan).await;
        in_use(&stage);
        for _ in 0..2 {
            sim.while_others_run().await;
            if sim.chance(300) {
                sim.deny_threads(1);
            }
            if sim.chance(700) {
                sim.stop_worker(sim.below(Stage::threads(&plan)));
            }
            if sim.chance(500) {
                sim.while_others_run().await;
            }
            stage.resize(sim.below(5)).await;
        }
        has_workers(&stage, 1 + sim.below(4)).await;
        for job in sim.jobs() {
            let (kind, ran) = (sim.kind(job), sim.has_started(job));
            sim.expect(kind == Some(Kind::Succeeded) || kind == Some(Kind::Lost) && ran, || {
                format!("invariant 5: job {job} ended as {kind:?}")
            });
        }
        let_go(stage).await;
    });
}

#[test]
fn a_resize_that_meets_a_hand_out_leaves_no_lease_behind() {
    explore(|sim| async move {
        // Short jobs: workers are supplied ahead.
        let seats = 1 + sim.below(3);
        let form = [Form::Blocking(seats), Form::Async(seats, seats)][sim.below(2)];
        let (stage, _) = pool_of(sim, Plan::of(form)).await;
        stage.submit(Sent::Batch(8), Vec::new()).await;
        for _ in 0..3 {
            let feeder = stage.clone();
            stage.spawn("a submitter", async move {
                feeder.submit(Sent::Batch(6), vec![Act::Step]).await;
            });
            sim.while_others_run().await;
            stage.resize(sim.below(4)).await;
        }
        has_workers(&stage, 1 + sim.below(2)).await;
        all_succeed(sim);
        let_go(stage).await;
    });
}

#[test]
fn a_resize_that_meets_a_shutdown_holds_up_nobody() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 1 + sim.below(3)).await;
        in_use(&stage);
        let sizer = stage.clone();
        stage.spawn("one who resizes", async move {
            for _ in 0..3 {
                sizer.sim.while_others_run().await;
                sizer.resize(1 + sizer.sim.below(4)).await;
            }
        });
        sim.while_others_run().await;
        let report = stage.shutdown(Shutdown::Drain(LONG)).await;
        let fine = report.is_ok_and(|report| report.counts.total() == report.counts.succeeded);
        sim.expect(fine, || "not everything ran that was accepted".into());
    });
}

#[test]
fn a_shutdown_that_drains_a_pool_without_workers_ends_at_its_deadline_unless_it_grows() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 2).await;
        stage.resize(0).await;
        let (job, _) = stage.submit(Sent::Batch(2), some_work(sim)).await;
        let grows = sim.chance(500);
        if grows {
            let sizer = stage.clone();
            stage.spawn("one who resizes", async move {
                sizer.sim.while_others_run().await;
                sizer.resize(1).await;
            });
        }
        let report = stage.shutdown(Shutdown::Drain(LONG)).await;
        sim.expect(report.is_ok(), || "no report".into());
        sim.quiet().await;
        let kind = if grows { Kind::Succeeded } else { Kind::Cancelled };
        (job..=job + 1).for_each(|job| sim.expect_kind(job, kind));
    });
}

#[test]
fn when_the_last_handle_of_a_pool_that_was_resized_is_dropped_what_can_finish_does() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 1 + sim.below(3)).await;
        stage.submit(Sent::Batch(4), some_work(sim)).await;
        sim.while_others_run().await;
        let workers = sim.below(4);
        stage.resize(workers).await;
        stage.submit(Sent::Batch(2), some_work(sim)).await;
        sim.while_others_run().await;
        let_go(stage).await;
        for job in sim.jobs() {
            let kind = sim.kind(job);
            let without = workers == 0 && kind == Some(Kind::Cancelled);
            sim.expect(kind == Some(Kind::Succeeded) || without, || {
                format!("job {job} ended as {kind:?}")
            });
        }
    });
}

#[test]
fn when_the_system_stops_while_a_pool_is_resized_nothing_hangs() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 1 + sim.below(3)).await;
        in_use(&stage);
        let sizer = stage.clone();
        stage.spawn("one who resizes", async move {
            for _ in 0..4 {
                sizer.sim.while_others_run().await;
                sizer.resize(sizer.sim.below(5)).await;
            }
        });
        sim.while_others_run().await;
        match sim.below(3) {
            0 => sim.kill_dispatcher(),
            1 => sim.kill_collector(),
            _ => sim.stop_system(sim.chance(500)),
        }
        let ender = stage.clone();
        stage.spawn("one who shuts down", async move {
            let _ = ender.shutdown(Shutdown::Drain(LONG)).await;
        });
        let_go(stage).await;
    });
}

/// Some submit jobs for a while.
fn in_use(stage: &Stage) {
    for _ in 0..3 {
        let feeder = stage.clone();
        stage.spawn("a submitter", async move {
            feeder.submit(Sent::Batch(2), some_work(feeder.sim)).await;
            feeder.sim.while_others_run().await;
            feeder.submit(Sent::Submit, some_work(feeder.sim)).await;
        });
    }
}

/// Has so many workers, and sees that they come to be.
async fn has_workers(stage: &Stage, workers: usize) {
    let sim = stage.sim;
    stage.resize(workers).await;
    sim.quiet().await;
    let status = stage.status().await;
    let live = status.as_ref().map(|status| (status.workers, status.live));
    sim.expect(live == Some((workers, workers)), || format!("not {workers} workers: {status:?}"));
}

fn all_succeed(sim: Sim) {
    sim.jobs().into_iter().for_each(|job| sim.expect_kind(job, Kind::Succeeded));
}
