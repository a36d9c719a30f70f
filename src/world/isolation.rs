//! Nodes that nobody hears of and that run on, kubelets that start anew, and zones that a balancer is shifted
//! away from.

use super::goals::Goal;
use super::step::Step;
use super::{Event, World, says};
use crate::cluster::objects::{NodeId, PodId};
use crate::cluster::write::Write;
use crate::engine::{Dur, Time};
use crate::model::balancer::{self, Balancer};
use crate::model::kubelet;
use crate::model::plumbing::{Ctx, Scene};
use crate::scenario::ActionKind;
use std::collections::BTreeSet;

/// Nodes that are cut off, and what is on its way to or from them.
#[derive(Debug, Default)]
pub(super) struct Isolation {
    nodes: BTreeSet<NodeId>,
    held: Vec<(NodeId, Held)>,
}

impl Isolation {
    /// Keeps it until the node is back, if that is cut off.
    fn keeps(&mut self, node: NodeId, held: Held) -> bool {
        let isolated = self.nodes.contains(&node);
        if isolated {
            self.held.push((node, held));
        }
        let last = self.held.last();
        debug_assert!(last.is_none_or(|(of, _)| self.nodes.contains(of)), "who is cut off waits");
        isolated
    }

    /// The node is no more: nothing on it waits any longer.
    pub fn forget(&mut self, node: NodeId) {
        if self.nodes.remove(&node) {
            self.held.retain(|(of, _)| *of != node);
        }
        debug_assert!(!self.nodes.contains(&node), "it is not cut off, it is gone");
    }
}

/// What waits until a node is back.
#[derive(Clone, Copy, Debug)]
enum Held {
    /// Its kubelet is to see it.
    Kubelet(kubelet::controller::Event),
    /// Its kubelet writes it.
    Write(Write),
    /// Its proxy is to see it, of that layer.
    Balancer(u16, balancer::Event),
}

impl World<'_> {
    /// Its kubelet and its proxy are cut off from the control plane.
    pub(super) fn isolate(
        &mut self,
        now: Time,
        goal: Goal,
        node: NodeId,
        lasts: Option<Dur>,
    ) -> String {
        let action = goal.action;
        if !self.is_alive(node) {
            return self.nothing_there(now, action, node);
        }
        let here: Vec<PodId> = self.pods_on(node).collect();
        if here.is_empty() {
            self.actions.idle.push(action);
        }
        let owners = self.owners(&here);
        // It is over when the node was given up or is back, and the pods are available.
        self.goals.begin(Goal::new(action, now, Vec::new()).in_steps(1));
        self.goals.concerns(action, &owners);
        self.actions.lost.push((action, node));
        self.isolation.nodes.insert(node);
        if let Some(lifecycle) = &mut self.lifecycle {
            lifecycle.falls_silent(now, node, &mut says(&mut self.queue, Event::Lifecycle));
        }
        if let Some(lasts) = lasts {
            let step = Step::IsBack { action, node };
            self.queue.schedule(now + lasts, Event::Action(step));
        }
        debug_assert!(self.is_isolated(node), "nobody hears of it");
        format!("{} is cut off", self.cluster.nodes[node].name)
    }

    fn is_isolated(&self, node: NodeId) -> bool {
        self.isolation.nodes.contains(&node)
    }

    /// A kubelet would see this, if its node is not cut off.
    pub(super) fn holds_for_kubelet(
        &mut self,
        node: NodeId,
        event: kubelet::controller::Event,
    ) -> bool {
        self.isolation.keeps(node, Held::Kubelet(event))
    }

    /// A kubelet would write this, if its node is not cut off. Statuses are sent anew when it is back.
    pub(super) fn holds_write(&mut self, write: Write) -> bool {
        let (Write::PodStatus { pod, .. } | Write::RemovePod { pod }) = write else { return false };
        let node = self.cluster.pods[pod].node.filter(|node| self.is_isolated(*node));
        if let (Some(node), Write::RemovePod { .. }) = (node, write) {
            self.isolation.keeps(node, Held::Write(write));
        }
        node.is_some()
    }

    /// The proxy of a node would see this, if the node is not cut off.
    pub(super) fn holds_for_proxy(
        &mut self,
        (layer, number): (usize, u16),
        event: balancer::Event,
    ) -> bool {
        let node = NodeId(number);
        let balancer = &self.balancers[layer];
        let of_all = usize::from(balancer.watchers()) == self.cluster.nodes.len();
        let own = of_all && matches!(balancer, Balancer::KubeProxy(_));
        own && self.isolation.keeps(node, Held::Balancer(layer as u16, event))
    }

    /// Some node is cut off.
    pub(super) fn isolates(&self) -> bool {
        !self.isolation.nodes.is_empty()
    }

    /// The node is connected again.
    pub(super) fn is_back(&mut self, now: Time, action: u32, node: NodeId) {
        if !self.isolation.nodes.remove(&node) {
            return;
        }
        let ctx = Ctx { run: self.run, now, slowdown: self.slowdown() };
        if let Some(lifecycle) = &mut self.lifecycle {
            lifecycle.is_heard(ctx, node, &mut says(&mut self.queue, Event::Lifecycle));
        }
        let held = self.isolation.held.extract_if(.., |(of, _)| *of == node);
        for (_, held) in held.collect::<Vec<_>>() {
            let event = match held {
                Held::Kubelet(event) => Event::Kubelet(event),
                Held::Write(write) => Event::Write(write),
                Held::Balancer(layer, event) => Event::Balancer(layer, event),
            };
            let at = now + self.latency(|l| &l.watch_kubelet);
            self.queue.schedule(at, event);
        }
        let (cluster, timeline) = (&self.cluster, &mut self.timeline);
        let mut scene = Scene { ctx, cluster, timeline };
        self.kubelets.is_back(&mut scene, node, &mut says(&mut self.queue, Event::Kubelet));
        let name = self.cluster.nodes[node].name.clone();
        self.note(now, format!("{name} is heard of again"));
        let open = |lost: &(u32, NodeId)| *lost == (action, node);
        if self.actions.lost.iter().any(open) {
            self.actions.lost.retain(|lost| !open(lost));
            self.goals.step_done(action, None);
        }
        debug_assert!(!self.is_isolated(node), "it is connected");
        self.goals.look(now, &self.cluster);
    }

    /// A kubelet is started anew.
    pub(super) fn restart_kubelet(&mut self, now: Time, goal: Goal, node: NodeId) -> String {
        if !self.is_alive(node) {
            return self.nothing_there(now, goal.action, node);
        }
        let here: Vec<PodId> = self.pods_on(node).collect();
        if here.is_empty() {
            self.actions.idle.push(goal.action);
        }
        let owners = self.owners(&here);
        self.goals.begin(Goal::new(goal.action, now, owners));
        let ctx = Ctx { run: self.run, now, slowdown: self.slowdown() };
        let (cluster, timeline) = (&self.cluster, &mut self.timeline);
        let mut scene = Scene { ctx, cluster, timeline };
        self.kubelets.starts_anew(&mut scene, node, &mut says(&mut self.queue, Event::Kubelet));
        debug_assert!(self.cluster.nodes[node].is_there(), "it runs on a node");
        format!("restart the kubelet of {}", self.cluster.nodes[node].name)
    }

    /// The node of an action has died before, or is gone.
    fn nothing_there(&mut self, now: Time, action: u32, node: NodeId) -> String {
        debug_assert!(!self.is_alive(node), "it could be done");
        self.goals.begin(Goal::new(action, now, Vec::new()));
        self.actions.idle.push(action);
        format!("{} is lost already", self.cluster.nodes[node].name)
    }

    /// A zone is shifted away from the load balancer.
    pub(super) fn shift_zone(
        &mut self,
        now: Time,
        goal: Goal,
        zone: &str,
        lasts: Option<Dur>,
    ) -> String {
        let action = goal.action;
        self.goals.begin(Goal::new(action, now, Vec::new()));
        if let Some(lasts) = lasts {
            self.queue.schedule(now + lasts, Event::Action(Step::ShiftExpires(action)));
        }
        debug_assert!(lasts.is_none_or(|lasts| lasts > Dur::ZERO), "a shift lasts for a while");
        self.tell_of_shift(now, Some(zone));
        format!("shift zone {zone} away")
    }

    /// The shift of an action is over.
    pub(super) fn shift_expires(&mut self, now: Time, action: u32) {
        let ActionKind::ZonalShift { zone, .. } = self.action(action) else {
            panic!("a zonal shift alone expires");
        };
        self.tell_of_shift(now, None);
        debug_assert!(!zone.is_empty(), "a zone has a name");
        self.note(now, format!("the shift of zone {zone} expires"));
    }

    fn tell_of_shift(&mut self, now: Time, away: Option<&str>) {
        for (layer, balancer) in (0..).zip(&mut self.balancers) {
            let out = &mut says(&mut self.queue, |e| Event::Balancer(layer, e));
            balancer.zone_shifts(now, away, out);
        }
        debug_assert!(!self.balancers.is_empty(), "requests come by something");
    }
}
