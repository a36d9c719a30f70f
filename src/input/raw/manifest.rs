//! Kubernetes manifests: from documents to typed objects.

use crate::input::bounds;
use crate::input::known::{self, LeftOut};
use crate::input::raw::groups::{self, Meaning, Old};
use crate::input::raw::owned;
use crate::input::raw::rollout::Rollout;
use crate::input::text::diagnostics::{Diagnostic, Diagnostics, misspelt};
use crate::input::text::tree::{Node, Step, Value, path_text, quoted};
use crate::input::text::typed::{self, Unknown};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Namespace, Node as ClusterNode, Pod, PodTemplateSpec, Service};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use std::collections::BTreeMap;

/// One Kubernetes object of the input.
#[derive(Clone, Debug)]
pub struct Document {
    /// Where it was read, for messages.
    pub file: String,
    /// As written (without status and managedFields), with overrides.
    pub root: Node,
    /// What it is.
    pub object: Object,
    /// Which argument it was given by.
    pub argument: usize,
    /// Applied by the action, not there at the start.
    pub update: bool,
    /// Keys nothing is known about, and that look like nothing known.
    pub unknown_keys: Vec<String>,
    /// Keys that are not simulated and can change the answer.
    pub left_out: Vec<LeftOut>,
    /// It was written for an API version of old.
    pub old: Option<Old>,
    /// The pods its status counts.
    pub running: Option<i64>,
}

/// The kinds that are read; the others only by name.
#[derive(Clone, Debug)]
pub enum Object {
    /// `apps/v1`.
    Deployment(Box<Deployment>),
    /// `apps/v1`.
    StatefulSet(Box<StatefulSet>),
    /// `apps/v1`.
    DaemonSet(Box<DaemonSet>),
    /// `apps/v1`, of no Deployment.
    ReplicaSet(Box<ReplicaSet>),
    /// `argoproj.io/v1alpha1`.
    Rollout(Box<Rollout>),
    /// `v1`, of nothing: as a template of itself.
    Pod(Box<PodTemplateSpec>),
    /// `v1`.
    Service(Box<Service>),
    /// `policy/v1`.
    PodDisruptionBudget(Box<PodDisruptionBudget>),
    /// `networking.k8s.io/v1`.
    Ingress(Box<Ingress>),
    /// `v1`.
    Node(Box<ClusterNode>),
    /// `v1`: its labels, which gates and balancers read.
    Namespace(Box<Namespace>),
    /// Recognised by its kind and otherwise left alone.
    Other { kind: String },
}

impl Document {
    /// Types the object in `root`.
    ///
    /// # Errors
    /// It is no Kubernetes object, a value has the wrong type, or a key looks like a misspelling.
    pub fn new(file: &str, mut root: Node, update: bool) -> Result<Document, Diagnostics> {
        let running = running(&root);
        let owned = owned::is_part_of_another(&root);
        drop_server_side(&mut root);
        let old = kind_of(file, &root).map(|kind| groups::renew(&mut root, &kind))?;
        let kind = kind_of(file, &root)?;
        if owned {
            let object = Object::Other { kind };
            let (file, unknown_keys, left_out) = (file.to_owned(), Vec::new(), Vec::new());
            let argument = 0;
            return Ok(Document {
                file,
                argument,
                root,
                object,
                update,
                unknown_keys,
                left_out,
                old,
                running,
            });
        }
        let Meant { object, unknown, left_out, .. } = typed_object(file, &root, &kind)?;
        let mut problems = Diagnostics::default();
        let mut unknown_keys = Vec::new();
        for key in unknown {
            match misspelling(file, &key) {
                Some(problem) => problems.push(problem),
                None => unknown_keys.push(format!("{} {}", kind, key.path)),
            }
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let (file, argument) = (file.to_owned(), 0);
        Ok(Document { file, argument, root, object, update, unknown_keys, left_out, old, running })
    }

    /// `metadata.name`; empty where there is none.
    pub fn name(&self) -> &str {
        self.metadata("name").unwrap_or("")
    }

    /// `metadata.namespace`, else `default`.
    pub fn namespace(&self) -> &str {
        self.metadata("namespace").unwrap_or("default")
    }

    fn metadata(&self, key: &str) -> Option<&str> {
        self.root.get("metadata")?.get(key)?.as_str().filter(|s| !s.is_empty())
    }

    /// As the document has it.
    pub fn kind(&self) -> &str {
        match &self.object {
            Object::Deployment(_) => "Deployment",
            Object::StatefulSet(_) => "StatefulSet",
            Object::DaemonSet(_) => "DaemonSet",
            Object::ReplicaSet(_) => "ReplicaSet",
            Object::Rollout(_) => "Rollout",
            Object::Pod(_) => "Pod",
            Object::Service(_) => "Service",
            Object::PodDisruptionBudget(_) => "PodDisruptionBudget",
            Object::Ingress(_) => "Ingress",
            Object::Node(_) => "Node",
            Object::Namespace(_) => "Namespace",
            Object::Other { kind } => kind,
        }
    }

    /// If the document is a Service.
    pub fn service(&self) -> Option<&Service> {
        match &self.object {
            Object::Service(s) => Some(s),
            _ => None,
        }
    }

    /// Labels of the pods it makes, for any kind with a pod template (and for bare pods).
    pub fn pod_labels(&self) -> BTreeMap<&str, &str> {
        let template = self.root.get("spec").and_then(|s| s.get("template"));
        let owner = if self.kind() == "Pod" { Some(&self.root) } else { template };
        let labels = owner.and_then(|o| o.get("metadata")).and_then(|m| m.get("labels"));
        let pairs = labels.map_or(&[][..], Node::entries).iter();
        pairs.filter_map(|e| e.node.as_str().map(|v| (e.key.as_str(), v))).collect()
    }

    /// A problem with the value at `path`.
    pub fn error(&self, path: &str, message: impl Into<String>) -> Diagnostic {
        let object = match self.name() {
            "" => self.kind().to_owned(),
            name => format!("{} {name}", self.kind()),
        };
        let message = format!("{} ({object})", message.into());
        let path = self.place_in_pod(path);
        Diagnostic::error(&self.file, message).at(self.root.line_of(path), path)
    }
}

/// `status.replicas`.
fn running(root: &Node) -> Option<i64> {
    match root.get("status")?.get("replicas")?.value {
        Value::Int(n) => Some(n),
        _ => None,
    }
}

/// What only the API server writes: it says nothing about the next rollout.
fn drop_server_side(root: &mut Node) {
    // What a node has, and what a VerticalPodAutoscaler recommends, is said there alone.
    let kind = root.get("kind").and_then(Node::as_str);
    if !matches!(kind, Some("Node" | "VerticalPodAutoscaler")) {
        root.remove("status");
    }
    if let Value::Map(entries) = &mut root.value
        && let Some(metadata) = entries.iter_mut().find(|e| e.key == "metadata")
    {
        for key in ["managedFields", "creationTimestamp", "ownerReferences", "deletionTimestamp"] {
            metadata.node.remove(key);
        }
    }
}

fn kind_of(file: &str, root: &Node) -> Result<String, Diagnostics> {
    let line = Some(root.line).filter(|&l| l > 0);
    if !root.is_map() {
        let mut error = Diagnostic::error(file, "this is no Kubernetes object").at(line, "");
        if matches!(root.value, Value::List(_)) {
            error.suggestion =
                Some("separate objects by lines of ---, or wrap them in kind: List".to_owned());
        }
        let error = error.found(root.to_string()).allowed("a mapping with apiVersion and kind");
        return Err(error.into());
    }
    let missing = |key: &str| {
        Diagnostic::error(
            file,
            format!("the key \"{key}\" is missing: this is no Kubernetes object"),
        )
        .at(line, "")
        .found(root.to_string())
    };
    let kind = root.get("kind").ok_or_else(|| missing("kind"))?;
    if root.get("apiVersion").is_none() {
        return Err(missing("apiVersion").into());
    }
    let text = kind.as_str().ok_or_else(|| {
        Diagnostic::error(file, "wrong kind of value")
            .at(Some(kind.line), "kind")
            .found(kind.to_string())
            .allowed("text, such as Deployment")
    })?;
    Ok(text.to_owned())
}

/// An object and what was found in it.
pub(crate) struct Meant {
    /// What it is.
    pub object: Object,
    /// Keys that its type does not have.
    pub unknown: Vec<Unknown>,
    /// Keys that are not simulated and can change the answer.
    pub left_out: Vec<LeftOut>,
    /// See [`typed::Typed`].
    pub ignored: Vec<String>,
}

pub(crate) fn typed_object(file: &str, root: &Node, kind: &str) -> Result<Meant, Diagnostics> {
    macro_rules! object {
        ($variant:ident) => {{
            let typed = typed::read(root, file).map_err(|e| in_object(*e, root, kind))?;
            let object = Object::$variant(Box::new(typed.value));
            let (unknown, left_out, ignored) = (typed.unknown, typed.left_out, typed.ignored);
            Meant { object, unknown, left_out, ignored }
        }};
    }
    let api_version = root.get("apiVersion").and_then(Node::as_str).unwrap_or("");
    match groups::meaning(api_version, kind) {
        Meaning::Read => bounds::object(file, root, kind)?,
        Meaning::Other => return Ok(by_keys(root, kind)),
        Meaning::Namesake => {
            let kind = format!("{kind} ({})", groups::group_of(api_version));
            return Ok(by_keys(root, &kind));
        }
        Meaning::Misspelt(close) => {
            let error = Diagnostic::error(file, format!("unknown kind {}", quoted(kind)))
                .at(root.line_of("kind"), "kind")
                .suggest(format!("did you mean \"{close}\"?"));
            return Err(error.into());
        }
    }
    Ok(match kind {
        "Deployment" => object!(Deployment),
        "StatefulSet" => object!(StatefulSet),
        "DaemonSet" => object!(DaemonSet),
        "ReplicaSet" => object!(ReplicaSet),
        "Rollout" => object!(Rollout),
        "Pod" => pod(root, file, kind)?,
        "Service" => object!(Service),
        "PodDisruptionBudget" => object!(PodDisruptionBudget),
        "Ingress" => object!(Ingress),
        "Node" => object!(Node),
        "Namespace" => object!(Namespace),
        _ => unreachable!("a kind that is read"),
    })
}

/// A pod, as the template that it could have been made from.
fn pod(root: &Node, file: &str, kind: &str) -> Result<Meant, Diagnostics> {
    let typed = typed::read::<Pod>(root, file).map_err(|e| in_object(*e, root, kind))?;
    let Pod { metadata, spec, .. } = typed.value;
    let template = PodTemplateSpec { metadata: Some(metadata), spec };
    Ok(Meant {
        object: Object::Pod(Box::new(template)),
        unknown: typed.unknown,
        left_out: typed.left_out,
        ignored: typed.ignored,
    })
}

/// An object without a type here: some kinds are read by their keys.
fn by_keys(root: &Node, kind: &str) -> Meant {
    let keys = known::in_tree(kind, root);
    let unknown = |path: String| Unknown { key: path.clone(), line: 0, path, known: &[] };
    let unknown = keys.unknown.into_iter().map(unknown).collect();
    Meant {
        object: Object::Other { kind: kind.to_owned() },
        unknown,
        left_out: keys.left_out,
        ignored: Vec::new(),
    }
}

/// Whether an object, or a list of them, is of a kind that is read.
pub(crate) fn is_simulated(root: &Node) -> bool {
    let text = |key: &str| root.get(key).and_then(Node::as_str).unwrap_or("");
    let kind = text("kind");
    kind == "List" || groups::meaning(text("apiVersion"), kind) == Meaning::Read
}

/// Says which object an error of the typed parse concerns.
fn in_object(mut error: Diagnostic, root: &Node, kind: &str) -> Diagnostic {
    let name = root.get("metadata").and_then(|m| m.get("name")).and_then(Node::as_str);
    error.message = match name {
        Some(name) => format!("{} ({kind} {name})", error.message),
        None => format!("{} ({kind})", error.message),
    };
    let written = root.get("apiVersion").and_then(Node::as_str).map(quoted);
    if error.path.is_empty() && error.found.is_some() && error.found == written {
        error.path = "apiVersion".to_owned();
        error.line = root.line_of("apiVersion");
        error.suggestion =
            error.allowed.as_ref().map(|v| format!("clusters since v1.25 only know {v}"));
    }
    error
}

/// Where keys belong that are often put at the wrong level.
const HOMES: &[(&str, &str)] = &[
    ("replicas", "spec"),
    ("minReadySeconds", "spec"),
    ("progressDeadlineSeconds", "spec"),
    ("revisionHistoryLimit", "spec"),
    ("strategy", "spec"),
    ("rollingUpdate", "spec.strategy"),
    ("maxSurge", "spec.strategy.rollingUpdate"),
    ("maxUnavailable", "spec.strategy.rollingUpdate"),
    ("terminationGracePeriodSeconds", "spec.template.spec"),
    ("readinessGates", "spec.template.spec"),
    ("topologySpreadConstraints", "spec.template.spec"),
    ("affinity", "spec.template.spec"),
    ("containers", "spec.template.spec"),
    ("initContainers", "spec.template.spec"),
    ("readinessProbe", "spec.template.spec.containers[]"),
    ("livenessProbe", "spec.template.spec.containers[]"),
    ("startupProbe", "spec.template.spec.containers[]"),
    ("lifecycle", "spec.template.spec.containers[]"),
    ("preStop", "spec.template.spec.containers[].lifecycle"),
    ("postStart", "spec.template.spec.containers[].lifecycle"),
    ("publishNotReadyAddresses", "spec"),
    ("externalTrafficPolicy", "spec"),
];

/// An error for an unknown key that looks like a misspelt or misplaced known one.
fn misspelling(file: &str, unknown: &Unknown) -> Option<Diagnostic> {
    let error = Diagnostic::error(file, format!("unknown key {}", quoted(&unknown.key)))
        .at((unknown.line > 0).then_some(unknown.line), unknown.path.clone());
    if let Some(known) = misspelt(&unknown.key, unknown.known.iter().copied()) {
        return Some(error.suggest(format!("did you mean \"{known}\"?")));
    }
    let (key, home) = HOMES.iter().find(|(key, _)| *key == unknown.key)?;
    Some(error.suggest(format!("\"{key}\" belongs under {home}")))
}

/// The objects in one document: those inside, if it is a list.
///
/// # Errors
/// A `kind: List` whose items are no list.
pub fn expand(file: &str, root: Node) -> Result<Vec<Node>, Diagnostics> {
    let is_list = root
        .get("kind")
        .and_then(Node::as_str)
        .is_some_and(|k| k == "List" || (k.ends_with("List") && root.get("items").is_some()));
    if !is_list {
        return Ok(vec![root]);
    }
    let entries = if let Value::Map(entries) = root.value { entries } else { Vec::new() };
    let Some(items) = entries.into_iter().find(|e| e.key == "items").map(|e| e.node) else {
        return Err(Diagnostic::error(file, "a List without items").at(Some(root.line), "").into());
    };
    match items.value {
        Value::List(items) => Ok(items.into_iter().filter(|i| !i.is_null()).collect()),
        Value::Null => Ok(Vec::new()),
        value => {
            let path = path_text(&[Step::Key("items".to_owned())]);
            let error = Diagnostic::error(file, "wrong kind of value").at(Some(items.line), path);
            let found = Node::new(items.line, value).to_string();
            Err(error.found(found).allowed("a list of objects").into())
        }
    }
}
