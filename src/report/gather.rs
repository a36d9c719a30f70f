//! Points of a sweep or a search as the pages show them.

use super::answer::Estimate;
use super::data::{Axis, Level, Metric, Point};
use crate::stats;
use crate::sweep::{self, Domain, Value};
use std::collections::BTreeMap;

/// The figures of a point on a page, in this order.
pub(super) const FIGURES: usize = 6;

/// What each of the figures is: key, label, unit, whether less is better.
const METRICS: [(&str, &str, &str, bool); FIGURES] = [
    ("lost", "lost requests", "", true),
    ("none", "chance of no loss", "share", false),
    ("rollout", "rollout time", "s", true),
    ("peak", "peak pods", "", true),
    ("available", "fewest available pods", "", false),
    ("surge", "surge pod-seconds", "", true),
];

/// Indices into the metrics that a front is about: lost requests, rollout time, peak pods.
pub(super) const FRONT: [usize; 3] = [0, 2, 3];

/// The metrics at these places.
pub(super) fn metrics(places: &[usize]) -> Vec<Metric> {
    let metric = |&place: &usize| {
        let (key, label, unit, lower_is_better) = METRICS[place];
        Metric { key: key.into(), label: label.into(), unit: unit.into(), lower_is_better }
    };
    places.iter().map(metric).collect()
}

pub(super) fn estimate(of: stats::Estimate) -> Estimate {
    Estimate { mean: of.value, low: of.low, high: of.high }
}

/// A figure without an interval.
pub(super) fn exact(x: f64) -> Estimate {
    Estimate { mean: x, low: x, high: x }
}

/// A figure that a point does not have.
pub(super) const MISSING: Estimate = Estimate { mean: f64::NAN, low: f64::NAN, high: f64::NAN };

/// A value as `--set` takes it; nothing where the base keeps its own.
pub(super) fn set_text(value: &Value) -> String {
    match value {
        Value::Float(x) => format!("{x}"),
        other => other.to_string(),
    }
}

/// One point before its settings became levels.
pub(super) struct Gathered {
    /// The point's number in the design.
    pub index: u64,
    /// Of each axis, in order.
    pub settings: Vec<Value>,
    /// In the order of `METRICS`.
    pub figures: Vec<Estimate>,
}

/// The axes with the values that occur, and the points with the places of their values.
pub(super) fn points(axes: &[sweep::Axis], gathered: Vec<Gathered>) -> (Vec<Axis>, Vec<Point>) {
    let values: Vec<Vec<Value>> =
        (0..axes.len()).map(|a| occurring(&axes[a], a, &gathered)).collect();
    let place = |values: &Vec<Value>| -> BTreeMap<String, u32> {
        values.iter().map(set_text).zip(0..).collect()
    };
    let places: Vec<BTreeMap<String, u32>> = values.iter().map(place).collect();
    let points = gathered
        .into_iter()
        .map(|g| {
            let levels = places.iter().zip(&g.settings).map(|(at, v)| at[&set_text(v)]).collect();
            Point { index: g.index, levels, figures: g.figures }
        })
        .collect();
    let axes = axes.iter().zip(&values).map(|(axis, values)| shown_axis(axis, values)).collect();
    (axes, points)
}

/// Listed values in the order of the list, others by size; unset last.
fn occurring(axis: &sweep::Axis, a: usize, gathered: &[Gathered]) -> Vec<Value> {
    let mut found: BTreeMap<String, Value> =
        gathered.iter().map(|g| (set_text(&g.settings[a]), g.settings[a].clone())).collect();
    let size = |v: &Value| v.number().unwrap_or(f64::INFINITY);
    if let Domain::List(values) = &axis.domain {
        let mut listed: Vec<Value> =
            values.iter().filter_map(|v| found.remove(&set_text(v))).collect();
        // Today's value may be none of the list.
        let rising = listed.is_sorted_by(|a, b| size(a) < size(b));
        listed.extend(found.into_values());
        if rising {
            listed.sort_by(|a, b| size(a).total_cmp(&size(b)));
        }
        return listed;
    }
    let mut values: Vec<Value> = found.into_values().collect();
    values.sort_by(|x, y| size(x).total_cmp(&size(y)));
    values
}

pub(super) fn shown_axis(axis: &sweep::Axis, values: &[Value]) -> Axis {
    let level = |v: &Value| Level { text: set_text(v), number: v.number() };
    Axis {
        path: axis.path.clone(),
        label: axis.name.clone(),
        unit: unit(axis).into(),
        levels: values.iter().map(level).collect(),
    }
}

/// Seconds, where the path or the name says so and the name as shown does not.
fn unit(axis: &sweep::Axis) -> &'static str {
    let says = |text: &str| {
        let seconds = text.to_lowercase().ends_with("seconds") || text.ends_with("_s");
        seconds && !text.ends_with("per_s")
    };
    if says(&axis.path) && !says(&axis.name) { "s" } else { "" }
}
