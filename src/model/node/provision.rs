//! What brings nodes for pods that fit nowhere, and takes those that nobody needs: as it is set up.

use super::karpenter::Budget;
use crate::cluster::objects::NodeId;
use crate::cluster::spec::Resources;
use crate::engine::{Dist, Dur, Time};

/// Cluster Autoscaler or Karpenter.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeAutoscaler {
    /// Which, with its settings.
    pub by: By,
    /// Nodes that are alike: it takes the first in which a pod fits.
    pub groups: Vec<Group>,
    /// From the launch of a machine until its node is ready.
    pub boot: Dist,
}

/// Who it is.
#[derive(Clone, Debug, PartialEq)]
pub enum By {
    /// kubernetes/autoscaler.
    ClusterAutoscaler(Flags),
    /// kubernetes-sigs/karpenter.
    Karpenter(Pool),
}

/// Flags of Cluster Autoscaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// `--scan-interval`.
    pub scan: Dur,
    /// `--scale-down-enabled`.
    pub scale_down: bool,
    /// `--scale-down-unneeded-time`.
    pub unneeded: Dur,
    /// `--scale-down-utilization-threshold`, in thousandths.
    pub utilization: i64,
    /// `--scale-down-delay-after-add`.
    pub delay_after_add: Dur,
    /// `--max-graceful-termination-sec`.
    pub graceful_termination: i64,
}

/// `karpenter.sh/v1`, kind NodePool.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// `metadata.name`.
    pub name: String,
    /// `spec.limits`; i64::MAX: there is none.
    pub limits: Resources,
    /// `spec.disruption.budgets`.
    pub budgets: Vec<Budget>,
    /// consolidationPolicy WhenEmptyOrUnderutilized; else WhenEmpty.
    pub underutilized: bool,
    /// `spec.disruption.consolidateAfter`; None: Never.
    pub consolidate_after: Option<Dur>,
    /// `spec.template.spec.expireAfter`; None: Never.
    pub expire_after: Option<Dur>,
    /// `spec.template.spec.terminationGracePeriod`; None: nodes wait for their pods for ever.
    pub grace: Option<Dur>,
}

/// Nodes that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Of the nodes that are there at the start, these.
    pub there: Vec<NodeId>,
    /// Those that may come, in this order. Each comes once.
    pub further: Vec<NodeId>,
    /// So many stay.
    pub min: usize,
    /// There are no more than so many at once.
    pub max: usize,
}

impl Group {
    /// All that are of it at some time.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.there.iter().chain(&self.further).copied()
    }
}

/// A machine that was launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// When.
    pub launched: Time,
    /// When its node was ready; NEVER: not within the run.
    pub ready: Time,
    /// Which node it is.
    pub node: NodeId,
}

/// What became of the nodes in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turnover {
    /// Who brought and took them.
    pub by: &'static str,
    /// New machines, in the order of their launch.
    pub launched: Vec<Machine>,
    /// When each node was given up.
    pub taken: Vec<Time>,
    /// So often a node stayed because its pods could not be evicted.
    pub stayed: u32,
    /// Pods waited for a node that may not come: there are as many as there may be.
    pub full: bool,
    /// Nodes when the run starts, and at its end.
    pub nodes: [u32; 2],
}

impl By {
    /// As people call it.
    pub fn name(&self) -> &'static str {
        match self {
            By::ClusterAutoscaler(_) => "Cluster Autoscaler",
            By::Karpenter(_) => "Karpenter",
        }
    }
}
