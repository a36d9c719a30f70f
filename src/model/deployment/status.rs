//! Status of a Deployment: sums, completion, progress and its deadline.
//!
//! Sources: `pkg/controller/deployment/progress.go`, `sync.go`, `util/deployment_util.go`.

use crate::cluster::objects::{Progress, RsStatus, WorkloadStatus};
use crate::engine::{Dur, Time};

/// Condition Progressing. Its times are those of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progressing {
    /// `status` of the condition.
    pub status: ConditionStatus,
    /// `reason` of the condition.
    pub reason: Reason,
    /// `lastUpdateTime`: the deadline counts from it.
    pub last_update: Time,
    /// `lastTransitionTime`.
    pub last_transition: Time,
}

impl Progressing {
    /// As the API shows it: times cut to whole seconds, which begin so long after those of the run.
    pub fn on_the_wire(self, second_phase: Dur) -> Progressing {
        Progressing {
            last_update: self.last_update.floor_s(second_phase),
            last_transition: self.last_transition.floor_s(second_phase),
            ..self
        }
    }
}

/// `status` of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// Progress is made, or was completed.
    True,
    /// The progress deadline has passed.
    False,
    /// The Deployment is, or was, paused.
    Unknown,
}

/// `reason` of the condition Progressing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A sync has created the new set.
    NewReplicaSetCreated,
    /// The new set was there already.
    FoundNewReplicaSet,
    /// More pods are updated, ready or available, or fewer old ones are left.
    ReplicaSetUpdated,
    /// The rollout is complete.
    NewReplicaSetAvailable,
    /// Nothing of that for `progressDeadlineSeconds`.
    ProgressDeadlineExceeded,
    /// `spec.paused` was seen.
    DeploymentPaused,
    /// It was paused before.
    DeploymentResumed,
    /// Any other.
    Other,
}

/// Whether the condition is there with this reason.
pub fn has_reason(condition: Option<Progressing>, reason: Reason) -> bool {
    condition.is_some_and(|condition| condition.reason == reason)
}

/// The sums over all sets; `new` is the new set, one of them, if it exists.
///
/// `sync.go: calculateStatus`.
pub fn calculate_status(
    all: impl IntoIterator<Item = RsStatus>,
    new: Option<RsStatus>,
    observed_generation: u32,
) -> WorkloadStatus {
    let updated = new.map_or(0, |set| set.replicas);
    let mut status = WorkloadStatus { updated, observed_generation, ..WorkloadStatus::default() };
    for set in all {
        status.replicas += set.replicas;
        status.ready += set.ready;
        status.available += set.available;
    }
    status
}

/// Whether the rollout is over: every pod is new and available.
///
/// `deployment_util.go: DeploymentComplete`.
pub fn complete(progress: Progress) -> bool {
    let Progress { desired, replicas, updated, to_update, available, observed, .. } = progress;
    let updated = (to_update..=desired).contains(&updated);
    observed && updated && replicas == desired && available == desired
}

/// Whether `now` is further on than `before`.
///
/// `deployment_util.go: DeploymentProgressing`.
pub fn progressing(before: WorkloadStatus, now: WorkloadStatus) -> bool {
    now.updated > before.updated
        || now.replicas - now.updated < before.replicas - before.updated
        || now.ready > before.ready
        || now.available > before.available
}

/// Whether nothing has moved for longer than the deadline (None: no deadline).
///
/// `deployment_util.go: DeploymentTimedOut`.
pub fn timed_out(condition: Option<Progressing>, deadline: Option<i32>, now: Time) -> bool {
    let (Some(condition), Some(deadline)) = (condition, deadline) else { return false };
    match condition.reason {
        Reason::NewReplicaSetAvailable => false,
        Reason::ProgressDeadlineExceeded => true,
        _ => condition.last_update + Dur::from_secs(i64::from(deadline)) < now,
    }
}

/// When the Deployment is looked at again for its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// Not for that: there is no deadline, it has passed, or the rollout is complete.
    No,
    /// At once, through the rate limiter.
    Now,
    /// This long from now: what is left of the deadline and one second.
    After(Dur),
}

/// `progress.go: requeueStuckDeployment`. `complete` is that of the new status.
pub fn requeue_stuck(
    condition: Option<Progressing>,
    deadline: Option<i32>,
    complete: bool,
    now: Time,
) -> Requeue {
    let (Some(condition), Some(deadline)) = (condition, deadline) else { return Requeue::No };
    if complete || condition.reason == Reason::ProgressDeadlineExceeded {
        return Requeue::No;
    }
    let left = condition.last_update + Dur::from_secs(i64::from(deadline)) - now;
    if left < Dur::from_secs(1) { Requeue::Now } else { Requeue::After(left + Dur::from_secs(1)) }
}

/// Condition Progressing after a sync, given the stored status and condition.
///
/// `progress.go: syncRolloutStatus`.
pub fn sync_progress(
    stored: WorkloadStatus,
    condition: Option<Progressing>,
    new: WorkloadStatus,
    desired: i32,
    deadline: Option<i32>,
    now: Time,
) -> Option<Progressing> {
    deadline?;
    if has_reason(condition, Reason::NewReplicaSetAvailable) && new.replicas == new.updated {
        return condition;
    }
    if complete(new.progress(desired, desired, true)) {
        return Some(set(condition, ConditionStatus::True, Reason::NewReplicaSetAvailable, now));
    }
    if progressing(stored, new) {
        // Progress renews the update time even if status and reason stay.
        let mut renewed = set(condition, ConditionStatus::True, Reason::ReplicaSetUpdated, now);
        renewed.last_update = now;
        return Some(renewed);
    }
    if timed_out(condition, deadline, now) {
        let reason = Reason::ProgressDeadlineExceeded;
        return Some(set(condition, ConditionStatus::False, reason, now));
    }
    condition
}

/// Condition Progressing after the check for a pause; the clock starts anew on resuming.
///
/// `sync.go: checkPausedConditions`.
pub fn check_paused(
    condition: Option<Progressing>,
    paused: bool,
    deadline: Option<i32>,
    now: Time,
) -> Option<Progressing> {
    if deadline.is_none() || has_reason(condition, Reason::ProgressDeadlineExceeded) {
        return condition;
    }
    let marked = has_reason(condition, Reason::DeploymentPaused);
    match (paused, marked) {
        (true, false) => {
            Some(set(condition, ConditionStatus::Unknown, Reason::DeploymentPaused, now))
        }
        (false, true) => {
            Some(set(condition, ConditionStatus::Unknown, Reason::DeploymentResumed, now))
        }
        _ => condition,
    }
}

/// Replaces a condition: equal ones stay as they are, the transition time stays with the status.
///
/// `deployment_util.go: SetDeploymentCondition`.
pub fn set(
    before: Option<Progressing>,
    status: ConditionStatus,
    reason: Reason,
    now: Time,
) -> Progressing {
    match before {
        Some(before) if before.status == status && before.reason == reason => before,
        Some(before) if before.status == status => {
            Progressing { reason, last_update: now, ..before }
        }
        _ => Progressing { status, reason, last_update: now, last_transition: now },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Option<i32> = Some(600);

    #[test]
    fn a_pause_stops_the_clock_and_resuming_starts_it_anew() {
        let secs = |s| Time::ZERO + Dur::from_secs(s);
        let before = set(None, ConditionStatus::True, Reason::ReplicaSetUpdated, secs(0));
        let paused = check_paused(Some(before), true, DEADLINE, secs(100)).expect("a condition");
        assert_eq!(paused.reason, Reason::DeploymentPaused);
        assert_eq!(check_paused(Some(paused), true, DEADLINE, secs(200)), Some(paused));
        let resumed = check_paused(Some(paused), false, DEADLINE, secs(5000));
        assert!(!timed_out(resumed, DEADLINE, secs(5600)));
        assert!(timed_out(resumed, DEADLINE, secs(5601)));
        assert_eq!(check_paused(Some(before), true, None, secs(1)), Some(before));
    }
}
