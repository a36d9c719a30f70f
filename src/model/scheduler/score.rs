//! Scores by resources, 0 to 100.
//!
//! Source: `pkg/scheduler/framework/plugins/noderesources/`.

/// A resource of a node: what is requested and what it has, in any one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub requested: i64,
    pub capacity: i64,
}

/// Weights of the scores, as far as they are modelled.
///
/// `pkg/scheduler/apis/config/v1/default_plugins.go`.
pub mod weights {
    pub const POD_TOPOLOGY_SPREAD: i64 = 2;
    pub const INTER_POD_AFFINITY: i64 = 2;
    pub const NODE_RESOURCES_FIT: i64 = 1;
    pub const BALANCED_ALLOCATION: i64 = 1;
    pub const IMAGE_LOCALITY: i64 = 1;
}

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
