//! Knative Services (`serving.knative.dev`): what Knative's controllers make of one, a Deployment with a
//! Service and a PodAutoscaler.

use super::groups;
use crate::cluster::spec::ACTIVATOR;
use crate::engine::Dur;
use crate::input::cards;
use crate::input::text::tree::{Entry, Node, Step, Value};

/// Annotations of its autoscaler.
pub(crate) const PREFIX: &str = "autoscaling.knative.dev/";
/// What a Knative Service selects its pods by.
pub(crate) const LABEL: &str = "serving.knative.dev/service";
/// Which revision a pod is of.
pub(crate) const REVISION: &str = "serving.knative.dev/revision";
/// On the Deployment: what the Service's `spec.traffic` says, as `latest=10 web-00001=90`.
pub(crate) const TRAFFIC: &str = "serving.knative.dev/traffic";
/// Stands there for `latestRevision: true`. Names of revisions begin with that of their Service.
pub(crate) const LATEST: &str = "latest";
/// On the Service, and here on the Deployment: requests move to a new revision bit by bit, over so long.
pub(crate) const GRADUAL: &str = "serving.knative.dev/rollout-duration";
/// On the Deployment: the name that the template gives its revision.
pub(crate) const NAMED: &str = "serving.knative.dev/revision-name";
/// Where a container says no port.
const PORT: i64 = 8080;
/// The name of a container that says none.
const USER: &str = "user-container";

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
    /// The name that its template gives the revision.
    revision: Option<&'a Node>,
    /// Which revisions its route leads to.
    traffic: Option<Node>,
    /// How long requests take to move.
    gradual: Option<&'a Node>,
}

/// Whether an object is one of those that are made of a Knative Service.
pub fn is_made(root: &Node) -> bool {
    let annotations = root.get("metadata").and_then(|m| m.get("annotations"));
    let version = root.get("apiVersion").and_then(Node::as_str).unwrap_or("");
    let scales = groups::group_of(version) == "autoscaling.internal.knative.dev";
    scales || annotations.is_some_and(|a| a.get(ACTIVATOR).is_some())
}

/// The objects that are made of a Knative Service; None: it is something else.
pub fn made(root: &Node) -> Option<Vec<Node>> {
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
        revision: template.get("metadata").and_then(|m| m.get("name")),
        traffic: traffic(root),
        gradual: metadata.get("annotations").and_then(|a| a.get(GRADUAL)),
    };
    let mut spec = template.get("spec")?.clone();
    let limit = spec.get("containerConcurrency").cloned();
    let timeout = spec.get("timeoutSeconds").filter(|n| !n.is_null()).cloned();
    for key in ["containerConcurrency", "timeoutSeconds", "responseStartTimeoutSeconds"] {
        spec.remove(key);
    }
    spec.remove("idleTimeoutSeconds");
    let port = containers(&mut spec);
    drain(&mut spec, timeout);
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
        let mut notes: Vec<(&str, Node)> = Vec::new();
        notes.extend(self.revision.map(|name| (NAMED, name.clone())));
        notes.extend(self.traffic.clone().map(|traffic| (TRAFFIC, traffic)));
        notes.extend(self.gradual.map(|duration| (GRADUAL, duration.clone())));
        let notes = (!notes.is_empty()).then(|| self.map(notes));
        self.object(("apps/v1", "Deployment"), notes, spec)
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

/// `spec.traffic` in one line: who gets how many per cent. Tags alone get none.
fn traffic(root: &Node) -> Option<Node> {
    let given = root.get("spec")?.get("traffic").filter(|given| !given.items().is_empty())?;
    let share = |entry: &Node| {
        let name = entry.get("revisionName").and_then(Node::as_str).filter(|n| !n.is_empty());
        let percent = entry.get("percent").filter(|n| !n.is_null());
        let percent = percent.map_or_else(|| "0".to_owned(), Node::to_string);
        format!("{}={percent}", name.unwrap_or(LATEST))
    };
    let shares: Vec<String> = given.items().iter().map(share).collect();
    Some(text(given.line, &shares.join(" ")))
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

/// A pod that is to end serves on until nobody should send it anything any more; its containers are told to
/// stop after that. All of it has the time of a request: the hook asks the queue proxy and ends with that.
///
/// `pkg/reconciler/revision/resources/deploy.go: userLifecycle`, `BuildPodSpec`.
fn drain(spec: &mut Node, timeout: Option<Node>) {
    let (line, defaults) = (spec.line, cards::kubernetes());
    let seconds = |d: Dur| Node::new(line, Value::Int(d.as_secs_f64() as i64));
    let drains = match timeout.as_ref().map(|node| &node.value) {
        Some(Value::Int(grace)) => defaults.queue_proxy_drain.min(Dur::from_secs((*grace).max(0))),
        _ => defaults.queue_proxy_drain,
    };
    for container in of_list(spec, "containers") {
        let sleep = map(line, vec![("seconds", seconds(drains))]);
        let hook = map(line, vec![("sleep", sleep)]);
        if let Some(place) = container.entry_mut("lifecycle") {
            *place = map(line, vec![("preStop", hook)]);
        }
    }
    if let Some(place) = spec.entry_mut("terminationGracePeriodSeconds") {
        *place = timeout.unwrap_or_else(|| seconds(defaults.revision_timeout));
    }
}

/// Gives each container what Knative does where it says nothing; the port of the one that serves.
///
/// `pkg/apis/serving/v1/revision_defaults.go`.
fn containers(spec: &mut Node) -> i64 {
    let given = spec.get("containers").map_or(&[][..], Node::items);
    let serving = given.iter().position(|c| c.get("ports").is_some()).unwrap_or(0);
    let alone = given.len() == 1;
    let port = given.get(serving).map_or(PORT, port_of);
    for (i, container) in of_list(spec, "containers").iter_mut().enumerate() {
        let name = if alone { USER.to_owned() } else { format!("{USER}-{i}") };
        settle(container, name, (i == serving).then_some(port));
    }
    for (i, container) in of_list(spec, "initContainers").iter_mut().enumerate() {
        settle(container, format!("init-container-{i}"), None);
    }
    port
}

/// The entries of a list of the pod's spec.
fn of_list<'a>(spec: &'a mut Node, key: &str) -> &'a mut [Node] {
    let list = spec.get_mut(&Step::Key(key.to_owned()));
    match list.map(|node| &mut node.value) {
        Some(Value::List(items)) => items,
        _ => &mut [],
    }
}

/// The first port that a container declares.
fn port_of(container: &Node) -> i64 {
    let first = container.get("ports").and_then(|p| p.items().first()?.get("containerPort"));
    match first.map(|n| &n.value) {
        Some(Value::Int(port)) => *port,
        _ => PORT,
    }
}

/// One container; `port`: it serves there.
fn settle(container: &mut Node, name: String, port: Option<i64>) {
    let line = container.line;
    let int = |number| Node::new(line, Value::Int(number));
    let lacks = |key: &str, container: &Node| container.get(key).is_none_or(Node::is_null);
    let give = |key: &str, node: Node, container: &mut Node| {
        if lacks(key, container)
            && let Some(place) = container.entry_mut(key)
        {
            *place = node;
        }
    };
    give("name", text(line, &name), container);
    if let Some(port) = port {
        let ports =
            Node::new(line, Value::List(vec![map(line, vec![("containerPort", int(port))])]));
        give("ports", ports, container);
        let socket = map(line, vec![("port", int(port))]);
        let probe = map(line, vec![("tcpSocket", socket), ("periodSeconds", int(1))]);
        give("readinessProbe", probe, container);
    }
    let asked = port.unwrap_or_else(|| port_of(container));
    for key in ["readinessProbe", "livenessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(&Step::Key(key.to_owned())) {
            settle_probe(probe, asked);
        }
    }
}

/// A probe asks the port that the container has, by TCP where it says no more; a period of 0 is as often as
/// the queue proxy can, here once a second.
fn settle_probe(probe: &mut Node, port: i64) {
    let line = probe.line;
    let handlers = ["httpGet", "tcpSocket", "grpc", "exec"];
    if handlers.iter().all(|key| probe.get(key).is_none())
        && let Some(place) = probe.entry_mut("tcpSocket")
    {
        *place = Node::new(line, Value::Map(Vec::new()));
    }
    for handler in ["httpGet", "tcpSocket"] {
        let Some(handler) = probe.get_mut(&Step::Key(handler.to_owned())) else { continue };
        if matches!(handler.get("port").map(|n| &n.value), None | Some(Value::Null | Value::Int(0)))
            && let Some(place) = handler.entry_mut("port")
        {
            *place = Node::new(line, Value::Int(port));
        }
    }
    if probe.get("periodSeconds").is_some_and(|n| n.value == Value::Int(0)) {
        probe.remove("periodSeconds");
        if let Some(place) = probe.entry_mut("periodSeconds") {
            *place = Node::new(line, Value::Int(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::text::yaml;

    fn pod(template: &str) -> Node {
        let text = format!(
            "{{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {{name: web}}, spec: {{template: \
             {{spec: {template}}}}}}}"
        );
        let (roots, _) = yaml::parse_all(&text).expect("read");
        let made = made(&roots[0]).expect("it is one");
        let spec = made[0].get("spec").and_then(|s| s.get("template")).and_then(|t| t.get("spec"));
        spec.expect("a Deployment").clone()
    }

    fn at<'a>(node: &'a Node, path: &str) -> Option<&'a Value> {
        let step = |node: &'a Node, key: &str| match key.parse::<usize>() {
            Ok(index) => node.items().get(index),
            Err(_) => node.get(key),
        };
        path.split('.').try_fold(node, step).map(|n| &n.value)
    }

    #[test]
    fn what_a_container_leaves_out_is_as_knative_has_it() {
        let pod = pod("{containers: [{image: side}, {image: web, ports: [{containerPort: 8881}], \
                       livenessProbe: {httpGet: {path: /}}, readinessProbe: {periodSeconds: 0}}], \
                       initContainers: [{image: first}]}");
        let is =
            |path: &str, text: &str| assert_eq!(at(&pod, path), Some(&Value::Str(text.into())));
        is("containers.0.name", "user-container-0");
        is("containers.1.name", "user-container-1");
        is("initContainers.0.name", "init-container-0");
        assert_eq!(at(&pod, "containers.0.readinessProbe"), None);
        let port = Some(&Value::Int(8881));
        assert_eq!(at(&pod, "containers.1.livenessProbe.httpGet.port"), port);
        assert_eq!(at(&pod, "containers.1.readinessProbe.tcpSocket.port"), port);
        assert_eq!(at(&pod, "containers.1.readinessProbe.periodSeconds"), Some(&Value::Int(1)));
    }

    #[test]
    fn the_time_of_a_request_is_that_of_an_end() {
        let hook = "containers.0.lifecycle.preStop.sleep.seconds";
        for (given, drains, grace) in
            [("timeoutSeconds: 10, ", 10, 10), ("timeoutSeconds: 90, ", 30, 90), ("", 30, 300)]
        {
            let pod = pod(&format!("{{{given}containers: [{{image: web}}]}}"));
            assert_eq!(at(&pod, hook), Some(&Value::Int(drains)), "{given}");
            assert_eq!(
                at(&pod, "terminationGracePeriodSeconds"),
                Some(&Value::Int(grace)),
                "{given}"
            );
        }
    }

    #[test]
    fn a_container_alone_serves_on_8080() {
        let pod = pod("{containers: [{image: web}]}");
        let port = Some(&Value::Int(8080));
        assert_eq!(at(&pod, "containers.0.ports.0.containerPort"), port);
        assert_eq!(at(&pod, "containers.0.readinessProbe.tcpSocket.port"), port);
        assert_eq!(at(&pod, "containers.0.name"), Some(&Value::Str("user-container".into())));
    }
}
