//! When a Ready pod counts as available, and when the ReplicaSet looks again.
//!
//! Times of condition Ready are those of the API: cut to whole seconds, so a pod counts up to a second early.
//! Sources: `pkg/api/v1/pod/util.go`, `pkg/controller/controller_utils.go`,
//! `pkg/controller/replicaset/replica_set.go`.

use crate::engine::{Dur, Time};

/// Condition Ready of a pod, as the API shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadyCondition {
    pub ready: bool,
    /// lastTransitionTime; None: the zero time.
    pub since: Option<Time>,
}

/// status.replicas, readyReplicas and availableReplicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RsStatus {
    pub replicas: i32,
    pub ready: i32,
    pub available: i32,
}

/// Whether the pod counts as available at `now`.
///
/// `pkg/api/v1/pod/util.go: IsPodAvailable`.
pub fn is_available(pod: ReadyCondition, min_ready_seconds: i32, now: Time) -> bool {
    pod.ready
        && (min_ready_seconds == 0
            || pod.since.is_some_and(|since| since + min_ready(min_ready_seconds) <= now))
}

/// The status of a set, from its active pods.
///
/// `pkg/controller/replicaset/replica_set_utils.go: calculateStatus`.
pub fn calculate_status(
    active_pods: impl IntoIterator<Item = ReadyCondition>,
    min_ready_seconds: i32,
    now: Time,
) -> RsStatus {
    let mut status = RsStatus::default();
    for pod in active_pods {
        status.replicas += 1;
        status.ready += i32::from(pod.ready);
        status.available += i32::from(is_available(pod, min_ready_seconds, now));
    }
    status
}

/// How long until a Ready pod becomes available; None: it is, or only a change of the pod can make it so.
///
/// `controller_utils.go: nextPodAvailabilityCheck`.
pub fn next_check(pod: ReadyCondition, min_ready_seconds: i32, now: Time) -> Option<Dur> {
    if !pod.ready || min_ready_seconds <= 0 {
        return None;
    }
    let remaining = pod.since? + min_ready(min_ready_seconds) - now;
    (remaining > Dur::ZERO).then_some(remaining)
}

/// The least of [`next_check`] over the pods at the time the status was `evaluated`, less the time spent
/// since, not below zero.
///
/// `controller_utils.go: FindMinNextPodAvailabilityCheck`.
pub fn min_next_check(
    pods: impl IntoIterator<Item = ReadyCondition>,
    min_ready_seconds: i32,
    evaluated: Time,
    now: Time,
) -> Option<Dur> {
    let least =
        pods.into_iter().filter_map(|pod| next_check(pod, min_ready_seconds, evaluated)).min()?;
    Some((least - (now - evaluated)).max(Dur::ZERO))
}

/// Whether and after how long the set is queued again at the end of a sync in which `spec` replicas were
/// wanted. Kubernetes v1.`minor`: before v1.34 only a set whose every pod was ready, and after the full
/// minReadySeconds.
///
/// `replica_set.go: syncReplicaSet`.
pub fn requeue_after_sync(
    minor: u32,
    spec: i32,
    status: RsStatus,
    min_ready_seconds: i32,
    min_next_check: Option<Dur>,
) -> Option<Dur> {
    if min_ready_seconds <= 0 {
        return None;
    }
    if minor < 34 {
        let waiting = status.ready == spec && status.available != spec;
        return waiting.then(|| min_ready(min_ready_seconds));
    }
    (status.ready != status.available)
        .then(|| min_next_check.unwrap_or(min_ready(min_ready_seconds)))
}

/// After how long the set is queued again when a pod of it turned from not Ready to Ready; None without
/// minReadySeconds. Kubernetes v1.`minor`: a second later before v1.34, against clock skew.
///
/// `replica_set.go: updatePod`.
pub fn requeue_on_ready(minor: u32, min_ready_seconds: i32) -> Option<Dur> {
    let skew = if minor < 34 { Dur::from_secs(1) } else { Dur::ZERO };
    (min_ready_seconds > 0).then(|| min_ready(min_ready_seconds) + skew)
}

fn min_ready(seconds: i32) -> Dur {
    Dur::from_secs(i64::from(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_versions_look_again_later() {
        let status = RsStatus { replicas: 3, ready: 3, available: 2 };
        let next = Some(Dur::from_millis(700));
        assert_eq!(requeue_after_sync(34, 3, status, 5, next), next);
        assert_eq!(requeue_after_sync(33, 3, status, 5, next), Some(Dur::from_secs(5)));
        assert_eq!(requeue_after_sync(33, 4, status, 5, next), None);
        assert_eq!(requeue_after_sync(34, 3, status, 0, None), None);
        assert_eq!(requeue_on_ready(34, 5), Some(Dur::from_secs(5)));
        assert_eq!(requeue_on_ready(33, 5), Some(Dur::from_secs(6)));
        assert_eq!(requeue_on_ready(33, 0), None);
    }
}
