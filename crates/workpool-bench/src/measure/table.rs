//! A report that was written as JSON, as a table in Markdown.

use std::{fs, path::Path};

use super::report::{COLUMNS, Report};

impl Report {
    /// Reads what [`print`](Report::print) has written as JSON.
    ///
    /// # Errors
    /// There is no such file, or no report in it.
    pub fn read(path: &Path) -> Result<Self, String> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| named(&error))?;
        serde_json::from_str(&text).map_err(|error| named(&error))
    }

    /// Its rows, with those columns that any of them has, and what they are under them.
    ///
    /// # Errors
    /// It has no rows.
    pub fn markdown(&self) -> Result<String, String> {
        if self.rows.is_empty() {
            return Err(self.without_rows());
        }
        let columns: Vec<_> = COLUMNS.iter().filter(|column| column.is_in(&self.rows)).collect();
        let titles = columns.iter().map(|column| column.title.to_owned());
        let rules = columns.iter().map(|_| "--:".to_owned());
        let mut lines = vec![line("", titles), line("---", rules)];
        for row in &self.rows {
            let figures = columns.iter().map(|column| (column.value)(row));
            let figures = figures.map(|figure| figure.map_or(String::new(), three_digits));
            lines.push(line(&row.name, figures));
        }
        Ok(format!("{}\n{}; {}\n", lines.concat(), self.what, self.machine))
    }

    pub(super) fn without_rows(&self) -> String {
        format!("the report of `{}` has no rows: did `--only` fit none?", self.bench)
    }
}

fn line(name: &str, figures: impl Iterator<Item = String>) -> String {
    let figures: String = figures.map(|figure| format!(" {figure} |")).collect();
    format!("| {} |{figures}\n", name.replace('|', "\\|"))
}

/// "0.00123", "12.3", "1,230": a bench knows no more.
pub(super) fn three_digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    // By way of the exponent, since rounding may add a digit: 99.96 is 100.
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    let decimals = 2 - rounded.abs().log10().floor() as i32;
    let text = format!("{rounded:.*}", usize::try_from(decimals).unwrap_or(0));
    match text.split_once('.') {
        Some(_) => text,
        None => by_thousands(&text),
    }
}

fn by_thousands(digits: &str) -> String {
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        let left = digits.len() - n;
        if n > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
