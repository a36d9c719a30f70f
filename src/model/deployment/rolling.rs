//! Sizes of old and new ReplicaSets in a rolling update.
//!
//! Sources: `pkg/controller/deployment/rolling.go`, `pkg/controller/deployment/util/deployment_util.go`.

pub use crate::cluster::spec::resolve_fenceposts;
use crate::cluster::workload::Strategy;

/// Size and status of one ReplicaSet, as the Deployment controller reads them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RsSize {
    /// spec.replicas.
    pub spec: i32,
    /// status.replicas.
    pub replicas: i32,
    /// status.availableReplicas.
    pub available: i32,
}

/// What one sync of a rolling update did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollingStep {
    /// The new set got this size; the sync stops here.
    ScaledNew(i32),
    /// The old sets got the sizes now in the slice; the sync stops here.
    ScaledOld,
    /// Neither may be scaled now: the sync goes on to the status.
    Nothing,
}

/// How many pods may be above the desired number: 0 unless rolling.
///
/// `deployment_util.go: MaxSurge`.
pub fn max_surge(strategy: Strategy, desired: i32) -> i32 {
    match strategy {
        Strategy::RollingUpdate { max_surge, max_unavailable } => {
            resolve_fenceposts(max_surge, max_unavailable, desired).0
        }
        _ => 0,
    }
}

/// How many of the desired pods may be missing: 0 unless rolling or when none is desired, else at most all.
///
/// `deployment_util.go: MaxUnavailable`.
pub fn max_unavailable(strategy: Strategy, desired: i32) -> i32 {
    match strategy {
        Strategy::RollingUpdate { max_surge, max_unavailable } if desired != 0 => {
            resolve_fenceposts(max_surge, max_unavailable, desired).1.min(desired)
        }
        _ => 0,
    }
}

/// The floor of available pods a rolling update keeps; 0 for Recreate.
///
/// `deployment_util.go: MinAvailable`.
pub fn min_available(strategy: Strategy, desired: i32) -> i32 {
    match strategy {
        Strategy::RollingUpdate { .. } => desired - max_unavailable(strategy, desired),
        _ => 0,
    }
}

/// The size the new set may have now, given the sum of spec.replicas over all sets (the new one included).
///
/// `deployment_util.go: NewRSNewReplicas`.
pub fn new_rs_new_replicas(strategy: Strategy, desired: i32, new_spec: i32, sum_all: i32) -> i32 {
    if matches!(strategy, Strategy::Recreate) {
        return desired;
    }
    let cap = desired + max_surge(strategy, desired);
    if sum_all >= cap {
        return new_spec;
    }
    new_spec + (cap - sum_all).min(desired - new_spec)
}

/// The size of the new set after one reconciliation; the same size means nothing is written.
///
/// `rolling.go: reconcileNewReplicaSet`.
pub fn reconcile_new(strategy: Strategy, desired: i32, new_spec: i32, sum_all: i32) -> i32 {
    if new_spec >= desired {
        return desired;
    }
    new_rs_new_replicas(strategy, desired, new_spec, sum_all)
}

/// Shrinks the old sets (oldest first: creation time, then name) in place; whether the sync counts as having
/// scaled. `min_available` is [`min_available`] of the Deployment.
///
/// When a set is met whose status lags behind its own scale-down, the step is given up and `false` returned;
/// sets cleaned up before it have been written all the same, as upstream.
///
/// `rolling.go: reconcileOldReplicaSets`.
pub fn reconcile_old(old: &mut [RsSize], new: RsSize, min_available: i32) -> bool {
    let old_sum: i32 = old.iter().map(|rs| rs.spec).sum();
    if old_sum == 0 {
        return false;
    }
    let budget = old_sum + new.spec - min_available - (new.spec - new.available);
    if budget <= 0 {
        return false;
    }
    // Sets emptied by the clean-up still count with what their status says is available.
    let available = new.available + active_available(old);
    let Some(cleaned) = cleanup_unhealthy(old, budget) else { return false };
    let removed = scale_down_old_for_rolling_update(old, available, min_available);
    cleaned + removed > 0
}

fn active_available(old: &[RsSize]) -> i32 {
    old.iter().filter(|rs| rs.spec > 0).map(|rs| rs.available).sum()
}

/// Removes pods that are not available, at most `budget`, from the oldest set on: how many. None when a set
/// is reached whose status says more are available than it should have.
///
/// `rolling.go: cleanupUnhealthyReplicas`.
pub fn cleanup_unhealthy(old: &mut [RsSize], budget: i32) -> Option<i32> {
    let mut cleaned = 0;
    for rs in old.iter_mut() {
        if cleaned >= budget {
            break;
        }
        if rs.spec == 0 || rs.spec == rs.available {
            continue;
        }
        if rs.available > rs.spec {
            return None;
        }
        let n = (budget - cleaned).min(rs.spec - rs.available);
        rs.spec -= n;
        cleaned += n;
    }
    Some(cleaned)
}

/// Removes pods from the oldest set on as long as more than the floor are available: how many. `available` is
/// the sum of status.availableReplicas over all sets before the step.
///
/// `rolling.go: scaleDownOldReplicaSetsForRollingUpdate`.
pub fn scale_down_old_for_rolling_update(
    old: &mut [RsSize],
    available: i32,
    min_available: i32,
) -> i32 {
    let excess = available - min_available;
    let mut removed = 0;
    for rs in old.iter_mut() {
        if removed >= excess {
            break;
        }
        let n = rs.spec.min(excess - removed);
        rs.spec -= n;
        removed += n;
    }
    removed
}

/// One sync of a rolling update: at most one of growing (or trimming) the new set and shrinking the old ones.
/// The sync that creates the new set, already sized by [`new_rs_new_replicas`], goes on with that size, and
/// so to the old sets.
///
/// `rolling.go: rolloutRolling`.
pub fn rolling_step(
    old: &mut [RsSize],
    new: RsSize,
    strategy: Strategy,
    desired: i32,
) -> RollingStep {
    let sum_all = new.spec + old.iter().map(|rs| rs.spec).sum::<i32>();
    let size = reconcile_new(strategy, desired, new.spec, sum_all);
    if size != new.spec {
        return RollingStep::ScaledNew(size);
    }
    if reconcile_old(old, new, min_available(strategy, desired)) {
        return RollingStep::ScaledOld;
    }
    RollingStep::Nothing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::spec::IntOrPercent;
    use proptest::prelude::{Strategy as Values, prop};
    use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

    fn size(spec: i32, available: i32) -> RsSize {
        RsSize { spec, available, replicas: spec }
    }

    #[test]
    fn sets_cleaned_up_before_a_lagging_one_stay_written() {
        let mut old = [size(3, 2), size(4, 6)];
        let scaled = reconcile_old(&mut old, size(0, 0), 2);
        assert!(!scaled);
        assert_eq!(old.map(|rs| rs.spec), [2, 4]);
    }

    fn strategies() -> impl Values<Value = super::Strategy> {
        let value = prop_oneof![
            (0..6_i32).prop_map(IntOrPercent::Int),
            (0..=100_i32).prop_map(IntOrPercent::Percent),
        ];
        (value.clone(), value).prop_map(|(max_surge, max_unavailable)| {
            super::Strategy::RollingUpdate { max_surge, max_unavailable }
        })
    }

    proptest! {
        /// With statuses that are up to date, no sync takes more available pods than the floor lets go, none
        /// makes more pods than surge allows, and a rollout whose pods all become available ends.
        #[test]
        fn rollouts_keep_their_bounds(
            strategy in strategies(),
            n in 0..40_i32,
            parts in prop::collection::vec((0..20_i32, 0..20_i32), 1..4),
        ) {
            let mut old: Vec<RsSize> =
                parts.iter().map(|&(spec, down)| size(spec, (spec - down).max(0))).collect();
            let mut new = size(0, 0);
            let floor = min_available(strategy, n);
            let cap = n + max_surge(strategy, n);
            for sync in 0..1000 {
                let available =
                    new.available + old.iter().map(|rs| rs.available).sum::<i32>();
                let total = new.spec + old.iter().map(|rs| rs.spec).sum::<i32>();
                match rolling_step(&mut old, new, strategy, n) {
                    RollingStep::ScaledNew(size) => {
                        prop_assert!(size > new.spec && size <= n);
                        prop_assert!(total + size - new.spec <= cap);
                        new.spec = size;
                    }
                    RollingStep::ScaledOld => {
                        for rs in &mut old {
                            rs.available = rs.available.min(rs.spec);
                        }
                        let left =
                            new.available + old.iter().map(|rs| rs.available).sum::<i32>();
                        prop_assert!(left >= floor.min(available));
                    }
                    RollingStep::Nothing if new.available < new.spec => new.available += 1,
                    RollingStep::Nothing => {
                        prop_assert_eq!(new.spec, n);
                        prop_assert!(old.iter().all(|rs| rs.spec == 0), "old {:?}", old);
                        return Ok(());
                    }
                }
                prop_assert!(sync < 999, "no end");
            }
        }
    }
}
