//! What the API server holds before anything happens.

use crate::cluster::objects::{Budget, BudgetStatus};
use crate::cluster::server::Cluster;
use crate::cluster::spec::PodDisruptionBudget;
use crate::engine::Dur;
use crate::scenario::Scenario;
use std::sync::Arc;

/// The objects that are there before any pod.
pub(super) fn new_cluster(scenario: &Scenario, second_phase: Dur) -> Cluster {
    let split = scenario.route().split.as_ref();
    Cluster {
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
