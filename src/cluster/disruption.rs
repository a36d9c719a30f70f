//! Budgets for disruptions that people ask for.

use super::placement::Selector;
use super::spec::{IntOrPercent, PodTemplate};

/// `spec` of a PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodDisruptionBudget {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// None selects nothing.
    pub selector: Option<Selector>,
    /// How many must stay; the API takes this or `max_unavailable`.
    pub min_available: Option<IntOrPercent>,
    /// How many may be away.
    pub max_unavailable: Option<IntOrPercent>,
    /// unhealthyPodEvictionPolicy AlwaysAllow.
    pub always_allow_unhealthy: bool,
}

impl PodDisruptionBudget {
    /// Whether it is about pods of this template.
    pub fn covers(&self, template: &PodTemplate) -> bool {
        let selects = |s: &Selector| s.selects(&template.labels);
        self.namespace == template.namespace && self.selector.as_ref().is_some_and(selects)
    }
}
