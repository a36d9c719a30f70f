//! What does not reach its end, in words: since when, and which setting keeps it from there.

use super::remedy::{failing, fix, list, probe_name, start_s, why_it_fails};
use super::words::{percent, plural, seconds};
use crate::cluster::objects::NodeId;
use crate::cluster::spec::{Container, Probe};
use crate::cluster::workload::Kind;
use crate::run::Replication;
use crate::scenario::{ActionKind, Scenario, Unserved};
use crate::world::{Stuck, Why};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// An action that does not reach its end, and the setting that keeps it from there.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StuckRow {
    /// Such as `the rollout`, `the drain of node-1`.
    pub action: String,
    /// What it waits for.
    pub what: String,
    /// Since when, from the action; mean over the replications concerned.
    pub since_s: f64,
    /// Followed until then.
    pub until_s: f64,
    /// Nothing that can still happen ends the waiting.
    pub for_good: bool,
    /// It gets there, but after its deadline: then.
    pub late_s: Option<f64>,
    /// Share of replications.
    pub share: f64,
    /// What would have to change.
    pub setting: String,
    /// What it is.
    pub found: String,
    /// What it would have to be; once changes were tried, the one with which it reaches its end.
    pub needed: String,
    /// The same as `KEY=VALUE`, and the run with it; empty: not tried, or none was found.
    pub change: Vec<String>,
    /// The run with it.
    pub command: String,
}

/// Share of replications in which an action did not reach its end, or pods stayed away.
pub fn incomplete(scenario: &Scenario, replications: &[Replication]) -> f64 {
    if scenario.unserved.is_some() {
        return 1.0;
    }
    let stuck = replications.iter().filter(|r| !r.rollout.ends_well()).count();
    stuck as f64 / replications.len() as f64
}

/// One row for each action and reason, most frequent first.
pub fn rows(scenario: &Scenario, replications: &[Replication]) -> Vec<StuckRow> {
    let mut groups: BTreeMap<(usize, u8), Vec<&Stuck>> = BTreeMap::new();
    for stuck in replications.iter().flat_map(|r| &r.rollout.stuck) {
        groups.entry((stuck.action, stuck.why.kind())).or_default().push(stuck);
    }
    let mut rows: Vec<StuckRow> =
        groups.values().map(|alike| row(scenario, alike, replications.len())).collect();
    rows.sort_by(|a, b| b.share.total_cmp(&a.share));
    scenario.unserved.iter().map(|u| unserved(scenario, u)).chain(rows).collect()
}

fn unserved(scenario: &Scenario, unserved: &Unserved) -> StuckRow {
    StuckRow {
        action: unserved.action.clone(),
        what: unserved.what.clone(),
        since_s: 0.0,
        until_s: scenario.horizon.as_secs_f64(),
        for_good: true,
        late_s: None,
        share: 1.0,
        setting: unserved.setting.clone(),
        found: unserved.found.clone(),
        needed: unserved.needed.clone(),
        change: Vec::new(),
        command: String::new(),
    }
}

fn row(scenario: &Scenario, alike: &[&Stuck], replications: usize) -> StuckRow {
    let first = alike[0];
    let n = alike.len() as f64;
    let fix = fix(scenario, first);
    StuckRow {
        action: action(scenario, first.action),
        what: what(first),
        since_s: alike.iter().map(|s| s.since.as_secs_f64()).sum::<f64>() / n,
        until_s: alike.iter().map(|s| s.until.as_secs_f64()).fold(f64::INFINITY, f64::min),
        for_good: alike.iter().all(|s| s.for_good),
        late_s: late_s(alike),
        share: n / replications as f64,
        setting: fix.setting,
        found: fix.found,
        needed: fix.needed,
        change: Vec::new(),
        command: String::new(),
    }
}

/// When it gets there after its deadline, in the mean.
fn late_s(alike: &[&Stuck]) -> Option<f64> {
    let over = alike.iter().map(|s| match s.why {
        Why::Late { over } => Some(over.as_secs_f64()),
        _ => None,
    });
    let over: Vec<f64> = over.collect::<Option<_>>()?;
    Some(over.iter().sum::<f64>() / over.len() as f64)
}

/// The action as the subject of a sentence.
pub(super) fn action(scenario: &Scenario, index: usize) -> String {
    let name = match &scenario.actions[index].kind {
        ActionKind::Rollout { .. } | ActionKind::Resume => "rollout".to_owned(),
        ActionKind::Undo { .. } => "undo".into(),
        ActionKind::Scale { replicas, .. } => format!("scaling to {replicas}"),
        ActionKind::DeletePods { .. } => "deletion of pods".into(),
        ActionKind::Evict { .. } => "eviction of all pods".into(),
        ActionKind::SelectorSwitch { deployment, .. } => format!("switch to {}", deployment.name),
        ActionKind::ShiftWeight { .. } => "shift of weights".into(),
        ActionKind::RestartIngress => "restart of the ingress controller".into(),
        ActionKind::Pause => "pause".into(),
        kind => about_nodes(scenario, kind),
    };
    let alike = |a: &crate::scenario::Action| {
        std::mem::discriminant(&a.kind) == std::mem::discriminant(&scenario.actions[index].kind)
    };
    let this = &scenario.actions[index];
    let all: Vec<_> = scenario.actions.iter().filter(|a| alike(a)).collect();
    let at_once = all.iter().filter(|a| a.at == this.at).count();
    match (all.len(), at_once) {
        (1, _) => format!("the {name}"),
        (_, 1) => format!("the {name} at {}", seconds(this.at.as_secs_f64())),
        _ => format!("the {name} ({})", this.key),
    }
}

/// An action about nodes.
fn about_nodes(scenario: &Scenario, kind: &ActionKind) -> String {
    let name = |n: NodeId| scenario.nodes[n].name.clone();
    let node = kind.names_node().map_or("a node".to_owned(), name);
    match kind {
        ActionKind::Drain { nodes, .. } if nodes.len() > 1 => {
            format!("drain of {}", plural(nodes.len() as u64, "node"))
        }
        ActionKind::Drain { .. } => format!("drain of {node}"),
        ActionKind::NodeDown { .. } => format!("loss of {node}"),
        ActionKind::ZoneDown { zone } => format!("loss of zone {zone}"),
        ActionKind::NodeUnreachable { .. } => format!("isolation of {node}"),
        ActionKind::KubeletRestart { .. } => format!("restart of the kubelet of {node}"),
        ActionKind::ZonalShift { zone, .. } => format!("shift of zone {zone}"),
        ActionKind::Upgrade(_) => "update of the node group".to_owned(),
        ActionKind::Consolidation(_) => "consolidation".to_owned(),
        ActionKind::Spot(_) => format!("end of {node}"),
        ActionKind::Chaos(_) => "chaos".to_owned(),
        ActionKind::NodeAdd { nodes } => {
            format!("adding of {}", plural(nodes.len() as u64, "node"))
        }
        other => unreachable!("{other:?} is not about nodes"),
    }
}

/// The first sentence of the answer.
pub fn sentence(row: &StuckRow) -> String {
    let subject = match row.share < 1.0 {
        true => format!("In {} of rollouts {}", percent(row.share), row.action),
        false => capital(&row.action),
    };
    if let Some(late) = row.late_s {
        let (since, late) = (seconds(row.since_s), seconds(late));
        return format!("{subject} is complete at {late} only: since {since} {}.", row.what);
    }
    let end = match row.for_good {
        true => "never reaches its end".to_owned(),
        false => format!("does not reach its end within {}", seconds(row.until_s)),
    };
    format!("{subject} {end}: since {} {}.", seconds(row.since_s), row.what)
}

pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
}

/// What it waits for, as the end of a sentence.
pub(super) fn what(stuck: &Stuck) -> String {
    let pods = |n: u32| plural(u64::from(n), "pod");
    let is = |n: u32| if n == 1 { "is" } else { "are" };
    match &stuck.why {
        Why::Paused => "the Deployment is paused".into(),
        Why::UndoOfPaused => "the Deployment is paused, which undo does not touch".into(),
        Why::NoRevision { wanted: Some(n), kept } => {
            format!("unable to find specified revision {n} in history; kept are {}", list(kept))
        }
        Why::NoRevision { wanted: None, kept } => {
            format!("no rollout history found; kept is {}", list(kept))
        }
        Why::NoNode { pods: n, message, .. } => {
            let fit = if *n == 1 { "fits" } else { "fit" };
            format!("{} {fit} on no node ({message})", pods(*n))
        }
        Why::Killed { container, by_startup, .. } if killer(container, *by_startup).is_some() => {
            let probe = killer(container, *by_startup).expect("just found");
            let name = probe_name(*by_startup);
            let why = why_it_fails(probe);
            format!("{name} ends container {} again and again: it {why}", container.name)
        }
        Why::Killed { container, by_startup, after } => format!(
            "{} ends container {} {} after its start, and it needs {} to listen",
            probe_name(*by_startup),
            container.name,
            seconds(after.as_secs_f64()),
            seconds(start_s(container)),
        ),
        Why::Crashes { container } => format!("container {} ends again and again", container.name),
        Why::NeverReady { container } if failing(container).is_some() => {
            let (name, probe) = failing(container).expect("just found");
            format!(
                "{name} of container {} fails every time: it {}",
                container.name,
                why_it_fails(probe)
            )
        }
        Why::NeverReady { container } => {
            format!("container {} answers every readiness probe with \"no\"", container.name)
        }
        Why::Gates { names, never } => match never.first() {
            Some(gate) => format!("readiness gate {} is never set: {}", gate.name, gate.why),
            None => format!("readiness gate {} is not set", names.join(", ")),
        },
        Why::Budget { name, desired, healthy, .. } => {
            format!("budget {name} allows no eviction: {healthy} healthy, {desired} must stay")
        }
        Why::SeveralBudgets { names } => {
            format!("budgets {} select one pod, which then cannot be evicted", names.join(" and "))
        }
        Why::NothingRolls { .. } | Why::OnDelete { .. } | Why::HeldBy { .. } => of_its_kind(stuck),
        Why::Unmanaged { .. } | Why::NeverInitialized { .. } => of_its_kind(stuck),
        Why::Aborted { .. } | Why::AwaitsPromotion | Why::Overlooked { .. } => of_its_kind(stuck),
        Why::NotEmpty { .. } | Why::OnLostNode { .. } | Why::NoDisruption => of_a_node(stuck),
        Why::Starting { pods: n } => format!("{} {} not ready", pods(*n), is(*n)),
        Why::MinReady { pods: n } => {
            format!("{} {} ready, but not for minReadySeconds", pods(*n), is(*n))
        }
        Why::Stopping { pods: n } => {
            format!("{} that {} told to stop {} not gone", pods(*n), was(*n), is(*n))
        }
        Why::Late { .. } => {
            "its progress deadline is exceeded, and kubectl rollout status has failed".into()
        }
        Why::Other => format!("the {} is not what is wanted", kind_of(stuck)),
    }
}

/// What a node keeps from its end.
fn of_a_node(stuck: &Stuck) -> String {
    let pods = |n: u32| plural(u64::from(n), "pod");
    let is = |n: u32| if n == 1 { "is" } else { "are" };
    match &stuck.why {
        Why::OnLostNode { pods: n, node, terminating } => {
            let (what, who) = match terminating {
                true => ("Terminating", "nobody confirms that they have stopped"),
                false => ("not ready", "it is not tainted, so that they stay"),
            };
            format!("{} {} {what} on {node}, which is lost: {who}", pods(*n), is(*n))
        }
        Why::NotEmpty { node, pods: n, after, budget } => {
            let by = budget
                .as_ref()
                .map_or(String::new(), |(name, _)| format!(": budget {name} allows no eviction"));
            let after = seconds(after.as_secs_f64());
            format!("{} {} left on {node} after {after}{by}", pods(*n), is(*n))
        }
        Why::NoDisruption => "the budgets of the node pool let no node go".to_owned(),
        _ => unreachable!("of no node"),
    }
}

/// What the kind of the workload keeps from its end.
fn of_its_kind(stuck: &Stuck) -> String {
    let pods = |n: u32| plural(u64::from(n), "pod");
    match &stuck.why {
        Why::NothingRolls { kind: Kind::Pod } => {
            "nothing owns the pod, and nothing replaces it".into()
        }
        Why::NothingRolls { kind } => {
            format!("nothing replaces the pods of a {} when its template changes", kind.name())
        }
        Why::OnDelete { pods: n, .. } => {
            let is = if *n == 1 { "it is" } else { "they are" };
            format!("{} {} old until {is} deleted (updateStrategy OnDelete)", pods(*n), stays(*n))
        }
        Why::HeldBy { pod } => format!(
            "{pod} of a revision before is not ready, and the controller neither replaces it nor \
             goes past it (podManagementPolicy OrderedReady)"
        ),
        Why::Overlooked { pod, .. } => format!("its controller overlooks {pod}, now available"),
        Why::Unmanaged { pods: n } => {
            format!("{} {} no controller, which drain refuses without --force", pods(*n), have(*n))
        }
        Why::Aborted { why } => format!("the release is aborted: {why}"),
        Why::AwaitsPromotion => "the release pauses until somebody promotes it".into(),
        Why::NeverInitialized { container: c } => {
            format!("init container {} never succeeds", c.name)
        }
        _ => unreachable!("of no kind"),
    }
}

/// The kind of the workload that it waits for.
fn kind_of(stuck: &Stuck) -> &'static str {
    stuck.deployment.as_ref().map_or(Kind::Deployment, |w| w.kind()).name()
}

/// The probe that ends a container and cannot succeed.
fn killer(container: &Container, by_startup: bool) -> Option<&Probe> {
    let probe = if by_startup { &container.startup_probe } else { &container.liveness_probe };
    probe.as_ref().filter(|probe| probe.fails_after().is_some())
}

fn stays(n: u32) -> &'static str {
    if n == 1 { "stays" } else { "stay" }
}

fn have(n: u32) -> &'static str {
    if n == 1 { "has" } else { "have" }
}

fn was(n: u32) -> &'static str {
    if n == 1 { "was" } else { "were" }
}
