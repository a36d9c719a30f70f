//! The status manager: one goroutine per node that sends changed statuses one after the other.

use super::controller::{Event, Kubelets, Life, State};
use super::readiness::{self, Role};
use crate::cluster::PodPhase;
use crate::cluster::objects::{NodeId, PodId, PodStatus};
use crate::cluster::server::Cluster;
use crate::cluster::write::Write;
use crate::engine::Time;
use crate::model::plumbing::{Out, Scene, slowed};
use crate::timeline::{Recorder, Shown};

impl Kubelets {
    /// If the pod's status has changed, it is sent soon, together with whatever changes until then.
    pub(super) fn status_dirty(
        &mut self,
        scene: &mut Scene,
        pod: PodId,
        out: &mut impl Out<Event>,
    ) {
        let wait = scene.ctx.latencies.status_sync.draw(self.luck(pod));
        let free = self.node_of(pod).status_free;
        let status = self.status_of(pod, scene.cluster);
        let state = self.pod(pod);
        if !state.status_pending && state.sent != Some(status) {
            state.status_pending = true;
            out.at((scene.ctx.now + wait).max(free), Event::SendStatus(pod));
        }
        debug_assert!(state.status_pending || state.sent == Some(status), "a new status is sent");
    }

    /// Sends the pod's status, or lets it wait in line.
    pub(super) fn send_status(&mut self, scene: &mut Scene, pod: PodId, out: &mut impl Out<Event>) {
        let index = self.pod(pod).node;
        let node = &mut self.nodes[index];
        if node.status_free <= scene.ctx.now && node.statuses.is_empty() {
            self.sync_status(scene, pod, out);
            return;
        }
        node.statuses.push_back(pod);
        if node.statuses.len() == 1 {
            out.at(node.status_free, Event::NextStatus { node: index });
        }
    }

    /// The status manager is free again.
    pub(super) fn next_status(
        &mut self,
        scene: &mut Scene,
        index: NodeId,
        out: &mut impl Out<Event>,
    ) {
        while self.nodes[index].status_free <= scene.ctx.now {
            let Some(pod) = self.nodes[index].statuses.pop_front() else { return };
            self.sync_status(scene, pod, out);
        }
        let node = &self.nodes[index];
        if !node.statuses.is_empty() {
            debug_assert!(node.status_free > scene.ctx.now, "who waits, waits for the manager");
            out.at(node.status_free, Event::NextStatus { node: index });
        }
    }

    fn sync_status(&mut self, scene: &mut Scene, pod: PodId, out: &mut impl Out<Event>) {
        self.pod(pod).status_pending = false;
        let status = self.status_of(pod, scene.cluster);
        let state = self.pod(pod);
        if state.sent == Some(status) {
            return;
        }
        state.sent = Some(status);
        let terminal = state.life == Life::Terminal;
        let node = self.pod(pod).node;
        let slow = self.slowdown(node);
        let patch = slowed(scene.ctx.latencies.status_patch.draw(self.luck(pod)), slow);
        let commit = scene.ctx.now + patch;
        debug_assert!(commit >= scene.ctx.now, "a patch takes effect after it is sent");
        self.node_of(pod).status_free = commit;
        self.burden(scene.ctx, pod, out);
        out.write(commit, Write::PodStatus { pod, status });
        self.record(pod, status, commit, scene.timeline);
        // A pod that its node's shutdown has stopped stays, as Failed.
        if terminal && scene.cluster.pods[pod].deleting.is_some() {
            // The object goes after a newer relist, and after the volumes and the cgroup.
            let removal = scene.ctx.latencies.object_removal.draw(self.luck(pod));
            let gone = self.node_of(pod).relist_after(commit) + removal;
            out.write(gone, Write::RemovePod { pod });
        }
    }

    fn status_of(&mut self, pod: PodId, cluster: &Cluster) -> PodStatus {
        let gates = cluster.pods[pod].gates.all();
        let state = self.pod(pod);
        let restarts = state.containers.iter().map(|c| c.run.saturating_sub(1)).max().unwrap_or(0);
        let terminal = state.life == Life::Terminal;
        let ready = |c: &super::controller::Container| match c.role {
            Role::Init { succeeded } => succeeded,
            _ => c.ready,
        };
        let containers_ready =
            !terminal && readiness::pod_ready(state.containers.iter().map(ready), [true]);
        let running = |c: &super::controller::Container| {
            !matches!(c.role, Role::Init { .. }) && !matches!(c.seen.0, State::Waiting) || c.run > 1
        };
        let phase = match (terminal, state.seen_running || state.containers.iter().any(running)) {
            (true, _) => PodPhase::Failed,
            (false, true) => PodPhase::Running,
            (false, false) => PodPhase::Pending,
        };
        PodStatus {
            phase,
            ready: containers_ready && gates,
            containers_ready,
            // Pods that ran before the run have theirs.
            has_ip: state.sandbox && (state.iterated > Time::ALWAYS || state.seen_running),
            restarts,
        }
    }

    fn record(&mut self, pod: PodId, status: PodStatus, at: Time, timeline: &mut Recorder) {
        if status.phase == PodPhase::Running {
            timeline.shows(pod, at, Shown::Running);
        }
        if status.ready {
            timeline.shows(pod, at, Shown::Ready);
        }
        if !status.ready && !timeline.pods[pod].deleted.is_never() {
            timeline.shows(pod, at, Shown::Unready);
        }
        timeline.restarts(pod, at, status.restarts);
    }
}
