//! Objects of the input that are no workloads of their own.

use crate::input::text::tree::Node;

/// A pod or a ReplicaSet that a controller has made is part of what owns it. A pod of a Helm hook is there
/// while the hook runs, such as `helm test`, and its labels are often those of the release.
pub fn is_part_of_another(root: &Node) -> bool {
    let kind = root.get("kind").and_then(Node::as_str);
    let of = |key: &str| root.get("metadata").and_then(|m| m.get(key));
    let owned = of("ownerReferences").is_some_and(|owners| !owners.items().is_empty());
    let hook = of("annotations").is_some_and(|a| a.get("helm.sh/hook").is_some());
    match kind {
        Some("Pod") => owned || hook,
        Some("ReplicaSet") => owned,
        _ => false,
    }
}
