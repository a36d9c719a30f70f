//! Replicas that a manifest leaves to an autoscaler.

use crate::cluster::workload::Kind;
use crate::input::given::{Input, Replicas};
use crate::input::raw::manifest::Document;
use crate::input::text::tree::{Node, Value};
use std::sync::Arc;

/// What keeps a number of replicas: kind, API group, key of its minimum, and what it takes without one.
///
/// Sources: `pkg/apis/autoscaling/v2/defaults.go`; KEDA's `ScaledObject` (which keeps none by default: one
/// is what runs while there is work).
const SCALERS: [(&str, &str, &str, i64); 2] = [
    ("HorizontalPodAutoscaler", "autoscaling", "minReplicas", 1),
    ("ScaledObject", "keda.sh", "minReplicaCount", 1),
];

/// Fills in the replicas that manifests leave out and an object's status or an autoscaler knows.
pub fn fill(input: &mut Input) {
    for i in 0..input.documents.len() {
        let doc = &input.documents[i];
        let Some(held) = doc.workload().filter(|held| held.template.is_some()) else { continue };
        if held.replicas.is_some() || held.kind == Kind::DaemonSet || taken_away(input, doc) {
            continue;
        }
        let status = doc.running.filter(|n| *n > 0).map(|n| (n, "its status".to_owned()));
        let Some((replicas, by)) = status.or_else(|| minimum(input, doc)) else { continue };
        let Ok(small) = i32::try_from(replicas) else { continue };
        let (name, namespace) = (doc.name().to_owned(), doc.namespace().to_owned());
        let update = doc.update;
        let doc = Arc::make_mut(&mut input.documents[i]);
        if let Some(slot) = doc.root.entry_mut("spec").and_then(|s| s.entry_mut("replicas")) {
            slot.value = Value::Int(replicas);
        }
        doc.set_replicas(small);
        input.replicas.push(Replicas { name, namespace, update, replicas, by });
    }
}

/// An update that leaves out the replicas which the first manifest gives: `kubectl apply` takes them away,
/// and the API server fills in its default. What a cluster shows of itself was not applied.
fn taken_away(input: &Input, update: &Document) -> bool {
    let gave = |d: &Document| {
        let replicas = d.workload().and_then(|held| held.replicas);
        replicas.is_some() && d.running.is_none()
    };
    let same = |d: &Document| d.name() == update.name() && d.namespace() == update.namespace();
    update.update && input.documents.iter().any(|d| !d.update && same(d) && gave(d))
}

/// The least replicas that an autoscaler of the Deployment keeps, and its kind and name.
fn minimum(input: &Input, deployment: &Document) -> Option<(i64, String)> {
    input.documents.iter().find_map(|doc| {
        let (kind, _, key, default) = SCALERS.iter().find(|(kind, group, ..)| {
            doc.kind() == *kind && version(&doc.root).starts_with(&format!("{group}/"))
        })?;
        let spec = doc.root.get("spec")?;
        let target = spec.get("scaleTargetRef")?;
        let text = |key: &str| target.get(key).and_then(Node::as_str);
        let scales = text("name") == Some(deployment.name())
            && text("kind").is_none_or(|kind| kind == deployment.kind())
            && doc.namespace() == deployment.namespace();
        let least = match spec.get(key).map(|n| &n.value) {
            Some(Value::Int(n)) => (*n).max(*default),
            _ => *default,
        };
        scales.then(|| (least, format!("{key} of {kind} {}", doc.name())))
    })
}

fn version(root: &Node) -> &str {
    root.get("apiVersion").and_then(Node::as_str).unwrap_or("")
}
