//! The API server: every verb changes objects and appends to a change log, from which the world tells the
//! watchers.

use super::deletion::api_delete_grace;
use super::objects::*;
use super::phase::PodPhase;
use super::spec::{Deployment as DeploymentSpec, Labels, Node, PodTemplate, Service};
use super::write::{Change, Write};
use crate::engine::rng::uid_of;
use crate::engine::{Dur, List, Time};
use std::sync::Arc;

/// The API server's state.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// By number: pods are bound to places in this list.
    pub nodes: List<NodeId, Arc<Node>>,
    /// Every distinct one.
    pub templates: List<TemplateId, Arc<PodTemplate>>,
    /// All, in the order of the scenario.
    pub deployments: List<DeploymentId, Deployment>,
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
    /// Endpoint changes in the order the slice controller decided them.
    pub slice_log: Vec<EndpointChange>,
    /// The action happens so long after a whole second of the wall clock.
    pub second_phase: Dur,
    /// Changes not yet told to the watchers.
    pub log: Vec<Change>,
}

impl Cluster {
    /// The template's id, entering it if it is new.
    pub fn intern_template(&mut self, template: &Arc<PodTemplate>) -> TemplateId {
        let found = self.templates.iter().position(|t| t == template);
        let index = found.unwrap_or_else(|| {
            self.templates.push(template.clone());
            self.templates.len() - 1
        });
        debug_assert!(
            self.templates[TemplateId(index as u32)] == *template,
            "a template has one name"
        );
        TemplateId(index as u32)
    }

    /// The template that a pod was made from.
    pub fn template_of(&self, pod: PodId) -> &PodTemplate {
        &self.templates[self.pods[pod].template]
    }

    /// The workload that a pod belongs to.
    pub fn workload_of(&self, pod: PodId) -> WorkloadId {
        self.workload(self.pods[pod].owner)
    }

    /// The workload of the pods that `owner` makes.
    pub fn workload(&self, owner: Owner) -> WorkloadId {
        let Owner::ReplicaSet(rs) = owner;
        WorkloadId::Deployment(self.replica_sets[rs].deployment)
    }

    /// A workload's pods that are there, for actions such as `kubectl delete pod`.
    pub fn pods_of(&self, id: WorkloadId) -> Vec<PodId> {
        let there = |p: &PodId| !self.pods[*p].removed && self.workload_of(*p) == id;
        (0..self.pods.len() as u32).map(PodId).filter(there).collect()
    }

    /// By its spec and the status that its controller wrote.
    pub fn progress(&self, id: WorkloadId) -> Progress {
        let WorkloadId::Deployment(id) = id;
        let d = &self.deployments[id];
        d.status.progress(d.spec.replicas, d.status.observed_generation >= d.generation)
    }

    /// Its available pods, as those count who make them.
    pub fn available(&self, id: WorkloadId) -> i32 {
        let WorkloadId::Deployment(id) = id;
        let sets = self.replica_sets.iter().filter(|s| s.deployment == id);
        sets.map(|s| s.status.available).sum()
    }

    /// The pod template that it has now.
    pub fn template_now(&self, id: WorkloadId) -> TemplateId {
        let WorkloadId::Deployment(id) = id;
        self.deployments[id].template
    }

    /// Replaces a Deployment's spec (an action of the user).
    pub fn set_deployment(&mut self, id: DeploymentId, spec: DeploymentSpec) {
        assert!(spec.replicas >= 0, "a Deployment cannot have {} replicas", spec.replicas);
        let template = self.intern_template(&spec.template);
        let deployment = &mut self.deployments[id];
        debug_assert_eq!(deployment.spec.name, spec.name, "the name of an object never changes");
        deployment.template = template;
        deployment.spec = spec;
        deployment.generation += 1;
        self.log.push(Change::Deployment(id));
    }

    /// A Deployment appears (an action of the user, or the start of the run).
    pub fn create_deployment(&mut self, spec: DeploymentSpec, uid: u64) -> DeploymentId {
        assert!(spec.replicas >= 0, "a Deployment cannot have {} replicas", spec.replicas);
        let template = self.intern_template(&spec.template);
        let id = DeploymentId(self.deployments.len() as u32);
        self.deployments.push(Deployment {
            uid,
            spec,
            template,
            generation: 1,
            status: DeploymentStatus::default(),
            sets_made: 0,
            pods_made: 0,
        });
        self.log.push(Change::Deployment(id));
        id
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

    /// Commits one write.
    pub fn apply(&mut self, now: Time, write: Write) {
        match write {
            Write::CreateReplicaSet { deployment, template, revision, replicas, max } => {
                // Named after the template: a second creation from an old cache is refused.
                let same = |s: &ReplicaSet| {
                    s.deployment == deployment && s.template == template && !s.removed
                };
                if !self.replica_sets.iter().any(same) {
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
            Write::DeploymentStatus { deployment, status } => {
                self.set_deployment_status(deployment, status);
            }
            Write::ProgressDeadlineExceeded { deployment } => {
                self.log.push(Change::Deployment(deployment));
            }
            Write::CreatePod { owner } => self.create_pod(now, owner),
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
            Write::RemovePod { pod } => {
                let p = &mut self.pods[pod];
                if !p.removed {
                    debug_assert!(p.deleting.is_some(), "a pod that goes was deleted");
                    p.removed = true;
                    self.log.push(Change::PodRemoved(pod));
                }
            }
            Write::SetUnschedulable { node, value } => self.set_unschedulable(node, value),
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

    /// A pod that was deleted meanwhile cannot be bound.
    fn bind_pod(&mut self, pod: PodId, node: NodeId) {
        let p = &mut self.pods[pod];
        if !p.removed && p.deleting.is_none() {
            debug_assert!(p.node.is_none(), "a pod is bound once");
            p.node = Some(node);
            self.log.push(Change::PodBound(pod));
        }
    }

    fn set_unschedulable(&mut self, node: NodeId, value: bool) {
        let n = &mut self.nodes[node];
        if n.unschedulable != value {
            Arc::make_mut(n).unschedulable = value;
            self.log.push(Change::Node(node));
        }
    }

    fn create_replica_set(
        &mut self,
        now: Time,
        deployment: DeploymentId,
        (template, revision): (TemplateId, u32),
        (replicas, max): (i32, i32),
    ) {
        assert!(replicas >= 0, "a ReplicaSet cannot have {replicas} replicas");
        debug_assert!(revision > 0 && template.index() < self.templates.len());
        let owner = &mut self.deployments[deployment];
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
        self.touch_replica_set(rs);
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

    fn set_deployment_status(&mut self, id: DeploymentId, status: DeploymentStatus) {
        let object = &mut self.deployments[id];
        debug_assert!(status.observed_generation <= object.generation, "{status:?}");
        debug_assert!(status.ready.max(status.updated) <= status.replicas, "{status:?}");
        object.status = status;
        self.log.push(Change::Deployment(id));
    }

    fn touch_replica_set(&mut self, rs: RsId) {
        self.replica_sets[rs].resource_version += 1;
        self.log.push(Change::ReplicaSet(rs));
    }

    fn create_pod(&mut self, now: Time, owner: Owner) {
        let Owner::ReplicaSet(rs) = owner;
        let set = &mut self.replica_sets[rs];
        debug_assert!(set.created <= now, "a pod is no older than its set");
        let (template, uid) = (set.template, uid_of(set.uid, set.pods_made));
        set.pods_made += 1;
        let made = &mut self.deployments[set.deployment].pods_made;
        let number = std::mem::replace(made, *made + 1);
        let spec = &self.templates[template];
        let (gates, deletion_cost) = (spec.gates, spec.deletion_cost);
        let id = PodId(self.pods.len() as u32);
        self.pods.push(Pod {
            owner,
            template,
            created: now,
            uid,
            number,
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
        self.log.push(Change::PodCreated(id));
    }

    /// A graceful delete; without a grace period the object goes at once.
    fn delete_pod(&mut self, pod: PodId, requested: Option<i64>) {
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
        }
    }

    fn set_pod_status(&mut self, now: Time, pod: PodId, status: PodStatus) {
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
    }
}
