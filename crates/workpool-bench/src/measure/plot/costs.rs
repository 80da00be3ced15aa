//! A mark for each row: what a job costs. On a logarithmic axis, the length of a bar would say nothing.

use plotters::prelude::*;

use crate::measure::{
    report::{Report, Row},
    table::three_digits,
};

use super::{
    HEAD,
    axis::{can_stand, plain, span},
    nothing_to_draw,
    rows::{FOOT, Rows, room_for},
    sheet,
    style::{Area, Drawn, GRID, at_left, at_right, colour_of, mark},
};

const ROW: u32 = 23;
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
    let left = room_for(rows.iter().map(|row| row.name.as_str()));
    let figure = &|value: &f64| plain(*value);
    let lines = Rows { count: rows.len(), top: HEAD, left, right: FIGURE, span, unit, figure };
    let chart = lines.draw(sheet)?;
    for (n, row) in rows.iter().enumerate() {
        let (x, y) = chart.backend_coord(&(row.ns_per_job, lines.height(n)));
        let left = left as i32;
        sheet.draw(&PathElement::new([(left, y), (x, y)], GRID))?;
        mark(sheet, 0, (x, y), colour_of(&row.name))?;
        sheet.draw(&Text::new(row.name.as_str(), (left - 8, y), at_right()))?;
        let figure = format!("{} ns", three_digits(row.ns_per_job));
        sheet.draw(&Text::new(figure, (x + 9, y), at_left()))?;
    }
    Ok(())
}
