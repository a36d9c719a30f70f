//! The API objects, as plain structs with Kubernetes' own names.

pub mod objects;
pub mod phase;
pub mod slices;
pub mod spec;

pub use phase::PodPhase;
