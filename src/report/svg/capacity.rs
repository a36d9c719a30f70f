//! Losses and answer times over the rate: where the cliff is.

use super::panel::panel;
use super::{Area, BLUE, Drawn, RED, picture};
use crate::report::capacity::{Capacity, CurveRow};
use plotters::prelude::*;

const WIDTH: u32 = 900;
const PANEL: u32 = 260;

/// Two panels, steady and in a rollout in each; a line marks the highest rate that is borne.
pub fn capacity(capacity: &Capacity) -> String {
    picture((WIDTH, 40 + 2 * PANEL), &capacity.name, |area| {
        let areas = area.split_evenly((2, 1));
        let lost = |p: &CurveRow| [100.0 * p.steady_lost, 100.0 * p.rollout_lost];
        let slow = |p: &CurveRow| [p.steady_p99_s, p.rollout_p99_s];
        draw(&areas[0], capacity, "requests that fail, %", &lost)?;
        draw(&areas[1], capacity, "99 % of answers within, s", &slow)
    })
}

fn draw(
    area: &Area,
    capacity: &Capacity,
    title: &str,
    of: &dyn Fn(&CurveRow) -> [f64; 2],
) -> Drawn {
    let rates = || capacity.curve.iter().map(|p| p.rate_per_s);
    let (from, to) =
        (rates().fold(f64::INFINITY, f64::min), rates().fold(f64::NEG_INFINITY, f64::max));
    if from >= to {
        return Ok(());
    }
    let most = capacity.curve.iter().flat_map(of).fold(1e-9, f64::max) * 1.1;
    let legend = [(400, "steady", BLUE), (500, "in a rollout", RED)];
    let mut chart = panel(area, title, &legend, (from..to, "requests/s"), most)?;
    for (i, colour) in [(0, BLUE), (1, RED)] {
        let points = capacity.curve.iter().map(|p| (p.rate_per_s, of(p)[i]));
        chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        let borne = [&capacity.steady, &capacity.rollout][i].rate_per_s;
        if let Some(rate) = borne.filter(|rate| (from..to).contains(rate)) {
            chart.draw_series(LineSeries::new([(rate, 0.0), (rate, most)], colour.mix(0.4)))?;
        }
    }
    Ok(())
}
