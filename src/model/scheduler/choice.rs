//! One scheduling cycle: the nodes that pass the filters, their scores, the best; or why there is none.

use super::backoff::feasible_nodes_to_find;
use super::cache::{Cache, Share};
use super::filter::{self, Filters, Reason, Rejected, Sums};
use super::plan::Plan;
use super::profile::Profile;
use super::score::{self, Load};
use super::spread::{Score, Scorer, SpreadNode};
use crate::cluster::objects::NodeId;
use crate::cluster::placement::Placement;
use crate::cluster::spec::Resources;
use crate::engine::Rng;
use std::collections::BTreeMap;
use std::sync::Arc;

/// No node will do.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The plugins that left nodes out.
    pub rejected: Rejected,
    /// As the event FailedScheduling has it.
    pub message: Arc<str>,
}

/// Chooses; keeps its buffers from one pod to the next.
#[derive(Debug, Default)]
pub struct Chooser {
    filters: Filters,
    /// Where the search begins.
    start: usize,
    feasible: Vec<NodeId>,
    /// Of the feasible ones.
    totals: Vec<i64>,
    scores: Vec<i64>,
    rules: Vec<Score>,
    rows: Vec<SpreadNode>,
    candidates: Vec<bool>,
    by_node: Vec<Option<i64>>,
    scorer: Scorer,
    sums: Sums,
}

impl Chooser {
    /// The best node; those that are best alike are drawn from `luck`.
    pub fn choose(
        &mut self,
        plan: &Plan,
        cache: &Cache,
        profile: &Profile,
        luck: impl FnOnce() -> Rng,
    ) -> Option<NodeId> {
        self.filters.prepare(plan, cache);
        self.find(plan, cache, profile);
        match self.feasible[..] {
            [] => None,
            [only] => Some(only),
            _ => {
                self.score(plan, cache, profile);
                Some(self.best(luck))
            }
        }
    }

    /// Whether a node would do.
    pub fn passes(&mut self, plan: &Plan, cache: &Cache, node: NodeId) -> bool {
        self.filters.prepare(plan, cache);
        self.filters.reason(plan, cache, node.index()).is_none()
    }

    /// `schedule_one.go: findNodesThatPassFilters`.
    fn find(&mut self, plan: &Plan, cache: &Cache, profile: &Profile) {
        let nodes = cache.order.len();
        let percent = profile.percentage_of_nodes_to_score;
        let wanted = feasible_nodes_to_find(None, percent, nodes as i32) as usize;
        self.feasible.clear();
        let mut looked_at = 0;
        while looked_at < nodes && self.feasible.len() < wanted {
            let place = (self.start + looked_at) % nodes;
            let node = cache.order[place];
            if self.filters.reason(plan, cache, node.index()).is_none() {
                self.feasible.push(node);
            }
            looked_at += 1;
        }
        self.start = (self.start + looked_at) % nodes.max(1);
        debug_assert!(self.feasible.len() <= wanted, "no more nodes are found than looked for");
    }

    /// `schedule_one.go: prioritizeNodes`.
    fn score(&mut self, plan: &Plan, cache: &Cache, profile: &Profile) {
        self.totals.clear();
        self.totals.resize(self.feasible.len(), 0);
        let weights = &profile.weights;
        if !plan.taints.is_empty() {
            self.given(&plan.taints);
            score::of_highest(&mut self.scores, true);
            self.add(weights.taint_toleration);
        }
        if !plan.affinity.is_empty() {
            self.given(&plan.affinity);
            score::of_highest(&mut self.scores, false);
            self.add(weights.node_affinity);
        }
        if !plan.even.is_empty() {
            self.spread(plan, cache);
            self.add(weights.pod_topology_spread);
        }
        if !plan.wishes.is_empty() {
            self.wishes(plan, cache);
            self.add(weights.inter_pod_affinity);
        }
        if plan.limits {
            let free = |_, with: [Load; 2]| score::least_allocated(&with.map(|load| (load, 1)));
            self.resources(plan, cache, |share| share.scored, free);
            self.add(weights.node_resources_fit);
        }
        if plan.limits && !plan.best_effort {
            self.resources(plan, cache, |share| share.requested, score::balanced);
            self.add(weights.node_resources_balanced_allocation);
        }
        if !plan.images.is_empty() {
            self.given(&plan.images);
            self.add(weights.image_locality);
        }
        debug_assert!(self.totals.len() == self.feasible.len(), "each node that fits has a total");
    }

    fn add(&mut self, weight: i64) {
        self.totals
            .iter_mut()
            .zip(&self.scores)
            .for_each(|(total, score)| *total += weight * score);
    }

    /// What was scored before there were pods.
    fn given(&mut self, by_node: &[i64]) {
        self.scores.clear();
        self.scores.extend(self.feasible.iter().map(|n| by_node[n.index()]));
    }

    /// PodTopologySpread.
    fn spread(&mut self, plan: &Plan, cache: &Cache) {
        self.rows.clear();
        self.rules.clear();
        for constraint in &plan.even {
            self.rules.push(constraint.rule);
            filter::see(constraint, cache, &mut self.rows);
        }
        self.candidates.clear();
        self.candidates.resize(cache.nodes.len(), false);
        for &node in &self.feasible {
            self.candidates[node.index()] = true;
        }
        let Chooser { scorer, rules, rows, candidates, by_node, .. } = self;
        scorer.score(rules, plan.own_constraints, rows, candidates, by_node);
        let score = |n: &NodeId| self.by_node[n.index()].expect("feasible nodes have a score");
        self.scores.clear();
        self.scores.extend(self.feasible.iter().map(score));
        debug_assert!(self.scores.iter().all(|s| (0..=100).contains(s)), "a score is 0 to 100");
    }

    /// InterPodAffinity.
    fn wishes(&mut self, plan: &Plan, cache: &Cache) {
        self.scores.clear();
        self.scores.resize(self.feasible.len(), 0);
        for group in &plan.wishes {
            self.sums.fill(group, cache);
            for (score, node) in self.scores.iter_mut().zip(&self.feasible) {
                let near = self.sums.at(group, cache, node.index()).unwrap_or(0);
                *score += group.weight * near;
            }
        }
        score::between(&mut self.scores);
        debug_assert!(self.scores.iter().all(|s| (0..=100).contains(s)), "a score is 0 to 100");
    }

    /// Scores from the loads of cpu and memory, before and with the pod.
    fn resources(
        &mut self,
        plan: &Plan,
        cache: &Cache,
        counted: fn(Share) -> Resources,
        score: impl Fn([Load; 2], [Load; 2]) -> i64,
    ) {
        let of = |&node: &NodeId| {
            let used = counted(cache.used[node]);
            let with = used.plus(counted(plan.share));
            let (cpu, memory) = match cache.nodes[node].allocatable {
                Some(all) => (all.cpu_millis, all.memory_bytes),
                None => (i64::MAX, i64::MAX),
            };
            let loads = |requested: [i64; 2]| {
                let load = |(requested, capacity)| Load { requested, capacity };
                [(requested[0], cpu), (requested[1], memory)].map(load)
            };
            score(
                loads([used.cpu_millis, used.memory_bytes]),
                loads([with.cpu_millis, with.memory_bytes]),
            )
        };
        self.scores.clear();
        self.scores.extend(self.feasible.iter().map(of));
        debug_assert!(self.scores.iter().all(|s| (0..=100).contains(s)), "a score is 0 to 100");
    }

    /// One of the highest, each with the same probability.
    ///
    /// `schedule_one.go: selectHost`.
    fn best(&self, luck: impl FnOnce() -> Rng) -> NodeId {
        let most = self.totals.iter().copied().max().expect("there are feasible nodes");
        let best = || self.feasible.iter().zip(&self.totals).filter(|(_, t)| **t == most);
        let alike = best().count() as u64;
        let place = if alike > 1 { luck().below(alike) } else { 0 };
        *best().nth(place as usize).expect("as many as were counted").0
    }

    /// Why the last choice failed.
    pub fn failure(&self, plan: &Plan, cache: &Cache, placement: &Placement) -> Failure {
        let mut rejected = Rejected::default();
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        let mut count = |reason: Reason, node: usize| {
            rejected.by(reason);
            *counts.entry(reason.text(placement, &cache.nodes[node])).or_default() += 1;
        };
        for node in 0..cache.nodes.len() {
            match self.filters.reason(plan, cache, node) {
                Some(Reason::Absent) => {}
                Some(Reason::TooManyPods | Reason::Cpu | Reason::Memory) => {
                    filter::lacking(plan, cache, node).for_each(|reason| count(reason, node));
                }
                Some(reason) => count(reason, node),
                None => {}
            }
        }
        let mut reasons: Vec<String> =
            counts.iter().map(|(text, n)| format!("{n} {text}")).collect();
        reasons.sort_unstable();
        let nodes = cache.order.len();
        let message = format!("0/{nodes} nodes are available: {}.", reasons.join(", "));
        Failure { rejected, message: message.into() }
    }
}
