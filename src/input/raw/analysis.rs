//! What the metrics of a release measure, as a scenario says it.

use schemars::JsonSchema;
use serde::Deserialize;

/// A metric of an AnalysisTemplate, whose query no simulation can ask. Default: what its name and query look
/// like.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AnalysisCase {
    /// The figure of the simulated requests that it is.
    pub measures: Option<MeasuredCase>,
    /// Of whose requests.
    pub of: Option<SideCase>,
    /// Seconds that a value is over. Default: the range in its query, else 60.
    pub window_s: Option<f64>,
    /// Which quantile, 0 to 1, of the times of answers `latency-quantile` is. Default: that of its query,
    /// else 0.99.
    pub quantile: Option<f64>,
    /// What a figure is multiplied by before conditions see it. Default 1, or 100 where they compare with
    /// more than 1; of times 1, or 1000 where the query is one for milliseconds.
    pub scale: Option<f64>,
    /// It passes, or fails, whatever happens: a check that no simulation can make.
    pub passes: Option<bool>,
}

/// A figure of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MeasuredCase {
    /// The share that was answered well, 0 to 1.
    SuccessRate,
    /// The share that failed, 0 to 1.
    ErrorRate,
    /// Requests a second.
    Rate,
    /// Failed requests a second.
    Errors,
    /// The mean time of answers, in seconds.
    MeanLatency,
    /// A quantile of the times of answers, in seconds, within the buckets of the proxy that its query names.
    LatencyQuantile,
}

/// Whose requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SideCase {
    /// Those to pods of the new template.
    New,
    /// Those to all others.
    Old,
    /// All.
    All,
}
