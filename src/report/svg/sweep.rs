//! Maps, curves, fronts and effects of a sweep, and the map of a frontier.

use super::frame::{DIAMOND, Side, Sign, key, plot, text};
use super::{Area, BLUE, DIM, Drawn, GREEN, INK, PALE, RED, SERIES, bounds, picture, ramp};
use crate::report::answer::Estimate;
use crate::report::data::{Axis, FrontierReport, Level, Metric, SweepReport};
use crate::report::words::{count, percent, seconds};
use plotters::prelude::*;
use std::ops::Range;

const SIZE: (u32, u32) = (900, 560);
/// Lines in one picture at most.
const LINES: usize = 6;

fn show(value: f64, metric: &Metric) -> String {
    match metric.unit.as_str() {
        "s" => seconds(value),
        "share" => percent(value),
        _ => count(value),
    }
}

fn name(axis: &Axis) -> String {
    if axis.unit.is_empty() {
        axis.label.clone()
    } else {
        format!("{} ({})", axis.label, axis.unit)
    }
}

/// An axis as a side of a plot.
fn side(axis: &Axis) -> Side<'_> {
    let numeric = axis.levels.iter().all(|l| l.number.is_some());
    let word = |l: &Level| match l.text.as_str() {
        "" => "as it is".to_owned(),
        text => text.to_owned(),
    };
    let places = if numeric { Vec::new() } else { axis.levels.iter().map(word).collect() };
    Side { range: 0.0..1.0, name: name(axis), unit: "", places }
}

/// A level's place on a numeric axis: its number, or its position.
fn place(axis: &Axis, level: u32) -> f64 {
    let number = axis.levels[level as usize].number;
    if axis.levels.iter().all(|l| l.number.is_some()) {
        number.unwrap_or(0.0)
    } else {
        f64::from(level)
    }
}

/// The mean of the points' figures, where there is any and each has one (a rollout that never completes has
/// no duration).
fn average(points: impl Iterator<Item = Estimate>) -> Option<Estimate> {
    let all: Vec<Estimate> = points.collect();
    if all.iter().any(|e| !e.mean.is_finite()) {
        return None;
    }
    let n = all.len() as f64;
    let mean = |of: fn(&Estimate) -> f64| all.iter().map(of).sum::<f64>() / n;
    (n > 0.0).then(|| Estimate {
        mean: mean(|e| e.mean),
        low: mean(|e| e.low),
        high: mean(|e| e.high),
    })
}

/// `metric` over two axes (indices), the others averaged.
pub fn heat_map(sweep: &SweepReport, x: usize, y: usize, metric: usize) -> String {
    let title = format!("{}: {}", sweep.name, sweep.metrics[metric].label);
    picture(SIZE, &title, |area| draw_heat_map(area, sweep, [x, y], metric))
}

fn draw_heat_map(area: &Area, sweep: &SweepReport, [x, y]: [usize; 2], metric: usize) -> Drawn {
    let (ax, ay, m) = (&sweep.axes[x], &sweep.axes[y], &sweep.metrics[metric]);
    let (nx, ny) = (ax.levels.len() as u32, ay.levels.len() as u32);
    let cell = |cx: u32, cy: u32| {
        let inside = sweep.points.iter().filter(|p| p.levels[x] == cx && p.levels[y] == cy);
        average(inside.map(|p| p.figures[metric])).map(|e| (cx, cy, e.mean))
    };
    let cells: Vec<(u32, u32, f64)> =
        (0..nx).flat_map(|cx| (0..ny).filter_map(move |cy| cell(cx, cy))).collect();
    let values = || cells.iter().map(|c| c.2);
    let (best, worst) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .x_label_area_size(48)
        .y_label_area_size(90)
        .build_cartesian_2d(0.0..f64::from(nx), 0.0..f64::from(ny))?;
    chart.configure_mesh().disable_mesh().disable_axes().draw()?;
    for &(cx, cy, value) in &cells {
        let (left, low) = (f64::from(cx), f64::from(cy));
        let part = ((value - best) / (worst - best).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        let bad = libm::sqrt(if m.lower_is_better { part } else { 1.0 - part });
        let corners = [(left + 0.01, low + 0.01), (left + 0.99, low + 0.99)];
        chart.draw_series([Rectangle::new(corners, ramp(bad).filled())])?;
        if nx <= 14 {
            let ink = if bad > 0.42 { &WHITE } else { &INK };
            let style = centred(13).color(ink);
            chart.draw_series([Text::new(show(value, m), (left + 0.5, low + 0.5), style)])?;
        }
    }
    labels(area, &chart, ax, ay)
}

/// The axes' level names under and beside the cells (about 14 at most), and their titles.
fn labels(
    area: &Area,
    chart: &ChartContext<
        SVGBackend,
        Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
    >,
    ax: &Axis,
    ay: &Axis,
) -> Drawn {
    let base = area.get_base_pixel();
    let at = |x: f64, y: f64| {
        let p = chart.backend_coord(&(x, y));
        (p.0 - base.0, p.1 - base.1)
    };
    let every = |n: usize| n.div_ceil(14);
    for (i, level) in ax.levels.iter().enumerate().step_by(every(ax.levels.len())) {
        let (x, y) = at(i as f64 + 0.5, 0.0);
        area.draw(&Text::new(level.text.clone(), (x, y + 12), centred(12).color(&DIM)))?;
    }
    for (i, level) in ay.levels.iter().enumerate().step_by(every(ay.levels.len())) {
        let (x, y) = at(0.0, i as f64 + 0.5);
        area.draw(&Text::new(level.text.clone(), (x - 30, y), centred(12).color(&DIM)))?;
    }
    let (x, y) = at(ax.levels.len() as f64 / 2.0, 0.0);
    area.draw(&Text::new(name(ax), (x, y + 34), centred(13)))?;
    area.draw(&Text::new(format!("↑ {}", name(ay)), (10, y + 28), text(13, INK)))?;
    Ok(())
}

fn centred(size: i32) -> TextStyle<'static> {
    use plotters::style::text_anchor::{HPos, Pos, VPos};
    text(size, INK).pos(Pos::new(HPos::Center, VPos::Center))
}

/// One curve: its name and (x, figure) by x.
type Curve = (String, Vec<(f64, Estimate)>);

fn lines(sweep: &SweepReport, x: usize, by: Option<usize>, metric: usize) -> Vec<Curve> {
    let n = by.map_or(1, |by| sweep.axes[by].levels.len());
    let shown = n.min(LINES);
    let pick = |i: usize| if shown > 1 { i * (n - 1) / (shown - 1) } else { 0 };
    let curve = |level: usize| {
        let name = by.map_or(String::new(), |by| {
            format!("{} {}", sweep.axes[by].label, sweep.axes[by].levels[level].text)
        });
        let mine =
            |p: &&crate::report::data::Point| by.is_none_or(|by| p.levels[by] as usize == level);
        let dot = |cx: u32| {
            let inside = sweep.points.iter().filter(mine).filter(|p| p.levels[x] == cx);
            let figure = average(inside.map(|p| p.figures[metric]))?;
            Some((place(&sweep.axes[x], cx), figure))
        };
        (name, (0..sweep.axes[x].levels.len() as u32).filter_map(dot).collect())
    };
    (0..shown).map(|i| curve(pick(i))).collect()
}

/// `metric` against an axis, with intervals; one line for each level of `by`.
pub fn curves(sweep: &SweepReport, x: usize, by: Option<usize>, metric: usize) -> String {
    let title = format!("{}: {}", sweep.name, sweep.metrics[metric].label);
    let curves = lines(sweep, x, by, metric);
    picture(SIZE, &title, |area| draw_curves(area, sweep, x, metric, &curves))
}

fn draw_curves(
    area: &Area,
    sweep: &SweepReport,
    x: usize,
    metric: usize,
    curves: &[Curve],
) -> Drawn {
    let dots = || curves.iter().flat_map(|c| &c.1);
    let tops = bounds(dots().flat_map(|d| [d.1.low, d.1.high]));
    let metric = &sweep.metrics[metric];
    let ys = Side::numbers(tops.start.min(0.0)..tops.end, &metric.label, &metric.unit);
    let across = Side { range: bounds(dots().map(|d| d.0)), ..side(&sweep.axes[x]) };
    let signs: Vec<(Sign, String)> = if curves.len() > 1 {
        let signs = SERIES.iter().cycle().map(|colour| Sign::Line(*colour));
        signs.zip(curves.iter().map(|c| c.0.clone())).collect()
    } else {
        Vec::new()
    };
    key(area, &signs)?;
    let mut chart = plot(area, [&across, &ys], [SIZE.0 as i32, SIZE.1 as i32], curves.len() > 1)?;
    for (i, (_, line)) in curves.iter().enumerate() {
        let colour = SERIES[i % SERIES.len()];
        let up = line.iter().map(|d| (d.0, d.1.high));
        let down = line.iter().rev().map(|d| (d.0, d.1.low));
        let band: Vec<(f64, f64)> = up.chain(down).collect();
        chart.draw_series([Polygon::new(band, colour.mix(0.15))])?;
        let middle = line.iter().map(|d| (d.0, d.1.mean));
        chart.draw_series(LineSeries::new(middle.clone(), colour.stroke_width(2)))?;
        // Sizes differ too, so that lines can be told apart without colour.
        let size = 2 + i as i32;
        chart.draw_series(middle.map(|p| Circle::new(p, size, colour.stroke_width(1))))?;
    }
    Ok(())
}

/// Figures that hardly differ stand beside each other, and not at the ends of the scale.
fn apart(span: Range<f64>) -> Range<f64> {
    let (middle, least) =
        ((span.start + span.end) / 2.0, 0.03 * span.start.abs().max(span.end.abs()));
    match span.end - span.start < least {
        true => middle - least / 2.0..middle + least / 2.0,
        false => span,
    }
}

/// All points in two metrics, the front marked.
pub fn pareto(sweep: &SweepReport, x: usize, y: usize) -> String {
    let title = format!("{}: what no other point beats", sweep.name);
    picture(SIZE, &title, |area| draw_pareto(area, sweep, [x, y]))
}

fn draw_pareto(area: &Area, sweep: &SweepReport, [x, y]: [usize; 2]) -> Drawn {
    let (mx, my) = (&sweep.metrics[x], &sweep.metrics[y]);
    let place = |i: usize| {
        let figures = &sweep.points[i].figures;
        (figures[x].mean, figures[y].mean)
    };
    let finite = |i: &usize| place(*i).0.is_finite() && place(*i).1.is_finite();
    let all = (0..sweep.points.len()).filter(finite);
    let span = |of: fn((f64, f64)) -> f64| apart(bounds(all.clone().map(|i| of(place(i)))));
    let xs = Side::numbers(span(|p| p.0), &mx.label, &mx.unit);
    let ys = Side::numbers(span(|p| p.1), &my.label, &my.unit);
    let beaten = (Sign::Dot(PALE), "others".to_owned());
    key(
        area,
        &[(Sign::Diamond(RED), "no other point beats it in all figures".to_owned()), beaten],
    )?;
    let mut chart = plot(area, [&xs, &ys], [SIZE.0 as i32, SIZE.1 as i32], true)?;
    chart.draw_series(all.map(|i| Circle::new(place(i), 3, PALE.filled())))?;
    let front = sweep.pareto.iter().copied().filter(finite);
    let diamond = |i| EmptyElement::at(place(i)) + Polygon::new(DIAMOND.to_vec(), RED.filled());
    let front = front.map(diamond);
    chart.draw_series(front)?;
    Ok(())
}

/// How each axis alone moves `metric`: small pictures on one scale, the strongest first.
pub fn main_effects(sweep: &SweepReport, metric: usize) -> String {
    let mut effects: Vec<_> = sweep.effects.iter().filter(|e| e.metric == metric).collect();
    effects.sort_by(|a, b| b.share.total_cmp(&a.share));
    let title = format!("{}: {}", sweep.name, sweep.metrics[metric].label);
    let rows = effects.len().max(1).div_ceil(3);
    picture((900, 40 + 230 * rows as u32), &title, |area| {
        let all = effects.iter().flat_map(|e| e.levels.iter().flat_map(|l| [l.low, l.high]));
        let span = bounds(all.chain([0.0]));
        for (cell, effect) in area.split_evenly((rows, 3)).iter().zip(&effects) {
            let axis = &sweep.axes[effect.axis];
            let caption = format!("{} ({})", axis.label, percent(effect.share));
            let dots: Vec<(f64, Estimate)> =
                (0u32..).zip(&effect.levels).map(|(i, e)| (place(axis, i), *e)).collect();
            cell.draw(&Text::new(caption, (12, 4), text(13, INK)))?;
            let inner = cell.clone().margin(20, 0, 0, 0);
            let metric = &sweep.metrics[metric];
            let across =
                Side { range: bounds(dots.iter().map(|d| d.0)), name: String::new(), ..side(axis) };
            let up = Side::numbers(span.clone(), "", &metric.unit);
            let mut chart = plot(&inner, [&across, &up], [300, 210], false)?;
            chart.draw_series(LineSeries::new(dots.iter().map(|d| (d.0, d.1.mean)), BLUE))?;
            let bars =
                dots.iter().map(|d| PathElement::new([(d.0, d.1.low), (d.0, d.1.high)], BLUE));
            let middles = dots.iter().map(|d| Circle::new((d.0, d.1.mean), 3, BLUE.filled()));
            chart.draw_series(middles)?;
            chart.draw_series(bars)?;
        }
        Ok(())
    })
}

/// Which combinations keep the promise, and the boundary between.
pub fn frontier(report: &FrontierReport) -> String {
    picture(SIZE, &report.name, |area| {
        let known: Vec<(f64, [f64; 2])> =
            report.boundary.iter().filter_map(|p| Some((p.x, p.y?))).collect();
        let xs = report.samples.iter().map(|s| s.x).chain(report.boundary.iter().map(|p| p.x));
        let ys = report.samples.iter().map(|s| s.y).chain(known.iter().flat_map(|p| p.1));
        let sides = [(&report.x, bounds(xs)), (&report.y, bounds(ys))]
            .map(|(axis, range)| Side::numbers(range, &name(axis), ""));
        let boundary = (Sign::Line(INK), "the boundary".to_owned());
        let [good, bad] = [Sign::Dot(GREEN), Sign::Cross(RED)];
        key(area, &[(good, "promise kept".into()), (bad, "promise broken".into()), boundary])?;
        let size = [SIZE.0 as i32, SIZE.1 as i32];
        let mut chart = plot(area, [&sides[0], &sides[1]], size, true)?;
        let (kept, broken): (Vec<_>, Vec<_>) = report.samples.iter().partition(|s| s.kept);
        let place = |s: &&crate::report::data::Sample| (s.x, s.y);
        chart.draw_series(kept.iter().map(|s| Circle::new(place(s), 4, GREEN.filled())))?;
        chart.draw_series(broken.iter().map(|s| Cross::new(place(s), 4, RED.stroke_width(2))))?;
        let middle = known.iter().map(|(x, y)| (*x, (y[0] + y[1]) / 2.0));
        chart.draw_series(LineSeries::new(middle, INK.stroke_width(2)))?;
        Ok(())
    })
}
