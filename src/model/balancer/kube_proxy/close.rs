//! Endpoints with hints of where they are meant for. `trafficDistribution`: each has hints of its own zone,
//! or node, and proxies follow them as long as they have an endpoint of their own. `topology-mode: Auto`:
//! they are given anew with each write of the slice.
//!
//! Source: `staging/src/k8s.io/endpointslice/trafficdist/trafficdist.go`, `pkg/proxy/topology.go`.

use super::endpoints::{Counts, Endpoint, Hint, Usable};
use super::topology;
use crate::cluster::distribution::Distribution;
use crate::cluster::objects::{Conditions, NodeId, PodId};
use crate::cluster::server::Cluster;
use crate::cluster::spec::Node;
use crate::engine::{List, Sparse};
use crate::model::balancer::history::Changed;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The zones that endpoints are meant for, as places in the list of shares.
pub type Given = BTreeMap<PodId, usize>;

/// The endpoints of a Service as a watcher of its slice knows them.
pub type Known = Sparse<PodId, Option<Conditions>>;

/// Where nodes are, for a Service whose endpoints have hints.
#[derive(Debug)]
pub struct Close {
    gives: Gives,
    /// By their first node with the same zone; None: the node is in none.
    zones: List<NodeId, Option<NodeId>>,
}

/// What hints say.
#[derive(Debug)]
enum Gives {
    /// The endpoint's own zone, and its node.
    Own { node: bool },
    /// As many endpoints for each zone as its processors are of all: the first node of each, and its share.
    /// None: that is not known.
    Shared(Option<Vec<(NodeId, f64)>>),
}

impl Close {
    /// The endpoints of a Service that asks for this.
    pub fn new(distribution: Distribution, nodes: &List<NodeId, Arc<Node>>) -> Close {
        let node = distribution == Distribution::SameNode;
        Close { gives: Gives::Own { node }, zones: zones(nodes) }
    }

    /// Those of a Service with `topology-mode: Auto`. Nodes are as they are when the run starts.
    pub fn auto(nodes: &List<NodeId, Arc<Node>>) -> Close {
        let shares = topology::zone_shares(nodes.iter().map(|node| &**node));
        let shares = shares.map(|shares| {
            let all = shares.into_iter();
            all.filter_map(|(zone, share)| Some((first(nodes, zone)?, share))).collect()
        });
        Close { gives: Gives::Shared(shares), zones: zones(nodes) }
    }

    /// The hints in the slice once it says this; None: they are the endpoints' own.
    pub fn given(&self, cluster: &Cluster, known: impl FnOnce() -> Known) -> Option<Given> {
        let Gives::Shared(shares) = &self.gives else { return None };
        let Some(shares) = shares else { return Some(Given::new()) };
        let known = known();
        let ready = known.pairs().filter(|(_, is)| is.is_some_and(|c| c.ready));
        let ready: Vec<PodId> = ready.map(|(pod, _)| pod).collect();
        let place = |pod: &PodId| {
            let zone = self.zone(cluster.pods[*pod].node?)?;
            let place = shares.iter().position(|(first, _)| *first == zone);
            Some(place.unwrap_or(shares.len() + zone.0 as usize))
        };
        let of_zone: Vec<f64> = shares.iter().map(|(_, share)| *share).collect();
        let hints = topology::hints(&of_zone, &ready.iter().map(place).collect::<Vec<_>>());
        Some(ready.into_iter().zip(hints.unwrap_or_default()).collect())
    }

    fn zone(&self, node: NodeId) -> Option<NodeId> {
        self.zones.get(node).copied().flatten()
    }

    /// The hints of nodes and of zones that the pod's endpoint has, as the proxy of `node` reads them.
    fn hints(&self, sees: &Sees<'_>, pod: PodId) -> (Hint, Hint) {
        let Some(own) = sees.cluster.pods[pod].node else { return (Hint::Absent, Hint::Absent) };
        let read = |here: bool| if here { Hint::Here } else { Hint::Elsewhere };
        match &self.gives {
            Gives::Own { node } => {
                let of_node = if *node { read(own == sees.node) } else { Hint::Absent };
                let near = |own| read(self.zone(sees.node) == Some(own));
                (of_node, self.zone(own).map_or(Hint::Absent, near))
            }
            Gives::Shared(shares) => {
                let place = sees.given.and_then(|given| given.get(&pod));
                let zone = place.map(|place| {
                    let first = shares.as_ref().and_then(|s| s.get(*place)).map(|s| s.0);
                    first.or(self.zone(own))
                });
                (Hint::Absent, zone.map_or(Hint::Absent, |z| read(self.zone(sees.node) == z)))
            }
        }
    }
}

fn zones(nodes: &List<NodeId, Arc<Node>>) -> List<NodeId, Option<NodeId>> {
    nodes.iter().map(|node| node.zone().and_then(|zone| first(nodes, zone))).collect()
}

/// The first node of the zone.
fn first(nodes: &List<NodeId, Arc<Node>>, zone: &str) -> Option<NodeId> {
    nodes.pairs().find(|(_, node)| node.zone() == Some(zone)).map(|(id, _)| id)
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
    /// The hints in the slice, where they are not the endpoints' own.
    pub given: Option<&'a Given>,
}

impl Sees<'_> {
    /// Its own pods are told apart, and the pod is one.
    pub fn here(&self, pod: PodId) -> bool {
        self.local && self.cluster.pods[pod].node == Some(self.node)
    }

    /// The endpoint of a pod with these conditions.
    pub fn endpoint(&self, pod: PodId, conditions: Conditions) -> Endpoint {
        let Conditions { ready, serving, terminating } = conditions;
        let hints = self.close.map(|close| close.hints(self, pod));
        let (node_hint, zone_hint) = hints.unwrap_or_default();
        Endpoint { ready, serving, terminating, local: self.here(pod), node_hint, zone_hint }
    }

    /// Whether the pod's endpoint is used, where these are.
    pub fn uses(&self, usable: Usable, pod: PodId, conditions: Option<Conditions>) -> bool {
        conditions.is_some_and(|c| usable.lists(self.endpoint(pod, c)).any())
    }

    /// How many endpoints there are of each kind after these changes; anew, where hints are others with each
    /// write.
    pub fn after(
        &self,
        mut counts: Counts,
        changes: &[Changed],
        known: impl FnOnce() -> Known,
    ) -> Counts {
        if self.given.is_some() {
            return self.count(counts, &known());
        }
        for change in changes {
            let of = |c: Option<Conditions>| c.map(|c| self.endpoint(change.pod, c));
            counts.take(of(change.was), of(change.is));
        }
        counts
    }

    /// How many endpoints there are of each kind, counted anew.
    pub fn count(&self, counts: Counts, known: &Known) -> Counts {
        let mut counts = counts.of_none();
        for (pod, is) in known.pairs() {
            counts.take(None, is.map(|c| self.endpoint(pod, c)));
        }
        counts
    }
}
