//! What is around the curves and dots of a picture, in the look of the pages: pale lines across, small grey
//! figures, the figure's name above its axis, and what the marks mean over it all.

use super::{Area, DIM, Drawn, INK, PALE};
use crate::report::words::{count, percent, seconds};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use std::ops::Range;

pub(super) type Chart<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Height of the key, where there is one.
const KEY: i32 = 22;

/// One side of a plot.
pub(super) struct Side<'a> {
    /// What it reaches over.
    pub range: Range<f64>,
    /// Empty: none is written.
    pub name: String,
    /// Of the marks: `s`, `share` or nothing.
    pub unit: &'a str,
    /// What stands at 0, 1, 2 … where places are no numbers; else empty.
    pub places: Vec<String>,
}

impl<'a> Side<'a> {
    /// Of numbers.
    pub fn numbers(range: Range<f64>, name: &str, unit: &'a str) -> Side<'a> {
        Side { range, name: name.to_owned(), unit, places: Vec::new() }
    }

    fn text(&self, at: f64) -> String {
        if self.places.is_empty() {
            return mark(at, self.unit, self.range.end - self.range.start);
        }
        let place = libm::round(at);
        let on = (at - place).abs() < 1e-6 && place >= 0.0;
        self.places.get(place as usize).filter(|_| on).cloned().unwrap_or_default()
    }

    fn marks(&self, most: usize) -> usize {
        if self.places.is_empty() { most } else { self.places.len().clamp(2, most) }
    }
}

/// A figure at a mark: as in the texts, with as many digits more as tell it from the next one.
fn mark(value: f64, unit: &str, span: f64) -> String {
    let (by, end) = match unit {
        "s" => (1.0, " s"),
        "share" => (100.0, " %"),
        _ => (1.0, ""),
    };
    let digits = libm::ceil(-libm::log10(span * by / 10.0) - 1e-9).max(0.0) as usize;
    let shown = match (value * by).abs() {
        size if unit == "share" => usize::from(!(10.0..=99.0).contains(&size)),
        size if size < 0.995 => 2,
        size if size < 99.95 => 1,
        _ => 0,
    };
    match unit {
        _ if digits > shown => format!("{:.digits$}{end}", value * by),
        "s" => seconds(value),
        "share" => percent(value),
        _ => count(value),
    }
}

/// Draws what is around a plot; `key`: room for the key is left.
pub(super) fn plot<'a, 'b>(
    area: &'a Area<'b>,
    [x, y]: [&Side; 2],
    [width, height]: [i32; 2],
    key: bool,
) -> Result<Chart<'a, 'b>, Box<dyn std::error::Error>> {
    let top = if key { KEY } else { 0 };
    if !y.name.is_empty() {
        area.draw(&Text::new(y.name.clone(), (12, top + 2), text(13, INK)))?;
    }
    let mut chart = ChartBuilder::on(area)
        .margin_top(top + if y.name.is_empty() { 6 } else { 24 })
        .margin_right(18)
        .margin_left(6)
        .x_label_area_size(if x.name.is_empty() { 26 } else { 44 })
        .y_label_area_size(60)
        .build_cartesian_2d(x.range.clone(), y.range.clone())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(PALE.mix(0.6))
        .axis_style(PALE)
        .label_style(text(12, DIM))
        .axis_desc_style(text(13, INK))
        .x_desc(x.name.clone())
        .x_labels(x.marks((width / 70).max(3) as usize))
        .y_labels(y.marks((height / 60).max(3) as usize))
        .x_label_formatter(&|at| x.text(*at))
        .y_label_formatter(&|at| y.text(*at))
        .draw()?;
    Ok(chart)
}

/// What stands for something.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    Line(RGBColor),
    Dot(RGBColor),
    Cross(RGBColor),
    Diamond(RGBColor),
}

/// What the marks mean, in a row from the left.
pub(super) fn key(area: &Area, entries: &[(Sign, String)]) -> Drawn {
    let mut x = 12;
    for (sign, name) in entries {
        let (middle, y) = (x + 9, 9);
        match *sign {
            Sign::Line(colour) => {
                area.draw(&PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)))?;
            }
            Sign::Dot(colour) => area.draw(&Circle::new((middle, y), 4, colour.filled()))?,
            Sign::Cross(colour) => {
                area.draw(&Cross::new((middle, y), 4, colour.stroke_width(2)))?;
            }
            Sign::Diamond(colour) => {
                let corners = DIAMOND.map(|(dx, dy)| (middle + dx, y + dy)).to_vec();
                area.draw(&Polygon::new(corners, colour.filled()))?;
            }
        }
        area.draw(&Text::new(name.clone(), (x + 24, y - 6), text(12, DIM)))?;
        x += 44 + 7 * name.chars().count() as i32;
    }
    Ok(())
}

/// The corners of a diamond around its middle, in pixels.
pub(super) const DIAMOND: [(i32, i32); 4] = [(0, -6), (6, 0), (0, 6), (-6, 0)];

/// Of this size, in this colour.
pub(super) fn text(size: i32, colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_stand_close_have_the_digits_that_tell_them_apart() {
        assert_eq!(["s", "share", ""].map(|unit| mark(20.0, unit, 10.0)), ["20 s", "100 %", "20"]);
        assert_eq!([27.9, 27.92].map(|v| mark(v, "s", 0.1)), ["27.90 s", "27.92 s"]);
        assert_eq!([0.981, 0.982].map(|v| mark(v, "share", 0.01)), ["98.1 %", "98.2 %"]);
        assert_eq!(mark(12_000.0, "", 10_000.0), "12,000");
    }
}
