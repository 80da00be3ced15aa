use std::{future::Future, time::Duration};

use workpool_bench::{
    scene::{Act, Conduct, Form, Plan, Stage},
    sim::{Setting, Sim, run},
};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// How many schedules each scene is run under.
const SCHEDULES: u64 = 1_000;

/// Runs a scene under many schedules; the first that fails is shown.
pub(crate) fn explore<F: Future<Output = ()> + 'static>(scene: impl Fn(Sim) -> F) {
    for seed in 0..SCHEDULES {
        if let Some(violation) = run(seed, Setting::default(), &scene).violation {
            let trace = run(seed, Setting::traced(), &scene).trace.join("\n");
            panic!("{trace}\nseed {seed}: {violation}");
        }
    }
}

/// Whether the scene fails under one of many schedules, with a violation that begins so.
pub(crate) fn is_noticed<F: Future<Output = ()> + 'static>(
    violation: &str,
    scene: impl Fn(Sim) -> F,
) -> bool {
    let found = |seed| run(seed, Setting::default(), &scene).violation;
    (0..SCHEDULES).filter_map(found).any(|found| found.starts_with(violation))
}

/// A pool of any form with so many seats, each of which can be held up without the others where it
/// blocks, and someone who hears of everything.
pub(crate) async fn pool(sim: Sim, seats: usize) -> (Stage, usize) {
    pool_of(sim, Plan::of(any_form(sim, seats))).await
}

pub(crate) async fn pool_of(sim: Sim, plan: Plan) -> (Stage, usize) {
    let stage = Stage::build(sim, plan);
    let listener = stage.listen(Conduct { drained: true, ..Conduct::default() }).await;
    (stage, listener.map_or(usize::MAX, |(number, _)| number))
}

pub(crate) fn any_form(sim: Sim, seats: usize) -> Form {
    if sim.chance(500) { Form::Async(seats, 1 + sim.below(seats)) } else { Form::Blocking(seats) }
}

/// A job that takes a while, and lets others run.
pub(crate) fn some_work(sim: Sim) -> Vec<Act> {
    vec![Act::Step, Act::Work(MS * sim.below(3) as u32), Act::Step]
}

/// Lets go of a pool, which is to end by itself.
pub(crate) async fn let_go(stage: Stage) {
    let sim = stage.sim;
    stage.let_go();
    sim.quiet().await;
    sim.expect(sim.actors_are_gone(), || "invariant 11: the pool does not end".into());
}
