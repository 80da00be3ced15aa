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

/// One line of a table. What was not measured is not there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// Whose figures these are.
    pub name: String,
    /// By the clock.
    pub ns_per_job: f64,
    /// Of the processors, by all threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ns_per_job: Option<f64>,
    /// To what the bench compares with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Per job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocs: Option<f64>,
    /// Times that a thread went to sleep, per job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sleeps: Option<f64>,
    /// How long the work of a job is, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grain_us: Option<f64>,
    /// Of 1,000 jobs, or submissions, all but one took no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p999_ns: Option<f64>,
    /// The slowest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_ns: Option<f64>,
    /// Of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_job: Option<f64>,
}

type Column = (&'static str, fn(&Row) -> Option<f64>);

/// Shown where any row has them.
const RARE: [Column; 3] = [
    ("p99.9 ns", |row| row.p999_ns),
    ("worst ns", |row| row.worst_ns),
    ("bytes/job", |row| row.bytes_per_job),
];

impl Row {
    pub(crate) fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
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
        let any = |(_, value): &&Column| self.rows.iter().any(|row| value(row).is_some());
        let rare: Vec<_> = RARE.iter().filter(any).collect();
        let heads: String = rare.iter().map(|(head, _)| format!(" {head:>11}")).collect();
        println!(
            "{:>10} {:>10} {:>8} {:>8} {:>9}{heads}",
            "ns/job", "CPU ns", "ratio", "allocs", "sleeps"
        );
        for row in &self.rows {
            let number = |value: Option<f64>, digits| {
                value.map_or_else(|| "-".into(), |value| format!("{value:.digits$}"))
            };
            let figures = rare.iter().map(|(_, value)| format!(" {:>11}", number(value(row), 0)));
            println!(
                "{:>10.1} {:>10} {:>8} {:>8} {:>9}{}  {}",
                row.ns_per_job,
                number(row.cpu_ns_per_job, 1),
                number(row.ratio, 2),
                number(row.allocs, 3),
                number(row.sleeps, 5),
                figures.collect::<String>(),
                row.name
            );
        }
    }
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
