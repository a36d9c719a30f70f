//! The EndpointSlice controller: which pods of a Service are endpoints, and how they are marked.

pub mod conditions;
pub mod controller;
