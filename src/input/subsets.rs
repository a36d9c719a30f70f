//! Rollouts that Istio shares between the subsets of one Service: the controller writes the hash of a
//! template into each subset, so that a subset is what a Service of its own is elsewhere. Each gets one.

use crate::input::given::Input;
use crate::input::raw::manifest::Document;
use crate::input::text::diagnostics::Diagnostics;
use crate::input::text::tree::{Node, Value};
use std::sync::Arc;

/// The Services of a canary, and the key of `trafficRouting.istio.destinationRule` that names its subset.
const SIDES: [(&str, &str); 2] =
    [("stableService", "stableSubsetName"), ("canaryService", "canarySubsetName")];

/// Gives each subset its Service, and names that in the Rollout.
///
/// # Errors
/// What comes of it is no Service or no Rollout.
pub fn serve(input: &mut Input) -> Result<(), Diagnostics> {
    for index in 0..input.documents.len() {
        let doc = input.documents[index].clone();
        if doc.kind() != "Rollout" {
            continue;
        }
        let Some((host, subsets)) = shared(input, &doc) else { continue };
        let mut root = doc.root.clone();
        for (key, subset) in subsets {
            let name = format!("{}-{subset}", host.name());
            let there = |d: &Arc<Document>| {
                d.kind() == "Service" && d.name() == name && d.namespace() == doc.namespace()
            };
            if !input.documents.iter().any(there) {
                let made = Document::new(&host.file, service(&host.root, &name), false)?;
                let made = Document { argument: host.argument, ..made };
                input.documents.push(Arc::new(made));
            }
            name_it(&mut root, key, name);
        }
        let made = Document::new(&doc.file, root, doc.update)?;
        input.documents[index] = Arc::new(Document { argument: doc.argument, ..made });
    }
    Ok(())
}

type Subsets = Vec<(&'static str, String)>;

/// The Service that a Rollout's subsets are of, and for each key of the canary the name of its subset; None:
/// it has Services of its own, or that Service is not there.
fn shared(input: &Input, rollout: &Document) -> Option<(Arc<Document>, Subsets)> {
    let canary = rollout.root.get("spec")?.get("strategy")?.get("canary")?;
    let rule = canary.get("trafficRouting")?.get("istio")?.get("destinationRule")?;
    if SIDES.iter().any(|(key, _)| canary.get(key).is_some()) {
        return None;
    }
    let own = |d: &&Arc<Document>| d.namespace() == rollout.namespace();
    let name = rule.get("name")?.as_str()?;
    let is = |d: &&Arc<Document>| d.kind() == "DestinationRule" && d.name() == name;
    let given = input.documents.iter().filter(own).find(is)?;
    let host = given.root.get("spec")?.get("host")?.as_str()?.split('.').next()?.to_owned();
    let is = |d: &&Arc<Document>| d.kind() == "Service" && d.name() == host;
    let service = input.documents.iter().filter(own).find(is)?.clone();
    let side =
        |(key, subset): (&'static str, &str)| Some((key, rule.get(subset)?.as_str()?.into()));
    Some((service, SIDES.into_iter().map(side).collect::<Option<_>>()?))
}

/// The same Service by another name, inside the cluster.
fn service(root: &Node, name: &str) -> Node {
    let mut root = root.clone();
    if let Some(given) = root.entry_mut("metadata").and_then(|m| m.entry_mut("name")) {
        given.value = Value::Str(name.to_owned());
    }
    if let Some(spec) = root.entry_mut("spec") {
        for key in ["type", "clusterIP", "clusterIPs", "loadBalancerClass", "externalTrafficPolicy"]
        {
            spec.remove(key);
        }
    }
    root
}

fn name_it(root: &mut Node, key: &str, name: String) {
    let path = ["spec", "strategy", "canary", key];
    let place = path.iter().try_fold(root, |node, key| node.entry_mut(key));
    if let Some(node) = place {
        node.value = Value::Str(name);
    }
}
