//! What a VerticalPodAutoscaler did in one run.

use super::spec::Mode;
use crate::engine::Time;
use std::sync::Arc;

/// Of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Updates {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// Whose pods it is about.
    pub target: Arc<str>,
    /// `updateMode`.
    pub mode: Mode,
    /// What it recommends, for people.
    pub shown: Arc<str>,
    /// `minReplicas`.
    pub min_replicas: i32,
    /// New pods that were admitted with what it recommends.
    pub admitted: u32,
    /// When pods were evicted.
    pub evicted: Vec<Time>,
    /// Evictions that a budget refused.
    pub refused: u32,
    /// When pods were given other resources where they run.
    pub resized: Vec<Time>,
    /// Containers that a resize started anew.
    pub restarted: u32,
    /// Resizes that found no room on the node at once.
    pub deferred: u32,
    /// Resizes that the node never has room for.
    pub infeasible: u32,
    /// Rounds in which a group was left alone, because it has fewer pods than `minReplicas`.
    pub too_few: u32,
}
