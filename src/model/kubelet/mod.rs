//! The kubelet: probes, readiness, restarts and termination of the pods of one node.

pub mod backoff;
pub mod grace;
pub mod probe;
pub mod readiness;
pub mod requeue;
pub mod restart;
