//! Nodes: how their failure is noticed, and how they shut down.

pub mod lifecycle;
