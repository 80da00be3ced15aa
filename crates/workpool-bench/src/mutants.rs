//! Faults that are put into a copy of the pool, one at a time. A simulator that finds one is worth
//! something; that it finds nothing in the pool as it is says only then that nothing is there.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

struct Mutant {
    what: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const MUTANTS: &[Mutant] = &[
    Mutant {
        what: "the leases of a dead worker are forgotten",
        file: "src/schedule/scheduler/workers.rs",
        from: "wanted, now, port);\n        }\n        self.roster.give_back(leases);",
        to: "wanted, now, port);\n        }\n        drop(leases);",
    },
    Mutant {
        what: "Drained does not wait for what runs",
        file: "src/schedule/scheduler/mod.rs",
        from: "self.dry = dealt.quiet && self.waiting() == 0;",
        to: "self.dry = self.waiting() == 0;",
    },
    Mutant {
        what: "a put does not ring a consumer that sleeps",
        file: "src/lane/mod.rs",
        from: "(Put::Patient | Put::Urgent, Bell::Asleep)",
        to: "(Put::Urgent, Bell::Asleep)",
    },
    Mutant {
        what: "a recall that meets a start takes the pool for dry",
        file: "src/schedule/roster.rs",
        from: "self.surveys[from].running += jobs - moved.len();",
        to: "",
    },
    Mutant {
        what: "a pool is dry although jobs have come back from workers that were held up",
        file: "src/schedule/roster.rs",
        from: "quiet: self.returned.is_empty(),",
        to: "quiet: true,",
    },
    Mutant {
        what: "a worker that was held up rests, and nobody takes back what it had",
        file: "src/lane/station/mod.rs",
        from: "let ring = bench.ring(bench.survey.returns);",
        to: "let ring = bench.ring(false);",
    },
    Mutant {
        what: "an alarm is set to replace a worker of a pool that is over",
        file: "src/schedule/scheduler/mod.rs",
        from: "Phase::Over { .. } => return None,",
        to: "Phase::Over { .. } => None,",
    },
    Mutant {
        what: "whoever leaves the line lets nobody in",
        file: "src/intake/line.rs",
        from: "if self.left {",
        to: "if false {",
    },
    Mutant {
        what: "subscribers after the first get nothing",
        file: "src/deliver/hub.rs",
        from: "            left -= 1;\n",
        to: "            left -= 1;\n            if left + 1 < self.listeners { break; }\n",
    },
    Mutant {
        what: "nobody rings for what an idle worker could start",
        file: "src/schedule/scheduler/mod.rs",
        from: "dealt.live > 0 && !dealt.any_hungry",
        to: "dealt.live > 0",
    },
    Mutant {
        what: "a worker that looks for the last time is not to be rung",
        file: "src/lane/station/mod.rs",
        from: "if found || last || bell == Bell::Rung {",
        to: "if found || bell == Bell::Rung {",
    },
    Mutant {
        what: "a worker that looks on is taken for stuck",
        file: "src/lane/station/mod.rs",
        from: "            bench.note(bench.survey.ahead, at);\n            let found",
        to: "            let found",
    },
    Mutant {
        what: "of several deadlines the last holds",
        file: "src/schedule/ending.rs",
        from: "ended: self.ended.min(other.ended),",
        to: "ended: self.ended.max(other.ended),",
    },
    Mutant {
        what: "a dead worker is not replaced",
        file: "src/schedule/vacancies.rs",
        from: "place.due = Some(now);",
        to: "place.due = None;",
    },
    Mutant {
        what: "a job that is cancelled while it waits has no result",
        file: "src/schedule/scheduler/asks.rs",
        from: "self.roster.withdraw(id) {\n            self.put([job.end(JobError::Cancelled, now.clock)], port);",
        to: "self.roster.withdraw(id) {\n            drop(job);",
    },
    Mutant {
        what: "a lease is dropped as another begins",
        file: "src/lane/bench.rs",
        from: "self.set(seat, next.map_or(or, Seat::Running));",
        to: "self.set(seat, next.map_or(or, Seat::Running)); let _ = self.queue.pop_front();",
    },
    Mutant {
        what: "quiescence is announced before everything is collected",
        file: "src/collector.rs",
        from: "self.collect(Origin::Anywhere, ctx);\n        if !self.delivery.settle(accepted) {",
        to: "let _ = &ctx;\n        if !self.delivery.settle(accepted) {",
    },
    Mutant {
        what: "a pool that nobody holds ends over what was accepted last",
        file: "src/intake/inbox.rs",
        from: "(content.gate.accepted() == accepted).then",
        to: "(content.gate.accepted() >= accepted).then",
    },
    Mutant {
        what: "a seat begins its next job although there are too many",
        file: "src/lane/station/mod.rs",
        from: "let go_on = !bench.returns(at) && !self.surplus.any();",
        to: "let go_on = !bench.returns(at);",
    },
    Mutant {
        what: "a seat that asks does not leave although there are too many",
        file: "src/lane/station/mod.rs",
        from: "if !self.surplus.take() {\n            return None;",
        to: "if true {\n            return None;",
    },
    Mutant {
        what: "seats that were called back are made anew",
        file: "src/schedule/sizing.rs",
        from: "let n = n - self.surplus.cancel(n);",
        to: "let _ = self.surplus.cancel(n);",
    },
    Mutant {
        what: "any number of stuck threads is replaced",
        file: "src/schedule/scheduler/timeouts.rs",
        from: "while self.roster.written_off() < replaced",
        to: "while replaced > 0",
    },
    Mutant {
        what: "nobody is told that a job may time out",
        file: "src/work/post.rs",
        from: "self.ring_dispatcher(self.life.station.watch(deadline));",
        to: "drop(self.life.station.watch(deadline));",
    },
    Mutant {
        what: "keys are overlooked",
        file: "src/job/mod.rs",
        from: "if options.holds_key { None } else { options.key }",
        to: "None.filter(|_: &u64| options.holds_key)",
    },
    Mutant {
        what: "a key is free while its job waits to be tried again",
        file: "src/schedule/scheduler/postponed.rs",
        from: "            jobs += 1;\n",
        to: "            jobs += 1;\n            \
             self.release_keys(ended.result.job().held_key().into_iter().collect());\n",
    },
    Mutant {
        what: "Drained does not wait for what is to be tried again",
        file: "src/schedule/scheduler/postponed.rs",
        from: "self.queue.len() + self.later.len() + self.keys.len()",
        to: "self.queue.len() + self.keys.len()",
    },
    Mutant {
        what: "a job is tried once too often",
        file: "src/schedule/retry.rs",
        from: "attempts == 0 || attempts >= self.attempts",
        to: "attempts == 0 || attempts > self.attempts",
    },
    Mutant {
        what: "a job that is tried again goes to the end of the queue",
        file: "src/schedule/scheduler/postponed.rs",
        from: "self.queue.give_back([Accepted::again(job, to, queued)].into());",
        to: "let mut last = Chunks::new();\n                \
             last.push_back(Accepted::again(job, to, queued));\n                \
             self.queue.append(&mut last);",
    },
    Mutant {
        what: "what is due after the pool's time is waited for",
        file: "src/schedule/scheduler/postponed.rs",
        from: "let late = self.later.take_from(limit);",
        to: "let late = self.later.take_from(limit + std::time::Duration::from_secs(9_000));",
    },
    Mutant {
        what: "a delay is overlooked",
        file: "src/schedule/scheduler/arrivals.rs",
        from: "if let Some(delay) = job.delay() {",
        to: "if let Some(delay) = job.delay().filter(|_| false) {",
    },
    Mutant {
        what: "Drained does not wait for a splitter",
        file: "src/deliver/hub.rs",
        from: "Subscriber::Results(outlet) => outlet.settle(),",
        to: "Subscriber::Results(_) => {}",
    },
    Mutant {
        what: "a splitter that has nothing to send does not say so",
        file: "src/deliver/splitter.rs",
        from: "                incoming.idle = Some(cx.waker().clone());\n",
        to: "",
    },
    Mutant {
        what: "a splitter goes on without its subscriber's arbiter",
        file: "src/deliver/splitter.rs",
        from: "lock(&self.incoming).orphaned = true;",
        to: "",
    },
    Mutant {
        what: "a seat that was woken and leaves wakes no other",
        file: "src/work/post.rs",
        from: "self.ring_dispatcher(self.life.station.vacate(seat));\n        self.wake();",
        to: "self.ring_dispatcher(self.life.station.vacate(seat));",
    },
    Mutant {
        what: "a worker whose leases are on their way back is taken for stuck",
        file: "src/schedule/stuck.rs",
        from: "survey.waiting == 0 || survey.gives_back()",
        to: "survey.waiting == 0",
    },
    Mutant {
        what: "a batch counts as nothing in the order of acceptance",
        file: "src/intake/incoming.rs",
        from: "            self.count += jobs.len() as u64;\n",
        to: "",
    },
];

/// How many schedules a fault must be found in.
const SCHEDULES: &str = "30000";

/// Tries all of them, or those whose description contains `which`.
pub(crate) fn find_all(which: &str) -> ExitCode {
    match try_all(which) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missed) => {
            println!("{missed} of {} were not found", MUTANTS.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn try_all(which: &str) -> io::Result<usize> {
    let target = Path::new("target/mutants");
    fs::create_dir_all(target)?;
    let copy = target.join("workspace");
    let mut missed = 0;
    for mutant in MUTANTS.iter().filter(|mutant| mutant.what.contains(which)) {
        let _ = fs::remove_dir_all(&copy);
        fs::create_dir_all(&copy)?;
        for part in ["Cargo.toml", "Cargo.lock", "src", "crates", "examples"] {
            copy_all(Path::new(part), &copy.join(part))?;
        }
        let file = copy.join(mutant.file);
        let source = fs::read_to_string(&file)?;
        if source.matches(mutant.from).count() != 1 {
            println!("{}: NO LONGER FITS {}", mutant.what, mutant.file);
            missed += 1;
            continue;
        }
        fs::write(&file, source.replace(mutant.from, mutant.to))?;
        missed += usize::from(!find(mutant, &copy, &fs::canonicalize(target)?)?);
    }
    Ok(missed)
}

/// Copies files and folders; a symbolic link becomes what it leads to.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let name: PathBuf = entry?.file_name().into();
        copy_all(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}

fn find(mutant: &Mutant, copy: &Path, target: &Path) -> io::Result<bool> {
    let cargo = |what: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(copy).env("CARGO_TARGET_DIR", target.join("target"));
        cargo.args(what).args(["--quiet", "--package", "workpool-bench"]);
        cargo
    };
    // The scenes first: they go where free runs rarely do. (The test below would not find what was replaced.)
    let tested = cargo(&["test", "--test", "*"]).env("RUSTFLAGS", "-Awarnings").output()?;
    let text = String::from_utf8_lossy(&tested.stdout).into_owned();
    let failed = text.lines().find(|line| line.starts_with("seed "));
    if let Some(seed) = failed {
        println!("{}: a scene, {seed}", mutant.what);
        return Ok(true);
    }
    if !tested.status.success() {
        let text = String::from_utf8_lossy(&tested.stderr).into_owned();
        return Err(io::Error::other(format!("{}: {text}", mutant.what)));
    }
    let run = cargo(&["run"])
        .env("RUSTFLAGS", "-Awarnings")
        .args(["--", "simulate", "--schedules", SCHEDULES])
        .output()?;
    let printed = String::from_utf8_lossy(&run.stdout);
    let seed = printed.lines().find(|line| line.starts_with("seed "));
    let found = !run.status.success() && seed.is_some();
    println!("{}: {}", mutant.what, seed.unwrap_or("NOT FOUND"));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_mutant_replaces_stands_in_its_file_once() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for Mutant { what, file, from, .. } in MUTANTS {
            let source = fs::read_to_string(root.join(file)).unwrap();
            assert_eq!(source.matches(from).count(), 1, "{what}: {file}");
        }
    }
}
