//! Karpenter's NodePools: how many of their nodes may be disrupted at once.

use crate::input::lower::lowering::Lowering;
use crate::input::raw::manifest::Object;
use crate::input::text::tree::{Node, quoted};
use crate::model::node::karpenter::{Budget, Nodes};

/// The kind, as manifests have it.
const KIND: &str = "NodePool";
/// Where a pool says nothing.
const DEFAULT: Nodes = Nodes::Percent(10);

/// Those of the first NodePool among the manifests; without one the default.
pub(super) fn budgets(low: &mut Lowering<'_>) -> Vec<Budget> {
    let input = low.input;
    let is_pool = |object: &Object| matches!(object, Object::Other { kind } if kind == KIND);
    let mut pools = input.documents.iter().filter(|d| is_pool(&d.object));
    let listed = pools.next().and_then(|doc| {
        let spec = doc.root.get("spec")?.get("disruption")?.get("budgets")?;
        Some((doc, spec.items()))
    });
    let Some((doc, listed)) = listed.filter(|(_, listed)| !listed.is_empty()) else {
        low.assume("budgets of the NodePool", "10 % of the nodes, as where none is given");
        return vec![Budget { nodes: DEFAULT, reasons: Vec::new(), active: true }];
    };
    if pools.next().is_some() {
        low.note("NodePools after the first (all nodes count as those of the first)".to_owned());
    }
    let mut budgets = Vec::new();
    for (i, item) in listed.iter().enumerate() {
        let text = item.get("nodes").and_then(Node::as_str).unwrap_or("10%");
        match Nodes::read(text) {
            Some(nodes) => {
                let reasons = item.get("reasons").map_or(&[][..], Node::items);
                let reasons = reasons.iter().filter_map(Node::as_str).map(str::to_owned).collect();
                budgets.push(Budget { nodes, reasons, active: true });
            }
            None => {
                let path = format!("spec.disruption.budgets[{i}].nodes");
                let mut error = doc.error(&path, "neither a number nor a share");
                error.found = Some(quoted(text));
                error.allowed = Some("such as 3 or 10%".to_owned());
                low.problems.push(error);
            }
        }
        if item.get("schedule").is_some() {
            low.note("schedule of a NodePool's budget (it is taken to be active)".to_owned());
        }
    }
    budgets
}

/// Those that an action gives.
pub(super) fn given(low: &mut Lowering<'_>, key: &str, texts: &[String]) -> Vec<Budget> {
    let mut budgets = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        match Nodes::read(text) {
            Some(nodes) => budgets.push(Budget { nodes, reasons: Vec::new(), active: true }),
            None => {
                let error =
                    low.fail(&format!("{key}.budgets[{i}]"), "neither a number nor a share");
                error.found = Some(quoted(text));
                error.allowed = Some("such as 3 or 10%".to_owned());
            }
        }
    }
    budgets
}
