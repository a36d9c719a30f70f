//! The Deployment controller (`pkg/controller/deployment/`): one sync reads the cache, makes at most one kind
//! of scaling step and writes the status.

use super::rolling::{self, RsSize};
use super::sync::{Sync, counts, size};
use super::{history, recreate, scaling, status};
use crate::cluster::PodPhase;
use crate::cluster::objects::{
    Cluster, DeploymentId, DeploymentStatus, PodId, ReplicaSet, RsId, Write,
};
use crate::cluster::spec::Strategy;
use crate::engine::{Dur, Rng, Time};
use crate::model::informer::{Informer, SeenPod};
use crate::model::plumbing::{Ctx, Out, TokenBucket, WorkKey, entry};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Sync(DeploymentId),
    /// A failed sync (conflict) is tried again.
    Retry(DeploymentId),
    /// The progress deadline may have passed.
    Deadline(DeploymentId),
}

#[derive(Clone, Debug, Default)]
struct State {
    work: WorkKey,
    /// Failed syncs in a row.
    failures: u32,
    /// status.conditions Progressing: lastUpdateTime, and whether it says so already.
    progress: Option<Time>,
    complete: bool,
    timed_out: bool,
    /// When the next look at the progress deadline is due.
    deadline: Option<Time>,
    last_status: DeploymentStatus,
    /// Pods of all its sets in the cache (the Recreate wake-up).
    pods: i32,
}

impl State {
    fn progressed(&mut self, now: Time) {
        self.progress = Some(now);
        self.timed_out = false;
    }
}

#[derive(Debug)]
pub struct Controller {
    states: Vec<State>,
    /// Buffers of a sync.
    sets: Vec<(RsId, ReplicaSet)>,
    sizes: Vec<RsSize>,
    bucket: TokenBucket,
    rng: Rng,
}

impl Controller {
    pub fn new(rng: Rng) -> Controller {
        Controller {
            states: Vec::new(),
            sets: Vec::new(),
            sizes: Vec::new(),
            bucket: TokenBucket::new(20.0, 30),
            rng,
        }
    }

    fn state(&mut self, id: DeploymentId) -> &mut State {
        entry(&mut self.states, id.index())
    }

    /// The cache shows a change of the Deployment or of one of its sets.
    pub fn changed(&mut self, now: Time, id: DeploymentId, out: &mut impl Out<Event>) {
        if let Some(at) = self.state(id).work.add(now) {
            out.at(at, Event::Sync(id));
        }
    }

    /// Pods wake it only under Recreate, and only when the last one has left the cache.
    pub fn pod_changed(
        &mut self,
        now: Time,
        id: DeploymentId,
        strategy: Strategy,
        before: SeenPod,
        after: SeenPod,
        out: &mut impl Out<Event>,
    ) {
        let state = self.state(id);
        state.pods += i32::from(after.exists) - i32::from(before.exists);
        let last_gone = before.exists && !after.exists && state.pods == 0;
        if last_gone && strategy == Strategy::Recreate {
            self.changed(now, id, out);
        }
    }

    /// A write was refused because the cached copy was old: back off and try again.
    pub fn conflict(&mut self, now: Time, id: DeploymentId, out: &mut impl Out<Event>) {
        let state = self.state(id);
        let wait = Dur::from_millis(5 << state.failures.min(15));
        state.failures += 1;
        out.at(now + wait, Event::Retry(id));
    }

    /// Takes a Deployment over that has been like this for long: complete, or its deadline exceeded.
    pub fn adopt(&mut self, id: DeploymentId, status: DeploymentStatus, pods: i32) {
        let state = self.state(id);
        state.last_status = status;
        state.complete = status.available == pods;
        state.timed_out = !state.complete;
        state.pods = pods;
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
            Event::Sync(id) => self.sync(ctx, id, cluster, informer, out),
            Event::Retry(id) => self.changed(ctx.now, id, out),
            Event::Deadline(id) => {
                self.state(id).deadline = None;
                self.changed(ctx.now, id, out);
            }
        }
    }

    fn sync(
        &mut self,
        ctx: Ctx,
        id: DeploymentId,
        cluster: &Cluster,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) {
        self.state(id).work.start(ctx.now);
        let deployment = &cluster.deployments[id.index()];
        let mut sets = std::mem::take(&mut self.sets);
        sets.clear();
        // Not extended: that would copy each set twice.
        informer.sets_of(id).for_each(|(rs, set)| sets.push((rs, *set)));
        let mut sync = Sync::new(ctx, id, deployment, sets);
        let spec = &deployment.spec;
        let resized = sync.is_resized(spec.replicas);
        if spec.paused || resized {
            self.scale(&mut sync, out);
        } else {
            self.ensure_new_set(&mut sync, informer, out);
            match spec.strategy {
                Strategy::Recreate => self.roll_recreate(&mut sync, informer, out),
                Strategy::RollingUpdate { .. } => self.roll(&mut sync, out),
            }
        }
        self.write_status(&mut sync, out);
        self.state(id).work.done(sync.end);
        self.sets = sync.sets;
    }

    fn call(&mut self, sync: &mut Sync) -> Time {
        let taken = self.bucket.take(sync.end);
        sync.end = taken + sync.ctx.api_write(&mut self.rng);
        sync.end
    }

    /// Finds or creates the set of the present template; a re-used one gets the next revision.
    fn ensure_new_set(&mut self, sync: &mut Sync, informer: &Informer, out: &mut impl Out<Event>) {
        let highest = sync.sets.iter().map(|(_, s)| s.revision).max().unwrap_or(0);
        if let Some(new) = sync.new {
            let (rs, revision) = (sync.sets[new].0, sync.sets[new].1.revision);
            if highest > revision {
                let at = self.call(sync);
                out.write(at, Write::SetRevision { rs, revision: highest + 1 });
                sync.sets[new].1.resource_version += 1;
            }
            return;
        }
        let spec = &sync.deployment.spec;
        if spec.strategy == Strategy::Recreate && self.recreate_blocked(sync, informer) {
            return;
        }
        let all: i32 = sync.sets.iter().map(|(_, s)| s.replicas).sum();
        let replicas = rolling::new_rs_new_replicas(spec.strategy, spec.replicas, 0, all);
        let max = spec.replicas + rolling::max_surge(spec.strategy, spec.replicas);
        let at = self.call(sync);
        let template = sync.deployment.template;
        let (deployment, revision) = (sync.id, highest + 1);
        out.write(at, Write::CreateReplicaSet { deployment, template, revision, replicas, max });
        sync.created = Some(replicas);
        self.state(sync.id).progressed(sync.ctx.now);
    }

    /// Recreate: the old pods must be gone before the new set appears.
    fn recreate_blocked(&self, sync: &Sync, informer: &Informer) -> bool {
        let active_old = sync.old().any(|(_, set)| set.replicas > 0);
        let status_replicas: i32 = sync.old().map(|(_, set)| set.status.replicas).sum();
        // One pod of a set stands for all whose phase is not terminal.
        let old = sync.old().filter(|(rs, _)| informer.has_unfinished(*rs));
        active_old || recreate::old_pods_running([status_replicas], old.map(|_| PodPhase::Running))
    }

    fn roll_recreate(&mut self, sync: &mut Sync, informer: &Informer, out: &mut impl Out<Event>) {
        if sync.old().any(|(_, set)| set.replicas > 0) {
            for i in sync.old_indices() {
                self.resize(sync, i, 0, out);
            }
            return;
        }
        let desired = sync.deployment.spec.replicas;
        if let Some(new) = sync.new
            && !self.recreate_blocked(sync, informer)
        {
            self.resize(sync, new, desired, out);
        }
    }

    fn roll(&mut self, sync: &mut Sync, out: &mut impl Out<Event>) {
        let spec = &sync.deployment.spec;
        let (strategy, desired) = (spec.strategy, spec.replicas);
        let new = match (sync.new, sync.created) {
            (Some(i), _) => size(&sync.sets[i].1),
            (None, created) => RsSize { spec: created.unwrap_or(0), replicas: 0, available: 0 },
        };
        if let Some(i) = sync.new {
            let all = new.spec + sync.old().map(|(_, set)| set.replicas).sum::<i32>();
            let target = rolling::reconcile_new(strategy, desired, new.spec, all);
            if self.resize(sync, i, target, out) {
                return;
            }
        }
        let mut sizes = std::mem::take(&mut self.sizes);
        sizes.clear();
        sizes.extend(sync.old().map(|(_, set)| size(set)));
        let floor = rolling::min_available(strategy, desired);
        let scaled = rolling::reconcile_old(&mut sizes, new, floor);
        // Sets cleaned up before a lagging one was met are written even when the step is given up.
        for (i, size) in sync.old_indices().zip(&sizes) {
            self.resize(sync, i, size.spec, out);
        }
        self.sizes = sizes;
        if scaled {
            return;
        }
        if sync.is_complete() {
            self.clean_up(sync, out);
        }
    }

    /// Scaling while paused or after `spec.replicas` changed (section "scale" of `sync.go`).
    fn scale(&mut self, sync: &mut Sync, out: &mut impl Out<Event>) {
        let spec = &sync.deployment.spec;
        let mut sizes: Vec<scaling::ScaledSet> = sync
            .sets
            .iter()
            .map(|(_, s)| scaling::ScaledSet {
                spec: s.replicas,
                available: s.status.available,
                desired_annotation: Some(s.desired_annotation),
                max_annotation: Some(s.max_annotation),
                written: false,
            })
            .collect();
        let wanted = scaling::Wanted {
            strategy: spec.strategy,
            desired: spec.replicas,
            status_replicas: sync.deployment.status.replicas,
        };
        scaling::scale(&mut sizes, sync.new, wanted);
        for (i, size) in sizes.into_iter().enumerate().filter(|(_, size)| size.written) {
            self.annotate(sync, i, size.spec, out);
        }
    }

    /// Sets the size and the annotations; true if a write was made.
    fn annotate(
        &mut self,
        sync: &mut Sync,
        index: usize,
        target: i32,
        out: &mut impl Out<Event>,
    ) -> bool {
        let spec = &sync.deployment.spec;
        let desired = spec.replicas;
        let max = desired + rolling::max_surge(spec.strategy, desired);
        let (rs, set) = &mut sync.sets[index];
        let same = set.replicas == target
            && (set.desired_annotation == desired && set.max_annotation == max
                || set.replicas == 0);
        if same {
            return false;
        }
        let (rs, resource_version) = (*rs, set.resource_version);
        set.replicas = target;
        set.desired_annotation = desired;
        set.max_annotation = max;
        let at = self.call(sync);
        out.write(
            at,
            Write::ScaleReplicaSet { rs, replicas: target, desired, max, resource_version },
        );
        sync.wrote = true;
        true
    }

    fn resize(
        &mut self,
        sync: &mut Sync,
        index: usize,
        target: i32,
        out: &mut impl Out<Event>,
    ) -> bool {
        if sync.sets[index].1.replicas == target {
            return false;
        }
        self.annotate(sync, index, target, out)
    }

    fn clean_up(&mut self, sync: &mut Sync, out: &mut impl Out<Event>) {
        let old: Vec<history::OldSet> = sync
            .old()
            .map(|(_, s)| history::OldSet {
                revision: i64::from(s.revision),
                spec: s.replicas,
                replicas: s.status.replicas,
                observed: s.status.observed_generation >= s.generation,
                deleting: false,
            })
            .collect();
        for i in history::to_delete(&old, sync.deployment.spec.revision_history_limit) {
            let rs = sync.old().nth(i).expect("one of the old sets").0;
            let at = self.call(sync);
            out.write(at, Write::DeleteReplicaSet { rs });
        }
    }

    fn write_status(&mut self, sync: &mut Sync, out: &mut impl Out<Event>) {
        let (deployment, status, complete) = (sync.id, sync.status, sync.is_complete());
        let state = self.state(deployment);
        let old = std::mem::replace(&mut state.last_status, status);
        let was_complete = std::mem::replace(&mut state.complete, complete);
        if !sync.wrote {
            state.failures = 0;
        }
        if status::progressing(counts(old), counts(status)) || (complete && !was_complete) {
            state.progressed(sync.ctx.now);
        }
        self.check_deadline(sync, complete, out);
        if status != old {
            let at = self.call(sync);
            out.write(at, Write::DeploymentStatus { deployment, status });
        }
    }

    fn check_deadline(&mut self, sync: &mut Sync, complete: bool, out: &mut impl Out<Event>) {
        let spec = &sync.deployment.spec;
        let Some(deadline) = spec.progress_deadline_seconds else { return };
        if complete || spec.paused || self.state(sync.id).timed_out {
            return;
        }
        let since = *self.state(sync.id).progress.get_or_insert(sync.ctx.now);
        let due = since + Dur::from_secs(i64::from(deadline));
        if due < sync.ctx.now {
            self.state(sync.id).timed_out = true;
            let at = self.call(sync);
            out.write(at, Write::ProgressDeadlineExceeded { deployment: sync.id });
            return;
        }
        // Added to the queue anew by every sync, which keeps the earliest.
        let look = due + Dur::from_secs(1);
        if self.state(sync.id).deadline.is_none_or(|earlier| look < earlier) {
            self.state(sync.id).deadline = Some(look);
            out.at(look, Event::Deadline(sync.id));
        }
    }
}

/// Pods whose set belongs to the Deployment, for actions such as `kubectl delete pod`.
pub fn pods_of(cluster: &Cluster, id: DeploymentId) -> Vec<PodId> {
    (0..cluster.pods.len() as u32)
        .map(PodId)
        .filter(|&p| !cluster.pods[p.index()].removed && cluster.deployment_of(p) == id)
        .collect()
}
