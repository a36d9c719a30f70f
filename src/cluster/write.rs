//! What clients write to the API server, and what watchers are told.

use super::gates::GateSetter;
use super::objects::{
    BudgetId, BudgetStatus, Member, NodeId, Owner, PodId, PodStatus, RsId, RsStatus, ServiceId,
    TemplateId, WorkloadId, WorkloadStatus,
};

/// The endpoint changes of one sync of a Service: a range of `Cluster::slice_log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceRange {
    /// Whose they are.
    pub service: ServiceId,
    /// The first entry of the log.
    pub from: u32,
    /// The one after the last.
    pub to: u32,
}

/// A verb: what a client writes to the API server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Write {
    /// A ReplicaSet for a template that has none; `max` is its annotation max-replicas.
    CreateReplicaSet {
        deployment: WorkloadId,
        template: TemplateId,
        revision: u32,
        replicas: i32,
        max: i32,
    },
    /// Made from a copy with this resource version: refused when the object has moved on.
    ScaleReplicaSet { rs: RsId, replicas: i32, desired: i32, max: i32, resource_version: u32 },
    /// The subresource `scale`: an autoscaler sets `spec.replicas`.
    Scale { workload: WorkloadId, replicas: i32 },
    /// The Deployment's revision history: `undo` gives an old set the next revision.
    SetRevision { rs: RsId, revision: u32 },
    /// Its `status`.
    ReplicaSetStatus { rs: RsId, status: RsStatus },
    /// An old set beyond the revision history limit goes.
    DeleteReplicaSet { rs: RsId },
    /// Its `status`, the condition Progressing apart.
    WorkloadStatus { workload: WorkloadId, status: WorkloadStatus },
    /// The condition Progressing has become False.
    ProgressDeadlineExceeded { deployment: WorkloadId },
    /// A pod of the owner's template.
    CreatePod { owner: Owner },
    /// A pod that a workload makes without a ReplicaSet. A name that is taken is refused.
    CreateMember { workload: WorkloadId, template: TemplateId, member: Member },
    /// The template that pods of a StatefulSet below the partition have (`status.currentRevision`).
    CurrentRevision { workload: WorkloadId, template: TemplateId },
    /// The kubelet has given a running pod other resources: it is as `spec` from then on.
    Resize { pod: PodId, spec: TemplateId },
    /// A workload gets the spec of another one, but for what it is called and labelled by; and its size where
    /// `sized`.
    CopySpec { from: WorkloadId, to: WorkloadId, sized: bool },
    /// A Service of a Rollout selects the pods of one template.
    SelectTemplate { service: ServiceId, template: TemplateId },
    /// A router gives one of two Services a weight, and the other the rest `of` the whole.
    ShareWeight { to: ServiceId, weight: u32, of: u32 },
    /// A load balancer's rule has these shares of two Services by now, which its API tells.
    RuleIs { weights: [u32; 2] },
    /// The scheduler's decision; `node` is the node's number.
    BindPod { pod: PodId, node: NodeId },
    /// Sets the deletion time; the kubelet does the rest.
    DeletePod {
        pod: PodId,
        /// The grace period that is asked for, in seconds; None: the pod's own.
        grace: Option<i64>,
    },
    /// What the kubelet reports.
    PodStatus { pod: PodId, status: PodStatus },
    /// The conditions of its readiness gates that one controller sets become True, or False.
    SetGates { pod: PodId, by: GateSetter, value: bool },
    /// The kubelet's last word: the object goes.
    RemovePod { pod: PodId },
    /// `kubectl cordon` and `uncordon`.
    SetUnschedulable { node: NodeId, value: bool },
    /// Its lease has run out: the condition Ready becomes Unknown, and no new pod may come.
    NodeUnknown { node: NodeId },
    /// It is heard of again: Ready, and without the taints of its silence.
    NodeReady { node: NodeId },
    /// The taint unreachable with the effect NoExecute: pods go when their tolerations end.
    TaintUnreachable { node: NodeId },
    /// The node controller sets the condition Ready of a pod to False: nobody hears of its kubelet.
    MarkNotReady { pod: PodId },
    /// The object of a node appears, or goes.
    SetPresent { node: NodeId, value: bool },
    /// These entries of the log of endpoints are written to their slices.
    Slice(SliceRange),
    /// Made from a copy with this resource version: refused when the object has moved on.
    BudgetStatus { budget: BudgetId, status: BudgetStatus, resource_version: u32 },
    /// The eviction of a pod takes one of the budget's disruptions.
    TakeDisruption { budget: BudgetId, pod: PodId },
}

/// What changed, for the watchers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The workload: its spec or its status.
    Workload(WorkloadId),
    /// The ReplicaSet: its spec or its status, or it is gone.
    ReplicaSet(RsId),
    /// The pod is there, on no node yet.
    PodCreated(PodId),
    /// It has a node.
    PodBound(PodId),
    /// The kubelet has reported on it.
    PodStatus(PodId),
    /// The conditions of its readiness gates.
    PodGates(PodId),
    /// It has other resources than before.
    PodResized(PodId),
    /// It has a deletion time.
    PodDeleting(PodId),
    /// It is gone.
    PodRemoved(PodId),
    /// The node with that number.
    Node(NodeId),
    /// The entries of the log of endpoints that were written.
    Slice(SliceRange),
    /// The PodDisruptionBudget: its status.
    Budget(BudgetId),
    /// A Service, by its number.
    Service(ServiceId),
    /// The shares in the Ingress' rule.
    Weights,
    /// A write was refused because its copy was old.
    Conflict(WorkloadId),
    /// A status of the budget was refused because its copy was old.
    BudgetConflict(BudgetId),
}
