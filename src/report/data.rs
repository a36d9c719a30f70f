//! What the pages on sweeps, searches and validations show: plain data, filled by whoever ran them.

use super::answer::{Estimate, Figure, Setting};
use serde::Serialize;

/// A setting that varies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Axis {
    /// As `--set` takes it.
    pub path: String,
    /// As the plan names it.
    pub label: String,
    /// Empty: none.
    pub unit: String,
    /// The distinct values, in order.
    pub levels: Vec<Level>,
}

/// One value of an axis.
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
    /// For programs, such as `lost`.
    pub key: String,
    /// The same for people.
    pub label: String,
    /// Empty: none.
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
    /// Index into the axes.
    pub axis: usize,
    /// Index into the metrics.
    pub metric: usize,
    /// Share of the metric's variance over all points that this axis explains alone, 0 to 1.
    pub share: f64,
    /// For each level of the axis: mean over the points with it and 95 % interval.
    pub levels: Vec<Estimate>,
}

/// A sweep over settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepReport {
    /// Of the plan.
    pub name: String,
    /// What it found, in a sentence.
    pub verdict: String,
    /// What was varied.
    pub axes: Vec<Axis>,
    /// The first is shown first.
    pub metrics: Vec<Metric>,
    /// Those that are shown.
    pub points: Vec<Point>,
    /// How many points were run; `points` may be a choice of them.
    pub all_points: u64,
    /// Indices into `points` that no other point beats in all of the metrics `pareto_by`.
    pub pareto: Vec<usize>,
    /// Indices into `metrics`.
    pub pareto_by: Vec<usize>,
    /// Why there is no such point, in a sentence; else empty.
    pub no_front: String,
    /// How each axis alone moves each metric.
    pub effects: Vec<Effect>,
    /// Of the lost requests; None where the points were not chosen to tell.
    pub sensitivity: Option<Sensitivity>,
    /// Points that were not run, and why.
    pub dropped: Vec<Dropped>,
    /// `rollsim run ...`: a point's run is this with `--set path=value` for each axis.
    pub base_command: String,
    /// Those that all points share.
    pub settings: Vec<Setting>,
    /// Version, seed and number of rollouts.
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

/// How much one axis decides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SensitivityRow {
    /// Index into `axes`.
    pub axis: usize,
    /// One for each column; low and high are equal where there is no interval.
    pub figures: Vec<Estimate>,
}

/// A constraint, and how many points it left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dropped {
    /// As the plan has it.
    pub constraint: String,
    /// How many it left out.
    pub points: u64,
}

/// A search for the cheapest settings that keep a promise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OptimizeReport {
    /// What the search found, in a sentence.
    pub verdict: String,
    /// Whether the goal is met, as fresh seeds say.
    pub met: bool,
    /// What was asked: the promise and the cost.
    pub goal: String,
    /// From what the files say to what is recommended.
    pub changes: Vec<Change>,
    /// Before and after.
    pub figures: Vec<BeforeAfter>,
    /// Settings that cannot be less.
    pub binding: Vec<Binding>,
    /// The manifest patch, ready to apply, and the command that applies it.
    pub patch: String,
    /// How to apply the patch.
    pub patch_command: String,
    /// The winner run again with fresh seeds.
    pub confirmation: String,
    /// Every point that was evaluated.
    pub evaluated: SweepReport,
}

/// A setting before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Of the setting, as `--set` takes it.
    pub path: String,
    /// What it is now.
    pub from: String,
    /// What is recommended.
    pub to: String,
}

/// A figure without and with the change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BeforeAfter {
    /// What the figure is.
    pub label: String,
    /// Empty: none.
    pub unit: String,
    /// As the files say.
    pub before: Estimate,
    /// As is recommended.
    pub after: Estimate,
}

/// A setting that cannot be less, and what its last step buys.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Binding {
    /// Its path.
    pub setting: String,
    /// What is recommended.
    pub value: String,
    /// What its last step buys, in words.
    pub price: String,
}

/// Where losses begin, in two settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrontierReport {
    /// Of the problem.
    pub name: String,
    /// What the search found, in a sentence.
    pub verdict: String,
    /// The setting along the map.
    pub x: Axis,
    /// The setting that was searched.
    pub y: Axis,
    /// For each x: the least (or most) y that keeps the promise lies between the two.
    pub boundary: Vec<BoundaryPoint>,
    /// Promise kept above the boundary (else below).
    pub safe_above: bool,
    /// Every point that was simulated.
    pub samples: Vec<Sample>,
    /// What simulates a point, without its settings.
    pub base_command: String,
    /// Version, seed and number of rollouts.
    pub signature: String,
}

/// Where losing ends on one line of the map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BoundaryPoint {
    /// On the axis `x`.
    pub x: f64,
    /// None: no y within the bounds keeps the promise.
    pub y: Option<[f64; 2]>,
}

/// A point that was simulated in the search for the border.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// On the axis `x`.
    pub x: f64,
    /// On the axis `y`.
    pub y: f64,
    /// Requests of a rollout that fail, in the mean.
    pub lost: f64,
    /// Whether the goal was met.
    pub kept: bool,
}

/// Predictions against measured rollouts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValidateReport {
    /// Heading of the page.
    pub name: String,
    /// How many cases agree.
    pub verdict: String,
    /// Each measured case with its prediction.
    pub cases: Vec<ValidateCase>,
    /// Cases that the platform card was fitted to, and those held out.
    pub groups: Vec<ValidateGroup>,
    /// Cases that hold what is not modelled yet, with what it is.
    pub not_modelled: Vec<String>,
    /// Version and seed.
    pub signature: String,
}

/// How good the predictions are over some of the cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValidateGroup {
    /// Which cases they are.
    pub name: String,
    /// How many.
    pub cases: usize,
    /// How many of them agree.
    pub passed: usize,
    /// The passes among cases with losses and among those without, in words.
    pub by_sort: String,
    /// Share of measured runs within the predicted 50 % and 95 % ranges.
    pub within_half: Estimate,
    /// Share of single runs within the predicted 95 % range.
    pub within_95: Estimate,
    /// How many of the cases would agree if the cluster behaved exactly as predicted: the mean, and the
    /// range of 95 % of repetitions.
    pub passed_by_chance: Estimate,
    /// The same in a sentence.
    pub chance: String,
}

/// One measured rollout beside its prediction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValidateCase {
    /// Of its folder.
    pub name: String,
    /// The platform card was fitted to it.
    pub fitted: bool,
    /// Prediction and measurement agree.
    pub passed: bool,
    /// Probability that a cluster which behaves exactly as predicted passes.
    pub chance: f64,
    /// Failed requests of a run.
    pub lost: Compared,
    /// Time to complete, in seconds.
    pub rollout_s: Compared,
    /// Main kind of failure.
    pub kind_measured: String,
    /// The most frequent kind of failure.
    pub kind_predicted: String,
    /// Why it does not pass.
    pub reason: String,
    /// Measured and predicted losses per second, as SVG; None where nothing is lost.
    pub picture: Option<String>,
}

/// Measured runs beside the predicted distribution of single runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// One figure for each run.
    pub measured: Vec<f64>,
    /// The same over the replications.
    pub predicted: Figure,
    /// 50 % of single runs are predicted to lie within.
    pub half: [f64; 2],
}
