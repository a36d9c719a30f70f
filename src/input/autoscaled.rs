//! Replicas that a manifest leaves to an autoscaler, and the bounds within which that keeps them.

use crate::cluster::workload::Kind;
use crate::input::given::{Input, Replicas};
use crate::input::raw::manifest::Document;
use crate::input::text::tree::{Node, Value};
use std::sync::Arc;

/// What keeps a number of replicas: kind, API group, keys of its minimum, which is 1 without one, and of its
/// maximum, with what it takes without one.
///
/// Sources: `pkg/apis/autoscaling/v2/defaults.go`; KEDA's `ScaledObject` (which keeps none by default: one
/// is what runs while there is work).
const SCALERS: [(&str, &str, &str, (&str, i64)); 2] = [
    ("HorizontalPodAutoscaler", "autoscaling", "minReplicas", ("maxReplicas", 1)),
    ("ScaledObject", "keda.sh", "minReplicaCount", ("maxReplicaCount", 100)),
];

/// How many pods an autoscaler keeps of a workload.
pub struct Kept {
    /// At least, and more than none.
    pub least: i64,
    /// At most.
    pub most: i64,
    /// The key of its minimum, and kind and name.
    pub by: (&'static str, String),
}

/// Fills in the replicas that manifests leave out and an object's status or an autoscaler knows.
pub fn fill(input: &mut Input) {
    for i in 0..input.documents.len() {
        let doc = &input.documents[i];
        let Some(held) = doc.workload().filter(|held| held.template.is_some()) else { continue };
        if held.replicas.is_some() || held.kind == Kind::DaemonSet || taken_away(input, doc) {
            continue;
        }
        let status = doc.running.filter(|n| *n > 0).map(|n| (n, "its status".to_owned()));
        let of_scaler = || {
            let Kept { least, by: (key, scaler), .. } =
                kept(input, (held.kind, doc.name(), doc.namespace()))?;
            Some((least, format!("{key} of {scaler}")))
        };
        let Some((replicas, by)) = status.or_else(of_scaler) else { continue };
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

/// What the autoscaler of a workload of this kind, name and namespace keeps; None: it has none.
pub fn kept(input: &Input, (kind, name, namespace): (Kind, &str, &str)) -> Option<Kept> {
    input.documents.iter().filter(|doc| !doc.update).find_map(|doc| {
        let (scaler, _, min, (max, usual)) = SCALERS.iter().find(|(kind, group, ..)| {
            doc.kind() == *kind && version(&doc.root).starts_with(&format!("{group}/"))
        })?;
        let spec = doc.root.get("spec")?;
        let target = spec.get("scaleTargetRef")?;
        let text = |key: &str| target.get(key).and_then(Node::as_str);
        let scales = text("name") == Some(name)
            && text("kind").is_none_or(|given| given == kind.name())
            && doc.namespace() == namespace;
        let whole = |key: &str, usual: i64| match spec.get(key).map(|n| &n.value) {
            Some(Value::Int(n)) => *n,
            _ => usual,
        };
        let least = whole(min, 1).max(1);
        let most = whole(max, *usual).max(least);
        scales.then(|| Kept { least, most, by: (min, format!("{scaler} {}", doc.name())) })
    })
}

fn version(root: &Node) -> &str {
    root.get("apiVersion").and_then(Node::as_str).unwrap_or("")
}
