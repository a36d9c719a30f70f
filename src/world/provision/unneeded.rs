//! Cluster Autoscaler takes nodes away that nobody has needed for long.

use crate::cluster::objects::{NodeId, PodId};
use crate::cluster::spec::Resources;
use crate::engine::Time;
use crate::model::node::cluster_autoscaler::{OnNode, keeps, utilization};
use crate::model::node::provision::{By, Flags};
use crate::model::scheduler::trial::Trial;
use crate::world::World;
use std::collections::BTreeMap;

impl<'a> World<'a> {
    /// `core/static_autoscaler.go: RunOnce`, its second half.
    pub(super) fn scale_down(&mut self, now: Time, flags: Flags) {
        if !flags.scale_down {
            return;
        }
        let unneeded = self.unneeded(flags);
        let provisioner = self.provisioner_mut();
        provisioner.unneeded.retain(|node, _| unneeded.contains(node));
        for &node in &unneeded {
            provisioner.unneeded.entry(node).or_insert(now);
        }
        let defaults = self.scenario.kubernetes.defaults;
        let provisioner = self.provisioner();
        let over = |at: Time, delay| at == Time::ALWAYS || now - at >= delay;
        let cools = !over(provisioner.added, flags.delay_after_add)
            || !over(provisioner.failed, defaults.ca_delay_after_failure);
        if cools || !provisioner.booting.is_empty() {
            return;
        }
        let due = provisioner.unneeded.iter().filter(|(_, since)| now - **since >= flags.unneeded);
        let due: Vec<NodeId> = due.map(|(node, _)| *node).collect();
        let (empty, others): (Vec<NodeId>, Vec<NodeId>) =
            due.into_iter().partition(|&node| self.pods_to_move(node).is_empty());
        let draining = provisioner.going.iter().any(|g| !g.empty);
        let mut goes: Vec<NodeId> = empty.into_iter().take(defaults.ca_empty_bulk).collect();
        if goes.is_empty() && !draining {
            goes.extend(others.first());
        }
        for node in goes {
            if self.group_can_spare(node) {
                self.provisioner_mut().unneeded.remove(&node);
                let minutes = flags.unneeded.as_secs_f64() / 60.0;
                self.take_away(now, node, &format!("nobody has needed it for {minutes} min"));
            }
        }
        debug_assert!(self.provisioner().going.len() <= self.cluster.nodes.len());
    }

    /// More of its group are there than have to be.
    pub(super) fn group_can_spare(&self, node: NodeId) -> bool {
        let groups = &self.provisioner().spec.groups;
        let Some(group) = groups.iter().find(|g| g.nodes().any(|n| n == node)) else {
            return false;
        };
        let stays = |n: &NodeId| self.cluster.nodes[*n].is_there() && !self.is_taken(*n);
        group.nodes().filter(stays).count() > group.min
    }

    /// Nodes whose pods request little and fit elsewhere, all of them together.
    fn unneeded(&self, flags: Flags) -> Vec<NodeId> {
        let trial = self.with_homeless();
        let mut found = Vec::new();
        for node in self.of_groups() {
            let little = trial
                .load(node)
                .is_some_and(|(used, all)| utilization(used, all) < flags.utilization);
            if little && self.group_can_spare(node) && !self.is_settled(node, &trial) {
                found.push(node);
                if !self.fits_without(&found, trial.clone()) {
                    found.pop();
                }
            }
        }
        debug_assert!(found.is_sorted(), "in the order of the nodes");
        found
    }

    /// Pods of these nodes may go, and fit elsewhere.
    pub(super) fn fits_without(&self, nodes: &[NodeId], mut trial: Trial<'a>) -> bool {
        let mut pods: Vec<PodId> = nodes.iter().flat_map(|&n| self.pods_to_move(n)).collect();
        // Those that stop need no other place.
        pods.retain(|&pod| self.cluster.pods[pod].deleting.is_none());
        if pods.iter().any(|&pod| self.keeps_node(pod)) {
            return false;
        }
        for &node in nodes {
            self.as_if_cordoned(&mut trial, node);
        }
        let booting = &self.provisioner().booting;
        debug_assert!(!nodes.iter().any(|node| booting.contains(node)), "they are there");
        // Nobody counts on a node that is not there yet.
        let moved = trial.move_all(&pods, &self.cluster);
        moved.is_some_and(|to| to.iter().all(|node| !booting.contains(node)))
    }

    /// Whether a pod keeps its node, whatever room there is.
    fn keeps_node(&self, pod: PodId) -> bool {
        let now = self.queue.now();
        let keeps = match &self.provisioner().spec.by {
            By::Karpenter(_) => self.is_not_to_be_disrupted(now, pod),
            By::ClusterAutoscaler(_) => {
                let template = self.cluster.template_of(pod);
                let budgets = self.cluster.budgets_of(self.cluster.pods[pod].spec);
                keeps(OnNode {
                    kind: self.kind_of(pod),
                    namespace: &template.namespace,
                    covered: !budgets.is_empty(),
                    stays: template.stays,
                })
            }
        };
        keeps || !self.refusing(pod).is_empty()
    }

    /// Before the run it could have gone, and did not: it is as it was then.
    pub(super) fn is_settled(&self, node: NodeId, trial: &Trial<'_>) -> bool {
        let Some(before) = self.provisioner().settled.get(&node) else { return false };
        let Some((used, _)) = trial.load(node) else { return true };
        used.cpu_millis >= before.cpu_millis && used.memory_bytes >= before.memory_bytes
    }

    /// Nodes that it could do without as things stand. Whoever looks at a cluster that has been there for
    /// long finds none; those are kept until something changes on them.
    pub(super) fn could_go_at_the_start(&self) -> BTreeMap<NodeId, Resources> {
        let found = self.of_groups().into_iter().filter_map(|node| {
            let trial = self.scheduler.trial();
            let (used, _) = trial.load(node)?;
            self.fits_without(&[node], trial).then_some((node, used))
        });
        let found: BTreeMap<NodeId, Resources> = found.collect();
        debug_assert!(found.len() <= self.cluster.nodes.len(), "each node once");
        found
    }
}
