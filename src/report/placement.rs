//! Where pods are: by node and by zone, before and after.

use super::answer::{NodeRow, Placement, Split, Splits};
use crate::cluster::placement::zones;
use crate::cluster::spec::Node;
use crate::run::Replication;
use crate::scenario::Scenario;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Sums up the replications (at least one); None with one node.
pub fn of(scenario: &Scenario, replications: &[Replication]) -> Option<Placement> {
    let [before, after] = &replications.first()?.rollout.placed;
    if before.is_empty() {
        return None;
    }
    let nodes = scenario.nodes.iter().zip(before).zip(after);
    let row = |((node, &before), &after): ((&Arc<Node>, &u32), &u32)| {
        let zone = node.zone().map(str::to_owned);
        NodeRow { node: node.name.clone(), zone, before, after }
    };
    let zones = zones(scenario.nodes.iter().map(|n| &**n));
    let by_node = |counts: &[u32]| counts.to_vec();
    let by_zone = |counts: &[u32]| {
        let of = |zone: &&str| {
            let nodes = scenario.nodes.iter().zip(counts);
            nodes.filter(|(n, _)| n.zone() == Some(*zone)).map(|(_, count)| count).sum()
        };
        zones.iter().map(of).collect()
    };
    Some(Placement {
        nodes: nodes.map(row).collect(),
        by_node: splits(replications, by_node),
        by_zone: (zones.len() > 1).then(|| splits(replications, by_zone)),
    })
}

fn splits(replications: &[Replication], group: impl Fn(&[u32]) -> Vec<u32>) -> Splits {
    let at = |i: usize| {
        let mut seen: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
        for replication in replications {
            let mut pods = group(&replication.rollout.placed[i]);
            pods.sort_unstable_by(|a, b| b.cmp(a));
            *seen.entry(pods).or_default() += 1;
        }
        let n = replications.len() as f64;
        let split = |(pods, times)| Split { pods, share: f64::from(times) / n };
        let mut splits: Vec<Split> = seen.into_iter().map(split).collect();
        splits.sort_by(|a, b| b.share.total_cmp(&a.share));
        splits
    };
    Splits { before: at(0), after: at(1) }
}

/// `zones 4/3/3 before, 4/4/2 after (61 %)`.
pub fn text(placement: &Placement) -> String {
    match &placement.by_zone {
        Some(zones) => format!("{}; {}", line("zones", zones), line("nodes", &placement.by_node)),
        None => line("nodes", &placement.by_node),
    }
}

fn line(what: &str, splits: &Splits) -> String {
    let most = |splits: &[Split]| splits.first().map_or(String::new(), one);
    format!("{what} {} before, {} after", most(&splits.before), most(&splits.after))
}

/// The most frequent one, with its share where there are others.
fn one(split: &Split) -> String {
    const LISTED: usize = 12;
    let (most, least) = (split.pods.first().unwrap_or(&0), split.pods.last().unwrap_or(&0));
    let pods: Vec<String> = split.pods.iter().map(u32::to_string).collect();
    let mut text = match pods.len() {
        0..=LISTED => pods.join("/"),
        n => format!("{least} to {most} on each of {n}"),
    };
    if split.share < 1.0 {
        text += &format!(" ({})", super::words::percent(split.share));
    }
    text
}
