//! The Deployment controller: sizes of ReplicaSets during a rollout, progress, history.

pub mod recreate;
pub mod rolling;
