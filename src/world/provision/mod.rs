//! Cluster Autoscaler and Karpenter: pods that fit nowhere bring nodes, and nodes that nobody needs go.

mod karpenter;
mod removal;
mod unneeded;

use super::{Event as WorldEvent, World, says};
use crate::cluster::objects::{NodeId, PodId, TemplateId};
use crate::cluster::placement::{Node, Presence};
use crate::cluster::spec::Resources;
use crate::cluster::workload::Kind;
use crate::cluster::write::{Change, Write};
use crate::engine::{Dur, List, Time};
use crate::model::daemon_set::rules::runs_on;
use crate::model::node::karpenter::Reason;
use crate::model::node::provision::{By, Machine, NodeAutoscaler, Turnover};
use crate::model::plumbing::Ctx;
use crate::model::scheduler;
use crate::model::scheduler::trial::Trial;
use removal::Going;
use std::collections::BTreeMap;

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Cluster Autoscaler scans; Karpenter looks for nodes to disrupt.
    Look,
    /// Karpenter has waited for further pods that fit nowhere.
    Batch,
    /// A machine has booted.
    Joins(NodeId),
    /// What Karpenter meant to disrupt is looked at again.
    Validate,
    /// The node is as old as it may be.
    Expires(NodeId),
    /// A pod of a node that goes is to be evicted; so often it was refused.
    Evict { pod: PodId, refused: u32 },
    /// The node's own grace period ends with the pod's.
    Delete(PodId),
    /// Cluster Autoscaler tries no longer to empty the node.
    GivesUp(NodeId),
    /// The node is empty: its machine ends.
    Ends(NodeId),
}

/// What is remembered of it.
#[derive(Debug)]
pub(super) struct Provisioner<'a> {
    spec: &'a NodeAutoscaler,
    /// By group: so many of its further nodes have been launched.
    launched: Vec<usize>,
    booting: Vec<NodeId>,
    going: Vec<Going>,
    /// Nodes that it could have done without before the run, and did not: with what was used of them then.
    settled: BTreeMap<NodeId, Resources>,
    /// Nodes that it could do without, and since when.
    unneeded: BTreeMap<NodeId, Time>,
    /// When the last node was launched, and when the last could not be emptied.
    added: Time,
    failed: Time,
    /// When pods that fit nowhere began to gather, and when the last of them came.
    batch: Option<(Time, Time)>,
    /// Of those that have been counted.
    counted: u32,
    /// What is to be disrupted if it still can be.
    planned: Option<(Vec<NodeId>, Reason)>,
    /// When a pod came to a node, or left it.
    stirred: List<NodeId, Time>,
    /// When anything did that can matter.
    changed: Time,
    /// What became of the nodes so far.
    turnover: Turnover,
}

impl<'a> World<'a> {
    /// Begins to look, where there is one.
    pub(super) fn start_provisioner(&mut self) {
        let Some(spec) = &self.scenario.node_autoscaler else { return };
        let now = self.queue.now();
        let (groups, nodes) = (spec.groups.len(), self.cluster.nodes.len());
        self.provisioner = Some(Box::new(Provisioner {
            spec,
            launched: vec![0; groups],
            booting: Vec::new(),
            going: Vec::new(),
            settled: BTreeMap::new(),
            unneeded: BTreeMap::new(),
            added: Time::ALWAYS,
            failed: Time::ALWAYS,
            batch: None,
            counted: 0,
            planned: None,
            stirred: vec![Time::ALWAYS; nodes].into(),
            changed: now,
            turnover: Turnover { by: spec.by.name(), ..Turnover::default() },
        }));
        let settled = self.could_go_at_the_start();
        let phase = self.run.seed.uniform("node autoscaler", 0);
        let every = self.look_every();
        self.queue.schedule(now + every.part(phase), WorldEvent::Provision(Event::Look));
        self.expire_in_time(now);
        self.provisioner_mut().settled = settled;
        debug_assert!(self.provisioner.is_some(), "it has begun");
    }

    fn provisioner_mut(&mut self) -> &mut Provisioner<'a> {
        self.provisioner.as_mut().expect("a cluster with a node autoscaler")
    }

    fn provisioner(&self) -> &Provisioner<'a> {
        self.provisioner.as_ref().expect("a cluster with a node autoscaler")
    }

    fn look_every(&self) -> Dur {
        match &self.provisioner().spec.by {
            By::ClusterAutoscaler(flags) => flags.scan,
            By::Karpenter(_) => self.scenario.kubernetes.defaults.karpenter_poll,
        }
    }

    pub(super) fn provision(&mut self, ctx: Ctx, event: Event) {
        let now = ctx.now;
        // What the scheduler has been shown is what is asked below.
        let seen = scheduler::controller::Event::Seen;
        let out = &mut says(&mut self.queue, WorldEvent::Scheduler);
        self.scheduler.handle(ctx, seen, &self.cluster, out);
        debug_assert!(self.provisioner.is_some(), "{event:?} is of one that is there");
        match event {
            Event::Look => self.look_at_nodes(now),
            Event::Batch => self.batch_is_over(now),
            Event::Joins(node) => self.has_booted(now, node),
            Event::Validate => self.validate(now),
            Event::Expires(node) => self.expires(now, node),
            Event::Evict { pod, refused } => self.evict_from_going(now, pod, refused),
            Event::Delete(pod) => self.delete_from_going(now, pod),
            Event::GivesUp(node) => self.gives_up(now, node),
            Event::Ends(node) => self.machine_of_going_ends(now, node),
        }
    }

    fn has_booted(&mut self, now: Time, node: NodeId) {
        self.join_node(now, node);
        let provisioner = self.provisioner_mut();
        provisioner.booting.retain(|&n| n != node);
        // The pods that it was launched for are still to come.
        provisioner.stirred[node] = now;
        let mut launched = provisioner.turnover.launched.iter_mut();
        if let Some(machine) = launched.find(|m| m.ready.is_never() && m.node == node) {
            machine.ready = now;
        }
        debug_assert!(!provisioner.booting.contains(&node), "it is there");
        self.goals.look(now, &self.cluster);
    }

    /// What became of the nodes; None: nobody brings or takes any.
    pub(super) fn turnover(&self) -> Option<Turnover> {
        let provisioner = self.provisioner.as_ref()?;
        let there =
            |nodes: &[std::sync::Arc<Node>]| nodes.iter().filter(|n| n.is_there()).count() as u32;
        let nodes = [there(&self.scenario.nodes), there(&self.cluster.nodes)];
        Some(Turnover { nodes, ..provisioner.turnover.clone() })
    }

    fn look_at_nodes(&mut self, now: Time) {
        match &self.provisioner().spec.by {
            By::ClusterAutoscaler(flags) => {
                let flags = *flags;
                self.launch_for_pending(now);
                self.scale_down(now, flags);
            }
            By::Karpenter(pool) => {
                if !self.scheduler.nothing_waits() && self.provisioner().batch.is_none() {
                    // Pods that found no room are asked for again.
                    self.launch_for_pending(now);
                }
                self.disrupt(now, pool);
            }
        }
        let next = now + self.look_every();
        debug_assert!(next > now, "it looks again later");
        self.queue.schedule(next, WorldEvent::Provision(Event::Look));
    }

    /// The scheduler has decided: pods that fit nowhere begin a batch, or make it longer.
    pub(super) fn pods_may_wait(&mut self, now: Time) {
        let waiting = self.scheduler.unschedulable().count() as u32;
        debug_assert!(waiting as usize <= self.cluster.pods.len(), "who waits is a pod");
        let Some(provisioner) = &mut self.provisioner else { return };
        let more = waiting > provisioner.counted;
        provisioner.counted = waiting;
        if !more || !matches!(provisioner.spec.by, By::Karpenter(_)) {
            return;
        }
        let idle = self.scenario.kubernetes.defaults.karpenter_batch_idle;
        match &mut provisioner.batch {
            Some((_, last)) => *last = now,
            None => {
                provisioner.batch = Some((now, now));
                self.queue.schedule(now + idle, WorldEvent::Provision(Event::Batch));
            }
        }
    }

    /// Nodes that are not of the cluster yet count as there: as they will be.
    fn with_booting(&self) -> Trial<'a> {
        let mut trial = self.scheduler.trial();
        let nodes = self.provisioner().spec.groups.iter().flat_map(|g| g.nodes());
        for node in nodes {
            let there = &self.cluster.nodes[node];
            // The scheduler's watch has not shown it yet.
            let joined = there.is_there() && !trial.knows(node, there);
            if joined || self.provisioner().booting.contains(&node) {
                self.as_if_there(&mut trial, node);
            }
        }
        for going in &self.provisioner().going {
            self.as_if_cordoned(&mut trial, going.node);
        }
        trial
    }

    /// The same, with a place for each pod that looks for one: what is asked for comes on top of that.
    fn with_homeless(&self) -> Trial<'a> {
        let mut trial = self.with_booting();
        trial.place_all(&self.homeless(), &self.cluster);
        trial
    }

    fn as_if_cordoned(&self, trial: &mut Trial<'a>, node: NodeId) {
        let mut gone = (*self.cluster.nodes[node]).clone();
        gone.unschedulable = true;
        trial.change(node, gone, &[], &self.cluster);
    }

    fn as_if_there(&self, trial: &mut Trial<'a>, node: NodeId) {
        let mut will_be = (*self.cluster.nodes[node]).clone();
        if !will_be.is_there() {
            will_be.presence = Presence::Ready;
        }
        let daemons: Vec<TemplateId> = self
            .cluster
            .workloads
            .ids()
            .filter(|&id| {
                let spec = &self.cluster.workloads[id].spec;
                spec.kind() == Kind::DaemonSet && runs_on(&spec.template, &will_be)
            })
            .map(|id| self.cluster.template_now(id))
            .collect();
        trial.change(node, will_be, &daemons, &self.cluster);
    }

    /// The pods that somebody has to find a node for.
    fn homeless(&self) -> Vec<PodId> {
        let mut pods: Vec<PodId> = self.scheduler.unschedulable().map(|(pod, _)| pod).collect();
        // Karpenter counts those of nodes that it takes away.
        if matches!(self.provisioner().spec.by, By::Karpenter(_)) {
            let going = self.provisioner().going.iter();
            pods.extend(going.flat_map(|g| self.pods_to_move(g.node)));
        }
        pods.retain(|&p| self.cluster.pods[p].stays());
        pods.sort_unstable();
        pods
    }

    /// Launches as many machines as the pods that wait need.
    fn launch_for_pending(&mut self, now: Time) {
        let pods = self.homeless();
        if pods.is_empty() {
            return;
        }
        let mut trial = self.with_booting();
        let placed = trial.place_all(&pods, &self.cluster);
        let left = pods.iter().zip(placed).filter(|(_, at)| at.is_none()).map(|(pod, _)| *pod);
        let mut left: Vec<PodId> = left.collect();
        let mut machines: Vec<(NodeId, usize)> = Vec::new();
        let mut turned_down = false;
        for group in 0..self.provisioner().spec.groups.len() {
            while !left.is_empty() {
                let Some(node) = self.next_of(group) else {
                    turned_down = true;
                    break;
                };
                let mut with = trial.clone();
                self.as_if_there(&mut with, node);
                let placed = with.place_all(&left, &self.cluster);
                let taken = placed.iter().filter(|at| at.is_some()).count();
                if taken == 0 {
                    break;
                }
                let still = left.iter().zip(placed).filter(|(_, at)| at.is_none());
                left = still.map(|(pod, _)| *pod).collect();
                trial = with;
                self.provisioner_mut().launched[group] += 1;
                self.provisioner_mut().booting.push(node);
                machines.push((node, taken));
            }
        }
        debug_assert!(machines.len() <= pods.len(), "each machine is for some pod");
        self.launch_all(now, &machines);
        if turned_down && !left.is_empty() && !self.provisioner().turnover.full {
            self.provisioner_mut().turnover.full = true;
            let pods = pods_waiting(left.len());
            self.note(now, format!("{pods} find no room, and no more nodes may come"));
        }
    }

    fn launch_all(&mut self, now: Time, machines: &[(NodeId, usize)]) {
        let boot = &self.provisioner().spec.boot;
        for &(node, pods) in machines {
            let luck = self.run.seed.stream("boot", u64::from(node.0)).uniform();
            let at = now + boot.sample(luck);
            debug_assert!(at >= now, "no machine boots before it is launched");
            self.queue.schedule(at, WorldEvent::Provision(Event::Joins(node)));
            let name = self.cluster.nodes[node].name.clone();
            let machine = Machine { launched: now, ready: Time::NEVER, node };
            self.provisioner_mut().turnover.launched.push(machine);
            self.note(now, format!("{name} is launched for {}", pods_waiting(pods)));
        }
        if !machines.is_empty() {
            let provisioner = self.provisioner_mut();
            (provisioner.added, provisioner.changed) = (now, now);
        }
    }

    /// The next node of a group that may be launched.
    fn next_of(&self, number: usize) -> Option<NodeId> {
        let Provisioner { spec, launched, booting, .. } = self.provisioner();
        let group = &spec.groups[number];
        let node = *group.further.get(launched[number])?;
        let there = |n: &NodeId| self.cluster.nodes[*n].is_there() || booting.contains(n);
        let now = group.nodes().filter(there).count();
        let By::Karpenter(pool) = &spec.by else { return (now < group.max).then_some(node) };
        let all = spec.groups.iter().flat_map(|g| g.nodes()).filter(there).chain([node]);
        let of = |n: NodeId| self.cluster.nodes[n].allocatable.unwrap_or_default();
        let sum = all.map(of).fold(Resources::default(), Resources::plus);
        let within = sum.cpu_millis <= pool.limits.cpu_millis
            && sum.memory_bytes <= pool.limits.memory_bytes;
        (now < group.max && within).then_some(node)
    }

    /// The nodes that it may take away, now.
    fn of_groups(&self) -> Vec<NodeId> {
        let spec = self.provisioner().spec;
        let mut nodes: Vec<NodeId> = spec.groups.iter().flat_map(|g| g.nodes()).collect();
        nodes.retain(|&node| {
            let free = !self.cluster.nodes[node].unschedulable;
            free && self.is_alive(node) && !self.is_taken(node)
        });
        nodes.sort_unstable();
        nodes
    }

    /// Whether a machine boots: pods that wait may find room yet.
    pub(super) fn node_is_coming(&self) -> bool {
        self.provisioner.as_ref().is_some_and(|p| !p.booting.is_empty() || !p.going.is_empty())
    }

    /// Something was committed.
    pub(super) fn stir(&mut self, now: Time, change: Change) {
        let Some(provisioner) = &mut self.provisioner else { return };
        let (Change::PodBound(pod) | Change::PodRemoved(pod)) = change else { return };
        if let Some(node) = self.cluster.pods[pod].node {
            debug_assert!(provisioner.stirred[node] <= now, "what happens is not past");
            provisioner.stirred[node] = now;
            provisioner.changed = now;
        }
    }

    /// Takes or gives back what keeps new pods off a node.
    fn cordon(&mut self, now: Time, node: NodeId, value: bool) {
        debug_assert!(self.cluster.nodes[node].is_there(), "a node that is there");
        self.cluster.apply(now, Write::SetUnschedulable { node, value });
    }
}

fn pods_waiting(pods: usize) -> String {
    if pods == 1 { "1 pod".to_owned() } else { format!("{pods} pods") }
}
