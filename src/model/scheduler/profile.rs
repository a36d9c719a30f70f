//! kube-scheduler's settings: filled from a scheduler card (`models/scheduler.toml`).

use crate::cluster::spec::Resources;
use crate::engine::Dur;

/// Weights of the scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Of the score plugin TaintToleration.
    pub taint_toleration: i64,
    /// Of the score plugin NodeAffinity.
    pub node_affinity: i64,
    /// Of the score plugin PodTopologySpread.
    pub pod_topology_spread: i64,
    /// Of the score plugin InterPodAffinity.
    pub inter_pod_affinity: i64,
    /// Of the score plugin NodeResourcesFit.
    pub node_resources_fit: i64,
    /// Of the score plugin NodeResourcesBalancedAllocation.
    pub node_resources_balanced_allocation: i64,
    /// Of the score plugin ImageLocality.
    pub image_locality: i64,
}

/// A profile of kube-scheduler, with its queue and its client.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// How much each score plugin counts.
    pub weights: Weights,
    /// 0: adaptive.
    pub percentage_of_nodes_to_score: i32,
    /// `hardPodAffinityWeight`: of required affinity of pods that are there already.
    pub hard_pod_affinity_weight: i64,
    /// maxSkew of the default constraints over nodes and over zones; 0: none.
    pub default_hostname_skew: i32,
    /// `maxSkew` of the default constraint over zones; 0: none.
    pub default_zone_skew: i32,
    /// What a container that requests nothing counts as in scores.
    pub missing: Resources,
    /// Sizes in bytes from which, and up to which, images count.
    pub image_smallest: i64,
    /// Bytes of images for each container from which they score no more.
    pub image_largest: i64,
    /// `podInitialBackoffSeconds`.
    pub backoff_initial: Dur,
    /// `podMaxBackoffSeconds`.
    pub backoff_max: Dur,
    /// A parked pod is tried again after this; looked for every `flush_every`.
    pub flush_after: Dur,
    /// How often pods that nothing has woken for long are looked for.
    pub flush_every: Dur,
    /// Writes a second of its client, one for each pod bound.
    pub client_rate: f64,
    /// Writes at once.
    pub client_burst: i64,
    /// Time to decide on one pod.
    pub decision: Dur,
}

impl Profile {
    /// The entries of a scheduler card.
    pub const KEYS: &[&str] = &[
        "taint_toleration",
        "node_affinity",
        "pod_topology_spread",
        "inter_pod_affinity",
        "node_resources_fit",
        "node_resources_balanced_allocation",
        "image_locality",
        "percentage_of_nodes_to_score",
        "hard_pod_affinity_weight",
        "default_hostname_skew",
        "default_zone_skew",
        "missing_cpu",
        "missing_memory",
        "image_smallest",
        "image_largest",
        "backoff_initial",
        "backoff_max",
        "flush_after",
        "flush_every",
        "client_rate",
        "client_burst",
        "decision",
    ];

    /// Fills a profile from its entries.
    pub fn read(number: impl Fn(&str) -> f64) -> Profile {
        let whole = |key: &str| libm::round(number(key)) as i64;
        let small = |key: &str| whole(key) as i32;
        let seconds = |key: &str| Dur::from_secs_f64(number(key));
        Profile {
            weights: Weights {
                taint_toleration: whole("taint_toleration"),
                node_affinity: whole("node_affinity"),
                pod_topology_spread: whole("pod_topology_spread"),
                inter_pod_affinity: whole("inter_pod_affinity"),
                node_resources_fit: whole("node_resources_fit"),
                node_resources_balanced_allocation: whole("node_resources_balanced_allocation"),
                image_locality: whole("image_locality"),
            },
            percentage_of_nodes_to_score: small("percentage_of_nodes_to_score"),
            hard_pod_affinity_weight: whole("hard_pod_affinity_weight"),
            default_hostname_skew: small("default_hostname_skew"),
            default_zone_skew: small("default_zone_skew"),
            missing: Resources {
                cpu_millis: libm::round(number("missing_cpu") * 1000.0) as i64,
                memory_bytes: whole("missing_memory"),
            },
            image_smallest: whole("image_smallest"),
            image_largest: whole("image_largest").max(1),
            backoff_initial: seconds("backoff_initial"),
            backoff_max: seconds("backoff_max"),
            flush_after: seconds("flush_after"),
            flush_every: seconds("flush_every").max(Dur::from_secs(1)),
            client_rate: number("client_rate").max(0.01),
            client_burst: whole("client_burst").max(1),
            decision: seconds("decision"),
        }
    }
}
