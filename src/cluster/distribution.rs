//! `trafficDistribution` of a Service, and the annotation that comes before it.

use std::collections::BTreeMap;

/// Which endpoints of a Service are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Those of the client's zone (PreferClose, PreferSameZone).
    SameZone,
    /// Those of its node, else of its zone.
    SameNode,
}

/// Annotations that ask for hints; the older one comes first.
const HINTS: [&str; 2] =
    ["service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"];

/// A Service with these annotations asks for hints by the zones' processors.
///
/// `staging/src/k8s.io/endpointslice/utils.go: hintsEnabled`.
pub fn is_auto(annotations: &BTreeMap<String, String>) -> bool {
    let asked = HINTS.iter().find_map(|key| annotations.get(*key));
    asked.is_some_and(|text| text == "Auto" || text == "auto")
}
