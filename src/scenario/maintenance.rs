//! What is done to nodes, as a scenario says it.

use crate::cluster::objects::NodeId;
use crate::engine::Dur;
use crate::model::node::karpenter::Budget;

/// How `kubectl drain` is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drain {
    /// `--grace-period`, in seconds; None: the pods' own.
    pub grace: Option<i64>,
    /// `--timeout`, for each node; None: it waits for ever.
    pub timeout: Option<Dur>,
    /// `--force`: pods that nothing makes anew go as well.
    pub force: bool,
    /// `--disable-eviction`: pods are deleted, past all budgets.
    pub disable_eviction: bool,
    /// Pods that are left when the time is over are deleted; else the drain fails.
    pub deletes_in_the_end: bool,
}

/// The update of a managed node group, in the order in which EKS does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The nodes that go.
    pub old: Vec<NodeId>,
    /// Those that come, in this order: first the further ones, then one for each that has gone.
    pub new: Vec<NodeId>,
    /// How many come before the first goes, and go in the end.
    pub further: u32,
    /// So many are emptied at a time.
    pub at_once: u32,
    /// How a node is emptied.
    pub how: Drain,
}

/// Karpenter gives nodes up whose pods fit elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consolidation {
    /// Those, in this order.
    pub nodes: Vec<NodeId>,
    /// Of the NodePool.
    pub budgets: Vec<Budget>,
}

/// A spot instance is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Index into the scenario's nodes; None: the first that has a pod of the subject.
    pub node: Option<NodeId>,
    /// From the notice to the end of the machine.
    pub notice: Dur,
    /// Who hears of the notice.
    pub handler: Handler,
    /// The node that comes instead; None: none does.
    pub instead: Option<NodeId>,
}

/// Who hears that a machine is about to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    /// Nobody.
    None,
    /// aws-node-termination-handler: it drains the node.
    Nth,
    /// Karpenter: it drains the node, and launches another at the same time.
    Karpenter,
    /// The kubelet, by the machine's shutdown: the pods stop, and their objects stay ready until they have.
    GracefulShutdown {
        /// `shutdownGracePeriod`.
        total: Dur,
        /// `shutdownGracePeriodCriticalPods`: the end of it is theirs.
        critical: Dur,
    },
}

/// Pods, nodes or zones that fail at random.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chaos {
    /// Between two blows.
    pub every: Dur,
    /// How many there are.
    pub blows: u32,
    /// What each hits.
    pub what: Struck,
    /// How much of it, 0 to 1; one at least.
    pub share: f64,
}

/// What chaos strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Struck {
    /// Pods of the workload are deleted.
    Pod,
    /// Nodes die.
    Node,
    /// All nodes of a zone die.
    Zone,
}
