//! Nodes: how their failure is noticed, and how they shut down.

pub mod controller;
pub mod karpenter;
pub mod lifecycle;
