//! The API objects, as plain structs with Kubernetes' own names.

pub mod analysis;
mod app;
mod budgets;
pub mod deletion;
pub mod disruption;
pub mod distribution;
pub mod fault;
pub mod flagger;
pub mod gates;
pub mod ids;
pub mod labels;
pub mod objects;
pub mod phase;
pub mod placement;
mod probe;
pub mod release;
mod scale;
pub mod server;
pub mod spec;
pub mod stays;
pub mod workload;
pub mod write;

pub use phase::PodPhase;
