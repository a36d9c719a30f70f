//! Room for what is known to come, so that lists need not grow one by one. No result depends on it.

use super::World;
use crate::cluster::objects::ServiceId;
use crate::engine::List;
use crate::scenario::Workload;

impl World<'_> {
    /// Makes room before there are pods.
    pub(super) fn reserve(&mut self) {
        let count = self.scenario.workloads.iter().map(pods_of).sum();
        self.cluster.pods.reserve(count);
        self.cluster.slice_log.reserve(3 * count);
        self.cluster.log.reserve(8);
        self.timeline.reserve(count);
        self.informer.pods.reserve(count);
        self.scheduler.reserve(count);
        self.replica_sets.reserve(count);
        self.kubelets.reserve(count);
        let behind = self.pods_behind();
        self.slices.iter_mut().zip(&behind).for_each(|(slices, pods)| slices.reserve(*pods));
        for balancer in &mut self.balancers {
            let mut watched: Vec<ServiceId> =
                (0..balancer.watchers()).map(|watcher| balancer.watched(watcher)).collect();
            watched.sort_unstable();
            watched.dedup();
            let pods = watched.iter().filter_map(|id| behind.get(*id)).sum();
            balancer.reserve(pods, &mut self.timeline);
        }
    }

    /// Pods of each Service.
    fn pods_behind(&self) -> List<ServiceId, usize> {
        let mut counts: List<ServiceId, usize> = vec![0; self.scenario.services.len()].into();
        for workload in &self.scenario.workloads {
            for (id, service) in self.scenario.services.pairs() {
                if service.selects(&workload.template) {
                    counts[id] += pods_of(workload);
                }
            }
        }
        debug_assert!(counts.len() == self.slices.len(), "a count for each Service");
        counts
    }
}

/// Pods of a workload that may be there at once, if all are replaced.
fn pods_of(workload: &Workload) -> usize {
    2 * workload.replicas.max(0) as usize + 2
}
