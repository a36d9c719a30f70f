//! The API server: every verb changes objects and appends to a change log, from which the world tells the
//! watchers.

mod index;
mod nodes;
mod pods;

use super::labels::ROLLOUT_HASH;
use super::objects::*;
use super::placement::Effect;
use super::spec::{Labels, Node, PodTemplate, Service};
use super::workload::{Kind, Workload as WorkloadSpec};
use super::write::{Change, Write};
use crate::engine::rng::uid_of;
use crate::engine::{Dur, List, Time};
use index::Index;
use std::sync::Arc;

/// The API server's state.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// By number: pods are bound to places in this list.
    pub nodes: List<NodeId, Arc<Node>>,
    /// Every distinct one.
    pub templates: List<TemplateId, Arc<PodTemplate>>,
    /// All, in the order of the scenario.
    pub workloads: List<WorkloadId, Workload>,
    /// Those that are gone stay here, marked.
    pub replica_sets: List<RsId, ReplicaSet>,
    /// Those that are gone stay here, marked.
    pub pods: List<PodId, Pod>,
    /// PodDisruptionBudgets with their statuses.
    pub budgets: List<BudgetId, Budget>,
    /// Those that routes lead to, as in the scenario.
    pub services: List<ServiceId, Arc<Service>>,
    /// The shares of the Services in the Ingress' rule, in their order; empty: there is none, or one Service.
    pub weights: Vec<u32>,
    /// The shares of two Services that the load balancer's rule has, as its API tells; None: nobody asks.
    pub rule: Option<[u32; 2]>,
    /// Endpoint changes in the order the slice controller decided them.
    pub slice_log: Vec<EndpointChange>,
    /// The action happens so long after a whole second of the wall clock.
    pub second_phase: Dur,
    /// Changes not yet told to the watchers.
    pub log: Vec<Change>,
    /// What belongs to what.
    pub(crate) index: Index,
}

impl Cluster {
    /// The template's id, entering it if it is new.
    pub fn intern_template(&mut self, template: &Arc<PodTemplate>) -> TemplateId {
        let found = self.templates.iter().position(|t| t == template);
        let index = found.unwrap_or_else(|| {
            self.templates.push(template.clone());
            self.find_budgets(template);
            self.templates.len() - 1
        });
        debug_assert!(
            self.templates[TemplateId(index as u32)] == *template,
            "a template has one name"
        );
        TemplateId(index as u32)
    }

    /// The template that a pod was made from, with what admission or a resize has changed in it.
    pub fn template_of(&self, pod: PodId) -> &PodTemplate {
        &self.templates[self.pods[pod].spec]
    }

    /// The workload that a pod belongs to.
    pub fn workload_of(&self, pod: PodId) -> WorkloadId {
        self.workload(self.pods[pod].owner)
    }

    /// The workload of the pods that `owner` makes.
    pub fn workload(&self, owner: Owner) -> WorkloadId {
        match owner {
            Owner::ReplicaSet(rs) => self.replica_sets[rs].deployment,
            Owner::Workload(id) => id,
        }
    }

    /// By its spec and the status that its controller wrote.
    pub fn progress(&self, id: WorkloadId) -> Progress {
        let d = &self.workloads[id];
        let (desired, to_update) = match d.spec.kind() {
            Kind::DaemonSet => (d.status.desired, d.status.desired),
            _ => (d.spec.replicas, d.spec.to_update()),
        };
        let mut observed = d.status.observed_generation >= d.generation;
        let mut status = d.status;
        // Over with its promotion.
        observed &= d.spec.release.is_none() || d.current == d.template;
        if d.spec.kind() == Kind::Rollout {
            // Old pods that wait for their end are no part of it.
            status.replicas = status.updated;
            status.available = status.available.min(status.updated);
        }
        status.progress(desired, to_update, observed)
    }

    /// Its available pods, as those count who make them.
    pub fn available(&self, id: WorkloadId) -> i32 {
        if self.workloads[id].spec.kind() != Kind::Deployment {
            return self.workloads[id].status.available;
        }
        self.sets_of(id).iter().map(|&rs| self.replica_sets[rs].status.available).sum()
    }

    /// The pod template that it has now.
    pub fn template_now(&self, id: WorkloadId) -> TemplateId {
        self.workloads[id].template
    }

    /// Replaces a workload's spec (an action of the user).
    pub fn set_workload(&mut self, id: WorkloadId, spec: WorkloadSpec) {
        assert!(spec.replicas >= 0, "a workload cannot have {} replicas", spec.replicas);
        let template = self.intern_template(&spec.template);
        let deployment = &mut self.workloads[id];
        debug_assert_eq!(deployment.spec.name, spec.name, "the name of an object never changes");
        deployment.template = template;
        deployment.spec = spec;
        deployment.generation += 1;
        deployment.note_revision();
        if deployment.spec.kind() == Kind::ReplicaSet {
            self.set_bare_replica_set(id);
        }
        self.log.push(Change::Workload(id));
    }

    /// A workload appears (an action of the user, or the start of the run).
    pub fn create_workload(&mut self, spec: WorkloadSpec, uid: u64) -> WorkloadId {
        assert!(spec.replicas >= 0, "a workload cannot have {} replicas", spec.replicas);
        let template = self.intern_template(&spec.template);
        let id = WorkloadId(self.workloads.len() as u32);
        let mut workload = Workload {
            uid,
            spec,
            template,
            current: template,
            resumed: 0,
            revisions: Vec::new(),
            generation: 1,
            status: WorkloadStatus::default(),
            sets_made: 0,
            pods_made: 0,
        };
        workload.note_revision();
        self.workloads.push(workload);
        self.log.push(Change::Workload(id));
        id
    }

    /// A ReplicaSet that nothing owns is the workload itself, under its other name.
    fn set_bare_replica_set(&mut self, id: WorkloadId) {
        let (template, replicas) = (self.workloads[id].template, self.workloads[id].spec.replicas);
        if let Some(&rs) = self.sets_of(id).first() {
            let set = &mut self.replica_sets[rs];
            (set.template, set.replicas) = (template, replicas);
            set.generation += 1;
            debug_assert!(set.replicas >= 0, "a ReplicaSet cannot have {replicas} replicas");
            self.touch_replica_set(rs);
        }
    }

    /// Gives a Service another selector (an action of the user).
    pub fn set_selector(&mut self, service: ServiceId, selector: Labels) {
        Arc::make_mut(&mut self.services[service]).selector = selector;
        self.log.push(Change::Service(service));
    }

    /// Gives the Services other shares in the Ingress' rule (an action of the user).
    pub fn set_weights(&mut self, weights: &[u32]) {
        debug_assert_eq!(weights.len(), self.weights.len(), "a weight for each Service");
        self.weights.clear();
        self.weights.extend(weights);
        self.log.push(Change::Weights);
    }

    /// Somebody promotes a Rollout that pauses.
    pub fn resume(&mut self, id: WorkloadId) {
        debug_assert!(self.workloads[id].spec.kind() == Kind::Rollout, "others do not pause so");
        self.workloads[id].resumed += 1;
        self.log.push(Change::Workload(id));
    }

    fn select_template(&mut self, service: ServiceId, template: TemplateId) {
        let hash = self.templates[template].labels.get(ROLLOUT_HASH).cloned();
        debug_assert!(hash.is_some(), "a Rollout's templates are labelled");
        let mut selector = self.services[service].selector.clone();
        selector.extend(hash.map(|hash| (ROLLOUT_HASH.to_owned(), hash)));
        if self.services[service].selector != selector {
            self.set_selector(service, selector);
        }
    }

    fn share_weight(&mut self, to: ServiceId, weight: u32, of: u32) {
        debug_assert!(weight <= of && self.weights.len() == 2, "{weight} of {of}");
        let rest = of - weight;
        let weights = (0..self.weights.len()).map(|i| if i == to.index() { weight } else { rest });
        let weights: Vec<u32> = weights.collect();
        self.set_weights(&weights);
    }

    /// New pods of a StatefulSet below the partition have this template from now on.
    fn follow(&mut self, id: WorkloadId, template: TemplateId) {
        debug_assert!(template.index() < self.templates.len(), "a template that is known");
        self.workloads[id].current = template;
    }

    /// Commits one write.
    pub fn apply(&mut self, now: Time, write: Write) {
        match write {
            Write::CreateReplicaSet { deployment, template, revision, replicas, max } => {
                // Named after the template: a second creation from an old cache is refused.
                let same = |rs: &RsId| {
                    let set = &self.replica_sets[*rs];
                    set.template == template && !set.removed
                };
                if !self.sets_of(deployment).iter().any(same) {
                    self.create_replica_set(now, deployment, (template, revision), (replicas, max));
                }
            }
            Write::ScaleReplicaSet { rs, replicas, desired, max, resource_version } => {
                self.scale_replica_set(rs, replicas, desired, max, resource_version);
            }
            Write::Scale { workload, replicas } => self.scale(workload, replicas),
            Write::SetRevision { rs, revision } => {
                // Written once more from a copy that does not show it yet: refused.
                let set = &mut self.replica_sets[rs];
                if revision > set.revision {
                    set.revision = revision;
                    self.touch_replica_set(rs);
                }
            }
            Write::ReplicaSetStatus { rs, status } => self.set_replica_set_status(rs, status),
            Write::DeleteReplicaSet { rs } => self.delete_replica_set(rs),
            Write::WorkloadStatus { workload, status } => self.set_status(workload, status),
            Write::ProgressDeadlineExceeded { deployment } => {
                self.log.push(Change::Workload(deployment));
            }
            Write::CreatePod { owner } => self.create_pod(now, owner),
            Write::CreateMember { workload, template, member } => {
                self.create_member(now, workload, template, member);
            }
            Write::CurrentRevision { workload: id, template } => self.follow(id, template),
            Write::Resize { pod, spec } => self.resize_pod(pod, spec),
            Write::CopySpec { from, to, sized } => self.copy_spec(from, to, sized),
            Write::SelectTemplate { service, template } => self.select_template(service, template),
            Write::ShareWeight { to, weight, of } => self.share_weight(to, weight, of),
            Write::RuleIs { weights } => self.rule = Some(weights),
            Write::BindPod { pod, node } => self.bind_pod(pod, node),
            Write::DeletePod { pod, grace } => self.delete_pod(pod, grace),
            Write::PodStatus { pod, status } => self.set_pod_status(now, pod, status),
            Write::SetGates { pod, by, value } => {
                let p = &mut self.pods[pod];
                let before = p.gates;
                p.gates.set(by, value);
                if !p.removed && p.gates != before {
                    self.log.push(Change::PodGates(pod));
                }
            }
            Write::RemovePod { pod } => self.remove_pod(pod),
            Write::SetUnschedulable { node, value } => self.set_unschedulable(node, value),
            Write::NodeUnknown { node } => self.set_unknown(node),
            Write::NodeReady { node } => self.set_ready(node),
            Write::TaintUnreachable { node } => self.taint_unreachable(node, Effect::NoExecute),
            Write::MarkNotReady { pod } => self.mark_not_ready(now, pod),
            Write::SetPresent { node, value } => self.set_present(node, value),
            Write::Slice(range) => {
                let known = range.to as usize <= self.slice_log.len();
                debug_assert!(range.from < range.to && known, "{range:?}");
                self.log.push(Change::Slice(range));
            }
            Write::BudgetStatus { budget, status, resource_version } => {
                self.set_budget_status(budget, status, resource_version);
            }
            Write::TakeDisruption { budget, pod } => self.take_disruption(now, budget, pod),
        }
    }

    fn create_replica_set(
        &mut self,
        now: Time,
        deployment: WorkloadId,
        (template, revision): (TemplateId, u32),
        (replicas, max): (i32, i32),
    ) {
        assert!(replicas >= 0, "a ReplicaSet cannot have {replicas} replicas");
        debug_assert!(revision > 0 && template.index() < self.templates.len());
        let owner = &mut self.workloads[deployment];
        let uid = uid_of(owner.uid, owner.sets_made);
        owner.sets_made += 1;
        let spec = &owner.spec;
        let id = RsId(self.replica_sets.len() as u32);
        self.replica_sets.push(ReplicaSet {
            uid,
            deployment,
            template,
            revision,
            created: now,
            replicas,
            desired_annotation: spec.replicas,
            max_annotation: max,
            generation: 1,
            resource_version: 1,
            status: RsStatus::default(),
            min_ready_seconds: spec.min_ready_seconds,
            removed: false,
            pods_made: 0,
        });
        self.index.makes_set(id, deployment);
        self.log.push(Change::ReplicaSet(id));
    }

    fn scale_replica_set(&mut self, rs: RsId, replicas: i32, desired: i32, max: i32, version: u32) {
        assert!(replicas >= 0, "a ReplicaSet cannot have {replicas} replicas");
        let set = &mut self.replica_sets[rs];
        if set.resource_version != version {
            self.log.push(Change::Conflict(set.deployment));
            return;
        }
        set.desired_annotation = desired;
        set.max_annotation = max;
        if set.replicas != replicas {
            set.replicas = replicas;
            set.generation += 1;
        }
        self.touch_replica_set(rs);
    }

    fn set_replica_set_status(&mut self, rs: RsId, status: RsStatus) {
        let RsStatus { replicas, ready, available, terminating, .. } = status;
        let nested = 0 <= available && available <= ready && ready <= replicas;
        debug_assert!(nested && terminating >= 0, "{status:?}");
        self.replica_sets[rs].status = status;
        let workload = self.replica_sets[rs].deployment;
        if self.workloads[workload].spec.kind() == Kind::ReplicaSet {
            self.set_bare_status(workload, rs, status);
        }
        self.touch_replica_set(rs);
    }

    /// The status of a ReplicaSet that nothing owns is the workload's.
    fn set_bare_status(&mut self, id: WorkloadId, rs: RsId, status: RsStatus) {
        let template = self.workloads[id].template;
        let owner = Owner::ReplicaSet(rs);
        let updated = |p: &&Pod| p.owner == owner && p.template == template && p.stays();
        let updated = self.pods.iter().filter(updated).count() as i32;
        let RsStatus { replicas, ready, available, .. } = status;
        let observed_generation = self.workloads[id].generation;
        let updated = updated.min(replicas);
        debug_assert!(available <= ready && ready <= replicas, "{status:?}");
        let status =
            WorkloadStatus { desired: 0, replicas, updated, ready, available, observed_generation };
        self.workloads[id].status = status;
        self.log.push(Change::Workload(id));
    }

    /// Asked for again from an old cache, it is gone already.
    fn delete_replica_set(&mut self, rs: RsId) {
        let set = &mut self.replica_sets[rs];
        if !set.removed {
            debug_assert!(set.replicas == 0, "only a set without replicas goes: {}", set.replicas);
            set.removed = true;
            self.touch_replica_set(rs);
        }
    }

    fn set_status(&mut self, id: WorkloadId, status: WorkloadStatus) {
        let object = &mut self.workloads[id];
        debug_assert!(status.observed_generation <= object.generation, "{status:?}");
        object.status = status;
        self.log.push(Change::Workload(id));
    }

    fn touch_replica_set(&mut self, rs: RsId) {
        self.replica_sets[rs].resource_version += 1;
        self.log.push(Change::ReplicaSet(rs));
    }
}
