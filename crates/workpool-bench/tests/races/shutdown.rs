use std::time::Duration;

use workpool_bench::{
    Shutdown,
    check::Kind,
    scene::{Act, Form, Gate, Plan, Sent, Stage},
};

use crate::support::{LONG, MS, any_form, explore, pool, pool_of, some_work};

#[test]
fn a_shutdown_that_drains_resumes_a_paused_pool() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 2).await;
        stage.pause().await;
        stage.submit(Sent::Batch(3), some_work(sim)).await;
        sim.while_others_run().await;
        let report = stage.shutdown(Shutdown::Drain(LONG)).await;
        sim.expect(report.is_ok_and(|report| report.counts.succeeded == 3), || {
            "not all ran".into()
        });
    });
}

#[test]
fn what_is_submitted_during_a_shutdown_comes_back() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 2).await;
        let (told, gate) = (Gate::closed(), Gate::closed());
        let late = vec![Act::Wait(gate), Act::Submit(some_work(sim)), Act::Step];
        let (job, _) = stage.submit(Sent::Try, late).await;
        sim.exhausted().await;
        let ender = stage.clone();
        stage.spawn("one who shuts down", async move {
            told.open();
            let report = ender.shutdown(Shutdown::Drain(LONG)).await;
            ender.sim.expect(report.is_ok(), || "no report".into());
        });
        told.wait().await;
        sim.exhausted().await;
        for sent in [Sent::Submit, Sent::Try, Sent::Batch(2), Sent::Run, Sent::Send] {
            let (number, answer) = stage.submit(sent, some_work(sim)).await;
            sim.expect(answer == Some(false) && sim.is_refused(number), || format!("{sent:?}"));
        }
        gate.open();
        sim.quiet().await;
        sim.expect_kind(job, Kind::Succeeded);
        let last = sim.jobs().len() as u64;
        sim.expect(sim.is_refused(last), || "a job's own submission is accepted".into());
    });
}

#[test]
fn five_shutdowns_agree_on_the_earliest_deadline_and_get_the_same_report() {
    explore(|sim| async move {
        let plan = Plan::of(any_form(sim, 2)).grace(Duration::ZERO);
        let (stage, _) = pool_of(sim, plan).await;
        stage.submit(Sent::Batch(3), vec![Act::Block(Gate::closed())]).await;
        sim.exhausted().await;
        let began = sim.now();
        for after in [50, 5, 300, 20, 100] {
            let ender = stage.clone();
            stage.spawn("one who shuts down", async move {
                ender.sim.while_others_run().await;
                let report = ender.shutdown(Shutdown::Drain(MS * after)).await;
                ender.sim.expect(report.is_ok(), || "no report".into());
                // The earliest, and the tenth of a second for async jobs that block their thread.
                let took = ender.sim.now().duration_since(began);
                ender.sim.expect(took < MS * 130, || format!("invariant 9: it took {took:?}"));
            });
        }
        sim.quiet().await;
        Gate::open_all();
        sim.quiet().await;
    });
}

#[test]
fn jobs_that_block_their_thread_are_given_up_a_tenth_of_a_second_after_they_were_asked_to_end() {
    explore(|sim| async move {
        let (stage, _) = pool_of(sim, Plan::of(Form::Async(1, 1)).grace(Duration::ZERO)).await;
        stage.submit(Sent::Submit, vec![Act::Block(Gate::closed())]).await;
        sim.exhausted().await;
        // The pool looks every tenth of a second whether its system still runs: at other times.
        sim.pass(MS * (1 + sim.below(99) as u32));
        let began = sim.real_now();
        let report = stage.shutdown(Shutdown::Now).await;
        sim.expect(report.is_ok_and(|report| report.abandoned.len() == 1), || "no report".into());
        let took = sim.real_now().duration_since(began);
        sim.expect((MS * 100..MS * 110).contains(&took), || format!("it took {took:?}"));
        Gate::open_all();
        sim.quiet().await;
    });
}

#[test]
fn what_has_not_run_by_the_deadline_is_cancelled_and_what_still_runs_is_abandoned_and_named() {
    explore(|sim| async move {
        let (stage, listener) = pool_of(sim, Plan::of(Form::Blocking(2)).grace(MS)).await;
        stage.submit(Sent::Batch(4), vec![Act::Block(Gate::closed())]).await;
        sim.exhausted().await;
        let mode = [Shutdown::Drain(MS * 5), Shutdown::FinishRunning(MS * 5), Shutdown::Now];
        let report = stage.shutdown(mode[sim.below(3)]).await;
        sim.expect(report.as_ref().is_ok_and(|report| report.abandoned.len() == 2), || {
            format!("{report:?}")
        });
        sim.quiet().await;
        let kinds: Vec<_> = sim.jobs().into_iter().filter_map(|job| sim.kind(job)).collect();
        let count = |kind| kinds.iter().filter(|&&other| other == kind).count();
        sim.expect((count(Kind::Abandoned), count(Kind::Cancelled)) == (2, 2), || {
            format!("{kinds:?}")
        });
        sim.expect(sim.threads_left() == (2, 0), || "only their threads may be left".into());
        Gate::open_all();
        sim.quiet().await;
        sim.expect(sim.heard(listener) == 4, || "what returns late is heard of".into());
    });
}

#[test]
fn a_job_that_ends_just_before_its_worker_is_given_up_has_its_result() {
    explore(|sim| async move {
        let plan = Plan::of(Form::Blocking(1 + sim.below(2))).grace(Duration::ZERO);
        let (stage, _) = pool_of(sim, plan).await;
        // Short jobs: one begins as another ends.
        stage.submit(Sent::Batch(100), Vec::new()).await;
        for _ in 0..sim.below(30) {
            sim.while_others_run().await;
        }
        let report = stage.shutdown(Shutdown::Now).await;
        sim.expect(report.is_ok(), || "no report".into());
        sim.quiet().await;
    });
}

#[test]
fn a_shutdown_that_drains_waits_for_all_that_was_accepted() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 1 + sim.below(3)).await;
        for _ in 0..4 {
            let (_, answer) = stage.begin(Sent::Submit, some_work(sim));
            stage.spawn("a submitter", async move { _ = answer.await });
        }
        sim.while_others_run().await;
        let report = stage.shutdown(Shutdown::Drain(LONG)).await;
        let fine = report.is_ok_and(|report| report.counts.total() == report.counts.succeeded);
        sim.expect(fine, || "not everything ran that was accepted".into());
    });
}

#[test]
fn a_worker_who_dies_while_the_pool_ends_holds_up_nobody() {
    explore(|sim| async move {
        let plan = Plan::of(any_form(sim, 2));
        let (stage, _) = pool_of(sim, plan).await;
        stage.submit(Sent::Batch(3), some_work(sim)).await;
        for _ in 0..2 {
            let ender = stage.clone();
            stage.spawn("one who shuts down", async move {
                ender.sim.while_others_run().await;
                let report = ender.shutdown(Shutdown::Drain(LONG)).await;
                ender.sim.expect(report.is_ok(), || "no report".into());
            });
        }
        for _ in 0..3 {
            sim.while_others_run().await;
            sim.stop_worker(sim.below(Stage::threads(&plan)));
        }
        sim.quiet().await;
    });
}

#[test]
fn a_pool_that_is_stopped_leaves_another_untouched() {
    explore(|sim| async move {
        let (one, _) = pool(sim, 2).await;
        let (other, _) = pool(sim, 2).await;
        one.submit(Sent::Batch(3), vec![Act::Wait(Gate::closed())]).await;
        let (first, answer) = other.begin(Sent::Batch(3), some_work(sim));
        other.spawn("a submitter", async move { _ = answer.await });
        sim.while_others_run().await;
        let report = one.shutdown(Shutdown::Now).await;
        sim.expect(report.is_ok(), || "no report".into());
        let (later, accepted) = other.submit(Sent::Submit, some_work(sim)).await;
        sim.expect(accepted == Some(true), || "the other pool is closed".into());
        other.drain().await;
        sim.exhausted().await;
        for job in [first, first + 1, first + 2, later] {
            sim.expect_kind(job, Kind::Succeeded);
        }
        end(other).await;
    });
}

async fn end(stage: Stage) {
    let sim = stage.sim;
    let report = stage.shutdown(Shutdown::Drain(LONG)).await;
    sim.expect(report.is_ok(), || "no report".into());
    Gate::open_all();
    sim.quiet().await;
}
