//! How the API server deletes a pod.
//!
//! Source: `pkg/registry/core/pod/strategy.go`.

use super::PodPhase;

/// The grace period in seconds an API delete gives; 0 removes the object at once. `phase` None: not set.
///
/// `strategy.go: podStrategy.CheckGracefulDelete`.
pub fn api_delete_grace(
    assigned: bool,
    phase: Option<PodPhase>,
    requested: Option<i64>,
    spec: Option<i64>,
) -> i64 {
    if !assigned || phase.is_some_and(PodPhase::is_terminal) {
        return 0;
    }
    let grace = requested.or(spec).unwrap_or(0);
    if grace < 0 { 1 } else { grace }
}
