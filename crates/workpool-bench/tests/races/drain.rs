use workpool_bench::{
    Shutdown,
    check::Kind,
    scene::{Act, Conduct, Gate, Sent},
};

use crate::support::{LONG, MS, explore, let_go, pool, some_work};

#[test]
fn a_paused_pool_drains_once_it_is_resumed() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 2).await;
        stage.pause().await;
        let (job, _) = stage.submit(Sent::Try, some_work(sim)).await;
        let drainer = stage.clone();
        stage.spawn("one who drains", async move {
            drainer.drain().await;
            drainer.sim.expect(drainer.sim.has_started(1), || "drained while it was paused".into());
        });
        sim.quiet().await;
        let status = stage.status().await;
        sim.expect(status.as_ref().is_some_and(|status| status.paused), || format!("{status:?}"));
        sim.expect(!sim.has_started(job), || "a paused pool starts a job".into());
        stage.resume().await;
        sim.quiet().await;
        sim.expect_kind(job, Kind::Succeeded);
        let_go(stage).await;
    });
}

#[test]
fn two_drains_both_resolve_and_there_is_one_drained() {
    explore(|sim| async move {
        let (stage, listener) = pool(sim, 2).await;
        let gate = Gate::closed();
        stage.submit(Sent::Batch(3), vec![Act::Wait(gate), Act::Step]).await;
        for _ in 0..2 {
            let drainer = stage.clone();
            stage.spawn("one who drains", async move {
                drainer.sim.while_others_run().await;
                let drained = drainer.drain().await;
                drainer.sim.expect(drained, || "a drain does not resolve".into());
            });
        }
        sim.while_others_run().await;
        gate.open();
        sim.quiet().await;
        sim.expect(sim.drained(listener) == (1, 3), || format!("{:?}", sim.drained(listener)));
        let_go(stage).await;
    });
}

#[test]
fn a_drain_before_a_shutdown_resolves_at_the_end_and_drained_comes_last() {
    explore(|sim| async move {
        let (stage, listener) = pool(sim, 2).await;
        let gate = Gate::closed();
        stage.submit(Sent::Batch(4), vec![Act::Wait(gate), Act::Step]).await;
        sim.exhausted().await;
        let drainer = stage.clone();
        stage.spawn("one who drains", async move {
            let drained = drainer.drain().await;
            drainer.sim.expect(drained, || "a drain does not resolve".into());
        });
        sim.exhausted().await;
        if sim.chance(500) {
            gate.open();
        }
        let report = stage.shutdown(Shutdown::Drain(MS * 5)).await;
        sim.expect(report.is_ok(), || "no report".into());
        gate.open();
        sim.quiet().await;
        let (drained, counted) = sim.drained(listener);
        let heard = sim.heard(listener);
        sim.expect((drained, counted, heard) == (1, 4, 4), || {
            format!("{drained} Drained of {counted} results, {heard} heard")
        });
    });
}

#[test]
fn a_drain_resolves_after_results_whose_worker_has_not_rung() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 2).await;
        for _ in 0..4 {
            // Short jobs: workers are supplied ahead, and ring once they have nothing more. What lies
            // behind a panic goes to the other worker.
            stage.submit(Sent::Batch(8), Vec::new()).await;
            stage.submit(Sent::Batch(2), vec![Act::Panic]).await;
            stage.submit(Sent::Batch(1 + sim.below(4)), some_work(sim)).await;
            let drained = stage.drain().await;
            sim.expect(drained, || "a drain does not resolve".into());
        }
        let_go(stage).await;
    });
}

#[test]
fn a_subscriber_who_submits_while_the_pool_drains_counts_if_that_arrives_in_time() {
    explore(|sim| async move {
        let (stage, listener) = pool(sim, 2).await;
        stage.listen(Conduct { submits: 3, ..Conduct::default() }).await;
        stage.submit(Sent::Batch(2), some_work(sim)).await;
        let drained = stage.drain().await;
        sim.expect(drained, || "a drain does not resolve".into());
        sim.quiet().await;
        // Two, and the three that were submitted from a handler: in one quiescence or in several.
        let (drained, counted) = sim.drained(listener);
        sim.expect(counted == 5 && drained >= 1, || format!("{drained} Drained of {counted}"));
        let report = stage.shutdown(Shutdown::Drain(LONG)).await;
        sim.expect(report.is_ok(), || "no report".into());
    });
}

#[test]
fn a_stream_holds_every_result_when_a_drain_resolves() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 2).await;
        let mut reader = stage.stream(8);
        stage.submit(Sent::Batch(3), some_work(sim)).await;
        stage.submit(Sent::Try, vec![Act::Fail]).await;
        stage.drain().await;
        let read = reader.read_all();
        sim.expect(read == 4, || format!("invariant 4: {read} of 4 results are there"));
        drop(reader);
        let_go(stage).await;
    });
}
