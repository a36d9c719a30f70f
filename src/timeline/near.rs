//! Which backends a proxy prefers, by where they run.

use super::id::NodeId;
use crate::engine::List;

/// What a proxy makes of the places of its backends: levels, of which the first is preferred, and shares
/// within them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Near {
    /// Of each node, the group that pods there belong to; None: the proxy is not told of them.
    pub of_node: List<NodeId, Option<u32>>,
    /// Backends that are alike.
    pub groups: Vec<Group>,
}

/// Backends that are alike to a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The lower, the sooner they are used.
    pub level: u32,
    /// They have a part in a fixed share: its number, and what all weigh together that name it. None: they
    /// weigh as much as they are.
    pub share: Option<(u32, u32)>,
}

impl Near {
    /// The group of pods on this node.
    pub fn of(&self, node: NodeId) -> Option<u32> {
        self.of_node.get(node).copied().flatten()
    }
}
