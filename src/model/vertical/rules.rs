//! Whom the updater takes, and how many of a group at a time.
//!
//! Sources: kubernetes/autoscaler, in `vertical-pod-autoscaler/pkg/updater`:
//! `priority/update_priority_calculator.go: AddPod` and `restriction/pods_restriction_factory.go:
//! isPodDisruptable`.

use crate::engine::Dur;

/// How far what a pod asks for is from what is recommended.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Need {
    /// It lies outside of the bounds of the recommendation.
    pub outside: bool,
    /// The sum of the differences, as parts of what is asked for; 0 or more.
    pub change: f64,
    /// Something has to grow.
    pub grows: bool,
}

/// When a recommendation within its bounds counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// For pods of this age.
    pub settled: Dur,
    /// From this difference on.
    pub threshold: f64,
}

/// Whether a pod that has run for so long is to be changed.
pub fn is_due(need: Need, age: Dur, limits: Limits) -> bool {
    need.outside || (age >= limits.settled && need.change >= limits.threshold)
}

/// The pods that one owner has made, in one round of the updater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// As many as the owner is to have.
    pub replicas: i32,
    /// Those that run.
    pub running: i32,
    /// Those that this round has evicted, or begun to resize.
    pub changed: i32,
    /// So many may be away for updates.
    pub tolerance: i32,
}

impl Group {
    /// So many may be away of a group of this size; rounded down.
    pub fn tolerance(replicas: i32, percent: i32) -> i32 {
        (i64::from(replicas) * i64::from(percent) / 100) as i32
    }

    /// Whether one more may go. Pods that do not run yet always may.
    pub fn may_lose(self, runs: bool) -> bool {
        let Group { replicas, running, changed, tolerance } = self;
        let alive = running - changed;
        !runs
            || alive > replicas - tolerance
            || (tolerance == 0 && running == replicas && changed == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `fraction` 0.5: int(replicas x 0.5) may be away; of one pod the one may go while all run.
    #[test]
    fn half_of_a_group_may_be_away() {
        let lost = |replicas: i32, running: i32| {
            let tolerance = Group::tolerance(replicas, 50);
            let group = |changed| Group { replicas, running, changed, tolerance };
            (0..running).take_while(|&changed| group(changed).may_lose(true)).count()
        };
        assert_eq!([1, 2, 3, 4, 5, 10].map(|n| lost(n, n)), [1, 1, 1, 2, 2, 5]);
        // One is away already.
        assert_eq!([2, 3, 4, 10].map(|n| lost(n, n - 1)), [0, 0, 1, 4]);
        let pending = Group { replicas: 4, running: 0, changed: 0, tolerance: 2 };
        assert!(pending.may_lose(false) && !pending.may_lose(true));
    }

    #[test]
    fn within_its_bounds_a_recommendation_can_wait() {
        let limits = Limits { settled: Dur::from_secs(43_200), threshold: 0.1 };
        let inside = Need { outside: false, change: 0.5, grows: true };
        assert!(!is_due(inside, Dur::from_secs(43_199), limits));
        assert!(is_due(inside, Dur::from_secs(43_200), limits));
        let little = Need { change: 0.09, ..inside };
        assert!(!is_due(little, Dur::from_secs(86_400), limits));
        assert!(is_due(Need { outside: true, ..little }, Dur::ZERO, limits));
    }
}
