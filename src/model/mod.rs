//! One module per real component. A model reads and changes the cluster by its verbs and never calls another
//! model.

pub mod deployment;
pub mod kubelet;
pub mod replicaset;
