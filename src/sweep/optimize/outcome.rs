//! What settings come to, and how they compare: by how far they miss the goal, then by cost.

use super::{Cost, Goal};
use crate::stats::{Estimate, LEVEL, mean, probability_mean};
use crate::sweep::Figures;
use std::cmp::Ordering;

/// What settings come to, over the replications.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Lost requests of each replication.
    pub failed: Vec<f64>,
    /// Of each replication; infinite where it did not complete.
    pub durations_s: Vec<f64>,
    /// Probability that a rollout loses no request.
    pub probability_none: f64,
    /// The same with its interval.
    pub none: Estimate,
    /// Pod-seconds above the desired replicas, in the mean.
    pub surge_pod_seconds: f64,
    /// Most pods at once in any replication.
    pub peak_pods: u32,
}

impl Outcome {
    /// Of all replications of a point.
    pub fn of(figures: &[Figures]) -> Outcome {
        let column = |get: fn(&Figures) -> f64| figures.iter().map(get).collect::<Vec<f64>>();
        Outcome {
            failed: column(|f| f.failed),
            durations_s: column(|f| f.duration_s.unwrap_or(f64::INFINITY)),
            probability_none: mean(&column(|f| f.probability_none)),
            none: probability_mean(&column(|f| f.probability_none), LEVEL),
            surge_pod_seconds: mean(&column(|f| f.surge_pod_seconds)),
            peak_pods: figures.iter().map(|f| f.peak_pods).max().unwrap_or(0),
        }
    }

    /// Lost requests per rollout.
    pub fn failed(&self) -> f64 {
        mean(&self.failed)
    }

    /// Seconds until complete; infinite if one replication did not complete.
    pub fn duration_s(&self) -> f64 {
        mean(&self.durations_s)
    }

    /// What it costs to run so, in the unit of the costs that were given.
    pub fn cost(&self, cost: &Cost) -> f64 {
        let weighted = |weight: f64, x: f64| if weight == 0.0 { 0.0 } else { weight * x };
        weighted(cost.duration_s, self.duration_s())
            + weighted(cost.surge_pod_seconds, self.surge_pod_seconds)
            + weighted(cost.peak_pods, f64::from(self.peak_pods))
    }

    /// How far the goal is missed; 0: it is met. An unfinished rollout misses any goal.
    pub fn violation(&self, goal: &Goal) -> f64 {
        let unfinished = self.durations_s.iter().filter(|d| d.is_infinite()).count();
        let lost = goal.failed_limit().map_or(0.0, |limit| (self.failed() - limit).max(0.0));
        let risk = goal.probability_none.map_or(0.0, |p| (p - self.probability_none).max(0.0));
        // Within a missed probability, fewer lost requests show the way.
        let hint = if risk > 0.0 && lost == 0.0 { self.failed() } else { 0.0 };
        1e9 * unfinished as f64 + lost + risk + hint
    }
}

/// Smaller is better: first the violation, then the cost, then how much is changed of today's settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// How far the goal is missed; 0: it is met.
    pub violation: f64,
    /// In the unit of the costs that were given.
    pub cost: f64,
    /// Number of settings that differ from today's, plus their mean distance (as a share of the range).
    pub changes: f64,
}

impl Score {
    /// Whether the goal is met.
    pub fn meets(&self) -> bool {
        self.violation == 0.0
    }

    /// Whether it comes before the other.
    pub fn better_than(&self, other: &Score) -> bool {
        self.order(other) == Ordering::Less
    }

    /// The better first.
    pub fn order(&self, other: &Score) -> Ordering {
        self.violation
            .total_cmp(&other.violation)
            .then(self.cost.total_cmp(&other.cost))
            .then(self.changes.total_cmp(&other.changes))
    }
}
