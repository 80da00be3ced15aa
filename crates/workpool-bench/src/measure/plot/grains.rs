//! How efficient a contender is, by the length of a job, a line for each.

use plotters::coord::types::RangedCoordf64;

use crate::measure::{grains, report::Report};

use super::{
    HEAD, WIDTH,
    axis::{axis_at, can_stand, plain, span},
    lines::{Axes, Line, graph, legend, the},
    nothing_to_draw, sheet,
    style::{is_ours, width},
};

const HEIGHT: u32 = 540;

pub(super) fn draw(report: &Report) -> Result<String, String> {
    let lines = lines(report);
    let points = || lines.iter().flat_map(|line| &line.points);
    let (Some(grains), Some((_, most))) =
        (span(points().map(|(grain, _)| *grain)), span(points().map(|(_, share)| *share)))
    else {
        return Err(nothing_to_draw(report, "a grain and a ratio"));
    };
    let axes = Axes {
        x: axis_at(&powers_of_ten(grains)),
        y: RangedCoordf64::from(0.0..most.max(100.0)),
        x_name: "work of a job in µs, logarithmic",
        y_name: "time of an ideal static split, in % of the time taken",
        x_figure: &|grain| plain(*grain),
    };
    let names = lines.iter().map(|line| width(&line.name)).max().unwrap_or(0) as i32 + 48;
    sheet(report, "Efficiency by the length of a job", HEIGHT, |sheet| {
        let (_, below) = sheet.split_vertically(HEAD);
        let (left, right) = below.split_horizontally(WIDTH as i32 - names);
        legend(&right, (0, 20), &lines)?;
        graph(sheet, &left, axes, &lines)
    })
}

/// The most efficient first, as they stand in the picture.
fn lines(report: &Report) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for row in &report.rows {
        let (Some(grain), Some(ratio)) = (row.grain_us, row.ratio) else { continue };
        if !can_stand(grain) || !can_stand(ratio) {
            continue;
        }
        let name = grains::contender_of(row);
        let new = || Line { name: name.into(), points: Vec::new(), stands_out: is_ours(name) };
        let line = the(&mut lines, |line| line.name == name, new);
        line.points.push((grain, 100.0 / ratio));
    }
    for line in &mut lines {
        line.points.sort_by(|one, other| one.0.total_cmp(&other.0));
    }
    let first = |line: &Line| line.points.first().map_or(0.0, |(_, share)| *share);
    lines.sort_by(|one, other| first(other).total_cmp(&first(one)));
    lines
}

/// From the last before the span to the first after it.
fn powers_of_ten((low, high): (f64, f64)) -> Vec<f64> {
    let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
    powers.map(|power| 10_f64.powi(power)).collect()
}
