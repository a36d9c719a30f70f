//! What the pages on sweeps, searches and validations show: plain data, filled by whoever ran them.

use super::answer::{Estimate, Figure, Setting};
use serde::Serialize;

/// A setting that varies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Axis {
    /// As `--set` takes it.
    pub path: String,
    pub label: String,
    pub unit: String,
    /// The distinct values, in order.
    pub levels: Vec<Level>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Level {
    /// As `--set` takes it; empty: not set, the base keeps its own value.
    pub text: String,
    /// None: not a number.
    pub number: Option<f64>,
}

/// A figure each point has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    pub key: String,
    pub label: String,
    pub unit: String,
    /// Less of it is better (lost requests) or more (probability of no loss).
    pub lower_is_better: bool,
}

/// One combination of settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// In the plan.
    pub index: u64,
    /// For each axis, which of its levels.
    pub levels: Vec<u32>,
    /// For each metric: mean and 95 % interval; not finite where the point has none (the duration of a
    /// rollout that never completes).
    pub figures: Vec<Estimate>,
}

/// How far a setting alone moves a metric, averaged over the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    pub axis: usize,
    pub metric: usize,
    /// Share of the metric's variance over all points that this axis explains alone, 0 to 1.
    pub share: f64,
    /// For each level of the axis: mean over the points with it and 95 % interval.
    pub levels: Vec<Estimate>,
}

/// A sweep over settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepReport {
    pub name: String,
    /// What it found, in a sentence.
    pub verdict: String,
    pub axes: Vec<Axis>,
    /// The first is shown first.
    pub metrics: Vec<Metric>,
    pub points: Vec<Point>,
    /// How many points were run; `points` may be a choice of them.
    pub all_points: u64,
    /// Indices into `points` that no other point beats in all of the metrics `pareto_by`.
    pub pareto: Vec<usize>,
    /// Indices into `metrics`.
    pub pareto_by: Vec<usize>,
    pub effects: Vec<Effect>,
    /// Of the lost requests; None where the points were not chosen to tell.
    pub sensitivity: Option<Sensitivity>,
    /// Points that were not run, and why.
    pub dropped: Vec<Dropped>,
    /// `rollsim run ...`: a point's run is this with `--set path=value` for each axis.
    pub base_command: String,
    pub settings: Vec<Setting>,
    pub signature: String,
}

/// How strongly lost requests depend on each axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sensitivity {
    /// What the figures are, in a sentence.
    pub note: String,
    /// `share`, or empty for requests.
    pub unit: String,
    /// Names of the figures; the first one or two are drawn.
    pub columns: Vec<String>,
    /// The strongest axis first.
    pub rows: Vec<SensitivityRow>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SensitivityRow {
    /// Index into `axes`.
    pub axis: usize,
    /// One for each column; low and high are equal where there is no interval.
    pub figures: Vec<Estimate>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dropped {
    pub constraint: String,
    pub points: u64,
}

/// A search for the cheapest settings that keep a promise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OptimizeReport {
    pub verdict: String,
    /// What was asked: the promise and the cost.
    pub goal: String,
    pub changes: Vec<Change>,
    /// Before and after.
    pub figures: Vec<BeforeAfter>,
    pub binding: Vec<Binding>,
    /// The manifest patch, ready to apply, and the command that applies it.
    pub patch: String,
    pub patch_command: String,
    /// The winner run again with fresh seeds.
    pub confirmation: String,
    /// Every point that was evaluated.
    pub evaluated: SweepReport,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    pub path: String,
    pub from: String,
    pub to: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BeforeAfter {
    pub label: String,
    pub unit: String,
    pub before: Estimate,
    pub after: Estimate,
}

/// A setting that cannot be less, and what its last step buys.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Binding {
    pub setting: String,
    pub value: String,
    pub price: String,
}

/// Where losses begin, in two settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrontierReport {
    pub name: String,
    pub verdict: String,
    pub x: Axis,
    pub y: Axis,
    /// For each x: the least (or most) y that keeps the promise lies between the two.
    pub boundary: Vec<BoundaryPoint>,
    /// Promise kept above the boundary (else below).
    pub safe_above: bool,
    pub samples: Vec<Sample>,
    pub base_command: String,
    pub signature: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BoundaryPoint {
    pub x: f64,
    /// None: no y within the bounds keeps the promise.
    pub y: Option<[f64; 2]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sample {
    pub x: f64,
    pub y: f64,
    pub lost: f64,
    pub kept: bool,
}

/// Predictions against measured rollouts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValidateReport {
    pub name: String,
    pub verdict: String,
    pub cases: Vec<ValidateCase>,
    /// Cases that the platform card was fitted to, and those held out.
    pub groups: Vec<ValidateGroup>,
    /// Cases that hold what is not modelled yet, with what it is.
    pub not_modelled: Vec<String>,
    pub signature: String,
}

/// How good the predictions are over some of the cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValidateGroup {
    pub name: String,
    pub cases: usize,
    pub passed: usize,
    /// The passes among cases with losses and among those without, in words.
    pub by_sort: String,
    /// Share of measured runs within the predicted 50 % and 95 % ranges.
    pub within_half: Estimate,
    pub within_95: Estimate,
    /// How many of the cases would agree if the cluster behaved exactly as predicted: the mean, and the
    /// range of 95 % of repetitions.
    pub passed_by_chance: Estimate,
    /// The same in a sentence.
    pub chance: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValidateCase {
    pub name: String,
    /// The platform card was fitted to it.
    pub fitted: bool,
    pub passed: bool,
    /// Probability that a cluster which behaves exactly as predicted passes.
    pub chance: f64,
    pub lost: Compared,
    pub rollout_s: Compared,
    /// Main kind of failure.
    pub kind_measured: String,
    pub kind_predicted: String,
    /// Why it does not pass.
    pub reason: String,
    /// Measured and predicted losses per second, as SVG; None where nothing is lost.
    pub picture: Option<String>,
}

/// Measured runs beside the predicted distribution of single runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    pub measured: Vec<f64>,
    pub predicted: Figure,
    /// 50 % of single runs are predicted to lie within.
    pub half: [f64; 2],
}
