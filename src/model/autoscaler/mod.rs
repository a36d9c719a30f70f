//! The horizontal pod autoscaler: what it reads (`resource.rs`, `custom.rs`, `series.rs`), its rules
//! (`hpa.rs`, `limits.rs`) and what it remembers (`controller.rs`).

pub mod controller;
pub mod custom;
mod decision;
pub mod hpa;
pub mod kpa;
pub mod limits;
pub mod resource;
pub mod series;
pub mod spec;

pub use decision::{Decision, Scaling, Seen};
