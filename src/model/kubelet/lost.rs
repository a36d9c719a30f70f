//! A node is gone at one instant: nothing runs on it any more, and nobody hears of its kubelet.

use super::controller::{ContainerId, Event, Kubelets, Life, State};
use super::termination::exit_code;
use crate::cluster::objects::NodeId;
use crate::cluster::server::Cluster;
use crate::engine::{Dur, Time};
use crate::model::plumbing::{Out, Scene};
use crate::timeline::{LifeEnd, Phase};

impl Kubelets {
    /// The node's processes end, and its addresses fall silent.
    pub fn node_lost(&mut self, scene: &mut Scene, node: NodeId) {
        if std::mem::replace(&mut self.nodes[node].lost, true) {
            return;
        }
        for &pod in scene.cluster.bound_to(node) {
            let mine = self.pods.get(pod).and_then(Option::as_ref);
            if mine.is_none_or(|pod| pod.life == Life::Terminal) {
                continue;
            }
            for index in 0..self.pod(pod).containers.len() as u8 {
                self.process_lost(scene, ContainerId(pod, index));
            }
            scene.timeline.phase(pod, scene.ctx.now, Phase::Silent);
            self.differing.push(pod);
        }
        debug_assert!(self.nodes[node].lost, "nothing is heard of it");
    }

    /// A machine has booted: nothing runs on it, and no image is there.
    pub fn node_joins(&mut self, now: Time, node: NodeId) {
        let state = &mut self.nodes[node];
        state.lost = false;
        state.up_since = now;
        state.pulled.clear();
        state.is_new = true;
        debug_assert!(state.sandboxes == 0, "nothing runs on a new node");
    }

    /// The machine shuts down: the kubelet stops its pods, `wait` from now, within `most` each, and deletes
    /// none of them.
    ///
    /// `pkg/kubelet/nodeshutdown/nodeshutdown_manager.go: podManager.killPods`.
    pub fn shut_down(
        &mut self,
        scene: &mut Scene,
        node: NodeId,
        (wait, most): (Dur, Dur),
        out: &mut impl Out<Event>,
    ) {
        for &pod in scene.cluster.bound_to(node) {
            if self.pods.get(pod).is_none_or(Option::is_none) {
                continue;
            }
            let own = scene.cluster.template_of(pod).termination_grace_period_seconds;
            self.pod(pod).limit = Some(own.min(most.0 / Dur::from_secs(1).0));
            debug_assert!(wait >= Dur::ZERO && most >= Dur::ZERO, "a group has its time");
            out.at(scene.ctx.now + wait, Event::ShutDown(pod));
        }
    }

    fn process_lost(&mut self, scene: &mut Scene, ContainerId(pod, index): ContainerId) {
        let serving = self.pod(pod).serving == index;
        let c = self.container(pod, index);
        if !c.is_running() {
            return;
        }
        let at = scene.ctx.now;
        c.state = State::Exited { at, code: exit_code(LifeEnd::NodeLost) };
        c.stop_accept = c.stop_accept.min(at);
        debug_assert!(!c.is_running(), "nothing runs on a node that is lost");
        if serving {
            scene.timeline.exits(pod, at, LifeEnd::NodeLost, Dur::ZERO);
        }
        if self.pod(pod).proxy == Some(index) {
            scene.timeline.proxy_exits(pod, at, false);
        }
    }

    /// The event is one of a node that is lost: it does not happen.
    pub(super) fn is_lost(&self, cluster: &Cluster, event: Event) -> bool {
        let node = match event {
            Event::Cpu { node } | Event::NextStatus { node } => Some(node),
            Event::Bound(pod)
            | Event::Deleting(pod)
            | Event::Gates(pod)
            | Event::Iterate(pod)
            | Event::SendStatus(pod)
            | Event::Terminate(pod)
            | Event::ShutDown(pod)
            | Event::Start { pod, .. }
            | Event::Tick { pod, .. }
            | Event::IdleTick { pod, .. }
            | Event::Answer { pod, .. }
            | Event::Kill { pod, .. }
            | Event::Sigterm { pod, .. }
            | Event::Exit { pod, .. }
            | Event::StopListening { pod, .. }
            | Event::Resized { pod, .. }
            | Event::OutOfMemory { pod, .. } => cluster.pods[pod].node,
        };
        node.is_some_and(|node| self.nodes[node].lost)
    }
}
