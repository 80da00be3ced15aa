//! The program that counts, by itself and under callgrind.

use std::{
    env,
    ops::Sub,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one run came to in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Of memory.
    pub allocations: u64,
    /// Between actors, and to subscribers.
    pub messages: u64,
    /// Messages to threads that slept.
    pub wake_ups: u64,
}

impl Sub for Counted {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            allocations: self.allocations - other.allocations,
            messages: self.messages - other.messages,
            wake_ups: self.wake_ups - other.wake_ups,
        }
    }
}

const NAME: &str = "one-thread";

pub(super) struct Program(PathBuf);

impl Program {
    /// Has cargo build it.
    pub(super) fn build() -> Result<Self, String> {
        let cargo = env::var_os("CARGO").ok_or("start this by cargo, which builds what counts")?;
        let mut build = Command::new(cargo);
        build.args(["build", "--release", "--quiet", "--package", "workpool-bench", "--bin", NAME]);
        let built = output(build.arg("--message-format=json-render-diagnostics"))?;
        let executable = |line: &str| {
            let message: Value = serde_json::from_str(line).ok()?;
            let is_it = message["target"]["name"] == NAME;
            is_it.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
        };
        let path = built.stdout.lines().find_map(executable);
        Ok(Self(path.ok_or("cargo does not say where it has built what counts")?))
    }

    /// The names of all cases.
    pub(super) fn cases(&self) -> Result<Vec<String>, String> {
        let printed = output(&mut Command::new(&self.0))?.stdout;
        Ok(printed.lines().map(String::from).collect())
    }

    pub(super) fn count(&self, case: &str, jobs: u64) -> Result<Counted, String> {
        let printed = output(Command::new(&self.0).args([case, &jobs.to_string()]))?.stdout;
        serde_json::from_str(&printed).map_err(|error| error.to_string())
    }
}

pub(super) struct Callgrind {
    pub(super) version: String,
}

impl Callgrind {
    /// `None` where valgrind is not installed.
    pub(super) fn find() -> Option<Self> {
        let version = output(Command::new("valgrind").arg("--version")).ok()?.stdout;
        Some(Self { version: version.trim().into() })
    }

    /// All that a run executes.
    pub(super) fn instructions(
        &self,
        program: &Program,
        case: &str,
        jobs: u64,
    ) -> Result<u64, String> {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        let said = output(valgrind.arg(&program.0).args([case, &jobs.to_string()]))?.stderr;
        let collected = said.lines().find_map(|line| line.split_once("Collected :"));
        let collected = collected.and_then(|(_, number)| number.trim().parse().ok());
        collected.ok_or_else(|| format!("callgrind does not say what it has collected: {said}"))
    }
}

pub(in crate::measure) struct Output {
    pub(in crate::measure) stdout: String,
    stderr: String,
}

/// Runs a program to its end, which must be a success.
pub(in crate::measure) fn output(command: &mut Command) -> Result<Output, String> {
    let name = command.get_program().to_owned();
    let name = name.to_string_lossy();
    let ended = command.stdin(Stdio::null()).output();
    let ended = ended.map_err(|error| format!("{name}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&ended.stdout), text(&ended.stderr));
    if ended.status.success() {
        Ok(Output { stdout, stderr })
    } else {
        Err(format!("{name}: {}: {}", ended.status, stderr.trim()))
    }
}
