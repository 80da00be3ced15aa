//! A report that was written as JSON, as a picture.

mod axis;
mod costs;
mod dots;
mod grains;
mod lines;
mod panels;
mod rows;
mod style;

use plotters::prelude::*;

use self::style::{Area, Drawn, GREY, at_left, bold};

use super::report::Report;

const WIDTH: u32 = 900;
/// Of the title and what is under it.
const HEAD: u32 = 56;

/// Draws a report, as the text of an SVG.
///
/// # Errors
/// The report has no rows, or none that can be drawn, or it is of a bench that has no picture.
pub fn plot(report: &Report) -> Result<String, String> {
    if report.rows.is_empty() {
        return Err(report.without_rows());
    }
    match report.bench.as_str() {
        "peers" | "floor" => costs::draw(report),
        "grains" => grains::draw(report),
        "latency" => dots::draw(report),
        "scale" => panels::draw(report),
        other => Err(format!(
            "there is no picture of `{other}`, only of peers, floor, grains, latency and scale"
        )),
    }
}

/// A white sheet with a title and the machine's name, and what `draw` puts on it.
fn sheet(
    report: &Report,
    title: &str,
    height: u32,
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Result<String, String> {
    let mut svg = String::new();
    let drawn = || -> Drawn {
        let sheet = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        sheet.fill(&WHITE)?;
        sheet.draw(&Text::new(title, (16, 20), bold()))?;
        sheet.draw(&Text::new(report.machine.as_str(), (16, 40), at_left().color(&GREY)))?;
        draw(&sheet)?;
        sheet.present()
    };
    drawn().map_err(|error| error.to_string())?;
    Ok(described(&svg, report))
}

/// With what was measured, and every row, for those who have it read to them.
fn described(svg: &str, report: &Report) -> String {
    let rows =
        report.rows.iter().map(|row| format!("; {}: {:.1} ns per job", row.name, row.ns_per_job));
    let rows: String = rows.collect();
    let text = format!("{}{rows}", report.what);
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    // The first tag is that of the whole.
    svg.replacen(">\n", &format!(">\n<desc>{text}</desc>\n"), 1)
}

fn nothing_to_draw(report: &Report, what: &str) -> String {
    format!("no row of the report of `{}` has {what}", report.bench)
}
