//! The kubelet: start, probes, readiness, restarts and termination of the pods of one node.
//!
//! `state.rs` holds what is remembered, `controller.rs` the events; `start.rs`, `probing.rs`, `status.rs` and
//! `termination.rs` what happens in each part of a pod's life; the other files are the rules in pure form.

pub mod backoff;
pub mod controller;
mod drain;
mod faults;
pub mod grace;
mod idle;
mod lost;
mod made;
mod notice;
pub mod probe;
mod probing;
mod processor;
mod queued;
pub mod readiness;
pub mod requeue;
pub mod restart;
mod sleep;
mod start;
mod state;
mod status;
mod termination;
mod ticker;
mod workers;
