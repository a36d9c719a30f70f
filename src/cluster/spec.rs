//! The specs of API objects, validated and with Kubernetes' defaults filled in. Nothing here changes during
//! a run except by an action.

pub use super::app::{App, OnSigterm};
use super::distribution::Distribution;
pub use super::labels::{Labels, selects};
pub use super::placement::{Node, Placement, Resources, Selector};
pub use super::probe::{Handler, Probe};
use super::stays::Stays;
use crate::engine::Dur;
use std::collections::BTreeMap;
use std::fmt;

/// `maxSurge: 1` or `maxSurge: 25%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntOrPercent {
    /// Pods, 0 or more.
    Int(i32),
    /// Per cent of the replicas, 0 or more: rounded up for a surge, down for what may be unavailable.
    Percent(i32),
}

impl IntOrPercent {
    /// The number itself, or the percentage of `total` rounded up or down.
    ///
    /// `staging/src/k8s.io/apimachinery/pkg/util/intstr/intstr.go: GetScaledValueFromIntOrPercent`.
    pub fn of(self, total: i32, round_up: bool) -> i32 {
        match self {
            IntOrPercent::Int(n) => n,
            IntOrPercent::Percent(p) => {
                let hundredths = i64::from(p) * i64::from(total);
                let down = hundredths.div_euclid(100);
                let n = down + i64::from(round_up && down * 100 != hundredths);
                n.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
            }
        }
    }
}

/// As a manifest has it.
impl fmt::Display for IntOrPercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IntOrPercent::Int(n) => write!(f, "{n}"),
            IntOrPercent::Percent(p) => write!(f, "{p}%"),
        }
    }
}

/// maxSurge and maxUnavailable as pod counts: `(surge, unavailable)`. Surge is rounded up, unavailable down;
/// both zero makes unavailable 1.
///
/// `deployment_util.go: ResolveFenceposts`.
pub fn resolve_fenceposts(
    max_surge: IntOrPercent,
    max_unavailable: IntOrPercent,
    desired: i32,
) -> (i32, i32) {
    let surge = max_surge.of(desired, true);
    let unavailable = max_unavailable.of(desired, false);
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

/// What the pods of a workload are made from.
#[derive(Clone, Debug, PartialEq)]
pub struct PodTemplate {
    /// Of its pods.
    pub namespace: String,
    /// Balancers and selectors read them.
    pub namespace_labels: Labels,
    /// Of its pods.
    pub labels: Labels,
    /// What answers of these pods are counted as: "v1", "v2", ...
    pub version: String,
    /// Init containers in order; those with `sidecar` are native sidecars (restartPolicy Always).
    pub init_containers: Vec<Container>,
    /// Those of `spec.containers`, in order.
    pub containers: Vec<Container>,
    /// The container that serves the Service, counting init containers first.
    pub serving: u8,
    /// The container that all requests to it pass (a mesh's sidecar), counted as `serving`; None: there is
    /// none.
    pub proxy: Option<u8>,
    /// The ztunnel of their node takes the connections to its pods (an ambient mesh).
    pub captured: bool,
    /// The application listens on other ports than the Service sends to.
    pub refuses: bool,
    /// From the deletion to SIGKILL, in seconds.
    pub termination_grace_period_seconds: i64,
    /// Annotation controller.kubernetes.io/pod-deletion-cost.
    pub deletion_cost: i32,
    /// Condition types, e.g. `target-health.elbv2.k8s.aws/...`.
    pub readiness_gates: Vec<String>,
    /// Those of them that nobody sets: the pods never become ready.
    pub unset_gates: Vec<super::gates::UnsetGate>,
    /// Which of them a new pod has to wait for, by who sets them.
    pub gates: super::gates::Gates,
    /// Where its pods may go.
    pub placement: Placement,
    /// Its pods have the address of their node: where nobody listens any more, connections are refused.
    pub host_network: bool,
    /// Pods mount a service-account token (costs one or two volume polls at start and end).
    pub automount_service_account_token: bool,
    /// What keeps its pods where they are.
    pub stays: Stays,
}

impl PodTemplate {
    /// The container that serves the Service.
    pub fn serving_container(&self) -> &Container {
        let mut all = self.init_containers.iter().chain(&self.containers);
        all.nth(usize::from(self.serving)).expect("the one that serves is among them")
    }

    /// What the scheduler reserves: the larger of containers and sidecars together, and any one init
    /// container with the sidecars before it. A container that does not say counts as `missing`.
    pub fn requests(&self, missing: Resources) -> Resources {
        let (mut sidecars, mut peak) = (Resources::default(), Resources::default());
        for container in &self.init_containers {
            let with = sidecars.plus(container.requests.or(missing));
            peak = peak.larger(with);
            if container.sidecar {
                sidecars = with;
            }
        }
        let all = self.containers.iter().map(|c| c.requests.or(missing));
        all.fold(sidecars, Resources::plus).larger(peak)
    }

    /// Its pods run and never become ready: a readiness probe asks an application that always says no.
    pub fn never_ready(&self) -> bool {
        let all = self.init_containers.iter().chain(&self.containers);
        self.never_initialized().is_some() || all.clone().any(Container::never_ready)
    }

    /// The first init container that never succeeds, so that nothing after it starts.
    pub fn never_initialized(&self) -> Option<&Container> {
        self.init_containers.iter().find(|c| !c.sidecar && c.app.never_ready)
    }
}

/// What a container asks for, where it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Thousandths of a processor.
    pub cpu_millis: Option<i64>,
    /// Bytes of memory.
    pub memory_bytes: Option<i64>,
}

impl Requests {
    /// Nothing is asked for.
    pub fn is_none(self) -> bool {
        self == Requests::default()
    }

    fn or(self, missing: Resources) -> Resources {
        Resources {
            cpu_millis: self.cpu_millis.unwrap_or(missing.cpu_millis),
            memory_bytes: self.memory_bytes.unwrap_or(missing.memory_bytes),
        }
    }
}

/// A container of the template, with the process inside.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// As the pod names it.
    pub name: String,
    /// As the manifest names it.
    pub image: String,
    /// Whether the registry is asked at each start.
    pub image_pull_policy: ImagePullPolicy,
    /// An init container that keeps running (restartPolicy Always).
    pub sidecar: bool,
    /// What the scheduler reserves for it.
    pub requests: Requests,
    /// `resources.limits.cpu`, in thousandths of a processor; None: it takes what it gets.
    pub cpu_limit_millis: Option<i64>,
    /// A change of its requests and limits while it runs starts it anew, by `resizePolicy`.
    pub resize: ResizePolicy,
    /// Those that it declares.
    pub ports: Vec<ContainerPort>,
    /// Until it succeeds, the others wait.
    pub startup_probe: Option<Probe>,
    /// Whether the pod gets requests.
    pub readiness_probe: Option<Probe>,
    /// Kills the container when it fails.
    pub liveness_probe: Option<Probe>,
    /// Runs before SIGTERM.
    pub pre_stop: Option<Hook>,
    /// Runs beside the process; the container is no further until it is over.
    pub post_start: Option<Hook>,
    /// How the process inside behaves: manifests cannot say, so this comes from the scenario or an app card.
    pub app: App,
}

impl Container {
    /// Without a readiness probe nobody asks: it is ready as soon as it runs.
    pub fn never_ready(&self) -> bool {
        let says_no = |p: &Probe| self.app.never_ready || p.fails_after().is_some();
        self.never_starts() || self.readiness_probe.as_ref().is_some_and(says_no)
    }

    /// Its probes.
    pub fn probes(&self) -> impl Iterator<Item = &Probe> {
        [&self.startup_probe, &self.readiness_probe, &self.liveness_probe].into_iter().flatten()
    }

    /// Its startup probe cannot succeed.
    pub fn never_starts(&self) -> bool {
        self.startup_probe.as_ref().is_some_and(|p| p.fails_after().is_some())
    }
}

/// `resizePolicy` of a container: which changes start it anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResizePolicy {
    /// RestartContainer for cpu (false: NotRequired).
    pub cpu_restarts: bool,
    /// RestartContainer for memory (false: NotRequired).
    pub memory_restarts: bool,
}

/// When an image is asked for before a container starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImagePullPolicy {
    /// Before every start of a container.
    Always,
    /// Where the node does not have it.
    IfNotPresent,
    /// Never: without it the container does not start.
    Never,
}

/// An entry of `ports` of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// By which a Service may ask for it.
    pub name: Option<String>,
    /// `containerPort`.
    pub port: u16,
}

/// What `lifecycle.preStop` or `postStart` does.
#[derive(Clone, Debug, PartialEq)]
pub enum Hook {
    /// The kubelet itself waits.
    Sleep { seconds: i64 },
    /// `duration` is read from `sleep N` commands, or given by the scenario, else zero.
    Exec { command: Vec<String>, duration: Dur },
    /// A command beside the process that looks every 0.5 s whether that listens (`pilot-agent wait`).
    UntilListening,
    /// An HTTP GET to the pod; `duration` is what the scenario gives, else zero.
    HttpGet { path: String, port: u16, duration: Dur },
}

impl Hook {
    /// How long it runs, without the time to start it.
    pub fn length(&self) -> Dur {
        match self {
            Hook::Sleep { seconds } => Dur::from_secs(*seconds),
            Hook::UntilListening => Dur::ZERO,
            Hook::Exec { duration, .. } | Hook::HttpGet { duration, .. } => *duration,
        }
    }
}

/// A Service, as far as data planes read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// Labels that a pod must have to be an endpoint.
    pub selector: Labels,
    /// In the order of the manifest.
    pub ports: Vec<ServicePort>,
    /// How it can be reached.
    pub kind: ServiceKind,
    /// `spec.publishNotReadyAddresses`: endpoints count as ready whatever their probes say.
    pub publish_not_ready_addresses: bool,
    /// externalTrafficPolicy Local (false: Cluster).
    pub external_traffic_local: bool,
    /// internalTrafficPolicy Local (false: Cluster).
    pub internal_traffic_local: bool,
    /// sessionAffinity ClientIP.
    pub client_ip_affinity: bool,
    /// trafficDistribution; None: to every endpoint alike.
    pub traffic_distribution: Option<Distribution>,
    /// loadBalancerClass: who makes the load balancer; None: the cloud's own controller.
    pub load_balancer_class: Option<String>,
    /// Kept for balancers that read them (AWS Load Balancer Controller, MetalLB).
    pub annotations: BTreeMap<String, String>,
}

/// By this annotation requests of a Service go past Knative's activator.
pub const ACTIVATOR: &str = "networking.internal.knative.dev/serviceType";

impl Service {
    /// One with an address of its own within the cluster, and all else as it is by default.
    pub fn cluster_ip(
        name: String,
        namespace: &str,
        selector: Labels,
        port: ServicePort,
    ) -> Service {
        Service {
            name,
            namespace: namespace.to_owned(),
            selector,
            ports: vec![port],
            kind: ServiceKind::ClusterIp,
            publish_not_ready_addresses: false,
            external_traffic_local: false,
            internal_traffic_local: false,
            client_ip_affinity: false,
            traffic_distribution: None,
            load_balancer_class: None,
            annotations: BTreeMap::new(),
        }
    }

    /// Requests that find no pod with room are held until there is one.
    pub fn is_held(&self) -> bool {
        self.annotations.contains_key(ACTIVATOR)
    }

    /// Whether pods of this template are behind it: pods without the port of that name are listed in a slice
    /// that lacks the port, where nobody finds them.
    ///
    /// `staging/src/k8s.io/endpointslice/utils.go: getEndpointPorts`.
    pub fn selects(&self, template: &PodTemplate) -> bool {
        let named = |name: &String| {
            let all = template.init_containers.iter().chain(&template.containers);
            let mut ports = all.flat_map(|c| &c.ports);
            ports.any(|p| p.name.as_ref() == Some(name))
        };
        let has_port = match self.ports.first().map(|p| &p.target_port) {
            Some(TargetPort::Name(name)) => named(name),
            Some(TargetPort::Number(_)) | None => true,
        };
        has_port
            && self.namespace == template.namespace
            && selects(&self.selector, &template.labels)
    }
}

/// An entry of `ports` of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Needed where there are several.
    pub name: Option<String>,
    /// The port of the Service.
    pub port: u16,
    /// The port of its pods.
    pub target_port: TargetPort,
    /// The port of every node, where there is one.
    pub node_port: Option<u16>,
}

/// The port of the pods: by number, or by the name that a container gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// A port of the pod, 1 to 65535.
    Number(u16),
    /// `name` of a container's port.
    Name(String),
}

/// `spec.type`, with `clusterIP: None` as a type of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceKind {
    /// An address in the cluster, through kube-proxy.
    ClusterIp,
    /// No address: names lead to the pods themselves.
    Headless,
    /// That, and a port on every node.
    NodePort,
    /// That, and a cloud's load balancer in front.
    LoadBalancer,
}

/// An Ingress, as far as the data planes read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.ingressClassName`, or the annotation of old.
    pub class: Option<String>,
    /// Settings of the controller that reads it.
    pub annotations: BTreeMap<String, String>,
    /// Services named by its rules, in order, with their port.
    pub backends: Vec<(String, TargetPort)>,
}
