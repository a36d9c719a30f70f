//! The answer to one question: what a rollout costs, why, and how sure that is.
//!
//! These structs are the published JSON format too (see [`super::json`]): names carry their unit, times are
//! in seconds relative to the action, counts are per rollout.

use super::advice::Worth;
use super::stuck::StuckRow;
use schemars::JsonSchema;
use serde::Serialize;

/// Grows when a field changes its meaning or goes; new fields do not count.
pub const SCHEMA: u32 = 1;

/// One scenario's answer, over all replications.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Answer {
    pub name: String,
    /// What was simulated, and whether the input says so.
    pub head: Vec<HeadRow>,
    /// The answer in a sentence or two.
    pub verdict: String,
    /// Enough is lost that a change is worth its while: else no setting is named.
    pub worth_changing: bool,
    /// Share of replications in which an action did not reach its end.
    pub incomplete: f64,
    /// Actions that do not reach their end, and what keeps them; most frequent first.
    pub stuck: Vec<StuckRow>,
    /// Actions that change nothing.
    pub without_effect: Vec<String>,
    pub lost: Lost,
    pub requests: Requests,
    pub rollout: Rollout,
    /// Of the answered requests; each figure is the mean over replications.
    pub latency: Option<Latency>,
    /// Requests by the second they were sent in; mean over replications.
    pub seconds: Vec<SecondRow>,
    /// Whose setting is to blame, most lost requests first.
    pub blame: Vec<BlameRow>,
    /// The first replication, drawn: what pods were and what data planes believed.
    pub timeline: Option<Lanes>,
    /// The settings used, for the record.
    pub settings: Vec<Setting>,
    /// What the answer leans on and nobody measured.
    pub assumptions: Vec<AssumptionRow>,
    /// Recognised in the input but not modelled.
    pub not_modelled: Vec<String>,
    pub provenance: Provenance,
}

/// One thing that was simulated.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HeadRow {
    pub key: String,
    pub value: String,
    /// By the input; else assumed.
    pub given: bool,
}

/// A mean with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Estimate {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

/// A quantity over replications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Figure {
    pub mean: f64,
    /// 95 % interval of the mean: narrows with more replications.
    pub interval: [f64; 2],
    /// 95 % of single rollouts lie within: does not narrow.
    pub range: [f64; 2],
}

/// Requests that failed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Lost {
    pub total: Figure,
    /// Probability that a rollout loses no request at all.
    pub probability_none: Estimate,
    /// By what the client sees, most first.
    pub by_failure: Vec<LostGroup>,
    /// By cause, most first.
    pub by_cause: Vec<LostGroup>,
    /// Send time of the first and last failed request: earliest and latest over the replications.
    pub first_s: Option<f64>,
    pub last_s: Option<f64>,
}

/// Failed requests of one kind or one cause.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LostGroup {
    pub key: String,
    pub label: String,
    pub count: Figure,
    pub probability_none: Estimate,
}

/// All requests, mean over replications.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Requests {
    pub sent: f64,
    /// By the version of the application that answered.
    pub answered: Vec<VersionCount>,
    /// Answered, but later than the threshold.
    pub stalled: Figure,
    pub stall_threshold_s: f64,
    /// Neither answered nor failed when the run ended.
    pub open: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct VersionCount {
    pub version: String,
    pub mean: f64,
}

/// Latency of answered requests, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Latency {
    pub min_s: f64,
    pub mean_s: f64,
    pub p50_s: f64,
    pub p90_s: f64,
    pub p95_s: f64,
    pub p99_s: f64,
    pub max_s: f64,
}

/// The rollout itself.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Rollout {
    /// Whether the Deployment is rolled at all: scaling, deletion or a switch have no end to report.
    pub is_rollout: bool,
    /// Share of replications that completed within the horizon.
    pub completed: f64,
    /// From the action until the Deployment reports complete, over the replications that did.
    pub duration_s: Option<Figure>,
    /// Until the last pod that had to go was gone.
    pub last_pod_gone_s: Option<Figure>,
    /// The stretches the rollout consists of, in order (of the replication drawn).
    pub phases: Vec<RolloutPhase>,
    /// Pods (running or terminating) at once, at most.
    pub peak_pods: Figure,
    /// Available pods at once, at least.
    pub lowest_available: Figure,
    /// Replicas wanted.
    pub desired: i32,
    /// Pod-seconds above the desired replicas.
    pub surge_pod_seconds: f64,
    /// Share of replications that exceeded the progress deadline, and when on average.
    pub progress_deadline_exceeded: f64,
    pub progress_deadline_exceeded_s: Option<f64>,
    /// What kube-scheduler says of pods that no node takes at the end, with the share of replications.
    pub unschedulable: Vec<Waiting>,
    /// Where its pods are; none with one node.
    pub placement: Option<Placement>,
}

/// Where the pods of the Deployment under test are, when the run starts and at its end.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Placement {
    /// Of the first replication.
    pub nodes: Vec<NodeRow>,
    /// Over all replications: pods of each node, most first.
    pub by_node: Splits,
    /// Pods of each zone, most first; none without zones.
    pub by_zone: Option<Splits>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NodeRow {
    pub node: String,
    pub zone: Option<String>,
    pub before: u32,
    pub after: u32,
}

/// Ways in which pods are spread, the most frequent first.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Splits {
    pub before: Vec<Split>,
    pub after: Vec<Split>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Split {
    /// Most first.
    pub pods: Vec<u32>,
    /// Of the replications.
    pub share: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RolloutPhase {
    pub name: String,
    pub from_s: f64,
    pub to_s: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Waiting {
    pub what: String,
    pub share: f64,
}

/// One second of send time; second 0 starts at the action.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SecondRow {
    pub second: i32,
    /// In the order of `requests.answered`.
    pub answered: Vec<f64>,
    /// In the order of `lost.by_failure`.
    pub failed: Vec<f64>,
}

/// A group of failed requests, the setting that would have saved them and what it lacks.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BlameRow {
    pub cause: String,
    pub cause_label: String,
    pub failure: String,
    pub failure_label: String,
    /// Mean per rollout.
    pub lost: f64,
    /// The same by cause and by what the client sees, most first: `cause` and `failure` are of the first.
    pub parts: Vec<BlamePart>,
    /// How many pods it concerns, and the name of one.
    pub pods: u32,
    pub example_pod: Option<String>,
    pub setting: String,
    #[schemars(with = "String")]
    pub found: Worth,
    #[schemars(with = "String")]
    pub needed: Worth,
    pub missing_s: Option<f64>,
    /// When what happened to the example pod.
    pub chain: Vec<ChainLink>,
    pub explanation: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BlamePart {
    pub cause: String,
    pub cause_label: String,
    pub failure: String,
    pub failure_label: String,
    /// Mean per rollout.
    pub lost: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChainLink {
    pub at_s: f64,
    pub what: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Setting {
    pub group: String,
    pub key: String,
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AssumptionRow {
    pub key: String,
    pub text: String,
}

/// Where the answer comes from: enough to get it again.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Provenance {
    /// Of rollsim.
    pub version: String,
    pub seed: u64,
    pub replications: u32,
    /// Folded over every event of every replication, hexadecimal.
    pub digest: String,
    /// `exact` or `requests`.
    pub evaluator: String,
    pub evaluator_reason: String,
    /// How requests keep pace with the control plane: `open` (they come after it), `metered` or `stepped`.
    pub mode: String,
    pub mode_reason: String,
}

/// The timeline of one replication as lanes, one a pod.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Lanes {
    pub start_s: f64,
    pub end_s: f64,
    /// When requests are sent.
    pub traffic_s: [f64; 2],
    pub versions: Vec<String>,
    pub views: Vec<ViewRow>,
    pub lanes: Vec<Lane>,
    /// Intervals in which a data plane had no pod to send to, or no rules.
    pub outages: Vec<Outage>,
    pub milestones: Vec<Mark>,
}

/// One data-plane instance that sees requests.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ViewRow {
    pub name: String,
    /// Share of the requests that enter here (0: reached through another one).
    pub share: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Lane {
    pub pod: String,
    /// Index into `versions`.
    pub version: usize,
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

#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Stretch {
    pub from_s: f64,
    pub to_s: f64,
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

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Belief {
    pub view: usize,
    /// Intervals in which it sends requests to the pod.
    pub routed_s: Vec<[f64; 2]>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Outage {
    pub from_s: f64,
    pub to_s: f64,
    pub view: usize,
    /// `no-backend` or `rule-gap`.
    pub kind: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Mark {
    pub at_s: f64,
    pub what: String,
}

impl Answer {
    /// Seed, digest, evaluator and version in one line: the same line, the same answer.
    pub fn signature(&self) -> String {
        let p = &self.provenance;
        format!(
            "rollsim {} · seed {} · {} · {} evaluator{} · digest {}",
            p.version,
            p.seed,
            super::words::plural(u64::from(p.replications), "replication"),
            p.evaluator,
            if p.mode == "open" { String::new() } else { format!(", {}", p.mode) },
            p.digest
        )
    }
}
