//! The lines of the log: versioned, in the words of Kubernetes and HTTP.

use crate::scenario::Scenario;
use crate::timeline::{Timeline, View};
use schemars::JsonSchema;
use serde::Serialize;

/// Version of the log's format: it grows with every change that a reader has to know of.
pub const SCHEMA: u32 = 1;

/// The first line: what the log is of.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Header {
    /// `header`.
    pub kind: String,
    /// Version of the format, [`SCHEMA`].
    pub schema: u32,
    /// Version of rollsim.
    pub rollsim: String,
    /// Of the scenario.
    pub name: String,
    /// What is rolled out, as kubectl names it: `deployment/web`.
    pub workload: String,
    /// `metadata.namespace` of it.
    pub namespace: String,
    /// The Service that clients ask.
    pub service: String,
    /// Of the run.
    pub seed: u64,
    /// Which of its rollouts, from 0.
    pub replication: u32,
    /// The log begins so many seconds after the first action (less than 0: before).
    pub start_s: f64,
    /// And ends then.
    pub end_s: f64,
    /// Replicas that the workload asks for.
    pub replicas: i32,
    /// Names of the versions of the application.
    pub versions: Vec<String>,
    /// Names of the data-plane instances that send requests on.
    pub instances: Vec<String>,
    /// Requests that are offered a second, at most.
    pub rate_per_s: f64,
}

/// A line of the log: the first, or any other.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Line {
    /// The first one.
    Header(Header),
    /// Any other.
    Entry(Entry),
}

/// A line of the log: when, and what happened.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Entry {
    /// Seconds after the first action; less than 0: before.
    pub t_s: f64,
    /// What happened.
    #[serde(flatten)]
    pub what: Happening,
}

/// Something that happened, by its kind.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Happening {
    /// A line on the shell of whoever rolls out.
    Shell(Action),
    /// The row of a pod in `kubectl get pods` is another one.
    Pod(PodRow),
    /// A row of `kubectl get events`.
    Event(KubernetesEvent),
    /// An endpoint of a Service's EndpointSlices is another one.
    Endpoint(Endpoint),
    /// A target of a load balancer's target group is in another state.
    Target(Target),
    /// A data-plane instance begins or ceases to send somewhere.
    Route(Route),
    /// Something becomes of a pod's process.
    Process(Process),
    /// A connection to a pod meets something else from now on.
    Connect(Connect),
    /// A client knows what became of its request.
    Request(Request),
}

/// A line on a shell.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Action {
    /// The command that is typed, or a line of what it answers.
    pub line: String,
    /// It is typed.
    pub typed: bool,
}

/// A pod as `kubectl get pods` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PodRow {
    /// NAME.
    pub pod: String,
    /// READY: containers that are ready, of how many.
    pub ready: String,
    /// STATUS.
    pub status: String,
    /// RESTARTS.
    pub restarts: u32,
    /// When the last restart's predecessor ended; null: there was none.
    pub restarted_s: Option<f64>,
    /// When it was created, for AGE.
    pub created_s: f64,
    /// NODE; null: not bound yet.
    pub node: Option<String>,
    /// Of the application.
    pub version: String,
    /// The object is gone.
    pub gone: bool,
}

/// An event as `kubectl get events` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct KubernetesEvent {
    /// TYPE: `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub kind: String,
    /// REASON.
    pub reason: String,
    /// OBJECT, such as `pod/web-2`.
    pub object: String,
    /// MESSAGE.
    pub message: String,
}

/// An endpoint as EndpointSlices have it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Endpoint {
    /// The Service's name.
    pub service: String,
    /// `targetRef`.
    pub pod: String,
    /// `conditions.ready`.
    pub ready: bool,
    /// `conditions.serving`.
    pub serving: bool,
    /// `conditions.terminating`.
    pub terminating: bool,
    /// It is no longer in a slice.
    pub gone: bool,
}

/// A target as `aws elbv2 describe-target-health` has it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Target {
    /// The Service that the target group is for.
    pub group: String,
    /// A pod's name, or a node's data-plane instance.
    pub target: String,
    /// `initial`, `healthy`, `unhealthy`, `draining` or `unused`.
    pub state: String,
}

/// Where a data-plane instance sends requests.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Route {
    /// Such as `kube-proxy on node-1`.
    pub instance: String,
    /// A pod's name, or another instance's.
    pub to: String,
    /// Relative to the others; null: it sends nothing new there.
    pub weight: Option<f64>,
}

/// What becomes of a pod's process.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Process {
    /// The pod's name.
    pub pod: String,
    /// `started`, `listening`, `SIGTERM`, `closed` (its listener), `exited`.
    pub what: String,
}

/// What a connection meets at a pod's address.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Connect {
    /// The pod's name.
    pub pod: String,
    /// `silence`, `no-route`, `refused` or `accepted`.
    pub meets: String,
}

/// A request, from its first send to what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Request {
    /// In the order of their ends, from 0.
    pub n: u64,
    /// When the client sent it.
    pub sent_s: f64,
    /// Until the client knew what became of it.
    pub latency_s: f64,
    /// The HTTP status that the client got; null: none.
    pub status: Option<u16>,
    /// Why it counts as lost, as answers name it: `refused`, `502`, ...; null: it was answered.
    pub failure: Option<String>,
    /// What was behind that, as `rollsim explain` knows it; null: it was answered.
    pub cause: Option<String>,
    /// The setting that would have saved it; null: it was answered.
    pub setting: Option<String>,
    /// By so many seconds it is short; null: it is no duration, or not known.
    pub missing_s: Option<f64>,
    /// The pod of the last try; null: none was chosen.
    pub pod: Option<String>,
    /// That pod's version.
    pub version: Option<String>,
    /// The size of the answer's body.
    pub bytes: u32,
    /// In order; those of proxies too.
    pub tries: Vec<Try>,
}

/// A try of a request.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Try {
    /// When it began.
    pub began_s: f64,
    /// When whoever tried knew its end.
    pub ended_s: f64,
    /// `client`, or the proxy that tried.
    pub by: String,
    /// The data-plane instance that chose the pod; null: there is none between.
    pub through: Option<String>,
    /// The pod that was chosen; null: there was none.
    pub pod: Option<String>,
    /// What whoever tried met; null: an answer.
    pub failure: Option<String>,
}

impl Header {
    pub(super) fn of(scenario: &Scenario, timeline: &Timeline, run: (u64, u32)) -> Header {
        let subject = scenario.after();
        let rates = scenario.traffic.rate.iter().map(|r| r.1);
        Header {
            kind: "header".to_owned(),
            schema: SCHEMA,
            rollsim: env!("CARGO_PKG_VERSION").to_owned(),
            name: scenario.name.clone(),
            workload: format!("{}/{}", subject.kind().word(), subject.name),
            namespace: subject.namespace.clone(),
            service: scenario.service().name.clone(),
            seed: run.0,
            replication: run.1,
            start_s: timeline.start.as_secs_f64(),
            end_s: timeline.end.as_secs_f64(),
            replicas: subject.replicas,
            versions: timeline.versions.iter().map(|v| v.name.clone()).collect(),
            instances: instances(timeline).map(|v| v.name.clone()).collect(),
            rate_per_s: rates.fold(0.0, f64::max),
        }
    }
}

/// The views of data planes: all but the clients' own.
fn instances(timeline: &Timeline) -> impl Iterator<Item = &View> {
    let clients = timeline.views.get(timeline.root).map(|v| v.name.as_str());
    timeline.views.iter().filter(move |v| Some(v.name.as_str()) != clients)
}
