//! What the API server does with pods.

use super::Cluster;
use crate::cluster::deletion::api_delete_grace;
use crate::cluster::objects::{
    Member, NodeId, Owner, Pod, PodId, PodStatus, TemplateId, WorkloadId, WorkloadStatus,
};
use crate::cluster::phase::PodPhase;
use crate::cluster::spec::PodTemplate;
use crate::cluster::workload::Kind;
use crate::cluster::write::Change;
use crate::engine::Time;
use crate::engine::rng::uid_of;
use std::sync::Arc;

impl Cluster {
    pub(super) fn create_pod(&mut self, now: Time, owner: Owner) {
        let Owner::ReplicaSet(rs) = owner else { panic!("{owner:?} makes members") };
        let set = &mut self.replica_sets[rs];
        debug_assert!(set.created <= now, "a pod is no older than its set");
        let (template, uid) = (set.template, uid_of(set.uid, set.pods_made));
        set.pods_made += 1;
        let made = &mut self.workloads[set.deployment].pods_made;
        let number = std::mem::replace(made, *made + 1);
        self.push_pod(now, (owner, template), (uid, number), None);
    }

    pub(super) fn create_member(
        &mut self,
        now: Time,
        id: WorkloadId,
        template: TemplateId,
        member: Member,
    ) {
        let owner = Owner::Workload(id);
        let made = self.workloads[id].pods_made;
        let (number, pinned) = match member {
            Member::Ordinal(ordinal) => (ordinal, None),
            Member::On(node) => (made, Some(node)),
            Member::Alone => (0, None),
        };
        debug_assert!(!self.workloads[id].spec.kind().has_sets(), "it has ReplicaSets");
        // Pods with a name of their own: while one is there, another cannot be made.
        let taken = |pod: PodId| self.pods[pod].number == number;
        if pinned.is_none() && self.pods_of(id).any(taken) {
            return;
        }
        self.workloads[id].pods_made += 1;
        let uid = uid_of(self.workloads[id].uid, made);
        self.push_pod(now, (owner, template), (uid, number), pinned);
    }

    fn push_pod(
        &mut self,
        now: Time,
        (owner, template): (Owner, TemplateId),
        (uid, number): (u64, u32),
        pinned: Option<NodeId>,
    ) {
        debug_assert!(pinned.is_none_or(|node| node.index() < self.nodes.len()), "{pinned:?}");
        let spec = &self.templates[template];
        let (gates, deletion_cost) = (spec.gates, spec.deletion_cost);
        let id = PodId(self.pods.len() as u32);
        self.pods.push(Pod {
            owner,
            template,
            spec: template,
            created: now,
            uid,
            number,
            pinned,
            node: None,
            status: PodStatus {
                phase: PodPhase::Pending,
                ready: false,
                containers_ready: false,
                has_ip: false,
                restarts: 0,
            },
            ready_transition: now.floor_s(self.second_phase),
            gates,
            deletion_cost,
            deleting: None,
            removed: false,
        });
        self.index.makes_pod(id, self.workload(owner));
        self.log.push(Change::PodCreated(id));
    }

    /// A webhook has changed what a pod that has just been made asks for: nobody has seen it yet.
    pub fn admit(&mut self, pod: PodId, as_spec: &Arc<PodTemplate>) {
        let spec = self.intern_template(as_spec);
        let p = &mut self.pods[pod];
        debug_assert!(p.node.is_none() && !p.removed, "a pod is admitted as it is made");
        p.spec = spec;
    }

    /// Its node has given a running pod what it is to have from now on.
    pub(super) fn resize_pod(&mut self, pod: PodId, spec: TemplateId) {
        let p = &mut self.pods[pod];
        if p.removed || p.deleting.is_some() || p.spec == spec {
            return;
        }
        debug_assert!(p.node.is_some(), "a pod that is resized has a node");
        p.spec = spec;
        self.log.push(Change::PodResized(pod));
    }

    /// A graceful delete; without a grace period the object goes at once.
    pub(super) fn delete_pod(&mut self, pod: PodId, requested: Option<i64>) {
        let spec = self.template_of(pod).termination_grace_period_seconds;
        let p = &mut self.pods[pod];
        if p.removed || p.deleting.is_some() {
            return;
        }
        let grace = api_delete_grace(p.node.is_some(), Some(p.status.phase), requested, Some(spec));
        debug_assert!(grace >= 0, "a grace period is no less than nothing: {grace}");
        p.deleting = Some(grace);
        p.removed = grace == 0;
        self.log.push(Change::PodDeleting(pod));
        if grace == 0 {
            self.log.push(Change::PodRemoved(pod));
            self.bare_pod_changed(pod);
        }
    }

    pub(super) fn set_pod_status(&mut self, now: Time, pod: PodId, status: PodStatus) {
        let transition = now.floor_s(self.second_phase);
        let p = &mut self.pods[pod];
        if p.removed || p.status == status {
            return;
        }
        debug_assert!(status.restarts >= p.status.restarts, "restarts are not undone");
        debug_assert!(status.containers_ready || !status.ready, "{status:?}");
        debug_assert!(status.phase >= p.status.phase, "{:?} to {status:?}", p.status);
        if p.status.ready != status.ready {
            p.ready_transition = transition;
        }
        p.status = status;
        self.log.push(Change::PodStatus(pod));
        self.bare_pod_changed(pod);
    }

    pub(super) fn bind_pod(&mut self, pod: PodId, node: NodeId) {
        let p = &mut self.pods[pod];
        // A pod that was deleted meanwhile cannot be bound.
        if p.stays() {
            debug_assert!(p.node.is_none(), "a pod is bound once");
            p.node = Some(node);
            self.index.binds(pod, node);
            self.log.push(Change::PodBound(pod));
        }
    }

    pub(super) fn remove_pod(&mut self, pod: PodId) {
        let p = &mut self.pods[pod];
        if !p.removed {
            debug_assert!(p.deleting.is_some(), "a pod that goes was deleted");
            p.removed = true;
            self.log.push(Change::PodRemoved(pod));
            self.bare_pod_changed(pod);
        }
    }

    /// The status of a pod that nothing owns is the workload's.
    fn bare_pod_changed(&mut self, pod: PodId) {
        let Pod { owner, template, removed, status, .. } = self.pods[pod];
        let Owner::Workload(id) = owner else { return };
        let workload = &mut self.workloads[id];
        if workload.spec.kind() != Kind::Pod {
            return;
        }
        debug_assert!(!removed || !workload.spec.kind().rolls(), "nothing makes it anew");
        let count = |is: bool| i32::from(is && !removed);
        workload.status = WorkloadStatus {
            desired: 0,
            replicas: count(true),
            updated: count(template == workload.template),
            ready: count(status.ready),
            available: count(status.ready),
            observed_generation: workload.generation,
        };
        self.log.push(Change::Workload(id));
    }
}
