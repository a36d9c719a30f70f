//! What the user does: each action is one or more steps at their times.

pub use super::step::Step;

use super::draining::Round;
use super::goals::Goal;
use super::upgrade::Upgrading;
use super::why::Why;
use super::{Event, World};
use crate::cluster::objects::{NodeId, PodId, TemplateId, WorkloadId};
use crate::cluster::workload::{Kind, Workload};
use crate::engine::{Dur, Time};
use crate::scenario::ActionKind;
use crate::timeline::Milestone;

/// What actions in progress have to remember.
#[derive(Debug, Default)]
pub(super) struct Actions {
    /// Per action: the pods it goes through.
    pub pods: Vec<(u32, Vec<PodId>)>,
    /// Those selector switches that have begun.
    pub switches: Vec<Switch>,
    /// Which of them wait for available pods.
    pub awaiting: Vec<u32>,
    /// The Deployment that the last switch gave the Service to; None: the subject has it still.
    selected: Option<WorkloadId>,
    /// Since when the subject is paused, if by an action.
    pub paused: Option<Time>,
    /// Those that have begun, and when.
    pub begun: Vec<(u32, Time)>,
    /// Actions that changed nothing, by their index in the scenario.
    pub idle: Vec<u32>,
    /// Nodes that are to be found lost, each with the action that lost it.
    pub lost: Vec<(u32, NodeId)>,
    /// Nodes that are emptied.
    pub rounds: Vec<Round>,
    /// Updates of node groups under way.
    pub upgrades: Vec<Upgrading>,
}

/// A selector switch under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Switch {
    /// Whose it is.
    pub action: u32,
    /// Who had the Service until the switch; None while it is to come, or if nothing changes hands.
    pub from: Option<WorkloadId>,
    /// Who gets the Service.
    pub to: WorkloadId,
    /// From when its pods are available, where they are waited for, until it does.
    pub after: Dur,
    /// How many of its shifts of weights are written.
    pub shifted: usize,
}

impl World<'_> {
    pub(super) fn act(&mut self, now: Time, step: Step) {
        match step {
            Step::Begin(index) if self.waits_for_condition(now, index) => {}
            Step::Begin(index) | Step::Go(index) => {
                self.begin(now, index);
                // Others may wait for it to begin.
                if self.conditions.any() {
                    self.look_at_conditions(now);
                }
            }
            Step::Look => self.look_again(now),
            Step::Read => self.read_requests(now),
            Step::Evict { action, next } => self.evict_next(now, action, next),
            Step::TimeIsOver { action, node } => self.time_is_over(now, action, node),
            Step::NodeDone { action, node } => self.node_done(now, action, node),
            Step::Joins { action, node } => self.join(now, action, node),
            Step::MachineEnds { action, node } => self.machine_ends(now, action, node),
            Step::Noticed { action, node } => self.noticed(now, action, node),
            Step::ObjectGoes(node) => self.object_goes(now, node),
            Step::Collect(node) => self.collect(now, node),
            Step::IsBack { action, node } => self.is_back(now, action, node),
            Step::ShiftExpires(action) => self.shift_expires(now, action),
            Step::Strikes { action, blow } => self.strikes(now, action, blow),
            Step::AwaitAvailable(index) => self.await_available(now, index),
            Step::SwitchSelector(index) => self.switch_selector(now, index),
            Step::Commit(index) => self.commit_edit(index),
            Step::ScaleDown(index) => {
                let from = self.switch(index).from;
                if let Some(from) = from {
                    self.scale(from, 0);
                }
                self.goals.step_done(index, from);
                self.goals.look(now, &self.cluster);
            }
        }
    }

    fn begin(&mut self, now: Time, index: u32) {
        debug_assert!(!self.actions.idle.contains(&index), "an action begins once");
        self.actions.begun.push((index, now));
        self.goals.settle();
        let subject = self.subject();
        let before = self.cluster.workloads.len();
        let generation = |world: &Self| -> u32 {
            world.cluster.workloads.iter().take(before).map(|d| d.generation).sum()
        };
        let (old, goal) = (generation(self), Goal::new(index, now, vec![subject]));
        let what = match &self.scenario.actions[index as usize].kind {
            ActionKind::Rollout { workload, keeps_replicas } => {
                let mut spec = (**workload).clone();
                if *keeps_replicas {
                    spec.replicas = self.cluster.progress(subject).desired;
                }
                self.change(subject, spec);
                self.goals.begin(goal.rolls());
                "rollout".to_string()
            }
            ActionKind::Undo { to_revision } => self.undo(goal.rolls(), *to_revision),
            ActionKind::Scale { deployment, replicas } => {
                let id = self.called(deployment).expect("lowering has found it");
                self.scale(id, *replicas);
                self.goals.begin(Goal::new(index, now, vec![id]));
                format!("scale to {replicas}")
            }
            ActionKind::DeletePods { count, random, grace } => {
                let mut pods = self.named_pods(subject);
                if *random {
                    self.shuffle(&mut pods, u64::from(index));
                }
                pods.truncate(*count as usize);
                self.delete_pods(now, goal, pods, *grace)
            }
            ActionKind::Evict { .. } => {
                let pods = self.named_pods(subject);
                self.goals.begin(goal.takes_away(&pods));
                self.actions.pods.push((index, pods));
                self.evict_next(now, index, 0);
                "evict".to_string()
            }
            ActionKind::SelectorSwitch { .. } => self.begin_switch(now, index),
            ActionKind::ShiftWeight { weights } => self.shift_weight(now, index, weights),
            ActionKind::RestartIngress => self.restart_ingress(now),
            ActionKind::Pause => self.set_paused(now, true),
            ActionKind::Resume if self.cluster.workloads[subject].spec.kind() == Kind::Rollout => {
                self.goals.begin(goal.rolls());
                self.cluster.resume(subject);
                "promote".to_string()
            }
            ActionKind::Resume => {
                self.goals.begin(goal.rolls());
                self.set_paused(now, false)
            }
            kind => self.begin_on_nodes(now, goal, kind),
        };
        let kind = &self.scenario.actions[index as usize].kind;
        let unchanged = match kind {
            ActionKind::DeletePods { .. } | ActionKind::Evict { .. } => {
                self.goals.waits_for_no_pod(index)
            }
            kind => kind.edits_a_workload() && generation(self) == old,
        };
        if unchanged && !self.goals.denied(index) {
            self.actions.idle.push(index);
        }
        self.goals.look(now, &self.cluster);
        self.timeline.mark(now, Milestone::Action(what));
    }

    /// The Deployment of this name, if it is there.
    pub(super) fn called(&self, name: &str) -> Option<WorkloadId> {
        let found = self.cluster.workloads.iter().position(|d| &*d.spec.name == name)?;
        Some(WorkloadId(found as u32))
    }

    /// Applies a spec; one that is like the present one changes nothing, not even the generation.
    fn change(&mut self, id: WorkloadId, spec: Workload) {
        if self.cluster.workloads[id].spec != spec {
            self.cluster.set_workload(id, spec);
        }
    }

    fn edit(&mut self, id: WorkloadId, change: impl FnOnce(&mut Workload)) {
        let deployment = id;
        let mut spec = self.cluster.workloads[deployment].spec.clone();
        change(&mut spec);
        self.change(id, spec);
    }

    fn scale(&mut self, id: WorkloadId, replicas: i32) {
        self.edit(id, |spec| spec.replicas = replicas);
    }

    fn set_paused(&mut self, now: Time, paused: bool) -> String {
        self.edit(self.subject(), |spec| spec.paused = paused);
        self.actions.paused = paused.then_some(now);
        if paused { "pause" } else { "resume" }.to_string()
    }

    /// Back to the given revision, or to the second highest.
    fn undo(&mut self, goal: Goal, to_revision: Option<u32>) -> String {
        let subject = self.subject();
        if self.cluster.workloads[subject].spec.paused {
            self.goals.begin(goal.denied(Why::UndoOfPaused));
            return "undo: the Deployment is paused".to_string();
        }
        let mut sets = self.revisions(subject);
        sets.sort_unstable();
        let alike = sets.windows(2).any(|pair| pair[0].0 == pair[1].0);
        debug_assert!(!alike, "a revision is that of one set: {sets:?}");
        let wanted = match to_revision {
            Some(revision) => sets.iter().find(|(r, _)| *r == revision),
            None => sets.iter().rev().nth(1),
        };
        let Some(&(revision, template)) = wanted else {
            let kept = sets.iter().map(|&(revision, _)| revision).collect();
            let why = Why::NoRevision { wanted: to_revision, kept };
            self.goals.begin(goal.denied(why));
            return "undo: no such revision".to_string();
        };
        self.goals.begin(goal);
        let template = self.cluster.templates[template].clone();
        self.edit(subject, |spec| spec.template = template);
        format!("undo to revision {revision}")
    }

    /// The revisions of a workload that are kept: a Deployment's ReplicaSets, others' ControllerRevisions.
    fn revisions(&self, id: WorkloadId) -> Vec<(u32, TemplateId)> {
        if !self.cluster.workloads[id].spec.kind().has_sets() {
            return self.cluster.workloads[id].revisions.clone();
        }
        let sets = self.cluster.sets_of(id).iter().map(|&rs| &self.cluster.replica_sets[rs]);
        sets.filter(|set| !set.removed).map(|set| (set.revision, set.template)).collect()
    }

    /// A workload's pods in the order of their names, which are random but for those of a StatefulSet.
    pub(super) fn named_pods(&self, id: WorkloadId) -> Vec<PodId> {
        let mut pods: Vec<PodId> = self.cluster.pods_of(id).collect();
        match self.cluster.workloads[id].spec.kind() {
            Kind::StatefulSet => pods.sort_by_key(|p| self.cluster.pods[*p].number),
            _ => pods.sort_by_key(|p| self.cluster.pods[*p].uid),
        }
        pods
    }

    fn delete_pods(
        &mut self,
        now: Time,
        goal: Goal,
        pods: Vec<PodId>,
        grace: Option<i64>,
    ) -> String {
        let count = pods.len();
        self.goals.begin(goal.takes_away(&pods));
        for pod in pods {
            self.delete_pod(now, pod, grace);
        }
        if count == 1 { "delete 1 pod".to_owned() } else { format!("delete {count} pods") }
    }

    /// An edit of the Service or the Ingress reaches the API.
    fn commit_edit(&mut self, index: u32) {
        match &self.scenario.actions[index as usize].kind {
            ActionKind::SelectorSwitch { shifts, .. } if !shifts.is_empty() => {
                self.commit_shift(index, shifts);
            }
            ActionKind::SelectorSwitch { .. } => {
                let from = self.actions.selected.unwrap_or(self.subject());
                let switch = self.switch(index);
                let to = switch.to;
                switch.from = Some(from).filter(|&from| from != to);
                self.actions.selected = Some(to);
                let selector = self.switched_selector(from, to);
                let service = self.scenario.route().to[0];
                if self.cluster.services[service].selector == selector {
                    self.actions.idle.push(index);
                }
                self.cluster.set_selector(service, selector);
            }
            ActionKind::ShiftWeight { weights } => {
                if self.cluster.weights == *weights {
                    self.actions.idle.push(index);
                }
                self.set_weights(weights);
            }
            kind => panic!("{kind:?} edits neither a Service nor an Ingress"),
        }
    }

    pub(super) fn set_weights(&mut self, weights: &[u32]) {
        debug_assert!(self.cluster.weights.len() == weights.len(), "each Service has a share");
        self.cluster.set_weights(weights);
    }

    /// The Ingress is applied with new weights.
    fn shift_weight(&mut self, now: Time, index: u32, weights: &[u32]) -> String {
        let written = now + self.latency(|l| &l.api_write);
        self.queue.schedule(written, Event::Action(Step::Commit(index)));
        self.shares(weights)
    }

    /// New weights in words.
    pub(super) fn shares(&self, weights: &[u32]) -> String {
        let shares = self.cluster.services.iter().zip(weights);
        let shares: Vec<String> = shares.map(|(s, w)| format!("{} {w}", s.name)).collect();
        format!("shift weights to {}", shares.join(", "))
    }

    fn restart_ingress(&mut self, now: Time) -> String {
        for layer in 0..self.balancers.len() {
            if let Some(event) = self.balancers[layer].restart() {
                self.queue.schedule(now, Event::Balancer(layer as u16, event));
            }
        }
        "replace the ingress controller's pods".to_string()
    }
}
