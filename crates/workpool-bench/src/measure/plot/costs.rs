//! A mark for each row: what a job costs. On a logarithmic axis, the length of a bar would say nothing.

use plotters::prelude::*;

use crate::measure::{
    report::{Report, Row},
    table::three_digits,
};

use super::{
    HEAD,
    axis::{axis, can_stand, plain, span},
    nothing_to_draw, sheet,
    style::{Area, Drawn, FAINT, GRID, INK, at_left, at_right, colour_of, mark, of_axis, width},
};

/// Of a row, and of what is under all of them.
const ROW: u32 = 23;
const FOOT: u32 = 56;
/// Beside the last mark, for its figure.
const FIGURE: u32 = 90;

pub(super) fn draw(report: &Report) -> Result<String, String> {
    let mut rows: Vec<&Row> = report.rows.iter().filter(|row| can_stand(row.ns_per_job)).collect();
    rows.sort_by(|one, other| one.ns_per_job.total_cmp(&other.ns_per_job));
    let span = span(rows.iter().map(|row| row.ns_per_job))
        .ok_or_else(|| nothing_to_draw(report, "a time"))?;
    let (title, unit) = match report.bench.as_str() {
        "floor" => ("What the parts of a pool cost", "ns each, logarithmic"),
        _ => ("Empty jobs: what one costs", "ns per job, logarithmic"),
    };
    let height = HEAD + ROW * rows.len() as u32 + FOOT;
    sheet(report, title, height, |sheet| marks(sheet, &rows, span, unit))
}

fn marks(sheet: &Area<'_>, rows: &[&Row], span: (f64, f64), unit: &str) -> Drawn {
    let names = rows.iter().map(|row| width(&row.name)).max().unwrap_or(0);
    let mut chart = ChartBuilder::on(sheet);
    chart.margin_top(HEAD).margin_left(names + 24).margin_right(FIGURE).margin_bottom(8);
    let mut chart =
        chart.x_label_area_size(44).build_cartesian_2d(axis(span), 0.0..rows.len() as f64)?;
    let mut mesh = chart.configure_mesh();
    mesh.disable_y_mesh().disable_y_axis().x_desc(unit).label_style(of_axis()).axis_style(INK);
    mesh.x_label_formatter(&|value| plain(*value));
    mesh.bold_line_style(GRID).light_line_style(FAINT).draw()?;
    for (n, row) in rows.iter().enumerate() {
        let height = rows.len() as f64 - n as f64 - 0.5;
        let (x, y) = chart.backend_coord(&(row.ns_per_job, height));
        let left = names as i32 + 24;
        sheet.draw(&PathElement::new([(left, y), (x, y)], GRID))?;
        mark(sheet, 0, (x, y), colour_of(&row.name))?;
        sheet.draw(&Text::new(row.name.as_str(), (left - 8, y), at_right()))?;
        let figure = format!("{} ns", three_digits(row.ns_per_job));
        sheet.draw(&Text::new(figure, (x + 9, y), at_left()))?;
    }
    Ok(())
}
