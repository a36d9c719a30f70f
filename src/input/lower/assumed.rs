//! What is taken for granted of a cluster that nobody described: its nodes take every pod.

use crate::cluster::placement::PodTerms;
use crate::cluster::spec::Node;
use crate::cluster::workload::{Kind, Workload};
use crate::engine::Dur;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::wanted::Wanted;
use crate::scenario::{Action, Assumption};
use std::collections::BTreeSet;
use std::sync::Arc;

/// As few nodes without limits as bear all labels that pods ask for: one, unless they contradict each other.
pub fn nodes(asked: &[Wanted], age: Dur) -> Vec<Node> {
    let mut kinds = vec![Wanted::default()];
    for wanted in asked {
        if !kinds.iter_mut().any(|kind| kind.join(wanted)) {
            kinds.push(wanted.clone());
        }
    }
    let name = |i: usize| if i == 0 { "node".to_owned() } else { format!("node-{}", i + 1) };
    let node = |(i, kind): (usize, Wanted)| Node {
        name: name(i),
        labels: kind.labels,
        max_pods: 100_000,
        age,
        ..Node::default()
    };
    kinds.into_iter().enumerate().map(node).collect()
}

/// Says what the nodes were taken to be, and lets go of terms about how pods lie to each other: a cluster
/// that nobody described has a place for each.
pub fn settle(
    low: &mut Lowering<'_>,
    nodes: &[Node],
    deployments: &mut [Workload],
    actions: &mut [Action],
) {
    let mut text = match nodes.len() {
        1 => "one node without limits".to_owned(),
        n => format!("{n} nodes without limits, since no node can bear all labels"),
    };
    let bears: Vec<String> =
        nodes.iter().flat_map(|n| &n.labels).map(|(k, v)| format!("{k}={v}")).collect();
    if !bears.is_empty() {
        text += &format!("; bears what pods ask for: {}", bears.join(", "));
    }
    low.assume("nodes", text);
    let mut met = BTreeSet::new();
    let mut release = |workload: &mut Workload| {
        let per_node = workload.kind() == Kind::DaemonSet;
        let template = &mut workload.template;
        let asks = &template.placement;
        let of = |terms: &PodTerms, what| {
            let preferred = terms.preferred.iter().map(|(_, term)| term);
            let keys = terms.required.iter().chain(preferred).map(|term| &term.topology_key);
            keys.map(|key| format!("{what} over {key}")).collect::<Vec<String>>()
        };
        let spread =
            asks.topology_spread.iter().map(|t| format!("spreading over {}", t.topology_key));
        // A DaemonSet's pods have their nodes, and with them the ports of those.
        let ports = asks.host_ports.iter().filter(|_| !per_node);
        let terms: BTreeSet<String> = of(&asks.affinity, "affinity")
            .into_iter()
            .chain(of(&asks.anti_affinity, "anti-affinity"))
            .chain(spread)
            .chain(ports.map(|p| format!("a free port {} of the node", p.port)))
            .collect();
        if !terms.is_empty() {
            met.extend(terms);
            let placement = &mut Arc::make_mut(template).placement;
            placement.affinity = PodTerms::default();
            placement.anti_affinity = PodTerms::default();
            placement.topology_spread.clear();
            if !per_node {
                placement.host_ports.clear();
            }
        }
    };
    deployments.iter_mut().for_each(&mut release);
    actions.iter_mut().filter_map(|a| a.kind.brings_mut()).for_each(&mut release);
    if !met.is_empty() {
        let met: Vec<String> = met.into_iter().collect();
        low.assume("nodes.topology", format!("there is a place that meets {}", met.join(", ")));
    }
}

/// What a reader can mend by giving it comes before the numbers of cards.
pub fn first_what_was_not_given(assumptions: &mut [Assumption]) {
    let of_card = |a: &Assumption| {
        ["app.", "platform.", "balancer.", "in_front.", "scheduler."]
            .iter()
            .any(|prefix| a.key.starts_with(prefix))
    };
    assumptions.sort_by_key(of_card);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::labels::Labels;
    use crate::input::lower::wanted::add;
    use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm};
    use std::slice::from_ref;

    fn requirement(key: &str, operator: &str, values: &[&str]) -> NodeSelectorRequirement {
        NodeSelectorRequirement {
            key: key.to_owned(),
            operator: operator.to_owned(),
            values: Some(values.iter().map(|v| (*v).to_owned()).collect()),
        }
    }

    fn asks(requirements: &[NodeSelectorRequirement]) -> Wanted {
        let mut wanted = Wanted::default();
        let term = NodeSelectorTerm {
            match_expressions: Some(requirements.to_vec()),
            ..NodeSelectorTerm::default()
        };
        add(&mut wanted, &term);
        wanted
    }

    /// Whether a node meets a requirement, by Kubernetes' definition.
    fn meets(labels: &Labels, r: &NodeSelectorRequirement) -> bool {
        let values = r.values.clone().unwrap_or_default();
        let found = labels.get(&r.key);
        let number = |s: &String| s.parse::<i64>().ok();
        let compared = |sign: fn(i64, i64) -> bool| {
            let limit = values.first().and_then(number);
            found.and_then(number).zip(limit).is_some_and(|(a, b)| sign(a, b))
        };
        match r.operator.as_str() {
            "In" => found.is_some_and(|v| values.contains(v)),
            "NotIn" => found.is_none_or(|v| !values.contains(v)),
            "Exists" => found.is_some(),
            "DoesNotExist" => found.is_none(),
            "Gt" => compared(|a, b| a > b),
            "Lt" => compared(|a, b| a < b),
            other => panic!("{other}"),
        }
    }

    /// Whatever pods ask for, alone or together, some node has it.
    #[test]
    fn every_requirement_is_met_by_some_node() {
        let single = [
            requirement("os", "In", &["linux", "windows"]),
            requirement("os", "In", &["windows"]),
            requirement("os", "NotIn", &["linux"]),
            requirement("os", "Exists", &[]),
            requirement("os", "DoesNotExist", &[]),
            requirement("cores", "Gt", &["7"]),
            requirement("cores", "Lt", &["4"]),
            requirement("pool", "In", &["gpu"]),
        ];
        for one in &single {
            for other in &single {
                let nodes = nodes(&[asks(from_ref(one)), asks(from_ref(other))], Dur::ZERO);
                for r in [one, other] {
                    assert!(
                        nodes.iter().any(|n| meets(&n.labels, r)),
                        "{one:?} {other:?} {nodes:?}"
                    );
                }
            }
        }
        let all: Vec<Wanted> = single.iter().map(|r| asks(from_ref(r))).collect();
        let nodes = nodes(&all, Dur::ZERO);
        assert!(single.iter().all(|r| nodes.iter().any(|n| meets(&n.labels, r))), "{nodes:?}");
    }
}
