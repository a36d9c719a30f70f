//! The StatefulSet controller (`pkg/controller/statefulset/stateful_set.go`): one sync reads the cache, makes
//! one pass over the pods and writes the status.

use super::rules::{self, Rules, Slot, Step};
use crate::cluster::PodPhase;
use crate::cluster::objects::{Member, PodId, TemplateId, Workload, WorkloadId, WorkloadStatus};
use crate::cluster::server::Cluster;
use crate::cluster::workload::Strategy;
use crate::cluster::write::Write;
use crate::engine::{Dur, List, Luck, Time};
use crate::model::informer::{Informer, PodChange, available_from};
use crate::model::platform::{Defaults, Kubernetes};
use crate::model::plumbing::{Ctx, Out, Queued, TokenBucket, Turn, slow_start_batch};

/// What can happen to the controller.
pub type Event = Turn<WorkloadId>;

/// Since then it looks when the next pod becomes available (issue 119352, pull request 135428 of
/// kubernetes/kubernetes).
const LOOKS_IN_TIME_SINCE: u32 = 36;

#[derive(Clone, Debug, Default)]
struct State {
    key: Queued,
    /// By ordinal: the pod that the cache shows under that name.
    pods: Vec<Option<PodId>>,
    last_status: WorkloadStatus,
    luck: Option<Luck>,
}

/// The StatefulSet controller, with what it remembers of each set.
#[derive(Debug)]
pub struct Controller {
    states: List<WorkloadId, State>,
    slots: Vec<Slot>,
    steps: Vec<Step>,
    bucket: TokenBucket,
}

impl Controller {
    /// With an empty queue.
    pub fn new(defaults: &Defaults) -> Controller {
        Controller {
            states: List::new(),
            slots: Vec::new(),
            steps: Vec::new(),
            bucket: TokenBucket::of_controller(defaults),
        }
    }

    fn state(&mut self, id: WorkloadId) -> &mut State {
        self.states.entry(id)
    }

    /// Takes a set over that has been like this for long.
    pub fn adopt(&mut self, id: WorkloadId, pods: &[PodId], status: WorkloadStatus) {
        debug_assert!(status.available <= status.ready, "{status:?}");
        let state = self.state(id);
        state.pods = pods.iter().copied().map(Some).collect();
        state.last_status = status;
    }

    /// The cache shows a change of the set itself.
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
        let ordinal = cluster.pods[pod].number as usize;
        let pods = &mut self.state(id).pods;
        if pods.len() <= ordinal {
            pods.resize(ordinal + 1, None);
        }
        match after.exists {
            true => pods[ordinal] = Some(pod),
            false if pods[ordinal] == Some(pod) => pods[ordinal] = None,
            false => {}
        }
        let seconds = cluster.workloads[id].spec.min_ready_seconds;
        let late = ctx.kubernetes.control_plane < LOOKS_IN_TIME_SINCE;
        if late && seconds > 0 && after.counts_as_ready() && !before.counts_as_ready() {
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
        let Strategy::StatefulSet(strategy) = set.spec.strategy else {
            panic!("a StatefulSet has its own strategy: {:?}", set.spec.strategy);
        };
        let Kubernetes { control_plane, max_unavailable_stateful_set: gate, .. } = ctx.kubernetes;
        let rules = Rules::of(strategy, set.spec.replicas, control_plane, gate);
        self.state(id).key.start(ctx.now);
        let replicas = set.spec.replicas.max(0) as usize;
        let mut slots = std::mem::take(&mut self.slots);
        self.look(ctx, id, (set, rules), informer, &mut slots);
        let status = status_of(&slots, set.generation);
        let mut steps = std::mem::take(&mut self.steps);
        steps.clear();
        rules::pass(rules, &slots, replicas, &mut steps);
        let mut end = self.take(ctx, id, (set, rules), &steps, out);
        (self.slots, self.steps) = (slots, steps);
        if status != self.state(id).last_status {
            self.state(id).last_status = status;
            end = self.call(ctx, (id, set.uid), end);
            let complete = status.updated == set.spec.replicas && status.ready == status.updated;
            if complete && status.replicas == status.updated && set.current != set.template {
                let (workload, template) = (id, set.template);
                out.write(end, Write::CurrentRevision { workload, template });
            }
            out.write(end, Write::WorkloadStatus { workload: id, status });
        }
        if let Some(at) = self.look_again(ctx, id, (set, status), informer, end) {
            self.state(id).key.add_at(at, id, out);
        }
        debug_assert!(end >= ctx.now, "a sync ends after it began");
        self.state(id).key.done(end);
    }

    /// When something is to be looked at that no change tells of: when the next pod becomes available; before
    /// v1.36 after the full minReadySeconds from now, which may be almost as much again too late.
    fn look_again(
        &self,
        ctx: Ctx,
        id: WorkloadId,
        (set, status): (&Workload, WorkloadStatus),
        informer: &Informer,
        end: Time,
    ) -> Option<Time> {
        let seconds = set.spec.min_ready_seconds;
        if seconds == 0 || status.available == set.spec.replicas {
            return None;
        }
        if ctx.kubernetes.control_plane < LOOKS_IN_TIME_SINCE {
            return Some(end + Dur::from_secs(i64::from(seconds)));
        }
        let ready = self.states[id].pods.iter().flatten().map(|pod| informer.pod(*pod));
        let ready = ready.filter(|seen| seen.exists && seen.ready);
        let from = ready.map(|seen| available_from(seen.ready_transition, seconds));
        from.filter(|from| *from > ctx.now && !from.is_never()).min().map(|from| from.max(end))
    }

    /// The pods as the cache shows them, by ordinal.
    fn look(
        &mut self,
        ctx: Ctx,
        id: WorkloadId,
        (set, rules): (&Workload, Rules),
        informer: &Informer,
        slots: &mut Vec<Slot>,
    ) {
        let pods = &mut self.state(id).pods;
        let replicas = set.spec.replicas.max(0) as usize;
        if pods.len() < replicas {
            pods.resize(replicas, None);
        }
        slots.clear();
        slots.extend(pods.iter().enumerate().map(|(ordinal, pod)| {
            let Some(pod) = pod else {
                let newest = rules::made_of_newest(rules, ordinal) || set.current == set.template;
                return Slot { updated: newest, ..Slot::default() };
            };
            let seen = informer.pod(*pod);
            let ready = seen.phase == PodPhase::Running && seen.ready;
            let (since, seconds) = (seen.ready_transition, set.spec.min_ready_seconds);
            Slot {
                exists: seen.exists,
                updated: seen.template == set.template,
                terminating: seen.deleting,
                finished: seen.phase.is_terminal(),
                ready,
                available: ready && available_from(since, seconds) <= ctx.now,
            }
        }));
    }

    /// Calls one after the other; with Parallel creations in batches of 1, 2, 4, ...
    fn take(
        &mut self,
        ctx: Ctx,
        id: WorkloadId,
        (set, rules): (&Workload, Rules),
        steps: &[Step],
        out: &mut impl Out<Event>,
    ) -> Time {
        let mut end = ctx.now;
        let (mut next, first) = (0, ctx.kubernetes.defaults.slow_start_initial_batch_size);
        slow_start_batch(steps.len() as u32, first, |batch| {
            let start = end;
            for _ in 0..batch {
                let from = if rules.parallel { start } else { end };
                let at = self.call(ctx, (id, set.uid), from);
                match steps[next] {
                    Step::Create(ordinal) => {
                        let template = template_of(set, rules, ordinal);
                        let member = Member::Ordinal(ordinal as u32);
                        out.write(at, Write::CreateMember { workload: id, template, member });
                    }
                    Step::Delete(ordinal) => {
                        let pod = self.states[id].pods[ordinal].expect("a pod that goes is there");
                        out.write(at, Write::DeletePod { pod, grace: None });
                    }
                }
                end = end.max(at);
                next += 1;
            }
            batch
        });
        end
    }

    fn call(&mut self, ctx: Ctx, (id, uid): (WorkloadId, u64), start: Time) -> Time {
        let luck = &mut self.states.entry(id).luck;
        self.bucket.call(ctx, luck, (uid, "statefulset controller"), start)
    }
}

/// What the pod of an ordinal is made from.
fn template_of(set: &Workload, rules: Rules, ordinal: usize) -> TemplateId {
    if rules::made_of_newest(rules, ordinal) { set.template } else { set.current }
}

/// `stateful_set_control.go: computeReplicaStatus`.
fn status_of(slots: &[Slot], observed_generation: u32) -> WorkloadStatus {
    let count = |of: &dyn Fn(&Slot) -> bool| slots.iter().filter(|s| s.exists && of(s)).count();
    WorkloadStatus {
        desired: 0,
        replicas: count(&|_| true) as i32,
        updated: count(&|s| s.updated && !s.terminating) as i32,
        ready: count(&|s| s.ready) as i32,
        available: count(&|s| s.available) as i32,
        observed_generation,
    }
}
