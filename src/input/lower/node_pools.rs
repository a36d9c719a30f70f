//! Karpenter's NodePools: which nodes may be disrupted, when and how many at once, and how many there may be.

use crate::cluster::spec::Resources;
use crate::engine::Dur;
use crate::input::edit::friendly;
use crate::input::given::Input;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::manifest::{Document, Object};
use crate::input::raw::node_autoscaler::NodeAutoscalerCase;
use crate::input::text::checks;
use crate::input::text::tree::{Node, quoted};
use crate::model::node::karpenter::{Budget, Nodes};
use crate::model::node::provision::Pool;

/// The kind, as manifests have it.
const KIND: &str = "NodePool";
/// Where a pool says nothing.
const DEFAULT: Nodes = Nodes::Percent(10);
/// `expireAfter` where a pool says nothing: 720 h.
const EXPIRES: Dur = Dur::from_secs(720 * 3600);

/// Whether a document of this kind is read.
pub(super) fn is_read(kind: &str) -> bool {
    kind == KIND
}

fn pools(input: &Input) -> impl Iterator<Item = &Document> {
    let is_pool = |object: &Object| matches!(object, Object::Other { kind } if kind == KIND);
    input.each_document().filter(move |d| is_pool(&d.object))
}

/// Whether one is among the manifests.
pub(super) fn is_given(input: &Input) -> bool {
    pools(input).next().is_some()
}

/// What stands there, one key below the other.
fn at<'a>(doc: &'a Document, path: &[&str]) -> Option<&'a Node> {
    path.iter().try_fold(&doc.root, |node, key| node.get(key))
}

/// Those of the first NodePool among the manifests; without one the default.
pub(super) fn budgets(low: &mut Lowering<'_>) -> Vec<Budget> {
    let input = low.input;
    let listed = pools(input).next().and_then(|doc| {
        let listed = at(doc, &["spec", "disruption", "budgets"])?;
        Some((doc, listed.items()))
    });
    let Some((doc, listed)) = listed.filter(|(_, listed)| !listed.is_empty()) else {
        low.assume("budgets of the NodePool", "10 % of the nodes, as where none is given");
        return vec![Budget { nodes: DEFAULT, reasons: Vec::new(), active: true }];
    };
    if pools(input).any(|doc| doc.update) {
        low.note("drift (a NodePool that changes replaces no nodes)".to_owned());
    }
    if pools(input).nth(1).is_some() {
        low.note("NodePools after the first (all nodes count as those of the first)".to_owned());
    }
    let mut budgets = Vec::new();
    for (i, item) in listed.iter().enumerate() {
        let text = text(item.get("nodes")).unwrap_or("10%".to_owned());
        match Nodes::read(&text) {
            Some(nodes) => {
                let reasons = item.get("reasons").map_or(&[][..], Node::items);
                let reasons = reasons.iter().filter_map(Node::as_str).map(str::to_owned).collect();
                budgets.push(Budget { nodes, reasons, active: true });
            }
            None => {
                let path = format!("spec.disruption.budgets[{i}].nodes");
                let mut error = doc.error(&path, "neither a number nor a share");
                error.found = Some(quoted(&text));
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

/// Those that the scenario gives.
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

fn text(node: Option<&Node>) -> Option<String> {
    let node = node.filter(|node| !node.is_null())?;
    Some(node.as_str().map_or_else(|| node.to_string(), str::to_owned))
}

/// The first NodePool among the manifests, or one that says nothing.
pub(super) fn pool(low: &mut Lowering<'_>, case: &NodeAutoscalerCase) -> Pool {
    let input = low.input;
    let doc = pools(input).next();
    let budgets = match case.budgets.is_empty() {
        true => budgets(low),
        false => given(low, "node_autoscaler", &case.budgets),
    };
    let mut time = |paths: [&[&str]; 2], usual: Option<Dur>| {
        let found = doc.and_then(|doc| {
            paths.iter().find_map(|path| Some((doc, path.join("."), text(at(doc, path))?)))
        });
        found.map_or(usual, |(doc, path, text)| duration(low, doc, &path, &text, usual))
    };
    let after: &[&str] = &["spec", "disruption", "consolidateAfter"];
    let mut consolidate_after = time([after, after], Some(Dur::ZERO));
    let expire_after = time(
        [&["spec", "template", "spec", "expireAfter"], &["spec", "disruption", "expireAfter"]],
        Some(EXPIRES),
    );
    let grace: &[&str] = &["spec", "template", "spec", "terminationGracePeriod"];
    let grace = time([grace, grace], None);
    if case.consolidate_after_s.is_some() {
        let s = low.seconds("node_autoscaler.consolidate_after_s", case.consolidate_after_s, 0.0);
        consolidate_after = Some(Dur::from_secs_f64(s));
    }
    let policy = doc.and_then(|doc| at(doc, &["spec", "disruption", "consolidationPolicy"]));
    let policy = policy.and_then(Node::as_str).unwrap_or("WhenEmptyOrUnderutilized");
    let limits = doc
        .map_or(Resources { cpu_millis: i64::MAX, memory_bytes: i64::MAX }, |doc| limits(low, doc));
    if policy != "WhenEmpty" {
        low.note("consolidation that replaces nodes by cheaper ones (nodes are given up, and all are alike)".to_owned());
    }
    if let Some(doc) = doc
        && at(doc, &["spec", "template", "spec", "requirements"]).is_some()
    {
        low.assume("requirements of the NodePool", "new nodes are like those that are there");
    }
    Pool {
        name: doc.map_or("default", Document::name).to_owned(),
        limits,
        budgets,
        underutilized: policy != "WhenEmpty",
        consolidate_after,
        expire_after,
        grace,
    }
}

/// `Never` is None.
fn duration(
    low: &mut Lowering<'_>,
    doc: &Document,
    path: &str,
    text: &str,
    usual: Option<Dur>,
) -> Option<Dur> {
    if text == "Never" {
        return None;
    }
    let seconds = friendly::seconds(text).or_else(|| (text == "0").then_some(0.0));
    if seconds.is_none() {
        let mut error = doc.error(path, "not a duration");
        error.found = Some(quoted(text));
        error.allowed = Some("such as 30s, 720h or Never".to_owned());
        low.problems.push(error);
    }
    seconds.map_or(usual, |s| Some(Dur::from_secs_f64(s)))
}

/// `spec.limits`.
fn limits(low: &mut Lowering<'_>, doc: &Document) -> Resources {
    let mut amount = |name: &str| {
        let text = text(at(doc, &["spec", "limits", name]))?;
        let millis = checks::quantity_millis(&text).filter(|m| *m >= 0);
        if millis.is_none() {
            let mut error = doc.error(&format!("spec.limits.{name}"), "not a quantity");
            error.found = Some(quoted(&text));
            error.allowed = Some("a number such as 100 or 400Gi".to_owned());
            low.problems.push(error);
        }
        millis
    };
    Resources {
        cpu_millis: amount("cpu").unwrap_or(i64::MAX),
        memory_bytes: amount("memory").map_or(i64::MAX, |m| m / 1000),
    }
}
