//! Which objects are meant: a kind is one only in its own API group, and each kind has API versions that
//! clusters knew once.

use crate::input::text::diagnostics::misspelt;
use crate::input::text::tree::{Entry, Node, Step, Value};

/// A kind that is read.
struct Kind {
    name: &'static str,
    /// Empty: the core group.
    group: &'static str,
    version: &'static str,
    /// API versions that meant the same, and the minor version of Kubernetes that no longer knows them.
    ///
    /// Source: Kubernetes' deprecated API migration guide.
    old: &'static [(&'static str, u32)],
}

const KINDS: [Kind; 11] = [
    Kind {
        name: "Deployment",
        group: "apps",
        version: "apps/v1",
        old: &[("extensions/v1beta1", 16), ("apps/v1beta1", 16), ("apps/v1beta2", 16)],
    },
    Kind {
        name: "StatefulSet",
        group: "apps",
        version: "apps/v1",
        old: &[("apps/v1beta1", 16), ("apps/v1beta2", 16)],
    },
    Kind {
        name: "DaemonSet",
        group: "apps",
        version: "apps/v1",
        old: &[("extensions/v1beta1", 16), ("apps/v1beta2", 16)],
    },
    Kind {
        name: "ReplicaSet",
        group: "apps",
        version: "apps/v1",
        old: &[("extensions/v1beta1", 16), ("apps/v1beta2", 16)],
    },
    Kind { name: "Rollout", group: "argoproj.io", version: "argoproj.io/v1alpha1", old: &[] },
    Kind { name: "Pod", group: "", version: "v1", old: &[] },
    Kind { name: "Service", group: "", version: "v1", old: &[] },
    Kind {
        name: "PodDisruptionBudget",
        group: "policy",
        version: "policy/v1",
        old: &[("policy/v1beta1", 25)],
    },
    Kind {
        name: "Ingress",
        group: "networking.k8s.io",
        version: "networking.k8s.io/v1",
        old: &[("extensions/v1beta1", 22), ("networking.k8s.io/v1beta1", 22)],
    },
    Kind { name: "Node", group: "", version: "v1", old: &[] },
    Kind { name: "Namespace", group: "", version: "v1", old: &[] },
];

/// Real kinds that are close to one of those in spelling, in the same group.
const OTHERS: [&str; 1] = ["IngressClass"];

/// What an object says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// One of the kinds that are read.
    Read,
    /// Some other kind.
    Other,
    /// A kind of this name is read, and this is another one: of another API group.
    Namesake,
    /// No kind; it should have been this one.
    Misspelt(&'static str),
}

/// The API group within an apiVersion; empty for the core group.
pub fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// What an object with this apiVersion and kind is. A group that somebody made up has a dot in it (the API
/// server wants one), so that `apps/v1 Service` is a mistake and `serving.knative.dev/v1 Service` is not.
pub fn meaning(api_version: &str, kind: &str) -> Meaning {
    let group = group_of(api_version);
    let is_home = |k: &Kind| k.group == group || k.old.iter().any(|(v, _)| *v == api_version);
    if let Some(known) = KINDS.iter().find(|k| k.name == kind) {
        let foreign = group.contains('.') && !is_home(known);
        return if foreign { Meaning::Namesake } else { Meaning::Read };
    }
    let near = KINDS.iter().filter(|k| is_home(k)).map(|k| k.name);
    match misspelt(kind, near).filter(|_| !OTHERS.contains(&kind)) {
        Some(close) => Meaning::Misspelt(close),
        None => Meaning::Other,
    }
}

/// An API version that was replaced by the one it is read as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Old {
    /// As it was written.
    pub was: String,
    /// As it is read.
    pub now: &'static str,
    /// The minor version of Kubernetes that no longer knows it; 0: it is another kind.
    pub gone: u32,
}

/// A kind that is read as the one which took its place.
struct Forebear {
    kind: &'static str,
    /// Its API versions.
    api: &'static [&'static str],
    /// As which it is read.
    now: &'static str,
    /// Shown for that.
    shown: &'static str,
}

const FOREBEARS: [Forebear; 2] = [
    Forebear {
        kind: "ReplicationController",
        api: &["v1"],
        now: "ReplicaSet",
        shown: "apps/v1 ReplicaSet",
    },
    // OpenShift's deployer scales ReplicationControllers in steps of a Deployment's kind.
    Forebear {
        kind: "DeploymentConfig",
        api: &["apps.openshift.io/v1", "v1"],
        now: "Deployment",
        shown: "apps/v1 Deployment",
    },
];

impl Forebear {
    fn is_api(&self, version: &str) -> bool {
        self.api.contains(&version)
    }

    fn renew(&self, root: &mut Node, was: &str) -> Old {
        for (key, value) in [("apiVersion", "apps/v1"), ("kind", self.now)] {
            if let Some(slot) = root.entry_mut(key) {
                slot.value = Value::Str(value.to_owned());
            }
        }
        if let Some(spec) = part(root, "spec") {
            match_labels(spec);
            if self.now == "Deployment" {
                rolling_params(spec);
            }
        }
        default_selector(root);
        Old { was: format!("{was} {}", self.kind), now: self.shown, gone: 0 }
    }
}

/// Their selectors were plain labels.
fn match_labels(spec: &mut Node) {
    let Some(labels) = spec.get("selector").filter(|s| s.is_map()).cloned() else { return };
    if labels.get("matchLabels").is_some() || labels.get("matchExpressions").is_some() {
        return;
    }
    let entry = Entry { key: "matchLabels".to_owned(), line: labels.line, node: labels };
    if let Some(selector) = spec.entry_mut("selector") {
        selector.value = Value::Map(vec![entry]);
    }
}

/// The strategy of a DeploymentConfig under a Deployment's names, and its time-out as the deadline.
fn rolling_params(spec: &mut Node) {
    for key in ["triggers", "test"] {
        spec.remove(key);
    }
    let Some(strategy) = part(spec, "strategy") else { return };
    if let Some(kind) = strategy.entry_mut("type").filter(|t| t.as_str() == Some("Rolling")) {
        kind.value = Value::Str("RollingUpdate".to_owned());
    }
    let timeout = strategy.get("rollingParams").and_then(|p| p.get("timeoutSeconds")).cloned();
    rename(strategy, "rollingParams", "rollingUpdate");
    for key in ["recreateParams", "customParams", "resources", "activeDeadlineSeconds"] {
        strategy.remove(key);
    }
    if let Some(rolling) = part(strategy, "rollingUpdate") {
        let own = ["maxSurge", "maxUnavailable"];
        if let Value::Map(entries) = &mut rolling.value {
            entries.retain(|entry| own.contains(&entry.key.as_str()));
        }
    }
    if let (Some(timeout), Some(slot)) = (timeout, spec.entry_mut("progressDeadlineSeconds")) {
        *slot = timeout;
    }
}

/// Rewrites an object of an old API version into what a cluster makes of it today.
pub fn renew(root: &mut Node, kind: &str) -> Option<Old> {
    let was = root.get("apiVersion")?.as_str()?.to_owned();
    if let Some(forebear) = FOREBEARS.iter().find(|f| f.kind == kind && f.is_api(&was)) {
        return Some(forebear.renew(root, &was));
    }
    let known = KINDS.iter().find(|k| k.name == kind)?;
    let (_, gone) = *known.old.iter().find(|(version, _)| *version == was)?;
    if let Some(version) = root.entry_mut("apiVersion") {
        version.value = Value::Str(known.version.to_owned());
    }
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" => default_selector(root),
        "Ingress" => renew_ingress(root),
        _ => {}
    }
    Some(Old { was, now: known.version, gone })
}

/// Workloads of old took their selector from the labels of the template.
fn default_selector(root: &mut Node) {
    let Some(spec) = part(root, "spec") else { return };
    let template = spec.get("template").and_then(|t| t.get("metadata"));
    let labels = template.and_then(|m| m.get("labels")).cloned();
    if let (None, Some(labels)) = (spec.get("selector"), labels) {
        let entry = Entry { key: "matchLabels".to_owned(), line: labels.line, node: labels };
        if let Some(selector) = spec.entry_mut("selector") {
            selector.value = Value::Map(vec![entry]);
        }
    }
}

fn renew_ingress(root: &mut Node) {
    let Some(spec) = part(root, "spec") else { return };
    rename(spec, "backend", "defaultBackend");
    if let Some(backend) = part(spec, "defaultBackend") {
        renew_backend(backend);
    }
    for rule in part(spec, "rules").map_or(&mut [][..], items) {
        let paths = part(rule, "http").and_then(|http| part(http, "paths"));
        for path in paths.map_or(&mut [][..], items) {
            if path.get("pathType").is_none()
                && let Some(kind) = path.entry_mut("pathType")
            {
                kind.value = Value::Str("ImplementationSpecific".to_owned());
            }
            if let Some(backend) = part(path, "backend") {
                renew_backend(backend);
            }
        }
    }
}

/// `{serviceName, servicePort}` as `{service: {name, port: {number or name}}}`.
fn renew_backend(backend: &mut Node) {
    let (name, port) = (backend.get("serviceName").cloned(), backend.get("servicePort").cloned());
    backend.remove("serviceName");
    backend.remove("servicePort");
    let Some(name) = name else { return };
    let Some(service) = backend.entry_mut("service") else { return };
    if let (Some(port), Some(home)) = (port, service.entry_mut("port")) {
        let key = if matches!(port.value, Value::Str(_)) { "name" } else { "number" };
        if let Some(slot) = home.entry_mut(key) {
            *slot = port;
        }
    }
    if let Some(slot) = service.entry_mut("name") {
        *slot = name;
    }
}

fn part<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    node.get_mut(&Step::Key(key.to_owned())).filter(|n| !n.is_null())
}

fn items(node: &mut Node) -> &mut [Node] {
    match &mut node.value {
        Value::List(items) => items,
        _ => &mut [],
    }
}

fn rename(node: &mut Node, from: &str, to: &str) {
    if let Value::Map(entries) = &mut node.value
        && let Some(entry) = entries.iter_mut().find(|e| e.key == from)
    {
        entry.key = to.to_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kinds in the wild beside those that are read, near to them in spelling or not.
    const STRANGERS: [&str; 16] = [
        "APIService",
        "Service",
        "Ingress",
        "TCPIngress",
        "UDPIngress",
        "RayService",
        "TLSService",
        "KService",
        "Services",
        "Deployments",
        "ServiceAccount",
        "ServiceEntry",
        "IngressRoute",
        "Mode",
        "Nodes",
        "Namespaces",
    ];
    /// Groups of others.
    const GROUPS: [&str; 8] = [
        "serving.knative.dev/v1",
        "networking.internal.knative.dev/v1alpha1",
        "apiregistration.k8s.io/v1",
        "configuration.konghq.com/v1beta1",
        "ray.io/v1",
        "metrics.k8s.io/v1beta1",
        "networking.istio.io/v1",
        "k8s.nginx.org/v1",
    ];

    /// In a foreign group every kind is right, above all one that has the name of ours.
    #[test]
    fn a_misspelling_is_one_only_in_its_own_group() {
        for group in GROUPS {
            for kind in STRANGERS.iter().copied().chain(KINDS.iter().map(|k| k.name)) {
                let ours = KINDS.iter().any(|k| k.name == kind);
                let wanted = if ours { Meaning::Namesake } else { Meaning::Other };
                assert_eq!(meaning(group, kind), wanted, "{group} {kind}");
            }
        }
    }

    /// Nothing is ever taken for a misspelling of itself, and one letter off at home is one.
    #[test]
    fn at_home_a_letter_off_is_told() {
        for known in KINDS {
            for version in known.old.iter().map(|(v, _)| *v).chain([known.version]) {
                assert_eq!(meaning(version, known.name), Meaning::Read, "{version}");
                for kind in [known.name.to_lowercase(), format!("{}e", known.name)] {
                    let found = meaning(version, &kind);
                    assert_eq!(found, Meaning::Misspelt(known.name), "{version} {kind}");
                }
            }
        }
        assert_eq!(meaning("networking.k8s.io/v1", "IngressClass"), Meaning::Other);
        // No group of somebody's own: a mistake in the version, which the typed reading names.
        assert_eq!(meaning("apps/v1", "Service"), Meaning::Read);
        assert_eq!(meaning("v1", "Deployment"), Meaning::Read);
    }
}
