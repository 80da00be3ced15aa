//! Reports as pictures.

use roxmltree::Document;
use workpool_bench::measure::{Place, Report, Row, plot};

fn report(bench: &str, rows: Vec<Row>) -> Report {
    Report { bench: bench.into(), what: "what".into(), machine: "a machine".into(), rows }
}

fn row(name: &str, ns_per_job: f64) -> Row {
    Row { name: name.into(), ns_per_job, ..Row::default() }
}

/// Draws it, and checks that every row's name is in the picture, and these texts are to be seen.
fn draws(report: &Report, visible: &[&str]) {
    let svg = plot(report).unwrap_or_else(|error| panic!("{error}"));
    let picture = Document::parse(&svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let texts: Vec<_> = picture.descendants().filter_map(|node| node.text()).collect();
    for row in &report.rows {
        assert!(texts.iter().any(|text| text.contains(&row.name)), "no {} in {texts:?}", row.name);
    }
    let drawn = picture.descendants().filter(|node| node.has_tag_name("text"));
    let drawn: Vec<_> = drawn.filter_map(|node| node.text()).map(str::trim).collect();
    for text in visible {
        assert!(drawn.contains(text), "no {text} in {drawn:?}");
    }
}

#[test]
fn peers_are_marks_with_names_and_figures() {
    let rows = vec![row("bare <&>", 50.0), row("actix-workpool, do_send", 212.34)];
    let visible = ["bare <&>", "actix-workpool, do_send", "50.0 ns", "212 ns"];
    draws(&report("peers", rows), &visible);
}

#[test]
fn parts_are_marks_too() {
    draws(&report("floor", vec![row("a clock read", 25.0)]), &["a clock read", "25.0 ns"]);
}

#[test]
fn grains_are_a_line_for_each_contender() {
    let at = |name: &str, grain: f64| Row {
        grain_us: Some(grain),
        ratio: Some(1.0 + 1.0 / grain),
        ..row(&format!("{name}, {grain} µs"), grain * 1e3)
    };
    let rows = [1.0, 30.0, 1_000.0].iter().flat_map(|grain| {
        [at("rayon, spawn_fifo", *grain), at("actix-workpool, do_send, single", *grain)]
    });
    let visible =
        ["rayon, spawn_fifo", "actix-workpool, do_send, single", "1", "10", "100", "1,000", "50"];
    draws(&report("grains", rows.collect()), &visible);
}

#[test]
fn latencies_stand_under_their_load() {
    let of = |name: &str| Row {
        p50_ns: Some(10_000.0),
        p99_ns: Some(50_000.0),
        p999_ns: Some(2_000_000.0),
        ..row(name, 20_000.0)
    };
    let rows = vec![
        of("idle round trip, threadpool, channel back"),
        of("90 % load, actix-workpool, try_submit"),
    ];
    let visible = [
        "idle round trip",
        "threadpool, channel back",
        "90 % load",
        "actix-workpool, try_submit",
        "p50",
        "p99",
        "p99.9",
    ];
    draws(&report("latency", rows), &visible);
}

#[test]
fn what_grows_has_a_panel_each() {
    let at = |name: &str, panel: &str, line: &str, number: f64| {
        let place = Place { panel: panel.into(), line: line.into(), number };
        Row { place: Some(place), ..row(name, 100.0 + number) }
    };
    let rows = vec![
        at("1 async worker", "workers", "async", 1.0),
        at("256 async workers", "workers", "async", 256.0),
        at("payloads of 0 B", "bytes of payload", "batches", 0.0),
        at("payloads of 1 MiB", "bytes of payload", "batches", 1_048_576.0),
        at("10⁷ queued", "queued", "one by one", 1e7),
    ];
    let visible = [
        "workers",
        "async",
        "1",
        "256",
        "bytes of payload",
        "batches",
        "0",
        "1 Mi",
        "queued",
        "one by one",
        "10 M",
    ];
    draws(&report("scale", rows), &visible);
}

#[test]
fn a_report_without_rows_makes_no_picture() {
    let error = plot(&report("grains", Vec::new())).unwrap_err();
    assert!(error.contains("`grains` has no rows"), "{error}");
}

#[test]
fn rows_without_what_a_picture_needs_make_none() {
    for (bench, lacks) in [("grains", "a grain"), ("latency", "a percentile"), ("scale", "a place")]
    {
        let error = plot(&report(bench, vec![row("some", 1.0)])).unwrap_err();
        assert!(error.contains(lacks), "{error}");
    }
}

#[test]
fn a_bench_without_a_picture_is_named() {
    let error = plot(&report("mutants", vec![row("some", 1.0)])).unwrap_err();
    assert!(error.contains("no picture of `mutants`"), "{error}");
}
