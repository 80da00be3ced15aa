//! Whether figures that are checked in are held against what is found.

use workpool_bench::measure::{Comparison, Report, Row, compare_counts};

fn row(name: &str, messages: f64, instructions: Option<f64>) -> Row {
    let (name, messages) = (name.into(), Some(messages));
    Row { name, messages, instructions, ..Row::default() }
}

fn compare(expected: &[Row], found: &[Row]) -> Comparison {
    let report = |rows: &[Row]| Report {
        bench: "counts".into(),
        what: String::new(),
        machine: String::new(),
        rows: rows.into(),
    };
    compare_counts(&report(expected), &report(found))
}

fn compare_one(expected: f64, found: f64) -> Comparison {
    compare(&[row("a", 1.0, Some(expected))], &[row("a", 1.0, Some(found))])
}

#[test]
fn what_is_the_same_is_good() {
    let rows = [row("a", 0.008, Some(400.0)), row("b", 2.0, None)];
    assert_eq!(compare(&rows, &rows), Comparison::default());
}

#[test]
fn ten_percent_more_is_let_pass_and_what_is_above_that_is_named() {
    assert_eq!(compare_one(400.0, 439.0), Comparison::default());
    let Comparison { worse, better } = compare_one(400.0, 441.0);
    assert_eq!(worse, ["a: instructions: expected 400, found 441"]);
    assert!(better.is_empty());
}

#[test]
fn what_is_more_than_ten_percent_below_is_said_and_is_good() {
    assert_eq!(compare_one(400.0, 361.0), Comparison::default());
    let Comparison { worse, better } = compare_one(400.0, 359.0);
    assert!(worse.is_empty());
    assert_eq!(better, ["a: instructions: expected 400, found 359"]);
}

#[test]
fn a_single_one_more_or_less_of_what_is_near_zero_is_let_pass() {
    let messages = |expected, found| compare(&[row("a", expected, None)], &[row("a", found, None)]);
    for (expected, found) in [(0.0, 0.00006), (0.0005, 0.00056), (0.00006, 0.0)] {
        assert_eq!(messages(expected, found), Comparison::default(), "{expected} {found}");
    }
    assert_eq!(messages(0.0, 0.0002).worse, ["a: messages: expected 0, found 0.0002"]);
    assert_eq!(messages(0.003, 0.004).worse, ["a: messages: expected 0.003, found 0.004"]);
    assert_eq!(messages(0.003, 0.001).better, ["a: messages: expected 0.003, found 0.001"]);
}

#[test]
fn a_row_or_a_figure_that_is_missing_is_no_good() {
    let rows = [row("a", 1.0, Some(400.0)), row("b", 1.0, Some(400.0))];
    let found = [row("b", 1.0, None)];
    let expected = ["a: the row is missing", "b: instructions are missing"];
    assert_eq!(compare(&rows, &found).worse, expected);
}

#[test]
fn a_row_or_a_figure_that_is_new_is_said() {
    let found = [row("a", 1.0, Some(400.0)), row("b", 1.0, None)];
    let Comparison { worse, better } = compare(&[row("a", 1.0, None)], &found);
    assert!(worse.is_empty());
    assert_eq!(better, ["a: instructions are new", "b: the row is new"]);
}
