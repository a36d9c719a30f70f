//! Drains and evictions: which pods go, and which budget keeps them.

use super::step::Step;
use super::{Event, World, outcome};
use crate::cluster::objects::{BudgetId, NodeId, PodId, WorkloadId};
use crate::cluster::workload::Kind;
use crate::cluster::write::Write;
use crate::engine::{Dur, Time};
use crate::model::disruption::eviction::{self, Answer, EvictedPod, Store};
use crate::scenario::ActionKind;
use crate::timeline::Milestone;

/// One eviction after the other: the client's own time between two.
const EVICTION_GAP: Dur = Dur::from_millis(100);

impl<'w> World<'w> {
    /// What an action does.
    pub(super) fn action(&self, index: u32) -> &'w ActionKind {
        &self.scenario.actions[index as usize].kind
    }

    /// The first node that has a pod of the subject.
    pub(super) fn first_with_a_pod(&self) -> NodeId {
        let of_subject = |p: PodId| self.cluster.workload_of(p) == self.subject();
        let asked = |&node: &NodeId| self.pods_on(node).any(of_subject);
        self.scenario.nodes.ids().find(asked).unwrap_or_default()
    }

    /// The kind of what a pod belongs to.
    pub(super) fn kind_of(&self, pod: PodId) -> Kind {
        self.cluster.workloads[self.cluster.workload_of(pod)].spec.kind()
    }

    /// What these pods belong to, each once.
    pub(super) fn owners(&self, pods: &[PodId]) -> Vec<WorkloadId> {
        let mut owners: Vec<WorkloadId> =
            pods.iter().map(|&pod| self.cluster.workload_of(pod)).collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    }

    /// What people would want to know of.
    pub(super) fn note(&mut self, now: Time, what: String) {
        self.timeline.mark(now, Milestone::Note(what));
    }

    pub(super) fn pods_on(&self, node: NodeId) -> impl Iterator<Item = PodId> + '_ {
        self.cluster.pods_on(node)
    }

    /// Somebody asks the API to delete a pod.
    pub(super) fn delete_pod(&mut self, now: Time, pod: PodId, grace: Option<i64>) {
        let at = now + self.latency(|l| &l.api_write);
        debug_assert!(at >= now, "a call is answered after it is made");
        self.queue.schedule(at, Event::Write(Write::DeletePod { pod, grace }));
    }

    pub(super) fn evict_next(&mut self, now: Time, action: u32, next: u32) {
        let list = self.actions.pods.iter().find(|(a, _)| *a == action);
        let Some(&pod) = list.and_then(|(_, pods)| pods.get(next as usize)) else { return };
        let kind = self.action(action);
        let (retry, serial) = match kind {
            ActionKind::Evict { retry, .. } => (*retry, true),
            _ => (self.scenario.kubernetes.defaults.drain_retry, false),
        };
        if self.has_failed(action) {
            return;
        }
        let at = now + self.latency(|l| &l.api_write);
        let (answer, budgets) = self.evict(now, pod);
        self.goals.evicts(now, action, answer == Answer::Deleted);
        match answer {
            Answer::Deleted => {
                let grace = kind.grace();
                self.queue.schedule(at, Event::Write(Write::DeletePod { pod, grace }));
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
                self.note(now, note);
            }
        }
        if serial {
            let step = Step::Evict { action, next: next + 1 };
            self.queue.schedule(at + EVICTION_GAP, Event::Action(step));
        }
    }

    /// The eviction API; also how many budgets select the pod.
    pub(super) fn evict(&mut self, now: Time, pod: PodId) -> (Answer, usize) {
        if self.cluster.pods[pod].removed {
            return (Answer::Deleted, 0);
        }
        let budgets = self.budgets_of(pod);
        let (first, count) = (budgets.first().copied(), budgets.len());
        let (answer, taken) = self.ask(pod, budgets);
        if let Some(budget) = first.filter(|_| taken) {
            self.cluster.apply(now, Write::TakeDisruption { budget, pod });
        }
        (answer, count)
    }

    /// What the eviction API answers now, and whether the budget gives a disruption for it.
    fn ask(&self, pod: PodId, budgets: &[BudgetId]) -> (Answer, bool) {
        let pod = &self.cluster.pods[pod];
        let (phase, ready) = (pod.status.phase, pod.status.ready);
        let mut stored = Stored(EvictedPod { phase, ready, deleting: pod.deleting.is_some() });
        let budget = |id: &BudgetId| {
            let budget = &self.cluster.budgets[*id];
            let always_allow_unhealthy = budget.spec.always_allow_unhealthy;
            // Specs of budgets do not change.
            eviction::Budget { status: budget.status, observed: true, always_allow_unhealthy }
        };
        let budgets: Vec<eviction::Budget> = budgets.iter().map(budget).collect();
        eviction::create(&self.scenario.kubernetes.defaults, &mut stored, &budgets, false)
    }

    /// The budgets that select a pod.
    fn budgets_of(&self, pod: PodId) -> &[BudgetId] {
        self.cluster.budgets_of(self.cluster.pods[pod].spec)
    }

    /// The budgets that keep a pod from being evicted; none: it may go, or is going.
    pub(super) fn refusing(&self, pod: PodId) -> Vec<BudgetId> {
        let object = &self.cluster.pods[pod];
        if self.disruption.is_none() || object.removed || object.deleting.is_some() {
            return Vec::new();
        }
        let budgets = self.budgets_of(pod);
        match self.ask(pod, budgets).0 {
            Answer::Deleted => Vec::new(),
            _ => budgets.to_vec(),
        }
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
