//! What clients write to the API server, and what watchers are told.

use super::objects::{
    BudgetId, BudgetStatus, DeploymentId, DeploymentStatus, Owner, PodId, PodStatus, RsId,
    RsStatus, TemplateId,
};

/// The endpoint changes of one sync of a Service: a range of `Cluster::slice_log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceRange {
    /// Its number in the scenario.
    pub service: u8,
    /// The first entry of the log.
    pub from: u32,
    /// The one after the last.
    pub to: u32,
}

/// A verb: what a client writes to the API server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Write {
    CreateReplicaSet {
        deployment: DeploymentId,
        template: TemplateId,
        revision: u32,
        replicas: i32,
        max: i32,
    },
    /// Made from a copy with this resource version: refused when the object has moved on.
    ScaleReplicaSet {
        rs: RsId,
        replicas: i32,
        desired: i32,
        max: i32,
        resource_version: u32,
    },
    /// The Deployment's revision history: `undo` gives an old set the next revision.
    SetRevision {
        rs: RsId,
        revision: u32,
    },
    ReplicaSetStatus {
        rs: RsId,
        status: RsStatus,
    },
    DeleteReplicaSet {
        rs: RsId,
    },
    DeploymentStatus {
        deployment: DeploymentId,
        status: DeploymentStatus,
    },
    ProgressDeadlineExceeded {
        deployment: DeploymentId,
    },
    CreatePod {
        owner: Owner,
    },
    BindPod {
        pod: PodId,
        node: u16,
    },
    DeletePod {
        pod: PodId,
        /// The grace period that is asked for, in seconds; None: the pod's own.
        grace: Option<i64>,
    },
    PodStatus {
        pod: PodId,
        status: PodStatus,
    },
    SetGates {
        pod: PodId,
        value: bool,
    },
    RemovePod {
        pod: PodId,
    },
    /// `kubectl cordon` and `uncordon`.
    SetUnschedulable {
        node: u16,
        value: bool,
    },
    Slice(SliceRange),
    /// Made from a copy with this resource version: refused when the object has moved on.
    BudgetStatus {
        budget: BudgetId,
        status: BudgetStatus,
        resource_version: u32,
    },
    /// The eviction of a pod takes one of the budget's disruptions.
    TakeDisruption {
        budget: BudgetId,
        pod: PodId,
    },
}

/// What changed, for the watchers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Deployment(DeploymentId),
    ReplicaSet(RsId),
    PodCreated(PodId),
    PodBound(PodId),
    PodStatus(PodId),
    PodGates(PodId),
    PodDeleting(PodId),
    PodRemoved(PodId),
    Node(u16),
    Slice(SliceRange),
    Budget(BudgetId),
    /// A Service, by its number.
    Service(u8),
    /// The shares in the Ingress' rule.
    Weights,
    /// A write was refused because its copy was old.
    Conflict(DeploymentId),
    BudgetConflict(BudgetId),
}
