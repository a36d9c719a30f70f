//! Rollouts whose pods another workload describes (`workloadRef`): the template is put in, and that workload
//! is no longer one of its own.

use crate::input::given::Input;
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::diagnostics::Diagnostics;
use crate::input::text::tree::{Entry, Node, Value};
use std::sync::Arc;

/// Puts the templates in. An update of the workload that is referred to is one of the Rollout.
///
/// # Errors
/// What comes of it is no Rollout.
pub fn refer(input: &mut Input) -> Result<(), Diagnostics> {
    let referring = |d: &Document| (d.kind() == "Rollout").then(|| named(&d.root))?;
    let rollouts: Vec<usize> =
        (0..input.documents.len()).filter(|&i| referring(&input.documents[i]).is_some()).collect();
    for index in rollouts {
        let rollout = input.documents[index].clone();
        let Some((kind, name)) = referring(&rollout) else { continue };
        let is = |d: &Document| {
            d.kind() == kind && d.name() == name && d.namespace() == rollout.namespace()
        };
        let all: Vec<usize> =
            (0..input.documents.len()).filter(|&i| is(&input.documents[i])).collect();
        for of in all {
            let (owner, from) = (&input.documents[of], input.documents[of].root.clone());
            let update = owner.update && !rollout.update;
            let filled = with_template(&rollout, &from, owner.update)?;
            if update {
                input.documents.push(Arc::new(filled));
            } else if owner.update == rollout.update {
                input.documents[index] = Arc::new(filled);
            }
            Arc::make_mut(&mut input.documents[of]).object = Object::Other { kind: kind.clone() };
        }
    }
    Ok(())
}

/// The kind and name of the workload that a Rollout refers to.
fn named(root: &Node) -> Option<(String, String)> {
    let spec = root.get("spec")?;
    let of = spec.get("workloadRef")?;
    let text = |key: &str| of.get(key).and_then(Node::as_str).map(str::to_owned);
    if spec.get("template").is_some() {
        return None;
    }
    Some((text("kind").unwrap_or_else(|| "Deployment".to_owned()), text("name")?))
}

fn with_template(rollout: &Document, from: &Node, update: bool) -> Result<Document, Diagnostics> {
    let mut root = rollout.root.clone();
    if let Some(spec) = root.entry_mut("spec")
        && let Value::Map(entries) = &mut spec.value
    {
        entries.retain(|entry| entry.key != "workloadRef");
        for key in ["template", "selector", "replicas"] {
            let given = entries.iter().any(|entry| entry.key == key);
            if let Some(node) = from.get("spec").and_then(|s| s.get(key)).filter(|_| !given) {
                entries.push(Entry { key: key.to_owned(), line: node.line, node: node.clone() });
            }
        }
    }
    let made = Document::new(&rollout.file, root, update)?;
    Ok(Document { argument: rollout.argument, ..made })
}
