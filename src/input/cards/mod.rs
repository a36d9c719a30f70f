//! Model cards: TOML files of numbers, each with its unit, range and source. Embedded in the binary; a path
//! takes the place of a name to use one's own.

mod defaults;
mod embedded;
mod known;
mod scalar;
mod show;
mod vary;

pub use defaults::kubernetes;
pub use embedded::EMBEDDED;
pub use scalar::Scalar;
pub use show::show;

use crate::engine::Dist;
use crate::input::raw::case::KubernetesCase;
use crate::input::text::checks;
use crate::input::text::diagnostics::{Diagnostic, Diagnostics, did_you_mean};
use crate::input::text::tree::{Node, Value};
use crate::input::text::{toml_text, typed};
use crate::model::platform::Platform;
use crate::scenario::Assumption;
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// What a card is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardKind {
    /// Latencies of a cluster.
    Platform,
    /// How a process starts, serves and stops.
    App,
    /// Numbers of one kind of data plane.
    Balancer,
    /// Kubernetes' own defaults.
    Kubernetes,
    /// Weights and limits of kube-scheduler.
    Scheduler,
    /// How clients keep connections and come back.
    Client,
}

/// One card, its base merged in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    /// What it is about.
    pub kind: CardKind,
    /// By which it is asked for.
    pub name: String,
    /// One sentence on what it holds.
    pub about: String,
    /// Where it was read from, for messages.
    #[serde(skip)]
    pub file: String,
    /// Versions of the cluster that it describes, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<KubernetesVersions>,
    /// Names of the measured cases that its numbers were fitted to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fitted_to: Vec<String>,
    /// Its entries, in the order of the file.
    pub numbers: Vec<Number>,
    /// The document, edited by overrides.
    #[serde(skip)]
    root: Node,
    #[serde(skip)]
    pub(crate) lowered: Lowered,
}

/// Versions of the parts of a cluster, as written ("1.34").
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KubernetesVersions {
    /// Such as `1.36`.
    pub control_plane: Option<String>,
    /// Such as `1.36`.
    pub kubelet: Option<String>,
    /// Such as `1.36`.
    pub kube_proxy: Option<String>,
}

/// One number (or word) of a card.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Number {
    /// Its name.
    pub key: String,
    /// What the card says of it.
    #[serde(flatten)]
    pub entry: NumberEntry,
}

/// What a card says about one number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberEntry {
    /// What it is, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// A single value, or
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Scalar>,
    /// a distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dist: Option<Dist>,
    /// Such as `s`; None: no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Lowest and highest sensible typical value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<(f64, f64)>,
    /// Where the number is from.
    pub source: String,
    /// Not measured and not documented: a guess.
    #[serde(default)]
    pub assumed: bool,
    /// How many measurements it was fitted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<u32>,
    /// How well the distribution fits them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<GoodnessOfFit>,
}

/// A fit to measurements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoodnessOfFit {
    /// Family of distributions.
    pub family: String,
    /// Kolmogorov-Smirnov distance between measurements and distribution.
    pub statistic: f64,
}

#[derive(Deserialize)]
struct Head {
    schema: u32,
    kind: CardKind,
    name: String,
    about: String,
    kubernetes: Option<KubernetesCase>,
    #[serde(default)]
    fitted_to: Vec<String>,
}

const HEAD_KEYS: [&str; 7] = ["schema", "kind", "name", "about", "base", "kubernetes", "fitted_to"];

impl Card {
    /// An embedded card.
    ///
    /// # Errors
    /// No card of that kind has this name.
    pub fn embedded(kind: CardKind, name: &str) -> Result<Card, Diagnostics> {
        let found = EMBEDDED.iter().find(|(k, n, _)| *k == kind && *n == name);
        let Some((_, _, text)) = found else {
            let names = EMBEDDED.iter().filter(|(k, ..)| *k == kind).map(|(_, n, _)| *n);
            let mut error = Diagnostic::error("", format!("there is no {kind} card \"{name}\""))
                .allowed(format!(
                    "{}, or a path to a file",
                    names.clone().collect::<Vec<_>>().join(", ")
                ));
            error.suggestion = did_you_mean(name, names).map(|n| format!("did you mean \"{n}\"?"));
            return Err(error.into());
        };
        Card::parse_at(kind, &format!("card {name}"), text, 0)
    }

    /// A card without entries.
    pub(crate) fn empty(kind: CardKind) -> Card {
        Card {
            kind,
            name: String::new(),
            about: String::new(),
            file: String::new(),
            kubernetes: None,
            fitted_to: Vec::new(),
            numbers: Vec::new(),
            root: Node::empty_map(),
            lowered: Lowered::default(),
        }
    }

    /// Reads a card of the given kind.
    ///
    /// # Errors
    /// What is wrong in the text.
    pub fn parse(kind: CardKind, file: &str, text: &str) -> Result<Card, Diagnostics> {
        let card = Card::parse_at(kind, file, text, 0)?;
        known::check(kind, file, &card.root)?;
        Ok(card)
    }

    fn parse_at(kind: CardKind, file: &str, text: &str, depth: u32) -> Result<Card, Diagnostics> {
        let mut root = toml_text::parse(text).map_err(|e| e.into_diagnostic(file))?;
        if let Some(base) = root.get("base").cloned() {
            let name = base.as_str().filter(|_| depth < 4).ok_or_else(|| {
                Diagnostic::error(file, "base must name an embedded card")
                    .at(Some(base.line), "base")
                    .found(base.to_string())
            })?;
            let known = EMBEDDED.iter().find(|(k, n, _)| *k == kind && *n == name);
            let (_, _, base_text) = known.ok_or_else(|| {
                Diagnostic::error(file, format!("there is no {kind} card \"{name}\""))
                    .at(Some(base.line), "base")
            })?;
            let base = Card::parse_at(kind, &format!("card {name}"), base_text, depth + 1)?;
            inherit(&mut root, &base.root);
        }
        Card::read(kind, file.to_owned(), root)
    }

    fn read(kind: CardKind, file: String, root: Node) -> Result<Card, Diagnostics> {
        let head: Head = typed::read(&root, &file)?.value;
        let at = |key: &str| root.get(key).map(|n| n.line);
        if head.schema != 1 {
            let error =
                Diagnostic::error(&file, "unknown format version").at(at("schema"), "schema");
            return Err(error.found(head.schema.to_string()).allowed("1").into());
        }
        if head.kind != kind {
            let error = Diagnostic::error(&file, format!("this is no {kind} card"));
            return Err(error.at(at("kind"), "kind").found(head.kind.to_string()).into());
        }
        let mut problems = Diagnostics::default();
        let mut numbers = Vec::new();
        for entry in root.entries().iter().filter(|e| !HEAD_KEYS.contains(&e.key.as_str())) {
            match number(&file, &entry.key, &entry.node) {
                Ok(number) => numbers.push(number),
                Err(mut error) => {
                    error.line = error.line.or(Some(entry.line));
                    problems.push(*error);
                }
            }
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let kubernetes = head.kubernetes.map(|k| KubernetesVersions {
            control_plane: k.control_plane,
            kubelet: k.kubelet,
            kube_proxy: k.kube_proxy,
        });
        let Head { name, about, fitted_to, .. } = head;
        let lowered = Lowered::default();
        Ok(Card { kind, name, about, file, kubernetes, fitted_to, numbers, root, lowered })
    }

    /// Where the card's file has `key`; None of what comes from another card.
    pub(crate) fn line_of(&self, key: &str) -> Option<u32> {
        self.root.line_of(key).filter(|line| *line > 0)
    }

    /// What the card says under `key`.
    pub fn entry(&self, key: &str) -> Option<&NumberEntry> {
        self.numbers.iter().find(|n| n.key == key).map(|n| &n.entry)
    }

    /// The distribution (or constant) under `key`.
    pub fn dist(&self, key: &str) -> Option<Dist> {
        let entry = self.entry(key)?;
        match (&entry.dist, &entry.value) {
            (Some(dist), _) => Some(dist.clone()),
            (None, Some(Scalar::Number(x))) => Some(Dist::constant(*x)),
            _ => None,
        }
    }

    /// The single number under `key`.
    pub fn number(&self, key: &str) -> Option<f64> {
        match self.entry(key)?.value {
            Some(Scalar::Number(x)) => Some(x),
            _ => None,
        }
    }

    /// The word under `key`.
    pub fn word(&self, key: &str) -> Option<&str> {
        match &self.entry(key)?.value {
            Some(Scalar::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// The names of its entries, in the order of the file.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.numbers.iter().map(|n| n.key.as_str())
    }

    /// Sets `key` (a number) or `key.part` (a parameter of its distribution).
    pub(crate) fn set(
        &mut self,
        key: &str,
        rest: &[&str],
        value: Value,
    ) -> Result<(), Diagnostics> {
        let mut root = self.root.clone();
        let Some(entry) = root.entry_mut(key) else { return Ok(()) };
        if entry.is_null() {
            *entry = Node::empty_map();
            set_key(entry, "source", Value::Str("set by the user".to_owned()));
        }
        set_key(entry, "assumed", Value::Bool(false));
        let value = if let Value::Bool(b) = value { Value::Str(b.to_string()) } else { value };
        match rest {
            [] => {
                let whole = if matches!(value, Value::Map(_)) { "dist" } else { "value" };
                entry.remove("dist");
                entry.remove("value");
                set_key(entry, whole, value);
            }
            [part, ..] => {
                let target = if entry.get("dist").is_some() && !is_entry_key(part) {
                    entry.entry_mut("dist")
                } else {
                    Some(entry)
                };
                if let Some(target) = target {
                    set_key(target, part, value);
                }
            }
        }
        *self = Card::read(self.kind, self.file.clone(), root)?;
        Ok(())
    }
}

fn is_entry_key(key: &str) -> bool {
    ["about", "value", "dist", "unit", "range", "source", "assumed", "samples", "fit"]
        .contains(&key)
}

fn set_key(map: &mut Node, key: &str, value: Value) {
    if let Some(node) = map.entry_mut(key) {
        *node = Node::new(0, value);
    }
}

fn number(file: &str, key: &str, node: &Node) -> Result<Number, Box<Diagnostic>> {
    let place = |error: Diagnostic, line: u32| error.at((line > 0).then_some(line), key);
    let typed = typed::read::<NumberEntry>(node, file).map_err(|mut e| {
        e.path = if e.path.is_empty() { key.to_owned() } else { format!("{key}.{}", e.path) };
        e
    })?;
    if let Some(unknown) = typed.unknown.first() {
        let mut error = Diagnostic::error(file, format!("unknown key \"{}\"", unknown.key))
            .allowed(unknown.known.join(", "));
        error.suggestion = did_you_mean(&unknown.key, unknown.known.iter().copied())
            .map(|c| format!("did you mean \"{c}\"?"));
        return Err(Box::new(place(error, unknown.line)));
    }
    let entry = typed.value;
    let typical = match (&entry.value, &entry.dist) {
        (Some(Scalar::Number(x)), None) => Some(*x),
        (Some(Scalar::Word(_)), None) => None,
        (None, Some(dist)) => {
            checks::dist(dist)
                .map_err(|why| Box::new(place(Diagnostic::error(file, why), node.line)))?;
            Some(dist.quantile_s(0.5))
        }
        _ => {
            let error = Diagnostic::error(file, "exactly one of value and dist is needed");
            return Err(Box::new(place(error, node.line)));
        }
    };
    if let (Some(typical), Some((low, high))) = (typical, entry.range)
        && !(low <= typical && typical <= high)
    {
        let error = Diagnostic::error(file, "the typical value is out of its range")
            .found(format!("{typical}"))
            .allowed(format!("{low} to {high}"));
        return Err(Box::new(place(error, node.line)));
    }
    Ok(Number { key: key.to_owned(), entry })
}

/// Adds what `root` does not say itself.
fn inherit(root: &mut Node, base: &Node) {
    let (Value::Map(own), Value::Map(others)) = (&mut root.value, &base.value) else { return };
    for entry in others {
        if !own.iter().any(|e| e.key == entry.key) {
            own.push(entry.clone());
        }
    }
}

/// A platform card as lowered before: thousands of points of a sweep share one. It says nothing that the
/// card does not, so that it counts neither in a comparison nor in a fingerprint.
#[derive(Clone, Default)]
pub(crate) struct Lowered(pub OnceLock<(Platform, Vec<Assumption>)>);

impl PartialEq for Lowered {
    fn eq(&self, _: &Lowered) -> bool {
        true
    }
}

impl std::fmt::Debug for Lowered {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}
