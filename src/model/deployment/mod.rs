//! The Deployment controller: sizes of ReplicaSets during a rollout, progress, history.

pub mod controller;
pub mod history;
pub mod recreate;
pub mod rolling;
pub mod scaling;
pub mod status;
mod sync;
