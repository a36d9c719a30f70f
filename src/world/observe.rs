//! The controllers' shared cache shows a change: who is woken by it.

use super::{Event, World, says};
use crate::cluster::objects::{Owner, PodId, RsId, WorkloadId};
use crate::cluster::workload::{Kind, Strategy};
use crate::cluster::write::Change;
use crate::engine::Time;
use crate::model::informer::PodChange;
use crate::model::plumbing::{Ctx, Scene};

impl World<'_> {
    /// A fault of the scenario begins, or is over.
    pub(super) fn fault(&mut self, ctx: Ctx, index: u32, begins: bool) {
        let fault = self.scenario.faults.get(index as usize).expect("one of the scenario");
        debug_assert!(begins || fault.until == ctx.now, "a fault lasts until its end");
        let (cluster, timeline) = (&self.cluster, &mut self.timeline);
        let mut scene = Scene { ctx, cluster, timeline };
        let out = &mut says(&mut self.queue, Event::Kubelet);
        self.kubelets.fault(&mut scene, (index, fault), begins, out);
        self.wake_checks(ctx);
    }

    /// The shared cache takes a change in and wakes the controllers that care.
    pub(super) fn observe(&mut self, ctx: Ctx, change: Change) {
        let now = ctx.now;
        match change {
            Change::Workload(id) => {
                self.workload_changed(now, id);
                self.actions_wait(now);
            }
            Change::Conflict(id) => self.refused(ctx, id),
            Change::ReplicaSet(rs) => {
                let changed = self.informer.observe_set(&self.cluster, rs);
                let set = &self.cluster.replica_sets[rs];
                let (owner, min_ready) = (set.deployment, set.min_ready_seconds);
                if self.cluster.workloads[owner].spec.kind().has_sets() {
                    self.workload_changed(now, owner);
                }
                // A sync after a change of the status alone finds nothing to do, but looks at the clock.
                if changed || min_ready > 0 {
                    let out = &mut says(&mut self.queue, Event::ReplicaSet);
                    self.replica_sets.set_changed(now, rs, out);
                }
            }
            Change::Slice(range) => self.slices[range.service].slice_seen(),
            Change::PodCreated(pod)
            | Change::PodBound(pod)
            | Change::PodStatus(pod)
            | Change::PodGates(pod)
            | Change::PodDeleting(pod)
            | Change::PodRemoved(pod) => self.observe_pod(ctx, pod),
            Change::Service(service) => {
                let spec = self.cluster.services[service].clone();
                let out = &mut says(&mut self.queue, |e| Event::Slice(service, e));
                let slices = &mut self.slices[service];
                slices.service_changed(now, spec, &self.cluster, out);
                self.audience.selectors_changed();
            }
            Change::Node(_) => self.nodes_changed(now),
            Change::Weights | Change::PodResized(_) => {}
            Change::Budget(_) | Change::BudgetConflict(_) => {}
        }
    }

    fn observe_pod(&mut self, ctx: Ctx, pod: PodId) {
        let change = self.informer.observe_pod(&self.cluster, pod);
        if change.before == change.after {
            return;
        }
        match change.after.owner {
            Owner::ReplicaSet(rs) => self.pod_of_set_changed(ctx, pod, rs, change),
            Owner::Workload(id) => self.member_changed(ctx, pod, id, change),
        }
        if let Some(disruption) = &mut self.disruption {
            let out = &mut says(&mut self.queue, Event::Disruption);
            disruption.pod_changed(ctx.now, pod, change, &self.cluster, out);
        }
        if let Some(autoscaler) = &mut self.autoscaler {
            let out = &mut says(&mut self.queue, Event::Autoscaler);
            let seen = (&self.cluster, &self.informer);
            autoscaler.pod_changed(ctx, pod, change, seen, out);
        }
        let template = self.cluster.pods[pod].spec;
        for &service in self.audience.selecting(template, &self.slices, &self.cluster) {
            let out = &mut says(&mut self.queue, |e| Event::Slice(service, e));
            self.slices[service].pod_changed(ctx.now, pod, change, out);
        }
    }

    fn pod_of_set_changed(&mut self, ctx: Ctx, pod: PodId, rs: RsId, change: PodChange) {
        let set = &self.cluster.replica_sets[rs];
        let (owner, min_ready) = (set.deployment, set.min_ready_seconds);
        let strategy = self.cluster.workloads[owner].spec.strategy;
        if !matches!(strategy, Strategy::ReplicaSet | Strategy::Rollout { .. }) {
            let out = &mut says(&mut self.queue, Event::Deployment);
            self.deployments.pod_changed(ctx.now, owner, strategy, change, out);
        }
        let out = &mut says(&mut self.queue, Event::ReplicaSet);
        self.replica_sets.pod_changed(ctx, pod, change, min_ready, out);
    }

    /// A pod of a workload that makes its own.
    fn member_changed(&mut self, ctx: Ctx, pod: PodId, id: WorkloadId, change: PodChange) {
        let of = (id, &self.cluster);
        match self.cluster.workloads[id].spec.kind() {
            Kind::StatefulSet => {
                let out = &mut says(&mut self.queue, Event::StatefulSet);
                self.stateful_sets.pod_changed(ctx, pod, change, of, out);
            }
            Kind::DaemonSet => {
                let out = &mut says(&mut self.queue, Event::DaemonSet);
                self.daemon_sets.pod_changed(ctx, pod, change, of, out);
            }
            Kind::Pod | Kind::Deployment | Kind::Rollout | Kind::ReplicaSet => {}
        }
    }

    /// A write of the controller was refused.
    fn refused(&mut self, ctx: Ctx, id: WorkloadId) {
        match &mut self.rollouts {
            Some(rollouts) if self.cluster.workloads[id].spec.kind() == Kind::Rollout => {
                rollouts.conflict(ctx, id, &mut says(&mut self.queue, Event::Rollout));
            }
            _ => {
                let out = &mut says(&mut self.queue, Event::Deployment);
                self.deployments.conflict(ctx, id, out);
            }
        }
    }

    /// The controller of the workload's kind looks at it.
    fn workload_changed(&mut self, now: Time, id: WorkloadId) {
        match self.cluster.workloads[id].spec.kind() {
            Kind::Deployment => {
                let out = &mut says(&mut self.queue, Event::Deployment);
                self.deployments.changed(now, id, out);
            }
            Kind::StatefulSet => {
                let out = &mut says(&mut self.queue, Event::StatefulSet);
                self.stateful_sets.changed(now, id, out);
            }
            Kind::DaemonSet => {
                let out = &mut says(&mut self.queue, Event::DaemonSet);
                self.daemon_sets.changed(now, id, out);
            }
            Kind::Rollout => {
                if let Some(rollouts) = &mut self.rollouts {
                    rollouts.changed(now, id, &mut says(&mut self.queue, Event::Rollout));
                }
            }
            // Nothing is made from their templates but what their own controllers miss.
            Kind::ReplicaSet | Kind::Pod => {}
        }
    }

    /// DaemonSets are for nodes.
    fn nodes_changed(&mut self, now: Time) {
        for id in self.cluster.workloads.ids() {
            if self.cluster.workloads[id].spec.kind() == Kind::DaemonSet {
                self.workload_changed(now, id);
            }
        }
    }
}
