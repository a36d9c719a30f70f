//! The status of a PodDisruptionBudget.
//!
//! Source: `pkg/controller/disruption/disruption.go`.

use crate::cluster::objects::BudgetStatus;
use crate::cluster::spec::IntOrPercent;
use crate::engine::Time;
use crate::model::platform::Defaults;

/// A pod a budget selects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetPod {
    /// The condition Ready.
    pub ready: bool,
    /// It has a deletionTimestamp.
    pub deleting: bool,
    /// When an eviction of it was accepted, if it was.
    pub evicted: Option<Time>,
}

/// The status but for disruptedPods, given the number of matching pods, how many are healthy, and the sum of
/// replicas over their distinct controllers (the Deployment's for pods of its sets). Percentages are rounded
/// up.
///
/// `disruption.go: getExpectedPodCount, updatePdbStatus`.
pub fn status(
    min_available: Option<IntOrPercent>,
    max_unavailable: Option<IntOrPercent>,
    pods: i32,
    healthy: i32,
    controller_scale: i32,
) -> BudgetStatus {
    let (expected, desired) = match (max_unavailable, min_available) {
        (Some(max), _) => (controller_scale, controller_scale - max.of(controller_scale, true)),
        (None, Some(IntOrPercent::Int(n))) => (pods, n),
        (None, Some(percent)) => (controller_scale, percent.of(controller_scale, true)),
        (None, None) => (0, 0),
    };
    let desired = desired.max(0);
    let allowed = if expected <= 0 { 0 } else { (healthy - desired).max(0) };
    BudgetStatus {
        expected,
        desired_healthy: desired,
        current_healthy: healthy,
        disruptions_allowed: allowed,
        disrupted: 0,
    }
}

/// Whether an accepted eviction still counts: its pod exists, shows no deletion, and it is not older than two
/// minutes. `pod_deleting` is None when the pod is gone.
///
/// `disruption.go: buildDisruptedPodMap`.
pub fn still_disrupted(
    defaults: &Defaults,
    evicted: Time,
    pod_deleting: Option<bool>,
    now: Time,
) -> bool {
    pod_deleting == Some(false) && evicted + defaults.disruption_timeout >= now
}

/// Whether disruptedPods lists the pod.
pub fn is_disrupted(defaults: &Defaults, pod: BudgetPod, now: Time) -> bool {
    let counts = |at| still_disrupted(defaults, at, Some(pod.deleting), now);
    pod.evicted.is_some_and(counts)
}

/// How many pods are Ready, not being deleted and not about to be.
///
/// `disruption.go: countHealthyPods`.
pub fn count_healthy(
    defaults: &Defaults,
    pods: impl IntoIterator<Item = BudgetPod>,
    now: Time,
) -> i32 {
    let healthy =
        |pod: &BudgetPod| pod.ready && !pod.deleting && !is_disrupted(defaults, *pod, now);
    pods.into_iter().filter(healthy).count() as i32
}
