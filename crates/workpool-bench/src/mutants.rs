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
        what: "a result is put after its seat has asked for more",
        file: "src/work/post.rs",
        from: "self.put(result, more);\n        \
               // What was handed out meanwhile begins now: the result is in the outbox.\n        \
               match another || (!pause && self.ask(seat, hand, run)) {",
        to: "let next = another || (!pause && self.ask(seat, hand, run));\n        \
             self.put(result, more);\n        match next {",
    },
    Mutant {
        what: "the leases of a dead worker are forgotten",
        file: "src/schedule/scheduler.rs",
        from: "Lost, now)), port);\n        self.give_back(leases);",
        to: "Lost, now)), port);\n        drop(leases);",
    },
    Mutant {
        what: "Drained does not wait for what runs",
        file: "src/schedule/scheduler.rs",
        from: "self.dry = dealt.quiet && self.queue.is_empty();",
        to: "self.dry = self.queue.is_empty();",
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
        what: "a result that is on its way is forgotten when its seat is given up",
        file: "src/schedule/roster.rs",
        from: "quiet: !on_its_way && ",
        to: "quiet: ",
    },
    Mutant {
        what: "an alarm is set to replace a worker of a pool that is over",
        file: "src/schedule/scheduler.rs",
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
        what: "the last of several subscribers is forgotten",
        file: "src/deliver/hub.rs",
        from: "let Some(mine) = result.take() else { break };",
        to: "let Some(mine) = result.take().filter(|_| left == 0 || left > 1) else { break };",
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
        file: "src/schedule/scheduler.rs",
        from: "self.put([job.end(JobError::Cancelled, now.clock)], port);",
        to: "drop(job);",
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
        from: "self.collect(None, ctx);\n        if !self.delivery.settle(accepted) {",
        to: "let _ = &ctx;\n        if !self.delivery.settle(accepted) {",
    },
    Mutant {
        what: "a pool that nobody holds ends over what was accepted last",
        file: "src/intake/inbox.rs",
        from: "(content.gate.accepted() == accepted).then",
        to: "(content.gate.accepted() >= accepted).then",
    },
];

/// How many schedules a fault must be found in.
const SCHEDULES: &str = "30000";

/// Tries all of them.
pub(crate) fn find_all() -> ExitCode {
    match try_all() {
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

fn try_all() -> io::Result<usize> {
    let target = Path::new("target/mutants");
    fs::create_dir_all(target)?;
    let copy = target.join("workspace");
    let mut missed = 0;
    for mutant in MUTANTS {
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
    // The scenes first: they go where free runs rarely do.
    let tested = cargo(&["test"]).env("RUSTFLAGS", "-Awarnings").output()?;
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
