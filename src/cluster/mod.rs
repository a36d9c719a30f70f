//! The API objects, as plain structs with Kubernetes' own names.

pub mod deletion;
pub mod objects;
pub mod phase;
pub mod placement;
pub mod spec;
mod verbs;

pub use phase::PodPhase;
