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
        "autoscaling/v2beta1" => targets_in_place(&mut root)?,
        _ => return None,
    }
    if let Some(slot) = root.entry_mut("apiVersion") {
        slot.value = Value::Str(NOW.to_owned());
    }
    Some(root)
}

fn map(line: u32, entries: Vec<(&str, Node)>) -> Node {
    let entry = |(key, node): (&str, Node)| Entry { key: key.to_owned(), line, node };
    Node::new(line, Value::Map(entries.into_iter().map(entry).collect()))
}

fn text(line: u32, text: &str) -> Node {
    Node::new(line, Value::Str(text.to_owned()))
}

/// Where `autoscaling/v2beta1` has a target: the type that it is, and its key since then.
const TARGETS: [(&str, &str, &str); 4] = [
    ("targetAverageUtilization", "Utilization", "averageUtilization"),
    ("targetAverageValue", "AverageValue", "averageValue"),
    ("averageValue", "AverageValue", "averageValue"),
    ("targetValue", "Value", "value"),
];

/// The metrics of `autoscaling/v2beta1`, whose targets stand beside their names.
///
/// `pkg/apis/autoscaling/v2beta1/conversion.go`.
fn targets_in_place(root: &mut Node) -> Option<()> {
    let metrics = root.entry_mut("spec")?.entry_mut("metrics")?;
    let Value::List(metrics) = &mut metrics.value else { return Some(()) };
    for metric in metrics {
        let source = match metric.get("type").and_then(Node::as_str)? {
            "Resource" => "resource",
            "ContainerResource" => "containerResource",
            "Pods" => "pods",
            "Object" => "object",
            "External" => "external",
            _ => return None,
        };
        let given = metric.entry_mut(source)?;
        if source == "object"
            && let Some(described) = given.get("target").cloned()
        {
            given.remove("target");
            *given.entry_mut("describedObject")? = described;
        }
        let line = given.line;
        let found = TARGETS.iter().find_map(|(old, kind, new)| {
            let value = given.get(old)?.clone();
            Some(map(line, vec![("type", text(line, kind)), (*new, value)]))
        });
        let mut named = Vec::new();
        for (old, new) in
            [("metricName", "name"), ("metricSelector", "selector"), ("selector", "selector")]
        {
            named.extend(given.get(old).cloned().map(|node| (new, node)));
            given.remove(old);
        }
        TARGETS.iter().for_each(|(old, ..)| given.remove(old));
        if !named.is_empty() {
            *given.entry_mut("metric")? = map(line, named);
        }
        *given.entry_mut("target")? = found?;
    }
    Some(())
}

/// `targetCPUUtilizationPercentage` as a metric.
fn percent_to_metric(root: &mut Node) {
    let Some(spec) = root.entry_mut("spec") else { return };
    let Some(percent) = spec.get("targetCPUUtilizationPercentage").cloned() else { return };
    spec.remove("targetCPUUtilizationPercentage");
    let line = percent.line;
    let kind = text(line, "Utilization");
    let target = map(line, vec![("type", kind), ("averageUtilization", percent)]);
    let resource = map(line, vec![("name", text(line, "cpu")), ("target", target)]);
    let metric = map(line, vec![("type", text(line, "Resource")), ("resource", resource)]);
    if let Some(slot) = spec.entry_mut("metrics") {
        *slot = Node::new(line, Value::List(vec![metric]));
    }
}
