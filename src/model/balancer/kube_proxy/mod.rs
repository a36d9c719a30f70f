//! kube-proxy: which endpoints a node's rules name, and when the rules are written.

pub mod close;
pub mod endpoints;
mod ipvs;
pub mod proxy;
pub mod runner;
