//! The nodes of the cluster: those among the manifests, and the scenario's.

use crate::cluster::placement::{Effect, Node, Presence, Taint, ZONE};
use crate::cluster::spec::Resources;
use crate::engine::Dur;
use crate::input::bounds;
use crate::input::cards;
use crate::input::given::Input;
use crate::input::lower::assumed;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::network;
use crate::input::raw::case::NodeCase;
use crate::input::raw::manifest::Object;
use crate::input::text::checks;
use crate::input::text::tree::quoted;
use std::collections::BTreeSet;

impl Lowering<'_> {
    /// The cluster's nodes, and whether anybody gave them.
    pub fn nodes(&mut self, age: Dur) -> (Vec<Node>, bool) {
        let all = given(self.input);
        if all > bounds::NODES {
            let error = self.fail("nodes", "too many nodes");
            error.found = Some(all.to_string());
            error.allowed = Some(format!("at most {}", bounds::NODES));
            return (assumed::nodes(&self.asked, age), true);
        }
        let mut nodes = Vec::new();
        for doc in &self.input.documents {
            let Object::Node(api) = &doc.object else { continue };
            nodes.push(self.check(doc, |check| network::node(check, api, age)));
        }
        // The order of documents says nothing.
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        for (i, case) in self.input.case.nodes.iter().enumerate() {
            self.alike(&format!("nodes[{i}]"), case, age, &mut nodes);
        }
        match nodes.is_empty() {
            true => (assumed::nodes(&self.asked, age), false),
            false => (nodes, true),
        }
    }

    /// A node of the scenario, or several alike.
    fn alike(&mut self, path: &str, case: &NodeCase, age: Dur, nodes: &mut Vec<Node>) {
        let cpu = self.amount(&format!("{path}.cpu"), case.cpu.as_deref());
        let memory = self.amount(&format!("{path}.memory"), case.memory.as_deref());
        let count = case.count.unwrap_or(1);
        if !(1..=1000).contains(&count) {
            let error = self.fail(&format!("{path}.count"), "value out of range");
            error.found = Some(count.to_string());
            error.allowed = Some("1 to 1000".to_owned());
        }
        let like = Node {
            name: case.name.clone(),
            labels: case.labels.clone(),
            taints: self.taints(path, case),
            unschedulable: case.unschedulable.unwrap_or(false),
            allocatable: (cpu.is_some() || memory.is_some()).then(|| Resources {
                cpu_millis: cpu.unwrap_or(i64::MAX),
                memory_bytes: memory.map_or(i64::MAX, |m| m / 1000),
            }),
            max_pods: case.max_pods.unwrap_or(cards::kubernetes().max_pods),
            age: case.age_s.map_or(age, |s| {
                Dur::from_secs_f64(self.seconds(&format!("{path}.age_s"), Some(s), 3600.0))
            }),
            images: Vec::new(),
            presence: Presence::Ready,
        };
        for k in 1..=count.min(1000) {
            let name = match case.count {
                Some(_) => format!("{}-{k}", case.name),
                None => case.name.clone(),
            };
            let labels = network::node_labels(&name, like.labels.clone());
            nodes.push(Node { name, labels, ..like.clone() });
        }
    }

    fn amount(&mut self, path: &str, text: Option<&str>) -> Option<i64> {
        let text = text?;
        let millis = checks::quantity_millis(text).filter(|m| *m > 0);
        if millis.is_none() {
            let error = self.fail(path, "not a quantity");
            error.found = Some(quoted(text));
            error.allowed = Some("a number such as 500m, 2, 256Mi or 1Gi".to_owned());
        }
        millis
    }

    /// As `kubectl taint` has them: `key=value:NoSchedule`, `key:NoSchedule`.
    fn taints(&mut self, path: &str, case: &NodeCase) -> Vec<Taint> {
        let mut taints = Vec::new();
        for (i, text) in case.taints.iter().enumerate() {
            match taint(text) {
                Some(taint) => taints.push(taint),
                None => {
                    let error = self.fail(&format!("{path}.taints[{i}]"), "not a taint");
                    error.found = Some(quoted(text));
                    error.allowed = Some(
                        "key=value:Effect or key:Effect, the effect one of NoSchedule, \
                         PreferNoSchedule, NoExecute"
                            .to_owned(),
                    );
                }
            }
        }
        taints
    }
}

fn taint(text: &str) -> Option<Taint> {
    let (what, effect) = text.rsplit_once(':')?;
    let (key, value) = what.split_once('=').unwrap_or((what, ""));
    let effect = match effect {
        "NoSchedule" => Effect::NoSchedule,
        "PreferNoSchedule" => Effect::PreferNoSchedule,
        "NoExecute" => Effect::NoExecute,
        _ => return None,
    };
    (!key.is_empty()).then(|| Taint { key: key.to_owned(), value: value.to_owned(), effect })
}

/// Zones among the labels of the cluster's nodes.
pub(crate) fn zones(low: &Lowering<'_>) -> usize {
    zone_names(low).len()
}

/// Their names.
pub(crate) fn zone_names<'a>(low: &Lowering<'a>) -> BTreeSet<&'a str> {
    let input = low.input;
    let listed = input.case.nodes.iter().filter_map(|n| n.labels.get(ZONE));
    let nodes = input.documents.iter().filter_map(|d| match &d.object {
        Object::Node(node) => node.metadata.labels.as_ref()?.get(ZONE),
        _ => None,
    });
    listed.chain(nodes).map(String::as_str).collect()
}

/// How many nodes somebody gave.
pub(crate) fn given(input: &Input) -> usize {
    let listed = input.documents.iter().filter(|d| d.kind() == "Node").count();
    let counts = input.case.nodes.iter().map(|n| n.count.unwrap_or(1).min(1000) as usize);
    listed + counts.sum::<usize>()
}
