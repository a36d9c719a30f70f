//! What a scenario says of the mesh that injects proxies into pods.

use schemars::JsonSchema;
use serde::Deserialize;

/// Istio as it is configured for the whole mesh, which no manifest of a workload says. It comes before marks
/// on the pods (`proxy.istio.io/config`), as all of a scenario does.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MeshCase {
    /// Istio's version, such as "1.24". Default: the newest one modelled.
    pub version: Option<String>,
    /// The proxy is a native sidecar: an init container that keeps running. Default: since Istio 1.27 with
    /// kubelets of 1.33 or newer; with Linkerd where an annotation says so.
    pub native_sidecars: Option<bool>,
    /// The application's containers start once the proxy is ready. Default: with Linkerd.
    pub hold_application_until_proxy_starts: Option<bool>,
    /// From SIGTERM until the proxy is gone, where it is no native sidecar. Default 5; with Linkerd, which
    /// waits no longer than for connections that are open, 120.
    pub termination_drain_s: Option<f64>,
    /// From SIGTERM on it looks once a second whether a connection is active, and goes when none is. Default
    /// false.
    pub exit_on_zero_active_connections: Option<bool>,
    /// With that: it looks no earlier than this. Default 5.
    pub minimum_drain_s: Option<f64>,
    /// Linkerd's proxy sleeps so long before it hears of SIGTERM. Default 0.
    pub wait_before_exit_s: Option<f64>,
    /// The mesh's localityLbSetting: proxies prefer endpoints near by where outlier detection is on. Default
    /// true.
    pub locality_lb: Option<bool>,
    /// The zone that all callers are in. Default: as many are in each zone of the nodes.
    pub caller_zone: Option<String>,
}
