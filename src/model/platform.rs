//! A cluster's own latencies, filled from a platform card (`models/platforms/*.toml`) or by `calibrate`.

mod told_by;
mod versions;

use crate::engine::{Dist, Dur, Sampler};
use std::sync::Arc;
pub use told_by::ToldBy;
pub use versions::{Kubernetes, ProxyMode, ReadinessEnds};

/// Declares [`Delays`]: one field per distribution of a platform card, under the same name.
macro_rules! delays {
    ($($(#[$doc:meta])* $field:ident),* $(,)?) => {
        /// The latencies of a cluster, as distributions (`Delays<Dist>`) or ready for drawing
        /// (`Delays<Sampler>`). Every field is an entry of a platform card, under the same name.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Delays<T> {
            $($(#[$doc])* pub $field: T,)*
        }

        impl<T> Delays<T> {
            /// The entries, in the order of a card.
            pub const KEYS: &[&str] = &[$(stringify!($field)),*];

            /// Fills every field from its key.
            pub fn read(mut take: impl FnMut(&'static str) -> T) -> Delays<T> {
                Delays { $($field: take(stringify!($field)),)* }
            }

            /// The same with `f` of each.
            pub fn map<U>(&self, mut f: impl FnMut(&T) -> U) -> Delays<U> {
                Delays { $($field: f(&self.$field),)* }
            }

            /// The same; where an entry is as in `before`, what was `made` of that.
            pub fn map_like<U: Clone>(
                &self,
                before: &Delays<T>,
                made: &Delays<U>,
                f: impl Fn(&T) -> U,
            ) -> Delays<U>
            where
                T: PartialEq,
            {
                let one = |now: &T, before: &T, made: &U| match now == before {
                    true => made.clone(),
                    false => f(now),
                };
                Delays { $($field: one(&self.$field, &before.$field, &made.$field),)* }
            }
        }
    };
}

delays! {
    /// One API write (request sent until committed).
    api_write,
    /// Writing an EndpointSlice.
    slice_write,
    /// The same when a pod's deletion is the reason: its node is busy stopping it at that moment.
    slice_write_deletion,
    /// Commit until a controller's (kube-controller-manager) cache shows it.
    watch_controller,
    /// Commit until the kubelet sees it and acts.
    watch_kubelet,
    /// Commit until kube-proxy sees it.
    watch_proxy,
    /// Pod created until bound.
    schedule,
    /// Pod seen by the kubelet until its sandbox is being created (volumes, cgroups): waiting, not work.
    pod_setup,
    /// Creating the sandbox with its network: work on an otherwise idle node.
    sandbox_create,
    /// Creating and starting one container until its process runs: work on an otherwise idle node.
    container_start,
    /// Container started, as the kubelet sees it, until a process that needs no time of its own listens.
    process_start,
    /// Pulling an image that is not present.
    image_pull,
    /// Checking an image that is present (imagePullPolicy Always).
    image_check,
    /// Duration of one PLEG relist (the next starts 1 s after it ended).
    pleg_relist,
    /// Container stop decided until the signal arrives.
    signal_delivery,
    /// Last container exit until the network namespace is gone: work on an otherwise idle node.
    sandbox_teardown,
    /// Network namespace gone until the kubelet knows the pod's terminal phase: work, as above.
    pod_cleanup,
    /// An exec hook's own time, on top of its command's.
    hook_exec,
    /// An httpGet hook's own time, on top of the handler's.
    hook_http,
    /// A pod status change until the status manager starts to send it.
    status_sync,
    /// One status write of the kubelet (GET and PATCH); one after the other on each node.
    status_patch,
    /// A probe request until its answer.
    probe_answer,
    /// Terminal phase written, and the next relist over, until the object is deleted (volumes, cgroup).
    object_removal,
    /// One kube-proxy rule synchronisation.
    proxy_sync,
    /// A volume's detachment from one node and attachment to another, where a pod of a StatefulSet moves.
    volume_move,
}

/// The same, ready for drawing.
pub type Latencies = Delays<Sampler>;

/// A cluster: its latencies, and numbers that are no distributions.
#[derive(Clone, Debug, PartialEq)]
pub struct Platform {
    /// Every latency of the cluster.
    pub delays: Delays<Dist>,
    /// Cores of a node that container starts and stops share; 0: unlimited.
    pub node_cores: f64,
    /// The control plane and the client share the nodes' cores (a cluster on one machine).
    pub shared_control_plane: bool,
    /// With `shared_control_plane`: seconds of work of each pod iteration of the kubelet and each pod status.
    pub iteration_work_s: f64,
    /// Runs differ as a whole: the standard deviation of the logarithm of the factor on all work and on the
    /// control plane's latencies that one run draws.
    pub run_spread: f64,
    /// What one request takes besides the application's service time (accept, network), in seconds.
    pub request_overhead_s: f64,
    /// How much stopping a pod slows the others on its node, against starting one.
    pub stop_weight: f64,
    /// How much of a node's slow-down is felt by what needs the processor only for a moment (a signal; with
    /// `shared_control_plane` a request to the API), against a container's start.
    pub short_work_share: f64,
    /// Share of container starts in which the readiness probe's immediate evaluation is wasted.
    pub probe_trigger_lost: f64,
    /// Share of EndpointSlice writes whose answer reaches the controller before its own watch shows them: a
    /// sync in between fails and is retried after 1 s.
    pub slice_cache_stale: f64,
    /// Connections that arrive within this after a process exited, and had still been accepted by the kernel,
    /// are reset; later ones are refused. In seconds.
    pub reset_window_s: f64,
    /// Packets to the address of a removed pod are answered "no route to host" once no pod is left on its
    /// node (the bridge loses its carrier and the neighbour entries go); else they are lost.
    pub bridge_flush: bool,
    /// ARP failure on the link until the client hears "no route to host", in seconds.
    pub arp_failure_s: f64,
    /// kube-proxy in iptables mode: seconds from removing the rule that rejects to adding those that forward.
    pub proxy_table_gap_s: f64,
    /// Nodes of the cluster, where nobody gave any and the number matters: 1 or more.
    pub nodes: f64,
}

impl Platform {
    /// The entries of a platform card that are single numbers.
    pub const NUMBERS: &[&str] = &[
        "node_cores",
        "shared_control_plane",
        "iteration_work_s",
        "run_spread",
        "request_overhead_s",
        "stop_weight",
        "short_work_share",
        "probe_trigger_lost",
        "slice_cache_stale",
        "reset_window_s",
        "bridge_flush",
        "arp_failure_s",
        "proxy_table_gap_s",
        "nodes",
    ];

    /// Entries that matter only to what some workloads ask for.
    pub const OF_SOME: &[&str] = &["nodes", "volume_move"];

    /// All entries of a platform card.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        Delays::<Dist>::KEYS.iter().chain(Self::NUMBERS).copied()
    }

    /// Fills a platform from its entries.
    pub fn read(
        take_dist: impl FnMut(&'static str) -> Dist,
        mut take_number: impl FnMut(&'static str) -> f64,
    ) -> Platform {
        Platform {
            delays: Delays::read(take_dist),
            node_cores: take_number("node_cores"),
            shared_control_plane: take_number("shared_control_plane") > 0.0,
            iteration_work_s: take_number("iteration_work_s"),
            run_spread: take_number("run_spread"),
            request_overhead_s: take_number("request_overhead_s"),
            stop_weight: take_number("stop_weight"),
            short_work_share: take_number("short_work_share"),
            probe_trigger_lost: take_number("probe_trigger_lost"),
            slice_cache_stale: take_number("slice_cache_stale"),
            reset_window_s: take_number("reset_window_s"),
            bridge_flush: take_number("bridge_flush") > 0.0,
            arp_failure_s: take_number("arp_failure_s"),
            proxy_table_gap_s: take_number("proxy_table_gap_s"),
            nodes: take_number("nodes"),
        }
    }

    /// Samplers of its delays: dear to make, so made once for all replications.
    pub fn latencies(&self) -> Latencies {
        self.delays.map(Sampler::new)
    }
}

/// Latencies that are ready, and what they were made of: to make all of them takes as long as a few rollouts.
#[derive(Clone, Debug)]
pub struct Ready {
    delays: Delays<Dist>,
    latencies: Arc<Latencies>,
}

impl Ready {
    /// Those of a platform.
    pub fn of(platform: &Platform) -> Ready {
        Ready { delays: platform.delays.clone(), latencies: Arc::new(platform.latencies()) }
    }

    /// Those of another platform: only those are made that differ.
    pub fn like(&self, platform: &Platform) -> Ready {
        if platform.delays == self.delays {
            return self.clone();
        }
        let delays = platform.delays.clone();
        let latencies = delays.map_like(&self.delays, &self.latencies, Sampler::new);
        Ready { delays, latencies: Arc::new(latencies) }
    }

    /// The latencies themselves.
    pub fn latencies(&self) -> &Latencies {
        &self.latencies
    }
}

/// Declares [`Defaults`]: one field per entry of the card, under the same name.
macro_rules! defaults {
    ($($field:ident: $type:ty),* $(,)?) => {
        /// Kubernetes' own numbers where nothing else is said. Each field is an entry of the card
        /// `models/kubernetes.toml`, which says what it is and where it is from.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Defaults {
            $(pub $field: $type,)*
        }

        impl Defaults {
            /// The entries, in the order of the card.
            pub const KEYS: &[&str] = &[$(stringify!($field)),*];

            /// Fills every field from its key.
            pub fn read(take: impl Fn(&'static str) -> f64) -> Defaults {
                Defaults { $($field: <$type>::of_card(take(stringify!($field))),)* }
            }
        }
    };
}

defaults! {
    replicas: i32,
    max_surge_percent: i32,
    max_unavailable_percent: i32,
    min_ready_seconds: i32,
    progress_deadline_seconds: i32,
    revision_history_limit: i32,
    termination_grace_period_seconds: i64,
    probe_initial_delay_seconds: i32,
    probe_period_seconds: i32,
    probe_timeout_seconds: i32,
    probe_success_threshold: i32,
    probe_failure_threshold: i32,
    max_pods: u32,
    controller_qps: u32,
    controller_burst: u32,
    burst_replicas: i32,
    slow_start_initial_batch_size: u32,
    events_passed: i32,
    retry_base: Dur,
    retry_max: Dur,
    max_endpoints_per_slice: usize,
    slice_retry_base: Dur,
    slice_retry_max: Dur,
    slice_retries: u32,
    disruption_timeout: Dur,
    eviction_tries: u32,
    eviction_retry_after: Dur,
    drain_retry: Dur,
    relist_period: Dur,
    sync_ticker: Dur,
    resync_interval: Dur,
    backoff_period: Dur,
    crash_loop_base: Dur,
    crash_loop_max: Dur,
    crash_loop_reset: Dur,
    minimum_grace_seconds: i64,
    ipvs_entry: Dur,
    ipvs_ports: i32,
    ipvs_port_rest: Dur,
    cilium_batch: Dur, cilium_update: Dur,
    proxy_min_sync: Dur,
    proxy_sync_retry: Dur,
    proxy_full_sync: Dur,
    hpa_sync_period: Dur,
    hpa_tolerance_percent: i32,
    hpa_cpu_initialization: Dur,
    hpa_initial_readiness_delay: Dur,
    hpa_downscale_stabilization: Dur,
    housekeeping_interval: Dur,
    housekeeping_interval_max: Dur,
    metrics_resolution: Dur,
    metrics_fresh_container: Dur,
    metrics_delay_per_node: Dur,
    metrics_delay_max: Dur,
    custom_interval: Dur,
    custom_window: Dur,
    custom_jitter: Dur,
    keda_polling: Dur,
    keda_cooldown: Dur,
    vpa_updater_interval: Dur,
    vpa_min_replicas: i32,
    vpa_eviction_tolerance_percent: i32,
    vpa_update_threshold_percent: i32,
    vpa_settled: Dur,
    vpa_deferred_limit: Dur,
    resize_latency: Dur,
    kpa_target_percent: i32,
    kpa_target_default: i32,
    kpa_target_burst: i32,
    kpa_max_scale_up: i32,
    kpa_max_scale_down: i32,
    kpa_stable_window: Dur,
    kpa_grace: Dur,
    kpa_sample: Dur,
    kpa_tick: Dur,
    activator_look: Dur,
    revision_timeout: Dur,
    queue_proxy_drain: Dur,
    route_programmed: Dur,
    rollout_scale_down_delay: Dur, rollout_verify_retry: Dur,
    rollout_qps: u32,
    rollout_burst: u32,
    analysis_error_retry: Dur,
    analysis_error_limit: i32,
    analysis_scrape: Dur,
    analysis_window: Dur,
    flagger_interval: Dur,
    flagger_interval_min: Dur,
    flagger_iterations: u32,
    pod_gc_period: Dur,
    pod_gc_quarantine: Dur,
    cloud_node_period: Dur,
    node_boot_median: Dur,
    node_boot_p99: Dur,
    spot_notice: Dur,
    spot_notice_gke: Dur,
    shutdown_grace_gke: Dur,
    shutdown_grace_critical_gke: Dur,
    spot_handler_poll: Dur,
    eks_eviction_timeout: Dur,
    eks_settle: Dur,
    ca_scan: Dur,
    ca_unneeded: Dur,
    ca_utilization_percent: i64,
    ca_delay_after_add: Dur,
    ca_delay_after_failure: Dur,
    ca_graceful_termination: i64,
    ca_eviction_time: Dur,
    ca_eviction_retry: Dur,
    ca_empty_bulk: usize,
    ca_boot_median: Dur,
    ca_boot_p99: Dur,
    karpenter_batch_idle: Dur,
    karpenter_batch_max: Dur,
    karpenter_poll: Dur,
    karpenter_validation: Dur,
    karpenter_eviction_base: Dur,
    karpenter_eviction_max: Dur,
}

/// A field's value from the number in a card: seconds become a duration.
trait OfCard {
    fn of_card(number: f64) -> Self;
}

macro_rules! whole {
    ($($type:ty),*) => {
        $(impl OfCard for $type {
            fn of_card(number: f64) -> $type {
                number as $type
            }
        })*
    };
}
whole!(i32, i64, u32, usize);

impl OfCard for Dur {
    fn of_card(number: f64) -> Dur {
        Dur::from_secs_f64(number)
    }
}
