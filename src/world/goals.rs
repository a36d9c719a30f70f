//! When an action is over. Each has an end of its own: a rollout when the Deployment is complete, a drain
//! when no pod that it evicts is left and those that came instead are available.

use super::why::Why;
use crate::cluster::objects::{PodId, Progress, WorkloadId};
use crate::cluster::server::Cluster;
use crate::engine::Time;
use crate::model::deployment::status;
use std::collections::BTreeSet;

/// An action that has begun, and what has to come about until it is over.
#[derive(Clone, Debug)]
pub(super) struct Goal {
    /// Its index in the scenario.
    pub action: u32,
    /// When it began.
    pub since: Time,
    /// These have as many available pods as they want ...
    pub workloads: Vec<WorkloadId>,
    /// ... all of the present template.
    pub updated: bool,
    /// These go.
    pods: BTreeSet<PodId>,
    /// How many of them are not gone yet.
    pods_left: usize,
    /// Steps of the action itself that are still to come.
    steps: u32,
    /// An eviction has been refused since then, and none was granted.
    pub refused: Option<Time>,
    /// It was turned away.
    pub denied: Option<Why>,
    /// When it had all come about; None: not yet.
    pub over: Option<Time>,
    /// What happens to pods from now on is no matter of the action.
    settled: bool,
}

impl Goal {
    /// Of an action that begins at `since` and is about these workloads.
    pub fn new(action: u32, since: Time, workloads: Vec<WorkloadId>) -> Goal {
        Goal {
            action,
            since,
            workloads,
            updated: false,
            pods: BTreeSet::new(),
            pods_left: 0,
            steps: 0,
            refused: None,
            denied: None,
            over: None,
            settled: false,
        }
    }

    /// All pods come to be of the present template.
    pub fn rolls(self) -> Goal {
        Goal { updated: true, ..self }
    }

    /// These pods have to go before it is over.
    pub fn takes_away(self, pods: &[PodId]) -> Goal {
        Goal { pods: pods.iter().copied().collect(), pods_left: pods.len(), ..self }
    }

    /// It comes in so many steps.
    pub fn in_steps(self, steps: u32) -> Goal {
        Goal { steps, ..self }
    }

    /// It cannot come to its end.
    pub fn denied(self, why: Why) -> Goal {
        Goal { denied: Some(why), ..self }
    }

    /// Pods that have to go and are still there.
    pub fn pods_there<'a>(&'a self, cluster: &'a Cluster) -> impl Iterator<Item = PodId> + 'a {
        self.pods.iter().copied().filter(|p| !cluster.pods[*p].removed)
    }

    /// Whether the workload is what the action asks for.
    pub fn holds(&self, id: WorkloadId, cluster: &Cluster) -> bool {
        let now @ Progress { desired, replicas, available, observed, .. } = cluster.progress(id);
        match self.updated {
            true => status::complete(now),
            false => observed && replicas == desired && available == desired,
        }
    }

    /// It is over from when on all holds and goes on to: a release that crashes is not out.
    fn look(&mut self, now: Time, cluster: &Cluster) {
        let settled = self.settled && self.over.is_some();
        if !settled && self.denied.is_none() && self.pods_left == 0 && self.steps == 0 {
            let all = self.workloads.iter().all(|&id| self.holds(id, cluster));
            self.over = if all { self.over.or(Some(now)) } else { None };
        }
        debug_assert!(self.over.is_none_or(|over| over <= now), "nothing is over before it is");
    }
}

/// What the actions so far are after.
#[derive(Debug, Default)]
pub(super) struct Goals(Vec<Goal>);

impl Goals {
    /// One more; an earlier rollout of the same workload is over when this one is.
    pub fn begin(&mut self, goal: Goal) {
        self.0.push(goal);
    }

    /// Some action has not reached its end.
    pub fn open(&self) -> bool {
        self.0.iter().any(|g| g.over.is_none() && g.denied.is_none())
    }

    /// The action takes no pod away.
    pub fn waits_for_no_pod(&self, action: u32) -> bool {
        self.0.iter().any(|g| g.action == action && g.pods.is_empty())
    }

    /// The action was turned away.
    pub fn denied(&self, action: u32) -> bool {
        self.0.iter().any(|g| g.action == action && g.denied.is_some())
    }

    /// In the order of the actions.
    pub fn all(&self) -> impl Iterator<Item = &Goal> {
        self.0.iter()
    }

    /// The last rollout, if there is one.
    pub fn rollout(&self) -> Option<&Goal> {
        self.0.iter().rev().find(|g| g.updated && g.denied.is_none())
    }

    /// Actions may have nothing to wait for.
    pub fn look(&mut self, now: Time, cluster: &Cluster) {
        self.0.iter_mut().for_each(|goal| goal.look(now, cluster));
    }

    /// A pod's object is gone.
    pub fn pod_gone(&mut self, now: Time, pod: PodId, cluster: &Cluster) {
        for goal in self.0.iter_mut().filter(|g| g.pods_left > 0) {
            if goal.pods.contains(&pod) {
                goal.pods_left -= 1;
                goal.look(now, cluster);
            }
        }
    }

    /// A workload's status changed; whether a rollout is over with it.
    pub fn status_changed(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) -> bool {
        let mut rolled = false;
        for goal in self.0.iter_mut().filter(|g| g.workloads.contains(&id)) {
            let before = goal.over;
            goal.look(now, cluster);
            rolled |= goal.updated && goal.over.is_some() && before.is_none();
        }
        rolled
    }

    /// A step of the action itself is done; from now on `more` has to come to rest as well.
    pub fn step_done(&mut self, action: u32, more: Option<WorkloadId>) {
        for goal in self.0.iter_mut().filter(|g| g.action == action) {
            debug_assert!(goal.steps > 0, "a step that is done was to come");
            goal.steps -= 1;
            goal.workloads.extend(more);
        }
    }

    /// So many further steps have to come.
    pub fn more_steps(&mut self, action: u32, steps: u32) {
        self.0.iter_mut().filter(|g| g.action == action).for_each(|goal| goal.steps += steps);
    }

    /// These, too, have to come to rest.
    pub fn concerns(&mut self, action: u32, workloads: &[WorkloadId]) {
        for goal in self.0.iter_mut().filter(|g| g.action == action) {
            let new = workloads.iter().filter(|id| !goal.workloads.contains(id));
            let new: Vec<WorkloadId> = new.copied().collect();
            goal.workloads.extend(new);
            (goal.over, goal.settled) = (None, false);
        }
    }

    /// Something else begins: what is over by now stays over.
    pub fn settle(&mut self) {
        debug_assert!(
            self.0.iter().all(|g| !g.settled || g.over.is_some()),
            "what is settled is over"
        );
        self.0.iter_mut().filter(|g| g.over.is_some()).for_each(|goal| goal.settled = true);
    }

    /// These pods, too, have to go.
    pub fn must_go(&mut self, action: u32, pods: &[PodId]) {
        for goal in self.0.iter_mut().filter(|g| g.action == action) {
            let before = goal.pods.len();
            goal.pods.extend(pods);
            goal.pods_left += goal.pods.len() - before;
            debug_assert!(goal.pods_left <= goal.pods.len(), "no more go than have to");
        }
    }

    /// The action cannot come to its end.
    pub fn deny(&mut self, action: u32, why: Why) {
        let mut mine = self.0.iter_mut().filter(|g| g.action == action);
        mine.by_ref().for_each(|goal| goal.denied = Some(why.clone()));
        debug_assert!(self.denied(action), "the action has begun");
    }

    /// Whether an eviction of the action was granted.
    pub fn evicts(&mut self, now: Time, action: u32, granted: bool) {
        for goal in self.0.iter_mut().filter(|g| g.action == action) {
            goal.refused = if granted { None } else { goal.refused.or(Some(now)) };
        }
    }
}
