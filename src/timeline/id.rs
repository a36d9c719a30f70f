//! Names of what is in a timeline.

use crate::engine::list::id;

id!(PodId, "Index into [`Timeline::pods`](super::Timeline::pods).");
id!(NodeId(u16), "Index of a node of the cluster.");
id!(ViewId, "Index into [`Timeline::views`](super::Timeline::views).");
