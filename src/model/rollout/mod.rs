//! Argo Rollouts: how many pods and how much of the traffic the stable and the canary ReplicaSet get, step by
//! step, and what an analysis makes of its measurements.

pub mod analysis;
pub mod controller;
pub mod metrics;
pub mod sizes;
pub mod weights;
