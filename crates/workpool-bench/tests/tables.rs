//! Reports as tables in Markdown.

use std::{fs, path::Path};

use workpool_bench::measure::{Report, Row};

fn report(rows: Vec<Row>) -> Report {
    let (bench, what) = ("peers".into(), "empty jobs".into());
    Report { bench, what, machine: "a machine".into(), rows }
}

fn row(ns_per_job: f64) -> Row {
    Row { name: "a|b".into(), ns_per_job, ..Row::default() }
}

#[test]
fn a_table_has_the_columns_that_its_rows_have() {
    let rows = vec![row(12.34), Row { ratio: Some(1.5), ..row(123_456.0) }];
    let expected = "\
        |  | ns/job | ratio |\n\
        | --- | --: | --: |\n\
        | a\\|b | 12.3 |  |\n\
        | a\\|b | 123,000 | 1.50 |\n\
        \n\
        empty jobs; a machine\n";
    assert_eq!(report(rows).markdown().as_deref(), Ok(expected));
}

#[test]
fn figures_have_three_digits() {
    let figures = [
        (0.0, "0"),
        (0.001_234_5, "0.00123"),
        (0.999_9, "1.00"),
        (9.996, "10.0"),
        (99.96, "100"),
        (999.6, "1,000"),
        (1_234_567.0, "1,230,000"),
    ];
    for (figure, text) in figures {
        let table = report(vec![Row { ratio: Some(figure), ..row(1.0) }]).markdown().unwrap();
        assert!(table.contains(&format!("| {text} |")), "{figure}: {table}");
    }
}

#[test]
fn a_report_without_rows_makes_no_table() {
    let error = report(Vec::new()).markdown().unwrap_err();
    assert!(error.contains("`peers` has no rows"), "{error}");
}

#[test]
fn a_report_is_read_as_it_was_written() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report.json");
    let written = report(vec![Row { p99_ns: Some(2.0), ..row(1.0) }]);
    fs::write(&path, serde_json::to_string(&written).unwrap()).unwrap();
    let read = Report::read(&path).unwrap();
    assert_eq!(read.markdown(), written.markdown());
}

#[test]
fn what_is_no_report_is_named() {
    let error = Report::read(Path::new("no/such.json")).unwrap_err();
    assert!(error.contains("no/such.json"), "{error}");
}
