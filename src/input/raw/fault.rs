//! What goes wrong, as a scenario says it.

use schemars::JsonSchema;
use serde::Deserialize;

/// Something that goes wrong with the application for a while.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultCase {
    /// What happens.
    pub what: FaultKind,
    /// When it begins. Default 0.
    pub from_s: Option<f64>,
    /// When it is over. Default: never.
    pub until_s: Option<f64>,
    /// Which pods: all, one, the name of a version (v1, v2), or each with a probability from 0 to 1. Default
    /// all.
    pub of: Option<FaultOf>,
    /// With busy: answers take so many times as long, above 0.
    pub factor: Option<f64>,
    /// With errors: the share of requests that are answered 500, 0 to 1. Default 1.
    pub share: Option<f64>,
    /// With memory: seconds from the fault's begin, or the start of a process during it, until the process is
    /// killed for its memory.
    pub after_s: Option<f64>,
    /// With dependency: answers take so many seconds more. Default: it is down, and what needs it fails.
    pub slow_s: Option<f64>,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Processes that run as it begins accept connections and answer nobody until they are restarted.
    Deadlock,
    /// Requests take longer.
    Busy,
    /// Requests are answered with errors.
    Errors,
    /// Memory grows until the process is killed; the next one grows too.
    Memory,
    /// What pods share, a database say, is down or slow: see `app.depends_on`.
    Dependency,
}

/// Which pods.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FaultOf {
    /// Each with this probability.
    Share(f64),
    /// all, one, or the name of a version.
    Word(String),
}

/// A dependency that all pods share, down for a while: a fault of kind dependency, which readiness probes
/// need where `app.depends_on` does not say who does.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DependencyCase {
    /// From when on.
    pub down_from_s: f64,
    /// For how long.
    pub down_for_s: f64,
}

/// What of the application needs the dependency of faults.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DependsCase {
    /// The share of requests that do, 0 to 1. Default 0.
    pub requests: Option<f64>,
    /// Which probes ask it: readiness, liveness, startup. Default none.
    pub probes: Option<Vec<ProbeWord>>,
}

/// One of the three probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeWord {
    /// Whether the pod gets requests.
    Readiness,
    /// Whether the container is restarted.
    Liveness,
    /// Whether the container has started.
    Startup,
}
