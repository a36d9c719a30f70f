//! Which endpoints new connections go to.
//!
//! Source: `pkg/proxy/topology.go: CategorizeEndpoints`.

/// Whether an endpoint's hints of one kind (nodes, zones) name this node or its zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hint {
    /// It has none.
    #[default]
    Absent,
    Here,
    Elsewhere,
}

/// One endpoint, as the proxy of one node sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    pub ready: bool,
    pub serving: bool,
    pub terminating: bool,
    /// On this node.
    pub local: bool,
    pub node_hint: Hint,
    pub zone_hint: Hint,
}

/// What a service port asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// internalTrafficPolicy Local.
    pub internal_local: bool,
    /// externalTrafficPolicy Local.
    pub external_local: bool,
    /// It has a node port, load balancer or external address.
    pub externally_reachable: bool,
}

impl Policy {
    /// `pkg/proxy/serviceport.go: UsesClusterEndpoints`.
    pub fn uses_cluster_endpoints(self) -> bool {
        !self.internal_local || self.externally_reachable
    }

    /// `pkg/proxy/serviceport.go: UsesLocalEndpoints`.
    pub fn uses_local_endpoints(self) -> bool {
        self.internal_local || (self.external_local && self.externally_reachable)
    }
}

/// What the proxy's version can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Endpoints that are serving and terminating take over when none is ready.
    pub terminating_fallback: bool,
    /// Node hints are followed (gate PreferSameTrafficDistribution).
    pub node_hints: bool,
}

impl Rules {
    /// Kubernetes v1.`minor`: the fallback is on since v1.26, node hints since v1.34.
    pub fn of(minor: u32) -> Rules {
        Rules { terminating_fallback: minor >= 26, node_hints: minor >= 34 }
    }
}

/// In which lists an endpoint is; the proxy programs those that are in any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    pub cluster: bool,
    pub local: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topology {
    Any,
    Node,
    Zone,
}

/// Fills `lists`, one entry per endpoint; whether there is any usable endpoint anywhere. Without one new
/// connections are rejected; with one, those whose own list is empty are dropped.
///
/// `topology.go: CategorizeEndpoints`.
pub fn categorize(
    endpoints: &[Endpoint],
    policy: Policy,
    rules: Rules,
    lists: &mut Vec<Lists>,
) -> bool {
    lists.clear();
    lists.resize(endpoints.len(), Lists::default());
    let any_ready = endpoints.iter().any(|ep| ep.ready);
    let any_fallback = endpoints.iter().any(|ep| is_fallback(ep, rules));
    if policy.uses_cluster_endpoints() {
        let topology = topology_from_hints(endpoints, rules);
        for (list, ep) in lists.iter_mut().zip(endpoints) {
            list.cluster = if any_ready {
                ep.ready && available_for(ep, topology)
            } else {
                is_fallback(ep, rules)
            };
        }
    }
    if policy.uses_local_endpoints() {
        let local_ready = endpoints.iter().any(|ep| ep.local && ep.ready);
        for (list, ep) in lists.iter_mut().zip(endpoints) {
            list.local = ep.local && if local_ready { ep.ready } else { is_fallback(ep, rules) };
        }
    }
    any_ready || any_fallback
}

fn is_fallback(ep: &Endpoint, rules: Rules) -> bool {
    rules.terminating_fallback && !ep.ready && ep.serving && ep.terminating
}

/// Hints are followed if every ready endpoint has some and one of them points here.
///
/// `topology.go: topologyModeFromHints`.
fn topology_from_hints(endpoints: &[Endpoint], rules: Rules) -> Topology {
    let followed = |hint: fn(&Endpoint) -> Hint| {
        let mut hints = endpoints.iter().filter(|ep| ep.ready).map(hint);
        let mut here = false;
        hints.all(|h| {
            here |= h == Hint::Here;
            h != Hint::Absent
        }) && here
    };
    if rules.node_hints && followed(|ep| ep.node_hint) {
        Topology::Node
    } else if followed(|ep| ep.zone_hint) {
        Topology::Zone
    } else {
        Topology::Any
    }
}

fn available_for(ep: &Endpoint, topology: Topology) -> bool {
    match topology {
        Topology::Any => true,
        Topology::Node => ep.node_hint == Hint::Here,
        Topology::Zone => ep.zone_hint == Hint::Here,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_1_26_terminating_endpoints_never_step_in() {
        let leaving = Endpoint { serving: true, terminating: true, ..Endpoint::default() };
        let mut lists = Vec::new();
        assert!(!categorize(&[leaving], Policy::default(), Rules::of(25), &mut lists));
        assert_eq!(lists, [Lists::default()]);
        assert!(categorize(&[leaving], Policy::default(), Rules::of(26), &mut lists));
        assert!(lists[0].cluster && !lists[0].local);
    }
}
