//! The simulator can fail. What it does with faults in the pool itself: see `mutants`.

use workpool_bench::{
    Shutdown,
    check::Kind,
    scene::{Act, Gate, Sent},
};

use crate::support::{is_noticed, let_go, pool, some_work};

#[test]
fn a_ring_that_is_lost_is_noticed() {
    assert!(is_noticed("invariant 6", |sim| async move {
        let (stage, _) = pool(sim, 2).await;
        sim.lose_wake(sim.below(10) as u32);
        stage.submit(Sent::Batch(3), some_work(sim)).await;
        sim.quiet().await;
        let_go(stage).await;
    }));
}

#[test]
fn a_wrong_expectation_is_noticed() {
    assert!(is_noticed("job 1 ended as Some(Succeeded), not Failed", |sim| async move {
        let (stage, _) = pool(sim, 2).await;
        let (job, _) = stage.submit(Sent::Try, some_work(sim)).await;
        sim.quiet().await;
        sim.expect_kind(job, Kind::Failed);
        let_go(stage).await;
    }));
}

#[test]
fn someone_who_waits_for_ever_is_noticed() {
    assert!(is_noticed("waits for ever: [\"one who waits\"]", |sim| async move {
        let (stage, _) = pool(sim, 2).await;
        stage.spawn("one who waits", Gate::closed().wait());
        let_go(stage).await;
    }));
}

#[test]
fn a_thread_that_does_not_end_is_noticed() {
    assert!(is_noticed("threads of the pool are left", |sim| async move {
        let (stage, _) = pool(sim, 1).await;
        stage.submit(Sent::Try, vec![Act::Block(Gate::closed())]).await;
        sim.exhausted().await;
        let _ = stage.shutdown(Shutdown::Now).await;
    }));
}
