//! Whether a job takes more than it did.

use std::path::Path;

use crate::measure::report::{Report, Row};

/// How much more a job may take, and how much less is worth taking down: the compiler and the C library
/// make instructions differ by a few percent.
const TOLERANCE: f64 = 0.1;

/// So much more of anything per job is no matter, however few there were: a single one more or less in all
/// the jobs of a run.
const SLACK: f64 = 0.000_1;

/// What differs between two reports, in words: row, figure, what was expected, what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Figures that are too high, and rows and figures that are missing.
    pub worse: Vec<String>,
    /// Figures that are much lower, and rows and figures that are new.
    pub better: Vec<String>,
}

type Figure = (&'static str, fn(&Row) -> Option<f64>);

const FIGURES: [Figure; 4] = [
    ("allocations", |row| row.allocs),
    ("messages", |row| row.messages),
    ("wake-ups", |row| row.wake_ups),
    ("instructions", |row| row.instructions),
];

/// Compares what was found with the figures in `file`, of the rows whose names contain `only`. What is
/// better is said, and changes nothing.
///
/// # Errors
/// A figure is more than 10 % above that in the file, and by more than a single one in a run, or one is missing.
pub fn check_counts(found: &Report, file: &Path, only: &str) -> Result<Option<String>, String> {
    let name = file.display();
    let expected = Report::read(file)?;
    let rows = expected.rows.into_iter().filter(|row| row.name.contains(only)).collect();
    let Comparison { worse, better } = compare_counts(&Report { rows, ..expected }, found);
    if !worse.is_empty() {
        return Err(format!("{name}, per job:\n{}", worse.join("\n")));
    }
    let renew = || format!("{name} can be renewed, per job:\n{}", better.join("\n"));
    Ok((!better.is_empty()).then(renew))
}

/// Compares every figure of every row.
#[must_use]
pub fn compare_counts(expected: &Report, found: &Report) -> Comparison {
    let mut comparison = Comparison::default();
    let named = |rows: &[Row], name: &str| rows.iter().find(|row| row.name == name).cloned();
    for row in &expected.rows {
        match named(&found.rows, &row.name) {
            Some(found) => comparison.compare(row, &found),
            None => comparison.worse.push(format!("{}: the row is missing", row.name)),
        }
    }
    let is_new = |row: &&Row| named(&expected.rows, &row.name).is_none();
    let new = found.rows.iter().filter(is_new).map(|row| format!("{}: the row is new", row.name));
    comparison.better.extend(new);
    comparison
}

impl Comparison {
    fn compare(&mut self, expected: &Row, found: &Row) {
        for (figure, of) in FIGURES {
            let (is, name) = ((of(expected), of(found)), &expected.name);
            match is {
                (None, None) => {}
                (Some(_), None) => self.worse.push(format!("{name}: {figure} are missing")),
                (None, Some(_)) => self.better.push(format!("{name}: {figure} are new")),
                (Some(expected), Some(found)) => {
                    let margin = (expected * TOLERANCE).max(SLACK);
                    let says = || format!("{name}: {figure}: expected {expected}, found {found}");
                    if found > expected + margin {
                        self.worse.push(says());
                    } else if found < expected - margin {
                        self.better.push(says());
                    }
                }
            }
        }
    }
}
