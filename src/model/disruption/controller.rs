//! The disruption controller: keeps the status of every budget.
//!
//! Source: `pkg/controller/disruption/disruption.go`.

use super::pdb::{self, BudgetPod};
use crate::cluster::objects::{Budget, BudgetId, BudgetStatus, PodId, WorkloadId};
use crate::cluster::server::Cluster;
use crate::cluster::write::Write;
use crate::engine::{Dur, List, Rng, Time};
use crate::model::informer::{Informer, PodChange, SeenPod};
use crate::model::plumbing::{Ctx, Delayed, Out, TokenBucket, WorkKey, retry_delay};

/// What can happen to the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The cache shows a change of the budget.
    Seen(BudgetId),
    /// Its key is taken from the queue.
    Sync(BudgetId),
    /// Its delayed key is due: a conflict is tried again, or a granted eviction has come to nothing.
    Due(BudgetId),
}

#[derive(Debug, Default)]
struct State {
    work: WorkKey,
    delayed: Delayed,
    /// Failed syncs in a row; whether the last one was one.
    failures: u32,
    failed: bool,
    /// Pods that it covers, as far as the cache shows them.
    pods: Vec<PodId>,
    /// The budget as the cache shows it.
    status: BudgetStatus,
    granted: Vec<(PodId, Time)>,
    resource_version: u32,
}

/// The disruption controller, with what it has seen of pods and budgets.
#[derive(Debug)]
pub struct Controller {
    /// By budget.
    states: List<BudgetId, State>,
    bucket: TokenBucket,
    rng: Rng,
    last_seen: Time,
}

impl Controller {
    /// Begins with statuses that have long been right.
    pub fn new(ctx: Ctx, cluster: &mut Cluster, informer: &Informer) -> Controller {
        let mut controller = Controller {
            states: cluster.budgets.iter().map(|_| State::default()).collect(),
            bucket: TokenBucket::of_controller(&ctx.kubernetes.defaults),
            rng: ctx.seed.stream("disruption", 0),
            last_seen: Time::ALWAYS,
        };
        for pod in informer.pods.ids() {
            for &id in cluster.budgets_of(cluster.pods[pod].spec) {
                controller.states[id].pods.push(pod);
            }
        }
        for id in controller.states.ids() {
            controller.states[id].resource_version = cluster.budgets[id].resource_version;
            let status = controller.status(ctx, id, cluster, informer);
            controller.states[id].status = status;
            cluster.budgets[id].status = status;
        }
        controller
    }

    /// A budget was written: the cache shows it later, by `latency` and in order.
    pub fn tell(&mut self, now: Time, id: BudgetId, latency: Dur, out: &mut impl Out<Event>) {
        self.last_seen = self.last_seen.max(now + latency);
        out.at(self.last_seen, Event::Seen(id));
    }

    /// The cache shows a change of a pod.
    pub fn pod_changed(
        &mut self,
        now: Time,
        pod: PodId,
        PodChange { before, after }: PodChange,
        cluster: &Cluster,
        out: &mut impl Out<Event>,
    ) {
        for &id in cluster.budgets_of(cluster.pods[pod].spec) {
            let pods = &mut self.states[id].pods;
            match (before.exists, after.exists) {
                (false, true) => pods.push(pod),
                (true, false) => pods.retain(|p| *p != pod),
                _ => {}
            }
            self.queue(now, id, out);
        }
    }

    /// A status was refused because its copy was old: back off and try again.
    pub fn conflict(&mut self, ctx: Ctx, id: BudgetId, out: &mut impl Out<Event>) {
        let state = &mut self.states[id];
        state.failures += 1;
        state.failed = true;
        let at = ctx.now + retry_delay(&ctx.kubernetes.defaults, state.failures);
        self.delay(at, id, out);
    }

    fn queue(&mut self, now: Time, id: BudgetId, out: &mut impl Out<Event>) {
        if let Some(at) = self.states[id].work.add(now) {
            out.at(at, Event::Sync(id));
        }
    }

    fn delay(&mut self, at: Time, id: BudgetId, out: &mut impl Out<Event>) {
        if let Some(at) = self.states[id].delayed.add(at) {
            out.at(at, Event::Due(id));
        }
    }

    /// Acts on what its watches show, or on a key whose time has come.
    pub fn handle(
        &mut self,
        ctx: Ctx,
        event: Event,
        cluster: &Cluster,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) {
        match event {
            Event::Seen(id) => {
                let Budget { status, granted, resource_version, .. } = &cluster.budgets[id];
                let state = &mut self.states[id];
                debug_assert!(
                    *resource_version >= state.resource_version,
                    "a watch does not go back"
                );
                state.status = *status;
                state.granted.clone_from(granted);
                state.resource_version = *resource_version;
                self.queue(ctx.now, id, out);
            }
            Event::Sync(id) => self.sync(ctx, id, cluster, informer, out),
            Event::Due(id) => {
                if self.states[id].delayed.take(ctx.now) {
                    self.queue(ctx.now, id, out);
                }
            }
        }
    }

    /// Writes the status if it has changed.
    ///
    /// `disruption.go: trySync, updatePdbStatus`.
    fn sync(
        &mut self,
        ctx: Ctx,
        budget: BudgetId,
        cluster: &Cluster,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) {
        let status = self.status(ctx, budget, cluster, informer);
        let state = &mut self.states[budget];
        state.work.start(ctx.now);
        if !std::mem::take(&mut state.failed) {
            state.failures = 0;
        }
        let mut end = ctx.now;
        if status != state.status {
            end = self.bucket.take(end) + ctx.api_write(&mut self.rng);
            let resource_version = state.resource_version;
            out.write(end, Write::BudgetStatus { budget, status, resource_version });
        }
        debug_assert!(end >= ctx.now, "a sync ends after it began");
        if let Some(at) = state.work.done(end) {
            out.at(at, Event::Sync(budget));
        }
        if let Some(at) = self.recheck(ctx, budget, informer) {
            self.delay(at, budget, out);
        }
    }

    /// When the first of the evictions that count ceases to, if its pod is not deleted before.
    fn recheck(&self, ctx: Ctx, id: BudgetId, informer: &Informer) -> Option<Time> {
        let defaults = &ctx.kubernetes.defaults;
        let pods = self.states[id].pods.iter();
        let evicted = pods.map(|&p| self.pod(id, p, informer));
        let evicted = evicted.filter(|&p| pdb::is_disrupted(defaults, p, ctx.now));
        let first = evicted.filter_map(|p| p.evicted).min()?;
        // The instant itself still counts.
        Some(first + defaults.disruption_timeout + Dur(1))
    }

    /// What the status should be, by what the cache shows.
    fn status(
        &self,
        ctx: Ctx,
        id: BudgetId,
        cluster: &Cluster,
        informer: &Informer,
    ) -> BudgetStatus {
        let (now, defaults) = (ctx.now, &ctx.kubernetes.defaults);
        let state = &self.states[id];
        let pods = || state.pods.iter().map(|&p| self.pod(id, p, informer));
        let disrupted = pods().filter(|&p| pdb::is_disrupted(defaults, p, now)).count();
        let healthy = pdb::count_healthy(defaults, pods(), now);
        let spec = &cluster.budgets[id].spec;
        let (least, most) = (spec.min_available, spec.max_unavailable);
        let scale = controller_scale(&state.pods, cluster);
        let status = pdb::status(least, most, state.pods.len() as i32, healthy, scale);
        BudgetStatus { disrupted: disrupted as u16, ..status }
    }

    fn pod(&self, id: BudgetId, pod: PodId, informer: &Informer) -> BudgetPod {
        let SeenPod { ready, deleting, .. } = informer.pod(pod);
        let granted = self.states[id].granted.iter().rev();
        let evicted = granted.clone().find(|(evicted, _)| *evicted == pod).map(|&(_, at)| at);
        BudgetPod { ready, deleting, evicted }
    }
}

/// The replicas that the pods' distinct controllers ask for together.
///
/// `disruption.go: getExpectedScale`.
fn controller_scale(pods: &[PodId], cluster: &Cluster) -> i32 {
    let mut owners: Vec<WorkloadId> = pods.iter().map(|&p| cluster.workload_of(p)).collect();
    owners.sort_unstable();
    owners.dedup();
    owners.into_iter().map(|w| cluster.progress(w).desired).sum()
}
