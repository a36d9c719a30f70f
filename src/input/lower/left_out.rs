//! What of the input is not simulated and can change the answer: fields, annotations and whole kinds, by the
//! tables in `models/keys/`. Of objects that the run is not about nothing is said.

use crate::input::known::{self, Fate};
use crate::input::lower::lowering::Lowering;
use crate::input::lower::{
    annotations, binding, config_maps, ingress_class, istio, node_pools, placement, proxy, routes,
};
use crate::input::raw::manifest::{Document, Object};
use crate::input::subject::Subject;
use crate::input::text::tree::Node;
use crate::scenario::{Scenario, Workload};

impl Lowering<'_> {
    /// Names it, each thing once.
    pub(super) fn name_left_out(&mut self, subject: &Subject, scenario: &Scenario, nodes: bool) {
        let input = self.input;
        let about: Vec<&Document> = input.each_document().collect();
        let concerned = |d: &&Document| concerns(d, &input.documents[subject.deployment], scenario);
        let about: Vec<&Document> = about.into_iter().filter(concerned).collect();
        for doc in &about {
            for left in doc.left_out.iter().filter(|left| left.rule.matters(nodes)) {
                if routes::passes(self, scenario.service(), doc, &left.path) {
                    continue;
                }
                let kind = match &doc.object {
                    Object::Other { kind } => format!("{kind} "),
                    _ => String::new(),
                };
                self.note(format!("{kind}{} ({})", shown(&left.path), left.rule.effect));
            }
        }
        annotations::check(self, &about, nodes);
        for doc in &input.documents {
            if about.iter().any(|d| std::ptr::eq(*d, &**doc)) {
                self.note_kind(doc, nodes);
            }
            for key in &doc.unknown_keys {
                self.note(format!("unknown key {key}"));
            }
        }
        self.not_modelled.extend(input.notes.iter().cloned());
        if input.documents.iter().any(|d| d.update) {
            let gone = input.taken_away().into_iter();
            let note = |what| {
                format!(
                    "{what} is not in the second render: gone after this rollout, there until then"
                )
            };
            self.not_modelled.extend(gone.map(note));
        }
    }

    /// A kind that is not simulated.
    fn note_kind(&mut self, doc: &Document, nodes: bool) {
        let Object::Other { kind } = &doc.object else { return };
        let is_read = binding::is_read(kind)
            || ingress_class::is_read(kind)
            || node_pools::is_read(kind)
            || kind == istio::PEER
            || routes::is_read(kind)
            || kind == config_maps::OPERATOR
            || proxy::registered::is_read(kind);
        // Where fields are named, the kind need not be.
        if is_read || kind == placement::CLAIM || !doc.left_out.is_empty() {
            return;
        }
        match known::kind(kind) {
            None if known::fields_of(kind).is_some() => {}
            None => self.note(format!("kind {kind}")),
            Some(Fate::NotModelled(rule)) if rule.matters(nodes) => {
                self.note(format!("kind {kind} ({})", rule.effect));
            }
            Some(_) => {}
        }
    }
}

/// Whether the run is about this object.
fn concerns(doc: &Document, subject: &Document, scenario: &Scenario) -> bool {
    // A load balancer that is not made has been asked for all the same.
    let asked = scenario.no_requests.is_none() || scenario.unserved.is_some();
    let is = |name: &str, namespace: &str| doc.name() == name && doc.namespace() == namespace;
    let brought = scenario.actions.iter().filter_map(|a| a.kind.brings());
    let brought = brought.map(|d| (&*d.name, &*d.namespace));
    let served = |w: &&Workload| scenario.services.iter().any(|s| s.selects(&w.template));
    let (first, others) = scenario.workloads.split_first().expect("a workload");
    let served = std::iter::once(first).chain(others.iter().filter(served));
    let mut workloads = served.map(|w| (&*w.name, &*w.namespace)).chain(brought);
    match &doc.object {
        Object::Deployment(_)
        | Object::StatefulSet(_)
        | Object::DaemonSet(_)
        | Object::ReplicaSet(_)
        | Object::Rollout(_)
        | Object::Pod(_) => workloads.any(|(name, namespace)| is(name, namespace)),
        Object::Service(_) => asked && scenario.services.iter().any(|s| is(&s.name, &s.namespace)),
        Object::Ingress(_) => {
            asked && scenario.route().ingress.as_ref().is_some_and(|i| is(&i.name, &i.namespace))
        }
        Object::Node(_) | Object::PodDisruptionBudget(_) => true,
        Object::Namespace(_) => doc.name() == subject.namespace(),
        Object::Other { .. } => match target(doc) {
            Some(name) => workloads.any(|(other, _)| other == name),
            None => true,
        },
    }
}

/// What an autoscaler is for.
fn target(doc: &Document) -> Option<&str> {
    let spec = doc.root.get("spec")?;
    let target = spec.get("scaleTargetRef").or_else(|| spec.get("targetRef"))?;
    target.get("name").and_then(Node::as_str)
}

/// A key without the way to it: `resources.limits`.
fn shown(path: &str) -> String {
    let mut words: Vec<&str> =
        path.split('.').map(|word| word.split_once('[').map_or(word, |(name, _)| name)).collect();
    for above in ["spec", "template", "spec", "containers"] {
        let begins = words.first() == Some(&above)
            || (above == "containers" && words.first() == Some(&"initContainers"));
        if begins && words.len() > 1 {
            words.remove(0);
        }
    }
    words.join(".")
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn keys_are_shown_without_the_way_to_them() {
        for (path, wanted) in [
            ("spec.template.spec.containers[0].resources.limits", "resources.limits"),
            ("spec.template.spec.initContainers[1].lifecycle.stopSignal", "lifecycle.stopSignal"),
            ("spec.template.spec.priority", "priority"),
            ("spec.trafficDistribution", "trafficDistribution"),
            ("spec.ports[1].appProtocol", "ports.appProtocol"),
        ] {
            assert_eq!(shown(path), wanted);
        }
    }
}
