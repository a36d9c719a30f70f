//! The Deployment controller (`pkg/controller/deployment/`): one sync reads the cache, makes at most one kind
//! of scaling step and writes the status.

mod steps;

use super::rolling::{self, RsSize};
use super::status::{self, ConditionStatus, Progressing, Reason, Requeue};
use super::sync::Sync;
use crate::cluster::objects::{ReplicaSet, RsId, Workload, WorkloadId, WorkloadStatus};
use crate::cluster::server::Cluster;
use crate::cluster::workload::Strategy;
use crate::cluster::write::Write;
use crate::engine::{Dur, List, Luck, Time};
use crate::model::informer::{Informer, PodChange};
use crate::model::platform::Defaults;
use crate::model::plumbing::{Ctx, Out, Queued, TokenBucket, Turn, retry_delay};

/// What can happen to the controller.
pub type Event = Turn<WorkloadId>;

#[derive(Clone, Debug, Default)]
struct State {
    key: Queued,
    /// What was last written: the numbers, and condition Progressing.
    last_status: WorkloadStatus,
    progressing: Option<Progressing>,
    /// Pods of all its sets in the cache (the Recreate wake-up).
    pods: i32,
    luck: Option<Luck>,
}

/// The Deployment controller, with what it remembers of each Deployment.
#[derive(Debug)]
pub struct Controller {
    states: List<WorkloadId, State>,
    /// Buffers of a sync.
    sets: Vec<(RsId, ReplicaSet)>,
    sizes: Vec<RsSize>,
    bucket: TokenBucket,
}

impl Controller {
    /// With an empty queue.
    pub fn new(defaults: &Defaults) -> Controller {
        Controller {
            states: List::new(),
            sets: Vec::new(),
            sizes: Vec::new(),
            bucket: TokenBucket::of_controller(defaults),
        }
    }

    fn state(&mut self, id: WorkloadId) -> &mut State {
        self.states.entry(id)
    }

    /// The cache shows a change of the Deployment or of one of its sets.
    pub fn changed(&mut self, now: Time, id: WorkloadId, out: &mut impl Out<Event>) {
        self.state(id).key.add(now, id, out);
    }

    /// Pods wake it only under Recreate, and only when the last one has left the cache.
    pub fn pod_changed(
        &mut self,
        now: Time,
        id: WorkloadId,
        strategy: Strategy,
        PodChange { before, after }: PodChange,
        out: &mut impl Out<Event>,
    ) {
        let state = self.state(id);
        state.pods += i32::from(after.exists) - i32::from(before.exists);
        debug_assert!(state.pods >= 0, "no more pods go than came");
        let last_gone = before.exists && !after.exists && state.pods == 0;
        if last_gone && strategy == Strategy::Recreate {
            self.changed(now, id, out);
        }
    }

    /// A write was refused because the cached copy was old: back off and try again.
    pub fn conflict(&mut self, ctx: Ctx, id: WorkloadId, out: &mut impl Out<Event>) {
        self.state(id).key.refused(ctx, id, out);
    }

    /// Takes a Deployment over that has been like this since `since`: complete, or its deadline exceeded.
    pub fn adopt(&mut self, id: WorkloadId, deployment: &Workload, pods: i32, since: Time) {
        debug_assert!(deployment.status.available <= pods, "no more are available than there are");
        let status = deployment.status;
        let (ok, reason) = match status.available == pods {
            true => (ConditionStatus::True, Reason::NewReplicaSetAvailable),
            false => (ConditionStatus::False, Reason::ProgressDeadlineExceeded),
        };
        let state = self.state(id);
        state.last_status = status;
        let deadline = deployment.spec.progress_deadline_seconds;
        state.progressing = deadline.map(|_| status::set(None, ok, reason, since));
        state.pods = pods;
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
        self.state(id).key.start(ctx.now);
        let deployment = &cluster.workloads[id];
        let mut sets = std::mem::take(&mut self.sets);
        sets.clear();
        // Not extended: that would copy each set twice.
        informer.sets_of(id).for_each(|(rs, set)| sets.push((rs, *set)));
        let before = self.state(id).progressing;
        let spec = &deployment.spec;
        let (deadline, now) = (spec.progress_deadline_seconds, ctx.now);
        let progressing = status::check_paused(before, spec.paused, deadline, now);
        let mut sync = Sync::new(ctx, id, deployment, sets, progressing);
        if spec.paused || sync.is_resized(spec.replicas) {
            self.scale(&mut sync, out);
        } else {
            self.ensure_new_set(&mut sync, informer, out);
            match spec.strategy {
                Strategy::Recreate => self.roll_recreate(&mut sync, informer, out),
                _ => self.roll(&mut sync, out),
            }
            let stored = self.state(id).last_status;
            let (condition, desired) = (sync.progressing, spec.replicas);
            sync.progressing =
                status::sync_progress(stored, condition, sync.status, desired, deadline, now);
            sync.rolls = true;
        }
        self.write_status(&mut sync, cluster.second_phase, out);
        debug_assert!(sync.end >= ctx.now, "a sync ends after it began");
        self.state(id).key.done(sync.end);
        self.sets = sync.sets;
    }

    fn call(&mut self, sync: &mut Sync) -> Time {
        let luck = &mut self.states.entry(sync.id).luck;
        let by = (sync.deployment.uid, "deployment controller");
        sync.end = self.bucket.call(sync.ctx, luck, by, sync.end);
        sync.end
    }

    /// Finds or creates the set of the present template; a re-used one gets the next revision.
    fn ensure_new_set(&mut self, sync: &mut Sync, informer: &Informer, out: &mut impl Out<Event>) {
        let highest = sync.sets.iter().map(|(_, s)| s.revision).max().unwrap_or(0);
        if let Some(new) = sync.new {
            if sync.progressing.is_none() {
                self.note_new_set(sync, Reason::FoundNewReplicaSet);
            }
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
        self.note_new_set(sync, Reason::NewReplicaSetCreated);
    }

    /// The clock of the progress deadline starts, if there is one. Written with the sync's status.
    fn note_new_set(&self, sync: &mut Sync, reason: Reason) {
        if sync.deployment.spec.progress_deadline_seconds.is_some() {
            let (now, before) = (sync.ctx.now, sync.progressing);
            sync.progressing = Some(status::set(before, ConditionStatus::True, reason, now));
        }
    }

    /// Writes what has changed of the status; if nothing has, looks again when the deadline will have passed.
    fn write_status(&mut self, sync: &mut Sync, second_phase: Dur, out: &mut impl Out<Event>) {
        let (deployment, status) = (sync.id, sync.status);
        let state = self.state(deployment);
        if !sync.wrote {
            state.key.forget();
        }
        debug_assert!(
            status.available <= status.ready,
            "no more are available than ready: {status:?}"
        );
        let progressing = match sync.progressing == state.progressing {
            true => state.progressing,
            false => sync.progressing.map(|condition| condition.on_the_wire(second_phase)),
        };
        let before = std::mem::replace(&mut state.progressing, progressing);
        let old = std::mem::replace(&mut state.last_status, status);
        if status == old && progressing == before {
            self.requeue_stuck(sync, out);
            return;
        }
        let late = |c: Option<Progressing>| status::has_reason(c, Reason::ProgressDeadlineExceeded);
        let at = self.call(sync);
        if late(progressing) && !late(before) {
            out.write(at, Write::ProgressDeadlineExceeded { deployment });
            if status == old {
                return;
            }
        }
        out.write(at, Write::WorkloadStatus { workload: deployment, status });
    }

    fn requeue_stuck(&mut self, sync: &Sync, out: &mut impl Out<Event>) {
        let deadline = sync.deployment.spec.progress_deadline_seconds;
        let (condition, now) = (sync.progressing, sync.ctx.now);
        if !sync.rolls {
            return;
        }
        let wait = match status::requeue_stuck(condition, deadline, sync.is_complete(), now) {
            Requeue::No => return,
            // What was complete does not time out, so that nothing would come of looking again and again.
            Requeue::Now if status::has_reason(condition, Reason::NewReplicaSetAvailable) => return,
            Requeue::Now => retry_delay(&sync.ctx.kubernetes.defaults, 1),
            Requeue::After(wait) => wait,
        };
        self.state(sync.id).key.add_at(now + wait, sync.id, out);
    }
}
