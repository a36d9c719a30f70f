//! The endpoints of the Service, as one watcher of its slices knows them.

use crate::cluster::objects::{Conditions, PodId};
use crate::cluster::server::Cluster;
use crate::engine::List;

/// The endpoints that a watcher has seen, by pod.
#[derive(Debug, Default)]
pub struct Members {
    conditions: List<PodId, Option<Conditions>>,
}

impl Members {
    /// Takes in what the watcher sees; None: the endpoint is gone.
    pub fn set(&mut self, pod: PodId, conditions: Option<Conditions>) {
        *self.conditions.entry(pod) = conditions;
    }

    /// The conditions of the pod's endpoint, if there is one.
    pub fn get(&self, pod: PodId) -> Option<Conditions> {
        self.conditions.get(pod).copied().flatten()
    }

    /// Takes in a range of the slice log.
    pub fn take(&mut self, cluster: &Cluster, from: u32, to: u32) {
        debug_assert!(from < to, "a watcher is told of changes");
        for &(pod, conditions) in &cluster.slice_log[from as usize..to as usize] {
            self.set(pod, conditions);
        }
    }

    /// All endpoints, in the order of the pods.
    pub fn iter(&self) -> impl Iterator<Item = (PodId, Conditions)> {
        let pods = (0..).map(PodId).zip(&self.conditions);
        pods.filter_map(|(pod, c)| c.map(|c| (pod, c)))
    }

    /// Those that are ready.
    pub fn ready(&self) -> impl Iterator<Item = PodId> {
        self.iter().filter(|(_, c)| c.ready).map(|(pod, _)| pod)
    }
}
