//! `trafficDistribution`: the EndpointSlice controller gives each endpoint hints of its own zone, or node,
//! and proxies follow them as long as they have an endpoint of their own.
//!
//! Source: `staging/src/k8s.io/endpointslice/trafficdist/trafficdist.go`.

use super::endpoints::{Endpoint, Hint};
use crate::cluster::distribution::Distribution;
use crate::cluster::objects::{Conditions, NodeId, PodId};
use crate::cluster::server::Cluster;
use crate::cluster::spec::Node;
use crate::engine::List;
use std::sync::Arc;

/// Where nodes are, for a Service whose endpoints have hints.
#[derive(Debug)]
pub struct Close {
    same_node: bool,
    /// By their first node with the same zone; None: the node is in none.
    zones: List<NodeId, Option<NodeId>>,
}

impl Close {
    /// The endpoints of a Service that asks for this.
    pub fn new(distribution: Distribution, nodes: &List<NodeId, Arc<Node>>) -> Close {
        let first = |zone: &str| {
            nodes.pairs().find(|(_, node)| node.zone() == Some(zone)).map(|(id, _)| id)
        };
        let zones = nodes.iter().map(|node| node.zone().and_then(first)).collect();
        Close { same_node: distribution == Distribution::SameNode, zones }
    }

    /// The hints of nodes and of zones that the pod's endpoint has, as the proxy of `node` reads them.
    pub fn hints(&self, cluster: &Cluster, pod: PodId, node: NodeId) -> (Hint, Hint) {
        let Some(own) = cluster.pods[pod].node else { return (Hint::Absent, Hint::Absent) };
        let read = |here: bool| if here { Hint::Here } else { Hint::Elsewhere };
        let of_node = if self.same_node { read(own == node) } else { Hint::Absent };
        let zone = |node: NodeId| self.zones.get(node).copied().flatten();
        let of_zone = zone(own).map_or(Hint::Absent, |own| read(zone(node) == Some(own)));
        (of_node, of_zone)
    }
}

/// What the proxy of one node knows of endpoints.
#[derive(Clone, Copy, Debug)]
pub struct Sees<'a> {
    /// Where pods are.
    pub cluster: &'a Cluster,
    /// Whose proxy it is.
    pub node: NodeId,
    /// Its own pods are told apart.
    pub local: bool,
    /// Where endpoints are preferred.
    pub close: Option<&'a Close>,
}

impl Sees<'_> {
    /// Its own pods are told apart, and the pod is one.
    pub fn here(&self, pod: PodId) -> bool {
        self.local && self.cluster.pods[pod].node == Some(self.node)
    }

    /// The endpoint of a pod with these conditions.
    pub fn endpoint(&self, pod: PodId, conditions: Conditions) -> Endpoint {
        let Conditions { ready, serving, terminating } = conditions;
        let hints = self.close.map(|close| close.hints(self.cluster, pod, self.node));
        let (node_hint, zone_hint) = hints.unwrap_or_default();
        Endpoint { ready, serving, terminating, local: self.here(pod), node_hint, zone_hint }
    }
}
