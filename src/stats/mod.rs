//! Estimates with intervals, quantiles, the distribution of a count, paired comparison, fronts, sensitivity.
//!
//! The unit of every interval is the replication: requests lost in one rollout depend on each other,
//! rollouts do not. Sums run in index order, so that results do not depend on the number of threads.

mod count;
mod effects;
mod interval;
mod mean;
mod paired;
mod pareto;
mod sensitivity;
mod special;

pub use crate::engine::dist::quantile;
pub use count::{Count, Counts};
pub use effects::{AxisEffect, LevelEffect, MainEffects};
pub use interval::{clopper_pearson, poisson_exact};
pub use mean::{count_mean, mean, probability_mean, standard_deviation, t_mean, variance};
pub use paired::{PairedDifference, paired_difference};
pub use pareto::pareto_front;
pub use sensitivity::{
    MorrisEffect, SobolIndex, morris_effects, morris_point, sobol_indices, sobol_point,
};

/// The confidence level used where nobody chose another.
pub const LEVEL: f64 = 0.95;

/// A closed interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// A value with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate itself.
    pub value: f64,
    /// Lower bound of its interval.
    pub low: f64,
    /// Upper bound of its interval.
    pub high: f64,
}

impl Interval {
    /// Bounds included.
    pub fn contains(&self, x: f64) -> bool {
        self.low <= x && x <= self.high
    }

    /// Half the distance of the bounds.
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// The smallest interval that holds both.
    pub fn hull(self, other: Interval) -> Interval {
        Interval { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

impl Estimate {
    /// A value with its interval.
    pub fn new(value: f64, interval: Interval) -> Estimate {
        Estimate { value, low: interval.low, high: interval.high }
    }

    /// A value that is known.
    pub fn exact(value: f64) -> Estimate {
        Estimate { value, low: value, high: value }
    }

    /// From `low` to `high`.
    pub fn interval(&self) -> Interval {
        Interval { low: self.low, high: self.high }
    }
}

#[cfg(test)]
mod coverage;
