//! The cheapest plan of an update that loses nothing: orders and numbers of nodes at a time are tried, and
//! then changes of the workloads that stand in its way, each on the same luck.

use crate::cluster::placement::Node;
use crate::input::Input;
use crate::report::maintenance::{Freed, Plan, Procedure, Touched};
use crate::run::{RunOptions, run as simulate};
use crate::scenario::Scenario;

/// Rollouts for each look.
const LOOK: u32 = 20;
/// Seconds of a preStop hook that is tried.
const PRE_STOP: &str = "10";
/// Kinds of changes that a plan makes at most.
const ROUNDS: usize = 6;
/// Of a large cluster fewer rollouts are looked at: about so many pods in all.
const PODS: u32 = 20_000;

/// A change of the input: `KEY=VALUE`, and how many pods it adds.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    key: String,
    value: String,
    pods: i32,
}

impl Change {
    fn text(&self) -> String {
        format!("{}={}", self.key, self.value)
    }
}

/// What is tried, and how.
pub(super) struct Search<'a> {
    /// The input as it is.
    pub input: &'a Input,
    /// Seed and replications.
    pub options: &'a RunOptions,
    /// Numbers of nodes at a time.
    pub at_a_time: &'a [u32],
    /// What asks for the same, without numbers of nodes.
    pub command: String,
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    /// The cheapest plan.
    pub plan: Option<Plan>,
    /// What frees budgets that stand in the way.
    pub freed: Vec<Freed>,
    /// Orders of the nodes, where several were tried.
    pub orders: Vec<Plan>,
}

/// One way of the update.
#[derive(Clone)]
struct Way {
    at_a_time: u32,
    /// Names of the nodes in their order; empty: as they are given.
    order: Vec<String>,
    shown: &'static str,
}

impl Way {
    fn action(&self) -> String {
        let nodes = match self.order.is_empty() {
            true => String::new(),
            false => format!(", nodes = {:?}", self.order),
        };
        format!("{{ kind = \"node-group-upgrade\", max_unavailable = {}{nodes} }}", self.at_a_time)
    }
}

/// Less is better: it ends, loses less, and is over sooner.
fn worse(a: &Procedure) -> (bool, f64, f64) {
    let lost = if a.lost < 0.5 { 0.0 } else { a.lost };
    (a.incomplete > 0.0, lost, a.duration_s.unwrap_or(f64::INFINITY))
}

fn better(a: &Procedure, b: &Procedure) -> bool {
    let ((a0, a1, a2), (b0, b1, b2)) = (worse(a), worse(b));
    a0.cmp(&b0).then(a1.total_cmp(&b1)).then(a2.total_cmp(&b2)).is_lt()
}

impl Search<'_> {
    /// Looks for it.
    pub fn find(&self, scenario: &Scenario) -> Found {
        let nodes: Vec<&Node> =
            scenario.nodes.iter().map(|n| &**n).filter(|n| n.is_there()).collect();
        let as_given = |&at_a_time: &u32| Way { at_a_time, order: Vec::new(), shown: "as given" };
        let mut ways: Vec<(Way, Procedure)> = Vec::new();
        for way in self.at_a_time.iter().map(as_given) {
            if let Some(tried) = self.look(&way, &[]) {
                ways.push((way, tried));
            }
        }
        let Some(place) = best_of(&ways) else { return Found::default() };
        let mut found = Found::default();
        let n = ways[place].0.at_a_time;
        for (shown, order) in orders(&nodes) {
            let way = Way { at_a_time: n, order, shown };
            if let Some(tried) = self.look(&way, &[]) {
                ways.push((way, tried));
            }
        }
        let compared = ways.iter().filter(|(way, _)| way.at_a_time == n);
        found.orders = compared.map(|(way, tried)| self.plan(way, &[], tried)).collect();
        let place = best_of(&ways).unwrap_or(place);
        let (way, tried) = ways.swap_remove(place);
        found.freed = self.free(scenario, &way, &tried);
        found.plan = Some(self.mend(scenario, way, tried));
        found
    }

    /// What an update comes to with these changes; None: the input refuses one of them.
    fn look(&self, way: &Way, changes: &[Change]) -> Option<Procedure> {
        let mut input = self.input.clone();
        for change in changes {
            input.set(&change.key, &change.value).ok()?;
        }
        let action = way.action();
        input.set("action", &action).ok()?;
        let scenario = input.lower().ok()?;
        let pods = scenario.workloads.iter().map(|w| w.replicas.max(1) as u32).sum::<u32>();
        let options = RunOptions {
            replications: self.options.replications.min((PODS / pods).clamp(2, LOOK)),
            keep_timelines: 0,
            ..self.options.clone()
        };
        let runs = simulate(&scenario, &options);
        Some(Procedure::new("", &action, &scenario, &runs))
    }

    fn plan(&self, way: &Way, changes: &[Change], tried: &Procedure) -> Plan {
        let sets: Vec<String> = changes.iter().map(Change::text).collect();
        let set = |text: &String| format!(" --set '{text}'");
        Plan {
            at_a_time: way.at_a_time,
            order: way.shown.to_owned(),
            more_pods: changes.iter().map(|c| c.pods).sum(),
            duration_s: tried.duration_s.filter(|_| tried.incomplete == 0.0),
            lost: tried.lost,
            loses_nothing: tried.loses_nothing(),
            command: format!(
                "{} --at-a-time {}{}",
                self.command,
                way.at_a_time,
                sets.iter().map(set).collect::<String>()
            ),
            changes: sets,
        }
    }

    /// Each budget that stands in the way, with what frees it: tried alone.
    fn free(&self, scenario: &Scenario, way: &Way, tried: &Procedure) -> Vec<Freed> {
        let mut found = Vec::new();
        for name in blocking(scenario, tried) {
            for change in of_budget(scenario, &name) {
                let Some(with) = self.look(way, std::slice::from_ref(&change)) else { continue };
                found.push(Freed {
                    budget: name.clone(),
                    change: change.text(),
                    more_pods: change.pods,
                    frees: !blocking(scenario, &with).contains(&name),
                    ends: with.incomplete == 0.0,
                    lost: with.lost,
                });
            }
        }
        found
    }

    /// Changes what stands in the way, kind by kind, as long as each makes it better.
    fn mend(&self, scenario: &Scenario, mut way: Way, mut tried: Procedure) -> Plan {
        let mut changes: Vec<Change> = Vec::new();
        for _ in 0..ROUNDS {
            if tried.loses_nothing() {
                break;
            }
            let mut best: Option<(Vec<Change>, Procedure)> = None;
            for mut group in candidates(scenario, &tried) {
                group.retain(|change| !changes.iter().any(|c| c.key == change.key));
                let with: Vec<Change> = changes.iter().chain(&group).cloned().collect();
                let now = (!group.is_empty()).then(|| self.look(&way, &with)).flatten();
                let Some(now) = now else { continue };
                let gains = blocked(scenario, &now) < blocked(scenario, &tried)
                    || (now.incomplete <= tried.incomplete && now.lost < 0.9 * tried.lost);
                if gains && best.as_ref().is_none_or(|(_, b)| better(&now, b)) {
                    best = Some((with, now));
                }
            }
            let Some((with, now)) = best else { break };
            (changes, tried) = (with, now);
        }
        // More nodes at a time, if nothing is lost by it.
        let mut more: Vec<u32> = self.at_a_time.to_vec();
        more.retain(|&n| n > way.at_a_time);
        for n in more.into_iter().filter(|_| !changes.is_empty()) {
            let faster = Way { at_a_time: n, ..way.clone() };
            let now = self.look(&faster, &changes);
            if let Some(now) = now.filter(|now| now.loses_nothing() && better(now, &tried)) {
                (way, tried) = (faster, now);
            }
        }
        self.plan(&way, &changes, &tried)
    }
}

fn best_of(ways: &[(Way, Procedure)]) -> Option<usize> {
    (0..ways.len()).reduce(|a, b| if better(&ways[b].1, &ways[a].1) { b } else { a })
}

/// Orders that differ from the one given: zone after zone, and one of each zone in turn.
fn orders(nodes: &[&Node]) -> Vec<(&'static str, Vec<String>)> {
    let names = |nodes: &[&Node]| nodes.iter().map(|n| n.name.clone()).collect::<Vec<_>>();
    let mut by_zone = nodes.to_vec();
    by_zone.sort_by_key(|n| n.zone());
    let rank = |node: &&Node| {
        let before = by_zone.iter().take_while(|n| n.name != node.name);
        before.filter(|n| n.zone() == node.zone()).count()
    };
    let mut in_turn = by_zone.clone();
    in_turn.sort_by_key(rank);
    let given = names(nodes);
    let mut found: Vec<(&'static str, Vec<String>)> = Vec::new();
    for (shown, order) in
        [("zone after zone", names(&by_zone)), ("a node of each zone in turn", names(&in_turn))]
    {
        if order != given && !found.iter().any(|(_, other)| *other == order) {
            found.push((shown, order));
        }
    }
    found
}

/// Budgets that keep it from its end.
fn blocking(scenario: &Scenario, tried: &Procedure) -> Vec<String> {
    let budgets = scenario.pod_disruption_budgets.iter().map(|b| b.name.clone());
    let named = |name: &String| {
        tried
            .stuck
            .iter()
            .any(|row| row.what.contains(name.as_str()) || row.setting.contains(name.as_str()))
    };
    budgets.filter(named).collect()
}

fn blocked(scenario: &Scenario, tried: &Procedure) -> usize {
    blocking(scenario, tried).len()
}

/// What lets an eviction of a budget's pods pass: a pod more, or one less that has to stay.
fn of_budget(scenario: &Scenario, name: &str) -> Vec<Change> {
    let Some(budget) = scenario.pod_disruption_budgets.iter().find(|b| b.name == *name) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for w in scenario.workloads.iter().filter(|w| budget.covers(&w.template)) {
        found.extend(one_more(w.kind().name(), &w.name, w.replicas));
        if w.replicas > 1 {
            let (key, value) = match budget.min_available.is_some() {
                true => ("minAvailable", w.replicas - 1),
                false => ("maxUnavailable", 1),
            };
            let (key, value) = (format!("pdb.{name}.spec.{key}"), value.to_string());
            found.push(Change { key, value, pods: 0 });
        }
    }
    found
}

fn one_more(kind: &str, name: &str, replicas: i32) -> Option<Change> {
    let kind = kind.to_lowercase();
    let key = format!("{kind}.{name}.spec.replicas");
    let scaled = ["deployment", "statefulset", "replicaset"].contains(&kind.as_str());
    scaled.then(|| Change { key, value: (replicas + 1).to_string(), pods: 1 })
}

/// What may help, each a group of changes: of all budgets in the way, or of all workloads that lose requests.
fn candidates(scenario: &Scenario, tried: &Procedure) -> Vec<Vec<Change>> {
    let blocking = blocking(scenario, tried);
    if !blocking.is_empty() {
        let all = || blocking.iter().flat_map(|name| of_budget(scenario, name));
        return [0, 1].map(|pods| all().filter(|c| c.pods == pods).collect()).to_vec();
    }
    let loses = |w: &&Touched| w.lost >= 0.1;
    let replicas = tried.workloads.iter().filter(loses).filter_map(|w| {
        let (kind, name) = w.workload.split_once('/')?;
        one_more(kind, name, w.replicas).filter(|_| w.lowest_available == 0)
    });
    let hooks = tried.workloads.iter().filter(loses).filter_map(|w| pre_stop(scenario, w));
    [hooks.collect(), replicas.collect()].to_vec()
}

/// The container that serves goes on for a while after it was told to stop.
fn pre_stop(scenario: &Scenario, touched: &Touched) -> Option<Change> {
    let (kind, name) = touched.workload.split_once('/')?;
    let workload = scenario.workloads.iter().find(|w| *w.name == *name)?;
    let rolls = ["deployment", "statefulset", "daemonset"].contains(&kind);
    if !rolls || workload.template.serving_container().pre_stop.is_some() {
        return None;
    }
    let template = &workload.template;
    let index = usize::from(template.serving).checked_sub(template.init_containers.len())?;
    let home = format!("{kind}.{name}.spec.template.spec.containers[{index}]");
    let key = format!("{home}.lifecycle.preStop.sleep.seconds");
    Some(Change { key, value: PRE_STOP.to_owned(), pods: 0 })
}
