use workpool_bench::{
    OnFull, Queue,
    check::Kind,
    scene::{Act, Gate, Plan, Sent, Stage},
};

use crate::support::{any_form, explore, let_go, pool_of, some_work};

/// A pool of one seat whose queue is full: its job waits for the gate, and another for it.
async fn full(sim: workpool_bench::sim::Sim, on_full: OnFull, gate: Gate) -> Stage {
    let queue = Queue::bounded(1).on_full(on_full);
    let (stage, _) = pool_of(sim, Plan::of(any_form(sim, 1)).queue(queue)).await;
    stage.submit(Sent::Try, vec![Act::Wait(gate)]).await;
    sim.exhausted().await;
    stage.submit(Sent::Try, some_work(sim)).await;
    stage
}

#[test]
fn what_is_sent_without_an_asker_to_a_full_queue_comes_back_as_rejected() {
    explore(|sim| async move {
        let gate = Gate::closed();
        let policy = [OnFull::Wait, OnFull::Reject][sim.below(2)];
        let stage = full(sim, policy, gate).await;
        let (job, answer) = stage.begin(Sent::DoSend, some_work(sim));
        answer.await;
        sim.exhausted().await;
        sim.expect_kind(job, Kind::Rejected);
        gate.open();
        let_go(stage).await;
    });
}

#[test]
fn a_submission_that_is_dropped_while_it_waits_for_room_is_never_accepted() {
    explore(|sim| async move {
        let gate = Gate::closed();
        let stage = full(sim, OnFull::Wait, gate).await;
        let sent = [Sent::Submit, Sent::Send][sim.below(2)];
        let leave = Gate::closed();
        let (job, answer) = stage.begin_unless(sent, some_work(sim), leave.wait());
        stage.spawn("one who leaves", async move { _ = answer.await });
        sim.exhausted().await;
        let (behind, answer) = stage.begin(Sent::Submit, some_work(sim));
        stage.spawn("one behind", async move { _ = answer.await });
        sim.exhausted().await;
        leave.open();
        sim.exhausted().await;
        gate.open();
        sim.quiet().await;
        sim.expect(!sim.has_started(job), || "it was accepted".into());
        sim.expect_kind(behind, Kind::Succeeded);
        let_go(stage).await;
    });
}

#[test]
fn those_who_wait_in_line_are_let_in_as_they_came_and_nobody_is_left_behind() {
    explore(|sim| async move {
        let gate = Gate::closed();
        // One seat: the books check the order.
        let stage = full(sim, OnFull::Wait, gate).await;
        for _ in 0..4 {
            let (_, answer) = stage.begin(Sent::Submit, some_work(sim));
            stage.spawn("a submitter", async move { _ = answer.await });
            if sim.chance(500) {
                let leaves = sim.while_others_run();
                let (_, answer) = stage.begin_unless(Sent::Submit, some_work(sim), leaves);
                stage.spawn("an impatient submitter", async move { _ = answer.await });
            }
        }
        sim.while_others_run().await;
        gate.open();
        sim.quiet().await;
        let_go(stage).await;
    });
}

#[test]
fn whoever_leaves_the_head_of_the_line_lets_in_those_behind_at_once() {
    explore(|sim| async move {
        let gate = Gate::closed();
        let plan = Plan::of(any_form(sim, 1)).queue(Queue::bounded(2));
        let (stage, _) = pool_of(sim, plan).await;
        stage.submit(Sent::Try, vec![Act::Wait(gate)]).await;
        sim.exhausted().await;
        stage.submit(Sent::Try, some_work(sim)).await;
        // There is room for one, not for two; and nobody overtakes.
        let leave = Gate::closed();
        let (_, answer) = stage.begin_unless(Sent::Batch(2), some_work(sim), leave.wait());
        stage.spawn("two who leave", async move { _ = answer.await });
        sim.exhausted().await;
        let behind = stage.clone();
        stage.spawn("one behind", async move {
            let (_, accepted) = behind.submit(Sent::Submit, some_work(behind.sim)).await;
            behind.sim.expect(accepted == Some(true), || "it is not accepted".into());
            gate.open();
        });
        sim.exhausted().await;
        leave.open();
        sim.exhausted().await;
        sim.expect(gate.is_open(), || "whoever left lets in nobody".into());
        sim.quiet().await;
        let_go(stage).await;
    });
}

#[test]
fn a_full_queue_that_evicts_lets_go_of_one_for_each_that_comes() {
    explore(|sim| async move {
        let gate = Gate::closed();
        let policy = [OnFull::EvictOldest, OnFull::EvictYoungest][sim.below(2)];
        let stage = full(sim, policy, gate).await;
        for _ in 0..3 {
            stage.submit(Sent::Try, some_work(sim)).await;
            sim.exhausted().await;
        }
        let kinds: Vec<_> = sim.jobs().into_iter().filter_map(|job| sim.kind(job)).collect();
        sim.expect(kinds == [Kind::Evicted; 3], || format!("{kinds:?}"));
        gate.open();
        let_go(stage).await;
    });
}

#[test]
fn a_job_that_submits_to_its_own_full_pool_is_refused() {
    explore(|sim| async move {
        let gate = Gate::closed();
        let queue = Queue::bounded(1);
        let (stage, _) = pool_of(sim, Plan::of(any_form(sim, 1)).queue(queue)).await;
        let acts = vec![Act::Wait(gate), Act::Submit(some_work(sim)), Act::Step];
        stage.submit(Sent::Try, acts).await;
        sim.exhausted().await;
        stage.submit(Sent::Try, some_work(sim)).await;
        gate.open();
        sim.quiet().await;
        sim.expect(sim.is_refused(3), || "it was accepted, or waits".into());
        let_go(stage).await;
    });
}

#[test]
fn no_more_jobs_wait_than_the_queue_is_bounded_to() {
    explore(|sim| async move {
        // `EvictYoungest` keeps one more for each idle seat, which may find another's lease meanwhile.
        let policies = [OnFull::Wait, OnFull::Reject, OnFull::EvictOldest];
        let bound = 1 + sim.below(3);
        let queue = Queue::bounded(bound).on_full(policies[sim.below(3)]);
        let (stage, _) = pool_of(sim, Plan::of(any_form(sim, 2)).queue(queue)).await;
        for _ in 0..8 {
            let (_, answer) = stage.begin(Sent::Submit, some_work(sim));
            stage.spawn("a submitter", async move { _ = answer.await });
            let waiting = stage.status().await.map_or(0, |status| status.queued);
            sim.expect(waiting <= bound, || format!("invariant 7: {waiting} wait of {bound}"));
        }
        sim.quiet().await;
        let_go(stage).await;
    });
}

#[test]
fn a_stream_of_jobs_brings_each_result_once() {
    explore(|sim| async move {
        let queue = [Queue::unbounded(), Queue::bounded(1)][sim.below(2)];
        let (stage, _) = pool_of(sim, Plan::of(any_form(sim, 2)).queue(queue)).await;
        for _ in 0..2 {
            let acts = (0..6).map(|_| some_work(sim)).collect();
            let flow = stage.clone();
            let at_most = [usize::MAX, 3][sim.below(2)];
            stage.spawn("a stream of jobs", async move { flow.process(acts, 2, at_most).await });
        }
        sim.quiet().await;
        let_go(stage).await;
    });
}
