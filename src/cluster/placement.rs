//! What pods ask of nodes and of each other, and what nodes offer: what the scheduler reads.

use super::labels::Labels;
use crate::engine::Dur;

/// What pods request and nodes can give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Thousandths of a processor.
    pub cpu_millis: i64,
    /// Bytes of memory.
    pub memory_bytes: i64,
}

impl Resources {
    /// The sum; it saturates.
    pub fn plus(self, other: Resources) -> Resources {
        Resources {
            cpu_millis: self.cpu_millis.saturating_add(other.cpu_millis),
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
        }
    }

    /// What is left; negative where more is taken than there is.
    pub fn minus(self, other: Resources) -> Resources {
        Resources {
            cpu_millis: self.cpu_millis - other.cpu_millis,
            memory_bytes: self.memory_bytes - other.memory_bytes,
        }
    }

    /// The larger amount of each.
    pub fn larger(self, other: Resources) -> Resources {
        Resources {
            cpu_millis: self.cpu_millis.max(other.cpu_millis),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
        }
    }
}

/// One line of `matchExpressions` (or `matchFields`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label or field.
    pub key: String,
    /// What its value has to be.
    pub is: Is,
}

/// What is required of a value: the `operator` with its `values`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Is {
    /// `In`: it is one of these.
    In(Vec<String>),
    /// `NotIn`: it is none of these, or missing.
    NotIn(Vec<String>),
    /// `Exists`: there is one.
    Exists,
    /// `DoesNotExist`: there is none.
    DoesNotExist,
    /// `Gt`: it is a whole number above this one.
    Gt(i64),
    /// `Lt`: it is a whole number below this one.
    Lt(i64),
}

impl Requirement {
    /// Whether the value of its key (None: there is none) is as required.
    ///
    /// `staging/src/k8s.io/apimachinery/pkg/labels/selector.go: Requirement.Matches`.
    pub fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|v| v.parse::<i64>().ok());
        match &self.is {
            Is::In(values) => value.is_some_and(|v| values.iter().any(|one| one == v)),
            Is::NotIn(values) => !value.is_some_and(|v| values.iter().any(|one| one == v)),
            Is::Exists => value.is_some(),
            Is::DoesNotExist => value.is_none(),
            Is::Gt(bound) => number().is_some_and(|n| n > *bound),
            Is::Lt(bound) => number().is_some_and(|n| n < *bound),
        }
    }
}

/// A label selector; the empty one selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// `matchLabels`: each must be there with this value.
    pub labels: Labels,
    /// `matchExpressions`: each must hold.
    pub expressions: Vec<Requirement>,
}

impl Selector {
    /// Whether all of it holds for the labels.
    pub fn selects(&self, labels: &Labels) -> bool {
        let value = |key: &str| labels.get(key).map(String::as_str);
        self.labels.iter().all(|(k, v)| value(k) == Some(v))
            && self.expressions.iter().all(|e| e.holds(value(&e.key)))
    }
}

/// A term of a node selector: all of it must hold. The empty one matches no node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeTerm {
    /// Of labels: `matchExpressions`.
    pub expressions: Vec<Requirement>,
    /// Of `metadata.name`, the only field there is.
    pub fields: Vec<Requirement>,
}

impl NodeTerm {
    /// Whether all of it holds for the node.
    pub fn matches(&self, node: &Node) -> bool {
        let value = |key: &str| node.labels.get(key).map(String::as_str);
        !(self.expressions.is_empty() && self.fields.is_empty())
            && self.expressions.iter().all(|e| e.holds(value(&e.key)))
            && self.fields.iter().all(|f| f.holds(Some(&node.name)))
    }
}

/// `affinity.nodeAffinity`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeAffinity {
    /// One of them must match; None: nothing is required.
    pub required: Option<Vec<NodeTerm>>,
    /// With their weights.
    pub preferred: Vec<(i64, NodeTerm)>,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// No new pods.
    NoSchedule,
    /// New pods only where no better node is left.
    PreferNoSchedule,
    /// No new pods, and those that are there have to go.
    NoExecute,
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Such as `dedicated`.
    pub key: String,
    /// Empty where there is none.
    pub value: String,
    /// What it does to pods that do not tolerate it.
    pub effect: Effect,
}

/// An entry of `tolerations`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    /// None: every key.
    pub key: Option<String>,
    /// None: every value (operator Exists).
    pub value: Option<String>,
    /// None: every effect.
    pub effect: Option<Effect>,
    /// `tolerationSeconds` of an evicting taint; None: for ever. Below 0 counts as 0.
    pub seconds: Option<i64>,
}

impl Toleration {
    /// Of every value of a key (operator Exists).
    pub fn exists(key: &str, effect: Effect) -> Toleration {
        Toleration { key: Some(key.to_owned()), value: None, effect: Some(effect), seconds: None }
    }

    /// `staging/src/k8s.io/api/core/v1/toleration.go: ToleratesTaint`.
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.effect.is_none_or(|effect| effect == taint.effect)
            && self.key.as_ref().is_none_or(|key| *key == taint.key)
            && self.value.as_ref().is_none_or(|value| *value == taint.value)
    }
}

/// A port of the node that the pod takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// `0.0.0.0`: every address.
    pub ip: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// The port of the node.
    pub port: u16,
}

impl HostPort {
    /// Whether two pods cannot have both on one node.
    pub fn conflicts(&self, other: &HostPort) -> bool {
        const ALL: &str = "0.0.0.0";
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || self.ip == ALL || other.ip == ALL)
    }
}

/// An entry of `topologySpreadConstraints`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopologySpread {
    /// The label whose values are the domains.
    pub topology_key: String,
    /// Most pods that a domain may have above the emptiest one.
    pub max_skew: i32,
    /// With fewer domains the emptiest counts as one without pods.
    pub min_domains: Option<i32>,
    /// whenUnsatisfiable: DoNotSchedule (true) or ScheduleAnyway (false).
    pub do_not_schedule: bool,
    /// None selects nothing.
    pub selector: Option<Selector>,
    /// Labels that count only pods with the pod's own values.
    pub match_label_keys: Vec<String>,
    /// nodeAffinityPolicy Honor: nodes that the pod may not go to are not counted.
    pub honor_affinity: bool,
    /// nodeTaintsPolicy Honor: nodes with a taint that it does not tolerate are not counted.
    pub honor_taints: bool,
}

/// Pods that a pod wants near, or far from, itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodTerm {
    /// The label whose values say what is near.
    pub topology_key: String,
    /// None selects nothing.
    pub selector: Option<Selector>,
    /// With those of `namespace_selector`; both empty: the pod's own.
    pub namespaces: Vec<String>,
    /// Namespaces by their labels.
    pub namespace_selector: Option<Selector>,
    /// Labels that count only pods with the pod's own values.
    pub match_label_keys: Vec<String>,
    /// Labels that count only pods with other values.
    pub mismatch_label_keys: Vec<String>,
}

/// `podAffinity` or `podAntiAffinity`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodTerms {
    /// All of them must hold.
    pub required: Vec<PodTerm>,
    /// With their weights.
    pub preferred: Vec<(i64, PodTerm)>,
}

/// Where pods of a template may go, and where they would rather.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// `spec.nodeName`: no scheduler is asked.
    pub node_name: Option<String>,
    /// Labels that the node must have.
    pub node_selector: Labels,
    /// Which nodes are required, and which preferred.
    pub node_affinity: NodeAffinity,
    /// Taints that do not keep its pods away.
    pub tolerations: Vec<Toleration>,
    /// Ports of the node that each pod takes.
    pub host_ports: Vec<HostPort>,
    /// Volume claims with the access mode ReadWriteOncePod.
    pub exclusive_claims: Vec<String>,
    /// How its pods are to be spread.
    pub topology_spread: Vec<TopologySpread>,
    /// Pods it wants near.
    pub affinity: PodTerms,
    /// Pods it wants far.
    pub anti_affinity: PodTerms,
}

impl Placement {
    /// nodeSelector and the required node affinity.
    ///
    /// `staging/src/k8s.io/component-helpers/scheduling/corev1/nodeaffinity: RequiredNodeAffinity.Match`.
    pub fn wants(&self, node: &Node) -> bool {
        self.node_selector.iter().all(|(k, v)| node.labels.get(k) == Some(v))
            && self
                .node_affinity
                .required
                .as_ref()
                .is_none_or(|t| t.iter().any(|t| t.matches(node)))
    }

    /// The first taint that keeps the pod away.
    pub fn untolerated<'n>(&self, node: &'n Node) -> Option<&'n Taint> {
        let keeps_away = |t: &&Taint| t.effect != Effect::PreferNoSchedule && !self.tolerates(t);
        node.taints.iter().find(keeps_away)
    }

    /// Whether one of its tolerations covers the taint.
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.tolerations.iter().any(|t| t.tolerates(taint))
    }
}

/// Whether a node is in the cluster, and whether it is heard of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Its condition Ready is True.
    #[default]
    Ready,
    /// Its lease has run out: the condition Ready is Unknown.
    Unknown,
    /// There is no such object: not yet, or no longer.
    Absent,
}

/// The taint of a node whose condition Ready is Unknown, with both effects one after the other.
pub const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// A node of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// `metadata.name`.
    pub name: String,
    /// With `kubernetes.io/hostname`.
    pub labels: Labels,
    /// Those that keep pods away, or make them rather go elsewhere.
    pub taints: Vec<Taint>,
    /// `spec.unschedulable`: cordoned.
    pub unschedulable: bool,
    /// None: unlimited.
    pub allocatable: Option<Resources>,
    /// Most pods it takes.
    pub max_pods: u32,
    /// How long its kubelet has been running when the run starts.
    pub age: Dur,
    /// Images it has reported, with their bytes.
    pub images: Vec<(String, i64)>,
    /// Whether it is there.
    pub presence: Presence,
}

/// The label that every node has of its own.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
/// The label that says in which zone a node is.
pub const ZONE: &str = "topology.kubernetes.io/zone";

/// The zones of these nodes, by name.
pub fn zones<'a>(nodes: impl Iterator<Item = &'a Node>) -> Vec<&'a str> {
    let mut zones: Vec<&str> = nodes.filter_map(Node::zone).collect();
    zones.sort_unstable();
    zones.dedup();
    zones
}

impl Node {
    /// The value of its label [`ZONE`].
    pub fn zone(&self) -> Option<&str> {
        self.labels.get(ZONE).map(String::as_str)
    }

    /// Whether the API has an object for it.
    pub fn is_there(&self) -> bool {
        self.presence != Presence::Absent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(is: Is) -> Requirement {
        Requirement { key: "size".to_owned(), is }
    }

    #[test]
    fn a_label_that_is_not_there_is_in_no_list() {
        let values = || vec!["1".to_owned()];
        assert!(!requirement(Is::In(values())).holds(None));
        assert!(requirement(Is::NotIn(values())).holds(None));
        assert!(requirement(Is::DoesNotExist).holds(None));
        assert!(!requirement(Is::Gt(0)).holds(None));
        assert!(requirement(Is::Gt(0)).holds(Some("1")));
        assert!(!requirement(Is::Lt(1)).holds(Some("large")), "no number");
    }

    #[test]
    fn an_empty_selector_selects_all_and_an_empty_term_no_node() {
        assert!(Selector::default().selects(&Labels::new()));
        assert!(!NodeTerm::default().matches(&Node::default()));
    }

    #[test]
    fn host_ports_conflict_on_one_address() {
        let port = |ip: &str, protocol: &str| HostPort {
            ip: ip.to_owned(),
            protocol: protocol.to_owned(),
            port: 80,
        };
        let all = port("0.0.0.0", "TCP");
        assert!(all.conflicts(&all) && all.conflicts(&port("10.0.0.1", "TCP")));
        assert!(!port("10.0.0.1", "TCP").conflicts(&port("10.0.0.2", "TCP")));
        assert!(!all.conflicts(&port("0.0.0.0", "UDP")));
    }
}
