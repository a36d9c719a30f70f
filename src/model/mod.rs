//! One module per real component. A model reads and changes the cluster by its verbs and never calls another
//! model.

pub mod autoscaler;
pub mod balancer;
pub mod daemon_set;
pub mod deployment;
pub mod disruption;
pub mod endpointslice;
pub mod gate;
pub mod informer;
pub mod kubelet;
pub mod node;
pub mod platform;
pub mod plumbing;
pub mod replicaset;
pub mod rollout;
pub mod scheduler;
pub mod stateful_set;
pub mod vertical;
