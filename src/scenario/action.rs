//! What happens, and when: actions and the conditions they wait for.

use super::maintenance::{Chaos, Consolidation, Drain, Spot, Struck, Upgrade};
use crate::cluster::objects::NodeId;
use crate::cluster::release::Figure;
use crate::cluster::workload::Workload;
use crate::engine::{Dur, Time};
use crate::expr::{Condition, Value};
use std::sync::Arc;

/// Something that is done to the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// When it begins.
    pub at: Time,
    /// What is done.
    pub kind: ActionKind,
    /// It does not begin before this holds; None: at its time.
    pub when: Option<When>,
    /// The table of the scenario that asks for it, as `--set` takes it (`action`, `actions[1]`); empty: none
    /// does.
    pub key: String,
}

impl Action {
    /// That nobody asked for by name so far.
    pub fn new(at: Time, kind: ActionKind) -> Action {
        Action { at, kind, when: None, key: String::new() }
    }
}

/// What an action waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct When {
    /// Over `watched`, in their order.
    pub condition: Condition,
    /// What its names stand for.
    pub watched: Vec<Watched>,
    /// From when it holds until the action begins.
    pub after: Dur,
    /// As it is written.
    pub text: String,
}

impl When {
    /// Time alone may make it hold.
    pub fn counts_time(&self) -> bool {
        self.watched.iter().any(|w| matches!(w, Watched::Since(_)))
    }

    /// The key of an action that excludes this one by having begun, of those that have.
    pub fn excluded_by(&self, has_begun: impl Fn(&str) -> bool) -> Option<&str> {
        let keys = self.watched.iter().enumerate().filter_map(|(i, watched)| match watched {
            Watched::Begun(key) if has_begun(key) => Some((i, key.as_str())),
            _ => None,
        });
        // Whatever else is the case: what is not known holds.
        let excludes = |i: usize| {
            let value = |at: usize| if at == i { Value::Float(1.0) } else { Value::Unset };
            let values: Vec<Value> = (0..self.watched.len()).map(value).collect();
            !self.condition.holds(&values)
        };
        keys.into_iter().find(|(i, _)| excludes(*i)).map(|(_, key)| key)
    }

    /// It is about requests.
    pub fn measures(&self) -> bool {
        self.watched.iter().any(|w| matches!(w, Watched::Requests { .. }))
    }
}

/// A quantity that an action waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Watched {
    /// Available pods of a workload, by its name.
    Available(String),
    /// 1 once the progress deadline of a rollout has passed, 0 before.
    DeadlineExceeded,
    /// 1 while the last rollout is complete.
    Complete,
    /// 1 once the action with this key has begun, 0 before.
    Begun(String),
    /// 1 while the action with this key has reached its end, 0 before.
    Over(String),
    /// Seconds since the action with this key began.
    Since(String),
    /// A figure of requests over some time until the last reading.
    Requests {
        /// What is counted.
        figure: Figure,
        /// Of which version; empty: of all.
        version: String,
        /// Over so long.
        window: Dur,
    },
}

/// New weights of Services, as a part of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// From the one before; of the first from when it is due.
    pub after: Dur,
    /// In the order of the split.
    pub weights: Vec<u32>,
}

/// What an action does, by the command that does it on a cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionKind {
    /// A new pod template for the subject (`kubectl apply`, `set image`, `rollout restart`). Fields of the
    /// spec that came with it are applied too.
    Rollout {
        /// As it is to be.
        workload: Box<Workload>,
        /// What is applied says nothing of replicas: they stay as they are by then.
        keeps_replicas: bool,
    },
    /// `kubectl rollout undo` to the previous revision or a given one.
    Undo {
        /// None: the previous one.
        to_revision: Option<u32>,
    },
    /// `kubectl scale` of a workload.
    Scale {
        /// Name of one that is there, or that a switch has created by then.
        deployment: Arc<str>,
        /// How many are wanted from then on.
        replicas: i32,
    },
    /// `kubectl delete pod` of `count` pods.
    DeletePods {
        /// How many pods.
        count: u32,
        /// Any, instead of the first by name.
        random: bool,
        /// `--grace-period`; None: the pods' own.
        grace: Option<i64>,
    },
    /// Every pod of the subject in name order, one at a time, through the eviction API; refused ones are
    /// retried after `retry`.
    Evict {
        /// Wait after an eviction that was refused.
        retry: Dur,
        /// As of a deletion.
        grace: Option<i64>,
    },
    /// Blue/green: create the second Deployment if none of its name is there; switch the Service selector to
    /// it (after all its pods are available, or a fixed time later), or shift weights to one that selects it;
    /// scale the one that the Service selected before to 0 some time after the switch.
    SelectorSwitch {
        /// The one that requests are switched to: as it is there, or as it is to be created.
        deployment: Box<Workload>,
        /// Whether to wait until all its pods are available.
        wait_available: bool,
        /// From its creation, or from when its pods are available.
        switch_after: Dur,
        /// From the switch to scaling the first one down; None: it stays.
        scale_down_after: Option<Dur>,
        /// Requests move by the weights of Services instead of by a selector, one after the other; empty: by
        /// the selector.
        shifts: Vec<Shift>,
    },
    /// New weights of the Services in the Ingress, in the order of its split.
    ShiftWeight {
        /// Relative to each other; 0 takes a Service out.
        weights: Vec<u32>,
    },
    /// The ingress controller's own pods are replaced, one after the other.
    RestartIngress,
    /// `kubectl rollout pause` / `resume`.
    Pause,
    /// `kubectl rollout resume`: what was changed meanwhile is rolled out.
    Resume,
    /// A node dies: its processes end, and nobody hears of it any more. None: the first that has a pod of the
    /// subject.
    NodeDown {
        /// Index into the scenario's nodes.
        node: Option<NodeId>,
    },
    /// All nodes of a zone die at once.
    ZoneDown {
        /// The value of their label `topology.kubernetes.io/zone`.
        zone: Arc<str>,
    },
    /// Nobody hears of a node's kubelet, nor it of anything; its processes run on.
    NodeUnreachable {
        /// As of a node that dies.
        node: Option<NodeId>,
        /// Until it is back; None: it stays away.
        lasts: Option<Dur>,
    },
    /// A kubelet is started anew.
    KubeletRestart {
        /// As of a node that dies.
        node: Option<NodeId>,
    },
    /// A zone is shifted away from the load balancer.
    ZonalShift {
        /// The value of the label of its nodes.
        zone: Arc<str>,
        /// Until it expires; None: it outlasts the run.
        lasts: Option<Dur>,
    },
    /// `kubectl drain` of nodes; none named: of the first that has a pod of the subject.
    Drain {
        /// Index into the scenario's nodes.
        nodes: Vec<NodeId>,
        /// So many at a time; 1 or more.
        at_once: u32,
        /// The flags.
        how: Drain,
    },
    /// A managed node group is updated.
    Upgrade(Box<Upgrade>),
    /// Karpenter gives up nodes.
    Consolidation(Consolidation),
    /// A spot instance is taken back.
    Spot(Spot),
    /// Something fails at random, again and again.
    Chaos(Chaos),
    /// Nodes join, each when its machine has booted.
    NodeAdd {
        /// Those that were not there before.
        nodes: Vec<NodeId>,
    },
}

impl ActionKind {
    /// The grace period in seconds that it asks for when it deletes pods; None: the pods' own.
    pub fn grace(&self) -> Option<i64> {
        match self {
            ActionKind::DeletePods { grace, .. } | ActionKind::Evict { grace, .. } => *grace,
            ActionKind::Drain { how, .. } => how.grace,
            _ => None,
        }
    }

    /// The workload that it applies or switches to.
    pub fn brings(&self) -> Option<&Workload> {
        match self {
            ActionKind::Rollout { workload, .. }
            | ActionKind::SelectorSwitch { deployment: workload, .. } => Some(workload),
            _ => None,
        }
    }

    /// As [`brings`](ActionKind::brings), to change it.
    pub fn brings_mut(&mut self) -> Option<&mut Workload> {
        match self {
            ActionKind::Rollout { workload, .. }
            | ActionKind::SelectorSwitch { deployment: workload, .. } => Some(workload),
            _ => None,
        }
    }

    /// Whether all it does is to change the spec of a workload.
    pub fn edits_a_workload(&self) -> bool {
        self.is_rollout() || matches!(self, ActionKind::Scale { .. } | ActionKind::Pause)
    }

    /// Whether it asks the eviction API.
    pub fn evicts(&self) -> bool {
        let drains = matches!(self, ActionKind::Drain { .. } | ActionKind::Upgrade(_));
        let ends = matches!(self, ActionKind::Spot(_) | ActionKind::Consolidation(_));
        drains || ends || matches!(self, ActionKind::Evict { .. })
    }

    /// Whether nodes die or go by it.
    pub fn loses_nodes(&self) -> bool {
        match self {
            ActionKind::NodeDown { .. } | ActionKind::ZoneDown { .. } | ActionKind::Spot(_) => true,
            ActionKind::Upgrade(_) | ActionKind::Consolidation(_) => true,
            ActionKind::NodeUnreachable { .. } => true,
            ActionKind::Chaos(chaos) => chaos.what != Struck::Pod,
            _ => false,
        }
    }

    /// How long it waits for a node before it gives up; None: for ever, or for none.
    pub fn patience(&self) -> Option<Dur> {
        match self {
            ActionKind::Drain { how, .. } => how.timeout,
            ActionKind::Upgrade(upgrade) => upgrade.how.timeout,
            _ => None,
        }
    }

    /// The node that it is about, where it names one.
    pub fn names_node(&self) -> Option<NodeId> {
        match self {
            ActionKind::Drain { nodes, .. } => nodes.first().copied(),
            ActionKind::NodeDown { node } | ActionKind::Spot(Spot { node, .. }) => *node,
            ActionKind::NodeUnreachable { node, .. } | ActionKind::KubeletRestart { node } => *node,
            _ => None,
        }
    }

    /// Whether it makes a rollout, whose end is of interest.
    pub fn is_rollout(&self) -> bool {
        matches!(self, ActionKind::Rollout { .. } | ActionKind::Undo { .. } | ActionKind::Resume)
    }
}
