//! The node lifecycle controller: it notices that a node is silent, marks its pods and taints it, a zone at a
//! time; and the taint eviction controller, which deletes the pods whose tolerations end. It begins to look
//! when the first node falls silent: until then it finds nothing.

use super::lifecycle::{
    DEFAULT_TOLERATION, LEASE_RENEWAL, MONITOR_PERIOD, NodeHealth, ZoneHealth, min_toleration,
    monitor_grace, taint_rate,
};
use crate::cluster::objects::{NodeId, PodId};
use crate::cluster::placement::{Effect, Placement, Presence, Taint, UNREACHABLE};
use crate::cluster::server::Cluster;
use crate::cluster::write::Write;
use crate::engine::list::id;
use crate::engine::rng::hash;
use crate::engine::{Dur, List, Luck, Time};
use crate::model::plumbing::{Ctx, Out};
use std::collections::VecDeque;

id!(ZoneId(u16), "Index of a zone.");

/// What can happen to the controllers of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A pass over all nodes.
    Pass,
    /// The zone's queue may taint a node.
    Taint { zone: ZoneId },
    /// What the pod tolerates is over.
    Evict(PodId),
}

/// A lease is renewed with this share of jitter at most.
const JITTER: f64 = 0.04;
/// Pods of a node are marked by so many workers at once.
const WORKERS: u32 = 8;

/// What is known of a node.
#[derive(Debug)]
struct Watched {
    zone: ZoneId,
    luck: Luck,
    /// One renewal of its lease; others come every `period`.
    renewal: Time,
    period: Dur,
    /// It has renewed nothing since; NEVER: it lives.
    silent: Time,
    health: NodeHealth,
    /// It was given up.
    unknown: bool,
}

impl Watched {
    /// Its last renewal at `now`.
    fn renewed(&self, now: Time) -> Time {
        let until = now.min(self.silent);
        let periods = (until - self.renewal).0.div_euclid(self.period.0);
        self.renewal + Dur(periods * self.period.0)
    }
}

/// Nodes of a zone that wait for the taint that evicts.
#[derive(Debug)]
struct Zone {
    queue: VecDeque<NodeId>,
    /// The next may be tainted then.
    free: Time,
    /// An event for it is scheduled.
    scheduled: bool,
}

/// Both controllers.
#[derive(Debug)]
pub struct Controller {
    grace: Dur,
    /// One pass; others come every [`MONITOR_PERIOD`].
    pass: Time,
    nodes: List<NodeId, Watched>,
    zones: List<ZoneId, Zone>,
    /// Passes are made.
    looking: bool,
}

impl Controller {
    /// Of a cluster whose nodes all live.
    pub fn new(ctx: Ctx, cluster: &Cluster) -> Controller {
        let mut zones: Vec<Option<&str>> = Vec::new();
        let grace = monitor_grace(ctx.kubernetes.control_plane);
        let phase = MONITOR_PERIOD.0 as f64 * ctx.seed.uniform("node lifecycle", 0);
        let nodes = cluster.nodes.iter().map(|node| {
            let zone = zones.iter().position(|z| *z == node.zone()).unwrap_or_else(|| {
                zones.push(node.zone());
                zones.len() - 1
            });
            let uid = ctx.seed.uid(hash(&["Node", &node.name]));
            let mut luck = Luck::of(uid, "lease");
            let period = LEASE_RENEWAL.part(1.0 + JITTER * luck.uniform());
            let renewal = Time::ZERO + period.part(luck.uniform());
            let health = NodeHealth::new(Time::ALWAYS, Time::ALWAYS);
            let (zone, silent) = (ZoneId(zone as u16), Time::NEVER);
            Watched { zone, luck, renewal, period, silent, health, unknown: false }
        });
        let nodes = nodes.collect();
        let zone = |_| Zone { queue: VecDeque::new(), free: Time::ALWAYS, scheduled: false };
        let zones = zones.into_iter().map(zone).collect();
        Controller { grace, pass: Time(phase as i64), nodes, zones, looking: false }
    }

    /// The first pass at `t` or after it.
    fn pass_after(&self, t: Time) -> Time {
        let period = MONITOR_PERIOD.0;
        let passes = (t - self.pass).0 + period - 1;
        self.pass + Dur(passes.div_euclid(period) * period)
    }

    /// The node renews its lease no more: what passes saw of it so far is known now.
    pub fn falls_silent(&mut self, now: Time, node: NodeId, out: &mut impl Out<Event>) {
        let (next, mut seen) = (self.pass_after(now), &mut self.nodes[node]);
        if !seen.silent.is_never() {
            return;
        }
        seen.silent = now;
        let (last, period) = (seen.renewed(now), seen.period);
        let first = self.pass_after(last);
        // A renewal that no pass has seen so far is one that a later pass sees.
        let (renewed, at) = match first <= now {
            true => (last, first),
            false => (last - period, self.pass_after(last - period)),
        };
        seen = &mut self.nodes[node];
        seen.health = NodeHealth::new(renewed, at);
        debug_assert!(at <= now && next >= now, "passes so far are over");
        if !std::mem::replace(&mut self.looking, true) {
            out.at(next, Event::Pass);
        }
    }

    /// The node renews its lease again. What it was given up for ends with the first pass that sees its
    /// kubelet's next report.
    pub fn is_heard(&mut self, ctx: Ctx, node: NodeId, out: &mut impl Out<Event>) {
        let report = LEASE_RENEWAL.part(self.nodes[node].luck.uniform());
        let seen = &mut self.nodes[node];
        seen.silent = Time::NEVER;
        if std::mem::replace(&mut seen.unknown, false) {
            let zone = seen.zone;
            self.zones[zone].queue.retain(|waits| *waits != node);
            let at = self.pass_after(ctx.now + report);
            out.write(at, Write::NodeReady { node });
        }
        debug_assert!(!self.nodes[node].unknown, "who is heard of is known");
    }

    /// Acts on what is due.
    pub fn handle(&mut self, ctx: Ctx, event: Event, cluster: &Cluster, out: &mut impl Out<Event>) {
        match event {
            Event::Pass => self.look(ctx, cluster, out),
            Event::Taint { zone } => self.taint(ctx, zone, cluster, out),
            Event::Evict(pod) => self.evict(ctx, pod, cluster, out),
        }
    }

    /// `node_lifecycle_controller.go: monitorNodeHealth`.
    fn look(&mut self, ctx: Ctx, cluster: &Cluster, out: &mut impl Out<Event>) {
        let now = ctx.now;
        for node in self.nodes.ids() {
            let grace = self.grace;
            let seen = &mut self.nodes[node];
            if seen.unknown || seen.silent.is_never() || !cluster.nodes[node].is_there() {
                continue;
            }
            let renewed = seen.renewed(now);
            if seen.health.pass(renewed, grace, now) {
                self.give_up(ctx, node, cluster, out);
            }
        }
        for zone in self.zones.ids() {
            self.go_on(now, zone, cluster, out);
        }
        let lost = |(id, n): (NodeId, &Watched)| {
            !n.silent.is_never() && !n.unknown && cluster.nodes[id].is_there()
        };
        let waits = self.zones.iter().any(|zone| !zone.queue.is_empty());
        self.looking = waits || self.nodes.pairs().any(lost);
        if self.looking {
            out.at(now + MONITOR_PERIOD, Event::Pass);
        }
        debug_assert!(self.zones.len() <= self.nodes.len(), "each zone has a node");
    }

    /// Ready becomes Unknown, and so its pods are not ready; the taint waits for its zone.
    fn give_up(&mut self, ctx: Ctx, node: NodeId, cluster: &Cluster, out: &mut impl Out<Event>) {
        let seen = &mut self.nodes[node];
        debug_assert!(!seen.unknown, "a node is given up once");
        seen.unknown = true;
        let known = ctx.now + ctx.api_write(&mut seen.luck);
        out.write(known, Write::NodeUnknown { node });
        for (i, pod) in (0..).zip(pods_on(cluster, node)) {
            let each = ctx.api_write(&mut seen.luck);
            let turns = i64::from(i / WORKERS) + 1;
            out.write(known + Dur(each.0 * turns), Write::MarkNotReady { pod });
        }
        let zone = &mut self.zones[seen.zone];
        zone.free = zone.free.max(known);
        zone.queue.push_back(node);
    }

    /// Nodes per second that may be tainted in the zone now.
    fn rate(&self, zone: ZoneId, cluster: &Cluster) -> Option<f64> {
        let of = |zone: ZoneId| {
            let mine = self.nodes.pairs().filter(|(_, n)| n.zone == zone);
            let there = mine.filter(|(id, _)| cluster.nodes[*id].is_there());
            let (mut nodes, mut unhealthy) = (0, 0);
            for (_, node) in there {
                nodes += 1;
                unhealthy += u32::from(node.unknown);
            }
            ZoneHealth { nodes, unhealthy }
        };
        let down = |zone: ZoneId| of(zone).nodes == of(zone).unhealthy;
        taint_rate(of(zone), self.zones.ids().all(down))
    }

    /// The next of the zone is tainted when its rate allows it.
    fn go_on(&mut self, now: Time, zone: ZoneId, cluster: &Cluster, out: &mut impl Out<Event>) {
        let allowed = self.rate(zone, cluster).is_some();
        let state = &mut self.zones[zone];
        if allowed && !state.queue.is_empty() && !state.scheduled {
            state.scheduled = true;
            out.at(now.max(state.free), Event::Taint { zone });
        }
        debug_assert!(!state.scheduled || !state.queue.is_empty(), "who is tainted waits for it");
    }

    /// `node_lifecycle_controller.go: doNoExecuteTaintingPass`.
    fn taint(&mut self, ctx: Ctx, zone: ZoneId, cluster: &Cluster, out: &mut impl Out<Event>) {
        let rate = self.rate(zone, cluster);
        let state = &mut self.zones[zone];
        state.scheduled = false;
        let Some(rate) = rate else { return };
        let Some(node) = state.queue.pop_front() else { return };
        state.free = ctx.now + Dur::from_secs_f64(1.0 / rate);
        debug_assert!(state.free > ctx.now, "a rate is above 0");
        let at = ctx.now + ctx.api_write(&mut self.nodes[node].luck);
        out.write(at, Write::TaintUnreachable { node });
        self.go_on(ctx.now, zone, cluster, out);
    }

    /// The watch on nodes shows the taint: each pod goes when what it tolerates is over.
    pub fn sees(&mut self, now: Time, node: NodeId, cluster: &Cluster, out: &mut impl Out<Event>) {
        if !is_evicted(cluster, node) {
            return;
        }
        for pod in pods_on(cluster, node) {
            let placement = &cluster.template_of(pod).placement;
            if let Some(wait) = min_toleration(&tolerated(placement)) {
                debug_assert!(wait >= Dur::ZERO, "nothing is tolerated for less than no time");
                out.at(now + wait, Event::Evict(pod));
            }
        }
    }

    fn evict(&mut self, ctx: Ctx, pod: PodId, cluster: &Cluster, out: &mut impl Out<Event>) {
        let object = &cluster.pods[pod];
        let Some(node) = object.node.filter(|_| object.stays()) else {
            return;
        };
        if is_evicted(cluster, node) {
            let at = ctx.now + ctx.api_write(&mut self.nodes[node].luck);
            debug_assert!(at >= ctx.now, "a call is answered after it is made");
            out.write(at, Write::DeletePod { pod, grace: None });
        }
    }
}

/// The node has the taint that evicts.
fn is_evicted(cluster: &Cluster, node: NodeId) -> bool {
    let evicts = |t: &Taint| t.key == UNREACHABLE && t.effect == Effect::NoExecute;
    let object = &cluster.nodes[node];
    object.presence == Presence::Unknown && object.taints.iter().any(evicts)
}

/// tolerationSeconds of those of its tolerations that cover the taint; with the one that admission adds.
///
/// `plugin/pkg/admission/defaulttolerationseconds/admission.go: Admit`.
pub fn tolerated(placement: &Placement) -> Vec<Option<i64>> {
    let taint =
        Taint { key: UNREACHABLE.to_owned(), value: String::new(), effect: Effect::NoExecute };
    let covers = placement.tolerations.iter().filter(|t| t.tolerates(&taint));
    let own: Vec<Option<i64>> = covers.map(|t| t.seconds).collect();
    match own.is_empty() {
        true => vec![Some(DEFAULT_TOLERATION.0 / Dur::from_secs(1).0)],
        false => own,
    }
}

/// The pods that are bound to the node, and not being deleted.
fn pods_on(cluster: &Cluster, node: NodeId) -> impl Iterator<Item = PodId> + '_ {
    cluster.pods_on(node).filter(|pod| cluster.pods[*pod].stays())
}
