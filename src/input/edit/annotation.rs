//! Overrides of annotations by their own names.

use super::set::edited;
use crate::input::given::Input;
use crate::input::known;
use crate::input::subject;
use crate::input::text::diagnostics::{Diagnostic, Diagnostics};
use crate::input::text::tree::{Node, Step, parse_path};

impl Input {
    /// Sets an annotation where its controller reads it: on every Ingress, every Service, or the pods of the
    /// Deployment under test. An attribute within one follows after a dot:
    /// `alb.ingress.kubernetes.io/target-group-attributes.deregistration_delay.timeout_seconds`.
    pub(super) fn set_annotation(&mut self, path: &str, value: &str) -> Result<(), Diagnostics> {
        let (_, section) = known::annotation(path).expect("looked up before");
        let (name, attribute) = match path.split_once("attributes.") {
            Some((name, attribute)) => (format!("{name}attributes"), Some(attribute)),
            None => (path.to_owned(), None),
        };
        let mut steps = Vec::new();
        let mut changed = Vec::new();
        let kind = section.on.as_deref();
        let subject = subject::choose(self)?;
        for (i, doc) in self.documents.iter().enumerate() {
            let pods = [Some(subject.deployment), subject.update].contains(&Some(i));
            if kind.map_or(!pods, |kind| doc.kind() != kind) {
                continue;
            }
            let own = kind.is_some() || doc.kind() == "Pod";
            let above = if own { "metadata" } else { "spec.template.metadata" };
            steps = parse_path(above);
            steps.push(Step::Key("annotations".to_owned()));
            steps.push(Step::Key(name.clone()));
            let before = steps.iter().try_fold(&doc.root, |node, step| match step {
                Step::Key(key) => node.get(key),
                Step::Index(_) => None,
            });
            let before = before.and_then(Node::as_str).unwrap_or("");
            let text = attribute.map_or(value.to_owned(), |a| with_attribute(before, a, value));
            changed.push((i, edited(doc, path, &steps, &text)?));
        }
        if steps.is_empty() {
            let error = Diagnostic::error(
                "",
                format!("there is no {} in the input", kind.unwrap_or("workload")),
            );
            return Err(error.at(None, path).into());
        }
        self.replace(changed);
        Ok(())
    }
}

/// `name=value,name=value` with one more, or another value.
fn with_attribute(before: &str, name: &str, value: &str) -> String {
    let pairs = before.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let others = pairs.filter(|pair| pair.split_once('=').is_none_or(|(n, _)| n.trim() != name));
    let mut pairs: Vec<String> = others.map(str::to_owned).collect();
    if value.trim() != "null" {
        pairs.push(format!("{name}={}", value.trim()));
    }
    pairs.join(",")
}
