//! What keeps pods: the kinds of workloads, as their manifests have them.

use super::release::Release;
use super::spec::{IntOrPercent, PodTemplate};
use std::sync::Arc;

/// The spec of a workload and the metadata that matters, with Kubernetes' defaults filled in. What its kind
/// alone has is in its strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.replicas`, 0 or more. Of a DaemonSet: the nodes it runs on when the run starts.
    pub replicas: i32,
    /// Its kind, and how old pods make room for new ones.
    pub strategy: Strategy,
    /// How long a pod must have been Ready to count as available.
    pub min_ready_seconds: i32,
    /// None: no deadline (2147483647 in the manifest, and all kinds but Deployments).
    pub progress_deadline_seconds: Option<i32>,
    /// None: keep all (2147483647 in the manifest).
    pub revision_history_limit: Option<i32>,
    /// `spec.paused` of a Deployment: changes of the template wait.
    pub paused: bool,
    /// What its pods are made from.
    pub template: Arc<PodTemplate>,
    /// Of a Rollout: its steps and what they are decided by; of others none.
    pub release: Option<Arc<Release>>,
}

/// How old pods make room for new ones: the compiler names the places that have to know a further kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Of a Deployment: all old pods go before the first new one comes.
    Recreate,
    /// Of a Deployment: old and new pods overlap, within these bounds.
    RollingUpdate { max_surge: IntOrPercent, max_unavailable: IntOrPercent },
    /// Of a StatefulSet: each name is free before its new pod comes.
    StatefulSet(StatefulSetStrategy),
    /// Of a DaemonSet: node by node.
    DaemonSet(DaemonSetStrategy),
    /// Of a Rollout: in the steps of its release. The bounds are those of a canary without a router.
    Rollout { max_surge: IntOrPercent, max_unavailable: IntOrPercent },
    /// Of a ReplicaSet: there is none. A new template is for new pods alone.
    ReplicaSet,
    /// Of a pod that nothing owns: there is none.
    Pod,
}

/// `podManagementPolicy` and `updateStrategy` of a StatefulSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatefulSetStrategy {
    /// `podManagementPolicy: Parallel` (false: OrderedReady).
    pub parallel: bool,
    /// `updateStrategy.type: OnDelete`: pods are replaced when somebody deletes them.
    pub on_delete: bool,
    /// Pods with a lower ordinal stay as they are, 0 or more.
    pub partition: i32,
    /// How many may be away, where the gate MaxUnavailableStatefulSet is on; None: not given, which is 1.
    pub max_unavailable: Option<IntOrPercent>,
    /// `volumeClaimTemplates`: each pod has a volume of its own, which follows it to another node.
    pub claims: bool,
}

impl StatefulSetStrategy {
    /// So many of `replicas` may be away: percentages are rounded down, 1 at least.
    ///
    /// `pkg/controller/statefulset/stateful_set_utils.go: getStatefulSetMaxUnavailable`.
    pub fn may_be_away(&self, replicas: i32) -> i32 {
        self.max_unavailable.map_or(1, |limit| limit.of(replicas, false).max(1))
    }
}

/// `updateStrategy` of a DaemonSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaemonSetStrategy {
    /// `updateStrategy.type: OnDelete`: pods are replaced when somebody deletes them.
    pub on_delete: bool,
    /// New pods beside old ones.
    pub max_surge: IntOrPercent,
    /// Nodes without a pod that is available.
    pub max_unavailable: IntOrPercent,
}

impl DaemonSetStrategy {
    /// So many nodes may have a new pod beside the old one, and so many may be without: percentages are
    /// rounded up, and where neither allows anything, one node may be without.
    ///
    /// `pkg/controller/daemon/update.go: updatedDesiredNodeCounts`.
    pub fn limits(&self, nodes: i32) -> (i32, i32) {
        let surge = self.max_surge.of(nodes, true);
        let unavailable = self.max_unavailable.of(nodes, true);
        let none = nodes > 0 && surge == 0 && unavailable == 0;
        (surge, if none { 1 } else { unavailable })
    }
}

/// The kinds of workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `apps/v1`.
    Deployment,
    /// `apps/v1`.
    StatefulSet,
    /// `apps/v1`.
    DaemonSet,
    /// `argoproj.io/v1alpha1`.
    Rollout,
    /// `apps/v1`, of no Deployment.
    ReplicaSet,
    /// `v1`, of nothing.
    Pod,
}

impl Kind {
    /// As manifests have it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Deployment => "Deployment",
            Kind::StatefulSet => "StatefulSet",
            Kind::DaemonSet => "DaemonSet",
            Kind::Rollout => "Rollout",
            Kind::ReplicaSet => "ReplicaSet",
            Kind::Pod => "Pod",
        }
    }

    /// As kubectl has it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Deployment => "deployment",
            Kind::StatefulSet => "statefulset",
            Kind::DaemonSet => "daemonset",
            Kind::Rollout => "rollout",
            Kind::ReplicaSet => "replicaset",
            Kind::Pod => "pod",
        }
    }

    /// Its pods are those of ReplicaSets, one for each template.
    pub fn has_sets(self) -> bool {
        matches!(self, Kind::Deployment | Kind::Rollout)
    }

    /// Something replaces its pods when its template changes.
    pub fn rolls(self) -> bool {
        !matches!(self, Kind::ReplicaSet | Kind::Pod)
    }
}

impl Workload {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self.strategy {
            Strategy::Recreate | Strategy::RollingUpdate { .. } => Kind::Deployment,
            Strategy::StatefulSet(_) => Kind::StatefulSet,
            Strategy::DaemonSet(_) => Kind::DaemonSet,
            Strategy::Rollout { .. } => Kind::Rollout,
            Strategy::ReplicaSet => Kind::ReplicaSet,
            Strategy::Pod => Kind::Pod,
        }
    }

    /// Pods are replaced only when somebody deletes them.
    pub fn on_delete(&self) -> bool {
        match self.strategy {
            Strategy::StatefulSet(s) => s.on_delete,
            Strategy::DaemonSet(s) => s.on_delete,
            _ => false,
        }
    }

    /// So many of its pods come to be of a new template.
    pub fn to_update(&self) -> i32 {
        match self.strategy {
            Strategy::StatefulSet(s) => (self.replicas - s.partition).max(0),
            _ => self.replicas,
        }
    }
}
