//! Three percentiles of each row, on one line.

use plotters::prelude::*;

use crate::measure::{
    latency,
    report::{Report, Row},
};

use super::{
    HEAD, WIDTH,
    axis::{can_stand, span, time},
    nothing_to_draw,
    rows::{FOOT, Rows, room_for},
    sheet,
    style::{Area, Drawn, INK, at_left, at_right, bold, colour_of, mark},
};

const ROW: u32 = 19;
/// Above the first heading.
const GAP: u32 = 10;

const PERCENTILES: [&str; 3] = ["p50", "p99", "p99.9"];

fn percentiles(row: &Row) -> impl Iterator<Item = (usize, f64)> {
    let all = [row.p50_ns, row.p99_ns, row.p999_ns].into_iter().enumerate();
    all.filter_map(|(n, value)| Some((n, value?))).filter(|(_, value)| can_stand(*value))
}

/// What stands beside the picture from its top to its bottom.
enum Line<'a> {
    Heading(&'a str),
    Of(&'a str, &'a Row),
}

pub(super) fn draw(report: &Report) -> Result<String, String> {
    let lines = lines(&report.rows);
    let span = span(report.rows.iter().flat_map(percentiles).map(|(_, value)| value))
        .ok_or_else(|| nothing_to_draw(report, "a percentile"))?;
    let height = HEAD + GAP + ROW * lines.len() as u32 + FOOT;
    sheet(report, "How long until the value of a job is there", height, |sheet| {
        legend(sheet)?;
        dots(sheet, &lines, span)
    })
}

/// A heading where the load is another than before.
fn lines(rows: &[Row]) -> Vec<Line<'_>> {
    let (mut lines, mut last) = (Vec::new(), "");
    for row in rows {
        let (heading, name) = latency::heading_and_name(&row.name);
        if heading != last {
            lines.push(Line::Heading(heading));
            last = heading;
        }
        lines.push(Line::Of(name, row));
    }
    lines
}

fn legend(sheet: &Area<'_>) -> Drawn {
    for (n, name) in PERCENTILES.iter().enumerate() {
        let x = WIDTH as i32 - 200 + 64 * n as i32;
        mark(sheet, n, (x, 40), INK)?;
        sheet.draw(&Text::new(*name, (x + 10, 40), at_left()))?;
    }
    Ok(())
}

fn dots(sheet: &Area<'_>, lines: &[Line<'_>], span: (f64, f64)) -> Drawn {
    let names = lines.iter().filter_map(|line| match line {
        Line::Of(name, _) => Some(*name),
        Line::Heading(_) => None,
    });
    let left = room_for(names);
    let rows = Rows {
        count: lines.len(),
        top: HEAD + GAP,
        left,
        right: 36,
        span,
        unit: "time until the value is there, logarithmic",
        figure: &|ns| time(*ns),
    };
    let chart = rows.draw(sheet)?;
    for (n, line) in lines.iter().enumerate() {
        let at = |ns: f64| chart.backend_coord(&(ns, rows.height(n)));
        let (_, y) = at(span.0);
        match line {
            Line::Heading(heading) => sheet.draw(&Text::new(*heading, (16, y), bold()))?,
            Line::Of(name, row) => {
                sheet.draw(&Text::new(*name, (left as i32 - 8, y), at_right()))?;
                let places: Vec<_> = percentiles(row).map(|(n, value)| (n, at(value))).collect();
                marks(sheet, &places, colour_of(name))?;
            }
        }
    }
    Ok(())
}

fn marks(sheet: &Area<'_>, places: &[(usize, (i32, i32))], colour: RGBColor) -> Drawn {
    let path: Vec<_> = places.iter().map(|(_, place)| *place).collect();
    sheet.draw(&PathElement::new(path, colour))?;
    places.iter().try_for_each(|(n, place)| mark(sheet, *n, *place, colour))
}
