//! Disruption budgets and evictions.

pub mod controller;
pub mod eviction;
pub mod pdb;
