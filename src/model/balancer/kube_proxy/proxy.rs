//! The kube-proxies of all nodes, by iptables, nftables or IPVS: each writes its own rules at its own times.

use super::affinity::Affinity;
use super::close::{Close, Sees};
use super::endpoints::{Counts, Policy, Rules};
use super::ipvs::{Entries, Lasting};
use super::node::Node;
use super::runner::{Intervals, Runner};
use crate::cluster::objects::{Conditions, NodeId, PodId, ServiceId};
use crate::cluster::server::Cluster;
use crate::cluster::spec;
use crate::engine::{Dur, List, Rng, Time};
use crate::model::balancer::history::{Changed, History, Known};
use crate::model::balancer::listing::Followed;
use crate::model::balancer::{self, Model, Scene};
use crate::model::platform::ProxyMode;
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Backend, ChangeKind, Empty, Hop, Pick, Recorder, Target, ViewId};
use std::sync::Arc;

/// What can happen to the proxy of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Node `node` sees a range of the slice log.
    Seen { node: NodeId, from: u32, to: u32 },
    /// A run is due, unless an earlier one served it.
    Run { node: NodeId },
    /// The rules of the run are in force.
    Done { node: NodeId },
    /// Entries of connections to pods that are gone end (IPVS).
    Fade { node: NodeId },
}

/// kube-proxy on every node: what each one has in its rules.
#[derive(Debug)]
pub struct Proxies {
    /// Whose rules they are.
    service: ServiceId,
    nodes: List<NodeId, Node>,
    history: History,
    /// What a run changes, for the time of one call.
    touched: Vec<Changed>,
    rng: Rng,
    local: bool,
    /// With `local`: where connections go while there is no endpoint anywhere.
    rejects: Option<ViewId>,
    policy: Policy,
    lasting: Option<Lasting>,
    /// The rules change all at once.
    atomic: bool,
    /// Endpoints have hints of where they are.
    close: Option<Close>,
    /// Where what comes to a node goes that is lost: nowhere. None: no node is ever lost.
    nowhere: Option<ViewId>,
}

impl Proxies {
    /// One proxy per node; their rules are in force and quiet. With `local` (externalTrafficPolicy Local) a
    /// node's rules name its own pods alone; without one it drops, and rejects if no node has one. Each
    /// Service is treated on its own. With `held` requests that find nobody wait in front of it.
    pub fn new(
        ctx: Ctx,
        nodes: &[Arc<spec::Node>],
        service: ServiceId,
        (local, held): (bool, bool),
        timeline: &mut Recorder,
    ) -> Proxies {
        let minor = ctx.kubernetes.kube_proxy;
        let mode = ctx.kubernetes.proxy_mode;
        let intervals = Intervals::of(mode, &ctx.kubernetes.defaults);
        let empty = match (held, local) {
            (true, _) => Empty::Hold(ctx.kubernetes.defaults.activator_look),
            (false, true) => Empty::Drop,
            (false, false) => Empty::Refuse,
        };
        let hop = Hop { pick: Pick::Random, l7: None, empty };
        let node = |node: &Arc<spec::Node>| Node {
            view: timeline.view(format!("kube-proxy {}", node.name), hop.clone()),
            runner: Runner::new(minor, intervals, ctx.now),
            known: 0,
            running: 0,
            programmed: 0,
            counts: Counts::new(Rules::of_mode(mode, minor)),
            given: None,
            entries: Entries::default(),
            affinity: None,
            scheduled: Time::NEVER,
            lost: false,
            at_first: node.is_there(),
        };
        let nodes = nodes.iter().map(node).collect();
        let hop = Hop { pick: Pick::Random, l7: None, empty: Empty::Refuse };
        let rejects = local.then(|| timeline.view("kube-proxy's reject rule".to_owned(), hop));
        Proxies {
            service,
            nodes,
            rejects,
            history: History::default(),
            touched: Vec::new(),
            rng: ctx.seed.stream("kube-proxy", u64::from(service.0)),
            local,
            // A view is of one kind of clients: their list alone counts.
            policy: Policy { internal_local: local, ..Policy::default() },
            lasting: Lasting::of(ctx.kubernetes.proxy_mode, &ctx.kubernetes.defaults),
            // Where requests are held no rule rejects them that would have to give way.
            atomic: ctx.kubernetes.proxy_mode != ProxyMode::Iptables || held,
            close: None,
            nowhere: None,
        }
    }

    /// Endpoints close to a proxy are preferred.
    pub fn prefer(&mut self, close: Close) {
        assert!(self.close.is_none(), "told once");
        self.close = Some(close);
    }

    /// Clients stay with their endpoints.
    pub fn keep_clients(&mut self) {
        assert!(self.nodes.iter().all(|node| node.affinity.is_none()), "told once");
        self.nodes.iter_mut().for_each(|node| node.affinity = Some(Affinity::default()));
    }

    /// What a node's proxy knows of endpoints.
    fn sees<'a>(&'a self, cluster: &'a Cluster, node: NodeId) -> Sees<'a> {
        Sees { cluster, node, local: self.local, close: self.close.as_ref(), given: None }
    }

    /// Who is preferred is known once all endpoints are.
    fn begin_close(&mut self, scene: &mut Scene) {
        let Proxies { local, close, history, policy, nodes, .. } = self;
        let now = history.at(Known::default());
        let close = close.as_ref();
        let given = close.and_then(|close| close.given(scene.cluster, || now.clone()));
        for (i, node) in (0..).map(NodeId).zip(nodes) {
            let (cluster, local, given) = (scene.cluster, *local, given.as_ref());
            let sees = Sees { cluster, node: i, local, close, given };
            node.given = given.cloned();
            node.counts = sees.count(node.counts, &now);
            let usable = node.counts.usable(*policy);
            debug_assert!(node.programmed == Known::default(), "nothing has changed yet");
            let used = now.pairs().filter(|&(pod, &is)| sees.uses(usable, pod, is));
            let used: Vec<PodId> = used.map(|(pod, _)| pod).collect();
            used.into_iter().for_each(|pod| node.begins(pod, scene.timeline));
        }
    }

    /// Nodes may be lost: what comes to them then is dropped.
    pub fn may_lose_nodes(&mut self, timeline: &mut Recorder) {
        let hop = Hop { pick: Pick::Random, l7: None, empty: Empty::Lost };
        assert!(self.nowhere.is_none(), "told once");
        self.nowhere = Some(timeline.view("lost node".to_owned(), hop));
    }

    /// The views of all nodes, by number: also of those that join later.
    pub fn views(&self) -> Vec<ViewId> {
        self.nodes.iter().map(|n| n.view).collect()
    }

    fn schedule(&mut self, node: NodeId, next: Option<Time>, out: &mut impl Out<balancer::Event>) {
        let state = &mut self.nodes[node];
        if let Some(at) = next
            && at < state.scheduled
        {
            state.scheduled = at;
            out.at(at, Event::Run { node }.into());
        }
        debug_assert!(
            next.is_none_or(|at| state.scheduled <= at),
            "the earliest run that is due comes"
        );
    }

    fn run(&mut self, scene: &mut Scene, node: NodeId, out: &mut impl Out<balancer::Event>) {
        let ctx = scene.ctx;
        let sync = match ctx.kubernetes.proxy_mode {
            ProxyMode::Cilium => ctx.kubernetes.defaults.cilium_update,
            _ => ctx.slowed(ctx.latencies.proxy_sync.draw(&mut self.rng)),
        };
        let state = &mut self.nodes[node];
        if state.scheduled != ctx.now {
            return;
        }
        debug_assert!(state.running <= state.known, "it programs what it knows");
        state.scheduled = Time::NEVER;
        state.runner.started(ctx.now);
        state.running = state.known;
        let done = ctx.now + sync;
        if !self.atomic && !state.counts.usable(self.policy).anywhere {
            self.plan_gap(scene, node, done);
        }
        out.at(done, Event::Done { node }.into());
    }

    /// The run puts the first endpoints into force: the rule that rejects goes a moment before they come.
    fn plan_gap(&mut self, scene: &mut Scene, node: NodeId, done: Time) {
        let state = &self.nodes[node];
        let sees = self.sees(scene.cluster, node);
        let changes = self.history.between(state.programmed, state.running);
        let known = || self.history.at(state.running);
        let counts = sees.after(state.counts, changes, known);
        if counts.usable(self.policy).anywhere {
            let gap = Dur::from_secs_f64(scene.ctx.platform.proxy_table_gap_s);
            scene.timeline.gap_begins(state.view, (done - gap).max(scene.ctx.now));
            scene.timeline.gap_ends(state.view, done);
        }
    }

    /// Puts the endpoints of the run into force and notes what changed for clients.
    fn program(
        &mut self,
        ctx: Ctx,
        node: NodeId,
        (cluster, timeline): (&Cluster, &mut Recorder),
        out: &mut impl Out<balancer::Event>,
    ) {
        let (policy, local, lasting) = (self.policy, self.local, self.lasting);
        let Proxies { history, touched, nodes, rejects, close, .. } = self;
        let state = &mut nodes[node];
        touched.clear();
        touched.extend(history.between(state.programmed, state.running));
        state.programmed = state.running;
        let now = || history.at(state.programmed);
        let given = close.as_ref().and_then(|close| close.given(cluster, now));
        let seen = std::mem::replace(&mut state.given, given.clone());
        let then = Sees { cluster, node, local, close: close.as_ref(), given: seen.as_ref() };
        let sees = Sees { given: given.as_ref(), ..then };
        let before = state.counts.usable(policy);
        state.counts = sees.after(state.counts, touched, now);
        let after = state.counts.usable(policy);
        touched.sort_by_key(|change| change.pod);
        let Node { view, ref mut entries, ref mut affinity, .. } = *state;
        let mut note = |Changed { pod, was, is }: Changed| {
            let kind = match (then.uses(before, pod, was), sees.uses(after, pod, is)) {
                (false, true) => ChangeKind::Add { weight: 1.0 },
                (true, false) => ChangeKind::Remove,
                _ => return,
            };
            if let Some(affinity) = affinity {
                return affinity.changes(pod, kind);
            }
            let kind = match (lasting, kind) {
                (Some(lasting), ChangeKind::Remove) if after.anywhere => {
                    let (kind, fades) = entries.leaves(pod, ctx.now, lasting);
                    fades.into_iter().for_each(|at| out.at(at, Event::Fade { node }.into()));
                    kind
                }
                (_, kind) => {
                    entries.comes(pod);
                    kind
                }
            };
            timeline.list(view, ctx.now, Target::Pod(pod), kind);
        };
        if before == after && given.is_none() {
            touched.chunk_by(|a, b| a.pod == b.pod).map(Changed::over).for_each(note);
        } else {
            let now = history.at(state.programmed);
            for (pod, &is) in now.pairs().filter(|&(pod, _)| !local || sees.here(pod)) {
                let first = touched.partition_point(|change| change.pod < pod);
                let was = touched.get(first).filter(|c| c.pod == pod).map_or(is, |c| c.was);
                note(Changed { pod, was, is });
            }
        }
        if let Some(affinity) = affinity {
            affinity.settle(view, ctx.now, timeline);
        }
        if !after.anywhere {
            state.entries.none_left(view, ctx.now, timeline);
        }
        if let Some(rejects) = rejects.filter(|_| before.anywhere != after.anywhere) {
            let rejected = ChangeKind::Add { weight: 1.0 };
            let kind = if after.anywhere { ChangeKind::Remove } else { rejected };
            timeline.list(view, ctx.now, Target::View(rejects), kind);
        }
    }
}

impl Model for Proxies {
    type Event = Event;

    fn watchers(&self) -> u16 {
        self.nodes.len() as u16
    }

    fn slices(&self, watcher: u16, from: u32, to: u32) -> Event {
        Event::Seen { node: NodeId(watcher), from, to }
    }

    fn watched(&self, _node: u16) -> ServiceId {
        self.service
    }

    fn reserve(&mut self, pods: usize, timeline: &mut Recorder) {
        self.history.reserve(pods);
        self.touched.reserve(pods);
        for node in &self.nodes {
            timeline.reserve_view(node.view, pods / 2, pods);
        }
    }

    fn adopt(&mut self, scene: &mut Scene, service: ServiceId, pod: PodId, conditions: Conditions) {
        if service != self.service {
            return;
        }
        let adopted = self.history.adopt(pod, conditions);
        let Proxies { local, close, nodes, .. } = self;
        for (i, node) in (0..).map(NodeId).zip(nodes) {
            let (cluster, local, close) = (scene.cluster, *local, close.as_ref());
            let sees = Sees { cluster, node: i, local, close, given: None };
            let of = |conditions: Option<Conditions>| conditions.map(|c| sees.endpoint(pod, c));
            node.counts.take(of(adopted.was), of(adopted.is));
            if conditions.ready && (sees.here(pod) || !local) && close.is_none() {
                node.begins(pod, scene.timeline);
            }
        }
    }

    fn start(&mut self, scene: &mut Scene, _out: &mut impl Out<balancer::Event>) {
        if self.close.is_some() {
            self.begin_close(scene);
        }
        let Some(rejects) = self.rejects else { return };
        for node in self.nodes.iter().filter(|n| !n.counts.usable(self.policy).anywhere) {
            let backend = Backend { target: Target::View(rejects), weight: 1.0 };
            scene.timeline.begin(node.view, [backend]);
        }
    }

    fn node_lost(&mut self, scene: &mut Scene, node: NodeId, _out: &mut impl Out<balancer::Event>) {
        let Some(nowhere) = self.nowhere else { return };
        let state = &mut self.nodes[node];
        if std::mem::replace(&mut state.lost, true) {
            return;
        }
        let mut listed = Followed::default();
        let targets = listed.now(scene.timeline, state.view).to_vec();
        debug_assert!(!targets.contains(&Target::View(nowhere)), "a node is lost once");
        for target in targets {
            scene.timeline.list(state.view, scene.ctx.now, target, ChangeKind::Remove);
        }
        let add = ChangeKind::Add { weight: 1.0 };
        scene.timeline.list(state.view, scene.ctx.now, Target::View(nowhere), add);
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut impl Out<balancer::Event>) {
        let ctx = scene.ctx;
        let (Event::Seen { node, .. }
        | Event::Run { node }
        | Event::Done { node }
        | Event::Fade { node }) = event;
        if self.nodes[node].lost {
            return;
        }
        match event {
            Event::Seen { node, from, to } => {
                let news = &scene.cluster.slice_log[from as usize..to as usize];
                let state = &mut self.nodes[node];
                state.known = self.history.see(state.known, news);
                state.runner.idle_until(ctx.now);
                let next = state.runner.request(ctx.now);
                self.schedule(node, next, out);
            }
            Event::Run { node } => self.run(scene, node, out),
            Event::Fade { node } => {
                let Some(lasting) = self.lasting else { return };
                let Node { view, entries, .. } = &mut self.nodes[node];
                entries.fade(*view, ctx.now, lasting, scene.timeline);
            }
            Event::Done { node } => {
                self.program(ctx, node, (scene.cluster, scene.timeline), out);
                let state = &mut self.nodes[node];
                state.runner.completed(ctx.now, true);
                let next = state.runner.next_wanted();
                self.schedule(node, next, out);
            }
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        self.nodes.iter().filter(|n| n.at_first).map(|n| n.view).collect()
    }
}
