//! Why pods find no node.

use crate::cluster::placement::{Node, Placement};

/// Why a node does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not, or no longer, in the cluster: nobody counts it.
    Absent,
    /// `spec.unschedulable`: it is cordoned.
    Unschedulable,
    /// `spec.nodeName` names another one.
    NodeName,
    /// A taint that the pod does not tolerate.
    Taint,
    /// nodeSelector or required node affinity.
    NodeAffinity,
    /// A hostPort is taken.
    Ports,
    /// It has as many pods as `allocatable.pods`.
    TooManyPods,
    /// The requests of its pods leave too little CPU.
    Cpu,
    /// The requests of its pods leave too little memory.
    Memory,
    /// A volume with access mode ReadWriteOncePod is in use by another pod.
    Volume,
    /// It lacks the topologyKey of a spread constraint.
    SpreadKey,
    /// `maxSkew` would be broken.
    Spread,
    /// No pod of those that it wants to be near.
    Affinity,
    /// A pod that it wants to be away from.
    AntiAffinity,
    /// A pod that wants to be away from it.
    AntiAffinityOfOthers,
}

/// Plugins that turned a pod down: what has to change before another try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// NodePorts: a pod has to go.
    pub ports: bool,
    /// NodeResourcesFit: a pod has to go.
    pub resources: bool,
    /// VolumeRestrictions: a pod has to go.
    pub volumes: bool,
    /// PodTopologySpread: pods have to come or go.
    pub spread: bool,
    /// InterPodAffinity: pods have to come or go.
    pub affinity: bool,
}

impl Reason {
    /// As the event FailedScheduling has it.
    pub fn text(self, placement: &Placement, node: &Node) -> String {
        let text = match self {
            Reason::Absent => "node(s) are gone",
            Reason::Unschedulable => "node(s) were unschedulable",
            Reason::NodeName => "node(s) didn't match the requested node name",
            Reason::Taint => {
                let taint = placement.untolerated(node);
                let named = taint.map(|t| format!("{{{}: {}}}", t.key, t.value));
                return format!("node(s) had untolerated taint {}", named.unwrap_or_default());
            }
            Reason::NodeAffinity => "node(s) didn't match Pod's node affinity/selector",
            Reason::Ports => "node(s) didn't have free ports for the requested pod ports",
            Reason::TooManyPods => "Too many pods",
            Reason::Cpu => "Insufficient cpu",
            Reason::Memory => "Insufficient memory",
            Reason::Volume => {
                "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode \
                 already in-use by another pod"
            }
            Reason::SpreadKey => {
                "node(s) didn't match pod topology spread constraints (missing required label)"
            }
            Reason::Spread => "node(s) didn't match pod topology spread constraints",
            Reason::Affinity => "node(s) didn't match pod affinity rules",
            Reason::AntiAffinity => "node(s) didn't match pod anti-affinity rules",
            Reason::AntiAffinityOfOthers => {
                "node(s) didn't satisfy existing pods anti-affinity rules"
            }
        };
        text.to_owned()
    }
}

impl Rejected {
    /// One more node is left out for this reason.
    pub fn by(&mut self, reason: Reason) {
        match reason {
            // A change of a node wakes every pod.
            Reason::Absent | Reason::Unschedulable | Reason::NodeName => {}
            Reason::Taint | Reason::NodeAffinity => {}
            Reason::Ports => self.ports = true,
            Reason::TooManyPods | Reason::Cpu | Reason::Memory => self.resources = true,
            Reason::Volume => self.volumes = true,
            Reason::SpreadKey | Reason::Spread => self.spread = true,
            Reason::Affinity | Reason::AntiAffinity | Reason::AntiAffinityOfOthers => {
                self.affinity = true;
            }
        }
    }
}
