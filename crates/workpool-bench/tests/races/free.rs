use workpool_bench::{scene, sim::Setting};

use crate::support::explore;

#[test]
fn whatever_happens_in_any_order_the_invariants_hold() {
    explore(scene::free);
}

#[test]
fn a_seed_replays_its_run() {
    for seed in 0..50 {
        let [one, other] =
            [(); 2].map(|()| workpool_bench::sim::run(seed, Setting::traced(), scene::free));
        assert_eq!(one.steps, other.steps);
        // Ids of jobs go on from run to run.
        let without_ids = |line: &String| !line.contains("JobId");
        let trace = |report: workpool_bench::sim::Report| {
            report.trace.into_iter().filter(without_ids).collect::<Vec<_>>()
        };
        assert_eq!(trace(one), trace(other));
    }
}
