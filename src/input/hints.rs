//! What to hand in instead, for inputs that are something else: charts, kustomizations, Compose files.

use crate::input::given::Input;
use crate::input::text::diagnostics::Diagnostics;
use crate::input::text::source::{Text, is_kustomization};
use crate::input::text::tree::Node;
use crate::input::text::yaml;
use std::path::Path;

/// What a text without kind and apiVersion probably is.
pub fn nearly(root: &Node) -> Option<&'static str> {
    let has = |keys: &[&str]| keys.iter().all(|key| root.get(key).is_some());
    if has(&["NAME", "STATUS"]) {
        return Some(
            "this is what `helm install` says: `helm template` prints the manifests alone",
        );
    }
    if has(&["services"]) && root.get("services").is_some_and(Node::is_map) {
        return Some("this looks like a Compose file: `kompose convert` makes manifests of it");
    }
    if has(&["apiVersion", "name", "version"]) {
        return Some("this describes a chart: give the output of `helm template CHART`");
    }
    let values = ["replicaCount", "image", "service", "ingress", "resources", "autoscaling"];
    let likely = values.iter().filter(|key| root.get(key).is_some()).count() >= 2;
    (likely || root.get("replicaCount").is_some()).then_some(
        "this looks like a chart's values: give the output of `helm template CHART --values FILE`",
    )
}

/// What to hand in where nothing holds a workload.
pub fn no_deployment(manifests: &[Text], kinds: &[&str]) -> String {
    if kinds.contains(&"Kustomization") {
        return "give the output of `kubectl kustomize`".to_owned();
    }
    if let Some(chart) = manifests.iter().find(|t| t.file == "Chart.yaml") {
        return format!("this is a chart: helm template {} | rollsim run -", folder(chart));
    }
    if manifests.is_empty() {
        return "name the manifests as well, or in the scenario: manifests = [\"web.yaml\"]"
            .to_owned();
    }
    "rollsim simulates rollouts of Deployments, StatefulSets and DaemonSets; `kubectl get \
     deployment,statefulset,daemonset,service -o yaml` prints them"
        .to_owned()
}

/// Patches of a kustomization are no whole objects: the first error says what prints those.
pub fn kustomization(input: &Input, problems: &mut Diagnostics) {
    if let (Some(folder), Some(first)) = (&input.kustomization, problems.0.first_mut()) {
        let text = format!("kubectl kustomize {folder} | rollsim run -");
        first.suggestion = Some(format!("kustomize makes whole objects of its files: {text}"));
    }
}

/// The folder of a text.
fn folder(text: &Text) -> String {
    let folder = Path::new(&text.name).parent().unwrap_or(Path::new(""));
    let shown = folder.display().to_string();
    if shown.is_empty() { ".".to_owned() } else { shown }
}

/// The folder that is a kustomization.
pub fn kustomized(manifests: &[Text]) -> Option<String> {
    manifests.iter().find(|text| text.found && is_kustomization(&text.file)).map(folder)
}

/// What kustomize would do besides, to objects that are read as they are in their files; None: nothing that
/// an answer depends on.
pub fn not_applied(manifests: &[Text]) -> Option<String> {
    const CHANGES: [&str; 9] = [
        "bases",
        "components",
        "helmCharts",
        "patches",
        "patchesJson6902",
        "patchesStrategicMerge",
        "replacements",
        "replicas",
        "transformers",
    ];
    let text = manifests.iter().find(|text| text.found && is_kustomization(&text.file))?;
    let root = yaml::parse(&text.text).ok()?.into_iter().next()?;
    let file = |name: &str| name.ends_with(".yaml") || name.ends_with(".yml");
    let elsewhere = |node: &Node| node.as_str().is_some_and(|r| r.contains('/') || !file(r));
    let resources = root.get("resources").is_some_and(|r| r.items().iter().any(elsewhere));
    let mut keys: Vec<&str> = CHANGES.into_iter().filter(|key| root.get(key).is_some()).collect();
    keys.extend(resources.then_some("resources of other folders"));
    (!keys.is_empty()).then(|| {
        let (keys, folder) = (keys.join(", "), folder(text));
        format!("{keys} of {}: kubectl kustomize {folder} | rollsim run -", text.name)
    })
}
