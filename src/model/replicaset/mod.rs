//! The ReplicaSet controller: which pods exist, which of them count as available, which go first.

pub mod availability;
pub mod controller;
pub mod ranking;
