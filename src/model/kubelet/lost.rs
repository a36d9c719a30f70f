//! A node is gone at one instant: nothing runs on it any more, and nobody hears of its kubelet.

use super::controller::{ContainerId, Event, Kubelets, Life, Probe, State};
use super::probe::KubeletStart;
use super::termination::exit_code;
use crate::cluster::objects::{NodeId, PodId};
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

    /// The kubelet of a node is started anew. Its workers begin as for new pods; before v1.35 what they had
    /// found is forgotten, so that its pods are not ready until they have probed again.
    ///
    /// `pkg/kubelet/prober/worker.go: newWorker, doProbe`.
    pub fn starts_anew(&mut self, scene: &mut Scene, node: NodeId, out: &mut impl Out<Event>) {
        if self.nodes[node].lost {
            return;
        }
        self.nodes[node].up_since = scene.ctx.now;
        let resets = KubeletStart::of(scene.ctx.kubernetes.kubelet, scene.ctx.now).resets_status;
        for &pod in scene.cluster.bound_to(node) {
            let known = self.pods.get(pod).and_then(Option::as_ref);
            if known.is_none_or(|pod| !matches!(pod.life, Life::Starting | Life::Running)) {
                continue;
            }
            let probes = self.pod(pod).containers.iter_mut().map(|c| &mut c.probes);
            let before = probes.map(|probes| std::mem::replace(probes, [const { None }; 3]));
            let before: Vec<[Option<Probe>; 3]> = before.collect();
            self.create_workers(scene, pod);
            self.follow_workers(pod, before, resets);
            self.looked_at(pod);
            self.refresh_flags(scene, pod, false, out);
            self.status_dirty(scene, pod, out);
        }
        debug_assert!(self.nodes[node].up_since == scene.ctx.now, "it is young");
    }

    /// New workers in the place of old ones: ticks of those are void, and unless it `resets` containers stay
    /// as they were found.
    fn follow_workers(&mut self, pod: PodId, before: Vec<[Option<Probe>; 3]>, resets: bool) {
        for (container, before) in self.pod(pod).containers.iter_mut().zip(before) {
            for (probe, before) in container.probes.iter_mut().zip(before) {
                if let (Some(probe), Some(before)) = (probe, before) {
                    probe.epoch = before.epoch + 1;
                    if !resets {
                        probe.worker = before.worker;
                    }
                }
            }
        }
        debug_assert!(self.pods[pod].is_some(), "the kubelet knows the pod");
    }

    /// The kubelet reaches the API again: it tells what has become of its pods.
    pub fn is_back(&mut self, scene: &mut Scene, node: NodeId, out: &mut impl Out<Event>) {
        for pod in scene.cluster.pods_on(node) {
            if self.pods.get(pod).is_some_and(Option::is_some) {
                self.looked_at(pod);
                self.pod(pod).sent = None;
                self.status_dirty(scene, pod, out);
            }
        }
        debug_assert!(node.index() < self.nodes.len(), "it is one of the nodes");
    }

    /// A pod that was there when the run started has been through its worker: its status has an address.
    fn looked_at(&mut self, pod: PodId) {
        let state = self.pod(pod);
        if state.sandbox {
            state.iterated = state.iterated.max(Time::ALWAYS + Dur(1));
        }
        debug_assert!(!state.sandbox || state.iterated > Time::ALWAYS, "it has an address");
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
            | Event::LookAround { pod, .. }
            | Event::Resized { pod, .. }
            | Event::OutOfMemory { pod, .. } => cluster.pods[pod].node,
        };
        node.is_some_and(|node| self.nodes[node].lost)
    }
}
