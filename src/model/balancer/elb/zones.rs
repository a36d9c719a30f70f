//! Zones: a load balancer node without cross-zone load balancing sends to its own zone's targets alone, and a
//! zone with too few healthy targets leaves the load balancer's DNS name.

use crate::cluster::objects::NodeId;
use crate::cluster::placement::ZONE;
use crate::cluster::server::Cluster;
use crate::cluster::spec::Node;
use crate::engine::{Dur, List, Rng, Time};
use crate::model::balancer::listing::Listing;
use crate::model::balancer::settings::Given;
use crate::model::plumbing::Out;
use crate::timeline::{Hop, L7, Pick, Recorder, Target, ViewId};
use std::sync::Arc;

/// In which zone each target is.
#[derive(Clone, Debug)]
pub struct Zones {
    of_node: List<NodeId, u32>,
    /// How many zones there are.
    pub count: u32,
    names: Vec<String>,
    /// Every node of the load balancer sends to targets of all.
    across: bool,
    /// The one that requests are shifted away from.
    pub away: Option<u32>,
    /// The view of the first of the cluster's nodes, where these are the targets.
    first: u32,
}

impl Zones {
    /// None: all nodes are in one. `views`: those of the nodes, if they are targets. `across`: with
    /// cross-zone load balancing.
    pub fn of(nodes: &[Arc<Node>], views: &[ViewId], across: bool) -> Option<Zones> {
        let mut names: Vec<&str> = Vec::new();
        let of_node: List<NodeId, u32> =
            nodes.iter().map(|node| zone_place(&mut names, node.labels.get(ZONE))).collect();
        let count = of_node.iter().max().map_or(1, |most| most + 1);
        let first = views.first().map_or(0, |v| v.0);
        let names = names.into_iter().map(str::to_owned).collect();
        (count > 1).then_some(Zones { of_node, count, names, across, away: None, first })
    }

    /// The number of the zone with this name.
    pub fn called(&self, name: &str) -> Option<u32> {
        self.names.iter().position(|n| n == name).map(|place| place as u32)
    }

    /// Whether a node of the load balancer in `zone` may send to the target.
    pub fn are_near(&self, zone: u32, cluster: &Cluster, target: Target) -> bool {
        let of_target = self.of_target(cluster, target);
        if self.across { self.away != Some(of_target) } else { of_target == zone }
    }

    /// The zone of the target's node.
    pub fn of_target(&self, cluster: &Cluster, target: Target) -> u32 {
        match target {
            Target::Pod(pod) => self.of_node[cluster.pods[pod].node.unwrap_or_default()],
            Target::View(view) => self.of_node[(view.0 - self.first) as usize],
        }
    }
}

/// How few healthy targets a zone may have.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Threshold {
    /// Healthy targets at least.
    pub count: u32,
    /// Of the registered ones; 0: off.
    pub percent: f64,
}

impl Threshold {
    /// By so many healthy targets of so many registered ones.
    pub fn is_met_by(&self, (healthy, registered): (usize, usize)) -> bool {
        healthy >= self.count as usize && 100.0 * healthy as f64 >= self.percent * registered as f64
    }
}

/// The load balancer's name in DNS.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// A node is in the name while its zone has so many.
    pub threshold: Threshold,
    /// How long a client believes an answer.
    pub ttl: Dur,
    /// Clients that look it up for themselves.
    pub clients: u32,
}

impl Settings {
    /// Its entries of the card.
    pub fn read(given: &mut dyn Given, threshold: Threshold) -> Settings {
        let (ttl, clients) = (given.seconds("dns_ttl", None), given.count("dns_clients", None));
        Settings { threshold, ttl, clients }
    }
}

/// What clients know of the load balancer's nodes.
#[derive(Debug)]
pub struct Dns {
    ttl: Dur,
    clients: Vec<Listing>,
    nodes: Vec<ViewId>,
}

impl Dns {
    /// Before a client has looked the name up.
    pub fn new(settings: &Settings, nodes: &[ViewId], hop: &Hop, timeline: &mut Recorder) -> Dns {
        // Clients talk to the load balancer; connections to targets are its nodes' affair.
        let l7 = hop.l7.as_ref().map(|l7| L7 { tries: 1, pool: None, ..l7.clone() });
        let hop = Hop { pick: Pick::Random, l7, empty: hop.empty };
        let mut client = |i: u32| {
            let name = format!("client {} of the load balancer", i + 1);
            Listing::new(timeline.view(name, hop.clone()))
        };
        let clients = (0..settings.clients).map(&mut client).collect();
        Dns { ttl: settings.ttl, clients, nodes: nodes.to_vec() }
    }

    /// Where clients enter: what they know of the name.
    pub fn views(&self) -> Vec<ViewId> {
        self.clients.iter().map(|c| c.view).collect()
    }

    /// Clients have looked the name up before.
    pub fn start(
        &mut self,
        timeline: &mut Recorder,
        now: Time,
        up: &[bool],
        rng: &mut Rng,
        out: &mut impl Out<crate::model::balancer::Event>,
    ) {
        let found = targets(&self.found(up));
        for (client, listing) in (0..).zip(&mut self.clients) {
            listing.begin(timeline, found.clone());
            let phase = self.ttl.part(rng.uniform());
            out.at(now + phase, super::Event::LookUp { client }.into());
        }
    }

    /// The nodes in the name: those that are `up`, or all if none is.
    fn found(&self, up: &[bool]) -> Vec<ViewId> {
        let found: Vec<ViewId> =
            self.nodes.iter().zip(up).filter(|(_, up)| **up).map(|(view, _)| *view).collect();
        if found.is_empty() { self.nodes.clone() } else { found }
    }

    /// A client looks the name up.
    pub fn look_up(
        &mut self,
        timeline: &mut Recorder,
        now: Time,
        client: u32,
        up: &[bool],
        out: &mut impl Out<crate::model::balancer::Event>,
    ) {
        let found = targets(&self.found(up));
        self.clients[client as usize].set(timeline, now, found);
        out.at(now + self.ttl, super::Event::LookUp { client }.into());
    }
}

fn targets(nodes: &[ViewId]) -> Vec<(Target, f32)> {
    nodes.iter().map(|view| (Target::View(*view), 1.0)).collect()
}

/// The place of a zone among those found so far; nodes without a label share one.
fn zone_place<'a>(names: &mut Vec<&'a str>, label: Option<&'a String>) -> u32 {
    let name = label.map_or("", String::as_str);
    let place = names.iter().position(|n| *n == name).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    });
    place as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_threshold_is_enough_to_breach() {
        let both = Threshold { count: 2, percent: 50.0 };
        assert!(both.is_met_by((2, 4)) && both.is_met_by((3, 4)));
        assert!(!both.is_met_by((1, 1)), "fewer than 2");
        assert!(!both.is_met_by((2, 5)), "less than half");
        assert!(Threshold { count: 1, percent: 0.0 }.is_met_by((1, 1000)));
    }

    #[test]
    fn zones_follow_the_labels() {
        let node = |zone: Option<&str>| {
            let labels = zone.map(|z| (ZONE.to_owned(), z.to_owned())).into_iter().collect();
            Arc::new(Node { labels, ..Node::default() })
        };
        assert!(Zones::of(&[node(None), node(None)], &[], false).is_none());
        let nodes = [node(Some("a")), node(Some("b")), node(Some("a"))];
        let mut zones = Zones::of(&nodes, &[ViewId(7)], true).expect("two zones");
        let of = |v| zones.of_target(&Cluster::default(), Target::View(ViewId(v)));
        assert_eq!((zones.count, of(7), of(8), of(9)), (2, 0, 1, 0));
        zones.away = zones.called("b");
        let near = |v| zones.are_near(1, &Cluster::default(), Target::View(ViewId(v)));
        assert_eq!([7, 8, 9].map(near), [true, false, true]);
    }
}
