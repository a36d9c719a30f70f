//! Labels, and what selects by them.

use std::collections::BTreeMap;

/// Keys and values in the order of the keys.
pub type Labels = BTreeMap<String, String>;

/// By which a Service is held to the pods of one template of a Rollout.
pub const ROLLOUT_HASH: &str = "rollouts-pod-template-hash";

/// Whether `selector` (non-empty) selects an object with `labels`.
pub fn selects(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty() && selector.iter().all(|(k, v)| labels.get(k) == Some(v))
}
