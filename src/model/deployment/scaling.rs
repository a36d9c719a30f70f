//! A change of spec.replicas while a rollout is in flight.
//!
//! Sources: `pkg/controller/deployment/sync.go: scale`, `pkg/controller/deployment/util/deployment_util.go`.

use super::rolling::max_surge;
use crate::cluster::workload::Strategy;

/// One ReplicaSet, old or new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScaledSet {
    /// spec.replicas.
    pub spec: i32,
    /// status.availableReplicas.
    pub available: i32,
    /// Annotation desired-replicas.
    pub desired_annotation: Option<i32>,
    /// Annotation max-replicas.
    pub max_annotation: Option<i32>,
    /// Set by [`scale`]: size and annotations of this set are written.
    pub written: bool,
}

/// What the Deployment asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// `spec.strategy`.
    pub strategy: Strategy,
    /// spec.replicas.
    pub desired: i32,
    /// status.replicas of the Deployment.
    pub status_replicas: i32,
}

/// Whether the sizes of active sets were made for another spec.replicas.
///
/// `sync.go: isScalingEvent`.
pub fn is_scaling_event(sets: impl IntoIterator<Item = ScaledSet>, desired: i32) -> bool {
    let active = sets.into_iter().filter(|set| set.spec > 0);
    active.filter_map(|set| set.desired_annotation).any(|annotation| annotation != desired)
}

/// Gives every set (oldest first: creation time, then name) its share of a new spec.replicas. `new` is the
/// index of the new set, if it exists.
///
/// `sync.go: scale`.
pub fn scale(sets: &mut [ScaledSet], new: Option<usize>, wanted: Wanted) {
    if let Some(only) = active_or_latest(sets, new) {
        let set = &mut sets[only];
        set.written = set.spec != wanted.desired;
        set.spec = wanted.desired;
    } else if new.is_some_and(|new| is_saturated(&sets[new], wanted.desired)) {
        for (i, set) in sets.iter_mut().enumerate() {
            if Some(i) != new && set.spec > 0 {
                set.spec = 0;
                set.written = true;
            }
        }
    } else if matches!(wanted.strategy, Strategy::RollingUpdate { .. }) {
        scale_proportionally(sets, wanted);
    }
}

/// The only active set; with none active the new one, else the newest; None if several are.
///
/// `deployment_util.go: FindActiveOrLatest`.
fn active_or_latest(sets: &[ScaledSet], new: Option<usize>) -> Option<usize> {
    let mut active = (0..sets.len()).filter(|&i| sets[i].spec > 0);
    match (active.next(), active.next()) {
        (None, _) => new.or(sets.len().checked_sub(1)),
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// `deployment_util.go: IsSaturated`.
fn is_saturated(new: &ScaledSet, desired: i32) -> bool {
    new.spec == desired && new.desired_annotation == Some(desired) && new.available == desired
}

fn scale_proportionally(sets: &mut [ScaledSet], wanted: Wanted) {
    let surge = max_surge(wanted.strategy, wanted.desired);
    let allowed = if wanted.desired > 0 { wanted.desired + surge } else { 0 };
    let to_add = allowed - sets.iter().map(|set| set.spec).sum::<i32>();
    let mut order: Vec<usize> = (0..sets.len()).filter(|&i| sets[i].spec > 0).collect();
    // By size descending; equal ones newest first on the way up, oldest first on the way down.
    order.sort_by_key(|&i| (-sets[i].spec, if to_add > 0 { -(i as i64) } else { i as i64 }));
    let mut added = 0;
    for &i in &order {
        let share = proportion(&sets[i], wanted, to_add - added);
        sets[i].spec += share;
        sets[i].written = true;
        added += share;
    }
    if let Some(&first) = order.first() {
        sets[first].spec = (sets[first].spec + to_add - added).max(0);
    }
}

/// What a set gets of the pods still to add (or to remove, below zero).
///
/// `deployment_util.go: GetReplicaSetProportion`.
fn proportion(set: &ScaledSet, wanted: Wanted, left: i32) -> i32 {
    if left == 0 {
        return 0;
    }
    let fraction = replica_set_fraction(set, wanted);
    if left > 0 { fraction.min(left) } else { fraction.max(left) }
}

/// By how much a set would change if it kept its part of the whole.
///
/// `deployment_util.go: getReplicaSetFraction`.
pub fn replica_set_fraction(set: &ScaledSet, wanted: Wanted) -> i32 {
    if wanted.desired == 0 {
        return -set.spec;
    }
    let most = i64::from(wanted.desired) + i64::from(max_surge(wanted.strategy, wanted.desired));
    let before = match set.max_annotation {
        Some(max) if max != 0 => max,
        _ if wanted.status_replicas == 0 => return 0,
        _ => wanted.status_replicas,
    };
    let size = libm::round((i64::from(set.spec) * most) as f64 / f64::from(before));
    size as i32 - set.spec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saturated_new_set_takes_over() {
        let new = ScaledSet {
            spec: 3,
            available: 3,
            desired_annotation: Some(3),
            ..ScaledSet::default()
        };
        let old = ScaledSet { spec: 2, desired_annotation: Some(5), ..ScaledSet::default() };
        let mut sets = [old, new];
        assert!(is_scaling_event(sets, 3));
        let wanted = Wanted { strategy: Strategy::Recreate, desired: 3, status_replicas: 5 };
        scale(&mut sets, Some(1), wanted);
        assert_eq!(sets.map(|set| (set.spec, set.written)), [(0, true), (3, false)]);
    }
}
