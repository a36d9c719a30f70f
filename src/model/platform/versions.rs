//! Which Kubernetes it is, as far as behaviour depends on it.

use super::{Defaults, ToldBy};

/// Versions, where behaviour changed between them: the minor number of v1.N; and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kubernetes {
    /// Minor version: 36 is 1.36.
    pub control_plane: u32,
    /// Minor version: 36 is 1.36.
    pub kubelet: u32,
    /// Minor version: 36 is 1.36.
    pub kube_proxy: u32,
    /// How kube-proxy brings connections to pods.
    pub proxy_mode: ProxyMode,
    /// Numbers that hold where a manifest or flag says nothing.
    pub defaults: Defaults,
    /// Feature gate PLEGOnDemandRelist of the kubelet: a pod it has just started is relisted at once.
    pub on_demand_relist: bool,
    /// The kubelet stops probing a pod's readiness when the pod begins to terminate.
    pub readiness_ends: ReadinessEnds,
    /// Feature gate MaxUnavailableStatefulSet of the control plane: several of a StatefulSet's pods may go.
    pub max_unavailable_stateful_set: bool,
    /// Who told the version of the control plane.
    pub told_by: ToldBy,
}

/// How kube-proxy brings connections to pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyMode {
    /// By rules of iptables.
    #[default]
    Iptables,
    /// By rules of nftables, which change all at once.
    Nftables,
    /// Cilium in the place of kube-proxy: the agent of each node takes changes in batches, and the maps of
    /// the kernel hold one all at once.
    Cilium,
    /// By the kernel's balancer: a pod that goes keeps its connections, and gets new ones of clients whose
    /// port recurs, this many times a pod's share in a thousand.
    Ipvs { recurring: u32 },
}

/// Which readiness probes stop where a pod begins to terminate: its readiness stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadinessEnds {
    /// All are probed until the containers have stopped.
    Never,
    /// Those that run a command fail to be run, and count for nothing.
    OfExec,
    /// Of every kind.
    Always,
}

impl ReadinessEnds {
    /// In v1.`minor`.`patch` of the kubelet: none from v1.22 to v1.24 (pull request 110191 of
    /// kubernetes/kubernetes mended it), no exec ones in v1.35 and from v1.36.3 on (issues 140509, 140881).
    pub fn of(minor: u32, patch: u32) -> ReadinessEnds {
        match minor {
            22..=24 => ReadinessEnds::Always,
            35 => ReadinessEnds::OfExec,
            36 if patch >= 3 => ReadinessEnds::OfExec,
            _ => ReadinessEnds::Never,
        }
    }
}
