//! Replicas and metrics over time, as an autoscaler saw them and as they were.

use super::panel::panel;
use super::{Area, BLUE, Drawn, GREEN, INK, ORANGE, PURPLE, RED, picture};
use crate::report::answer::Answer;
use crate::report::autoscaling::AutoscalerRow;
use plotters::prelude::*;

const WIDTH: u32 = 1100;
const PANEL: u32 = 240;

/// A line over time.
struct Line {
    name: String,
    colour: RGBColor,
    /// Each value until the next.
    points: Vec<(f64, f64)>,
}

/// A panel for the replicas of each autoscaler, and one for each of its metrics; None: there is none.
pub fn autoscaling(answer: &Answer) -> Option<String> {
    let panels: Vec<(String, Vec<Line>)> = answer.autoscaling.iter().flat_map(panels).collect();
    if panels.is_empty() {
        return None;
    }
    let height = 40 + PANEL * panels.len() as u32;
    Some(picture((WIDTH, height), &answer.name, |area| {
        let areas = area.split_evenly((panels.len(), 1));
        areas.iter().zip(&panels).try_for_each(|(area, (title, lines))| draw(area, title, lines))
    }))
}

fn panels(row: &AutoscalerRow) -> Vec<(String, Vec<Line>)> {
    let line = |name: &str, colour, of: &dyn Fn(usize) -> Option<f64>| {
        let each = row.runs.iter().enumerate();
        let points = each.filter_map(|(i, run)| Some((run.at_s, of(i)?))).collect();
        Line { name: name.to_owned(), colour, points }
    };
    let runs = &row.runs;
    let sizes = vec![
        line("replicas", BLUE, &|i| Some(f64::from(runs[i].desired))),
        line("asked for", ORANGE, &|i| runs[i].recommended.map(f64::from)),
        line("ready pods", GREEN, &|i| Some(f64::from(runs[i].ready))),
    ];
    let mut panels = vec![(format!("{}: replicas", row.name), sizes)];
    for (m, metric) in row.metrics.iter().enumerate() {
        let seen = |i: usize| runs[i].metrics.get(m)?.seen;
        let truth = |i: usize| Some(runs[i].metrics.get(m)?.truth);
        let lines = vec![
            line("as it was", INK, &truth),
            line("as it was read", RED, &seen),
            line("held at", PURPLE, &|_| Some(metric.target)),
        ];
        panels.push((format!("{}: {}", row.name, metric.name), lines));
    }
    panels
}

fn draw(area: &Area, title: &str, lines: &[Line]) -> Drawn {
    let values = || lines.iter().flat_map(|l| &l.points);
    let from = values().map(|p| p.0).fold(f64::INFINITY, f64::min);
    let to = values().map(|p| p.0).fold(f64::NEG_INFINITY, f64::max);
    let most = values().map(|p| p.1).fold(1e-9, f64::max) * 1.1;
    if from > to {
        return Ok(());
    }
    let to = to + 15.0;
    let mut place = 400;
    let mut legend = Vec::new();
    for line in lines {
        legend.push((place, line.name.as_str(), line.colour));
        place += 50 + 7 * line.name.chars().count() as i32;
    }
    let mut chart = panel(area, title, &legend, (from..to, "seconds"), most)?;
    for line in lines {
        chart.draw_series(LineSeries::new(steps(&line.points, to), line.colour.stroke_width(2)))?;
    }
    Ok(())
}

/// Each value holds until the next.
fn steps(points: &[(f64, f64)], to: f64) -> Vec<(f64, f64)> {
    let ends = points.iter().skip(1).map(|p| p.0).chain([to]);
    points.iter().zip(ends).flat_map(|(&(from, y), end)| [(from, y), (end, y)]).collect()
}
