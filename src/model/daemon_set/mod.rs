//! DaemonSets: one pod on each node that takes it, replaced node by node.

pub mod controller;
pub mod rules;
