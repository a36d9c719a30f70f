//! Where a setting's path leads: the value that stands there now, and the object and field for a patch.

use crate::input::cards::{Card, CardKind, Scalar};
use crate::input::edit::friendly;
use crate::input::edit::insert::HANDLERS;
use crate::input::edit::place::{SHORT_OTHER, deployment_path, is_workload_kind};
use crate::input::edit::set::KINDS;
use crate::input::given::Input;
use crate::input::raw::manifest::{Document, typed_object};
use crate::input::subject;
use crate::input::text::tree::{Node, Step, Value, key_of, parse_path, path_text};

/// A field of a Kubernetes object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Of the object that holds it.
    pub api_version: String,
    /// Of the object that holds it.
    pub kind: String,
    /// Of the object that holds it.
    pub name: String,
    /// Of the object that holds it; None: not given.
    pub namespace: Option<String>,
    /// From the object to the field.
    pub steps: Vec<FieldStep>,
    /// Fields that cannot stand beside it, such as another handler of the same hook: from the object to each.
    pub replaces: Vec<Vec<FieldStep>>,
}

/// What applies where nobody says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultOf {
    /// As `--set` takes it.
    pub value: String,
    /// What it counts; empty: nothing.
    pub unit: String,
    /// Where it is from.
    pub source: String,
}

/// Fields of a Deployment, and where their default stands among Kubernetes' own numbers.
const NUMBERS: [(&str, &str); 12] = [
    ("spec.replicas", "replicas"),
    ("spec.minReadySeconds", "min_ready_seconds"),
    ("spec.progressDeadlineSeconds", "progress_deadline_seconds"),
    ("spec.revisionHistoryLimit", "revision_history_limit"),
    ("rollingUpdate.maxSurge", "max_surge_percent"),
    ("rollingUpdate.maxUnavailable", "max_unavailable_percent"),
    ("spec.terminationGracePeriodSeconds", "termination_grace_period_seconds"),
    ("Probe.initialDelaySeconds", "probe_initial_delay_seconds"),
    ("Probe.periodSeconds", "probe_period_seconds"),
    ("Probe.timeoutSeconds", "probe_timeout_seconds"),
    ("Probe.successThreshold", "probe_success_threshold"),
    ("Probe.failureThreshold", "probe_failure_threshold"),
];

/// The same where the default is a word.
const WORDS: [(&str, &str); 9] = [
    ("updateStrategy.type", "RollingUpdate"),
    ("updateStrategy.rollingUpdate.maxSurge", "0"),
    ("updateStrategy.rollingUpdate.maxUnavailable", "1"),
    ("updateStrategy.rollingUpdate.partition", "0"),
    ("spec.podManagementPolicy", "OrderedReady"),
    ("strategy.type", "RollingUpdate"),
    ("spec.publishNotReadyAddresses", "false"),
    ("spec.externalTrafficPolicy", "Cluster"),
    ("spec.sessionAffinity", "None"),
];

/// What Kubernetes takes where a field of a Deployment or Service is not set.
pub(crate) fn default_of(field: &str) -> Option<DefaultOf> {
    if let Some((_, word)) = WORDS.iter().find(|(known, _)| field.ends_with(known)) {
        let source = "the API server".to_owned();
        return Some(DefaultOf { value: (*word).to_owned(), unit: String::new(), source });
    }
    let (_, key) = NUMBERS.iter().find(|(known, _)| field.ends_with(known))?;
    let card = Card::embedded(CardKind::Kubernetes, "kubernetes").ok()?;
    let entry = card.numbers.into_iter().find(|n| n.key == *key)?.entry;
    let Some(Scalar::Number(value)) = entry.value else { return None };
    let unit = entry.unit.unwrap_or_default();
    let percent = if unit == "%" { "%" } else { "" };
    let unit = if unit == "%" { String::new() } else { unit };
    Some(DefaultOf { value: format!("{value}{percent}"), unit, source: entry.source })
}

/// The steps with elements of lists by their number, not by their name.
fn by_number(root: &Node, steps: &[Step]) -> Vec<Step> {
    let mut node = Some(root);
    let mut numbered = Vec::new();
    for step in steps {
        let named = |n: &Node| n.get("name").and_then(Node::as_str) == Some(key_of(step));
        let index = node.and_then(|n| n.items().iter().position(named));
        let step = index.map_or(step.clone(), Step::Index);
        node = match &step {
            Step::Index(i) => node.and_then(|n| n.items().get(*i)),
            Step::Key(key) => node.and_then(|n| n.get(key)),
        };
        numbered.push(step);
    }
    numbered
}

/// One step towards a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldStep {
    /// The value of this key.
    Key(String),
    /// The list element with this `name`.
    Named(String),
}

impl Input {
    /// The value that a path as for [`set`](Input::set) leads to now, as text; None: nothing is set there
    /// (a default applies), or it is no single value.
    pub fn value_at(&self, path: &str) -> Option<String> {
        let path = friendly::path(path);
        let node = match self.document_of(path) {
            Some((document, steps)) => find(&document.root, &steps)?,
            None => find(&self.case_root, &parse_path(path))?,
        };
        match &node.value {
            Value::Bool(b) => Some(b.to_string()),
            Value::Int(i) => Some(i.to_string()),
            Value::Float(x) => Some(x.to_string()),
            Value::Str(s) => Some(s.clone()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The file and line of what a path leads to, else of the nearest thing above it that is there; of the
    /// Deployment, where the path leads to nothing in a manifest.
    pub fn place_of(&self, path: &str) -> Option<(&str, u32)> {
        let (document, steps) = self.document_of(path).or_else(|| {
            let subject = subject::choose(self).ok()?;
            let document = &self.documents[subject.update.unwrap_or(subject.deployment)];
            Some((document, Vec::new()))
        })?;
        let (mut node, mut line) = (&document.root, document.root.line);
        for step in &steps {
            let key = node.entries().iter().find(|entry| entry.key == key_of(step));
            let Some(next) = child(node, step) else { break };
            line = key.map_or(next.line, |entry| entry.line);
            node = next;
        }
        Some((&document.file, line.max(1)))
    }

    /// What applies where nothing is set at a path; None: that is no single value, or not Kubernetes' to say.
    pub fn default_at(&self, path: &str) -> Option<String> {
        let path = friendly::path(path);
        let (document, steps) = self.document_of(path)?;
        let [.., parent, last] = &steps[..] else { return None };
        // Of a probe that is not there no part applies.
        if key_of(parent).ends_with("Probe") {
            find(&document.root, &steps[..steps.len() - 1])?;
        }
        let above = steps.iter().rev().nth(2).map_or("", key_of);
        default_of(&format!("{above}.{}.{}", key_of(parent), key_of(last))).map(|d| d.value)
    }

    /// The field of a Kubernetes object that a path leads to; None: it leads into the scenario or a card.
    pub fn field_at(&self, path: &str) -> Option<Field> {
        let path = friendly::path(path);
        let (document, steps) = self.document_of(path)?;
        let text = |key: &str| document.root.get(key).and_then(Node::as_str).map(str::to_owned);
        let namespace = document.root.get("metadata")?.get("namespace");
        Some(Field {
            api_version: text("apiVersion")?,
            kind: document.kind().to_owned(),
            name: document.name().to_owned(),
            namespace: namespace.and_then(Node::as_str).map(str::to_owned),
            steps: named(&document.root, &steps)?,
            replaces: replaced(&document.root, &steps),
        })
    }

    /// Why a path that leads into an object changes nothing: nobody simulates the field.
    pub(crate) fn ignored_field(&self, path: &str) -> Option<String> {
        let (document, steps) = self.document_of(path)?;
        let text = path_text(&by_number(&document.root, &steps));
        let ignored = typed_object("", &document.root, document.kind()).ok()?.ignored;
        let inside = |above: &&String| text == **above || text.starts_with(&format!("{above}."));
        let field = ignored.iter().find(inside)?;
        Some(format!("{field} is not simulated: see models/keys/fields.toml"))
    }

    /// The object that a path leads into (of a Deployment with an update: the update, which stays), and the
    /// steps inside it.
    fn document_of(&self, path: &str) -> Option<(&Document, Vec<Step>)> {
        let steps = parse_path(path);
        let first = key_of(steps.first()?);
        let word = KINDS.iter().find(|(word, _)| *word == first);
        let kind = match word {
            Some((_, kind)) => *kind,
            None if ["platform", "scheduler", "nodes"].contains(&first) => return None,
            None => {
                SHORT_OTHER.iter().find(|(s, ..)| *s == first).map_or("Deployment", |(_, k, _)| *k)
            }
        };
        let rest = if word.is_some() { steps.get(1..)? } else { &steps[..] };
        let subject = subject::choose(self).ok();
        let subject = subject.filter(|s| {
            let own = self.documents[s.deployment].kind();
            word.is_none_or(|(w, _)| *w == "update") && is_workload_kind(kind) || own == kind
        });
        if let Some(subject) = subject {
            let document = &self.documents[subject.update.unwrap_or(subject.deployment)];
            return Some((document, deployment_path(self, document, rest)?));
        }
        let mut long = rest.to_vec();
        if let Some((_, _, home)) =
            SHORT_OTHER.iter().find(|(s, ..)| rest.first().is_some_and(|r| key_of(r) == *s))
        {
            long = parse_path(home);
            long.extend(rest.iter().cloned());
        }
        let mut same_kind = self.documents.iter().filter(|d| d.kind() == kind);
        let document = same_kind.next()?;
        // Several objects: the path sets them all, so that no single field stands for it.
        same_kind.next().is_none().then_some((document, long))
    }
}

fn find<'a>(root: &'a Node, steps: &[Step]) -> Option<&'a Node> {
    steps.iter().try_fold(root, |node, step| child(node, step))
}

fn child<'a>(node: &'a Node, step: &Step) -> Option<&'a Node> {
    match (&node.value, step) {
        (Value::List(items), Step::Index(i)) => items.get(*i),
        (Value::List(items), Step::Key(name)) => {
            items.iter().find(|n| n.get("name").and_then(Node::as_str) == Some(name))
        }
        (_, Step::Key(key)) => node.get(key),
        (_, Step::Index(_)) => None,
    }
}

/// Handlers in the way of the one that the steps lead through.
fn replaced(root: &Node, steps: &[Step]) -> Vec<Vec<FieldStep>> {
    let mut found = Vec::new();
    for (i, step) in steps.iter().enumerate().filter(|(_, s)| HANDLERS.contains(&key_of(s))) {
        let Some(node) = find(root, &steps[..i]) else { break };
        for other in HANDLERS.iter().filter(|h| **h != key_of(step) && node.get(h).is_some()) {
            let mut path = steps[..i].to_vec();
            path.push(Step::Key((*other).to_owned()));
            found.extend(named(root, &path));
        }
    }
    found
}

/// The steps with list elements by name; None: an element has none, and a patch could not find it.
fn named(root: &Node, steps: &[Step]) -> Option<Vec<FieldStep>> {
    let mut node = Some(root);
    let mut found = Vec::new();
    for step in steps {
        let next = node.and_then(|n| child(n, step));
        let in_list = node.is_some_and(|n| matches!(n.value, Value::List(_)));
        found.push(match step {
            Step::Key(key) if !in_list => FieldStep::Key(key.clone()),
            _ => FieldStep::Named(next?.get("name")?.as_str()?.to_owned()),
        });
        node = next;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Source;

    const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: app
        image: registry.example/web:v1
        lifecycle: {preStop: {exec: {command: [sleep, '5']}}}
        readinessProbe: {tcpSocket: {port: 80}}
";

    fn input() -> Input {
        Input::load(&[Source::Text { name: "web.yaml".into(), text: WEB.into() }]).unwrap()
    }

    #[test]
    fn what_stands_there_and_what_applies() {
        let input = input();
        let value = |path: &str| input.value_at(path);
        assert_eq!(value("replicas").as_deref(), Some("3"));
        assert_eq!(value("terminationGracePeriodSeconds"), None);
        assert_eq!(value("preStop.sleep.seconds"), None);
        let default = |path: &str| input.default_at(path);
        assert_eq!(default("terminationGracePeriodSeconds").as_deref(), Some("30"));
        assert_eq!(default("maxSurge").as_deref(), Some("25%"));
        assert_eq!(default("strategy.type").as_deref(), Some("RollingUpdate"));
        assert_eq!(default("readinessProbe.periodSeconds").as_deref(), Some("10"));
        assert_eq!(default("startupProbe.periodSeconds"), None, "there is no such probe");
        assert_eq!(default("preStop.sleep.seconds"), None);
        assert_eq!(default("traffic.rate_per_s"), None);
    }

    /// A hook has one handler: a patch that sets another must take this one away.
    #[test]
    fn what_cannot_stand_beside_it() {
        let field = input().field_at("preStop.sleep.seconds").unwrap();
        let step = |key: &str| FieldStep::Key(key.into());
        let path = &field.replaces[0];
        assert_eq!(field.replaces.len(), 1);
        assert_eq!(path[path.len() - 2..], [step("preStop"), step("exec")]);
        assert!(path.contains(&FieldStep::Named("app".into())));
        let field = input().field_at("readinessProbe.periodSeconds").unwrap();
        assert!(field.replaces.is_empty());
    }
}
