//! The ReplicaSet controller (`pkg/controller/replicaset/replica_set.go`): creates and deletes pods until
//! there are as many as the spec says, and counts them in the status.

use super::availability;
use super::batches::{BURST_REPLICAS, SlowStart};
use super::ranking::{self, PodRow, Rules};
use crate::cluster::objects::{Cluster, PodId, RsId, RsStatus, Write};
use crate::engine::{Dur, Rng, Time};
use crate::model::informer::{Informer, SeenPod};
use crate::model::plumbing::{Ctx, Out, TokenBucket, WorkKey, entry};
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Sync(RsId),
    /// A pod may have become available by the passing of time.
    Recheck(RsId),
}

/// What the controller keeps of one set.
#[derive(Clone, Debug, Default)]
struct Set {
    work: WorkKey,
    /// Active pods as cached, in the order seen.
    active: Vec<PodId>,
    ready: i32,
    available: i32,
    terminating: i32,
    /// Ready pods not yet available, by the time they will be (minReadySeconds > 0 only).
    waiting: VecDeque<(Time, PodId)>,
    /// Creates and deletes not yet seen by the watch.
    expected: i32,
    last_status: RsStatus,
    /// API events written so far (they take tokens too).
    events: i32,
}

#[derive(Debug)]
pub struct Controller {
    sets: Vec<Set>,
    /// Per pod: counted as available.
    available: Vec<bool>,
    bucket: TokenBucket,
    rng: Rng,
    rows: Vec<PodRow>,
    chosen: Vec<usize>,
    per_node: Vec<u32>,
}

/// The event filter passes so many events of one object before it throttles.
const EVENTS_PASSED: i32 = 25;

impl Controller {
    pub fn new(rng: Rng) -> Controller {
        Controller {
            sets: Vec::new(),
            available: Vec::new(),
            bucket: TokenBucket::new(20.0, 30),
            rng,
            rows: Vec::new(),
            chosen: Vec::new(),
            per_node: Vec::new(),
        }
    }

    /// Room for so many pods.
    pub fn reserve(&mut self, pods: usize) {
        self.available.reserve(pods);
        self.rows.reserve(pods);
        self.chosen.reserve(pods);
    }

    fn set(&mut self, rs: RsId) -> &mut Set {
        entry(&mut self.sets, rs.index())
    }

    /// The cache shows a change of the set itself.
    pub fn set_changed(&mut self, now: Time, rs: RsId, out: &mut impl Out<Event>) {
        if let Some(at) = self.set(rs).work.add(now) {
            out.at(at, Event::Sync(rs));
        }
    }

    /// The cache shows a change of one of its pods.
    pub fn pod_changed(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        before: SeenPod,
        after: SeenPod,
        min_ready_seconds: i32,
        out: &mut impl Out<Event>,
    ) {
        let rs = after.rs;
        self.count(pod, before, after);
        self.await_availability(ctx, pod, before, after, min_ready_seconds, out);
        self.set_changed(ctx.now, rs, out);
    }

    fn count(&mut self, pod: PodId, before: SeenPod, after: SeenPod) {
        let was_available = *entry(&mut self.available, pod.index());
        let set = self.set(after.rs);
        if !before.exists && after.exists && !before.deleting {
            set.expected -= 1;
        }
        // A delete is seen when the deletion time is, or at once when the object is gone.
        if after.deleting && !before.deleting {
            set.expected -= 1;
        }
        match (before.is_active(), after.is_active()) {
            (false, true) => set.active.push(pod),
            (true, false) => {
                let place = set.active.iter().position(|&p| p == pod);
                set.active.remove(place.expect("an active pod is listed"));
            }
            _ => {}
        }
        let terminating = |p: SeenPod| i32::from(p.exists && p.deleting);
        set.terminating += terminating(after) - terminating(before);
        let ready = |p: SeenPod| i32::from(p.is_active() && p.ready);
        set.ready += ready(after) - ready(before);
        if was_available && ready(after) == 0 {
            set.available -= 1;
            self.available[pod.index()] = false;
        }
    }

    fn await_availability(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        before: SeenPod,
        after: SeenPod,
        min_ready_seconds: i32,
        out: &mut impl Out<Event>,
    ) {
        let newly_ready = after.is_active() && after.ready && !(before.is_active() && before.ready);
        if !newly_ready {
            return;
        }
        if min_ready_seconds == 0 {
            self.available[pod.index()] = true;
            self.set(after.rs).available += 1;
            return;
        }
        let at = after.ready_transition + Dur::from_secs(i64::from(min_ready_seconds));
        self.set(after.rs).waiting.push_back((at, pod));
        // The event handler queues the set after the full minReadySeconds from now.
        let minor = ctx.kubernetes.control_plane;
        if let Some(wait) = availability::requeue_on_ready(minor, min_ready_seconds) {
            out.at(ctx.now + wait, Event::Recheck(after.rs));
        }
    }

    pub fn handle(
        &mut self,
        ctx: Ctx,
        event: Event,
        cluster: &Cluster,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) {
        match event {
            Event::Sync(rs) => self.sync(ctx, rs, cluster, informer, out),
            Event::Recheck(rs) => self.set_changed(ctx.now, rs, out),
        }
    }

    fn sync(
        &mut self,
        ctx: Ctx,
        rs: RsId,
        cluster: &Cluster,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) {
        let Some(seen) = informer.sets.get(rs.index()).and_then(Option::as_ref) else { return };
        self.set(rs).work.start(ctx.now);
        self.pass_time(ctx.now, rs, seen.min_ready_seconds, informer);
        let set = &self.sets[rs.index()];
        // The status is of the pods as they were before this sync's own changes.
        let status = RsStatus {
            replicas: set.active.len() as i32,
            ready: set.ready,
            available: set.available,
            terminating: set.terminating,
            observed_generation: seen.generation,
        };
        let excess = set.active.len() as i32 - seen.replicas;
        let mut end = ctx.now;
        if set.expected <= 0 && !seen.removed {
            end = match excess {
                0 => end,
                1.. => {
                    self.delete_pods(ctx, rs, excess.min(BURST_REPLICAS), cluster, informer, out)
                }
                _ => self.create_pods(ctx, rs, (-excess).min(BURST_REPLICAS), out),
            };
        }
        if status != self.sets[rs.index()].last_status {
            self.sets[rs.index()].last_status = status;
            end = self.bucket.take(end) + ctx.api_write(&mut self.rng);
            out.write(end, Write::ReplicaSetStatus { rs, status });
        }
        self.requeue(ctx, rs, seen.min_ready_seconds, seen.replicas, end, out);
        self.set(rs).work.done(end);
    }

    /// Counts as available what has become so by the passing of time.
    fn pass_time(&mut self, now: Time, rs: RsId, min_ready_seconds: i32, informer: &Informer) {
        let set = &mut self.sets[rs.index()];
        while let Some(&(at, pod)) = set.waiting.front() {
            if at > now {
                break;
            }
            set.waiting.pop_front();
            let seen = informer.pod(pod);
            let due = seen.ready_transition + Dur::from_secs(i64::from(min_ready_seconds)) <= now;
            if seen.is_active() && seen.ready && due && !self.available[pod.index()] {
                self.available[pod.index()] = true;
                set.available += 1;
            }
        }
    }

    fn requeue(
        &mut self,
        ctx: Ctx,
        rs: RsId,
        min_ready_seconds: i32,
        replicas: i32,
        end: Time,
        out: &mut impl Out<Event>,
    ) {
        let set = &self.sets[rs.index()];
        let status = availability::RsStatus {
            replicas: set.active.len() as i32,
            ready: set.ready,
            available: set.available,
        };
        let next = set.waiting.front().map(|&(at, _)| (at - end).max(Dur::ZERO));
        let minor = ctx.kubernetes.control_plane;
        let after =
            availability::requeue_after_sync(minor, replicas, status, min_ready_seconds, next);
        if let Some(after) = after {
            out.at(end + after, Event::Recheck(rs));
        }
    }

    /// Batches of 1, 2, 4, ...: the calls of one run in parallel, the next starts when all returned.
    fn create_pods(&mut self, ctx: Ctx, rs: RsId, count: i32, out: &mut impl Out<Event>) -> Time {
        let mut end = ctx.now;
        for batch in SlowStart::new(count as u32) {
            let start = end;
            for _ in 0..batch {
                let at = self.call(ctx, rs, start);
                out.write(at, Write::CreatePod { rs });
                end = end.max(at);
            }
        }
        self.sets[rs.index()].expected += count;
        end
    }

    fn delete_pods(
        &mut self,
        ctx: Ctx,
        rs: RsId,
        count: i32,
        cluster: &Cluster,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) -> Time {
        self.fill_rows(rs, cluster, informer);
        let rules = Rules::of(ctx.kubernetes.control_plane);
        ranking::choose(&self.rows, count as usize, rules, ctx.now, &mut self.chosen);
        let mut end = ctx.now;
        for i in 0..self.chosen.len() {
            let pod = self.sets[rs.index()].active[self.chosen[i]];
            let at = self.call(ctx, rs, ctx.now);
            out.write(at, Write::DeletePod { pod });
            end = end.max(at);
        }
        self.sets[rs.index()].expected += count;
        end
    }

    /// One API call and the event that reports it; both take a token.
    fn call(&mut self, ctx: Ctx, rs: RsId, start: Time) -> Time {
        let at = self.bucket.take(start) + ctx.api_write(&mut self.rng);
        let set = &mut self.sets[rs.index()];
        set.events += 1;
        if set.events <= EVENTS_PASSED {
            self.bucket.take(start);
        }
        at
    }

    fn fill_rows(&mut self, rs: RsId, cluster: &Cluster, informer: &Informer) {
        self.per_node.clear();
        let deployment = cluster.replica_sets[rs.index()].deployment;
        for (sibling, _) in informer.sets_of(deployment) {
            let Some(set) = self.sets.get(sibling.index()) else { continue };
            for &pod in &set.active {
                *entry(&mut self.per_node, node_slot(informer.pod(pod).node)) += 1;
            }
        }
        self.rows.clear();
        for &pod in &self.sets[rs.index()].active {
            let seen = informer.pod(pod);
            let object = &cluster.pods[pod.index()];
            self.rows.push(PodRow {
                node: seen.node.map(u32::from),
                phase: seen.phase,
                ready: seen.ready,
                ready_since: Some(seen.ready_transition),
                created: Some(object.created.floor_s(cluster.second_phase)),
                deletion_cost: 0,
                rank: self.per_node[node_slot(seen.node)],
                restarts: object.status.restarts,
                sidecar_restarts: 0,
                uid: object.uid,
            });
        }
    }

    /// Takes a set over that has been like this for long: its status is written, and its pods, all alike, are
    /// available or none is.
    pub fn adopt(&mut self, rs: RsId, pods: &[PodId], status: RsStatus) {
        let highest = pods.iter().map(|p| p.index() + 1).max().unwrap_or(0);
        if self.available.len() < highest {
            self.available.resize(highest, false);
        }
        for pod in pods {
            self.available[pod.index()] = status.available > 0;
        }
        let set = self.set(rs);
        set.active = pods.to_vec();
        set.ready = status.ready;
        set.available = status.available;
        set.last_status = status;
    }
}

/// Nodes by index, with one more slot for "unassigned".
fn node_slot(node: Option<u16>) -> usize {
    node.map_or(0, |n| usize::from(n) + 1)
}
