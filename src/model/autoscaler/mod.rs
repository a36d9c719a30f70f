//! The horizontal pod autoscaler.

pub mod hpa;
pub mod limits;
