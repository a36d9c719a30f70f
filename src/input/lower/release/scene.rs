//! One metric of an AnalysisTemplate, and the arguments that its texts name.

use crate::engine::Dur;
use crate::input::friendly::seconds;
use crate::input::lower::check::Check;
use crate::input::raw::manifest::Document;
use crate::input::raw::rollout::AnalysisArgument;
use crate::input::text::tree::{Node, quoted};
use std::collections::BTreeMap;

/// One metric of a template.
pub struct Scene<'a> {
    /// The template.
    pub doc: &'a Document,
    /// Where the metric stands in it.
    pub path: String,
    /// The metric.
    pub metric: &'a Node,
    /// Arguments by their names.
    pub values: &'a BTreeMap<String, String>,
}

impl Scene<'_> {
    /// A value with its arguments put in.
    pub fn text(&self, key: &str) -> Option<String> {
        Some(self.filled(plain(self.metric.get(key).filter(|n| !n.is_null())?)))
    }

    /// A text with its arguments put in.
    pub fn filled(&self, mut text: String) -> String {
        for (name, value) in self.values {
            for form in [format!("{{{{args.{name}}}}}"), format!("{{{{ args.{name} }}}}")] {
                text = text.replace(&form, value);
            }
        }
        text
    }

    /// Something is wrong with a key of the metric: the message and what was found, and what is allowed.
    pub fn error(
        &self,
        check: &mut Check<'_>,
        key: &str,
        (message, found): (&str, String),
        allowed: &str,
    ) {
        let error = self.doc.error(&format!("{}.{key}", self.path), message);
        check.problems.push(error.found(found).allowed(allowed));
    }

    /// A whole number.
    pub fn number(&self, check: &mut Check<'_>, key: &str) -> Option<i32> {
        let text = self.text(key)?;
        let number = text.trim().parse().ok();
        if number.is_none() {
            self.error(check, key, ("not a whole number", quoted(&text)), "a whole number");
        }
        number
    }

    /// A duration.
    pub fn length(&self, check: &mut Check<'_>, key: &str) -> Option<Dur> {
        let text = self.text(key)?;
        let length = seconds(text.trim()).filter(|s| *s >= 0.0);
        if length.is_none() {
            self.error(check, key, ("not a duration", quoted(&text)), "such as 30s, 5m, 1h");
        }
        length.map(Dur::from_secs_f64)
    }
}

/// Arguments with their values: the template's own, and those that are given.
pub fn values(doc: &Document, given: &[AnalysisArgument]) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let args = doc.root.get("spec").and_then(|s| s.get("args")).map_or(&[][..], Node::items);
    for arg in args {
        let text = |key: &str| arg.get(key).map(plain);
        if let (Some(name), Some(value)) = (text("name"), text("value")) {
            values.insert(name, value);
        }
    }
    for AnalysisArgument { name, value, value_from } in given {
        // Hashes of templates: which one it is decides whose requests are measured.
        let from = value_from.as_ref().map(|from| from.to_string());
        if let (Some(name), Some(value)) = (name, value.clone().or(from)) {
            values.insert(name.clone(), value);
        }
    }
    values
}

/// Arguments that a template leaves to others.
pub fn wanted(doc: &Document) -> impl Iterator<Item = String> {
    let args = doc.root.get("spec").and_then(|s| s.get("args")).map_or(&[][..], Node::items);
    let open =
        args.iter().filter(|arg| arg.get("value").is_none() && arg.get("valueFrom").is_none());
    open.filter_map(|arg| arg.get("name").map(plain))
}

/// All texts within a node.
pub fn texts(node: &Node) -> String {
    let below = node.items().iter().chain(node.entries().iter().map(|e| &e.node));
    let own = node.as_str().unwrap_or_default().to_owned();
    below.fold(own, |all, node| all + " " + &texts(node))
}

fn plain(node: &Node) -> String {
    node.as_str().map_or_else(|| node.to_string(), str::to_owned)
}
