//! Disruption budgets and evictions.

pub mod eviction;
pub mod pdb;
