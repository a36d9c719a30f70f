//! Autoscalers of older API versions, as the newest has them.

use crate::input::raw::groups;
use crate::input::text::tree::{Entry, Node, Value};

/// The version that autoscalers are read as.
const NOW: &str = "autoscaling/v2";

/// A HorizontalPodAutoscaler as `autoscaling/v2` has it; None: of a version that is not read.
pub fn autoscaler(root: &Node) -> Option<Node> {
    let version = root.get("apiVersion").and_then(Node::as_str)?;
    if groups::group_of(version) != "autoscaling" {
        return None;
    }
    let mut root = root.clone();
    match version {
        NOW | "autoscaling/v2beta2" => {}
        "autoscaling/v1" => percent_to_metric(&mut root),
        _ => return None,
    }
    if let Some(slot) = root.entry_mut("apiVersion") {
        slot.value = Value::Str(NOW.to_owned());
    }
    Some(root)
}

/// `targetCPUUtilizationPercentage` as a metric.
fn percent_to_metric(root: &mut Node) {
    let Some(spec) = root.entry_mut("spec") else { return };
    let Some(percent) = spec.get("targetCPUUtilizationPercentage").cloned() else { return };
    spec.remove("targetCPUUtilizationPercentage");
    let line = percent.line;
    let text = |text: &str| Node::new(line, Value::Str(text.to_owned()));
    let map = |entries: Vec<(&str, Node)>| {
        let entry = |(key, node): (&str, Node)| Entry { key: key.to_owned(), line, node };
        Node::new(line, Value::Map(entries.into_iter().map(entry).collect()))
    };
    let target = map(vec![("type", text("Utilization")), ("averageUtilization", percent)]);
    let resource = map(vec![("name", text("cpu")), ("target", target)]);
    let metric = map(vec![("type", text("Resource")), ("resource", resource)]);
    if let Some(slot) = spec.entry_mut("metrics") {
        *slot = Node::new(line, Value::List(vec![metric]));
    }
}
