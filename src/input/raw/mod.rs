//! Documents as written: nothing checked but their types.

pub mod action;
pub mod analysis;
pub(crate) mod app;
pub mod calls;
pub(crate) mod canary;
pub mod case;
pub mod connections;
pub mod fault;
pub(crate) mod groups;
pub(crate) mod knative;
pub(crate) mod manifest;
pub mod mesh;
pub mod metric;
pub mod node_autoscaler;
mod owned;
pub mod profile;
pub mod renewed;
pub mod rollout;
pub mod schema;
pub mod told;
pub mod vpa;
pub mod workload;
