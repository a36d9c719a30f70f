//! Which nodes Cluster Autoscaler could do without.
//!
//! Sources: `cluster-autoscaler/simulator/` and `FAQ.md` of kubernetes/autoscaler.

use crate::cluster::spec::Resources;
use crate::cluster::stays::Stays;
use crate::cluster::workload::Kind;

/// How much of a node its pods request, in thousandths: of the resource of which it is more.
///
/// `simulator/utilization/info.go: Calculate`.
pub fn utilization(used: Resources, all: Resources) -> i64 {
    let share = |used: i64, all: i64| match all {
        i64::MAX | ..=0 => 0,
        all => (i128::from(used) * 1000 / i128::from(all)) as i64,
    };
    share(used.cpu_millis, all.cpu_millis).max(share(used.memory_bytes, all.memory_bytes))
}

/// What is known of a pod on a node that might go.
#[derive(Clone, Copy, Debug)]
pub struct OnNode<'a> {
    /// What makes it anew.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: &'a str,
    /// Some budget covers it.
    pub covered: bool,
    /// What it says of itself.
    pub stays: Stays,
}

/// Whether a pod keeps its node, whatever room there is elsewhere.
///
/// `simulator/drainability/rules/`.
pub fn keeps(pod: OnNode<'_>) -> bool {
    const SYSTEM: &str = "kube-system";
    if pod.kind == Kind::DaemonSet || pod.stays.safe_to_evict == Some(true) {
        return false;
    }
    pod.stays.safe_to_evict == Some(false)
        || pod.kind == Kind::Pod
        || pod.namespace == SYSTEM && !pod.covered
        || pod.stays.local_storage
}
