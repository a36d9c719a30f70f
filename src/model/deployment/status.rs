//! Status of a Deployment: sums, completion, progress and its deadline.
//!
//! Sources: `pkg/controller/deployment/progress.go`, `sync.go`, `util/deployment_util.go`.

use super::rolling::max_unavailable;
use crate::cluster::spec::Strategy;
use crate::engine::{Dur, Time};

/// status of a ReplicaSet, and sums of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetStatus {
    pub replicas: i32,
    pub ready: i32,
    pub available: i32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeploymentStatus {
    pub replicas: i32,
    /// status.replicas of the new set.
    pub updated: i32,
    pub ready: i32,
    pub available: i32,
}

/// Condition Progressing. Its times are those of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progressing {
    pub status: ConditionStatus,
    pub reason: Reason,
    pub last_update: Time,
    pub last_transition: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    NewReplicaSetCreated,
    FoundNewReplicaSet,
    ReplicaSetUpdated,
    NewReplicaSetAvailable,
    ProgressDeadlineExceeded,
    DeploymentPaused,
    DeploymentResumed,
    /// Any other.
    Other,
}

/// What `kubectl rollout status` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutStatus {
    /// The controller has not seen the change.
    NotObserved,
    /// Progress deadline exceeded: it gives up.
    TimedOut,
    /// Fewer new pods than wanted exist.
    Updating,
    /// Old pods still count.
    OldPending,
    /// Not all new pods are available.
    Unavailable,
    Done,
}

/// The sums over all sets; `new` is the new set, one of them, if it exists.
///
/// `sync.go: calculateStatus`.
pub fn calculate_status(
    all: impl IntoIterator<Item = SetStatus>,
    new: Option<SetStatus>,
) -> DeploymentStatus {
    let updated = new.map_or(0, |set| set.replicas);
    let mut status = DeploymentStatus { updated, ..DeploymentStatus::default() };
    for set in all {
        status.replicas += set.replicas;
        status.ready += set.ready;
        status.available += set.available;
    }
    status
}

/// Whether the rollout is over: every pod is new and available. `observed`: the status is of the current
/// generation.
///
/// `deployment_util.go: DeploymentComplete`.
pub fn complete(desired: i32, status: DeploymentStatus, observed: bool) -> bool {
    observed
        && status.updated == desired
        && status.replicas == desired
        && status.available == desired
}

/// Whether `now` is further on than `before`.
///
/// `deployment_util.go: DeploymentProgressing`.
pub fn progressing(before: DeploymentStatus, now: DeploymentStatus) -> bool {
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
    stored: DeploymentStatus,
    condition: Option<Progressing>,
    new: DeploymentStatus,
    desired: i32,
    deadline: Option<i32>,
    now: Time,
) -> Option<Progressing> {
    deadline?;
    let was_complete = condition.is_some_and(|c| c.reason == Reason::NewReplicaSetAvailable);
    if was_complete && new.replicas == new.updated {
        return condition;
    }
    if complete(desired, new, true) {
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
    let reason = condition.map(|c| c.reason);
    if deadline.is_none() || reason == Some(Reason::ProgressDeadlineExceeded) {
        return condition;
    }
    let marked = reason == Some(Reason::DeploymentPaused);
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

/// Whether condition Available is True.
///
/// `sync.go: calculateStatus`.
pub fn is_available(strategy: Strategy, desired: i32, status: DeploymentStatus) -> bool {
    status.available >= desired - max_unavailable(strategy, desired)
}

/// What `kubectl rollout status` says. `observed`: observedGeneration has caught up.
///
/// `staging/src/k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go`.
pub fn rollout_status(
    desired: i32,
    status: DeploymentStatus,
    condition: Option<Progressing>,
    observed: bool,
) -> RolloutStatus {
    if !observed {
        RolloutStatus::NotObserved
    } else if condition.is_some_and(|c| c.reason == Reason::ProgressDeadlineExceeded) {
        RolloutStatus::TimedOut
    } else if status.updated < desired {
        RolloutStatus::Updating
    } else if status.replicas > status.updated {
        RolloutStatus::OldPending
    } else if status.available < status.updated {
        RolloutStatus::Unavailable
    } else {
        RolloutStatus::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::spec::IntOrPercent;

    const DEADLINE: Option<i32> = Some(600);

    fn status(replicas: i32, updated: i32, available: i32) -> DeploymentStatus {
        DeploymentStatus { replicas, updated, ready: available, available }
    }

    #[test]
    fn kubectl_waits_in_order() {
        let of = |s, observed| rollout_status(3, s, None, observed);
        assert_eq!(of(status(3, 3, 3), false), RolloutStatus::NotObserved);
        assert_eq!(of(status(4, 2, 3), true), RolloutStatus::Updating);
        assert_eq!(of(status(4, 3, 3), true), RolloutStatus::OldPending);
        assert_eq!(of(status(3, 3, 2), true), RolloutStatus::Unavailable);
        assert_eq!(of(status(3, 3, 3), true), RolloutStatus::Done);
        let late = set(None, ConditionStatus::False, Reason::ProgressDeadlineExceeded, Time::ZERO);
        let found = rollout_status(3, status(3, 3, 3), Some(late), true);
        assert_eq!(found, RolloutStatus::TimedOut);
    }

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

    #[test]
    fn available_means_no_more_missing_than_allowed() {
        let rolling = Strategy::RollingUpdate {
            max_surge: IntOrPercent::Int(0),
            max_unavailable: IntOrPercent::Int(1),
        };
        assert!(is_available(rolling, 3, status(3, 3, 2)));
        assert!(!is_available(rolling, 3, status(3, 3, 1)));
        assert!(!is_available(Strategy::Recreate, 3, status(3, 3, 2)));
    }
}
