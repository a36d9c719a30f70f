//! The luck of changes on their way to those who watch them: each object's own, so that nothing that happens
//! to others changes when its own changes are seen.

use crate::cluster::server::Cluster;
use crate::cluster::write::{Change, SliceRange};
use crate::engine::rng::{Heard, hash};
use crate::engine::{Luck, Seed};

/// Who watches; the others, of data planes, follow by their layer and place in it.
pub(super) const CACHE: u64 = 0;
pub(super) const KUBELET: u64 = 1;
pub(super) const SCHEDULER: u64 = 2;

/// A layer's watch on pods.
pub(super) fn pods_of_layer(layer: usize) -> u64 {
    (layer as u64 + 1) << 32
}

/// A layer's watches on endpoints.
pub(super) fn slices_of_layer(layer: usize, watcher: usize) -> u64 {
    pods_of_layer(layer) + 1 + watcher as u64
}

/// The streams of all objects that have changed, by their places.
#[derive(Debug, Default)]
pub(super) struct Watches {
    workloads: Vec<Option<Luck>>,
    sets: Vec<Option<Luck>>,
    pods: Vec<Option<Luck>>,
    services: Vec<Option<Luck>>,
    budgets: Vec<Option<Luck>>,
    ingress: Vec<Option<Luck>>,
    nodes: Vec<Option<Luck>>,
}

impl Watches {
    /// The luck of a change that has just been committed.
    pub fn hears(&mut self, seed: Seed, change: Change, cluster: &Cluster) -> Heard {
        let (lucks, place) = match change {
            Change::Workload(id) | Change::Conflict(id) => (&mut self.workloads, id.index()),
            Change::ReplicaSet(rs) => (&mut self.sets, rs.index()),
            Change::PodCreated(pod)
            | Change::PodBound(pod)
            | Change::PodStatus(pod)
            | Change::PodGates(pod)
            | Change::PodResized(pod)
            | Change::PodDeleting(pod)
            | Change::PodRemoved(pod) => (&mut self.pods, pod.index()),
            Change::Slice(SliceRange { service, .. }) | Change::Service(service) => {
                (&mut self.services, service.index())
            }
            Change::Budget(id) | Change::BudgetConflict(id) => (&mut self.budgets, id.index()),
            // Of the one Ingress.
            Change::Weights => (&mut self.ingress, 0),
            Change::Node(node) => (&mut self.nodes, node.index()),
        };
        if lucks.len() <= place {
            lucks.resize(place + 1, None);
        }
        lucks[place]
            .get_or_insert_with(|| Luck::of(uid(seed, change, cluster), "watch"))
            .next_change()
    }
}

/// By which the luck of an object that changed is named.
fn uid(seed: Seed, change: Change, cluster: &Cluster) -> u64 {
    match change {
        Change::Workload(id) | Change::Conflict(id) => cluster.workloads[id].uid,
        Change::ReplicaSet(rs) => cluster.replica_sets[rs].uid,
        Change::PodCreated(pod)
        | Change::PodBound(pod)
        | Change::PodStatus(pod)
        | Change::PodGates(pod)
        | Change::PodResized(pod)
        | Change::PodDeleting(pod)
        | Change::PodRemoved(pod) => cluster.pods[pod].uid,
        Change::Slice(SliceRange { service, .. }) | Change::Service(service) => {
            seed.uid(hash(&["Service"]) ^ u64::from(service.0))
        }
        Change::Budget(id) | Change::BudgetConflict(id) => {
            seed.uid(hash(&["PodDisruptionBudget"]) ^ id.index() as u64)
        }
        Change::Weights => seed.uid(hash(&["Ingress"])),
        Change::Node(node) => seed.uid(hash(&["Node", &cluster.nodes[node].name])),
    }
}
