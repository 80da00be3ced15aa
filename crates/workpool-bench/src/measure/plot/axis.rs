//! Logarithmic axes, and what stands at them.

use plotters::{
    coord::combinators::{LogCoord, WithKeyPoints},
    prelude::*,
};

use crate::measure::table::three_digits;

pub(super) type Axis = WithKeyPoints<LogCoord<f64>>;

/// The smallest and the largest of those that have a logarithm.
pub(super) fn span(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let values = values.filter(|value| can_stand(*value));
    values.fold(None, |span, value| match span {
        Some((low, high)) => Some((value.min(low), value.max(high))),
        None => Some((value, value)),
    })
}

pub(super) fn can_stand(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}

/// From a round number to a round number.
pub(super) fn axis((low, high): (f64, f64)) -> Axis {
    let round: &[f64] =
        if high / low < 4.0 { &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0] } else { &[1.0, 2.0, 5.0] };
    let from = steps(low / 10.0, low, round).last().copied().unwrap_or(low);
    let to = steps(high * 1.000_1, high * 10.0, round).first().copied().unwrap_or(high);
    let axis = (from..to).log_scale();
    // Figures at each, while there is room for them.
    if to / from < 300.0 {
        axis.with_key_points(steps(from, to, round))
    } else {
        axis.with_key_points(steps(from, to, &[1.0])).with_light_points(steps(
            from,
            to,
            &round[1..],
        ))
    }
}

/// With figures at these places alone, or every other if they are many, and a little room beside the
/// outer ones.
pub(super) fn axis_at(places: &[f64]) -> Axis {
    let (low, high) = span(places.iter().copied()).unwrap_or((1.0, 1.0));
    let every = if places.len() > 8 { 2 } else { 1 };
    let places = places.iter().rev().step_by(every).copied().collect();
    (low / 1.2..high * 1.2).log_scale().with_key_points(places)
}

/// All numbers within these bounds that are a power of ten times one of these.
fn steps(from: f64, to: f64, of: &[f64]) -> Vec<f64> {
    let powers = from.log10().floor() as i32..=to.log10().ceil() as i32;
    let all = powers.flat_map(|power| of.iter().map(move |step| step * 10_f64.powi(power)));
    // Powers of ten are not exact below one.
    all.filter(|step| *step >= from * (1.0 - 1e-9) && *step <= to * (1.0 + 1e-9)).collect()
}

/// "250 ns", "1.20 ms".
pub(super) fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    format!("{} {unit}", plain(value))
}

/// Without zeros after the point, for round numbers.
pub(super) fn plain(value: f64) -> String {
    let text = three_digits(value);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// "64", "100 k", "1 Mi": what is counted, or sizes.
pub(super) fn count(number: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(1_048_576.0, "Mi"), (1e6, "M"), (1_024.0, "Ki"), (1e3, "k")];
    let unit = UNITS.iter().find(|(unit, _)| number >= *unit && number % unit == 0.0);
    match unit {
        Some((unit, name)) => format!("{} {name}", number / unit),
        None => format!("{number}"),
    }
}
