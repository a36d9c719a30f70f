//! Nodes that die, join and leave, and what hears of it.

use super::draining::Round;
use super::goals::Goal;
use super::step::Step;
use super::{Event, World, says};
use crate::cluster::objects::{NodeId, PodId};
use crate::cluster::placement::Presence;
use crate::cluster::write::Write;
use crate::engine::{Dist, Dur, Time};
use crate::model::plumbing::{Ctx, Scene};
use crate::scenario::ActionKind;
use crate::scenario::maintenance::Drain;
use crate::timeline::NodeState;

impl World<'_> {
    /// Actions about nodes begin.
    pub(super) fn begin_on_nodes(&mut self, now: Time, goal: Goal, kind: &ActionKind) -> String {
        debug_assert!(!kind.edits_a_workload(), "{kind:?} is about a workload");
        match kind {
            ActionKind::Drain { nodes, at_once, how } => {
                let first = [self.first_with_a_pod()];
                let nodes = if nodes.is_empty() { &first[..] } else { nodes };
                let mut round = Round::new(goal.action, nodes, how.clone());
                round.at_once = *at_once;
                self.drain(now, goal, round)
            }
            ActionKind::NodeDown { node } => {
                let node = node.unwrap_or_else(|| self.first_with_a_pod());
                self.nodes_down(now, goal, &[node])
            }
            ActionKind::ZoneDown { zone } => {
                let nodes = self.nodes_of(zone);
                self.nodes_down(now, goal, &nodes);
                format!("zone {zone} fails")
            }
            ActionKind::NodeUnreachable { node, lasts } => {
                let node = node.unwrap_or_else(|| self.first_with_a_pod());
                self.isolate(now, goal, node, *lasts)
            }
            ActionKind::KubeletRestart { node } => {
                let node = node.unwrap_or_else(|| self.first_with_a_pod());
                self.restart_kubelet(now, goal, node)
            }
            ActionKind::ZonalShift { zone, lasts } => self.shift_zone(now, goal, zone, *lasts),
            ActionKind::NodeAdd { nodes } => {
                let action = goal.action;
                self.goals.begin(goal.in_steps(nodes.len() as u32));
                nodes.iter().for_each(|&node| self.boot(now, (action, node)));
                format!("add {} nodes", nodes.len())
            }
            ActionKind::Upgrade(upgrade) => self.begin_upgrade(now, goal, upgrade),
            ActionKind::Consolidation(given_up) => {
                let how = Drain { force: true, ..Drain::default() };
                let mut round = Round::new(goal.action, &given_up.nodes, how);
                round.ends_after = Some(Dur::ZERO);
                let there = self.cluster.nodes.iter().filter(|n| n.is_there()).count();
                round.pool = Some((given_up.budgets.clone(), there as i32));
                self.drain(now, goal, round)
            }
            ActionKind::Spot(spot) => self.begin_spot(now, goal, spot),
            ActionKind::Chaos(chaos) => self.begin_chaos(now, goal, chaos),
            other => unreachable!("{other:?} is not about nodes"),
        }
    }

    /// The nodes of a zone that are there and live.
    pub(super) fn nodes_of(&self, zone: &str) -> Vec<NodeId> {
        let mine = |id: &NodeId| {
            let node = &self.cluster.nodes[*id];
            node.presence == Presence::Ready && node.zone() == Some(zone)
        };
        self.cluster.nodes.ids().filter(mine).collect()
    }

    /// These nodes die at once. It is over when that was found out, and the pods are available elsewhere.
    fn nodes_down(&mut self, now: Time, goal: Goal, nodes: &[NodeId]) -> String {
        let index = goal.action;
        if nodes.iter().all(|&node| self.pods_on(node).next().is_none()) {
            self.actions.idle.push(index);
        }
        debug_assert!(goal.workloads.len() <= 1, "whose pods are there is found below");
        self.goals.begin(Goal::new(index, now, Vec::new()));
        self.lose_all(now, index, nodes);
        let name = |node: &NodeId| self.cluster.nodes[*node].name.clone();
        format!("{} fails", nodes.iter().map(name).collect::<Vec<_>>().join(", "))
    }

    /// Nodes die; the action waits until that is found out, and for their pods.
    pub(super) fn lose_all(&mut self, now: Time, action: u32, nodes: &[NodeId]) {
        // Nothing dies twice.
        let nodes: Vec<NodeId> = nodes.iter().copied().filter(|&n| self.is_alive(n)).collect();
        let here: Vec<PodId> = nodes.iter().flat_map(|&node| self.pods_on(node)).collect();
        let owners = self.owners(&here);
        self.goals.concerns(action, &owners);
        self.goals.more_steps(action, nodes.len() as u32);
        for node in nodes {
            debug_assert!(self.cluster.nodes[node].is_there(), "what dies is there");
            self.actions.lost.push((action, node));
            self.lose(now, node);
        }
    }

    /// Nothing runs on the node any more, and nobody hears of it.
    fn lose(&mut self, now: Time, node: NodeId) {
        let ctx = Ctx { run: self.run, now, slowdown: self.slowdown() };
        let (cluster, timeline) = (&self.cluster, &mut self.timeline);
        let mut scene = Scene { ctx, cluster, timeline };
        self.kubelets.node_lost(&mut scene, node);
        self.isolation.forget(node);
        scene.timeline.node(now, node, NodeState::Lost);
        for (layer, balancer) in (0..).zip(&mut self.balancers) {
            let out = &mut says(&mut self.queue, |e| Event::Balancer(layer, e));
            balancer.node_lost(&mut scene, node, out);
        }
        let lifecycle = self.lifecycle.as_mut().expect("where nodes die somebody looks for it");
        lifecycle.falls_silent(now, node, &mut says(&mut self.queue, Event::Lifecycle));
        debug_assert!(self.timeline.end >= now, "it dies while the run lasts");
        self.wake_checks(ctx);
    }

    /// A machine ends of which nobody hears any more.
    pub(super) fn ends_unheard(&mut self, now: Time, action: u32, node: NodeId) {
        self.lose(now, node);
        if self.cluster.nodes[node].presence == Presence::Unknown {
            self.found_lost(now, action, node);
        }
        debug_assert!(self.lifecycle.is_some(), "somebody looks for it");
    }

    /// A machine ends, and its node's object with it. Pods that are left are found by the garbage collector.
    pub(super) fn leave(&mut self, now: Time, node: NodeId) {
        if !self.cluster.nodes[node].is_there() {
            return;
        }
        self.lose(now, node);
        self.object_goes(now, node);
    }

    /// The cloud's controller deletes the object of a machine that is gone.
    pub(super) fn object_goes(&mut self, now: Time, node: NodeId) {
        self.cluster.apply(now, Write::SetPresent { node, value: false });
        debug_assert!(!self.cluster.nodes[node].is_there(), "it is gone");
        let defaults = &self.scenario.kubernetes.defaults;
        let pass = defaults.pod_gc_period.part(self.user.uniform());
        let at = now + defaults.pod_gc_quarantine + pass;
        self.queue.schedule(at, Event::Action(Step::Collect(node)));
    }

    /// `pkg/controller/podgc/gc_controller.go: gcOrphaned`.
    pub(super) fn collect(&mut self, now: Time, node: NodeId) {
        let pods: Vec<PodId> = self.pods_on(node).collect();
        debug_assert!(!self.cluster.nodes[node].is_there(), "what is collected has no node");
        for pod in pods {
            if self.cluster.pods[pod].deleting.is_some() {
                self.cluster.apply(now, Write::RemovePod { pod });
            } else {
                self.cluster.apply(now, Write::DeletePod { pod, grace: Some(0) });
            }
        }
    }

    /// A machine is launched: its node joins when it has booted.
    pub(super) fn boot(&mut self, now: Time, (action, node): (u32, NodeId)) {
        let defaults = &self.scenario.kubernetes.defaults;
        let (median_s, p99_s) =
            (defaults.node_boot_median.as_secs_f64(), defaults.node_boot_p99.as_secs_f64());
        let boot = Dist::LogNormal { median_s, p99_s, min_s: 10.0 };
        let takes = boot.sample(self.user.uniform());
        debug_assert!(takes > Dur::ZERO, "no machine boots at once");
        self.queue.schedule(now + takes, Event::Action(Step::Joins { action, node }));
    }

    /// A node joins: without pods, and without images.
    pub(super) fn join(&mut self, now: Time, action: u32, node: NodeId) {
        self.join_node(now, node);
        self.joined(now, action);
        self.goals.look(now, &self.cluster);
    }

    pub(super) fn join_node(&mut self, now: Time, node: NodeId) {
        let ctx = Ctx { run: self.run, now, slowdown: self.slowdown() };
        self.cluster.apply(now, Write::SetPresent { node, value: true });
        self.kubelets.node_joins(now, node);
        for (layer, balancer) in (0..).zip(&mut self.balancers) {
            let out = &mut says(&mut self.queue, |e| Event::Balancer(layer, e));
            balancer.node_joins(ctx, node, out);
        }
        debug_assert!(self.cluster.nodes[node].is_there(), "it has joined");
        let note = format!("{} joins", self.cluster.nodes[node].name);
        self.note(now, note);
    }

    /// A node's object has changed.
    pub(super) fn node_changed(&mut self, now: Time, node: NodeId) {
        let object = &self.cluster.nodes[node];
        let state = match object.presence {
            Presence::Absent => NodeState::Absent,
            Presence::Unknown => NodeState::Lost,
            Presence::Ready if object.unschedulable => NodeState::Cordoned,
            Presence::Ready => NodeState::Ready,
        };
        self.timeline.node(now, node, state);
        let known = |&(_, lost): &(u32, NodeId)| lost == node;
        let object = &self.cluster.nodes[node];
        if object.presence == Presence::Ready || !self.actions.lost.iter().any(known) {
            return;
        }
        let note = format!("{} is unreachable: its pods are not ready", object.name);
        self.note(now, note);
        let found: Vec<u32> =
            self.actions.lost.extract_if(.., |lost| known(lost)).map(|lost| lost.0).collect();
        for action in found {
            self.goals.step_done(action, None);
            self.found_lost(now, action, node);
        }
        debug_assert!(!self.actions.lost.iter().any(known), "it is found once");
        self.goals.look(now, &self.cluster);
    }

    /// A machine that is gone for good: the cloud's controller deletes the object.
    fn found_lost(&mut self, now: Time, action: u32, node: NodeId) {
        let gone = matches!(self.action(action), ActionKind::Spot(_));
        debug_assert!(self.lifecycle.is_some(), "somebody has found it");
        if gone && self.cluster.nodes[node].is_there() {
            let period = self.scenario.kubernetes.defaults.cloud_node_period;
            let at = now + period.part(self.user.uniform());
            self.queue.schedule(at, Event::Action(Step::ObjectGoes(node)));
        }
    }
}
