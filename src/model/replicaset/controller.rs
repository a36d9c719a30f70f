//! The ReplicaSet controller (`pkg/controller/replicaset/replica_set.go`): creates and deletes pods until
//! there are as many as the spec says, and counts them in the status.

use super::availability::{self, Tally};
use super::ranking::{self, PodRow, Rules};
use crate::cluster::objects::{Owner, PodId, ReplicaSet, RsId, RsStatus};
use crate::cluster::server::Cluster;
use crate::cluster::write::Write;
use crate::engine::{Dur, List, Luck, Time};
use crate::model::informer::{Informer, PodChange, SeenPod};
use crate::model::platform::Defaults;
use crate::model::plumbing::{Ctx, Delayed, Out, TokenBucket, WorkKey, slow_start_batch};

/// What can happen to the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its key is taken from the queue.
    Sync(RsId),
    /// A pod may have become available by the passing of time.
    Recheck(RsId),
}

/// What the controller keeps of one set.
#[derive(Clone, Debug, Default)]
struct Set {
    work: WorkKey,
    /// Its entry in the delaying queue: a pod may have become available by the passing of time.
    delayed: Delayed,
    /// Active pods as cached, in the order seen.
    active: Vec<PodId>,
    tally: Tally,
    /// Creates not yet seen by the watch.
    creations: i32,
    /// Pods it deleted and has not yet seen go; what others delete is not counted
    /// (`controller_utils.go: UIDTrackingControllerExpectations`).
    deletions: Vec<PodId>,
    last_status: RsStatus,
    /// Of its calls.
    luck: Option<Luck>,
    /// API events written so far (they take tokens too).
    events: i32,
}

/// The ReplicaSet controller, with what it expects and remembers of each set.
#[derive(Debug)]
pub struct Controller {
    sets: List<RsId, Set>,
    bucket: TokenBucket,
    rows: Vec<PodRow>,
    chosen: Vec<usize>,
    per_node: Vec<u32>,
}

impl Controller {
    /// With an empty queue.
    pub fn new(defaults: &Defaults) -> Controller {
        Controller {
            sets: List::new(),
            bucket: TokenBucket::of_controller(defaults),
            rows: Vec::new(),
            chosen: Vec::new(),
            per_node: Vec::new(),
        }
    }

    /// Room for so many pods.
    pub fn reserve(&mut self, pods: usize) {
        self.rows.reserve(pods);
        self.chosen.reserve(pods);
    }

    fn set(&mut self, rs: RsId) -> &mut Set {
        self.sets.entry(rs)
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
        PodChange { before, after }: PodChange,
        min_ready_seconds: i32,
        out: &mut impl Out<Event>,
    ) {
        let Owner::ReplicaSet(rs) = after.owner else { return };
        self.count(pod, rs, before, after);
        self.set(rs).tally.changed(pod, before, after, min_ready_seconds);
        let newly_ready = after.counts_as_ready() && !before.counts_as_ready();
        let minor = ctx.kubernetes.control_plane;
        if newly_ready && let Some(wait) = availability::requeue_on_ready(minor, min_ready_seconds)
        {
            self.delay(ctx.now + wait, rs, out);
        }
        self.set_changed(ctx.now, rs, out);
    }

    fn delay(&mut self, at: Time, rs: RsId, out: &mut impl Out<Event>) {
        if let Some(at) = self.set(rs).delayed.add(at) {
            out.at(at, Event::Recheck(rs));
        }
    }

    fn count(&mut self, pod: PodId, rs: RsId, before: SeenPod, after: SeenPod) {
        let set = self.set(rs);
        if before == SeenPod::UNKNOWN {
            set.creations -= 1;
        }
        // A delete is seen when the deletion time is, or at once when the object is gone.
        if after.deleting
            && !before.deleting
            && let Some(place) = set.deletions.iter().position(|&p| p == pod)
        {
            set.deletions.swap_remove(place);
        }
        match (before.is_active(), after.is_active()) {
            (false, true) => set.active.push(pod),
            (true, false) => {
                let place = set.active.iter().position(|&p| p == pod);
                set.active.remove(place.expect("an active pod is listed"));
            }
            _ => {}
        }
    }

    /// Acts on what the informer sees, or on a key whose time has come.
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
            Event::Recheck(rs) => {
                if self.set(rs).delayed.take(ctx.now) {
                    self.set_changed(ctx.now, rs, out);
                }
            }
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
        let Some(seen) = informer.sets.get(rs).and_then(Option::as_ref) else { return };
        let set = self.set(rs);
        set.work.start(ctx.now);
        set.luck.get_or_insert_with(|| Luck::of(seen.uid, "replicaset controller"));
        set.tally.pass_time(ctx.now);
        // The status is of the pods as they were before this sync's own changes.
        let status = set.tally.status(ctx.kubernetes.control_plane, seen.generation);
        debug_assert!(
            status.available <= status.ready,
            "no more are available than ready: {status:?}"
        );
        let excess = set.active.len() as i32 - seen.replicas;
        let burst = ctx.kubernetes.defaults.burst_replicas;
        let mut end = ctx.now;
        if set.creations <= 0 && set.deletions.is_empty() && !seen.removed {
            end = match excess {
                0 => end,
                1.. => {
                    self.fill_rows(rs, cluster, informer);
                    self.delete_pods(ctx, rs, excess.min(burst), out)
                }
                _ => self.create_pods(ctx, rs, (-excess).min(burst), out),
            };
        }
        if status != self.sets[rs].last_status {
            self.sets[rs].last_status = status;
            end = self.write_at(ctx, rs, end);
            out.write(end, Write::ReplicaSetStatus { rs, status });
        }
        if let Some(after) = self.look_again(ctx, rs, seen, status, end) {
            self.delay(end + after, rs, out);
        }
        self.set(rs).work.done(end);
    }

    /// How long after `end` something is to be looked at that no change tells of.
    fn look_again(
        &self,
        ctx: Ctx,
        rs: RsId,
        seen: &ReplicaSet,
        status: RsStatus,
        end: Time,
    ) -> Option<Dur> {
        let next = self.sets[rs].tally.next_check(end).map(|(wait, _)| wait);
        let (minor, wanted) = (ctx.kubernetes.control_plane, seen.replicas);
        availability::requeue_after_sync(minor, wanted, status, seen.min_ready_seconds, next)
    }

    /// Batches of 1, 2, 4, ...: the calls of one run in parallel, the next starts when all returned.
    fn create_pods(&mut self, ctx: Ctx, rs: RsId, count: i32, out: &mut impl Out<Event>) -> Time {
        let mut end = ctx.now;
        let first = ctx.kubernetes.defaults.slow_start_initial_batch_size;
        slow_start_batch(count as u32, first, |batch| {
            let start = end;
            for _ in 0..batch {
                let at = self.call(ctx, rs, start);
                out.write(at, Write::CreatePod { owner: Owner::ReplicaSet(rs) });
                end = end.max(at);
            }
            batch
        });
        debug_assert!(count > 0 && end >= ctx.now, "{count} pods to create");
        self.sets[rs].creations += count;
        end
    }

    /// Those of `rows` that rank first.
    fn delete_pods(&mut self, ctx: Ctx, rs: RsId, count: i32, out: &mut impl Out<Event>) -> Time {
        let rules = Rules::of(ctx.kubernetes.control_plane);
        ranking::choose(&self.rows, count as usize, rules, ctx.now, &mut self.chosen);
        debug_assert_eq!(self.chosen.len(), count as usize, "as many are chosen as have to go");
        let mut end = ctx.now;
        for i in 0..self.chosen.len() {
            let pod = self.sets[rs].active[self.chosen[i]];
            let at = self.call(ctx, rs, ctx.now);
            out.write(at, Write::DeletePod { pod, grace: None });
            self.sets[rs].deletions.push(pod);
            end = end.max(at);
        }
        end
    }

    /// When a call of the set's sync is answered.
    fn write_at(&mut self, ctx: Ctx, rs: RsId, start: Time) -> Time {
        let luck = self.sets[rs].luck.as_mut().expect("named as its sync began");
        self.bucket.take(start) + ctx.api_write(luck)
    }

    /// One API call and the event that reports it; both take a token.
    fn call(&mut self, ctx: Ctx, rs: RsId, start: Time) -> Time {
        let at = self.write_at(ctx, rs, start);
        debug_assert!(at >= start, "a call is answered after it is made");
        let set = &mut self.sets[rs];
        set.events += 1;
        if set.events <= ctx.kubernetes.defaults.events_passed {
            self.bucket.take(start);
        }
        at
    }

    fn fill_rows(&mut self, rs: RsId, cluster: &Cluster, informer: &Informer) {
        let Controller { sets, rows, per_node, .. } = self;
        rows.clear();
        for &pod in &sets[rs].active {
            let seen = informer.pod(pod);
            let object = &cluster.pods[pod];
            rows.push(PodRow {
                node: seen.node,
                phase: seen.phase,
                ready: seen.ready,
                ready_since: Some(seen.ready_transition),
                created: Some(object.created.floor_s(cluster.second_phase)),
                deletion_cost: object.deletion_cost,
                rank: 0,
                restarts: object.status.restarts,
                sidecar_restarts: 0,
                uid: object.uid,
            });
        }
        let deployment = cluster.replica_sets[rs].deployment;
        let siblings = informer.sets_of(deployment).filter_map(|(rs, _)| sets.get(rs));
        let related = siblings.flat_map(|set| &set.active);
        let nodes = related.map(|&pod| informer.pod(pod).node);
        ranking::fill_ranks(rows, nodes, per_node);
    }

    /// Takes a set over that has been like this for long: its status is written, and its pods, all alike, are
    /// available or none is.
    pub fn adopt(&mut self, rs: RsId, pods: &[PodId], status: RsStatus) {
        debug_assert!(status.available <= status.ready, "{status:?}");
        let set = self.set(rs);
        set.active = pods.to_vec();
        set.tally = Tally::adopt(status);
        set.last_status = status;
    }
}
