//! Nodes: how their failure is noticed, how they shut down, and who brings and takes them.

pub mod cluster_autoscaler;
pub mod controller;
pub mod karpenter;
pub mod lifecycle;
pub mod provision;
