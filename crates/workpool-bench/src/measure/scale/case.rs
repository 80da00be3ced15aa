//! What is measured together, and how its figures become rows.

use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::measure::{
    load::Measured,
    report::{Row, median},
};

/// What one run of a case has found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Found {
    /// The same in every run.
    pub(super) rows: Vec<Row>,
    /// What explains them.
    pub(super) note: Option<String>,
}

impl Found {
    pub(super) fn row(row: Row) -> Self {
        Self { rows: vec![row], note: None }
    }
}

type Run = Box<dyn Fn() -> Result<Found, String>>;

/// What one run measures.
pub(super) struct Case {
    pub(super) name: String,
    /// The case whose rows these are compared with.
    pub(super) base: Option<String>,
    run: Run,
    alone: bool,
}

impl Case {
    pub(super) fn new(
        name: impl Into<String>,
        run: impl Fn() -> Result<Found, String> + 'static,
    ) -> Self {
        Self { name: name.into(), base: None, run: Box::new(run), alone: false }
    }

    pub(super) fn beside(self, base: impl Into<String>) -> Self {
        Self { base: Some(base.into()), ..self }
    }

    /// In a process of its own: an allocator keeps what it has been given, and would give it to the
    /// next case without a page fault, and without a trace in the size of the process.
    pub(super) fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    pub(super) fn run(&self) -> Result<Found, String> {
        let found = if self.alone { in_child(&self.name) } else { self.run_here() };
        found.map_err(|error| format!("{}: {error}", self.name))
    }

    pub(super) fn run_here(&self) -> Result<Found, String> {
        (self.run)()
    }
}

/// Has this program run one case, and takes what that prints.
fn in_child(name: &str) -> Result<Found, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(program);
    child.args(["scale-alone", name]).stderr(Stdio::inherit());
    let output = child.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("its process failed: {}", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// What these runs of so many jobs in all have cost a job.
pub(super) fn row(name: impl Into<String>, jobs: u64, runs: &[Measured]) -> Row {
    let of = |value: fn(&Measured) -> f64| runs.iter().map(value).sum::<f64>() / jobs as f64;
    Row {
        ns_per_job: of(|run| run.took.as_nanos() as f64),
        cpu_ns_per_job: Some(of(|run| run.used.cpu.as_nanos() as f64)),
        sleeps: Some(of(|run| run.used.sleeps as f64)),
        ..Row::named(name)
    }
}

/// The median of each figure of each row; of what is the worst, the worst.
pub(super) fn medians(runs: &[Found]) -> Vec<Row> {
    let Some(first) = runs.first() else { return Vec::new() };
    let nth = |n: usize| {
        let rows: Vec<&Row> = runs.iter().filter_map(|run| run.rows.get(n)).collect();
        let of = |value: fn(&Row) -> Option<f64>| {
            let values: Vec<f64> = rows.iter().filter_map(|row| value(row)).collect();
            (!values.is_empty()).then(|| median(values.into_iter()))
        };
        Row {
            ns_per_job: of(|row| Some(row.ns_per_job)).unwrap_or(f64::NAN),
            cpu_ns_per_job: of(|row| row.cpu_ns_per_job),
            sleeps: of(|row| row.sleeps),
            p999_ns: of(|row| row.p999_ns),
            worst_ns: rows.iter().filter_map(|row| row.worst_ns).reduce(f64::max),
            bytes_per_job: of(|row| row.bytes_per_job),
            place: first.rows[n].place.clone(),
            ..Row::named(first.rows[n].name.clone())
        }
    };
    (0..first.rows.len()).map(nth).collect()
}

/// "1 worker", "2 workers".
pub(super) fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
