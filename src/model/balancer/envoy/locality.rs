//! What Istio tells a proxy of the places of its endpoints: levels that it falls back through, or shares of
//! the requests.
//!
//! Source: `pilot/pkg/networking/core/loadbalancer/loadbalancer.go`, `pilot/pkg/networking/util/util.go`
//! (`LbPriority`, `LocalityMatch`) of istio/istio.

use crate::cluster::objects::NodeId;
use crate::cluster::placement::{HOSTNAME, ZONE};
use crate::cluster::spec::Node;
use crate::engine::List;
use crate::timeline::{Group, Near};
use std::collections::BTreeMap;
use std::sync::Arc;

const REGION: &str = "topology.kubernetes.io/region";
const SUBZONE: &str = "topology.istio.io/subzone";

/// Labels that say where a pod runs, and are the same for all nodes or known of each.
pub const PLACES: [&str; 6] =
    ["topology.istio.io/network", "topology.istio.io/cluster", REGION, ZONE, SUBZONE, HOSTNAME];

/// Which endpoints callers prefer, and where these are.
#[derive(Clone, Debug, PartialEq)]
pub struct Localities {
    /// Which they prefer.
    pub prefers: Prefers,
    /// The zone that all callers are in; None: as many are in each.
    pub zone: Option<String>,
}

/// What is preferred.
#[derive(Clone, Debug, PartialEq)]
pub enum Prefers {
    /// Endpoints near by, and others as these are ejected.
    Near {
        /// Labels with the value that counts as the caller's own (None: that of its node): the more of them
        /// an endpoint shares, from the first on, the sooner it is used. Empty: region, zone, subzone.
        labels: Vec<(String, Option<String>)>,
        /// Regions, and the one that follows each.
        regions: Vec<(String, String)>,
        /// Localities of one level are drawn by weight; else a level is one whole.
        weighted: bool,
    },
    /// Shares of places, by the caller's.
    Shares(Vec<Shares>),
}

/// How callers of one place share their requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Shares {
    /// Place of the callers, such as `eu/a/*`.
    pub from: String,
    /// Places of endpoints, with weights.
    pub to: Vec<(String, u32)>,
}

type Locality<'a> = [&'a str; 3];

fn label<'a>(node: &'a Node, key: &str) -> &'a str {
    node.labels.get(key).map_or("", String::as_str)
}

/// Region, zone, subzone.
fn locality(node: &Node) -> Locality<'_> {
    [REGION, ZONE, SUBZONE].map(|key| label(node, key))
}

/// A place of a rule is that of a node: what it leaves out, or marks by a star, may be anything.
fn is_at(place: &str, at: Locality<'_>) -> bool {
    let mut parts = place.split('/');
    let is = |own: &str, part: Option<&str>, open: bool| match part {
        Some("*") => true,
        None | Some("") if open => true,
        part => part.unwrap_or("") == own,
    };
    is(at[0], parts.next(), false) && is(at[1], parts.next(), true) && is(at[2], parts.next(), true)
}

/// How far an endpoint is: 0 in the same subzone, 1 zone, 2 region; elsewhere 3, 4 where callers fail over to
/// another region first.
fn distance(from: Locality<'_>, to: Locality<'_>, regions: &[(String, String)]) -> u32 {
    let same = from.iter().zip(to).take_while(|(a, b)| **a == *b).count() as u32;
    let next = regions.iter().find(|(region, _)| region == from[0]);
    match next {
        Some((_, next)) if same == 0 && next != to[0] => 4,
        _ => 3 - same,
    }
}

impl Localities {
    /// Nodes that callers are on, in turn: one in each zone, then another.
    pub fn callers(&self, nodes: &List<NodeId, Arc<Node>>) -> Vec<NodeId> {
        let mut of_zone: BTreeMap<Option<&str>, u32> = BTreeMap::new();
        let mut found: Vec<(u32, Option<&str>, NodeId)> = Vec::new();
        for (id, node) in nodes.pairs().filter(|(_, node)| node.is_there()) {
            let zone = node.zone();
            if self.zone.is_some() && zone != self.zone.as_deref() {
                continue;
            }
            let turn = of_zone.entry(zone).or_default();
            found.push((*turn, zone, id));
            *turn += 1;
        }
        found.sort_unstable();
        found.into_iter().map(|(.., id)| id).collect()
    }

    /// What a proxy on the node `caller` is told of all nodes; None: they are alike.
    pub fn near(&self, nodes: &List<NodeId, Arc<Node>>, caller: NodeId) -> Option<Near> {
        let from = &nodes[caller];
        let mut near = Near::default();
        // Level, locality and share that endpoints of one group have in common.
        let mut known: Vec<(Group, Option<Locality<'_>>)> = Vec::new();
        let shares = match &self.prefers {
            Prefers::Shares(all) => all.iter().find(|s| is_at(&s.from, locality(from))),
            Prefers::Near { .. } => None,
        };
        for node in nodes {
            let at = locality(node);
            let share = shares.map(|s| s.to.iter().position(|to| is_at(&to.0, at)));
            if share == Some(None) {
                near.of_node.push(None);
                continue;
            }
            let level = self.level(from, node);
            let apart = !matches!(self.prefers, Prefers::Near { weighted: false, .. });
            let share = share.flatten().zip(shares);
            let share = share.map(|(place, s)| (place as u32, s.to[place].1));
            let key = (Group { level, share }, apart.then_some(at));
            let place = known.iter().position(|k| *k == key).unwrap_or_else(|| {
                known.push(key);
                near.groups.push(key.0);
                known.len() - 1
            });
            near.of_node.push(Some(place as u32));
        }
        debug_assert!(near.of_node.len() == nodes.len(), "each node is somewhere");
        let alike = near.groups.len() < 2 && near.of_node.iter().all(Option::is_some);
        (!alike).then_some(near)
    }

    fn level(&self, from: &Node, to: &Node) -> u32 {
        let Prefers::Near { labels, regions, .. } = &self.prefers else { return 0 };
        let (here, there) = (locality(from), locality(to));
        if labels.is_empty() {
            return distance(here, there, regions);
        }
        let differs = |(key, own): &(String, Option<String>)| {
            own.as_deref().unwrap_or(label(from, key)) != label(to, key)
        };
        let level = labels.iter().position(differs).map_or(0, |i| labels.len() - i) as u32;
        // Given both, regions decide among those that share as many labels.
        if regions.is_empty() { level } else { 5 * level + distance(here, there, regions) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(all: &[(&str, &str)]) -> List<NodeId, Arc<Node>> {
        let node = |(region, zone): &(&str, &str)| {
            let labels = [(REGION, *region), (ZONE, *zone)];
            let labels = labels.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            Arc::new(Node { labels, ..Node::default() })
        };
        all.iter().map(node).collect::<Vec<_>>().into()
    }

    fn levels(prefers: Prefers, all: &[(&str, &str)]) -> Vec<Option<u32>> {
        let (localities, nodes) = (Localities { prefers, zone: None }, nodes(all));
        let near = localities.near(&nodes, NodeId(0)).expect("they differ");
        near.of_node.iter().map(|group| group.map(|g| near.groups[g as usize].level)).collect()
    }

    const ALL: [(&str, &str); 4] = [("eu", "a"), ("eu", "b"), ("us", "c"), ("asia", "d")];

    fn near(labels: &[&str], regions: &[(&str, &str)]) -> Prefers {
        Prefers::Near {
            labels: labels.iter().map(|l| ((*l).to_owned(), None)).collect(),
            regions: regions.iter().map(|(f, t)| ((*f).to_owned(), (*t).to_owned())).collect(),
            weighted: true,
        }
    }

    #[test]
    fn the_nearer_the_sooner() {
        let wanted = |levels: [u32; 4]| levels.map(Some).to_vec();
        assert_eq!(levels(near(&[], &[]), &ALL), wanted([0, 2, 3, 3]));
        assert_eq!(levels(near(&[], &[("eu", "asia")]), &ALL), wanted([0, 2, 4, 3]));
        assert_eq!(levels(near(&[REGION, ZONE], &[]), &ALL), wanted([0, 1, 2, 2]));
        assert_eq!(levels(near(&[ZONE], &[("eu", "us")]), &ALL), wanted([0, 7, 8, 9]));
        let same = Localities { prefers: near(&[], &[]), zone: None };
        assert_eq!(same.near(&nodes(&[("eu", "a"); 3]), NodeId(1)), None, "all are alike");
    }

    #[test]
    fn shares_leave_out_who_is_not_named() {
        let to = |all: &[(&str, u32)]| all.iter().map(|(p, w)| ((*p).to_owned(), *w)).collect();
        let shares = |from: &str| {
            Prefers::Shares(vec![Shares {
                from: from.to_owned(),
                to: to(&[("eu/*", 80), ("us/c/*", 20)]),
            }])
        };
        assert_eq!(levels(shares("eu/a/*"), &ALL), [Some(0), Some(0), Some(0), None]);
        let localities = Localities { prefers: shares("eu/a"), zone: None };
        let near = localities.near(&nodes(&ALL), NodeId(0)).expect("shared");
        let of = |node| near.of(NodeId(node)).and_then(|group| near.groups[group as usize].share);
        assert_eq!([of(0), of(1), of(2)], [Some((0, 80)), Some((0, 80)), Some((1, 20))]);
        // Of callers elsewhere nothing is said: each locality weighs as much as it has.
        let near = localities.near(&nodes(&ALL), NodeId(3)).expect("localities");
        assert!(near.groups.len() == 4 && near.groups.iter().all(|g| g.share.is_none()));
    }

    #[test]
    fn callers_are_in_all_zones_unless_one_is_named() {
        let nodes = nodes(&[("eu", "a"), ("eu", "a"), ("eu", "b")]);
        let callers = |zone: Option<&str>| {
            let zone = zone.map(str::to_owned);
            Localities { prefers: near(&[], &[]), zone }.callers(&nodes)
        };
        assert_eq!(callers(None), [0, 2, 1].map(NodeId));
        assert_eq!(callers(Some("a")), [0, 1].map(NodeId));
    }
}
