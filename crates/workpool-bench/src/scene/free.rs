//! A run in which anything may happen.

use std::time::Duration;

use crate::sim::Sim;

use super::{
    errand::Errand,
    listener::{Conduct, Told},
    plan::Plan,
    stage::Stage,
    submit::Sent,
    task::{Act, Gate},
};

/// How the run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    LetGo,
    Shutdown(usize),
    System,
    Crash,
}

/// A pool of any kind, used by several in any way, with anything going wrong, that ends in any way.
pub async fn free(sim: Sim) {
    let plan = Plan::any(sim);
    let stage = Stage::build(sim, plan);
    let ending = match sim.below(10) {
        0..3 => Ending::LetGo,
        3..8 => Ending::Shutdown(1 + sim.below(3)),
        8 => Ending::System,
        _ => Ending::Crash,
    };
    listeners(&stage, plan, ending).await;
    let brisk = sim.chance(300);
    let stays_shut = matches!(ending, Ending::Shutdown(_)) && sim.chance(400);
    for _ in 0..1 + sim.below(3) {
        stage.spawn("a client", client(stage.clone(), brisk));
    }
    if sim.chance(500) {
        stage.spawn("trouble", trouble(stage.clone(), plan));
    }
    if sim.chance(150) {
        let stage = stage.clone();
        stage.clone().spawn("one who resizes", async move {
            for _ in 0..1 + stage.sim.below(3) {
                stage.sim.while_others_run().await;
                stage.resize(1 + stage.sim.below(4)).await;
            }
        });
    }
    if sim.chance(700) {
        sim.exhausted().await;
    } else {
        sim.while_others_run().await;
    }
    if !stays_shut {
        Gate::open_all();
    }
    end(stage, ending).await;
    sim.quiet().await;
    Gate::open_all();
    sim.quiet().await;
    sim.expect(sim.actors_are_gone(), || "invariant 10: the pool's actors are left".into());
}

async fn listeners(stage: &Stage, plan: Plan, ending: Ending) {
    let sim = stage.sim;
    if sim.chance(900) {
        // Someone who stays, so that the books know how every job ends.
        stage.listen(Conduct { drained: true, ..Conduct::default() }).await;
    }
    for _ in 0..sim.below(3) {
        let conduct = any_conduct(sim, plan, ending);
        let Some(subscription) = stage.listen(conduct).await else { continue };
        if sim.chance(250) {
            let stage = stage.clone();
            stage.clone().spawn("one who leaves", async move {
                for _ in 0..stage.sim.below(8) {
                    stage.sim.while_others_run().await;
                }
                stage.stop_listening(subscription).await;
            });
        }
        if conduct.weak && sim.chance(600) {
            let stage = stage.clone();
            stage.clone().spawn("one who lets go of a listener", async move {
                for _ in 0..stage.sim.below(8) {
                    stage.sim.while_others_run().await;
                }
                stage.let_go_of(subscription.0);
            });
        }
    }
    if sim.chance(250) {
        let reader = stage.stream(1 + sim.below(3));
        stage.spawn("a reader", reader.read_on(sim));
    }
}

fn any_conduct(sim: Sim, plan: Plan, ending: Ending) -> Conduct {
    // What lies in the mailbox of one who stops is dropped by actix, in one unwind.
    let may_stop = !plan.explosive;
    let at = |per_mille| (may_stop && sim.chance(per_mille)).then(|| 1 + sim.below(4) as u64);
    let window = sim.chance(350).then(|| 1 + sim.below(3));
    let told = [None, Some(Told::Itself), Some(Told::Itself), Some(Told::Another)][sim.below(4)];
    Conduct {
        batches: sim
            .chance(300)
            .then(|| (1 + sim.below(3), Duration::from_millis([0, 1, 50][sim.below(3)]))),
        drained: sim.chance(600),
        window,
        misses: window.and(told),
        weak: may_stop && sim.chance(250),
        blocks: None,
        panics_at: at(100),
        stops_at: at(100),
        // Such a one holds the pool, and would keep it from ending by itself.
        submits: if ending != Ending::LetGo && sim.chance(200) { 2 } else { 0 },
    }
}

/// Any job: most are plain ones.
fn any_errand(sim: Sim, brisk: bool) -> Errand {
    let pauses = [0, 400, 2_000, 60_000].map(Duration::from_micros);
    Errand {
        acts: any_acts(sim, 0, brisk),
        timeout: sim.chance(150).then(|| pauses[sim.below(3)]),
        delay: sim.chance(150).then(|| pauses[sim.below(4)]),
        key: sim.chance(300).then(|| sim.below(2) as u8),
    }
}

/// Anything that a job may do. Brisk jobs take no time, but for one that holds up its worker now and
/// then: workers are supplied ahead of time with such, and leases are recalled.
fn any_acts(sim: Sim, depth: usize, brisk: bool) -> Vec<Act> {
    if brisk {
        return match sim.below(12) {
            0 => vec![Act::Step, Act::Block(Gate::closed())],
            1 => vec![Act::Step, Act::Submit(vec![Act::Step])],
            2 => vec![[Act::Fail, Act::Panic][sim.below(2)].clone()],
            some => vec![Act::Step; some % 3],
        };
    }
    (0..sim.below(4))
        .map(|_| match sim.below(24) {
            0..6 => Act::Step,
            6..9 => Act::Work(Duration::from_micros(sim.below(2_500) as u64)),
            9..11 => Act::Sleep(Duration::from_micros(sim.below(3_000) as u64)),
            11 | 12 if depth < 2 => Act::Submit(any_acts(sim, depth + 1, false)),
            13 | 14 => Act::Wait(Gate::closed()),
            15 => Act::Block(Gate::closed()),
            16 => Act::StopThread,
            17 => Act::Fail,
            18 => Act::Panic,
            22 => Act::Fail.at_first(),
            23 => [Act::Panic, Act::StopThread, Act::Wait(Gate::closed())][sim.below(3)]
                .clone()
                .at_first(),
            _ => Act::Step,
        })
        .collect()
}

async fn client(stage: Stage, brisk: bool) {
    let sim = stage.sim;
    for _ in 0..1 + sim.below(6) {
        if sim.chance(300) {
            sim.while_others_run().await;
        }
        let sent = match brisk && sim.chance(500) {
            true => Sent::Batch(4 + sim.below(8)),
            false => Sent::ALL[sim.below(Sent::ALL.len())],
        };
        match sim.below(11) {
            0..5 => {
                let (_, answer) = stage.begin(sent, any_errand(sim, brisk));
                stage.spawn("a submitter", async move { _ = answer.await });
            }
            5 | 6 if !matches!(sent, Sent::DoSend | Sent::Send) => {
                let (_, answer) =
                    stage.begin_unless(sent, any_errand(sim, brisk), sim.while_others_run());
                stage.spawn("an impatient submitter", async move { _ = answer.await });
            }
            7 => {
                let stage = stage.clone();
                stage.clone().spawn("one who drains", async move { _ = stage.drain().await });
            }
            8 => drop(stage.status().await),
            9 => {
                let errands = (0..1 + sim.below(5)).map(|_| any_errand(sim, brisk)).collect();
                let (buffer, at_most) = (1 + sim.below(3), [usize::MAX, 2][sim.below(2)]);
                let flow = stage.clone();
                stage.spawn("a stream of jobs", async move {
                    flow.process(errands, buffer, at_most).await;
                });
            }
            _ => {
                let job = 1 + sim.below(12) as u64;
                stage.cancel(job).await;
            }
        }
    }
}

/// Workers die, threads are not granted, the pool is paused, time passes.
async fn trouble(stage: Stage, plan: Plan) {
    let sim = stage.sim;
    for _ in 0..1 + sim.below(4) {
        sim.while_others_run().await;
        match sim.below(8) {
            0 | 1 => _ = sim.stop_worker(sim.below(Stage::threads(&plan))),
            2 => sim.deny_threads(1 + sim.below(2) as u32),
            3 => sim.pass(Duration::from_micros(sim.below(4_000) as u64)),
            4 => {
                stage.pause().await;
                sim.while_others_run().await;
                stage.resume().await;
            }
            5 => sim.advance(Duration::from_millis(sim.below(300) as u64)),
            _ => {
                stage.resize(sim.below(5)).await;
                sim.while_others_run().await;
                // None at all would keep those waiting who drain, for ever.
                stage.resize(1 + sim.below(4)).await;
            }
        }
    }
}

async fn end(stage: Stage, ending: Ending) {
    let sim = stage.sim;
    match ending {
        Ending::LetGo => stage.let_go(),
        Ending::Shutdown(times) => {
            for _ in 0..times {
                let stage = stage.clone();
                stage.clone().spawn("one who shuts down", async move {
                    stage.sim.while_others_run().await;
                    let report = stage.shutdown(stage.any_shutdown()).await;
                    stage.sim.expect(report.is_ok(), || "a shutdown has no report".into());
                });
            }
        }
        Ending::System => {
            sim.stop_system(sim.chance(500));
            Gate::open_all();
            // A worker who was hired at that very moment may still work.
            stage.shuts_down_somehow();
        }
        Ending::Crash => {
            match sim.below(3) {
                0 => sim.kill_dispatcher(),
                1 => sim.kill_collector(),
                _ => sim.break_clock(sim.below(20) as u32),
            }
            Gate::open_all();
            // Where the clock was not read often enough to break.
            stage.shuts_down_somehow();
        }
    }
}

impl Stage {
    /// Ends what is left of a pool, which may have ended already.
    fn shuts_down_somehow(self) {
        self.clone().spawn("one who shuts down", async move {
            let _ = self.shutdown(self.any_shutdown()).await;
        });
    }
}
