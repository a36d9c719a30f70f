//! kube-proxy: which endpoints a node's rules name, and when the rules are written.

mod affinity;
pub mod close;
pub mod endpoints;
mod ipvs;
mod node;
pub mod proxy;
pub mod runner;
pub mod topology;
