//! The live API objects.

use super::phase::PodPhase;
use super::spec::{Deployment as DeploymentSpec, PodDisruptionBudget};
use crate::engine::Time;
use std::sync::Arc;

macro_rules! id {
    ($name:ident, $doc:literal) => {
        id!($name(u32), $doc);
    };
    ($name:ident($number:ty), $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $number);
        impl $name {
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}
pub use crate::timeline::PodId;
id!(RsId, "Index of a ReplicaSet.");
id!(DeploymentId, "Index of a Deployment.");
id!(TemplateId, "Index of a distinct pod template.");
id!(BudgetId(u16), "Index of a PodDisruptionBudget.");

/// What the kubelet writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodStatus {
    pub phase: PodPhase,
    pub ready: bool,
    /// All containers ready: Ready but for the readiness gates.
    pub containers_ready: bool,
    pub has_ip: bool,
    pub restarts: u32,
}

#[derive(Clone, Debug)]
pub struct Pod {
    pub rs: RsId,
    pub template: TemplateId,
    pub created: Time,
    pub uid: u64,
    pub node: Option<u16>,
    pub status: PodStatus,
    /// lastTransitionTime of Ready, cut to whole seconds as on the wire.
    pub ready_transition: Time,
    /// Its readiness gates are all True.
    pub gates: bool,
    /// Annotation controller.kubernetes.io/pod-deletion-cost.
    pub deletion_cost: i32,
    /// The grace period it was deleted with, in seconds.
    pub deleting: Option<i64>,
    pub removed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RsStatus {
    pub replicas: i32,
    pub ready: i32,
    pub available: i32,
    pub terminating: i32,
    pub observed_generation: u32,
}

#[derive(Clone, Copy, Debug)]
pub struct ReplicaSet {
    pub deployment: DeploymentId,
    pub template: TemplateId,
    pub revision: u32,
    pub created: Time,
    pub replicas: i32,
    /// Annotations deployment.kubernetes.io/desired-replicas and max-replicas.
    pub desired_annotation: i32,
    pub max_annotation: i32,
    pub generation: u32,
    /// Counts every write: an update made from an older copy conflicts.
    pub resource_version: u32,
    pub status: RsStatus,
    pub min_ready_seconds: i32,
    pub removed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeploymentStatus {
    pub replicas: i32,
    pub updated: i32,
    pub ready: i32,
    pub available: i32,
    pub observed_generation: u32,
}

#[derive(Clone, Debug)]
pub struct Deployment {
    pub spec: DeploymentSpec,
    pub template: TemplateId,
    pub generation: u32,
    pub status: DeploymentStatus,
}

/// One endpoint's conditions in a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conditions {
    pub ready: bool,
    pub serving: bool,
    pub terminating: bool,
}

/// A change of one endpoint: None removes it.
pub type EndpointChange = (PodId, Option<Conditions>);

/// status of a PodDisruptionBudget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetStatus {
    pub expected: i32,
    pub desired_healthy: i32,
    pub current_healthy: i32,
    pub disruptions_allowed: i32,
    /// How many pods disruptedPods lists.
    pub disrupted: u16,
}

#[derive(Clone, Debug)]
pub struct Budget {
    pub spec: Arc<PodDisruptionBudget>,
    pub status: BudgetStatus,
    /// Every eviction it granted, and when: those that still count are disruptedPods.
    pub granted: Vec<(PodId, Time)>,
    /// Counts every write: an update made from an older copy conflicts.
    pub resource_version: u32,
}
