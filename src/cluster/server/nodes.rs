//! What the API server does with nodes.

use super::Cluster;
use crate::cluster::objects::{NodeId, PodId};
use crate::cluster::placement::{Effect, Presence, Taint, UNREACHABLE};
use crate::cluster::write::Change;
use crate::engine::Time;
use std::sync::Arc;

impl Cluster {
    pub(super) fn set_unschedulable(&mut self, node: NodeId, value: bool) {
        let n = &mut self.nodes[node];
        if n.unschedulable != value {
            Arc::make_mut(n).unschedulable = value;
            debug_assert!(n.is_there() || !value, "{} is not there to be cordoned", n.name);
            self.log.push(Change::Node(node));
        }
    }

    /// Nobody hears of its kubelet: no new pods.
    pub(super) fn set_unknown(&mut self, node: NodeId) {
        let n = &mut self.nodes[node];
        if n.presence == Presence::Ready {
            Arc::make_mut(n).presence = Presence::Unknown;
            debug_assert!(n.is_there(), "an object that is unknown is there");
            self.taint_unreachable(node, Effect::NoSchedule);
        }
    }

    /// Its kubelet is heard of again.
    pub(super) fn set_ready(&mut self, node: NodeId) {
        let n = &mut self.nodes[node];
        if n.presence == Presence::Unknown {
            let n = Arc::make_mut(n);
            n.presence = Presence::Ready;
            n.taints.retain(|taint| taint.key != UNREACHABLE);
            debug_assert!(n.is_there(), "who is heard of is there");
            self.log.push(Change::Node(node));
        }
    }

    /// Adds the taint, unless it is there.
    pub(super) fn taint_unreachable(&mut self, node: NodeId, effect: Effect) {
        let n = &mut self.nodes[node];
        debug_assert!(n.presence != Presence::Ready, "{} is heard of", n.name);
        let taint = Taint { key: UNREACHABLE.to_owned(), value: String::new(), effect };
        if n.is_there() && !n.taints.contains(&taint) {
            Arc::make_mut(n).taints.push(taint);
            self.log.push(Change::Node(node));
        }
    }

    /// `pkg/controller/util/node/controller_utils.go: MarkPodsNotReady`.
    pub(super) fn mark_not_ready(&mut self, now: Time, pod: PodId) {
        debug_assert!(self.pods[pod].node.is_some(), "a pod whose node is lost has one");
        let mut status = self.pods[pod].status;
        status.ready = false;
        self.set_pod_status(now, pod, status);
    }

    /// A node joins, ready and without taints of its absence, or its object is deleted.
    pub(super) fn set_present(&mut self, node: NodeId, value: bool) {
        let n = &mut self.nodes[node];
        if n.is_there() == value {
            return;
        }
        let n = Arc::make_mut(n);
        n.presence = if value { Presence::Ready } else { Presence::Absent };
        n.taints.retain(|taint| taint.key != UNREACHABLE);
        debug_assert!(n.is_there() == value, "it is there, or it is not");
        self.log.push(Change::Node(node));
    }
}
