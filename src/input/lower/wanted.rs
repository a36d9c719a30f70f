//! What pods ask of the nodes that nobody gave.

use crate::cluster::labels::Labels;
use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, PodSpec};
use std::collections::BTreeSet;

/// What a pod asks of a node's labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Labels that it must bear.
    pub labels: Labels,
    /// Label values that it must not bear; without a value: none under that key.
    never: BTreeSet<(String, Option<String>)>,
}

/// What the node selector and the required node affinity of a pod ask for. Terms are alternatives: the first
/// counts.
pub fn wanted(spec: &PodSpec) -> Wanted {
    let mut wanted = Wanted::default();
    let affinity = spec.affinity.as_ref().and_then(|a| a.node_affinity.as_ref());
    let required =
        affinity.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    for term in required.iter().flat_map(|r| &r.node_selector_terms).take(1) {
        add(&mut wanted, term);
    }
    wanted.labels.extend(spec.node_selector.clone().unwrap_or_default());
    wanted
}

pub(super) fn add(wanted: &mut Wanted, term: &NodeSelectorTerm) {
    for requirement in term.match_expressions.iter().flatten() {
        let NodeSelectorRequirement { key, operator, values } = requirement;
        let values = values.iter().flatten();
        let number = || values.clone().next().and_then(|v| v.parse::<i64>().ok()).unwrap_or(0);
        let label = match operator.as_str() {
            "In" => values.clone().next().cloned(),
            "Exists" => Some(String::new()),
            "Gt" => Some(number().saturating_add(1).to_string()),
            "Lt" => Some(number().saturating_sub(1).to_string()),
            "NotIn" => {
                wanted.never.extend(values.map(|v| (key.clone(), Some(v.clone()))));
                continue;
            }
            _ => {
                wanted.never.insert((key.clone(), None));
                continue;
            }
        };
        if let Some(label) = label {
            // A value that something else asks for is one as well.
            wanted.labels.entry(key.clone()).or_insert(label);
        }
    }
}

impl Wanted {
    /// Takes what `other` asks for as well, unless one node cannot be both.
    pub fn join(&mut self, other: &Wanted) -> bool {
        let mut both = self.clone();
        both.never.extend(other.never.iter().cloned());
        for (key, value) in &other.labels {
            let mine = both.labels.entry(key.clone()).or_insert_with(|| value.clone());
            if mine != value {
                return false;
            }
        }
        let banned = |(key, value): (&String, &String)| {
            both.never.contains(&(key.clone(), None))
                || both.never.contains(&(key.clone(), Some(value.clone())))
        };
        if both.labels.iter().any(banned) {
            return false;
        }
        *self = both;
        true
    }
}
