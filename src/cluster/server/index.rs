//! What belongs to what, so that nobody has to look through all objects.

use super::Cluster;
use crate::cluster::objects::{BudgetId, NodeId, PodId, RsId, TemplateId, WorkloadId};
use crate::cluster::spec::PodTemplate;
use crate::engine::List;

/// Kept as objects are written.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// By creation; those that are gone stay here.
    pods: List<WorkloadId, Vec<PodId>>,
    /// Pods that were bound to the node, sorted; those that are gone stay here.
    bound: List<NodeId, Vec<PodId>>,
    /// By creation; those that are gone stay here.
    sets: List<WorkloadId, Vec<RsId>>,
    /// Budgets about pods of the template. Neither ever changes.
    budgets: List<TemplateId, Vec<BudgetId>>,
}

impl Index {
    pub(super) fn makes_pod(&mut self, pod: PodId, of: WorkloadId) {
        let pods = self.pods.entry(of);
        debug_assert!(pods.last().is_none_or(|last| *last < pod), "pods are made in order");
        pods.push(pod);
    }

    pub(super) fn binds(&mut self, pod: PodId, node: NodeId) {
        let bound = self.bound.entry(node);
        let place = bound.partition_point(|other| *other < pod);
        debug_assert!(bound.get(place) != Some(&pod), "a pod is bound once");
        bound.insert(place, pod);
    }

    pub(super) fn makes_set(&mut self, rs: RsId, of: WorkloadId) {
        let sets = self.sets.entry(of);
        debug_assert!(sets.last().is_none_or(|last| *last < rs), "sets are made in order");
        sets.push(rs);
    }
}

impl Cluster {
    /// The pods that are on the node, those on their way out too.
    pub fn pods_on(&self, node: NodeId) -> impl Iterator<Item = PodId> + '_ {
        self.bound_to(node).iter().copied().filter(|pod| !self.pods[*pod].removed)
    }

    /// All pods that were ever bound to the node: a kubelet has some longer than the API.
    pub fn bound_to(&self, node: NodeId) -> &[PodId] {
        self.index.bound.get(node).map_or(&[], Vec::as_slice)
    }

    /// A workload's pods that are there, by creation.
    pub fn pods_of(&self, id: WorkloadId) -> impl Iterator<Item = PodId> + '_ {
        let made = self.index.pods.get(id).map_or(&[][..], Vec::as_slice);
        made.iter().copied().filter(|pod| !self.pods[*pod].removed)
    }

    /// The ReplicaSets of a workload, by creation; those that are gone too, marked.
    pub fn sets_of(&self, id: WorkloadId) -> &[RsId] {
        self.index.sets.get(id).map_or(&[], Vec::as_slice)
    }

    /// The PodDisruptionBudgets about pods of the template.
    pub fn budgets_of(&self, template: TemplateId) -> &[BudgetId] {
        &self.index.budgets[template]
    }

    /// A template is new.
    pub(super) fn find_budgets(&mut self, template: &PodTemplate) {
        let all = (0..).map(BudgetId).zip(&self.budgets);
        let covering = all.filter(|(_, budget)| budget.spec.covers(template)).map(|(id, _)| id);
        let covering = covering.collect();
        self.index.budgets.push(covering);
        debug_assert!(self.index.budgets.len() == self.templates.len(), "each template has a row");
    }
}
