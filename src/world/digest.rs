//! What a run has come to, as a number.

use crate::cluster::objects::RsStatus;
use crate::cluster::server::Cluster;
use crate::engine::rng::mix;

/// Folds into `digest` what was written: every change of an endpoint, and what sets and pods have come to.
pub(super) fn of_state(digest: u64, cluster: &Cluster) -> u64 {
    let bits = |flags: [bool; 3]| flags.iter().fold(0, |bits, &flag| bits << 1 | u64::from(flag));
    let endpoints = cluster.slice_log.iter().map(|&(pod, is)| {
        let is = is.map_or(8, |c| bits([c.ready, c.serving, c.terminating]));
        u64::from(pod.0) << 4 | is
    });
    let sets = cluster.replica_sets.iter().flat_map(|set| {
        let RsStatus { replicas, ready, available, .. } = set.status;
        [set.replicas, replicas, ready, available].map(|count| count as u64)
    });
    let pods = cluster.pods.iter().map(|pod| {
        let flags = bits([pod.status.ready, pod.gates.all(), pod.removed]);
        let node = pod.node.map_or(0, |node| u64::from(node.0) + 1);
        node << 40 | u64::from(pod.status.restarts) << 8 | (pod.status.phase as u64) << 3 | flags
    });
    endpoints.chain(sets).chain(pods).fold(digest, |digest, value| mix(digest ^ value))
}
