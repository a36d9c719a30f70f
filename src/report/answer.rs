//! The answer to one question: what a rollout costs, why, and how sure that is.
//!
//! These structs are the published JSON format too (see [`super::json`]): names carry their unit, times are
//! in seconds relative to the action, counts are per rollout.

use super::advice::Worth;
use super::autoscaling::AutoscalerRow;
pub use super::drawn::{Belief, Lane, Lanes, Mark, Outage, State, Stretch, ViewRow};
pub use super::figure::{Estimate, Figure};
pub use super::lost::{Column, Lost, LostGroup};
use super::stuck::StuckRow;
use super::tried::{DurationRow, FixRow, LaterRow, MattersRow};
use schemars::JsonSchema;
use serde::Serialize;

/// Grows when a field changes its meaning or goes; new fields do not count.
pub const SCHEMA: u32 = 1;

/// One scenario's answer, over all replications.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Answer {
    /// Name of the scenario, or of the file or folder that it was read from.
    pub name: String,
    /// What was simulated, and whether the input says so.
    pub head: Vec<HeadRow>,
    /// The answer in a sentence or two.
    pub verdict: String,
    /// Enough is lost that a change is worth its while: else no setting is named.
    pub worth_changing: bool,
    /// Share of replications in which an action did not reach its end, or pods stayed away.
    pub incomplete: f64,
    /// Actions that do not reach their end, and what keeps them; most frequent first.
    pub stuck: Vec<StuckRow>,
    /// Pods that were well failed probes for load, or for what they depend on; none: none did.
    pub upset: Option<super::upset::UpsetRow>,
    /// Connections that clients keep open; left out: nobody keeps any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default)]
    pub connections: Option<super::connections::ConnectionsRow>,
    /// What workloads ask of each other; left out: nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub calls: Vec<super::calls::CallRow>,
    /// What became of a release that goes in steps or is decided by analyses; left out: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default)]
    pub release: Option<super::released::ReleaseRow>,
    /// Actions that change nothing.
    pub without_effect: Vec<String>,
    /// How many requests fail, of which kind and for which cause.
    pub lost: Lost,
    /// For how long requests fail; none where none does.
    pub hurt: Option<super::hurt::Hurt>,
    /// How many requests were sent, and what became of those that did not fail.
    pub requests: Requests,
    /// How long the rollout takes, and how many pods there are meanwhile.
    pub rollout: Rollout,
    /// What autoscalers saw and did; left out: there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub autoscaling: Vec<AutoscalerRow>,
    /// What vertical pod autoscalers did; left out: there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub vertical: Vec<super::vertical::VerticalRow>,
    /// Nodes that came and went by themselves; left out: nobody brings any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default)]
    pub nodes: Option<super::nodes::NodesRow>,
    /// Of the answered requests; each figure is the mean over replications.
    pub latency: Option<Latency>,
    /// Of answered and failed requests, these until the failure was known; none without single requests.
    pub latency_of_all: Option<Latency>,
    /// Requests by the second they were sent in; mean over replications.
    pub seconds: Vec<SecondRow>,
    /// Whose setting is to blame, most lost requests first.
    pub blame: Vec<BlameRow>,
    /// Changes were tried: what follows is not empty because nobody asked.
    pub tried: bool,
    /// What to change, tried on the same luck. Each holds the one before it; the last is the one to make.
    pub fixes: Vec<FixRow>,
    /// What helps by itself besides.
    pub also: Vec<FixRow>,
    /// Of two renders: the rollouts after this one, which the changes were tried on.
    pub later: Option<LaterRow>,
    /// What the rollout's time goes into, the longest first.
    pub durations: Vec<DurationRow>,
    /// Which guess the answer hangs on.
    pub matters: MattersRow,
    /// The first replication, drawn: what pods were and what data planes believed.
    pub timeline: Option<Lanes>,
    /// The settings used, for the record.
    pub settings: Vec<Setting>,
    /// What the answer leans on and nobody measured.
    pub assumptions: Vec<AssumptionRow>,
    /// Recognised in the input but not modelled.
    pub not_modelled: Vec<String>,
    /// Version, seed and evaluator: enough to get the same answer again.
    pub provenance: Provenance,
}

/// One thing that was simulated.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HeadRow {
    /// What it is, such as `replicas` or `path`.
    pub key: String,
    /// Its value in words.
    pub value: String,
    /// By the input; else assumed.
    pub given: bool,
}

/// All requests, mean over replications.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Requests {
    /// All of a rollout.
    pub sent: f64,
    /// By the version of the application that answered.
    pub answered: Vec<VersionCount>,
    /// Answered, but later than the threshold.
    pub stalled: Figure,
    /// Seconds after which an answer counts as stalled.
    pub stall_threshold_s: f64,
    /// Neither answered nor failed when the run ended.
    pub open: f64,
    /// What proxies that write flags (Envoy) would log of them; of the others nothing is said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub logged: Vec<super::logged::LoggedRow>,
}

/// Answers of one version of the application.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct VersionCount {
    /// Its name, such as `v1`.
    pub version: String,
    /// Requests of a rollout that it answers.
    pub mean: f64,
    /// The HTTP status of its answers.
    pub status: u16,
    /// The size of one.
    pub answer_bytes: u32,
}

/// Latency of requests, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Latency {
    /// The fastest answer.
    pub min_s: f64,
    /// Of all answers.
    pub mean_s: f64,
    /// The median.
    pub p50_s: f64,
    /// Nine of ten answers take no longer.
    pub p90_s: f64,
    /// 95 % of the answers take no longer.
    pub p95_s: f64,
    /// 99 % of the answers take no longer.
    pub p99_s: f64,
    /// The slowest answer.
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
    /// When it was, in the mean of those replications.
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

/// Pods on one node.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NodeRow {
    /// The node's name.
    pub node: String,
    /// Its `topology.kubernetes.io/zone`, if it has one.
    pub zone: Option<String>,
    /// Pods when the run starts.
    pub before: u32,
    /// Pods at its end.
    pub after: u32,
}

/// Ways in which pods are spread, the most frequent first.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Splits {
    /// When the run starts.
    pub before: Vec<Split>,
    /// At its end.
    pub after: Vec<Split>,
}

/// One way in which pods are spread, and how often it comes out.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Split {
    /// Most first.
    pub pods: Vec<u32>,
    /// Of the replications.
    pub share: f64,
}

/// A part of the rollout between two milestones.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RolloutPhase {
    /// What ends it: `until first new pod ready`, say.
    pub name: String,
    /// Its begin, in the mean.
    pub from_s: f64,
    /// Its end, in the mean.
    pub to_s: f64,
}

/// Something that keeps pods or rollouts waiting.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Waiting {
    /// In words.
    pub what: String,
    /// Of the replications.
    pub share: f64,
}

/// One second of send time; second 0 starts at the action.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SecondRow {
    /// Seconds since the action, rounded down.
    pub second: i32,
    /// In the order of `requests.answered`.
    pub answered: Vec<f64>,
    /// In the order of `lost.by_failure`.
    pub failed: Vec<f64>,
}

/// A group of failed requests, the setting that would have saved them and what it lacks.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BlameRow {
    /// Why most of them failed: a key of `lost.by_cause`.
    pub cause: String,
    /// The same for people.
    pub cause_label: String,
    /// What the client sees: a key of `lost.by_failure`.
    pub failure: String,
    /// The same for people.
    pub failure_label: String,
    /// Mean per rollout.
    pub lost: f64,
    /// The same by cause and by what the client sees, most first: `cause` and `failure` are of the first.
    pub parts: Vec<BlamePart>,
    /// How many pods it concerns, and the name of one.
    pub pods: u32,
    /// None where no single pod is concerned.
    pub example_pod: Option<String>,
    /// The setting that would have saved them, such as `preStop.sleep`.
    pub setting: String,
    /// What it is now.
    #[schemars(with = "String")]
    pub found: Worth,
    /// What it would have to be; once changes were tried, the one that removes it.
    #[schemars(with = "String")]
    pub needed: Worth,
    /// Which of the fixes that is.
    pub removed_by: Option<u32>,
    /// How many seconds it is short of that, where it is a time.
    pub missing_s: Option<f64>,
    /// Where they were lost, in words: the Service, its workload, and who asks it. Left out where requests
    /// come to one Service alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default)]
    pub hop: Option<String>,
    /// When what happened to the example pod.
    pub chain: Vec<ChainLink>,
    /// How the setting loses requests, in a sentence or two.
    pub explanation: String,
}

/// Those of a group that failed in one way for one cause.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BlamePart {
    /// A key of `lost.by_cause`.
    pub cause: String,
    /// The same for people.
    pub cause_label: String,
    /// A key of `lost.by_failure`.
    pub failure: String,
    /// The same for people.
    pub failure_label: String,
    /// Mean per rollout.
    pub lost: f64,
}

/// One step of what led to a loss.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChainLink {
    /// When it happened.
    pub at_s: f64,
    /// What happened, in words.
    pub what: String,
}

/// A setting that the answer was made with.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Setting {
    /// What it belongs to, such as `container app`.
    pub group: String,
    /// Its name.
    pub key: String,
    /// Its value with the unit, in words.
    pub value: String,
}

/// Something that nobody measured or gave.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AssumptionRow {
    /// The entry of a card, or the setting.
    pub key: String,
    /// What is assumed, and why.
    pub text: String,
    /// What happens where it is not so, as a sentence; left out: nothing as grave.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(default)]
    pub otherwise: String,
}

impl AssumptionRow {
    /// It is about a place in a file, and most likely a mistake: it stands under the headline.
    pub fn is_warning(&self) -> bool {
        self.key.contains(": ")
    }
}

/// Where the answer comes from: enough to get it again.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Provenance {
    /// Of rollsim.
    pub version: String,
    /// Seed of the whole run: replication `i` takes stream `i` of it.
    pub seed: u64,
    /// How many rollouts were simulated.
    pub replications: u32,
    /// Folded over every event of every replication, hexadecimal.
    pub digest: String,
    /// `exact` or `requests`.
    pub evaluator: String,
    /// Why requests were evaluated in this way.
    pub evaluator_reason: String,
    /// How requests keep pace with the control plane: `open` (they come after it), `metered` or `stepped`.
    pub mode: String,
    /// Why requests keep pace with the control plane in this way.
    pub mode_reason: String,
}
