//! How many requests fail: in the mean, in single rollouts, by kind and by cause.

use super::figure::{Estimate, Figure};
use schemars::JsonSchema;
use serde::Serialize;

/// Requests that failed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Lost {
    /// All failed requests of a rollout.
    pub total: Figure,
    /// Probability that a rollout loses no request at all.
    pub probability_none: Estimate,
    /// How single rollouts spread; empty where none loses any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub spread: Vec<Column>,
    /// By what the client sees, most first.
    pub by_failure: Vec<LostGroup>,
    /// By cause, most first.
    pub by_cause: Vec<LostGroup>,
    /// Send time of the first and last failed request: earliest and latest over the replications.
    pub first_s: Option<f64>,
    /// As `first_s`, for the last one.
    pub last_s: Option<f64>,
}

/// Of single rollouts, those that lose so many requests.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Column {
    /// The fewest; in the first column also fewer.
    pub from: f64,
    /// The most; in the last column also more.
    pub to: f64,
    /// Their share, 0 to 1.
    pub share: f64,
}

/// Failed requests of one kind or one cause.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LostGroup {
    /// For programs: a kind such as `refused`, or a cause such as `process-gone`.
    pub key: String,
    /// The same for people.
    pub label: String,
    /// How many of a rollout's requests fail so.
    pub count: Figure,
    /// Probability that a rollout loses none in this way.
    pub probability_none: Estimate,
}
