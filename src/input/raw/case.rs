//! The scenario file (TOML), as written: every key optional, nothing checked but types. `lower` makes a
//! validated [`Scenario`](crate::scenario::Scenario) of it.

pub use super::action::{ActionCase, ApplyCase, HandlerCase, StruckCase};
use super::analysis::AnalysisCase;
pub use super::app::{AppCase, AppSection, OnSigtermCase, WaitingCase, WarmUpCase};
use super::calls::CallCase;
pub use super::connections::{ConnectionsCase, ProtocolCase};
use super::fault::{DependencyCase, FaultCase};
pub use super::mesh::MeshCase;
pub use super::metric::{MetricCase, MetricOf};
use super::node_autoscaler::NodeAutoscalerCase;
pub use super::profile::{ProfileCase, ProfileKind};
pub use super::vpa::{AmountCase, AmountsCase, VpaCase};
use crate::engine::Dist;
use crate::model::balancer::{FrontKind, Kind};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A rollsim scenario: what manifests cannot say. Times are in seconds; 0 is the action.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(title = "rollsim scenario")]
pub struct Case {
    /// Version of this format: 1.
    pub schema: Option<u32>,
    /// A name for the answer's heading.
    pub name: Option<String>,
    /// What the scenario shows, for people.
    pub description: Option<String>,
    /// Kubernetes manifests, relative to this file. Default: all beside it (apart from `update`).
    pub manifests: Option<Vec<String>>,
    /// Manifest of the new Deployment, relative to this file. Default: `update.yaml` beside it, if there.
    pub update: Option<String>,
    /// The Deployment under test, when there are several.
    pub deployment: Option<String>,
    /// The Service that clients use, when several select the Deployment.
    pub service: Option<String>,
    /// Platform card: a name (`rollsim cards list`) or a path relative to this file.
    pub platform: Option<String>,
    /// Scheduler card: a name or a path relative to this file. Default kube-scheduler.
    pub scheduler: Option<String>,
    /// Versions and feature gates.
    pub kubernetes: KubernetesCase,
    /// What clients send.
    pub traffic: TrafficCase,
    /// A proxy that a controller tells of endpoints, and its configuration.
    pub proxy: Option<ProxyCase>,
    /// The mesh that injects proxies into pods.
    pub mesh: Option<MeshCase>,
    /// Connections that clients keep open meanwhile.
    pub connections: Option<ConnectionsCase>,
    /// What workloads ask of other Services while they work on a request.
    pub calls: Vec<CallCase>,
    /// How the application behaves, old and new.
    pub app: AppSection,
    /// The metric of pods that an autoscaler reads and that is not among `metrics`.
    pub metric: Option<MetricCase>,
    /// The metrics that autoscalers read, by the names that they have there.
    pub metrics: BTreeMap<String, MetricCase>,
    /// What VerticalPodAutoscalers recommend, by container name (`"*"`: all); default: as in their status.
    pub vpa: BTreeMap<String, VpaCase>,
    /// What the metrics of AnalysisTemplates measure, by their names.
    pub analysis: BTreeMap<String, AnalysisCase>,
    /// How the controller of Argo Rollouts is run.
    pub rollouts: RolloutsCase,
    /// What happens.
    pub action: Option<ActionCase>,
    /// Several things that happen, each with its `at_s`.
    pub actions: Vec<ActionCase>,
    /// What goes wrong with the application meanwhile.
    pub fault: Vec<FaultCase>,
    /// A dependency that is down for a while, in short.
    pub dependency: Option<DependencyCase>,
    /// Who sets readiness gates, where no balancer does.
    pub gate: Option<GateCase>,
    /// Nodes of the cluster. Default: one node without limits, or those among the manifests.
    pub nodes: Vec<NodeCase>,
    /// Who brings nodes, and takes them.
    pub node_autoscaler: Option<NodeAutoscalerCase>,
    /// How long the pods, and the kubelets of their nodes, have been up at the start. Default 3600.
    pub age_s: Option<f64>,
    /// The simulation ends here at the latest. Default: when all actions have reached their end, or nothing
    /// can come of them any more.
    pub horizon_s: Option<f64>,
}

/// Versions of Kubernetes' parts, such as "1.36". Default: what Node objects, the output of `kubectl
/// version` or managedFields among the manifests tell, else those of the platform card, else the newest one
/// modelled.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct KubernetesCase {
    /// Version, such as `1.36`.
    pub control_plane: Option<String>,
    /// Version, such as `1.36`.
    pub kubelet: Option<String>,
    /// Version, such as `1.36`.
    pub kube_proxy: Option<String>,
    /// How kube-proxy brings connections to pods. Default iptables.
    pub proxy_mode: Option<ProxyModeCase>,
    /// The nodes' kernel, such as "5.15", where kube-proxy uses IPVS. Default: the oldest of the Node
    /// objects, else one before 5.9.
    pub kernel: Option<String>,
    /// Feature gates that are set, by name: PLEGOnDemandRelist, PodLifecycleSleepAction.
    pub feature_gates: BTreeMap<String, bool>,
}

/// Flags of the controller of Argo Rollouts.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RolloutsCase {
    /// `--aws-verify-target-group`: a step that sets a weight is over once an ALB's rule has it. Default
    /// false.
    pub aws_verify_target_group: Option<bool>,
}

/// `kubernetes.proxy_mode`: kube-proxy's `--proxy-mode`, or what stands in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyModeCase {
    /// Rules of iptables.
    Iptables,
    /// Rules of nftables, which change all at once.
    Nftables,
    /// Cilium, in the place of kube-proxy: changes in batches of half a second.
    Cilium,
    /// The kernel's balancer, which keeps entries of connections that have ended.
    Ipvs,
}

/// The load.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TrafficCase {
    /// How requests reach the pods. Default: as the manifests say (class of the Ingress, type of the
    /// Service).
    pub path: Option<Kind>,
    /// Another proxy between the clients and that of `path`: an ALB before ingress-nginx, say.
    pub in_front: Option<FrontKind>,
    /// Balancer card: a name (`rollsim cards list`) or a path relative to this file. Default: that of `path`.
    pub balancer: Option<String>,
    /// Default poisson.
    pub arrivals: Option<ArrivalsCase>,
    /// Requests per second. Default 100.
    pub rate_per_s: Option<f64>,
    /// A rate that changes over time, instead of `rate_per_s`.
    pub rate: Option<Vec<RateStep>>,
    /// The same in short, beside `rate_per_s` or without: [from this time, requests a second].
    pub steps: Option<Vec<(f64, f64)>>,
    /// A rate that changes as over a day, or as a step, a ramp or a spike, instead of `rate_per_s`.
    pub profile: Option<ProfileCase>,
    /// Default -5; a minute before the first action, where that is later and `duration_s` is not given.
    pub start_s: Option<f64>,
    /// Default: until the rollout should be over.
    pub duration_s: Option<f64>,
    /// With arrivals = "trace": a file of send times, relative to this file. One a line, in seconds (first
    /// column, or that of the head's `timestamp`), or dates: vegeta's and k6's results as CSV or JSON, access
    /// logs. Dates are counted from the first, which is sent at `start_s`.
    pub trace: Option<String>,
    /// With arrivals = "closed": how many users.
    pub users: Option<u32>,
    /// With arrivals = "closed": pause between an answer and the next request. Default none.
    pub think: Option<Dist>,
    /// Client card with the connection pool of a library: a name (go-http-client, java-http-client,
    /// apache-http-client, node-agent, python-requests, okhttp) or a path relative to this file. Default:
    /// none.
    pub client: Option<String>,
    /// Connections are kept and reused. Default false; true with `client`.
    pub keep_alive: Option<bool>,
    /// A request fails without a complete answer within this. Default 10.
    pub timeout_s: Option<f64>,
    /// Extra tries of the client after a failure. Default 0.
    pub retries: Option<u32>,
    /// Pause before each extra try. Default 0.
    pub retry_backoff_s: Option<f64>,
    /// A request on a reused connection that turns out closed is sent again once on a fresh one, as Go's
    /// transport does. Default: the client card's, else as `keep_alive`.
    pub retry_reused: Option<bool>,
    /// Share of requests that must not be sent twice once they were sent, such as POST. Default 0.
    pub non_idempotent: Option<f64>,
    /// Answers later than this count as stalled. Default 1.
    pub stall_s: Option<f64>,
}

/// A proxy that a controller of its own tells of the Service's endpoints, and its own configuration, which
/// takes the place of what its card says. Without this section HAProxy looks names up by DNS, unless
/// `balancer.endpoints` says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ProxyCase {
    /// Which proxy it is. Default: that of `traffic.path`.
    pub kind: Option<ProxyKind>,
    /// How the controller tells the proxy, in words.
    pub endpoints: Option<String>,
    /// The controller tells the proxy so long after the last change. Default 0.
    pub debounce_s: Option<f64>,
    /// The proxy's configuration, relative to this file: `haproxy.cfg`, or Envoy's bootstrap as JSON or YAML.
    /// Default: `proxy.cfg` beside it, if there.
    pub config: Option<String>,
}

/// A proxy whose configuration is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyKind {
    /// HAProxy.
    Haproxy,
    /// Envoy.
    Envoy,
}

impl ProxyKind {
    /// The path that it is on.
    pub fn path(self) -> Kind {
        match self {
            ProxyKind::Haproxy => Kind::Haproxy,
            ProxyKind::Envoy => Kind::Envoy,
        }
    }
}

/// `traffic.arrivals`: how requests follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ArrivalsCase {
    /// Open loop, evenly spaced.
    Even,
    /// Open loop, Poisson.
    Poisson,
    /// Open loop, at recorded times.
    Trace,
    /// Closed loop: users who wait for their answers.
    Closed,
}

/// The rate from an instant on.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
pub struct RateStep {
    /// From when on, in seconds from the action.
    pub from_s: f64,
    /// Requests a second.
    pub per_s: f64,
}

/// An external controller that sets the pods' readiness gates.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
pub struct GateCase {
    /// After it first saw ContainersReady.
    pub delay_s: f64,
    /// How often it looks. Default 1.
    pub poll_s: Option<f64>,
    /// The condition types that it sets. Default: all that no load balancer's controller sets.
    pub conditions: Option<Vec<String>>,
}

/// A node, or several alike.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
pub struct NodeCase {
    /// As pods may ask for it.
    pub name: String,
    /// So many of them, named `name-1`, `name-2`, ... Default 1.
    pub count: Option<u32>,
    /// Those besides the host name.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Such as "2" or "1500m". Default: unlimited.
    pub cpu: Option<String>,
    /// Such as "4Gi". Default: unlimited.
    pub memory: Option<String>,
    /// Default 110.
    pub max_pods: Option<u32>,
    /// As `kubectl taint` has them, such as "dedicated=batch:NoSchedule".
    #[serde(default)]
    pub taints: Vec<String>,
    /// Cordoned. Default false.
    pub unschedulable: Option<bool>,
    /// How long its kubelet has been running at the start: where that is less than a probe's period, the
    /// probe's first evaluation comes after a random part of the period. Default: `age_s` of the scenario.
    pub age_s: Option<f64>,
}

impl AppSection {
    /// What is given for all versions.
    pub fn common(&self) -> AppCase {
        AppCase {
            card: self.card.clone(),
            start_delay_s: self.start_delay_s,
            start_delay: self.start_delay.clone(),
            start_cpu_s: self.start_cpu_s,
            service: self.service.clone(),
            on_sigterm: self.on_sigterm,
            drain_timeout_s: self.drain_timeout_s,
            drain_poll_s: self.drain_poll_s,
            drain_accepts: self.drain_accepts,
            lame_duck_s: self.lame_duck_s,
            crash_after_s: self.crash_after_s,
            needs_network_at_start: self.needs_network_at_start,
            never_ready: self.never_ready,
            concurrency: self.concurrency,
            queue: self.queue,
            connections: self.connections,
            warm_up: self.warm_up,
            probes_share_the_queue: self.probes_share_the_queue,
            cpu_s: self.cpu_s,
            cpu_idle: self.cpu_idle,
            depends_on: self.depends_on.clone(),
            waiting: self.waiting,
            keep_alive_timeout_s: self.keep_alive_timeout_s,
            pre_stop_s: self.pre_stop_s,
            post_start_s: self.post_start_s,
            ports: self.ports.clone(),
            probe_s: self.probe_s,
            status: self.status,
            answer_bytes: self.answer_bytes,
        }
    }
}

impl AppCase {
    /// What is not given here comes from `base`.
    pub fn or(self, base: AppCase) -> AppCase {
        let delay_given = self.start_delay_s.is_some() || self.start_delay.is_some();
        AppCase {
            card: self.card.or(base.card),
            start_delay_s: if delay_given { self.start_delay_s } else { base.start_delay_s },
            start_delay: if delay_given { self.start_delay } else { base.start_delay },
            start_cpu_s: self.start_cpu_s.or(base.start_cpu_s),
            service: self.service.or(base.service),
            on_sigterm: self.on_sigterm.or(base.on_sigterm),
            drain_timeout_s: self.drain_timeout_s.or(base.drain_timeout_s),
            drain_poll_s: self.drain_poll_s.or(base.drain_poll_s),
            drain_accepts: self.drain_accepts.or(base.drain_accepts),
            lame_duck_s: self.lame_duck_s.or(base.lame_duck_s),
            crash_after_s: self.crash_after_s.or(base.crash_after_s),
            needs_network_at_start: self.needs_network_at_start.or(base.needs_network_at_start),
            never_ready: self.never_ready.or(base.never_ready),
            concurrency: self.concurrency.or(base.concurrency),
            queue: self.queue.or(base.queue),
            connections: self.connections.or(base.connections),
            warm_up: self.warm_up.or(base.warm_up),
            probes_share_the_queue: self.probes_share_the_queue.or(base.probes_share_the_queue),
            cpu_s: self.cpu_s.or(base.cpu_s),
            cpu_idle: self.cpu_idle.or(base.cpu_idle),
            depends_on: self.depends_on.or(base.depends_on),
            waiting: self.waiting.or(base.waiting),
            keep_alive_timeout_s: self.keep_alive_timeout_s.or(base.keep_alive_timeout_s),
            pre_stop_s: self.pre_stop_s.or(base.pre_stop_s),
            post_start_s: self.post_start_s.or(base.post_start_s),
            ports: self.ports.or(base.ports),
            probe_s: self.probe_s.or(base.probe_s),
            status: self.status.or(base.status),
            answer_bytes: self.answer_bytes.or(base.answer_bytes),
        }
    }
}
