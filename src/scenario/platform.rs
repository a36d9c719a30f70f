//! What a cluster's own latencies are: filled from a platform card (`models/platforms/*.toml`), fitted by
//! `rollsim calibrate`.

use crate::engine::Dist;

/// Latencies of a cluster. Every field is one entry of a platform card, under the same name.
#[derive(Clone, Debug, PartialEq)]
pub struct Platform {
    /// One API write (request sent until committed).
    pub api_write: Dist,
    /// Commit until a controller's (kube-controller-manager) cache shows it.
    pub watch_controller: Dist,
    /// Commit until the kubelet sees it.
    pub watch_kubelet: Dist,
    /// Commit until kube-proxy sees it.
    pub watch_proxy: Dist,
    /// Pod seen by the scheduler until bound.
    pub schedule: Dist,
    /// Pod seen by the kubelet until its sandbox is being created (volumes, cgroups).
    pub pod_setup: Dist,
    /// Creating the sandbox with its network.
    pub sandbox_create: Dist,
    /// Creating and starting one container until its process runs.
    pub container_start: Dist,
    /// Pulling an image that is not present.
    pub image_pull: Dist,
    /// Checking an image that is present (imagePullPolicy Always).
    pub image_check: Dist,
    /// One PLEG relist.
    pub pleg_relist: Dist,
    /// Container stop decided until the signal arrives.
    pub signal_delivery: Dist,
    /// Last container exit until the network namespace is gone.
    pub sandbox_teardown: Dist,
    /// Sandbox gone until the terminal phase is written.
    pub status_terminal: Dist,
    /// Terminal phase written until the object is deleted (volumes, cgroup).
    pub object_removal: Dist,
    /// One kube-proxy rule synchronisation.
    pub proxy_sync: Dist,
    /// ARP failure on the link until the client hears "no route to host".
    pub arp_failure: Dist,
}
