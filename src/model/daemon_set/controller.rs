//! The DaemonSet controller (`pkg/controller/daemon/daemon_controller.go`): one sync reads the cache, makes
//! and removes pods node by node and writes the status.

use super::rules::{self, Changes, Limits, OnNode, Seen};
use crate::cluster::objects::{Member, NodeId, PodId, Workload, WorkloadId, WorkloadStatus};
use crate::cluster::server::Cluster;
use crate::cluster::workload::Strategy;
use crate::cluster::write::Write;
use crate::engine::{Dur, List, Luck, Seed, Time};
use crate::model::informer::{Informer, PodChange, SeenPod, available_from};
use crate::model::platform::Defaults;
use crate::model::plumbing::{Ctx, Out, Queued, TokenBucket, Turn, slow_start_batch};

/// What can happen to the controller.
pub type Event = Turn<WorkloadId>;

#[derive(Clone, Debug, Default)]
struct State {
    key: Queued,
    /// Pods that the cache shows, in the order of their creation.
    pods: Vec<PodId>,
    /// Creations not yet seen by the watch.
    creations: i32,
    /// Pods it deleted and has not yet seen go.
    deletions: Vec<PodId>,
    last_status: WorkloadStatus,
    luck: Option<Luck>,
    /// Syncs so far: each goes through the nodes in an order of its own.
    syncs: u64,
}

/// The DaemonSet controller, with what it expects and remembers of each set.
#[derive(Debug)]
pub struct Controller {
    states: List<WorkloadId, State>,
    bucket: TokenBucket,
}

impl Controller {
    /// With an empty queue.
    pub fn new(defaults: &Defaults) -> Controller {
        Controller { states: List::new(), bucket: TokenBucket::of_controller(defaults) }
    }

    fn state(&mut self, id: WorkloadId) -> &mut State {
        self.states.entry(id)
    }

    /// Takes a set over that has been like this for long.
    pub fn adopt(&mut self, id: WorkloadId, pods: &[PodId], status: WorkloadStatus) {
        debug_assert!(status.available <= status.ready, "{status:?}");
        let state = self.state(id);
        state.pods = pods.to_vec();
        state.last_status = status;
    }

    /// The cache shows a change of the set itself, or of the nodes.
    pub fn changed(&mut self, now: Time, id: WorkloadId, out: &mut impl Out<Event>) {
        self.state(id).key.add(now, id, out);
    }

    /// The cache shows a change of one of its pods.
    pub fn pod_changed(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        PodChange { before, after }: PodChange,
        (id, cluster): (WorkloadId, &Cluster),
        out: &mut impl Out<Event>,
    ) {
        let state = self.state(id);
        if before == SeenPod::UNKNOWN {
            state.creations -= 1;
            state.pods.push(pod);
        }
        debug_assert!(state.pods.contains(&pod), "a pod that changes is listed");
        if after.deleting && !before.deleting {
            state.deletions.retain(|p| *p != pod);
        }
        if !after.exists {
            state.pods.retain(|p| *p != pod);
        }
        let seconds = cluster.workloads[id].spec.min_ready_seconds;
        if seconds > 0 && after.counts_as_ready() && !before.counts_as_ready() {
            // A second more, for clocks that differ.
            self.state(id).key.add_at(ctx.now + Dur::from_secs(i64::from(seconds) + 1), id, out);
        }
        self.changed(ctx.now, id, out);
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
        let key = &mut self.state(event.of()).key;
        if let Some(id) = key.take(ctx.now, event, out) {
            self.sync(ctx, id, cluster, informer, out);
        }
    }

    fn sync(
        &mut self,
        ctx: Ctx,
        id: WorkloadId,
        cluster: &Cluster,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) {
        let set = &cluster.workloads[id];
        let Strategy::DaemonSet(strategy) = set.spec.strategy else {
            panic!("a DaemonSet has its own strategy: {:?}", set.spec.strategy);
        };
        self.state(id).key.start(ctx.now);
        let nodes = self.look(ctx, id, cluster, informer);
        let status = status_of(&nodes, set.generation);
        let (surge, unavailable) = strategy.limits(status.desired);
        let mut end = ctx.now;
        if self.expects_nothing(id) {
            let changes = rules::manage(&nodes, surge > 0);
            end = self.take(ctx, id, set, &changes, out);
        }
        if self.expects_nothing(id) && !strategy.on_delete {
            let changes = rules::roll(&nodes, Limits { surge, unavailable });
            end = self.take(ctx, id, set, &changes, out);
        }
        if status != self.state(id).last_status {
            self.state(id).last_status = status;
            end = self.call(ctx, (id, set.uid), end);
            out.write(end, Write::WorkloadStatus { workload: id, status });
        }
        let seconds = set.spec.min_ready_seconds;
        if seconds > 0 && status.available != status.ready {
            self.state(id).key.add_at(end + Dur::from_secs(i64::from(seconds)), id, out);
        }
        debug_assert!(end >= ctx.now, "a sync ends after it began");
        self.state(id).key.done(end);
    }

    /// What it has asked for has been seen.
    fn expects_nothing(&self, id: WorkloadId) -> bool {
        self.states[id].creations <= 0 && self.states[id].deletions.is_empty()
    }

    /// The nodes with their pods as the cache shows them, in an order that is this sync's own.
    fn look(
        &mut self,
        ctx: Ctx,
        id: WorkloadId,
        cluster: &Cluster,
        informer: &Informer,
    ) -> Vec<OnNode> {
        let set = &cluster.workloads[id];
        let template = &cluster.templates[set.template];
        let on = |node: NodeId| {
            let wanted = rules::runs_on(template, &cluster.nodes[node]);
            OnNode { node, wanted, pods: Vec::new() }
        };
        let mut nodes: List<NodeId, OnNode> = cluster.nodes.ids().map(on).collect();
        for &pod in &self.states[id].pods {
            let seen = informer.pod(pod);
            let Some(node) = cluster.pods[pod].pinned else { continue };
            if seen.deleting && seen.phase.is_terminal() {
                continue;
            }
            let (since, seconds) = (seen.ready_transition, set.spec.min_ready_seconds);
            nodes[node].pods.push(Seen {
                pod,
                updated: seen.template == set.template,
                terminating: seen.deleting,
                finished: seen.phase.is_terminal(),
                ready: seen.ready,
                available: seen.ready && available_from(since, seconds) <= ctx.now,
            });
        }
        let state = self.state(id);
        state.syncs += 1;
        debug_assert!(nodes.len() == cluster.nodes.len(), "every node is looked at");
        let mut nodes: Vec<OnNode> = nodes.into();
        shuffle(&mut nodes, ctx.seed, set.uid ^ state.syncs);
        nodes
    }

    /// Creations in batches of 1, 2, 4, ..., deletions beside them.
    fn take(
        &mut self,
        ctx: Ctx,
        id: WorkloadId,
        set: &Workload,
        changes: &Changes,
        out: &mut impl Out<Event>,
    ) -> Time {
        let burst = ctx.kubernetes.defaults.burst_replicas.max(0) as usize;
        let create = &changes.create[..changes.create.len().min(burst)];
        let delete = &changes.delete[..changes.delete.len().min(burst)];
        let (mut end, mut next) = (ctx.now, 0);
        let first = ctx.kubernetes.defaults.slow_start_initial_batch_size;
        slow_start_batch(create.len() as u32, first, |batch| {
            let start = end;
            for _ in 0..batch {
                let at = self.call(ctx, (id, set.uid), start);
                let (template, member) = (set.template, Member::On(create[next]));
                out.write(at, Write::CreateMember { workload: id, template, member });
                end = end.max(at);
                next += 1;
            }
            batch
        });
        let start = end;
        for &pod in delete {
            let at = self.call(ctx, (id, set.uid), start);
            out.write(at, Write::DeletePod { pod, grace: None });
            end = end.max(at);
        }
        debug_assert!(next == create.len() && end >= ctx.now, "all that is asked for is made");
        let state = self.state(id);
        state.creations = state.creations.max(0) + create.len() as i32;
        state.deletions.extend(delete);
        end
    }

    fn call(&mut self, ctx: Ctx, (id, uid): (WorkloadId, u64), start: Time) -> Time {
        let luck = &mut self.states.entry(id).luck;
        self.bucket.call(ctx, luck, (uid, "daemonset controller"), start)
    }
}

/// Nodes are kept in a map, which Go goes through in random order.
fn shuffle(nodes: &mut [OnNode], seed: Seed, sync: u64) {
    if nodes.len() < 2 {
        return;
    }
    let mut rng = seed.stream("daemonset nodes", sync);
    for last in (1..nodes.len()).rev() {
        nodes.swap(last, rng.below(last as u64 + 1) as usize);
    }
}

/// `daemon_controller.go: updateDaemonSetStatus`.
fn status_of(nodes: &[OnNode], observed_generation: u32) -> WorkloadStatus {
    let mut status = WorkloadStatus { observed_generation, ..WorkloadStatus::default() };
    for on in nodes.iter().filter(|on| on.wanted) {
        status.desired += 1;
        // The oldest stands for its node.
        let Some(pod) = on.pods.first() else { continue };
        status.replicas += 1;
        status.updated += i32::from(pod.updated);
        status.ready += i32::from(pod.ready);
        status.available += i32::from(pod.available);
    }
    status
}
