//! Lines over a number that grows.

use plotters::{
    coord::ranged1d::{Ranged, ValueFormatter},
    prelude::*,
};

use super::{
    axis::{Axis, plain},
    style::{Area, Drawn, FAINT, GRID, INK, at_left, mark, nth_colour, of_axis},
};

/// Between the names of two lines.
const STEP: i32 = 17;

pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    /// Drawn thicker.
    pub(super) stands_out: bool,
}

/// What a graph is drawn on.
pub(super) struct Axes<'a, Y> {
    pub(super) x: Axis,
    pub(super) y: Y,
    pub(super) x_name: &'a str,
    pub(super) y_name: &'a str,
    pub(super) x_figure: &'a dyn Fn(&f64) -> String,
}

/// The `area` is a part of the `sheet`, and has the graph alone.
pub(super) fn graph<Y>(
    sheet: &Area<'_>,
    area: &Area<'_>,
    axes: Axes<'_, Y>,
    lines: &[Line],
) -> Drawn
where
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area);
    chart.margin(8).margin_right(18).x_label_area_size(44).y_label_area_size(64);
    let mut chart = chart.build_cartesian_2d(axes.x, axes.y)?;
    let mut mesh = chart.configure_mesh();
    mesh.x_desc(axes.x_name).y_desc(axes.y_name).label_style(of_axis()).axis_style(INK);
    mesh.x_label_formatter(axes.x_figure).y_label_formatter(&|value| plain(*value));
    mesh.bold_line_style(GRID).light_line_style(FAINT).y_max_light_lines(1).draw()?;
    for (n, line) in lines.iter().enumerate() {
        let colour = nth_colour(n);
        let style = colour.stroke_width(if line.stands_out { 3 } else { 1 });
        chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
        for point in &line.points {
            mark(sheet, n, chart.backend_coord(point), colour)?;
        }
    }
    Ok(())
}

/// The names of lines below each other, from a place on.
pub(super) fn legend(area: &Area<'_>, (x, y): (i32, i32), lines: &[Line]) -> Drawn {
    for (n, line) in lines.iter().enumerate() {
        let (y, colour) = (y + STEP * n as i32, nth_colour(n));
        area.draw(&PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(2)))?;
        mark(area, n, (x + 12, y), colour)?;
        area.draw(&Text::new(line.name.as_str(), (x + 32, y), at_left()))?;
    }
    Ok(())
}

/// How high a legend is.
pub(super) fn legend_height(lines: usize) -> u32 {
    STEP as u32 * lines as u32
}

/// The one that fits, which is put behind the others if there was none.
pub(super) fn the<T>(
    all: &mut Vec<T>,
    fits: impl Fn(&T) -> bool,
    new: impl FnOnce() -> T,
) -> &mut T {
    let n = all.iter().position(fits).unwrap_or(all.len());
    if n == all.len() {
        all.push(new());
    }
    &mut all[n]
}
