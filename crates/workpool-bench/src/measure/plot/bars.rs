//! A bar for each row: what a job costs.

use std::iter::once;

use plotters::prelude::*;

use crate::measure::{
    report::{Report, Row},
    table::three_digits,
};

use super::{
    HEAD,
    axis::{axis, can_stand, plain, span, start},
    nothing_to_draw, sheet,
    style::{Area, Drawn, FAINT, GRID, INK, at_left, at_right, colour_of, of_axis, width},
};

/// Of a bar, and of what is under all of them.
const BAR: u32 = 23;
const FOOT: u32 = 56;
/// Beside the longest bar, for its figure.
const FIGURE: u32 = 90;

pub(super) fn draw(report: &Report) -> Result<String, String> {
    let mut rows: Vec<&Row> = report.rows.iter().filter(|row| can_stand(row.ns_per_job)).collect();
    rows.sort_by(|one, other| one.ns_per_job.total_cmp(&other.ns_per_job));
    let (low, high) = span(rows.iter().map(|row| row.ns_per_job))
        .ok_or_else(|| nothing_to_draw(report, "a time"))?;
    let (title, unit) = match report.bench.as_str() {
        "floor" => ("What the parts of a pool cost", "ns each, logarithmic"),
        _ => ("Empty jobs: what one costs", "ns per job, logarithmic"),
    };
    let height = HEAD + BAR * rows.len() as u32 + FOOT;
    // The shortest bar is one, too.
    sheet(report, title, height, |sheet| bars(sheet, &rows, (low / 1.5, high), unit))
}

fn bars(sheet: &Area<'_>, rows: &[&Row], span: (f64, f64), unit: &str) -> Drawn {
    let names = rows.iter().map(|row| width(&row.name)).max().unwrap_or(0);
    let axis = axis(span);
    let from = start(&axis);
    let mut chart = ChartBuilder::on(sheet);
    chart.margin_top(HEAD).margin_left(names + 24).margin_right(FIGURE).margin_bottom(8);
    let mut chart = chart.x_label_area_size(44).build_cartesian_2d(axis, 0.0..rows.len() as f64)?;
    let mut mesh = chart.configure_mesh();
    mesh.disable_y_mesh().disable_y_axis().x_desc(unit).label_style(of_axis()).axis_style(INK);
    mesh.x_label_formatter(&|value| plain(*value));
    mesh.bold_line_style(GRID).light_line_style(FAINT).draw()?;
    for (n, row) in rows.iter().enumerate() {
        let middle = rows.len() as f64 - n as f64 - 0.5;
        let bar = [(from, middle - 0.36), (row.ns_per_job, middle + 0.36)];
        chart.draw_series(once(Rectangle::new(bar, colour_of(&row.name).filled())))?;
        let (left, y) = chart.backend_coord(&(from, middle));
        let (right, _) = chart.backend_coord(&(row.ns_per_job, middle));
        sheet.draw(&Text::new(row.name.as_str(), (left - 8, y), at_right()))?;
        let figure = format!("{} ns", three_digits(row.ns_per_job));
        sheet.draw(&Text::new(figure, (right + 6, y), at_left()))?;
    }
    Ok(())
}
