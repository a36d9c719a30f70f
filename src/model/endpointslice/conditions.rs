//! Conditions and membership of endpoints.
//!
//! Sources: `staging/src/k8s.io/endpointslice/utils.go`,
//! `staging/src/k8s.io/endpointslice/util/controller_utils.go`,
//! `pkg/controller/endpointslice/endpointslice_controller.go`.

use crate::cluster::PodPhase;
pub use crate::cluster::objects::Conditions;
use crate::engine::Dur;
use crate::model::platform::Defaults;
use crate::model::plumbing::doubled;

/// The conditions of a pod's endpoint. `publish_not_ready`: the Service's publishNotReadyAddresses.
///
/// `utils.go: podToEndpoint`.
pub fn pod_to_endpoint(pod_ready: bool, pod_deleting: bool, publish_not_ready: bool) -> Conditions {
    Conditions {
        ready: publish_not_ready || (pod_ready && !pod_deleting),
        serving: pod_ready,
        terminating: pod_deleting,
    }
}

/// Whether a pod that matches the selector is an endpoint. The controller of v1.22 and later includes
/// terminating pods ([`include_terminating`]).
///
/// `controller_utils.go: ShouldPodBeInEndpoints`.
pub fn should_pod_be_in_endpoints(
    phase: PodPhase,
    has_ip: bool,
    deleting: bool,
    include_terminating: bool,
) -> bool {
    !phase.is_terminal() && has_ip && (include_terminating || !deleting)
}

/// Whether the controller of Kubernetes v1.`minor` keeps terminating pods in slices.
pub fn include_terminating(minor: u32) -> bool {
    minor >= 22
}

/// The wait before a Service is synced again after `failures` failed syncs in a row (1 or more), such as
/// those that found the slice cache behind the controller's own last write: 1 s, 2 s, 4 s ... 1000 s.
///
/// `endpointslice_controller.go: NewController`.
pub fn retry_delay(defaults: &Defaults, failures: u32) -> Dur {
    doubled(defaults.slice_retry_base, defaults.slice_retry_max, failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_double_from_one_second() {
        let waits = [1, 2, 3, 4, 10, 11, 12]
            .map(|k| retry_delay(crate::input::cards::kubernetes(), k).floor_secs());
        assert_eq!(waits, [1, 2, 4, 8, 512, 1000, 1000]);
        assert!(!include_terminating(21) && include_terminating(22));
    }
}
