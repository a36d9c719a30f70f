//! The timeline of one rollout as answers hold it, to be drawn: what pods were, what data planes believed.

use schemars::JsonSchema;
use serde::Serialize;

/// The timeline of one replication as lanes, one a pod.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Lanes {
    /// Where the picture begins.
    pub start_s: f64,
    /// Where it ends: nothing is known after it.
    pub end_s: f64,
    /// The last thing that happens to a pod, or to the rollout as a whole; at least 1.
    pub last_s: f64,
    /// When requests are sent.
    pub traffic_s: [f64; 2],
    /// Names of the application's versions.
    pub versions: Vec<String>,
    /// The data planes.
    pub views: Vec<ViewRow>,
    /// The pods.
    pub lanes: Vec<Lane>,
    /// Intervals in which a data plane had no pod to send to, or no rules.
    pub outages: Vec<Outage>,
    /// What happened to the rollout as a whole.
    pub milestones: Vec<Mark>,
}

/// One data-plane instance that sees requests.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ViewRow {
    /// Of the instance.
    pub name: String,
    /// Share of the requests that enter here (0: reached through another one).
    pub share: f64,
}

/// One pod over time.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Lane {
    /// Its name.
    pub pod: String,
    /// Index into `versions`.
    pub version: usize,
    /// Number of its node, from 0.
    pub node: u16,
    /// Created by the action or after it.
    pub new: bool,
    /// What the pod really was.
    pub truth: Vec<Stretch>,
    /// What each data plane believed, by index into `views`.
    pub beliefs: Vec<Belief>,
    /// Where a data plane sends requests to it and it does not serve.
    pub wrong: Vec<Stretch>,
    /// Created, ready, deleted, SIGTERM ... in time order.
    pub marks: Vec<Mark>,
    /// When its process ended with requests still running, if any were.
    pub cuts_s: Vec<f64>,
    /// Failed requests of this replication that were sent to it.
    pub lost: f64,
}

/// A time in which a pod stays in one state.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Stretch {
    /// Its begin.
    pub from_s: f64,
    /// Its end.
    pub to_s: f64,
    /// What the pod is meanwhile.
    pub state: State,
}

/// What a pod really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Created, not listening yet.
    Starting,
    /// Accepts connections.
    Serving,
    /// Told to stop, still accepts connections.
    Stopping,
    /// The listener is closed, running requests finish.
    Draining,
    /// Nobody listens: connections are refused.
    Refusing,
    /// The address is gone: no route to host.
    Unreachable,
    /// Nothing answers: connections time out.
    Silent,
}

/// When one data plane believes in a pod.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Belief {
    /// Index into `views`.
    pub view: usize,
    /// Intervals in which it sends requests to the pod.
    pub routed_s: Vec<[f64; 2]>,
}

/// A time in which a data plane can send requests to nobody.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Outage {
    /// Its begin.
    pub from_s: f64,
    /// Its end.
    pub to_s: f64,
    /// Index into `views`.
    pub view: usize,
    /// `no-backend`, `rule-gap`, or `held`: requests wait in front until there is somebody.
    pub kind: String,
    /// Other data planes have pods meanwhile: a share of the requests is concerned.
    pub partial: bool,
}

/// An instant with a name.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Mark {
    /// When it is.
    pub at_s: f64,
    /// What happens, in words.
    pub what: String,
}
