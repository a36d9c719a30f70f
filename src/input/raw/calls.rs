//! What workloads ask of each other, as a scenario says it.

use schemars::JsonSchema;
use serde::Deserialize;

/// A call that the pods of a workload make to a Service for the requests that they work on: once their own
/// work is done, several one after the other in the order given. The worker waits for each.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallCase {
    /// The workload that calls.
    pub from: String,
    /// The Service that it calls, in the same namespace; of another one as `name.namespace`.
    pub to: String,
    /// Client card of the library that the caller's pods keep connections with, as `traffic.client`: each
    /// pod keeps its own. Default: every try opens a connection.
    pub client: Option<String>,
    /// The share of requests that make it, 0 to 1. Default 1.
    pub share: Option<f64>,
    /// So often, one after the other, 1 to 20. Default 1.
    pub times: Option<u32>,
    /// One try fails without a complete answer within this. Default 10.
    pub timeout_s: Option<f64>,
    /// Further tries of the caller after a failure, 0 to 20. Default 0.
    pub retries: Option<u32>,
    /// After which failures: connect (no connection), reset (it ended without an answer), 5xx (a status of
    /// 500 or more), timeout. Default all.
    pub retry_on: Option<Vec<CallFailureWord>>,
    /// The n-th further try waits up to (2^n - 1) times this, at random, and no longer than ten times this.
    /// Default 0.025.
    pub back_off_s: Option<f64>,
    /// Further tries are at most this share of the calls of a pod, 0 to 1, but for those that it has saved up
    /// (10). Default: no such bound.
    pub retry_budget: Option<f64>,
    /// What the caller answers when the call has failed: a status of 400 or more, or `ignore`: it answers as
    /// if it had not. Default 503.
    pub on_failure: Option<OnFailureCase>,
}

/// A kind of failure after which a call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CallFailureWord {
    /// No connection came about.
    Connect,
    /// The connection ended without an answer.
    Reset,
    /// The answer is a status of 500 or more.
    #[serde(rename = "5xx")]
    Status,
    /// No answer came in time.
    Timeout,
}

/// What a caller makes of a call that has failed.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OnFailureCase {
    /// It answers so.
    Status(u16),
    /// ignore: it answers as if it had not failed.
    Word(String),
}
