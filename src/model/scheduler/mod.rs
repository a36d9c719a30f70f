//! The scheduler: which node a pod goes to, and when.

pub mod backoff;
pub mod controller;
pub mod score;
pub mod spread;
