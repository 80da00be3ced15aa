//! Jobs that run for too long.

use std::time::Duration;

use workpool_bench::{
    Queue, Shutdown,
    check::Kind,
    scene::{Act, Errand, Form, Gate, Plan, Sent, Stage},
    sim::Sim,
};

use crate::support::{LONG, MS, any_form, explore, let_go, pool_of, some_work};

#[test]
fn room_that_is_made_in_the_turn_in_which_a_job_times_out_lets_in_who_waits_for_it() {
    explore(|sim| async move {
        let plan = Plan { replaced: 1, ..Plan::of(Form::Blocking(1)) };
        let (stage, _) = pool_of(sim, plan.queue(Queue::bounded(2))).await;
        let gate = Gate::closed();
        stage.submit(Sent::Try, vec![Act::Work(MS)]).await;
        stage
            .submit(Sent::Submit, Errand::from(vec![Act::Work(2 * MS)]).timeout(Duration::ZERO))
            .await;
        stage.submit(Sent::Submit, vec![Act::Block(gate)]).await;
        let behind = stage.clone();
        stage.spawn("two in line", async move {
            let (_, accepted) = behind.submit(Sent::Batch(2), some_work(behind.sim)).await;
            behind.sim.expect(accepted == Some(true), || "they are not accepted".into());
            gate.open();
        });
        sim.quiet().await;
        sim.expect(gate.is_open(), || "there is room, and nobody is let in".into());
        let_go(stage).await;
    });
}

#[test]
fn a_blocking_job_that_timed_out_returns_late_and_is_ignored_and_its_seat_is_free_only_then() {
    explore(|sim| async move {
        let (stage, listener) = pool_of(sim, Plan::of(Form::Blocking(1))).await;
        let gate = Gate::closed();
        let late = sticks(sim, gate);
        let (late, _) = stage.submit(Sent::Try, late).await;
        let (next, _) = stage.submit(Sent::Batch(2), some_work(sim)).await;
        sim.quiet().await;
        sim.expect_kind(late, Kind::TimedOut);
        // One that timed out before its code was called leaves no thread stuck.
        let is_stuck = sim.runs(late);
        sim.expect(sim.has_started(next) != is_stuck, || "its seat is free".into());
        let stuck = stage.status().await.map(|status| status.stuck);
        sim.expect(stuck == Some(is_stuck.into()), || format!("{stuck:?} are stuck"));
        gate.open();
        sim.quiet().await;
        (next..=next + 1).for_each(|job| sim.expect_kind(job, Kind::Succeeded));
        sim.expect(sim.heard(listener) == 3, || "what returned late is heard of".into());
        let_go(stage).await;
    });
}

#[test]
fn a_thread_that_is_stuck_is_replaced_and_no_more_at_once_than_may_be() {
    explore(|sim| async move {
        let plan = Plan { replaced: 1, ..Plan::of(Form::Blocking(1)) };
        let (stage, _) = pool_of(sim, plan).await;
        let gates = [Gate::closed(), Gate::closed()];
        for gate in gates {
            stage.submit(Sent::Try, sticks(sim, gate)).await;
        }
        let (next, _) = stage.submit(Sent::Try, some_work(sim)).await;
        sim.quiet().await;
        (1..=2).for_each(|job| sim.expect_kind(job, Kind::TimedOut));
        // One that timed out before its code was called leaves no thread stuck.
        let stuck = (1..=2).filter(|&job| sim.runs(job)).count();
        sim.expect(stuck < 2 || !sim.has_started(next), || "two are replaced".into());
        gates[sim.below(2)].open();
        sim.quiet().await;
        sim.expect_kind(next, Kind::Succeeded);
        Gate::open_all();
        has_seats(&stage, 1).await;
        let_go(stage).await;
    });
}

#[test]
fn a_timeout_that_meets_the_jobs_end_brings_one_result() {
    explore(|sim| async move {
        let replaced = sim.below(3);
        let form = any_form(sim, 1 + sim.below(3));
        let replaced = if matches!(form, Form::Blocking(_)) { replaced } else { 0 };
        let plan = Plan { replaced, timeout: Some(MS * 2), ..Plan::of(form) };
        let (stage, _) = pool_of(sim, plan).await;
        for _ in 0..4 {
            let acts = vec![Act::Work(MS), Act::Sleep(MS * sim.below(3) as u32), Act::Step];
            let (_, answer) = stage.begin(Sent::Batch(2), acts);
            stage.spawn("a submitter", async move { _ = answer.await });
            sim.while_others_run().await;
            sim.advance(MS * sim.below(3) as u32);
        }
        sim.quiet().await;
        for job in sim.jobs() {
            let kind = sim.kind(job);
            sim.expect(matches!(kind, Some(Kind::Succeeded | Kind::TimedOut)), || {
                format!("job {job} ended as {kind:?}")
            });
        }
        let_go(stage).await;
    });
}

#[test]
fn a_cancel_that_meets_a_timeout_ends_a_job_once() {
    explore(|sim| async move {
        let form = any_form(sim, 2);
        let grace = MS * sim.below(3) as u32;
        let (stage, _) = pool_of(sim, Plan::of(form).grace(grace)).await;
        let errand = Errand::from(vec![Act::UntilCancelled]).timeout(MS);
        let (job, _) = stage.submit(Sent::Batch(2), errand).await;
        sim.while_others_run().await;
        let met = stage.cancel(job).await;
        sim.expect(met.is_some(), || "the pool has ended".into());
        sim.quiet().await;
        let fine = |job| match sim.kind(job) {
            Some(Kind::Succeeded | Kind::TimedOut) => true,
            kind => kind == Some(Kind::Cancelled) && !sim.has_started(job),
        };
        sim.expect(fine(job) && fine(job + 1), || {
            format!("{:?}", [job, job + 1].map(|j| sim.kind(j)))
        });
        let_go(stage).await;
    });
}

#[test]
fn a_thread_that_is_stuck_meets_a_resize_and_the_pool_has_as_many_workers_as_were_wanted() {
    explore(|sim| async move {
        let plan = Plan { replaced: sim.below(3), ..Plan::of(Form::Blocking(2)) };
        let (stage, _) = pool_of(sim, plan).await;
        let gate = Gate::closed();
        stage.submit(Sent::Batch(3), sticks(sim, gate)).await;
        for _ in 0..3 {
            stage.resize(sim.below(4)).await;
            sim.while_others_run().await;
            sim.pass(MS);
            stage.submit(Sent::Submit, some_work(sim)).await;
        }
        gate.open();
        let workers = 1 + sim.below(3);
        stage.resize(workers).await;
        has_seats(&stage, workers).await;
        for job in sim.jobs() {
            sim.expect(sim.kind(job).is_some(), || format!("job {job} has no result"));
        }
        let_go(stage).await;
    });
}

#[test]
fn a_drain_waits_for_the_result_before_a_job_that_timed_out_as_it_began() {
    explore(|sim| async move {
        let plan = Plan { replaced: sim.below(2), ..Plan::of(Form::Blocking(1 + sim.below(2))) };
        let (stage, _) = pool_of(sim, plan).await;
        for _ in 0..3 {
            // Short jobs: one begins as another ends. The last is late whenever it begins.
            stage.submit(Sent::Batch(4), Errand::from(Vec::new()).timeout(MS)).await;
            stage.submit(Sent::Try, Errand::from(Vec::new()).timeout(Duration::ZERO)).await;
            let sizer = stage.clone();
            stage.spawn("one who resizes", async move {
                sizer.sim.while_others_run().await;
                sizer.resize(0).await;
                sizer.resize(1).await;
            });
            let drained = stage.drain().await;
            sim.expect(drained, || "a drain does not resolve".into());
        }
        let_go(stage).await;
    });
}

#[test]
fn a_shutdown_ends_although_threads_are_stuck_and_replaced() {
    explore(|sim| async move {
        let plan = Plan { replaced: sim.below(3), ..Plan::of(Form::Blocking(2)).grace(MS) };
        let (stage, _) = pool_of(sim, plan).await;
        stage.submit(Sent::Batch(3), sticks(sim, Gate::closed())).await;
        stage.submit(Sent::Batch(2), some_work(sim)).await;
        sim.while_others_run().await;
        let report = stage.shutdown(Shutdown::Drain(MS * 20)).await;
        sim.expect(report.as_ref().is_ok_and(|report| report.counts.total() == 5), || {
            format!("{report:?}")
        });
        Gate::open_all();
        sim.quiet().await;
        let report = stage.shutdown(Shutdown::Drain(LONG)).await;
        sim.expect(report.is_ok(), || "no report".into());
    });
}

/// Runs for too long, on a thread that it blocks until the gate is open.
fn sticks(sim: Sim, gate: Gate) -> Errand {
    let ends = [Act::Step, Act::Fail, Act::Panic][sim.below(3)].clone();
    Errand::from(vec![Act::Wait(gate), ends]).timeout(MS)
}

/// Once nothing can happen any more, there are so many workers, and none is stuck.
async fn has_seats(stage: &Stage, workers: usize) {
    let sim = stage.sim;
    sim.quiet().await;
    let status = stage.status().await;
    let seen = status.as_ref().map(|status| (status.workers, status.live, status.stuck));
    sim.expect(seen == Some((workers, workers, 0)), || format!("{status:?}"));
}
