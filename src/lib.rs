//! rollsim predicts, offline, how many requests a Kubernetes rollout will lose, why, and how long it takes.

pub mod blame;
pub mod calibrate;
pub mod cli;
pub mod cluster;
pub mod engine;
pub mod input;
pub mod measured;
pub mod model;
pub mod report;
pub mod run;
pub mod scenario;
pub mod stats;
pub mod sweep;
pub mod timeline;
pub mod traffic;
pub mod validate;
pub mod world;
