//! DaemonSets: which nodes they run on, and what their pods tolerate.

use crate::cluster::placement::{Effect, Node, Placement, Toleration};
use crate::cluster::workload::{Kind, Workload};
use crate::input::lower::lowering::Lowering;
use crate::input::raw::workload::Held;
use crate::model::daemon_set::rules::runs_on;
use crate::scenario::Action;
use k8s_openapi::api::core::v1::PodSpec;

/// What the controller lets every pod of a DaemonSet tolerate.
///
/// `pkg/controller/daemon/util/daemonset_util.go: AddOrUpdateDaemonPodTolerations`.
const TOLERATED: [(&str, Effect); 6] = [
    ("node.kubernetes.io/not-ready", Effect::NoExecute),
    ("node.kubernetes.io/unreachable", Effect::NoExecute),
    ("node.kubernetes.io/disk-pressure", Effect::NoSchedule),
    ("node.kubernetes.io/memory-pressure", Effect::NoSchedule),
    ("node.kubernetes.io/pid-pressure", Effect::NoSchedule),
    ("node.kubernetes.io/unschedulable", Effect::NoSchedule),
];
/// And those of pods in the node's own network.
const OF_HOST_NETWORK: (&str, Effect) =
    ("node.kubernetes.io/network-unavailable", Effect::NoSchedule);

/// With what the controller adds.
pub fn tolerant(mut placement: Placement, spec: &PodSpec) -> Placement {
    let host = (spec.host_network == Some(true)).then_some(OF_HOST_NETWORK);
    placement.tolerations.extend(
        TOLERATED.into_iter().chain(host).map(|(key, effect)| Toleration::exists(key, effect)),
    );
    placement
}

impl Lowering<'_> {
    /// Nodes of a cluster that nobody described, for a DaemonSet: as many as the platform's card says.
    pub fn nodes_of_daemons(&mut self, nodes: &mut Vec<Node>, held: Option<Held<'_>>) {
        if held.is_none_or(|held| held.kind != Kind::DaemonSet) {
            return;
        }
        let count = self.input.platform.number("nodes").map_or(1, |n| n.max(1.0) as usize);
        let first = nodes[0].clone();
        for i in nodes.len()..count {
            nodes.push(Node { name: format!("node-{}", i + 1), ..first.clone() });
        }
        if let Some(entry) = self.input.platform.entry("nodes") {
            let text = format!("{count}, each with a pod of the DaemonSet ({})", entry.source);
            self.assume("platform.nodes", text);
        }
    }
}

/// The replicas of a DaemonSet are the nodes that it runs on.
pub fn settle(nodes: &[Node], workloads: &mut [Workload], actions: &mut [Action]) {
    let brought = actions.iter_mut().filter_map(|a| a.kind.brings_mut());
    for workload in workloads.iter_mut().chain(brought) {
        if workload.kind() == Kind::DaemonSet {
            let eligible = nodes.iter().filter(|node| runs_on(&workload.template, node));
            workload.replicas = eligible.count() as i32;
        }
    }
}
