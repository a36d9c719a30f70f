//! The vertical pod autoscaler: its webhook admits new pods with what it recommends, its updater evicts the
//! others or has them resized where they run, and kubelets give what there is room for.

use super::{Event as WorldEvent, World, outcome};
use crate::cluster::objects::{NodeId, Owner, Pod, PodId, TemplateId, WorkloadId};
use crate::cluster::phase::PodPhase;
use crate::cluster::spec::Resources;
use crate::cluster::write::{Change, Write};
use crate::engine::list::id;
use crate::engine::{Dur, List, Rng, Time};
use crate::model::disruption::eviction::Answer;
use crate::model::kubelet::controller as kubelet;
use crate::model::vertical::Updates;
use crate::model::vertical::rules::{Group, Limits, is_due};
use crate::model::vertical::spec::{Change as Wanted, Mode, VerticalPodAutoscaler};
use std::sync::Arc;

id!(VerticalId(u8), "Index of a VerticalPodAutoscaler.");

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The updater looks at the pods of the target.
    Round(VerticalId),
    /// It takes the next of those that it has found.
    Next(VerticalId),
    /// The kubelet looks whether there is room for what a pod is to have.
    Resize(VerticalId, PodId),
}

/// A resize that has been asked for and not been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Resize {
    pod: PodId,
    /// The condition PodResizePending, reason Deferred, since then; None: the kubelet has not looked.
    deferred: Option<Time>,
    /// The same, reason Infeasible.
    infeasible: bool,
}

/// What is remembered of one object.
#[derive(Debug)]
pub(super) struct Object {
    spec: Arc<VerticalPodAutoscaler>,
    target: WorkloadId,
    rng: Rng,
    /// Those that this round is still to look at, the next one last.
    queue: Vec<PodId>,
    /// Of each group, how many this round has evicted, and how many it has begun to resize.
    taken: Vec<(Owner, [i32; 2])>,
    resizes: Vec<Resize>,
    updates: Updates,
}

/// All of them.
pub(super) type Verticals = List<VerticalId, Object>;

impl Object {
    fn new(spec: &Arc<VerticalPodAutoscaler>, target: WorkloadId, rng: Rng) -> Object {
        let updates = Updates {
            name: spec.name.clone(),
            target: spec.target.clone(),
            mode: spec.mode,
            shown: spec.shown.clone(),
            min_replicas: spec.min_replicas,
            admitted: 0,
            evicted: Vec::new(),
            refused: 0,
            resized: Vec::new(),
            restarted: 0,
            deferred: 0,
            infeasible: 0,
            too_few: 0,
        };
        let (queue, taken, resizes) = (Vec::new(), Vec::new(), Vec::new());
        Object { spec: spec.clone(), target, rng, queue, taken, resizes, updates }
    }

    /// What this round has taken of a group.
    fn of_group(&self, owner: Owner) -> [i32; 2] {
        self.taken.iter().find(|(of, _)| *of == owner).map_or([0; 2], |(_, counts)| *counts)
    }

    fn takes(&mut self, owner: Owner, by: [i32; 2]) {
        let [evicted, resized] = self.of_group(owner);
        self.taken.retain(|(of, _)| *of != owner);
        self.taken.push((owner, [evicted + by[0], resized + by[1]]));
        debug_assert!(by[0] + by[1] == 1, "one pod at a time");
    }
}

impl World<'_> {
    /// Updaters begin to look, each at its own phase.
    pub(super) fn start_verticals(&mut self) {
        let now = self.queue.now();
        for (number, spec) in (0u8..).zip(&self.scenario.verticals) {
            let is = |w: &WorkloadId| self.cluster.workloads[*w].spec.name == spec.target;
            let Some(target) = self.cluster.workloads.ids().find(is) else { continue };
            let mut rng = self.run.seed.stream("vpa", u64::from(number));
            let every = self.scenario.kubernetes.defaults.vpa_updater_interval;
            let phase = every.part(rng.uniform());
            let id = VerticalId(self.verticals.len() as u8);
            self.verticals.push(Object::new(spec, target, rng));
            debug_assert!(self.verticals.len() == id.index() + 1, "they are numbered in order");
            if spec.mode.evicts() {
                self.queue.schedule(now + phase, WorldEvent::Vertical(Event::Round(id)));
            }
        }
    }

    /// What became of each.
    pub(super) fn updates(&mut self) -> Vec<Updates> {
        std::mem::take(&mut self.verticals).into_iter().map(|object| object.updates).collect()
    }

    pub(super) fn vertical(&mut self, now: Time, event: Event) {
        debug_assert!(!self.verticals.is_empty(), "{event:?} is of one of them");
        match event {
            Event::Round(id) => self.look_for_updates(now, id),
            Event::Next(id) => self.take_next(now, id),
            Event::Resize(id, pod) => self.resize(now, id, pod),
        }
    }

    /// A pod has just been made: the webhook changes it before anybody sees it.
    pub(super) fn admit(&mut self, now: Time) {
        let Some(&Change::PodCreated(pod)) = self.cluster.log.last() else { return };
        let workload = self.cluster.workload_of(pod);
        let is = |o: &&mut Object| o.target == workload && o.spec.mode != Mode::Off;
        let Some(object) = self.verticals.iter_mut().find(is) else { return };
        if now < object.spec.since {
            return;
        }
        let template = &self.cluster.templates[self.cluster.pods[pod].template];
        let Some(wanted) = object.spec.changes.iter().find(|c| c.from == *template) else { return };
        object.updates.admitted += 1;
        self.cluster.admit(pod, &wanted.to.clone());
        debug_assert!(self.cluster.pods[pod].node.is_none(), "nobody has seen it yet");
    }

    /// What a pod is to be, and is not.
    fn wanted(&self, id: VerticalId, pod: PodId) -> Option<&Wanted> {
        let object = &self.cluster.pods[pod];
        let changes = &self.verticals[id].spec.changes;
        let wanted = changes.iter().find(|c| c.from == self.cluster.templates[object.template])?;
        (self.cluster.templates[object.spec] != wanted.to).then_some(wanted)
    }

    /// One round: those that are to be changed, the most urgent first.
    fn look_for_updates(&mut self, now: Time, id: VerticalId) {
        let defaults = self.scenario.kubernetes.defaults;
        let next = WorldEvent::Vertical(Event::Round(id));
        self.queue.schedule(now + defaults.vpa_updater_interval, next);
        let spec = self.verticals[id].spec.clone();
        if now < spec.since {
            return;
        }
        let limits = Limits {
            settled: defaults.vpa_settled,
            threshold: f64::from(defaults.vpa_update_threshold_percent) / 100.0,
        };
        let pods = self.live_pods(self.verticals[id].target);
        let mut found: Vec<(bool, f64, PodId)> = Vec::new();
        let mut small: Vec<Owner> = Vec::new();
        for &pod in &pods {
            let Pod { owner, created, .. } = self.cluster.pods[pod];
            let Some(Wanted { need, .. }) = self.wanted(id, pod) else { continue };
            if !is_due(*need, now - created, limits) {
                continue;
            }
            let group = pods.iter().filter(|p| self.cluster.pods[**p].owner == owner).count();
            match (group as i32) < spec.min_replicas {
                true if small.contains(&owner) => {}
                true => small.push(owner),
                false => found.push((need.grows, need.change, pod)),
            }
        }
        // Those that must grow first, then the larger difference.
        found.sort_by(|a, b| {
            (b.0, b.1).partial_cmp(&(a.0, a.1)).expect("no NaN").then(a.2.cmp(&b.2))
        });
        let object = &mut self.verticals[id];
        object.updates.too_few += small.len() as u32;
        object.queue = found.into_iter().rev().map(|(.., pod)| pod).collect();
        object.taken.clear();
        debug_assert!(object.taken.is_empty(), "a round begins with nobody taken");
        self.queue.schedule(now, WorldEvent::Vertical(Event::Next(id)));
    }

    /// A workload's pods that are not being deleted.
    fn live_pods(&self, workload: WorkloadId) -> Vec<PodId> {
        let pods = self.cluster.pods_of(workload);
        pods.filter(|p| self.cluster.pods[*p].deleting.is_none()).collect()
    }

    /// Whether the group of a pod can do without it.
    fn may_lose(&self, id: VerticalId, pod: PodId) -> bool {
        let object = &self.verticals[id];
        let Pod { owner, status, .. } = self.cluster.pods[pod];
        let replicas = match owner {
            Owner::ReplicaSet(rs) => self.cluster.replica_sets[rs].replicas,
            Owner::Workload(id) => self.cluster.progress(id).desired,
        };
        let runs = |p: &&PodId| {
            let pod = &self.cluster.pods[**p];
            pod.owner == owner && pod.status.phase != PodPhase::Pending
        };
        let defaults = &self.scenario.kubernetes.defaults;
        let pods = self.live_pods(object.target);
        let [evicted, resized] = object.of_group(owner);
        let group = Group {
            replicas,
            // As many as there were when the round began: what it evicts is gone from the list.
            running: pods.iter().filter(runs).count() as i32 + evicted,
            changed: evicted + resized,
            tolerance: Group::tolerance(replicas, defaults.vpa_eviction_tolerance_percent),
        };
        group.may_lose(status.phase != PodPhase::Pending)
    }

    /// The next pod of a round is resized, or evicted, or left for the next one.
    fn take_next(&mut self, now: Time, id: VerticalId) {
        let Some(pod) = self.verticals[id].queue.pop() else { return };
        let mut at = now;
        let object = &self.cluster.pods[pod];
        let there = object.stays();
        if there && self.may_lose(id, pod) {
            let latency = self.run.latencies.api_write.draw(&mut self.verticals[id].rng);
            at = now + crate::model::plumbing::slowed(latency, self.slowdown());
            let owner = self.cluster.pods[pod].owner;
            let (taken, by) = match self.resizes_first(now, id, pod) {
                true => (self.ask_for_resize(at, id, pod), [0, 1]),
                false => (self.evict_for_update((now, at), id, pod), [1, 0]),
            };
            if taken {
                self.verticals[id].takes(owner, by);
            }
        }
        debug_assert!(at >= now, "one call after the other");
        self.queue.schedule(at, WorldEvent::Vertical(Event::Next(id)));
    }

    /// Whether a pod is to be resized where it runs; else it is evicted.
    fn resizes_first(&self, now: Time, id: VerticalId, pod: PodId) -> bool {
        let object = &self.verticals[id];
        let can = self.wanted(id, pod).is_some_and(|wanted| wanted.in_place);
        let limit = self.scenario.kubernetes.defaults.vpa_deferred_limit;
        let failed =
            object.resizes.iter().find(|r| r.pod == pod).is_some_and(|r| {
                r.infeasible || r.deferred.is_some_and(|since| now - since > limit)
            });
        let placed = self.cluster.pods[pod].node.is_some();
        object.spec.mode == Mode::InPlaceOrRecreate && can && placed && !failed
    }

    /// Whether a resize was begun: one that is under way goes on.
    fn ask_for_resize(&mut self, at: Time, id: VerticalId, pod: PodId) -> bool {
        if self.verticals[id].resizes.iter().any(|r| r.pod == pod) {
            return false;
        }
        let object = &mut self.verticals[id];
        object.resizes.push(Resize { pod, deferred: None, infeasible: false });
        let heard = self.run.latencies.watch_kubelet.draw(&mut object.rng);
        let took = self.scenario.kubernetes.defaults.resize_latency;
        debug_assert!(took >= Dur::ZERO, "{took:?}");
        self.queue.schedule(at + heard + took, WorldEvent::Vertical(Event::Resize(id, pod)));
        true
    }

    /// Whether an eviction was granted.
    fn evict_for_update(&mut self, (now, at): (Time, Time), id: VerticalId, pod: PodId) -> bool {
        let (answer, _) = self.evict(now, pod);
        let updates = &mut self.verticals[id].updates;
        let granted = answer == Answer::Deleted;
        let name = outcome::name_of(&self.cluster, pod);
        let text = match granted {
            true => {
                updates.evicted.push(now);
                let delete = Write::DeletePod { pod, grace: None };
                self.queue.schedule(at, WorldEvent::Write(delete));
                self.verticals[id].resizes.retain(|r| r.pod != pod);
                format!("{} evicts {name}", self.verticals[id].spec.name)
            }
            false => {
                updates.refused += 1;
                format!("{} may not evict {name}: its budget", updates.name)
            }
        };
        debug_assert!(at >= now, "what is granted is written later");
        self.note(now, text);
        granted
    }

    /// The kubelet looks whether a pod can be given what it is to have.
    fn resize(&mut self, now: Time, id: VerticalId, pod: PodId) {
        let object = &self.cluster.pods[pod];
        let (Some(node), false) = (object.node, object.removed || object.deleting.is_some()) else {
            return self.verticals[id].resizes.retain(|r| r.pod != pod);
        };
        let Some(wanted) = self.wanted(id, pod).cloned() else { return };
        let to = self.cluster.intern_template(&wanted.to);
        let (fits_empty, fits) = self.room(node, pod, to);
        let object = &mut self.verticals[id];
        let Some(resize) = object.resizes.iter_mut().find(|r| r.pod == pod) else { return };
        debug_assert!(fits_empty || !fits, "what never fits does not fit now");
        if !fits {
            if !fits_empty && !resize.infeasible {
                object.updates.infeasible += 1;
            } else if fits_empty && resize.deferred.is_none() {
                object.updates.deferred += 1;
            }
            resize.infeasible |= !fits_empty;
            resize.deferred = resize.deferred.or(Some(now));
            return;
        }
        object.resizes.retain(|r| r.pod != pod);
        object.updates.resized.push(now);
        object.updates.restarted += wanted.restarts.len() as u32;
        self.cluster.apply(now, Write::Resize { pod, spec: to });
        for container in wanted.restarts {
            let event = kubelet::Event::Resized { pod, container };
            self.queue.schedule(now, WorldEvent::Kubelet(event));
        }
        let name = outcome::name_of(&self.cluster, pod);
        self.note(now, format!("{name} is resized where it runs"));
    }

    /// Whether a node has room for a pod as it is to be: were it alone there, and beside the others.
    fn room(&self, node: NodeId, pod: PodId, to: TemplateId) -> (bool, bool) {
        let Some(has) = self.cluster.nodes[node].allocatable else { return (true, true) };
        let asks = |t: TemplateId| self.cluster.templates[t].requests(Resources::default());
        let others = self.pods_on(node).filter(|p| *p != pod);
        let others = others.map(|p| asks(self.cluster.pods[p].spec));
        let all = others.fold(asks(to), Resources::plus);
        let fits =
            |r: Resources| r.cpu_millis <= has.cpu_millis && r.memory_bytes <= has.memory_bytes;
        (fits(asks(to)), fits(all))
    }

    /// A pod has left its node: resizes that waited for room there are looked at again.
    pub(super) fn retry_resizes(&mut self, now: Time, gone: PodId) {
        let Some(node) = self.cluster.pods[gone].node else { return };
        for id in self.verticals.ids().collect::<Vec<_>>() {
            for resize in self.verticals[id].resizes.clone() {
                let waits = resize.deferred.is_some() && !resize.infeasible;
                if waits && self.cluster.pods[resize.pod].node == Some(node) {
                    let look = Event::Resize(id, resize.pod);
                    self.queue.schedule(now, WorldEvent::Vertical(look));
                }
            }
        }
        debug_assert!(self.cluster.pods[gone].removed, "who left is gone");
    }
}
