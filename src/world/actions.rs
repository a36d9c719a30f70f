//! What the user does: each action is one or more steps at their times.

use super::{Event, World, outcome, says};
use crate::cluster::objects::{DeploymentId, PodId, Write};
use crate::cluster::spec::{Deployment, Labels, PodDisruptionBudget, selects};
use crate::engine::{Dur, Time};
use crate::model::disruption::eviction::{self, Answer, EvictedPod, Store};
use crate::model::disruption::pdb::{self, BudgetPod};
use crate::scenario::ActionKind;
use crate::timeline::Milestone;
use std::borrow::Cow;

/// A step of an action, by the action's index in the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Begin(u32),
    /// Asks for the eviction of the `next`-th pod of the list.
    Evict {
        action: u32,
        next: u32,
    },
    /// Looks whether the second Deployment is available.
    AwaitAvailable(u32),
    SwitchSelector(u32),
    /// The slice controller sees the Service's new selector.
    SelectorSeen,
    ScaleDown(u32),
}

/// What actions in progress have to remember.
#[derive(Debug, Default)]
pub(super) struct Actions {
    /// Per action: the pods it goes through.
    pods: Vec<(u32, Vec<PodId>)>,
    /// The second Deployment of a selector switch.
    second: Option<DeploymentId>,
    /// The action that waits for it.
    awaiting: Option<u32>,
    /// Pods for whose eviction a budget gave a disruption, and when: they count at once, before the deletion
    /// is written.
    evicted: Vec<(PodId, Time)>,
}

/// How often a script that waits for availability looks.
const POLL: Dur = Dur::from_millis(20);
/// One eviction after the other: the client's own time between two.
const EVICTION_GAP: Dur = Dur::from_millis(100);

impl World<'_> {
    pub(super) fn act(&mut self, now: Time, step: Step) {
        match step {
            Step::Begin(index) => self.begin(now, index),
            Step::Evict { action, next } => self.evict_next(now, action, next),
            Step::AwaitAvailable(index) => self.await_available(now, index),
            Step::SwitchSelector(index) => self.switch_selector(now, index),
            Step::SelectorSeen => self.selector_seen(now),
            Step::ScaleDown(_) => self.scale(DeploymentId(self.scenario.subject as u32), 0),
        }
    }

    fn begin(&mut self, now: Time, index: u32) {
        let kind = &self.scenario.actions[index as usize].kind;
        if kind.is_rollout() {
            self.tracker.rollout_begins();
        }
        let subject = self.subject();
        let what = match kind {
            ActionKind::Rollout { deployment } => {
                self.cluster.set_deployment(subject, (**deployment).clone());
                "rollout".to_string()
            }
            ActionKind::Undo { to_revision } => self.undo(subject, *to_revision),
            ActionKind::Scale { deployment, replicas } => {
                self.scale(DeploymentId(*deployment as u32), *replicas);
                format!("scale to {replicas}")
            }
            ActionKind::DeletePods { count } => self.delete_pods(now, subject, *count),
            ActionKind::Evict { .. } => {
                let pods = self.named_pods(subject);
                self.actions.pods.push((index, pods));
                self.evict_next(now, index, 0);
                "evict".to_string()
            }
            ActionKind::SelectorSwitch { deployment, wait_available, switch_after, .. } => {
                let id = self.cluster.create_deployment((**deployment).clone());
                self.actions.second = Some(id);
                let (at, step) = match wait_available {
                    true => (now, Step::AwaitAvailable(index)),
                    false => (now + *switch_after, Step::SwitchSelector(index)),
                };
                self.queue.schedule(at, Event::Action(step));
                "create the second Deployment".to_string()
            }
            ActionKind::ShiftWeight { weights } => self.shift_weight(now, weights),
            ActionKind::RestartIngress => self.restart_ingress(now),
            ActionKind::Pause => self.set_paused(subject, true),
            ActionKind::Resume => self.set_paused(subject, false),
            ActionKind::Drain { node } => self.drain(now, index, *node),
        };
        self.timeline.mark(now, Milestone::Action(what));
    }

    fn edit(&mut self, id: DeploymentId, change: impl FnOnce(&mut Deployment)) {
        let mut spec = self.cluster.deployments[id.index()].spec.clone();
        change(&mut spec);
        self.cluster.set_deployment(id, spec);
    }

    fn scale(&mut self, id: DeploymentId, replicas: i32) {
        self.edit(id, |spec| spec.replicas = replicas);
    }

    fn set_paused(&mut self, id: DeploymentId, paused: bool) -> String {
        self.edit(id, |spec| spec.paused = paused);
        if paused { "pause" } else { "resume" }.to_string()
    }

    /// Back to the given revision, or to the second highest.
    fn undo(&mut self, id: DeploymentId, to_revision: Option<u32>) -> String {
        let mut sets: Vec<_> = self
            .cluster
            .replica_sets
            .iter()
            .filter(|set| set.deployment == id && !set.removed)
            .map(|set| (set.revision, set.template))
            .collect();
        sets.sort_unstable();
        let wanted = match to_revision {
            Some(revision) => sets.iter().find(|(r, _)| *r == revision),
            None => sets.iter().rev().nth(1),
        };
        let Some(&(revision, template)) = wanted else {
            return "undo: no such revision".to_string();
        };
        let template = self.cluster.templates[template.index()].clone();
        self.edit(id, |spec| spec.template = template);
        format!("undo to revision {revision}")
    }

    /// A Deployment's pods in the order of their (random) names.
    fn named_pods(&self, id: DeploymentId) -> Vec<PodId> {
        let mut pods = self.cluster.pods_of(id);
        pods.sort_by_key(|p| self.cluster.pods[p.index()].uid);
        pods
    }

    fn delete_pods(&mut self, now: Time, id: DeploymentId, count: u32) -> String {
        for pod in self.named_pods(id).into_iter().take(count as usize) {
            let at = now + self.latency(|l| &l.api_write);
            self.queue.schedule(at, Event::Write(Write::DeletePod { pod }));
        }
        format!("delete {count} pods")
    }

    fn drain(&mut self, now: Time, index: u32, node: usize) -> String {
        let cordon = Write::SetUnschedulable { node: node as u16, value: true };
        self.cluster.apply(now, cordon, 0);
        let on_node = |p: &PodId| {
            let pod = &self.cluster.pods[p.index()];
            !pod.removed && pod.node == Some(node as u16)
        };
        let pods: Vec<PodId> =
            (0..self.cluster.pods.len() as u32).map(PodId).filter(on_node).collect();
        // After the answer to the cordon, and the list of pods: all at once; refused ones are tried again,
        // each for itself.
        let listed = now + self.latency(|l| &l.api_write) + self.latency(|l| &l.api_write);
        for next in 0..pods.len() as u32 {
            self.queue.schedule(listed, Event::Action(Step::Evict { action: index, next }));
        }
        self.actions.pods.push((index, pods));
        format!("drain {}", self.scenario.nodes[node].name)
    }

    fn evict_next(&mut self, now: Time, action: u32, next: u32) {
        let list = self.actions.pods.iter().find(|(a, _)| *a == action);
        let Some(&pod) = list.and_then(|(_, pods)| pods.get(next as usize)) else { return };
        let (retry, serial) = match &self.scenario.actions[action as usize].kind {
            ActionKind::Evict { retry } => (*retry, true),
            _ => (self.scenario.kubernetes.defaults.drain_retry, false),
        };
        let at = now + self.latency(|l| &l.api_write);
        let (answer, budgets) = self.evict(now, pod);
        match answer {
            Answer::Deleted => {
                self.queue.schedule(at, Event::Write(Write::DeletePod { pod }));
            }
            Answer::TooManyRequests(_) | Answer::Conflict => {
                let step = Step::Evict { action, next };
                self.queue.schedule(now + retry, Event::Action(step));
                return;
            }
            // An error that `kubectl drain` does not try again.
            Answer::SeveralBudgets => {
                let name = outcome::name_of(&self.cluster, pod);
                let note = format!("eviction of {name} refused: {budgets} budgets select it");
                self.timeline.mark(now, Milestone::Note(note));
            }
        }
        if serial {
            let step = Step::Evict { action, next: next + 1 };
            self.queue.schedule(at + EVICTION_GAP, Event::Action(step));
        }
    }

    /// The eviction API; also how many budgets select the pod.
    fn evict(&mut self, now: Time, pod: PodId) -> (Answer, usize) {
        let defaults = &self.scenario.kubernetes.defaults;
        let labels = &self.cluster.template_of(pod).labels;
        let object = &self.cluster.pods[pod.index()];
        if object.removed {
            return (Answer::Deleted, 0);
        }
        let selecting = self.scenario.pod_disruption_budgets.iter();
        let selecting = selecting.filter(|b| selects(&b.selector, labels));
        let budgets: Vec<_> = selecting.map(|budget| self.budget(now, budget)).collect();
        let (phase, ready) = (object.status.phase, object.status.ready);
        let mut stored = Stored(EvictedPod { phase, ready, deleting: object.deleting.is_some() });
        let (answer, taken) = eviction::create(defaults, &mut stored, &budgets, false);
        if taken {
            self.actions.evicted.push((pod, now));
        }
        (answer, budgets.len())
    }

    /// A budget with its status of this instant.
    fn budget(&self, now: Time, budget: &PodDisruptionBudget) -> eviction::Budget {
        let covered = |p: &PodId| {
            let pod = &self.cluster.pods[p.index()];
            !pod.removed && selects(&budget.selector, &self.cluster.template_of(*p).labels)
        };
        let pods: Vec<PodId> =
            (0..self.cluster.pods.len() as u32).map(PodId).filter(covered).collect();
        let seen = pods.iter().map(|p| {
            let pod = &self.cluster.pods[p.index()];
            let evicted = self.actions.evicted.iter().find(|(evicted, _)| evicted == p);
            let evicted = evicted.map(|&(_, at)| at);
            BudgetPod { ready: pod.status.ready, deleting: pod.deleting.is_some(), evicted }
        });
        let healthy = pdb::count_healthy(&self.scenario.kubernetes.defaults, seen, now);
        let mut owners: Vec<DeploymentId> =
            pods.iter().map(|&p| self.cluster.deployment_of(p)).collect();
        owners.sort_unstable();
        owners.dedup();
        let expected: i32 =
            owners.iter().map(|d| self.cluster.deployments[d.index()].spec.replicas).sum();
        let (least, most) = (budget.min_available, budget.max_unavailable);
        eviction::Budget {
            status: pdb::status(least, most, pods.len() as i32, healthy, expected),
            observed: true,
            always_allow_unhealthy: budget.always_allow_unhealthy,
        }
    }

    fn await_available(&mut self, now: Time, index: u32) {
        let Some(second) = self.actions.second else { return };
        let deployment = &self.cluster.deployments[second.index()];
        if deployment.status.available >= deployment.spec.replicas {
            self.queue.schedule(now + POLL, Event::Action(Step::SwitchSelector(index)));
        } else {
            self.actions.awaiting = Some(index);
        }
    }

    /// A Deployment's status changed: whoever waits for it looks again.
    pub(super) fn actions_wait(&mut self, now: Time) {
        if let Some(index) = self.actions.awaiting.take() {
            self.await_available(now, index);
        }
    }

    fn switch_selector(&mut self, now: Time, index: u32) {
        let ActionKind::SelectorSwitch { deployment, scale_down_after, .. } =
            &self.scenario.actions[index as usize].kind
        else {
            panic!("a selector switch belongs to an action of that kind");
        };
        let write = self.latency(|l| &l.api_write);
        let seen = self.latency(|l| &l.watch_controller);
        self.selectors[0] = Cow::Owned(self.switched_selector(&deployment.template.labels));
        self.queue.schedule(now + write + seen, Event::Action(Step::SelectorSeen));
        if let Some(after) = *scale_down_after {
            self.queue.schedule(now + write + after, Event::Action(Step::ScaleDown(index)));
        }
        let note = "switch the Service's selector".to_string();
        self.timeline.mark(now, Milestone::Action(note));
    }

    /// The Service's selector with the values that the second Deployment's pods have; if the old selector
    /// matches them already, the labels in which the two templates differ are added.
    fn switched_selector(&self, labels: &Labels) -> Labels {
        let mut selector = self.scenario.service.selector.clone();
        for (key, value) in &mut selector {
            if let Some(new) = labels.get(key) {
                *value = new.clone();
            }
        }
        let first = &self.scenario.deployments[self.scenario.subject].template.labels;
        if selects(&selector, first) {
            for (key, value) in labels {
                if first.get(key) != Some(value) {
                    selector.insert(key.clone(), value.clone());
                }
            }
        }
        selector
    }

    /// The Ingress is applied with new weights; its controller sees it.
    fn shift_weight(&mut self, now: Time, weights: &[u32]) -> String {
        let written = now + self.latency(|l| &l.api_write);
        let shift = self.cluster.weight_log.len() as u32;
        self.cluster.weight_log.push(weights.to_vec());
        for layer in 0..self.balancers.len() {
            if let Some(event) = self.balancers[layer].weights(shift) {
                let seen = written + self.latency(|l| &l.watch_controller);
                self.queue.schedule(seen, Event::Balancer(layer as u8, event));
            }
        }
        let shares = self.scenario.services().zip(weights);
        let shares: Vec<String> = shares.map(|(s, w)| format!("{} {w}", s.name)).collect();
        format!("shift weights to {}", shares.join(", "))
    }

    fn restart_ingress(&mut self, now: Time) -> String {
        for layer in 0..self.balancers.len() {
            if let Some(event) = self.balancers[layer].restart() {
                self.queue.schedule(now, Event::Balancer(layer as u8, event));
            }
        }
        "replace the ingress controller's pods".to_string()
    }

    fn selector_seen(&mut self, now: Time) {
        let cluster = &self.cluster;
        let selector = &self.selectors[0];
        let matches = |pod: PodId| selects(selector, &cluster.template_of(pod).labels);
        let out = &mut says(&mut self.queue, |e| Event::Slice(0, e));
        self.slices[0].selector_changed(now, matches, cluster.pods.len(), out);
    }
}

/// A pod at one instant, at which nobody else changes it: no delete meets a conflict.
struct Stored(EvictedPod);

impl Store for Stored {
    fn pod(&mut self) -> EvictedPod {
        self.0
    }

    fn delete(&mut self, _as_seen: bool) -> bool {
        true
    }
}
