//! What the metrics of autoscalers stand for, as a scenario says it.

use schemars::JsonSchema;
use serde::Deserialize;

/// A metric that an autoscaler names, and that no manifest explains.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MetricCase {
    /// What it counts. Default: requests.
    pub of: Option<MetricOf>,
    /// Of requests and in-flight: seconds that a value is the mean over. Default 120.
    pub window_s: Option<f64>,
    /// Seconds from one report of a pod to the next, or from one look at a queue to the next. Default: 30 in
    /// `metrics`, 1 in `metric`; a queue is looked at whenever it is asked for.
    pub every_s: Option<f64>,
    /// Seconds until a report counts. Default 0.
    pub delay_s: Option<f64>,
    /// Of a queue: what comes each second.
    pub arrivals_per_s: Option<f64>,
    /// The same where it changes: [from this time, each second].
    pub arrivals: Option<Vec<(f64, f64)>>,
    /// Of a queue: what each ready pod works off, a second.
    pub per_pod_s: Option<f64>,
    /// Of a queue: how long it is at the start. Default 0.
    pub length: Option<f64>,
    /// Of a series: [from this time, the value].
    pub values: Option<Vec<(f64, f64)>>,
    /// The autoscaler that reads it is created then. Default: long before.
    pub hpa_created_s: Option<f64>,
}

/// What a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MetricOf {
    /// Requests that pods have served, a second.
    Requests,
    /// Requests that pods hold: in service and waiting.
    InFlight,
    /// Requests that clients send, a second, whether or not anybody answers.
    Offered,
    /// The length of a queue that pods work off.
    Queue,
    /// Values that are given.
    Series,
}
