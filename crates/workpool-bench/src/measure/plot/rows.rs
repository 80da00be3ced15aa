//! Rows over a logarithmic axis, with their names at the left.

use plotters::{
    coord::types::RangedCoordf64,
    prelude::{Cartesian2d, ChartBuilder, ChartContext, SVGBackend},
};

use super::{
    axis::{Axis, axis},
    style::{Area, FAINT, Failed, GRID, INK, of_axis, width},
};

/// Under all rows.
pub(super) const FOOT: u32 = 56;

pub(super) struct Rows<'a> {
    pub(super) count: usize,
    /// The first is below this.
    pub(super) top: u32,
    /// Where the names end.
    pub(super) left: u32,
    /// Beside the axis.
    pub(super) right: u32,
    pub(super) span: (f64, f64),
    pub(super) unit: &'a str,
    pub(super) figure: &'a dyn Fn(&f64) -> String,
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, RangedCoordf64>>;

/// Room for the longest of these names.
pub(super) fn room_for<'a>(names: impl Iterator<Item = &'a str>) -> u32 {
    names.map(width).max().unwrap_or(0) + 24
}

impl Rows<'_> {
    pub(super) fn draw<'a, 'b>(&self, sheet: &'a Area<'b>) -> Result<Chart<'a, 'b>, Failed> {
        let mut chart = ChartBuilder::on(sheet);
        chart.margin_top(self.top).margin_left(self.left).margin_right(self.right);
        chart.margin_bottom(8).x_label_area_size(44);
        let mut chart = chart.build_cartesian_2d(axis(self.span), 0.0..self.count as f64)?;
        let mut mesh = chart.configure_mesh();
        mesh.disable_y_mesh().disable_y_axis().x_desc(self.unit).label_style(of_axis());
        mesh.x_label_formatter(self.figure).axis_style(INK);
        mesh.bold_line_style(GRID).light_line_style(FAINT).draw()?;
        Ok(chart)
    }

    /// The height of the `n`th from the top.
    pub(super) fn height(&self, n: usize) -> f64 {
        self.count as f64 - n as f64 - 0.5
    }
}
