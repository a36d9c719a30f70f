//! Nodes that are emptied one after the other, or several at a time: `kubectl drain`, and what ends machines
//! after it.

use super::goals::Goal;
use super::step::Step;
use super::why::Why;
use super::{Event, World};
use crate::cluster::objects::{NodeId, PodId};
use crate::cluster::placement::{Node, Presence};
use crate::cluster::workload::Kind;
use crate::cluster::write::Write;
use crate::engine::{Dur, Time};
use crate::model::node::karpenter::{self, Budget, Reason};
use crate::scenario::maintenance::Drain;
use std::collections::VecDeque;

/// The nodes of an action that are emptied.
#[derive(Debug)]
pub(super) struct Round {
    /// Whose they are.
    pub action: u32,
    /// Those that are still to come.
    pub waiting: VecDeque<NodeId>,
    /// So many at a time.
    pub at_once: u32,
    /// How each is emptied.
    pub how: Drain,
    /// The machine of a node ends so long after its last pod; None: it stays.
    pub ends_after: Option<Dur>,
    /// Budgets of the nodes' pool, and how many nodes that has; they say how many go at a time.
    pub pool: Option<(Vec<Budget>, i32)>,
    /// Those under way.
    open: Vec<Open>,
    /// A node was not empty in time: no other is begun.
    failed: bool,
}

/// A node that is being emptied.
#[derive(Debug)]
struct Open {
    node: NodeId,
    /// Pods that have to go and are there; sorted.
    left: Vec<PodId>,
}

impl Round {
    /// Nothing of it has begun.
    pub fn new(action: u32, nodes: &[NodeId], how: Drain) -> Round {
        let waiting = nodes.iter().copied().collect();
        let (at_once, ends_after, open, failed) = (1, None, Vec::new(), false);
        Round { action, waiting, at_once, how, ends_after, pool: None, open, failed }
    }
}

impl World<'_> {
    /// The first nodes of a round are begun.
    pub(super) fn begin_round(&mut self, now: Time, round: Round) {
        let action = round.action;
        debug_assert!(round.at_once > 0, "some node is begun");
        self.actions.rounds.retain(|old| old.action != action || !old.open.is_empty());
        self.actions.rounds.push(round);
        self.go_on_draining(now, action);
    }

    fn round(&mut self, action: u32) -> &mut Round {
        let mut rounds = self.actions.rounds.iter_mut().rev();
        rounds.find(|round| round.action == action).expect("a round that has begun")
    }

    /// How many more nodes may be begun.
    fn may_begin(&mut self, action: u32) -> usize {
        let away = |n: &Node| n.presence != Presence::Ready;
        let away = self.cluster.nodes.iter().filter(|n| n.is_there() && away(n)).count() as i32;
        let next = self.round(action).waiting.front().copied();
        let empty = next.is_some_and(|node| self.pods_to_move(node).is_empty());
        let round = self.round(action);
        let open = round.open.len();
        let reason = if empty { Reason::Empty } else { Reason::Underutilized };
        debug_assert!(open <= usize::from(u16::MAX), "a node is begun once");
        match &round.pool {
            None => (round.at_once as usize).saturating_sub(open),
            Some((budgets, pool)) => {
                karpenter::allowed_now(budgets, reason, *pool, away + open as i32) as usize
            }
        }
    }

    /// The pods of a node that have to go: those of DaemonSets stay.
    pub(super) fn pods_to_move(&self, node: NodeId) -> Vec<PodId> {
        self.pods_on(node).filter(|&p| self.kind_of(p) != Kind::DaemonSet).collect()
    }

    /// Begins as many nodes as may be.
    fn go_on_draining(&mut self, now: Time, action: u32) {
        loop {
            let may = self.may_begin(action);
            let round = self.round(action);
            if may == 0 && round.open.is_empty() && !round.waiting.is_empty() && !round.failed {
                return self.fail_round(action, Why::NoDisruption);
            }
            if round.failed || may == 0 && !round.waiting.is_empty() {
                return;
            }
            let Some(node) = round.waiting.pop_front() else { break };
            debug_assert!(!round.open.iter().any(|open| open.node == node), "a node is begun once");
            self.begin_node(now, action, node);
        }
        let round = self.round(action);
        if round.open.is_empty() && round.waiting.is_empty() {
            self.round_is_over(now, action);
        }
    }

    /// Cordons a node and asks for each of its pods to go.
    fn begin_node(&mut self, now: Time, action: u32, node: NodeId) {
        if !self.cluster.nodes[node].is_there() {
            // Something else has taken it.
            if self.round(action).ends_after.is_some() {
                self.replace(now, action);
            }
            return self.goals.step_done(action, None);
        }
        self.cluster.apply(now, Write::SetUnschedulable { node, value: true });
        debug_assert!(self.cluster.nodes[node].unschedulable, "a node that is drained is cordoned");
        let pods = self.pods_to_move(node);
        let how = self.round(action).how.clone();
        // Without --force it evicts nothing, if some pod would not come again.
        let unmanaged = pods.iter().filter(|&&p| self.kind_of(p) == Kind::Pod).count() as u32;
        if unmanaged > 0 && !how.force {
            self.fail_round(action, Why::Unmanaged { pods: unmanaged });
            return;
        }
        let mut owners = self.owners(&pods);
        owners.retain(|&id| self.cluster.workloads[id].spec.kind() != Kind::Pod);
        self.goals.concerns(action, &owners);
        self.goals.must_go(action, &pods);
        // After the answer to the cordon, and the list of pods: all at once; refused ones are tried again,
        // each for itself.
        let listed = now + self.latency(|l| &l.api_write) + self.latency(|l| &l.api_write);
        let first = self.listed(action).len() as u32;
        for (next, &pod) in (first..).zip(&pods) {
            match how.disable_eviction {
                false => {
                    let step = Step::Evict { action, next };
                    self.queue.schedule(listed, Event::Action(step));
                }
                true => {
                    self.delete_pod(listed, pod, how.grace);
                }
            }
        }
        self.listed(action).extend(&pods);
        if let Some(timeout) = how.timeout {
            let step = Step::TimeIsOver { action, node };
            self.queue.schedule(now + timeout, Event::Action(step));
        }
        let mut left = pods;
        left.sort_unstable();
        let empty = left.is_empty();
        self.round(action).open.push(Open { node, left });
        if empty {
            self.is_empty(now, action, node);
        }
    }

    /// The pods that an action goes through.
    fn listed(&mut self, action: u32) -> &mut Vec<PodId> {
        let place = self.actions.pods.iter().position(|(a, _)| *a == action).unwrap_or_else(|| {
            self.actions.pods.push((action, Vec::new()));
            self.actions.pods.len() - 1
        });
        debug_assert!(self.actions.pods[place].0 == action, "each action has its own");
        &mut self.actions.pods[place].1
    }

    /// Whether nothing more is asked for.
    pub(super) fn has_failed(&self, action: u32) -> bool {
        self.actions.rounds.iter().any(|round| round.action == action && round.failed)
    }

    /// The action does not reach its end.
    fn fail_round(&mut self, action: u32, why: Why) {
        self.round(action).failed = true;
        self.goals.deny(action, why);
        debug_assert!(self.has_failed(action), "a round that has failed goes no further");
    }

    /// A pod is gone: the node that waits for it may be empty.
    pub(super) fn drained_of(&mut self, now: Time, pod: PodId) {
        let Some(node) = self.cluster.pods[pod].node else { return };
        let mut empty = Vec::new();
        for round in &mut self.actions.rounds {
            for open in round.open.iter_mut().filter(|open| open.node == node) {
                let Ok(place) = open.left.binary_search(&pod) else { continue };
                open.left.remove(place);
                if open.left.is_empty() {
                    empty.push(round.action);
                }
            }
        }
        debug_assert!(empty.len() <= self.actions.rounds.len(), "a node is of one round");
        empty.into_iter().for_each(|action| self.is_empty(now, action, node));
    }

    /// No pod is left: the machine ends, if it is to, and the next node's turn has come.
    fn is_empty(&mut self, now: Time, action: u32, node: NodeId) {
        let round = self.round(action);
        debug_assert!(round.open.iter().any(|open| open.node == node), "it is under way");
        // Nothing is written while changes are told.
        if round.ends_after.is_none() && round.waiting.is_empty() {
            return self.node_done(now, action, node);
        }
        let after = round.ends_after.unwrap_or(Dur::ZERO);
        self.queue.schedule(now + after, Event::Action(Step::NodeDone { action, node }));
    }

    /// What had to come after the last pod has.
    pub(super) fn node_done(&mut self, now: Time, action: u32, node: NodeId) {
        let round = self.round(action);
        round.open.retain(|open| open.node != node);
        debug_assert!(!round.waiting.contains(&node), "a node is emptied once");
        if round.ends_after.is_some() {
            self.leave(now, node);
            self.replace(now, action);
        }
        self.goals.step_done(action, None);
        self.go_on_draining(now, action);
        self.goals.look(now, &self.cluster);
    }

    /// The time for a node is over: pods that are left are deleted, or the drain fails.
    pub(super) fn time_is_over(&mut self, now: Time, action: u32, node: NodeId) {
        let round = self.round(action);
        let open = round.open.iter().find(|open| open.node == node);
        let Some(left) = open.map(|open| open.left.clone()).filter(|left| !left.is_empty()) else {
            return;
        };
        let how = round.how.clone();
        if how.deletes_in_the_end {
            for pod in left {
                self.delete_pod(now, pod, how.grace);
            }
            return;
        }
        let refusing = left.iter().map(|&p| self.refusing(p)).find(|all| !all.is_empty());
        let refusing = refusing.unwrap_or_default().into_iter();
        let mut refusing: Vec<(String, usize)> =
            refusing.map(|id| (self.cluster.budgets[id].spec.name.clone(), id.index())).collect();
        let name = self.cluster.nodes[node].name.clone();
        let after = how.timeout.unwrap_or_default();
        let note = format!("{name} is not empty after {} s", after.as_secs_f64());
        self.note(now, note);
        // A pod of two budgets is never evicted, whatever they allow.
        let why = match refusing.len() {
            2.. => {
                Why::SeveralBudgets { names: refusing.into_iter().map(|(name, _)| name).collect() }
            }
            _ => {
                let (pods, budget) = (left.len() as u32, refusing.pop());
                Why::NotEmpty { node: name, pods, after, budget }
            }
        };
        self.fail_round(action, why);
        debug_assert!(self.goals.denied(action), "it never reaches its end");
    }

    /// `kubectl drain` of these nodes; none: of the first that has a pod of the subject.
    pub(super) fn drain(&mut self, now: Time, goal: Goal, round: Round) -> String {
        let names = round.waiting.iter().map(|&n| &*self.scenario.nodes[n].name);
        let what = format!("drain {}", names.collect::<Vec<_>>().join(", "));
        let of_node = |&node: &NodeId| !self.pods_to_move(node).is_empty();
        if !round.waiting.iter().any(of_node) {
            self.actions.idle.push(goal.action);
        }
        let steps = round.waiting.len() as u32;
        debug_assert!(steps > 0, "some node is drained");
        self.goals.begin(Goal::new(goal.action, now, Vec::new()).in_steps(steps));
        self.begin_round(now, round);
        what
    }
}
