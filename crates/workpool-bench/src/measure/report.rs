//! What a bench has found, as a table or as JSON.

use serde::{Deserialize, Serialize};

use super::machine::machine;

/// What one bench has found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Its name.
    pub bench: String,
    /// What was measured.
    pub what: String,
    /// On what.
    pub machine: String,
    /// The table.
    pub rows: Vec<Row>,
}

/// One line of a table. What was not measured is null; what only some benches measure is not there in
/// the others.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// Whose figures these are.
    pub name: String,
    /// By the clock; 0 where no time was measured.
    pub ns_per_job: f64,
    /// Of the processors, by all threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ns_per_job: Option<f64>,
    /// To what the bench compares with.
    pub ratio: Option<f64>,
    /// Per job.
    pub allocs: Option<f64>,
    /// Times that a thread went to sleep, per job.
    pub sleeps: Option<f64>,
    /// How long the work of a job is, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grain_us: Option<f64>,
    /// Half of all jobs took no longer than this; `ns_per_job` is the mean, and `ratio` is of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ns: Option<f64>,
    /// Of a hundred jobs, 99 took no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ns: Option<f64>,
    /// Of a thousand jobs, 999 took no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p999_ns: Option<f64>,
    /// As `ratio`, of `p99_ns`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ratio: Option<f64>,
    /// The slowest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_ns: Option<f64>,
    /// Of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_job: Option<f64>,
    /// Between the pool's actors and to subscribers, per job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<f64>,
    /// Messages to threads that slept, per job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wake_ups: Option<f64>,
    /// Per job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<f64>,
    /// In a picture of how costs grow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// Where a row stands in a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// What grows.
    pub panel: String,
    /// Which of the lines over that.
    pub line: String,
    /// How far it has grown.
    pub number: f64,
}

impl Row {
    pub(crate) fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    pub(crate) fn at(self, panel: &str, line: &str, number: u64) -> Self {
        let (panel, line, number) = (panel.into(), line.into(), number as f64);
        Self { place: Some(Place { panel, line, number }), ..self }
    }
}

impl Report {
    pub(crate) fn new(bench: &str, what: String, rows: Vec<Row>) -> Self {
        Self { bench: bench.into(), what, machine: machine(), rows }
    }

    /// Prints it, as a table or as one JSON object.
    pub fn print(&self, json: bool) {
        if json {
            match serde_json::to_string(self) {
                Ok(text) => println!("{text}"),
                Err(error) => eprintln!("{error}"),
            }
            return;
        }
        println!("{}: {}; {}", self.bench, self.what, self.machine);
        let columns: Vec<_> = COLUMNS.iter().filter(|column| column.is_in(&self.rows)).collect();
        let titles = columns.iter().map(|column| format!("{:>10} ", column.title));
        println!("{}", titles.collect::<String>().trim_end());
        for row in &self.rows {
            let figures: String = columns.iter().map(|column| column.figure(row)).collect();
            println!("{figures} {}", row.name);
        }
    }
}

/// A column, which not every table has.
pub(super) struct Column {
    pub(super) title: &'static str,
    digits: usize,
    pub(super) value: fn(&Row) -> Option<f64>,
}

const fn column(title: &'static str, digits: usize, value: fn(&Row) -> Option<f64>) -> Column {
    Column { title, digits, value }
}

pub(super) const COLUMNS: &[Column] = &[
    column("ns/job", 1, |row| (row.ns_per_job != 0.0).then_some(row.ns_per_job)),
    column("CPU ns", 1, |row| row.cpu_ns_per_job),
    column("ratio", 2, |row| row.ratio),
    column("allocs", 3, |row| row.allocs),
    column("sleeps", 5, |row| row.sleeps),
    column("p50 ns", 0, |row| row.p50_ns),
    column("p99 ns", 0, |row| row.p99_ns),
    column("p99.9 ns", 0, |row| row.p999_ns),
    column("p99 ratio", 2, |row| row.p99_ratio),
    column("worst ns", 0, |row| row.worst_ns),
    column("bytes/job", 0, |row| row.bytes_per_job),
    column("messages", 5, |row| row.messages),
    column("wake-ups", 5, |row| row.wake_ups),
    column("instr.", 1, |row| row.instructions),
];

impl Column {
    pub(super) fn is_in(&self, rows: &[Row]) -> bool {
        rows.iter().any(|row| (self.value)(row).is_some())
    }

    fn figure(&self, row: &Row) -> String {
        let digits = self.digits;
        match (self.value)(row) {
            Some(value) => format!("{value:>10.digits$} "),
            None => format!("{:>10} ", "-"),
        }
    }
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
