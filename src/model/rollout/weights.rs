//! Which weight the canary of a routed release is to have, in one pass of the controller.
//!
//! Source: `rollout/trafficrouting.go` of argoproj/argo-rollouts.

use super::sizes::{Dynamic, Sized, backward, far_enough, of_weight};
use crate::cluster::release::Threshold;

/// What decides the weight.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// `spec.replicas`.
    pub replicas: i32,
    /// `maxTrafficWeight`.
    pub max_weight: i32,
    /// Stable and new template are the same.
    pub promoted: bool,
    /// It goes back to the stable template.
    pub aborted: bool,
    /// The new set.
    pub canary: Sized,
    /// The stable set.
    pub stable: Sized,
    /// Both have the sizes that the step asks for.
    pub reached: bool,
    /// Of the last setWeight before this step.
    pub before: i32,
    /// Of the last one up to it; all of it past the last step.
    pub step: i32,
    /// That which is in force.
    pub now: i32,
    /// The weights of all steps, where the stable pods give way.
    pub dynamic: Option<&'a [i32]>,
    /// `replicaProgressThreshold`.
    pub threshold: Option<Threshold>,
}

/// The weight that is to be written now; that in force, if nothing is to change.
pub fn wanted(at: At) -> i32 {
    let weight = if at.promoted {
        0
    } else if at.aborted {
        at.dynamic.map_or(0, |steps| back(at, steps))
    } else if at.canary.available == 0 {
        0
    } else if at.reached {
        at.step
    } else {
        at.before
    };
    if at.promoted || enough_stable(at, weight) { weight } else { at.now }
}

/// Whoever is to get the rest has pods for it.
fn enough_stable(at: At, weight: i32) -> bool {
    let needs =
        i64::from(at.max_weight - weight) * i64::from(at.replicas) / i64::from(at.max_weight);
    let by_threshold = at.threshold.is_some()
        && far_enough(
            at.threshold,
            Some(at.stable),
            of_weight(at.replicas, at.max_weight - weight, at.max_weight),
        );
    i64::from(at.stable.available) >= needs || by_threshold
}

/// An aborted canary gives back no more than the stable pods can bear.
fn back(at: At, steps: &[i32]) -> i32 {
    let sets = Some((at.canary, at.stable));
    let step = backward(Dynamic { weight: at.now, steps, sets }, at.replicas, at.max_weight);
    let bears =
        i64::from(at.max_weight) * i64::from(at.stable.available) / i64::from(at.replicas.max(1));
    let bears = bears.min(i64::from(at.max_weight)) as i32;
    match step {
        0 => (at.max_weight - bears).max(0).min(at.now),
        step if bears < at.max_weight - step => at.now,
        step => step.min(at.now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Sized = Sized { spec: 10, available: 10 };

    fn at(canary: i32) -> At<'static> {
        At {
            replicas: 10,
            max_weight: 100,
            promoted: false,
            aborted: false,
            canary: Sized { spec: canary, available: canary },
            stable: ALL,
            reached: true,
            before: 20,
            step: 40,
            now: 20,
            dynamic: None,
            threshold: None,
        }
    }

    #[test]
    fn a_weight_waits_for_its_pods() {
        assert_eq!(wanted(at(4)), 40);
        assert_eq!(wanted(At { reached: false, ..at(3) }), 20);
        assert_eq!(wanted(At { canary: Sized::default(), ..at(0) }), 0);
    }

    #[test]
    fn an_abort_takes_all_at_once_unless_the_stable_pods_gave_way() {
        let aborted = At { aborted: true, now: 60, ..at(6) };
        assert_eq!(wanted(aborted), 0);
        let four = Sized { spec: 4, available: 4 };
        let dynamic = At { dynamic: Some(&[20, 60]), stable: four, ..aborted };
        assert_eq!(wanted(dynamic), 60);
        let eight = Sized { spec: 8, available: 8 };
        assert_eq!(wanted(At { stable: eight, ..dynamic }), 20);
        assert_eq!(
            wanted(At { stable: ALL, now: 20, canary: Sized { spec: 2, available: 2 }, ..dynamic }),
            0
        );
    }
}
