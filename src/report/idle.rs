//! Actions that change nothing, or never begin, in words.

use super::stuck::{action, capital};
use super::words::percent;
use crate::cluster::workload::Kind;
use crate::run::Replication;
use crate::scenario::{ActionKind, Scenario};
use std::collections::BTreeMap;

/// Sentences on actions that change nothing.
pub fn sentences(scenario: &Scenario, replications: &[Replication]) -> Vec<String> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for &index in replications.iter().flat_map(|r| &r.rollout.idle) {
        *counts.entry(index).or_default() += 1;
    }
    let say = |(index, n): (u32, usize)| {
        let name = action(scenario, index as usize);
        let reason = match &scenario.actions[index as usize].kind {
            ActionKind::Drain { .. } => "the node has no pod",
            kind if kind.loses_nodes() => "there was no pod",
            ActionKind::DeletePods { .. } | ActionKind::Evict { .. } => "there is no pod",
            ActionKind::ShiftWeight { .. } => "the weights are these already",
            ActionKind::SelectorSwitch { .. } => "the Service selects these pods already",
            _ if scenario.before().kind() == Kind::Deployment => {
                "the Deployment is like that already"
            }
            _ => "the workload is like that already",
        };
        match n == replications.len() {
            true => format!("{} changes nothing: {reason}.", capital(&name)),
            false => {
                let share = percent(n as f64 / replications.len() as f64);
                format!("In {share} of rollouts {name} changes nothing: {reason}.")
            }
        }
    };
    counts.into_iter().map(say).chain(never_begun(scenario, replications)).collect()
}

/// Sentences on actions whose condition never held, and on alternatives that were not taken.
fn never_begun(scenario: &Scenario, replications: &[Replication]) -> Vec<String> {
    let mut never: BTreeMap<(u32, Option<usize>), usize> = BTreeMap::new();
    for replication in replications {
        let waiting = &replication.rollout.never_begun;
        let has_begun = |key: &str| place(scenario, key).is_some_and(|i| !waiting.contains(&i));
        for &index in waiting {
            let when = scenario.actions[index as usize].when.as_ref();
            let instead = when.and_then(|when| when.excluded_by(has_begun));
            let instead = instead.and_then(|key| place(scenario, key)).map(|i| i as usize);
            *never.entry((index, instead)).or_default() += 1;
        }
    }
    let say = |((index, instead), n): ((u32, Option<usize>), usize)| {
        let name = action(scenario, index as usize);
        let when = scenario.actions[index as usize].when.as_ref();
        let when = when.map_or("", |when| when.text.as_str());
        let share = percent(n as f64 / replications.len() as f64);
        match (instead.map(|i| action(scenario, i)), n == replications.len()) {
            (Some(other), true) => format!("{other} is done instead of {name}."),
            (Some(other), false) => {
                format!("In {share} of rollouts {other} is done instead of {name}.")
            }
            (None, true) => format!("{} never begins: {when} does not come about.", capital(&name)),
            (None, false) => {
                let name = capital(&name);
                format!("{name} does not begin in {share} of rollouts: {when} does not come about.")
            }
        }
    };
    let sentences = never.into_iter().map(say);
    sentences.map(|sentence| capital(&sentence)).collect()
}

/// The place of the action with this key.
fn place(scenario: &Scenario, key: &str) -> Option<u32> {
    let found = scenario.actions.iter().position(|action| action.key == key);
    found.and_then(|i| u32::try_from(i).ok())
}
