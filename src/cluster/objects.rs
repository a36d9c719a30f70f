//! The live API objects.

use super::disruption::PodDisruptionBudget;
use super::gates::Gates;
pub use super::ids::ServiceId;
use super::phase::PodPhase;
use super::workload::{Kind, Workload as WorkloadSpec};
use crate::engine::Time;
use crate::engine::list::id;
use std::sync::Arc;

pub use crate::timeline::{NodeId, PodId};
id!(RsId, "Index of a ReplicaSet.");
id!(WorkloadId, "Index of a workload: what is rolled out, scaled and drained.");
id!(TemplateId, "Index of a distinct pod template.");
id!(BudgetId(u16), "Index of a PodDisruptionBudget.");

/// What made a pod, as its `ownerReferences` say; its workload, or what belongs to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Of `Cluster::replica_sets`.
    ReplicaSet(RsId),
    /// The workload itself: a StatefulSet or a DaemonSet; a pod that nothing owns is its own.
    Workload(WorkloadId),
}

/// Which of a workload's own pods one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// Of a StatefulSet: the pod of this ordinal.
    Ordinal(u32),
    /// Of a DaemonSet: the one of this node.
    On(NodeId),
    /// The only one.
    Alone,
}

/// How far a workload is, whatever its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Pods that its spec asks for.
    pub desired: i32,
    /// Of every template.
    pub replicas: i32,
    /// Of the present template.
    pub updated: i32,
    /// So many are to be of the present template.
    pub to_update: i32,
    /// Ready ones.
    pub ready: i32,
    /// Available ones.
    pub available: i32,
    /// The status is of the current generation.
    pub observed: bool,
}

/// What the kubelet writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodStatus {
    /// `status.phase`.
    pub phase: PodPhase,
    /// The condition Ready.
    pub ready: bool,
    /// All containers ready: Ready but for the readiness gates.
    pub containers_ready: bool,
    /// `status.podIP` is set: there can be an endpoint.
    pub has_ip: bool,
    /// `restartCount` of the serving container.
    pub restarts: u32,
}

/// A pod as the API server holds it.
#[derive(Clone, Debug)]
pub struct Pod {
    /// What made it.
    pub owner: Owner,
    /// What it was made from.
    pub template: TemplateId,
    /// What it runs as: its template, or what admission or a resize has made of that.
    pub spec: TemplateId,
    /// `metadata.creationTimestamp`, not cut to seconds.
    pub created: Time,
    /// Random, and its set's and its number's: what other objects there are does not change it.
    pub uid: u64,
    /// How many its workload had made before; of a StatefulSet its ordinal.
    pub number: u32,
    /// The one node that it is for.
    pub pinned: Option<NodeId>,
    /// `spec.nodeName`, as the node's number; None: not bound yet.
    pub node: Option<NodeId>,
    /// As the kubelet wrote it last.
    pub status: PodStatus,
    /// lastTransitionTime of Ready, cut to whole seconds as on the wire.
    pub ready_transition: Time,
    /// Which of its readiness gates are True.
    pub gates: Gates,
    /// Annotation controller.kubernetes.io/pod-deletion-cost.
    pub deletion_cost: i32,
    /// The grace period it was deleted with, in seconds.
    pub deleting: Option<i64>,
    /// The object is gone; its place stays, so that numbers stay.
    pub removed: bool,
}

impl Pod {
    /// It is there, and nobody has deleted it.
    pub fn stays(&self) -> bool {
        !self.removed && self.deleting.is_none()
    }
}

/// `status` of a ReplicaSet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RsStatus {
    /// Pods that belong to it and are not being deleted.
    pub replicas: i32,
    /// Of these, those that are Ready.
    pub ready: i32,
    /// Of these, those that have been Ready for `minReadySeconds`.
    pub available: i32,
    /// Pods that are being deleted (from Kubernetes 1.35).
    pub terminating: i32,
    /// The `generation` that it is of.
    pub observed_generation: u32,
}

/// A ReplicaSet as the API server holds it.
#[derive(Clone, Copy, Debug)]
pub struct ReplicaSet {
    /// The Deployment's, and its number among the Deployment's sets.
    pub uid: u64,
    /// The Deployment that owns it; a ReplicaSet that nothing owns is a workload itself.
    pub deployment: WorkloadId,
    /// What its pods are made from.
    pub template: TemplateId,
    /// Annotation `deployment.kubernetes.io/revision`.
    pub revision: u32,
    /// `metadata.creationTimestamp`, not cut to seconds.
    pub created: Time,
    /// `spec.replicas`: how many pods it is to have.
    pub replicas: i32,
    /// Annotations deployment.kubernetes.io/desired-replicas and max-replicas.
    pub desired_annotation: i32,
    /// Annotation `deployment.kubernetes.io/max-replicas`: desired replicas and surge.
    pub max_annotation: i32,
    /// Counts changes of `spec`.
    pub generation: u32,
    /// Counts every write: an update made from an older copy conflicts.
    pub resource_version: u32,
    /// As its controller wrote it last.
    pub status: RsStatus,
    /// `spec.minReadySeconds`, copied from the Deployment.
    pub min_ready_seconds: i32,
    /// The object is gone; its place stays, so that numbers stay.
    pub removed: bool,
    /// Pods made so far.
    pub pods_made: u32,
}

/// `status` of a workload, by its kind's names for these numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkloadStatus {
    /// Of a DaemonSet: `desiredNumberScheduled`; of others 0.
    pub desired: i32,
    /// Pods of every template; of a DaemonSet `currentNumberScheduled`.
    pub replicas: i32,
    /// Pods of the present template.
    pub updated: i32,
    /// Those that are Ready.
    pub ready: i32,
    /// Those that have been Ready for `minReadySeconds`.
    pub available: i32,
    /// The `generation` that it is of.
    pub observed_generation: u32,
}

impl WorkloadStatus {
    /// Of a spec with so many replicas, of which so many are to be updated; `observed`: the status is of the
    /// current generation.
    pub fn progress(self, desired: i32, to_update: i32, observed: bool) -> Progress {
        let WorkloadStatus { replicas, updated, ready, available, .. } = self;
        Progress { desired, replicas, updated, to_update, ready, available, observed }
    }
}

/// A workload as the API server holds it.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Of its name.
    pub uid: u64,
    /// As the user wrote it last.
    pub spec: WorkloadSpec,
    /// The present pod template.
    pub template: TemplateId,
    /// Of a StatefulSet: the template that pods below the partition have, `status.currentRevision`. Of a
    /// Rollout: the stable one, `status.stableRS`.
    pub current: TemplateId,
    /// How often somebody promoted a Rollout that paused.
    pub resumed: u32,
    /// Of a StatefulSet or a DaemonSet: its ControllerRevisions, rising; of others none.
    pub revisions: Vec<(u32, TemplateId)>,
    /// Counts changes of `spec`.
    pub generation: u32,
    /// As its controller wrote it last.
    pub status: WorkloadStatus,
    /// ReplicaSets made so far.
    pub sets_made: u32,
    /// Of all its sets.
    pub pods_made: u32,
}

impl Workload {
    /// Enters the present template as the newest revision, and forgets those beyond the limit.
    pub fn note_revision(&mut self) {
        if !matches!(self.spec.kind(), Kind::StatefulSet | Kind::DaemonSet) {
            return;
        }
        let newest = self.revisions.last().map_or(0, |(number, _)| *number);
        if self.revisions.last().is_some_and(|(_, template)| *template == self.template) {
            return;
        }
        self.revisions.retain(|(_, template)| *template != self.template);
        self.revisions.push((newest + 1, self.template));
        debug_assert!(self.revisions.is_sorted(), "revisions rise: {:?}", self.revisions);
        // The limit is of those that no pod has: the one in use stays.
        let kept = self.spec.revision_history_limit.map_or(usize::MAX, |n| n.max(0) as usize + 1);
        let beyond = self.revisions.len().saturating_sub(kept.max(2));
        self.revisions.drain(..beyond);
    }
}

/// One endpoint's conditions in a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conditions {
    /// Serving and not terminating: gets requests.
    pub ready: bool,
    /// The pod is Ready, whether it is terminating or not.
    pub serving: bool,
    /// The pod is being deleted.
    pub terminating: bool,
}

/// A change of one endpoint: None removes it.
pub type EndpointChange = (PodId, Option<Conditions>);

/// status of a PodDisruptionBudget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetStatus {
    /// `expectedPods`.
    pub expected: i32,
    /// `desiredHealthy`: how many must stay.
    pub desired_healthy: i32,
    /// `currentHealthy`: how many are Ready and not disrupted.
    pub current_healthy: i32,
    /// `disruptionsAllowed`: how many evictions would be granted.
    pub disruptions_allowed: i32,
    /// How many pods disruptedPods lists.
    pub disrupted: u16,
}

/// A PodDisruptionBudget as the API server holds it.
#[derive(Clone, Debug)]
pub struct Budget {
    /// As the user wrote it.
    pub spec: Arc<PodDisruptionBudget>,
    /// As it was written last.
    pub status: BudgetStatus,
    /// Every eviction it granted, and when: those that still count are disruptedPods.
    pub granted: Vec<(PodId, Time)>,
    /// Counts every write: an update made from an older copy conflicts.
    pub resource_version: u32,
}
