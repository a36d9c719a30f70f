//! Scores of a node, 0 to 100: by resources and by images; and how raw scores are brought to that range.
//!
//! Source: `pkg/scheduler/framework/plugins/`.

/// A resource of a node: what is requested and what it has, in any one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// By the pods there and the one that is to come.
    pub requested: i64,
    /// What it may give to pods (`allocatable`).
    pub capacity: i64,
}

/// From here on a capacity is one that nobody gave.
const UNLIMITED: i64 = i64::MAX / 128;

/// NodeResourcesFit, LeastAllocated: the mean of free percentages, with the pod; (load, weight) each.
///
/// `least_allocated.go: leastResourceScorer`.
pub fn least_allocated(loads: &[(Load, i64)]) -> i64 {
    let weights: i64 = loads.iter().map(|&(_, weight)| weight).sum();
    if weights == 0 {
        return 0;
    }
    let free = |load: Load| {
        if load.capacity == 0 || load.requested > load.capacity {
            return 0;
        }
        if load.capacity >= UNLIMITED {
            return 100;
        }
        (load.capacity - load.requested) * 100 / load.capacity
    };
    loads.iter().map(|&(load, weight)| free(load) * weight).sum::<i64>() / weights
}

/// NodeResourcesBalancedAllocation: how the pod changes the balance between cpu and memory.
///
/// `balanced_allocation.go: balancedResourceScorer`.
pub fn balanced(before: [Load; 2], with_pod: [Load; 2]) -> i64 {
    50 + (50 + balance(with_pod) - balance(before)) / 2
}

/// 100 when both are used alike. The standard deviation of two values is half their distance.
fn balance(loads: [Load; 2]) -> i64 {
    let [cpu, memory] = loads.map(|load| {
        if load.capacity == 0 {
            0.0
        } else {
            (load.requested as f64 / load.capacity as f64).min(1.0)
        }
    });
    ((1.0 - (cpu - memory).abs() / 2.0) * 100.0) as i64
}

/// Scores as shares of the highest; `reverse`: the lowest is best. All 0 stay so.
///
/// `pkg/scheduler/framework/plugins/helper/normalize_score.go: DefaultNormalizeScore`.
pub fn of_highest(scores: &mut [i64], reverse: bool) {
    let most = scores.iter().copied().max().unwrap_or(0);
    for score in scores {
        let share = if most == 0 { 0 } else { *score * 100 / most };
        *score = if reverse { 100 - share } else { share };
    }
}

/// Scores by where they lie between the lowest and the highest, which may be below 0; all alike give 0.
///
/// `interpodaffinity/scoring.go: NormalizeScore`.
pub fn between(scores: &mut [i64]) {
    let most = scores.iter().copied().max().unwrap_or(0);
    let least = scores.iter().copied().min().unwrap_or(0);
    for score in scores {
        let range = (most - least) as f64;
        *score = if most == least { 0 } else { (100.0 * ((*score - least) as f64 / range)) as i64 };
    }
}

/// ImageLocality: bytes of a pod's images that the node has, each weighted by the share of nodes that have
/// it.
///
/// `imagelocality/image_locality.go: calculatePriority`.
pub fn image_locality(bytes: i64, smallest: i64, largest: i64, containers: i64) -> i64 {
    let largest = (largest * containers).max(smallest + 1);
    100 * (bytes.clamp(smallest, largest) - smallest) / (largest - smallest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_brought_to_0_to_100() {
        let of = |scores: [i64; 3], reverse| {
            let mut scores = scores;
            of_highest(&mut scores, reverse);
            scores
        };
        assert_eq!(of([0, 1, 2], false), [0, 50, 100]);
        assert_eq!(of([0, 1, 2], true), [100, 50, 0]);
        assert_eq!(of([0, 0, 0], true), [100, 100, 100]);
        let mut wishes = [-10, 0, 30];
        between(&mut wishes);
        assert_eq!(wishes, [0, 25, 100]);
    }

    #[test]
    fn images_count_between_two_sizes() {
        let mib = 1 << 20;
        let score = |bytes| image_locality(bytes, 23 * mib, 1000 * mib, 1);
        assert_eq!([score(20 * mib), score(1000 * mib), score(5000 * mib)], [0, 100, 100]);
    }

    #[test]
    fn what_nobody_limits_is_free() {
        let load = Load { requested: 1 << 40, capacity: i64::MAX };
        assert_eq!(least_allocated(&[(load, 1)]), 100);
    }
}
