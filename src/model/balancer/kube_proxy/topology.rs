//! `service.kubernetes.io/topology-mode: Auto`: the EndpointSlice controller gives each zone as many
//! endpoints as its processors are of all, first its own; where it cannot, no endpoint has a hint.
//!
//! Source: `staging/src/k8s.io/endpointslice/topologycache/{topologycache,utils}.go`. Where the controller
//! goes through a map, this goes by the names of zones. One slice holds all endpoints.

use crate::cluster::placement::Presence;
use crate::cluster::spec::Node;
use std::collections::BTreeMap;

/// An endpoint may get so much more than its share (`overloadThreshold`).
const OVERLOAD: f64 = 0.2;

/// Nodes that bear one of these take no part.
const EXCLUDED: [&str; 2] =
    ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// Which part of all processors is in each zone; None: that is not known of all nodes, or they are in one.
/// Nodes whose processors nobody gave are taken to have as many as the largest of those that somebody did.
///
/// `topologycache.go: SetNodes`.
pub fn zone_shares<'a>(nodes: impl Iterator<Item = &'a Node>) -> Option<BTreeMap<&'a str, f64>> {
    let counts = |node: &&Node| {
        let excluded = EXCLUDED.iter().any(|label| node.labels.contains_key(*label));
        !excluded && node.presence == Presence::Ready
    };
    let nodes: Vec<&Node> = nodes.filter(counts).collect();
    let given = |node: &Node| node.allocatable.map(|a| a.cpu_millis).filter(|cpu| *cpu < i64::MAX);
    let most = nodes.iter().filter_map(|node| given(node)).max().unwrap_or(1000);
    let mut of_zone: BTreeMap<&str, i64> = BTreeMap::new();
    for node in nodes {
        *of_zone.entry(node.zone()?).or_default() += given(node).unwrap_or(most);
    }
    let all: i64 = of_zone.values().sum();
    let known = of_zone.len() > 1 && of_zone.values().all(|cpu| *cpu > 0);
    known.then(|| of_zone.iter().map(|(zone, cpu)| (*zone, *cpu as f64 / all as f64)).collect())
}

/// How many endpoints each zone is to have, at best; None: some would be overloaded, or a zone has none.
///
/// `topologycache.go: getAllocations`.
pub fn desired(shares: &[f64], endpoints: usize) -> Option<Vec<f64>> {
    if shares.len() < 2 || shares.len() > endpoints {
        return None;
    }
    let wanted = |share: &f64| {
        let desired = share * endpoints as f64;
        (desired, (desired * (1.0 / (1.0 + OVERLOAD))).ceil())
    };
    let least: f64 = shares.iter().map(|share| wanted(share).1).sum();
    let fits = least <= endpoints as f64;
    fits.then(|| shares.iter().map(wanted).map(|(desired, least)| desired.max(least)).collect())
}

/// How many endpoints each zone gives to others, and how many it gets from them.
///
/// `utils.go: getGivingAndReceivingZones`.
pub fn moves(desired: &[f64], has: &[usize]) -> (Vec<u32>, Vec<u32>) {
    let over = |sign: f64| -> Vec<f64> {
        let both = desired.iter().zip(has);
        both.map(|(wanted, has)| (sign * (*has as f64 - wanted)).max(0.0)).collect()
    };
    let (mut giving, mut getting) = (over(1.0), over(-1.0));
    let (mut gives, mut gets) = (vec![0; has.len()], vec![0; has.len()]);
    while let (Some(from), Some(to)) = (most(&giving), most(&getting)) {
        let (spare, lacks) = (giving[from], getting[to]);
        if (spare < 1.0 && lacks < 1.0) || spare < 0.5 || lacks < 0.5 {
            break;
        }
        gives[from] += 1;
        gets[to] += 1;
        giving[from] -= 1.0;
        getting[to] -= 1.0;
    }
    (gives, gets)
}

/// The first of the greatest, above nothing.
fn most(all: &[f64]) -> Option<usize> {
    let greatest = all.iter().copied().fold(0.0, f64::max);
    all.iter().position(|n| *n > 0.0 && *n >= greatest)
}

/// The zone that each ready endpoint is meant for, by the zone that it is in (as a place in `shares`, or
/// beyond them where no node counts); None: none has a hint.
///
/// `topologycache.go: AddHints`.
pub fn hints(shares: &[f64], zones: &[Option<usize>]) -> Option<Vec<usize>> {
    let desired = desired(shares, zones.len())?;
    let mut hints: Vec<usize> = zones.iter().copied().collect::<Option<_>>()?;
    let has = |zone| hints.iter().filter(|hint| **hint == zone).count();
    let (mut gives, mut gets) = moves(&desired, &(0..shares.len()).map(has).collect::<Vec<_>>());
    for hint in &mut hints {
        let Some(give) = gives.get_mut(*hint).filter(|give| **give > 0) else { continue };
        let Some(to) = gets.iter().position(|get| *get > 0) else { break };
        *give -= 1;
        gets[to] -= 1;
        *hint = to;
    }
    Some(hints)
}
