//! Amounts of processor and memory: of the scenario, of an object's status and of its container policies.

use crate::cluster::spec::Requests;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::manifest::Document;
use crate::input::raw::vpa::AmountsCase;
use crate::input::text::checks;
use crate::input::text::tree::{Node, quoted};
use std::collections::BTreeMap;

/// Amounts, where something is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Thousandths of a processor.
    pub cpu_millis: Option<i64>,
    /// Bytes.
    pub memory_bytes: Option<i64>,
}

/// What is recommended for a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recommended {
    /// What it is to ask for.
    pub target: Amounts,
    /// Pods that ask for less are updated.
    pub lower: Amounts,
    /// Pods that ask for more are updated.
    pub upper: Amounts,
    /// Limits keep their ratio to what is asked for (`controlledValues: RequestsAndLimits`).
    pub limits_too: bool,
}

impl Amounts {
    /// What a container asks for.
    pub fn of(requests: Requests) -> Amounts {
        Amounts { cpu_millis: requests.cpu_millis, memory_bytes: requests.memory_bytes }
    }

    /// Processor, then memory.
    pub fn both(self) -> [Option<i64>; 2] {
        [self.cpu_millis, self.memory_bytes]
    }
}

/// Of the scenario.
pub fn of_case(low: &mut Lowering<'_>) -> BTreeMap<String, Recommended> {
    let case = &low.input.case.vpa;
    let mut all = BTreeMap::new();
    for (name, given) in case {
        let mut amounts = |key: &str, case: &AmountsCase| {
            let mut amount = |resource: &str, text: Option<String>| {
                let millis = checks::quantity_millis(&text.clone()?).filter(|m| *m > 0);
                if millis.is_none() {
                    let error = low.fail(&format!("vpa.{name}.{key}.{resource}"), "not a quantity");
                    error.found = text.as_deref().map(quoted);
                    error.allowed = Some("above 0, such as 500m, 2, 256Mi or 1Gi".to_owned());
                }
                millis
            };
            Amounts {
                cpu_millis: amount("cpu", case.cpu.as_ref().map(|a| a.text())),
                memory_bytes: amount("memory", case.memory.as_ref().map(|a| a.text()))
                    .map(|m| m / 1000),
            }
        };
        let target = amounts("target", &given.target);
        let lower = given.lower_bound.as_ref().map_or(target, |a| amounts("lower_bound", a));
        let upper = given.upper_bound.as_ref().map_or(target, |a| amounts("upper_bound", a));
        if target == Amounts::default() {
            let error = low.fail(&format!("vpa.{name}"), "target is missing");
            error.allowed = Some("target = { cpu = \"500m\", memory = \"512Mi\" }".to_owned());
        }
        all.insert(name.clone(), Recommended { target, lower, upper, limits_too: true });
    }
    all
}

/// Of the object's `status.recommendation`.
pub fn of_status(low: &mut Lowering<'_>, doc: &Document) -> BTreeMap<String, Recommended> {
    let status = doc.root.get("status").and_then(|s| s.get("recommendation"));
    let given = status.and_then(|r| r.get("containerRecommendations"));
    let mut all = BTreeMap::new();
    for (i, one) in given.map_or(&[][..], Node::items).iter().enumerate() {
        let path = format!("status.recommendation.containerRecommendations[{i}]");
        let Some(name) = one.get("containerName").and_then(Node::as_str) else { continue };
        let mut amounts =
            |key: &str| one.get(key).map(|node| of_node(low, doc, &format!("{path}.{key}"), node));
        let target = amounts("target").unwrap_or_default();
        let lower = amounts("lowerBound").unwrap_or(target);
        let upper = amounts("upperBound").unwrap_or(target);
        all.insert(name.to_owned(), Recommended { target, lower, upper, limits_too: true });
    }
    all
}

/// A mapping of `cpu` and `memory` in an object.
fn of_node(low: &mut Lowering<'_>, doc: &Document, path: &str, node: &Node) -> Amounts {
    let mut amount = |resource: &str| {
        let given = node.get(resource).filter(|n| !n.is_null())?;
        let text = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
        let millis = checks::quantity_millis(&text).filter(|m| *m >= 0);
        if millis.is_none() {
            low.check(doc, |check| {
                let error = check.error(&format!("{path}.{resource}"), "not a quantity");
                error.found = Some(quoted(&text));
                error.allowed = Some("a number such as 500m, 2, 256Mi or 1Gi".to_owned());
            });
        }
        millis
    };
    Amounts { cpu_millis: amount("cpu"), memory_bytes: amount("memory").map(|m| m / 1000) }
}

/// What one of `spec.resourcePolicy.containerPolicies` leaves of what is recommended.
pub fn within(
    low: &mut Lowering<'_>,
    doc: &Document,
    path: &str,
    policy: &Node,
    all: &mut BTreeMap<String, Recommended>,
) {
    let text = |key: &str| policy.get(key).and_then(Node::as_str);
    let off = low.check(doc, |check| {
        check.one_of(&format!("{path}.mode"), text("mode"), &["Auto", "Off"]) == 1
    });
    let values = ["RequestsAndLimits", "RequestsOnly"];
    let requests_only = low.check(doc, |check| {
        check.one_of(&format!("{path}.controlledValues"), text("controlledValues"), &values) == 1
    });
    let mut bound = |key: &str| match policy.get(key) {
        Some(node) => of_node(low, doc, &format!("{path}.{key}"), node).both(),
        None => [None; 2],
    };
    let (least, most) = (bound("minAllowed"), bound("maxAllowed"));
    let controlled = policy.get("controlledResources").map(Node::items);
    let controls = |resource: &str| {
        controlled.is_none_or(|list| list.iter().any(|r| r.as_str() == Some(resource)))
    };
    let is_of = |name: &str| match text("containerName") {
        Some("*") | None => true,
        Some(own) => own == name,
    };
    let kept = |amounts: Amounts| {
        let within = |place: usize, resource: &str| {
            let amount = amounts.both()[place].filter(|_| controls(resource) && !off)?;
            let amount = least[place].map_or(amount, |least| amount.max(least));
            Some(most[place].map_or(amount, |most| amount.min(most)))
        };
        Amounts { cpu_millis: within(0, "cpu"), memory_bytes: within(1, "memory") }
    };
    for (_, recommended) in all.iter_mut().filter(|(name, _)| is_of(name)) {
        let Recommended { target, lower, upper, limits_too } = *recommended;
        *recommended = Recommended {
            target: kept(target),
            lower: kept(lower),
            upper: kept(upper),
            limits_too: limits_too && !requests_only,
        };
    }
}

/// What changes for a container, for people.
pub fn shown(name: &str, before: Requests, after: Requests) -> Option<String> {
    let cpu = |millis: Option<i64>| match millis {
        None => "nothing".to_owned(),
        Some(m) if m % 1000 == 0 => (m / 1000).to_string(),
        Some(m) => format!("{m}m"),
    };
    let memory = |bytes: Option<i64>| match bytes {
        None => "nothing".to_owned(),
        Some(b) if b % (1 << 30) == 0 => format!("{}Gi", b >> 30),
        Some(b) => format!("{}Mi", b >> 20),
    };
    let mut parts = Vec::new();
    if before.cpu_millis != after.cpu_millis {
        parts.push(format!("cpu {} → {}", cpu(before.cpu_millis), cpu(after.cpu_millis)));
    }
    if before.memory_bytes != after.memory_bytes {
        let (from, to) = (memory(before.memory_bytes), memory(after.memory_bytes));
        parts.push(format!("memory {from} → {to}"));
    }
    (!parts.is_empty()).then(|| format!("{name}: {}", parts.join(", ")))
}
