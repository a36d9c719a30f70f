//! What the user does: each action is one or more steps at their times.

use super::goals::Goal;
use super::why::Why;
use super::{Event, World};
use crate::cluster::objects::{PodId, Progress, TemplateId, WorkloadId};
use crate::cluster::spec::{Labels, selects};
use crate::cluster::workload::{Kind, Workload};
use crate::cluster::write::Write;
use crate::engine::{Dur, Time};
use crate::scenario::ActionKind;
use crate::timeline::Milestone;

/// A step of an action, by the action's index in the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its time has come.
    Begin(u32),
    /// What it waited for has come about.
    Go(u32),
    /// Requests are read, for those who wait for what they tell.
    Read,
    /// Asks for the eviction of the `next`-th pod of the list.
    Evict { action: u32, next: u32 },
    /// Looks whether the second Deployment is available.
    AwaitAvailable(u32),
    /// The Service is to select the other Deployment.
    SwitchSelector(u32),
    /// What it writes to the Service or the Ingress commits.
    Commit(u32),
    /// The Deployment that has lost the Service goes to 0 replicas.
    ScaleDown(u32),
}

/// What actions in progress have to remember.
#[derive(Debug, Default)]
pub(super) struct Actions {
    /// Per action: the pods it goes through.
    pub pods: Vec<(u32, Vec<PodId>)>,
    /// Those selector switches that have begun.
    switches: Vec<Switch>,
    /// Which of them wait for available pods.
    awaiting: Vec<u32>,
    /// The Deployment that the last switch gave the Service to; None: the subject has it still.
    selected: Option<WorkloadId>,
    /// Since when the subject is paused, if by an action.
    pub paused: Option<Time>,
    /// Actions that changed nothing, by their index in the scenario.
    pub idle: Vec<u32>,
}

/// A selector switch under way.
#[derive(Clone, Copy, Debug)]
struct Switch {
    action: u32,
    /// Who had the Service until the switch; None while it is to come, or if nothing changes hands.
    from: Option<WorkloadId>,
    to: WorkloadId,
}

/// How often a script that waits for availability looks.
const POLL: Dur = Dur::from_millis(20);

impl World<'_> {
    pub(super) fn act(&mut self, now: Time, step: Step) {
        match step {
            Step::Begin(index) if self.waits_for_condition(now, index) => {}
            Step::Begin(index) | Step::Go(index) => self.begin(now, index),
            Step::Read => self.read_requests(now),
            Step::Evict { action, next } => self.evict_next(now, action, next),
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
            ActionKind::DeletePods { count, grace } => self.delete_pods(now, goal, *count, *grace),
            ActionKind::Evict { .. } => {
                let pods = self.named_pods(subject);
                self.goals.begin(goal.takes_away(pods.clone()));
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
            ActionKind::Drain { node, .. } => self.drain(now, goal, *node),
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

    /// A blue/green switch is planned; the Deployment that it is to is created if it is not there.
    fn begin_switch(&mut self, now: Time, index: u32) -> String {
        let kind = &self.scenario.actions[index as usize].kind;
        let ActionKind::SelectorSwitch {
            deployment,
            wait_available,
            switch_after,
            scale_down_after,
        } = kind
        else {
            unreachable!("a switch")
        };
        let (id, note) = match self.called(&deployment.name) {
            Some(id) => (id, format!("switch to {}", deployment.name)),
            None => {
                let id = self.create_workload((**deployment).clone());
                (id, "create the second Deployment".to_string())
            }
        };
        let begun = |s: &Switch| s.action == index;
        debug_assert!(!self.actions.switches.iter().any(begun), "a switch begins once");
        self.actions.switches.push(Switch { action: index, from: None, to: id });
        self.tracker.counts_too(id);
        let steps = 1 + u32::from(scale_down_after.is_some());
        self.goals.begin(Goal::new(index, now, vec![id]).in_steps(steps));
        let (at, step) = match wait_available {
            true => (now, Step::AwaitAvailable(index)),
            false => (now + *switch_after, Step::SwitchSelector(index)),
        };
        self.queue.schedule(at, Event::Action(step));
        note
    }

    /// The Deployment of this name, if it is there.
    fn called(&self, name: &str) -> Option<WorkloadId> {
        let found = self.cluster.workloads.iter().position(|d| &*d.spec.name == name)?;
        Some(WorkloadId(found as u32))
    }

    fn switch(&mut self, index: u32) -> &mut Switch {
        let mut begun = self.actions.switches.iter_mut();
        begun.find(|s| s.action == index).expect("a switch that has begun")
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
        let sets = self.cluster.replica_sets.iter();
        let own = sets.filter(|set| set.deployment == id && !set.removed);
        own.map(|set| (set.revision, set.template)).collect()
    }

    /// A workload's pods in the order of their names, which are random but for those of a StatefulSet.
    fn named_pods(&self, id: WorkloadId) -> Vec<PodId> {
        let mut pods = self.cluster.pods_of(id);
        match self.cluster.workloads[id].spec.kind() {
            Kind::StatefulSet => pods.sort_by_key(|p| self.cluster.pods[*p].number),
            _ => pods.sort_by_key(|p| self.cluster.pods[*p].uid),
        }
        pods
    }

    fn delete_pods(&mut self, now: Time, goal: Goal, count: u32, grace: Option<i64>) -> String {
        let mut pods = self.named_pods(self.subject());
        pods.truncate(count as usize);
        self.goals.begin(goal.takes_away(pods.clone()));
        for pod in pods {
            let at = now + self.latency(|l| &l.api_write);
            self.queue.schedule(at, Event::Write(Write::DeletePod { pod, grace }));
        }
        if count == 1 { "delete 1 pod".to_owned() } else { format!("delete {count} pods") }
    }

    fn await_available(&mut self, now: Time, index: u32) {
        debug_assert!(!self.actions.awaiting.contains(&index), "a switch waits once");
        let to = self.switch(index).to;
        let Progress { desired, available, .. } = self.cluster.progress(to);
        if available >= desired {
            self.queue.schedule(now + POLL, Event::Action(Step::SwitchSelector(index)));
        } else {
            self.actions.awaiting.push(index);
        }
    }

    /// A Deployment's status changed: whoever waits for it looks again.
    pub(super) fn actions_wait(&mut self, now: Time) {
        for index in std::mem::take(&mut self.actions.awaiting) {
            self.await_available(now, index);
        }
    }

    fn switch_selector(&mut self, now: Time, index: u32) {
        let ActionKind::SelectorSwitch { scale_down_after, .. } =
            &self.scenario.actions[index as usize].kind
        else {
            panic!("a selector switch belongs to an action of that kind");
        };
        let written = now + self.latency(|l| &l.api_write);
        self.queue.schedule(written, Event::Action(Step::Commit(index)));
        self.goals.step_done(index, None);
        if let Some(after) = *scale_down_after {
            self.queue.schedule(written + after, Event::Action(Step::ScaleDown(index)));
        }
        self.goals.look(now, &self.cluster);
        let note = "switch the Service's selector".to_string();
        self.timeline.mark(now, Milestone::Action(note));
    }

    /// An edit of the Service or the Ingress reaches the API.
    fn commit_edit(&mut self, index: u32) {
        match &self.scenario.actions[index as usize].kind {
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
                debug_assert!(
                    self.cluster.weights.len() == weights.len(),
                    "each Service has a share"
                );
                if self.cluster.weights == *weights {
                    self.actions.idle.push(index);
                }
                self.cluster.set_weights(weights);
            }
            kind => panic!("{kind:?} edits neither a Service nor an Ingress"),
        }
    }

    /// The Service's selector with the values that the pods of `to` have, without the labels that they have
    /// not; if those of `from` match it still, the labels in which the two templates differ are added.
    fn switched_selector(&self, from: WorkloadId, to: WorkloadId) -> Labels {
        let labels = |id| &self.cluster.templates[self.cluster.template_now(id)].labels;
        let (before, after) = (labels(from), labels(to));
        let service = self.scenario.route().to[0];
        let mut selector = self.cluster.services[service].selector.clone();
        selector.retain(|key, _| after.contains_key(key));
        for (key, value) in &mut selector {
            value.clone_from(&after[key]);
        }
        if selects(&selector, before) {
            for (key, value) in after {
                if before.get(key) != Some(value) {
                    selector.insert(key.clone(), value.clone());
                }
            }
        }
        selector
    }

    /// The Ingress is applied with new weights.
    fn shift_weight(&mut self, now: Time, index: u32, weights: &[u32]) -> String {
        let written = now + self.latency(|l| &l.api_write);
        self.queue.schedule(written, Event::Action(Step::Commit(index)));
        let shares = self.cluster.services.iter().zip(weights);
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
}
