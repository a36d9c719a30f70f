//! Knative Services (`serving.knative.dev`): what Knative's controllers make of one, a Deployment with a
//! Service and a PodAutoscaler.

use super::groups;
use crate::cluster::spec::ACTIVATOR;
use crate::input::text::tree::{Entry, Node, Value, parse_path};

/// Annotations of its autoscaler.
pub(crate) const PREFIX: &str = "autoscaling.knative.dev/";
/// What a Knative Service selects its pods by.
const LABEL: &str = "serving.knative.dev/service";
/// Where a container says no port.
const PORT: i64 = 8080;

fn entry(key: &str, node: Node) -> Entry {
    Entry { key: key.to_owned(), line: node.line, node }
}

fn map(line: u32, entries: Vec<(&str, Node)>) -> Node {
    let entries = entries.into_iter().map(|(key, node)| entry(key, node));
    Node::new(line, Value::Map(entries.collect()))
}

fn text(line: u32, text: &str) -> Node {
    Node::new(line, Value::Str(text.to_owned()))
}

/// A Knative Service, as far as it is read.
struct Made<'a> {
    line: u32,
    name: &'a str,
    namespace: Option<&'a Node>,
    /// Of its template: those of the autoscaler are among them.
    annotations: Option<&'a Node>,
}

/// The objects that are made of a Knative Service; None: it is something else. `notes`: what is left out.
pub fn made(root: &Node, notes: &mut Vec<String>) -> Option<Vec<Node>> {
    let version = root.get("apiVersion")?.as_str()?;
    let of_knative = groups::group_of(version) == "serving.knative.dev";
    if root.get("kind")?.as_str()? != "Service" || !of_knative {
        return None;
    }
    let metadata = root.get("metadata")?;
    let template = root.get("spec")?.get("template")?;
    let made = Made {
        line: root.line,
        name: metadata.get("name")?.as_str()?,
        namespace: metadata.get("namespace"),
        annotations: template.get("metadata").and_then(|m| m.get("annotations")),
    };
    let mut spec = template.get("spec")?.clone();
    let limit = spec.get("containerConcurrency").cloned();
    for key in ["containerConcurrency", "timeoutSeconds", "responseStartTimeoutSeconds"] {
        spec.remove(key);
    }
    spec.remove("idleTimeoutSeconds");
    let port = container(&mut spec);
    let shares = root.get("spec").and_then(|s| s.get("traffic")).map_or(0, |t| t.items().len());
    if shares > 1 {
        notes.push(format!("Knative Service {}: spec.traffic (all go to the template)", made.name));
    }
    Some(vec![made.deployment(spec), made.service(port), made.autoscaler(limit)])
}

impl Made<'_> {
    fn int(&self, number: i64) -> Node {
        Node::new(self.line, Value::Int(number))
    }

    fn text(&self, word: &str) -> Node {
        text(self.line, word)
    }

    fn map(&self, entries: Vec<(&str, Node)>) -> Node {
        map(self.line, entries)
    }

    fn labels(&self) -> Node {
        self.map(vec![(LABEL, self.text(self.name))])
    }

    /// An object of this kind with the Service's name.
    fn object(&self, (version, kind): (&str, &str), annotations: Option<Node>, spec: Node) -> Node {
        let mut metadata = vec![("name", self.text(self.name))];
        metadata.extend(self.namespace.map(|node| ("namespace", node.clone())));
        metadata.extend(annotations.map(|node| ("annotations", node)));
        self.map(vec![
            ("apiVersion", self.text(version)),
            ("kind", self.text(kind)),
            ("metadata", self.map(metadata)),
            ("spec", spec),
        ])
    }

    fn deployment(&self, pod_spec: Node) -> Node {
        let labelled = self.map(vec![("labels", self.labels())]);
        let template = self.map(vec![("metadata", labelled), ("spec", pod_spec)]);
        let rolling = self.map(vec![("maxUnavailable", self.int(0))]);
        let spec = self.map(vec![
            ("replicas", self.int(replicas(self.annotations))),
            ("selector", self.map(vec![("matchLabels", self.labels())])),
            ("strategy", self.map(vec![("rollingUpdate", rolling)])),
            ("template", template),
        ]);
        self.object(("apps/v1", "Deployment"), None, spec)
    }

    fn service(&self, port: i64) -> Node {
        let ports = self.map(vec![("port", self.int(80)), ("targetPort", self.int(port))]);
        let ports = Node::new(self.line, Value::List(vec![ports]));
        let spec = self.map(vec![("selector", self.labels()), ("ports", ports)]);
        let public = self.map(vec![(ACTIVATOR, self.text("Public"))]);
        self.object(("v1", "Service"), Some(public), spec)
    }

    fn autoscaler(&self, limit: Option<Node>) -> Node {
        let target = self.map(vec![
            ("apiVersion", self.text("apps/v1")),
            ("kind", self.text("Deployment")),
            ("name", self.text(self.name)),
        ]);
        let mut spec = vec![("scaleTargetRef", target)];
        spec.extend(limit.map(|node| ("containerConcurrency", node)));
        let kind = ("autoscaling.internal.knative.dev/v1alpha1", "PodAutoscaler");
        self.object(kind, self.annotations.cloned(), self.map(spec))
    }
}

/// Pods that a revision has at first: `initial-scale` (1), and no fewer than `min-scale`.
fn replicas(annotations: Option<&Node>) -> i64 {
    let number = |keys: [&str; 2]| {
        let found = annotations
            .map_or(&[][..], Node::entries)
            .iter()
            .find(|e| keys.iter().any(|key| e.key.strip_prefix(PREFIX) == Some(*key)))?;
        match &found.node.value {
            Value::Int(n) => Some(*n),
            other => Node::new(0, other.clone()).as_str()?.parse().ok(),
        }
    };
    let least = number(["min-scale", "minScale"]).unwrap_or(0);
    number(["initial-scale", "initialScale"]).unwrap_or(1).max(least).max(0)
}

/// Gives the container what Knative does where it says nothing; its port.
fn container(spec: &mut Node) -> i64 {
    let steps = parse_path("containers[0]");
    let first = steps.iter().try_fold(spec, |node, step| node.get_mut(step));
    let Some(container) = first else { return PORT };
    let line = container.line;
    let given = container.get("ports").and_then(|p| p.items().first()?.get("containerPort"));
    let port = match given.map(|n| &n.value) {
        Some(Value::Int(port)) => *port,
        _ => PORT,
    };
    let probed = container.get("readinessProbe").is_some();
    let named = container.get("name").is_some();
    if let Value::Map(entries) = &mut container.value {
        if !named {
            entries.push(entry("name", text(line, "user-container")));
        }
        if given_ports(entries) {
            let port = map(line, vec![("containerPort", Node::new(line, Value::Int(port)))]);
            entries.push(entry("ports", Node::new(line, Value::List(vec![port]))));
        }
        if !probed {
            let socket = map(line, vec![("port", Node::new(line, Value::Int(port)))]);
            let every = Node::new(line, Value::Int(1));
            let probe = map(line, vec![("tcpSocket", socket), ("periodSeconds", every)]);
            entries.push(entry("readinessProbe", probe));
        }
    }
    port
}

fn given_ports(entries: &[Entry]) -> bool {
    !entries.iter().any(|e| e.key == "ports")
}
