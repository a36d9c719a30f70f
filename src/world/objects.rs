//! What the API server holds before anything happens, and where pods are.

use crate::cluster::disruption::PodDisruptionBudget;
use crate::cluster::objects::{Budget, BudgetStatus, NodeId, WorkloadId};
use crate::cluster::server::Cluster;
use crate::engine::{Dur, List};
use crate::scenario::Scenario;
use std::sync::Arc;

/// The objects that are there before any pod.
pub(super) fn new_cluster(scenario: &Scenario, second_phase: Dur) -> Cluster {
    let split = scenario.route().split.as_ref();
    let verifies = scenario.releases().filter_map(|r| r.router()).any(|router| router.verifies);
    Cluster {
        rule: split.filter(|_| verifies).and_then(|s| s.weights[..].try_into().ok()),
        nodes: scenario.nodes.clone(),
        services: scenario.services.clone(),
        weights: split.map_or(Vec::new(), |s| s.weights.clone()),
        budgets: scenario.pod_disruption_budgets.iter().map(budget).collect(),
        second_phase,
        ..Cluster::default()
    }
}

fn budget(spec: &Arc<PodDisruptionBudget>) -> Budget {
    let (spec, status) = (spec.clone(), BudgetStatus::default());
    Budget { spec, status, granted: Vec::new(), resource_version: 1 }
}

/// A workload's pods that stay, by node; empty with one node.
pub(super) fn placed(cluster: &Cluster, workload: WorkloadId) -> Vec<u32> {
    if cluster.nodes.len() == 1 {
        return Vec::new();
    }
    let mut counts: List<NodeId, u32> = vec![0; cluster.nodes.len()].into();
    let pods = cluster.pods_of(workload).map(|pod| &cluster.pods[pod]);
    for node in pods.filter(|pod| pod.stays()).filter_map(|pod| pod.node) {
        counts[node] += 1;
    }
    counts.into()
}
