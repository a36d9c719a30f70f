//! Recreate: all old pods go before the first new one comes.
//!
//! Source: `pkg/controller/deployment/recreate.go`.

use super::rolling::RsSize;
use crate::cluster::PodPhase;

/// Sets the size of every old set to 0; whether any was above.
///
/// `recreate.go: scaleDownOldReplicaSetsForRecreate`.
pub fn scale_down_old(old: &mut [RsSize]) -> bool {
    let mut scaled = false;
    for set in old {
        scaled |= set.spec != 0;
        set.spec = 0;
    }
    scaled
}

/// Whether old pods still block the new set: an old set's status counts some, or a pod not owned by the new
/// set is not terminal. A deletion time plays no part.
///
/// `recreate.go: oldPodsRunning`.
pub fn old_pods_running(
    old_status_replicas: impl IntoIterator<Item = i32>,
    old_pods: impl IntoIterator<Item = PodPhase>,
) -> bool {
    old_status_replicas.into_iter().sum::<i32>() > 0
        || old_pods.into_iter().any(|phase| !phase.is_terminal())
}
