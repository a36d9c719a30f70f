//! Argo Rollouts: how many pods and how much of the traffic the stable and the canary ReplicaSet get, step by
//! step, and what an analysis makes of its measurements; Flagger, which does it with two Deployments; and
//! Knative's route, which moves requests without looking at them.

pub mod analysis;
pub mod controller;
pub mod flagger;
pub mod knative;
pub mod metrics;
pub mod sizes;
pub mod weights;
