//! Why an action has not reached its end: read off what the simulation has come to.

use super::goals::Goal;
use super::why::{Stuck, Why};
use super::{World, outcome};
use crate::cluster::objects::{BudgetId, BudgetStatus, NodeId, PodId, Progress, WorkloadId};
use crate::cluster::placement::Presence;
use crate::cluster::spec::{Container, Probe};
use crate::cluster::workload::{Kind, Strategy};
use crate::engine::{Dur, Time};
use crate::model::scheduler::choice::Failure;

/// A controller that is going to look has looked by then.
const SOON: Dur = Dur::from_secs(5);

impl World<'_> {
    /// All actions that are not over, and what each waits for.
    pub(super) fn stuck(&self) -> Vec<Stuck> {
        self.goals.all().filter_map(|goal| self.stuck_at(goal)).collect()
    }

    fn stuck_at(&self, goal: &Goal) -> Option<Stuck> {
        let late = self.tracker.deadline().filter(|&at| goal.updated && at >= goal.since);
        let (since, workload, why) = match (&goal.denied, goal.over) {
            (Some(why), _) => (goal.since, None, why.clone()),
            (None, Some(_)) if self.crashing(goal).is_some() => {
                let (since, why) = self.crashing(goal)?;
                (since, goal.workloads.first().copied(), why)
            }
            (None, Some(over)) => {
                let since = late.filter(|&at| at < over)?;
                (since, goal.workloads.first().copied(), Why::Late { over })
            }
            (None, None) => self.waits_for(goal),
        };
        let spec = |id: WorkloadId| Box::new(self.cluster.workloads[id].spec.clone());
        Some(Stuck {
            action: goal.action as usize,
            since: since.max(goal.since),
            until: self.timeline.end,
            for_good: self.is_for_good(&why),
            deployment: workload.map(spec),
            why,
        })
    }

    /// What begins while new pods end again and again, or makes them, is not over while all of them happen to
    /// be up.
    pub(super) fn crashing(&self, goal: &Goal) -> Option<(Time, Why)> {
        let &id = goal.workloads.first()?;
        let newest = self.cluster.template_now(id);
        let containers = &self.cluster.templates[newest].containers;
        let container = containers.iter().find(|c| c.app.crash_after.is_some())?;
        let ended = self
            .cluster
            .pods
            .iter()
            .filter(|p| p.template == newest && p.stays() && p.status.restarts > 0);
        let since =
            ended.map(|p| p.created).min().filter(|&at| goal.over.is_none_or(|over| at <= over))?;
        Some((since, Why::Crashes { container: Box::new(container.clone()) }))
    }

    fn waits_for(&self, goal: &Goal) -> (Time, Option<WorkloadId>, Why) {
        if let Some(pod) = goal.pods_there(&self.cluster).next() {
            let owner = self.cluster.workload_of(pod);
            let (since, why) = self.pods_stay(goal, pod);
            return (since, Some(owner), why);
        }
        let unlike = goal.workloads.iter().find(|&&id| !goal.holds(id, &self.cluster));
        match unlike {
            Some(&id) => {
                let (since, why) = self.unlike(goal, id);
                (since, Some(id), why)
            }
            None => (goal.since, None, Why::Other),
        }
    }

    /// Pods that have to go are still there.
    fn pods_stay(&self, goal: &Goal, pod: PodId) -> (Time, Why) {
        let there = goal.pods_there(&self.cluster);
        let refused = there.filter(|&p| !self.refusing(p).is_empty());
        let Some(pod) = refused.max_by_key(|p| p.0) else {
            let pods = goal.pods_there(&self.cluster).count() as u32;
            let deleted = self.timeline.pods[pod].deleted;
            return (if deleted.is_never() { goal.since } else { deleted }, Why::Stopping { pods });
        };
        let refusing = self.refusing(pod);
        let name = |id: BudgetId| self.cluster.budgets[id].spec.name.clone();
        let refused = goal.refused.unwrap_or(goal.since);
        if refusing.len() > 1 {
            let names = refusing.into_iter().map(name).collect();
            return (refused, Why::SeveralBudgets { names });
        }
        // A budget that waits for pods to become healthy is not to blame: what keeps them is.
        let waits = self.covered_by(refusing[0]).into_iter().find_map(|owner| {
            let (since, why) = self.unlike(goal, owner);
            (!matches!(why, Why::Other)).then_some((since, why))
        });
        if let Some(waits) = waits {
            return waits;
        }
        let BudgetStatus { desired_healthy: desired, current_healthy: healthy, .. } =
            self.cluster.budgets[refusing[0]].status;
        let (name, budget) = (name(refusing[0]), refusing[0].index());
        (refused, Why::Budget { name, budget, desired, healthy })
    }

    /// The workloads whose pods a budget covers.
    fn covered_by(&self, budget: BudgetId) -> Vec<WorkloadId> {
        let spec = &self.cluster.budgets[budget].spec;
        let covered = |id: &WorkloadId| spec.covers(&self.cluster.workloads[*id].spec.template);
        self.cluster.workloads.ids().filter(covered).collect()
    }

    /// Why a workload's pods are not all available.
    fn unlike(&self, goal: &Goal, id: WorkloadId) -> (Time, Why) {
        let deployment = id;
        let spec = &self.cluster.workloads[deployment].spec;
        if goal.updated && spec.paused {
            return (self.actions.paused.unwrap_or(goal.since), Why::Paused);
        }
        if let Some(decided) = self.decided(id).filter(|_| goal.updated) {
            return decided;
        }
        if let Some(why) = self.rolls_never(goal, id) {
            return (goal.since, why);
        }
        let mine = |p: &PodId| self.cluster.workload_of(*p) == id;
        let waiting = self.scheduler.unschedulable().filter(|(p, _)| mine(p));
        let waiting: Vec<(PodId, &Failure)> = waiting.collect();
        if let Some(&(pod, failure)) = waiting.first() {
            let created = waiting.iter().map(|(p, _)| self.cluster.pods[*p].created);
            let why = Why::NoNode {
                pods: waiting.len() as u32,
                message: failure.message.trim_end_matches('.').to_owned(),
                rejected: failure.rejected,
                instead: self.scheduler.fits_instead(pod, &self.cluster),
            };
            return (created.min().unwrap_or(goal.since), why);
        }
        if let Some(lost) = self.on_lost_node(id) {
            return lost;
        }
        let newest = self.cluster.template_now(id);
        let live = self.cluster.pods_of(id).filter(|p| {
            let pod = &self.cluster.pods[*p];
            pod.stays() && pod.template == newest
        });
        let (ready, unready): (Vec<PodId>, Vec<PodId>) =
            live.partition(|p| self.cluster.pods[*p].status.ready);
        let created = |pods: &[PodId]| pods.iter().map(|p| self.cluster.pods[*p].created).min();
        if let Some(since) = created(&unready) {
            return self.unready(since, &unready);
        }
        if let Some(held) = self.held_by(id) {
            return held;
        }
        if let Some(overlooked) = self.overlooked(id, &ready) {
            return overlooked;
        }
        let Progress { desired, available, .. } = self.cluster.progress(id);
        if spec.min_ready_seconds > 0 && available < desired && !ready.is_empty() {
            let since = ready.iter().map(|p| self.cluster.pods[*p].ready_transition).max();
            return (since.unwrap_or(goal.since), Why::MinReady { pods: ready.len() as u32 });
        }
        (goal.since, Why::Other)
    }

    /// A release that was aborted, or that somebody has to promote.
    fn decided(&self, id: WorkloadId) -> Option<(Time, Why)> {
        let released = self.rollouts.as_ref()?.released(id)?;
        if let Some((at, why)) = &released.aborted {
            return Some((*at, Why::Aborted { why: why.to_string() }));
        }
        released.waits.then_some((self.tracker.progressed, Why::AwaitsPromotion))
    }

    /// Its pods on a node that is lost, and since when they are.
    fn on_lost_node(&self, id: WorkloadId) -> Option<(Time, Why)> {
        let lost = |node: NodeId| self.cluster.nodes[node].presence == Presence::Unknown;
        let there = |p: &PodId| self.cluster.pods[*p].node.is_some_and(lost);
        let mut mine = self.cluster.pods_of(id).filter(there);
        let first = mine.next()?;
        let pod = &self.cluster.pods[first];
        let node = self.cluster.nodes[pod.node?].name.clone();
        let pods = 1 + mine.count() as u32;
        let (since, terminating) = match pod.deleting {
            Some(_) => (self.timeline.pods[first].deleted, true),
            None => (pod.ready_transition, false),
        };
        Some((since, Why::OnLostNode { pods, node, terminating }))
    }

    /// Old pods stay, because nothing takes them away.
    fn rolls_never(&self, goal: &Goal, id: WorkloadId) -> Option<Why> {
        let spec = &self.cluster.workloads[id].spec;
        let newest = self.cluster.template_now(id);
        let pods = || self.cluster.pods_of(id);
        let old = pods().filter(|p| self.cluster.pods[*p].template != newest).count() as u32;
        let kind = spec.kind();
        if kind == Kind::Pod && pods().next().is_none() {
            return Some(Why::NothingRolls { kind });
        }
        match goal.updated && old > 0 {
            true if !kind.rolls() => Some(Why::NothingRolls { kind }),
            true if spec.on_delete() => Some(Why::OnDelete { kind, pods: old }),
            _ => None,
        }
    }

    /// The pod that a StatefulSet waits for and does not replace, and since when it is there.
    fn held_by(&self, id: WorkloadId) -> Option<(Time, Why)> {
        let Strategy::StatefulSet(strategy) = self.cluster.workloads[id].spec.strategy else {
            return None;
        };
        let newest = self.cluster.template_now(id);
        let unready = |p: &PodId| {
            let pod = &self.cluster.pods[*p];
            pod.template != newest && !pod.status.ready && pod.deleting.is_none()
        };
        let held = self.cluster.pods_of(id).find(unready);
        let pod = held.filter(|_| !strategy.parallel)?;
        let name = outcome::name_of(&self.cluster, pod).to_string();
        Some((self.cluster.pods[pod].created, Why::HeldBy { pod: name }))
    }

    /// The last of the ready pods to be available, where all are and the controller has not heard of it.
    fn overlooked(&self, id: WorkloadId, ready: &[PodId]) -> Option<(Time, Why)> {
        let spec = &self.cluster.workloads[id].spec;
        let kind = spec.kind();
        let queued = matches!(kind, Kind::StatefulSet | Kind::DaemonSet);
        if !queued || spec.min_ready_seconds <= 0 {
            return None;
        }
        let wait = Dur::from_secs(i64::from(spec.min_ready_seconds));
        let last = ready.iter().max_by_key(|p| self.cluster.pods[**p].ready_transition)?;
        let since = self.cluster.pods[*last].ready_transition + wait;
        let stops = self.cluster.pods_of(id).any(|p| self.cluster.pods[p].deleting.is_some());
        let pod = outcome::name_of(&self.cluster, *last).to_string();
        (!stops && since + SOON < self.timeline.end)
            .then_some((since, Why::Overlooked { kind, pod }))
    }

    /// Why pods are not ready: what ends their containers comes before what they wait for.
    fn unready(&self, since: Time, pods: &[PodId]) -> (Time, Why) {
        let template = self.cluster.template_of(pods[0]);
        let spec = |index: u8| {
            let all = template.init_containers.iter().chain(&template.containers);
            Box::new(all.clone().nth(usize::from(index)).expect("a container").clone())
        };
        if let Some(container) = template.never_initialized() {
            return (since, Why::NeverInitialized { container: Box::new(container.clone()) });
        }
        let mut containers = template.init_containers.iter().chain(&template.containers);
        let kills = || self.kubelets.kills.iter().filter(|k| pods.contains(&k.pod));
        let restarts = |p: &PodId| self.cluster.pods[*p].status.restarts as usize;
        let crashes = pods.iter().map(restarts).sum::<usize>().saturating_sub(kills().count());
        let crashing = containers.clone().position(|c| c.app.crash_after.is_some());
        // What ends a container most of the time: one that crashes is killed at times too.
        let crashing = crashing.filter(|_| crashes > kills().count());
        if let Some(kill) = kills().next_back().filter(|_| crashing.is_none()) {
            let (by_startup, after) = (kill.by_startup, kill.after);
            return (since, Why::Killed { container: spec(kill.container), by_startup, after });
        }
        if let Some(index) = crashing {
            return (since, Why::Crashes { container: spec(index as u8) });
        }
        if let Some(index) = containers.position(Container::never_ready) {
            return (since, Why::NeverReady { container: spec(index as u8) });
        }
        let gated = |p: &PodId| {
            let pod = &self.cluster.pods[*p];
            pod.status.containers_ready && !pod.gates.all()
        };
        if pods.iter().all(gated) {
            let names = template.readiness_gates.clone();
            return (since, Why::Gates { names, never: template.unset_gates.clone() });
        }
        (since, Why::Starting { pods: pods.len() as u32 })
    }

    /// Whether nothing that can still happen ends the waiting.
    fn is_for_good(&self, why: &Why) -> bool {
        match why {
            Why::Paused | Why::UndoOfPaused | Why::NoRevision { .. } => true,
            Why::NothingRolls { .. } | Why::OnDelete { .. } | Why::Unmanaged { .. } => true,
            Why::HeldBy { .. }
            | Why::Aborted { .. }
            | Why::AwaitsPromotion
            | Why::OnLostNode { .. }
            | Why::NotEmpty { .. }
            | Why::NoDisruption
            | Why::Overlooked { .. } => true,
            Why::NeverInitialized { .. } => true,
            Why::NeverReady { .. } | Why::Budget { .. } | Why::SeveralBudgets { .. } => true,
            Why::NoNode { .. } => {
                let stops = self.cluster.pods.iter().any(|p| p.deleting.is_some() && !p.removed);
                !stops && !self.node_is_coming()
            }
            Why::Killed { container, after, by_startup } => {
                let fails = |p: &Probe| p.fails_after().is_some();
                let probe = match by_startup {
                    true => &container.startup_probe,
                    false => &container.liveness_probe,
                };
                probe.as_ref().is_some_and(fails)
                    || container.app.start_delay.quantile_s(0.05) > after.as_secs_f64()
            }
            Why::Gates { never, .. } => !never.is_empty(),
            Why::Crashes { .. } | Why::Starting { .. } | Why::MinReady { .. } => false,
            Why::Stopping { .. } | Why::Late { .. } | Why::Other => false,
        }
    }
}
