//! What a job costs over what grows, a panel for each thing that does.

use plotters::prelude::*;

use crate::measure::report::{Place, Report};

use super::{
    HEAD,
    axis::{axis, axis_at, can_stand, count, span},
    lines::{Axes, Line, graph, legend, legend_height, the},
    nothing_to_draw, sheet,
    style::{Area, Drawn, bold},
};

const COLUMNS: usize = 3;
const PANEL: u32 = 330;

struct Panel {
    name: String,
    lines: Vec<Line>,
}

pub(super) fn draw(report: &Report) -> Result<String, String> {
    let panels = panels(report);
    if panels.is_empty() {
        return Err(nothing_to_draw(report, "a place in a panel, and a time"));
    }
    let rows = panels.len().div_ceil(COLUMNS);
    let height = HEAD + PANEL * rows as u32;
    sheet(report, "Empty jobs: how the cost of one grows", height, |sheet| {
        let (_, below) = sheet.split_vertically(HEAD);
        let areas = below.split_evenly((rows, COLUMNS));
        panels.iter().zip(&areas).try_for_each(|(panel, area)| panel.draw(sheet, area))
    })
}

fn panels(report: &Report) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    for row in &report.rows {
        let Some(place) = row.place.as_ref().filter(|_| can_stand(row.ns_per_job)) else {
            continue;
        };
        let line = the(&mut panels, |panel| panel.name == place.panel, || Panel::of(place));
        let line = the(&mut line.lines, |line| line.name == place.line, || line_of(place));
        line.points.push((place.number, row.ns_per_job));
    }
    panels
}

fn line_of(place: &Place) -> Line {
    Line { name: place.line.clone(), points: Vec::new(), stands_out: false }
}

impl Panel {
    fn of(place: &Place) -> Self {
        Self { name: place.panel.clone(), lines: Vec::new() }
    }

    fn draw(&self, sheet: &Area<'_>, area: &Area<'_>) -> Drawn {
        area.draw(&Text::new(self.name.as_str(), (16, 12), bold()))?;
        legend(area, (16, 34), &self.lines)?;
        let (_, area) = area.split_vertically(28 + legend_height(self.lines.len()));
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let Some(costs) = span(points().map(|(_, cost)| *cost)) else { return Ok(()) };
        let zero = self.zero();
        let mut numbers: Vec<f64> = points().map(|(number, _)| number.max(zero)).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        let axes = Axes {
            x: axis_at(&numbers),
            y: axis(costs),
            x_name: "",
            y_name: "ns per job",
            x_figure: &|number| if *number == zero { "0".into() } else { count(*number) },
        };
        graph(sheet, &area, axes, &self.on_axis(zero))
    }

    /// Where nothing stands, which has no logarithm: left of all others.
    fn zero(&self) -> f64 {
        let numbers = self.lines.iter().flat_map(|line| &line.points).map(|(number, _)| *number);
        span(numbers).map_or(1.0, |(smallest, _)| smallest / 16.0)
    }

    fn on_axis(&self, zero: f64) -> Vec<Line> {
        let moved = |line: &Line| Line {
            name: line.name.clone(),
            points: line.points.iter().map(|(number, cost)| (number.max(zero), *cost)).collect(),
            stands_out: line.stands_out,
        };
        self.lines.iter().map(moved).collect()
    }
}
