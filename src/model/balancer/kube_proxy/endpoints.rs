//! Which endpoints new connections go to.
//!
//! Source: `pkg/proxy/topology.go: CategorizeEndpoints`.

use crate::model::platform::ProxyMode;

/// Whether an endpoint's hints of one kind (nodes, zones) name this node or its zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hint {
    /// It has none.
    #[default]
    Absent,
    /// They do.
    Here,
    /// They name others only.
    Elsewhere,
}

/// One endpoint, as the proxy of one node sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// As the slice says.
    pub ready: bool,
    /// As the slice says.
    pub serving: bool,
    /// As the slice says.
    pub terminating: bool,
    /// On this node.
    pub local: bool,
    /// Whether it is meant for this node.
    pub node_hint: Hint,
    /// Whether it is meant for this zone.
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

    /// Cilium has versions of its own: terminating endpoints keep their connections, and get new ones when no
    /// other is left.
    ///
    /// `pkg/loadbalancer/reconciler/bpf_reconciler.go: updateFrontend` of cilium/cilium.
    pub fn of_mode(mode: ProxyMode, minor: u32) -> Rules {
        match mode {
            ProxyMode::Cilium => Rules { terminating_fallback: true, node_hints: false },
            _ => Rules::of(minor),
        }
    }
}

/// In which lists an endpoint is; the proxy programs those that are in any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// Among those that requests from anywhere go to.
    pub cluster: bool,
    /// Among those of this node.
    pub local: bool,
}

impl Lists {
    /// Whether the proxy programs the endpoint at all.
    pub fn any(self) -> bool {
        self.cluster || self.local
    }
}

/// How many endpoints of a Service are of each kind, kept up as they change: all that it takes to say which
/// of them new connections go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    rules: Rules,
    ready: i32,
    fallback: i32,
    local_ready: i32,
    local_fallback: i32,
    /// Hints of the ready ones.
    node_hints: Hints,
    zone_hints: Hints,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hints {
    absent: i32,
    here: i32,
}

/// Which endpoints are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usable {
    rules: Rules,
    cluster: Used,
    local: Used,
    /// There is a usable endpoint anywhere. Without one new connections are rejected; with one, those whose
    /// own list is empty are dropped.
    pub anywhere: bool,
}

/// Which endpoints one list takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Used {
    Ready(Topology),
    /// None is ready: those serving and terminating.
    Fallback,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topology {
    Any,
    Node,
    Zone,
}

impl Counts {
    /// Of no endpoints.
    pub fn new(rules: Rules) -> Counts {
        Counts {
            rules,
            ready: 0,
            fallback: 0,
            local_ready: 0,
            local_fallback: 0,
            node_hints: Hints::default(),
            zone_hints: Hints::default(),
        }
    }

    /// By the same rules, of no endpoints.
    pub fn of_none(self) -> Counts {
        Counts::new(self.rules)
    }

    /// An endpoint changes; None: it is not there.
    pub fn take(&mut self, was: Option<Endpoint>, is: Option<Endpoint>) {
        if let Some(endpoint) = was {
            self.count(endpoint, -1);
        }
        if let Some(endpoint) = is {
            self.count(endpoint, 1);
        }
    }

    fn count(&mut self, ep: Endpoint, by: i32) {
        let local = if ep.local { by } else { 0 };
        if ep.ready {
            self.ready += by;
            self.local_ready += local;
            self.node_hints.count(ep.node_hint, by);
            self.zone_hints.count(ep.zone_hint, by);
        } else if is_fallback(ep, self.rules) {
            self.fallback += by;
            self.local_fallback += local;
        }
        let all = [self.ready - self.local_ready, self.fallback - self.local_fallback];
        debug_assert!(all.iter().all(|n| *n >= 0), "those on the node are of all: {all:?}");
    }

    /// Which endpoints are used, now that there are so many of each kind.
    ///
    /// `topology.go: CategorizeEndpoints`.
    pub fn usable(&self, policy: Policy) -> Usable {
        let used = |wanted: bool, topology: Topology, ready: i32, fallback: i32| match wanted {
            true if ready > 0 => Used::Ready(topology),
            true if fallback > 0 => Used::Fallback,
            _ => Used::None,
        };
        let cluster = policy.uses_cluster_endpoints();
        let local = policy.uses_local_endpoints();
        Usable {
            rules: self.rules,
            cluster: used(cluster, self.topology(), self.ready, self.fallback),
            local: used(local, Topology::Any, self.local_ready, self.local_fallback),
            anywhere: self.ready > 0 || self.fallback > 0,
        }
    }

    /// Hints are followed if every ready endpoint has some and one of them points here.
    ///
    /// `topology.go: topologyModeFromHints`.
    fn topology(&self) -> Topology {
        let followed = |hints: Hints| hints.absent == 0 && hints.here > 0;
        if self.rules.node_hints && followed(self.node_hints) {
            Topology::Node
        } else if followed(self.zone_hints) {
            Topology::Zone
        } else {
            Topology::Any
        }
    }
}

impl Hints {
    fn count(&mut self, hint: Hint, by: i32) {
        match hint {
            Hint::Absent => self.absent += by,
            Hint::Here => self.here += by,
            Hint::Elsewhere => {}
        }
    }
}

impl Usable {
    /// In which lists an endpoint is.
    pub fn lists(self, ep: Endpoint) -> Lists {
        let takes = |used: Used| match used {
            Used::Ready(topology) => ep.ready && available_for(ep, topology),
            Used::Fallback => is_fallback(ep, self.rules),
            Used::None => false,
        };
        Lists { cluster: takes(self.cluster), local: ep.local && takes(self.local) }
    }
}

fn is_fallback(ep: Endpoint, rules: Rules) -> bool {
    rules.terminating_fallback && !ep.ready && ep.serving && ep.terminating
}

fn available_for(ep: Endpoint, topology: Topology) -> bool {
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
        let usable = |minor| {
            let mut counts = Counts::new(Rules::of(minor));
            counts.take(None, Some(leaving));
            counts.usable(Policy::default())
        };
        assert!(!usable(25).anywhere && !usable(25).lists(leaving).any());
        let lists = usable(26).lists(leaving);
        assert!(usable(26).anywhere && lists.cluster && !lists.local);
    }
}
