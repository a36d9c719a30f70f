//! Labels, and what selects by them.

use std::collections::BTreeMap;

/// Keys and values in the order of the keys.
pub type Labels = BTreeMap<String, String>;

/// Whether `selector` (non-empty) selects an object with `labels`.
pub fn selects(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty() && selector.iter().all(|(k, v)| labels.get(k) == Some(v))
}
