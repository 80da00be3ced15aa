//! What all pictures have in common: colours, letters, marks.

use std::io;

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Failed = DrawingAreaErrorKind<io::Error>;
pub(super) type Drawn = Result<(), Failed>;

pub(super) const INK: RGBColor = RGBColor(30, 30, 30);
pub(super) const GREY: RGBColor = RGBColor(110, 110, 110);
pub(super) const GRID: RGBColor = RGBColor(215, 215, 215);
pub(super) const FAINT: RGBColor = RGBColor(240, 240, 240);

/// The pool's, and that of all others, where two are enough.
const OURS: RGBColor = RGBColor(0, 114, 178);
const OTHERS: RGBColor = RGBColor(150, 150, 150);

/// Okabe and Ito's, which colour-blind people can tell apart, without their yellow: it is too pale for
/// lines on white.
const COLOURS: [RGBColor; 7] = [
    OURS,
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(60, 60, 60),
];

/// Whether the figures are the pool's own.
pub(super) fn is_ours(name: &str) -> bool {
    name.contains("actix-workpool")
}

pub(super) fn colour_of(name: &str) -> RGBColor {
    if is_ours(name) { OURS } else { OTHERS }
}

pub(super) fn nth_colour(n: usize) -> RGBColor {
    COLOURS[n % COLOURS.len()]
}

/// The library takes 1.24 for a pixel: these are 12 and 15 high.
const SIZE: f64 = 15.0;
const TITLE_SIZE: f64 = 18.5;

/// How wide a text may be. There are no fonts to measure it with, and whoever looks at the picture has
/// others: this is for a wide one.
pub(super) fn width(text: &str) -> u32 {
    text.chars().count() as u32 * 7
}

fn letters(size: f64, style: FontStyle, side: HPos) -> TextStyle<'static> {
    let font = FontDesc::new(FontFamily::SansSerif, size, style);
    TextStyle::from(font).color(&INK).pos(Pos::new(side, VPos::Center))
}

/// Begins at its place.
pub(super) fn at_left() -> TextStyle<'static> {
    letters(SIZE, FontStyle::Normal, HPos::Left)
}

/// Ends at its place.
pub(super) fn at_right() -> TextStyle<'static> {
    letters(SIZE, FontStyle::Normal, HPos::Right)
}

/// For titles.
pub(super) fn bold() -> TextStyle<'static> {
    letters(TITLE_SIZE, FontStyle::Bold, HPos::Left)
}

/// For the figures of an axis, and what it is called.
pub(super) fn of_axis() -> TextStyle<'static> {
    TextStyle::from(FontDesc::new(FontFamily::SansSerif, SIZE, FontStyle::Normal)).color(&INK)
}

/// One of four shapes, so that lines can be told apart that have one colour.
pub(super) fn mark(area: &Area<'_>, n: usize, (x, y): (i32, i32), colour: RGBColor) -> Drawn {
    match n % 4 {
        0 => area.draw(&Circle::new((x, y), 4, colour.filled())),
        1 => area.draw(&TriangleMarker::new((x, y), 6, colour.filled())),
        2 => area.draw(&Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], colour.filled())),
        _ => area.draw(&Cross::new((x, y), 4, colour.stroke_width(2))),
    }
}
