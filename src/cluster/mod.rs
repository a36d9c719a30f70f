//! The API objects, as plain structs with Kubernetes' own names.

pub mod spec;
