//! One replication of what is done to nodes, as it is drawn: nodes and workloads over time.

use crate::cluster::objects::NodeId;
use crate::cluster::spec::Node;
use crate::engine::List;
use crate::run::Replication;
use crate::scenario::{Scenario, Workload};
use crate::timeline::{NodeState, Phase, PodTruth, Timeline};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most nodes that are drawn: those on which something happens come first.
const NODES: usize = 200;

/// What one replication looked like.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drawn {
    /// From the first request to the end, in seconds from the action.
    pub span_s: [f64; 2],
    /// Each node that is drawn.
    pub nodes: Vec<NodeLane>,
    /// Nodes that are left out: nothing happens on them.
    pub left_out: usize,
    /// Each workload with its pods that serve.
    pub workloads: Vec<WorkloadLane>,
}

/// A node over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeLane {
    /// Its name.
    pub name: String,
    /// Its zone; empty: it has none.
    pub zone: String,
    /// From when on it is what: `absent`, `ready`, `cordoned`, `lost`.
    pub states: Vec<(f64, &'static str)>,
    /// From when on it has how many pods.
    pub pods: Vec<(f64, u32)>,
}

/// A workload over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkloadLane {
    /// Its name.
    pub name: String,
    /// How many pods are wanted.
    pub wanted: i32,
    /// From when on how many of its pods are ready and serve.
    pub serving: Vec<(f64, u32)>,
}

/// Of the first replication; None: its timeline was not kept.
pub fn drawn(scenario: &Scenario, runs: &[Replication]) -> Option<Drawn> {
    let timeline = runs.first()?.timeline.as_ref()?;
    let last = timeline.pods.iter().flat_map(|p| [p.deleted, p.ready, p.removed]);
    let last = last.chain(timeline.nodes.iter().map(|n| n.0)).filter(|at| !at.is_never());
    let last = last.max().unwrap_or(timeline.start).min(timeline.end);
    let end = last.as_secs_f64() + 0.05 * (last - timeline.start).as_secs_f64().max(10.0);
    let mut nodes = nodes(scenario, timeline);
    // Those that are never there are no nodes of this run.
    nodes.retain(|lane| lane.states.iter().any(|(_, state)| *state != "absent"));
    let all = nodes.len();
    let quiet = |lane: &NodeLane| lane.states.len() == 1 && lane.pods.len() <= 1;
    if all > NODES {
        nodes.sort_by_key(quiet);
        nodes.truncate(NODES);
    }
    Some(Drawn {
        span_s: [timeline.start.as_secs_f64(), end.min(timeline.end.as_secs_f64())],
        left_out: all - nodes.len(),
        nodes,
        workloads: workloads(scenario, timeline),
    })
}

/// Steps from changes by one: (when, by how much), summed up.
fn steps(mut changes: Vec<(f64, i32)>) -> Vec<(f64, u32)> {
    changes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut sum = 0;
    let mut steps: Vec<(f64, u32)> = Vec::new();
    for (at, by) in changes {
        sum += by;
        match steps.last_mut() {
            Some(last) if last.0 == at => last.1 = sum.max(0) as u32,
            _ => steps.push((at, sum.max(0) as u32)),
        }
    }
    steps
}

fn nodes(scenario: &Scenario, timeline: &Timeline) -> Vec<NodeLane> {
    let start = timeline.start.as_secs_f64();
    let mut changes: List<NodeId, Vec<(f64, i32)>> = vec![Vec::new(); scenario.nodes.len()].into();
    for pod in timeline.pods.iter().filter(|p| !p.scheduled.is_never()) {
        changes[pod.node].push((pod.scheduled.as_secs_f64().max(start), 1));
        if !pod.removed.is_never() {
            changes[pod.node].push((pod.removed.as_secs_f64(), -1));
        }
    }
    let lane = |(id, node): (NodeId, &Arc<Node>)| {
        let first = if !node.is_there() {
            NodeState::Absent
        } else if node.unschedulable {
            NodeState::Cordoned
        } else {
            NodeState::Ready
        };
        let later = timeline.nodes.iter().filter(|(_, of, _)| *of == id);
        let later = later.map(|(at, _, state)| (at.as_secs_f64(), name_of(*state)));
        NodeLane {
            name: node.name.clone(),
            zone: node.zone().unwrap_or("").to_owned(),
            states: [(start, name_of(first))].into_iter().chain(later).collect(),
            pods: steps(std::mem::take(&mut changes[id])),
        }
    };
    scenario.nodes.pairs().map(lane).collect()
}

fn name_of(state: NodeState) -> &'static str {
    match state {
        NodeState::Absent => "absent",
        NodeState::Ready => "ready",
        NodeState::Cordoned => "cordoned",
        NodeState::Lost => "lost",
    }
}

/// From when to when a pod is ready and serves, and not told to stop.
fn serves(pod: &PodTruth, end: f64) -> Option<[f64; 2]> {
    if pod.ready.is_never() {
        return None;
    }
    let ready = pod.ready;
    let falls = pod.phases.iter().find(|(at, phase)| *at > ready && *phase != Phase::Serving);
    let until = [pod.deleted, pod.unready].into_iter().chain(falls.map(|f| f.0)).min()?;
    let until = if until.is_never() { end } else { until.as_secs_f64() };
    (until > ready.as_secs_f64()).then_some([ready.as_secs_f64(), until])
}

fn workloads(scenario: &Scenario, timeline: &Timeline) -> Vec<WorkloadLane> {
    let (start, end) = (timeline.start.as_secs_f64(), timeline.end.as_secs_f64());
    let mut changes: BTreeMap<&str, Vec<(f64, i32)>> = BTreeMap::new();
    for pod in &timeline.pods {
        let Some([from, until]) = serves(pod, end) else { continue };
        let mine = changes.entry(&pod.name.deployment).or_default();
        mine.push((from.max(start), 1));
        if until < end {
            mine.push((until.max(start), -1));
        }
    }
    let lane = |w: &Workload| WorkloadLane {
        name: w.name.to_string(),
        wanted: w.replicas,
        serving: steps(changes.remove(&*w.name).unwrap_or_default()),
    };
    scenario.workloads.iter().map(lane).collect()
}
