//! The kube-proxies of all nodes, in iptables mode: each writes its own rules at its own times.

use super::runner::{Intervals, Runner};
use crate::cluster::objects::{Cluster, Conditions, EndpointChange, PodId};
use crate::cluster::spec;
use crate::engine::{Dur, Rng, Time};
use crate::model::balancer::{self, Model, Scene, listing};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{
    Backend, ChangeKind, Empty, Hop, Pick, Target, Timeline, ViewChange, ViewId,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Node `node` sees a range of the slice log.
    Seen { node: u16, from: u32, to: u32 },
    /// A run is due, unless an earlier one served it.
    Run { node: u16 },
    /// The rules of the run are in force.
    Done { node: u16 },
}

#[derive(Debug)]
struct Node {
    view: ViewId,
    runner: Runner,
    /// Endpoint changes up to here are known; those up to `programmed` are in the rules.
    known: Vec<(u32, u32)>,
    /// What the present run programs: read at its start.
    running: Vec<(u32, u32)>,
    endpoints: Endpoints,
    scheduled: Time,
}

/// The endpoints in a node's rules.
#[derive(Debug, Default)]
struct Endpoints {
    conditions: Vec<Option<Conditions>>,
    ready: u32,
    fallback: u32,
}

#[derive(Debug)]
pub struct Proxies {
    /// Whose rules they are.
    service: u8,
    nodes: Vec<Node>,
    rng: Rng,
    terminating_fallback: bool,
    local: bool,
}

impl Proxies {
    /// One proxy per node; their rules are in force and quiet. With `local` (externalTrafficPolicy Local) a
    /// node's rules name its own pods alone; without one it drops. Each Service is treated on its own.
    pub fn new(
        ctx: Ctx,
        nodes: &[spec::Node],
        service: u8,
        local: bool,
        timeline: &mut Timeline,
    ) -> Proxies {
        let minor = ctx.kubernetes.kube_proxy;
        let empty = if local { Empty::Drop } else { Empty::Refuse };
        let hop = Hop { pick: Pick::Random, l7: None, empty };
        let node = |node: &spec::Node| Node {
            view: listing::new_view(timeline, format!("kube-proxy {}", node.name), hop.clone()),
            runner: Runner::new(minor, Intervals::TABLES, ctx.now),
            known: Vec::new(),
            running: Vec::new(),
            endpoints: Endpoints::default(),
            scheduled: Time::NEVER,
        };
        let terminating_fallback = super::endpoints::Rules::of(minor).terminating_fallback;
        Proxies {
            service,
            nodes: nodes.iter().map(node).collect(),
            rng: ctx.seed.stream("kube-proxy", u64::from(service)),
            terminating_fallback,
            local,
        }
    }

    /// The node's rules may name the pod.
    fn concerns(&self, cluster: &Cluster, node: usize, pod: PodId) -> bool {
        !self.local || cluster.pods[pod.index()].node == Some(node as u16)
    }

    fn schedule(&mut self, node: u16, next: Option<Time>, out: &mut Out<balancer::Event>) {
        let state = &mut self.nodes[usize::from(node)];
        if let Some(at) = next
            && at < state.scheduled
        {
            state.scheduled = at;
            out.at(at, Event::Run { node }.into());
        }
    }

    fn run(&mut self, ctx: Ctx, node: u16, out: &mut Out<balancer::Event>) {
        let sync = ctx.slowed(ctx.latencies.proxy_sync.sample(self.rng.uniform()));
        let state = &mut self.nodes[usize::from(node)];
        if state.scheduled != ctx.now {
            return;
        }
        state.scheduled = Time::NEVER;
        state.runner.started(ctx.now);
        std::mem::swap(&mut state.known, &mut state.running);
        out.at(ctx.now + sync, Event::Done { node }.into());
    }

    /// Puts the endpoints of the run into force and notes what changed for clients.
    fn program(&mut self, ctx: Ctx, node: u16, cluster: &Cluster, timeline: &mut Timeline) {
        let (fallback, local) = (self.terminating_fallback, self.local);
        let state = &mut self.nodes[usize::from(node)];
        let view = &mut timeline.views[state.view.0 as usize];
        let before = state.endpoints.usable();
        let mut touched: Vec<EndpointChange> = Vec::new();
        for (from, to) in state.running.drain(..) {
            for &(pod, conditions) in &cluster.slice_log[from as usize..to as usize] {
                if local && cluster.pods[pod.index()].node != Some(node) {
                    continue;
                }
                touched.push((pod, state.endpoints.get(pod)));
                state.endpoints.set(pod, conditions, fallback);
            }
        }
        let after = state.endpoints.usable();
        let mut change = |pod: PodId, was: bool, is: bool| {
            let kind = match (was, is) {
                (false, true) => ChangeKind::Add { weight: 1.0 },
                (true, false) => ChangeKind::Remove,
                _ => return,
            };
            view.changes.push(ViewChange { at: ctx.now, target: Target::Pod(pod), kind });
        };
        // The first entry of a pod holds its conditions before the run.
        touched.sort_by_key(|&(pod, _)| pod);
        touched.dedup_by_key(|&mut (pod, _)| pod);
        if before == after {
            for (pod, was) in touched {
                let now = state.endpoints.get(pod);
                change(pod, before.takes(was, fallback), after.takes(now, fallback));
            }
        } else {
            for index in 0..state.endpoints.conditions.len() as u32 {
                let pod = PodId(index);
                let now = state.endpoints.get(pod);
                let old = touched.binary_search_by_key(&pod, |&(p, _)| p);
                let was = old.map_or(now, |i| touched[i].1);
                change(pod, before.takes(was, fallback), after.takes(now, fallback));
            }
        }
        if before == Usable::None && after != Usable::None {
            let gap = Dur::from_secs_f64(ctx.platform.proxy_table_gap_s);
            view.gaps.push((ctx.now - gap, ctx.now));
        }
    }
}

impl Model for Proxies {
    type Event = Event;

    fn watchers(&self) -> u16 {
        self.nodes.len() as u16
    }

    fn slices(&self, node: u16, from: u32, to: u32) -> Event {
        Event::Seen { node, from, to }
    }

    fn watched(&self, _node: u16) -> u8 {
        self.service
    }

    fn adopt(&mut self, scene: &mut Scene, service: u8, pod: PodId, conditions: Conditions) {
        if service != self.service {
            return;
        }
        for i in 0..self.nodes.len() {
            if !self.concerns(scene.cluster, i, pod) {
                continue;
            }
            let node = &mut self.nodes[i];
            node.endpoints.set(pod, Some(conditions), self.terminating_fallback);
            let view = &mut scene.timeline.views[node.view.0 as usize];
            view.initial.push(Backend { target: Target::Pod(pod), weight: 1.0 });
        }
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut Out<balancer::Event>) {
        let ctx = scene.ctx;
        match event {
            Event::Seen { node, from, to } => {
                let state = &mut self.nodes[usize::from(node)];
                state.known.push((from, to));
                let next = state.runner.request(ctx.now);
                self.schedule(node, next, out);
            }
            Event::Run { node } => self.run(ctx, node, out),
            Event::Done { node } => {
                self.program(ctx, node, scene.cluster, scene.timeline);
                let state = &mut self.nodes[usize::from(node)];
                state.runner.completed(ctx.now, true);
                let next = state.runner.next_wanted();
                self.schedule(node, next, out);
            }
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        self.nodes.iter().map(|n| n.view).collect()
    }
}

/// Which endpoints the rules name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usable {
    Ready,
    /// None is ready: those serving and terminating.
    Fallback,
    None,
}

impl Usable {
    fn takes(self, conditions: Option<Conditions>, fallback: bool) -> bool {
        let Some(c) = conditions else { return false };
        match self {
            Usable::Ready => c.ready,
            Usable::Fallback => fallback && c.serving && c.terminating,
            Usable::None => false,
        }
    }
}

impl Endpoints {
    fn get(&self, pod: PodId) -> Option<Conditions> {
        self.conditions.get(pod.index()).copied().flatten()
    }

    fn set(&mut self, pod: PodId, conditions: Option<Conditions>, fallback: bool) {
        if self.conditions.len() <= pod.index() {
            self.conditions.resize(pod.index() + 1, None);
        }
        let old = std::mem::replace(&mut self.conditions[pod.index()], conditions);
        let count = |usable: Usable, c| u32::from(usable.takes(c, fallback));
        self.ready = self.ready + count(Usable::Ready, conditions) - count(Usable::Ready, old);
        self.fallback =
            self.fallback + count(Usable::Fallback, conditions) - count(Usable::Fallback, old);
    }

    fn usable(&self) -> Usable {
        match (self.ready, self.fallback) {
            (0, 0) => Usable::None,
            (0, _) => Usable::Fallback,
            _ => Usable::Ready,
        }
    }
}
