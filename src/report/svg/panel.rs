//! A panel of a picture that has several below each other: its title and legend above lines over one axis.

use super::frame::{Chart, text};
use super::{Area, INK, PALE};
use crate::report::words::count;
use plotters::prelude::*;
use std::ops::Range;

/// Height of the title and the legend.
const LEGEND: i32 = 26;

/// Draws what is around the lines. `legend`: what each colour is, and where in the row it stands.
pub(super) fn panel<'a, 'b>(
    area: &'a Area<'b>,
    title: &str,
    legend: &[(i32, &str, RGBColor)],
    (x, unit): (Range<f64>, &str),
    most: f64,
) -> Result<Chart<'a, 'b>, Box<dyn std::error::Error>> {
    area.draw(&Text::new(title.to_owned(), (66, 4), text(13, INK)))?;
    for &(x, name, colour) in legend {
        area.draw(&Rectangle::new([(x, 6), (x + 14, 16)], colour.filled()))?;
        area.draw(&Text::new(name.to_owned(), (x + 20, 4), text(12, INK)))?;
    }
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .margin_top(LEGEND)
        .x_label_area_size(34)
        .y_label_area_size(56)
        .build_cartesian_2d(x, 0.0..most)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(PALE)
        .x_label_formatter(&|at| count(*at))
        .y_label_formatter(&|n| count(*n))
        .x_desc(unit)
        .draw()?;
    Ok(chart)
}
