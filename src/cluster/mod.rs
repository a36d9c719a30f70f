//! The API objects, as plain structs with Kubernetes' own names.

mod app;
pub mod deletion;
pub mod gates;
pub mod labels;
pub mod objects;
pub mod phase;
pub mod placement;
mod probe;
pub mod server;
pub mod spec;
pub mod workload;
pub mod write;

pub use phase::PodPhase;
