//! The example `checksum` on many small files and a few large ones, beside tools that do the same.

use std::{
    env,
    fmt::Display,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use fastrand::Rng;
use serde_json::Value;

use super::{
    peers::WORKERS,
    report::{Report, Row, median},
    usage::Usage,
};

const SMALL_FILES: usize = 20_000;
/// In bytes: files have any size up to it.
const SMALL: usize = 16 * 1024;
const LARGE_FILES: usize = 4;
const LARGE: usize = 64 * 1024 * 1024;

/// Folders in the root, folders in each of these, and how many files each of those has.
const OUTER: usize = 20;
const INNER: usize = 10;
const IN_FOLDER: usize = SMALL_FILES / OUTER / INNER;

/// With what the example is compared.
const TOOLS: [&str; 2] = ["sha256sum", "openssl dgst -sha256 -r"];

/// Runs the example and the tools once in each round, on files that are in the page cache.
///
/// # Errors
/// The files cannot be written, the example not be built, a tool is missing or fails, or one of them
/// prints other sums.
pub fn checksum(rounds: usize) -> Result<Report, String> {
    let dir = tempfile::tempdir().map_err(|error| format!("a temporary folder: {error}"))?;
    let tree = dir.path().join("tree");
    let bytes = plant(&tree).map_err(|error| format!("{}: {error}", tree.display()))?;
    let bench = Bench { example: build()?, tree, output: dir.path().join("output") };

    let length = bench.compare()?;
    let rounds_run = (0..rounds).map(|_| bench.round(length)).collect::<Result<Vec<_>, _>>()?;
    let what = format!(
        "{SMALL_FILES} files of 0 to {} KiB and {LARGE_FILES} of {} MiB, {} MB in all, in the page \
         cache; ns per file, medians of {rounds} rounds; ratios are the example's time to that of a \
         tool, in the same round",
        SMALL / 1024,
        LARGE / 1024 / 1024,
        bytes / 1_000_000,
    );
    Ok(Report::new("checksum", what, rows(&rounds_run)))
}

/// Writes the files, the same ones every time, and returns how many bytes they have.
fn plant(tree: &Path) -> io::Result<usize> {
    let (mut rng, mut content, mut bytes) = (Rng::with_seed(0), vec![0; LARGE], 0);
    let mut write = |path: PathBuf, size| {
        rng.fill(&mut content[..size]);
        bytes += size;
        fs::write(path, &content[..size])
    };
    let mut sizes = Rng::with_seed(1);
    for outer in 0..OUTER {
        let outer_path = tree.join(format!("{outer:02}"));
        for inner in 0..INNER {
            let folder = outer_path.join(format!("{inner:02}"));
            fs::create_dir_all(&folder)?;
            for file in 0..IN_FOLDER {
                write(folder.join(format!("{file:03}")), sizes.usize(..=SMALL))?;
            }
        }
        // Apart from each other, so that no process of a tool is given all of them.
        if outer % (OUTER / LARGE_FILES) == 0 {
            write(outer_path.join("large"), LARGE)?;
        }
    }
    Ok(bytes)
}

/// Has cargo build the example, and returns its path.
fn build() -> Result<PathBuf, String> {
    let cargo = env::var_os("CARGO").ok_or("cargo builds the example: run this by `cargo run`")?;
    let mut cargo = Command::new(cargo);
    cargo.args(["build", "--release", "--quiet", "--package", "actix-workpool"]);
    cargo.args(["--example", "checksum", "--message-format", "json-render-diagnostics"]);
    let built = cargo.stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
    let messages = String::from_utf8_lossy(&built.stdout);
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "checksum")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| format!("cargo did not build the example: {}", built.status))
}

/// What one run has taken.
#[derive(Clone, Copy)]
struct Taken {
    time: Duration,
    cpu: Duration,
}

/// Of the example, and of each tool.
struct Round {
    example: Taken,
    tools: [Taken; TOOLS.len()],
}

struct Bench {
    example: PathBuf,
    tree: PathBuf,
    output: PathBuf,
}

impl Bench {
    /// Runs all once, which also brings the files into the page cache, and compares what they print.
    /// Returns how long that is.
    fn compare(&self) -> Result<u64, String> {
        self.run(&mut self.example(), &"the example")?;
        let ours = self.sums()?;
        for tool in TOOLS {
            // One process at a time: openssl writes parts of lines, which two would mix up.
            self.run(&mut self.tool(tool, 1), &tool)?;
            if self.sums()? != ours {
                return Err(format!("{tool} prints other sums than the example"));
            }
        }
        self.length()
    }

    fn round(&self, length: u64) -> Result<Round, String> {
        let run = |mut command, name: &str| match self.run(&mut command, &name)? {
            taken if self.length()? == length => Ok(taken),
            _ => Err(format!("{name} prints more or less than before")),
        };
        let example = run(self.example(), "the example")?;
        let [sha256sum, openssl] = TOOLS.map(|tool| run(self.tool(tool, WORKERS), tool));
        Ok(Round { example, tools: [sha256sum?, openssl?] })
    }

    fn example(&self) -> Command {
        let mut command = Command::new(&self.example);
        command.args(["--workers", &WORKERS.to_string()]).arg(&self.tree);
        command
    }

    fn tool(&self, tool: &str, processes: usize) -> Command {
        let mut shell = Command::new("sh");
        let script = format!(r#"find "$1" -type f -print0 | xargs -0 -P{processes} -n64 {tool}"#);
        shell.args(["-c", &script, "sh"]).arg(&self.tree);
        shell
    }

    /// Runs a command into the output file.
    fn run(&self, command: &mut Command, name: &dyn Display) -> Result<Taken, String> {
        let failed = |why: &dyn Display| format!("{name}: {why}");
        let output = File::create(&self.output).map_err(|error| failed(&error))?;
        let (before, started) = (Usage::of_children(), Instant::now());
        let status = command.stdin(Stdio::null()).stdout(output).status();
        let (time, used) = (started.elapsed(), Usage::of_children() - before);
        match status {
            Ok(status) if status.success() => Ok(Taken { time, cpu: used.cpu }),
            Ok(status) => Err(failed(&status)),
            Err(error) => Err(failed(&error)),
        }
    }

    fn length(&self) -> Result<u64, String> {
        fs::metadata(&self.output).map(|output| output.len()).map_err(|error| error.to_string())
    }

    /// The sums and paths in the output file, sorted.
    fn sums(&self) -> Result<Vec<String>, String> {
        let output = fs::read_to_string(&self.output).map_err(|error| error.to_string())?;
        // Between the two, openssl and sha256sum differ.
        let mut sums: Vec<_> = output.lines().map(|line| line.replacen(" *", "  ", 1)).collect();
        sums.sort_unstable();
        Ok(sums)
    }
}

fn rows(rounds: &[Round]) -> Vec<Row> {
    let of = |value: &dyn Fn(&Round) -> f64| median(rounds.iter().map(value));
    let row = |name: String, taken: &dyn Fn(&Round) -> Taken| Row {
        ns_per_job: of(&|round| per_file(taken(round).time)),
        cpu_ns_per_job: Some(of(&|round| per_file(taken(round).cpu))),
        ..Row::named(name)
    };
    let tool = |(n, name): (usize, &str)| {
        let ratio =
            |round: &Round| round.example.time.as_secs_f64() / round.tools[n].time.as_secs_f64();
        Row {
            ratio: Some(of(&ratio)),
            ..row(format!("find | xargs -P{WORKERS} -n64 {name}"), &|round| round.tools[n])
        }
    };
    let example = row(format!("checksum --workers {WORKERS}"), &|round| round.example);
    [example].into_iter().chain(TOOLS.into_iter().enumerate().map(tool)).collect()
}

fn per_file(time: Duration) -> f64 {
    time.as_nanos() as f64 / (SMALL_FILES + LARGE_FILES) as f64
}
