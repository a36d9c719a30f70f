//! The status of a PodDisruptionBudget.
//!
//! Source: `pkg/controller/disruption/disruption.go`.

use crate::cluster::disruption::PodDisruptionBudget;
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

/// How many pods more, all healthy, there have to be for one to go, where so many are covered, of one
/// controller; None: however many there are, all must stay.
pub fn further(budget: &PodDisruptionBudget, covered: i32) -> Option<i32> {
    let PodDisruptionBudget { min_available, max_unavailable, .. } = budget;
    let first = match (max_unavailable, min_available) {
        (None, Some(IntOrPercent::Int(n))) => covered.max(*n),
        _ => covered,
    };
    let spare = |n: i32| status(*min_available, *max_unavailable, n, n, n).disruptions_allowed > 0;
    // One of a hundred may go, unless all must stay.
    let enough = (first..=first.saturating_add(100)).find(|&n| spare(n))?;
    Some(enough - covered)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// With so many more one may go, and with one fewer none.
    #[test]
    fn further_pods_are_just_enough() {
        let budget = |min_available, max_unavailable| PodDisruptionBudget {
            name: "web".into(),
            namespace: "default".into(),
            selector: None,
            min_available,
            max_unavailable,
            always_allow_unhealthy: false,
        };
        let allowed = |b: &PodDisruptionBudget, n: i32| {
            status(b.min_available, b.max_unavailable, n, n, n).disruptions_allowed
        };
        let mins = (0..=99).map(IntOrPercent::Percent).chain((0..9).map(IntOrPercent::Int));
        for budget in mins.map(|min| budget(Some(min), None)) {
            for covered in 1..=100 {
                let further = further(&budget, covered).expect("enough of a hundred");
                assert!(allowed(&budget, covered + further) > 0, "{budget:?} {covered}");
                assert!(further == 0 || allowed(&budget, covered + further - 1) == 0);
            }
        }
        assert_eq!(further(&budget(Some(IntOrPercent::Percent(100)), None), 3), None);
        assert_eq!(further(&budget(None, Some(IntOrPercent::Int(0))), 3), None);
        assert_eq!(further(&budget(Some(IntOrPercent::Int(i32::MAX)), None), 3), None);
    }
}
