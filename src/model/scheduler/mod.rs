//! The scheduler: which node a pod goes to, and when it is tried again.

pub mod backoff;
pub mod score;
pub mod spread;
