//! Handles, actors, or the whole system are gone.

use workpool_bench::{
    check::Kind,
    scene::{Act, Gate, Plan, Sent},
    sim::Sim,
};

use crate::support::{LONG, any_form, explore, let_go, pool, pool_of, some_work};

#[test]
fn when_the_last_handle_is_dropped_accepted_jobs_finish() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 1 + sim.below(3)).await;
        stage.submit(Sent::Batch(4), some_work(sim)).await;
        stage.begin(Sent::DoSend, some_work(sim)).1.await;
        sim.while_others_run().await;
        let_go(stage).await;
        for job in sim.jobs() {
            sim.expect_kind(job, Kind::Succeeded);
        }
    });
}

#[test]
fn what_the_last_job_submits_when_nobody_holds_the_pool_any_more_runs() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 1 + sim.below(2)).await;
        let acts = vec![Act::Step; sim.below(8)].into_iter().chain([Act::Submit(Vec::new())]);
        let (job, _) = stage.submit(Sent::Try, acts.collect::<Vec<_>>()).await;
        sim.while_others_run().await;
        let_go(stage).await;
        let last = sim.jobs().len() as u64;
        sim.expect_kind(job, Kind::Succeeded);
        sim.expect(sim.is_refused(last) || sim.kind(last) == Some(Kind::Succeeded), || {
            format!("job {last} ended as {:?}", sim.kind(last))
        });
    });
}

#[test]
fn when_the_last_handle_of_a_paused_pool_is_dropped_what_waits_is_cancelled() {
    explore(|sim| async move {
        let (stage, _) = pool(sim, 2).await;
        stage.pause().await;
        stage.submit(Sent::Batch(4), some_work(sim)).await;
        sim.while_others_run().await;
        let_go(stage).await;
        for job in sim.jobs() {
            sim.expect_kind(job, Kind::Cancelled);
        }
    });
}

#[test]
fn when_the_last_handle_of_a_pool_without_workers_is_dropped_what_waits_is_cancelled() {
    explore(|sim| async move {
        let plan = Plan { failures: u32::MAX, ..Plan::of(any_form(sim, 2)) };
        let (stage, _) = pool_of(sim, plan).await;
        stage.submit(Sent::Batch(4), some_work(sim)).await;
        sim.exhausted().await;
        let_go(stage).await;
        for job in sim.jobs() {
            sim.expect_kind(job, Kind::Cancelled);
        }
    });
}

#[test]
fn when_the_system_stops_nothing_hangs() {
    explore(|sim| async move {
        broken(sim, |sim| sim.stop_system(sim.chance(500))).await;
    });
}

#[test]
fn when_the_dispatcher_dies_nothing_hangs() {
    explore(|sim| async move { broken(sim, Sim::kill_dispatcher).await });
}

#[test]
fn when_the_collector_dies_nothing_hangs() {
    explore(|sim| async move { broken(sim, Sim::kill_collector).await });
}

#[test]
fn when_the_clock_panics_nothing_hangs() {
    explore(|sim| async move {
        broken(sim, |sim| sim.break_clock(sim.below(30) as u32)).await;
    });
}

/// A pool in use, under which something breaks: whoever waits is told, and no thread is left.
async fn broken(sim: Sim, breaks: impl FnOnce(Sim)) {
    let (stage, _) = pool(sim, 1 + sim.below(3)).await;
    for sent in Sent::ALL {
        let acts = if sim.chance(300) { vec![Act::Wait(Gate::closed())] } else { some_work(sim) };
        let (_, answer) = stage.begin(sent, acts);
        stage.spawn("a submitter", async move { _ = answer.await });
    }
    let reader = stage.stream(2);
    stage.spawn("a reader", reader.read_on(sim));
    let drainer = stage.clone();
    stage.spawn("one who drains", async move { _ = drainer.drain().await });
    sim.while_others_run().await;
    breaks(sim);
    let ender = stage.clone();
    stage.spawn("one who shuts down", async move {
        ender.sim.while_others_run().await;
        let _ = ender.shutdown(workpool_bench::Shutdown::Drain(LONG)).await;
    });
    Gate::open_all();
    let_go(stage).await;
}
