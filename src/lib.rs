//! rollsim predicts, offline, how many requests a Kubernetes rollout will lose, why, and how long it takes.

pub mod cluster;
pub mod engine;
pub mod model;
pub mod run;
pub mod scenario;
pub mod timeline;
pub mod traffic;
