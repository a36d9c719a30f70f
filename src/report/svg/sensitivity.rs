//! How strongly the losses depend on each setting: bars, the strongest on top.

use super::{BLUE, INK, PALE, picture};
use crate::report::data::SweepReport;
use crate::report::words::{count, percent};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Pixels: a setting, the names on the left, the figures on the right, and what is above the bars.
const ROW: i32 = 44;
const LEFT: i32 = 220;
const RIGHT: i32 = 110;
const TOP: i32 = 34;
const WIDTH: i32 = 900;

/// None where the sweep does not tell.
pub fn sensitivity(sweep: &SweepReport) -> Option<String> {
    let found = sweep.sensitivity.as_ref()?;
    let drawn = found.columns.len().min(2);
    let ends = || found.rows.iter().flat_map(|r| r.figures[..drawn].iter().map(|f| f.high));
    let most = ends().fold(0.0, f64::max).max(1e-9);
    let x = |v: f64| LEFT + (v.max(0.0) / most * f64::from(WIDTH - LEFT - RIGHT)) as i32;
    let show = |v: f64| if found.unit == "share" { percent(v.max(0.0)) } else { count(v) };
    let font = |size: i32| ("sans-serif", size).into_font().color(&INK);
    let right = |size: i32| font(size).pos(Pos::new(HPos::Right, VPos::Center));
    let height = (80 + ROW * found.rows.len() as i32) as u32;
    let title = format!("{}: what decides the losses", sweep.name);
    Some(picture((WIDTH as u32, height), &title, |area| {
        for (i, column) in found.columns[..drawn].iter().enumerate() {
            let at = LEFT + 200 * i as i32;
            area.draw(&Rectangle::new([(at, 8), (at + 18, 18)], fill(i)))?;
            area.draw(&Rectangle::new([(at, 8), (at + 18, 18)], BLUE))?;
            area.draw(&Text::new(column.clone(), (at + 26, 6), font(14)))?;
        }
        for (i, row) in found.rows.iter().enumerate() {
            let top = TOP + ROW * i as i32;
            let name = sweep.axes[row.axis].label.clone();
            area.draw(&Text::new(name, (LEFT - 10, top + ROW / 2 - 4), right(14)))?;
            for (k, figure) in row.figures[..drawn].iter().enumerate() {
                let (y, thick) = (top + 18 * k as i32, 14);
                let bar = [(LEFT, y), (x(figure.mean), y + thick)];
                area.draw(&Rectangle::new(bar, fill(k)))?;
                area.draw(&Rectangle::new(bar, BLUE))?;
                let middle = y + thick / 2;
                if figure.high > figure.low {
                    let whisker = vec![(x(figure.low), middle), (x(figure.high), middle)];
                    area.draw(&PathElement::new(whisker, INK.stroke_width(2)))?;
                }
                let text = Text::new(show(figure.mean), (x(figure.high) + 8, y), font(13));
                area.draw(&text)?;
            }
        }
        Ok(())
    }))
}

/// Full for the first figure, pale for the second: told apart without colour.
fn fill(column: usize) -> ShapeStyle {
    if column == 0 { BLUE.filled() } else { PALE.filled() }
}
