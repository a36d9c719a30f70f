//! A number of an answer: a mean with how sure it is, and how far single rollouts lie apart.

use schemars::JsonSchema;
use serde::Serialize;

/// A mean with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Estimate {
    /// The estimate itself.
    pub mean: f64,
    /// Lower bound of its 95 % interval.
    pub low: f64,
    /// Upper bound of its 95 % interval.
    pub high: f64,
}

/// A quantity over replications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Figure {
    /// Mean over the replications.
    pub mean: f64,
    /// 95 % interval of the mean: narrows with more replications.
    pub interval: [f64; 2],
    /// 95 % of single rollouts lie within: does not narrow.
    pub range: [f64; 2],
}
