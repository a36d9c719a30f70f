//! What becomes of each key of an input. The tables in `models/keys/` say of every field of the objects that
//! are read, of every kind beside them and of every annotation of a controller that is modelled: it is
//! simulated, it cannot change the answer, or it is not simulated and what it would do.

mod tree;
pub mod types;

use crate::input::text::tree::{Node, Value};
use crate::model::balancer::Kind;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;
pub use tree::{Keys, in_tree};

/// What becomes of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is simulated.
    Modelled,
    /// It cannot change an answer.
    WithoutEffect,
    /// It is not simulated, and can change an answer.
    NotModelled(Rule),
}

/// What a key that is not simulated would do, and where that matters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Written")]
pub struct Rule {
    /// What it would do, for the reader.
    pub effect: String,
    /// Values with which it does nothing.
    unless: Vec<String>,
    /// The list that it must stand in.
    under: Option<String>,
    when: When,
}

/// What an input must have for a key to matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Nothing.
    #[default]
    Always,
    /// Nodes are given: those that nobody gave take every pod.
    Nodes,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Effect(String),
    Full {
        effect: String,
        #[serde(default)]
        unless: Vec<String>,
        under: Option<String>,
        #[serde(default)]
        when: When,
    },
}

impl From<Written> for Rule {
    fn from(written: Written) -> Rule {
        match written {
            Written::Effect(effect) => {
                Rule { effect, unless: Vec::new(), under: None, when: When::Always }
            }
            Written::Full { effect, unless, under, when } => Rule { effect, unless, under, when },
        }
    }
}

impl Rule {
    /// Whether it matters in an input, with nodes given or not.
    pub fn matters(&self, nodes_given: bool) -> bool {
        match self.when {
            When::Always => true,
            When::Nodes => nodes_given,
        }
    }

    /// Whether a text as the value does anything.
    pub fn applies_to(&self, text: &str) -> bool {
        !self.unless.iter().any(|value| value == text)
    }

    /// Whether `node`, which stands at `path`, does anything.
    pub fn applies(&self, path: &str, node: &Node) -> bool {
        let there = match &node.value {
            Value::Null => false,
            Value::List(_) | Value::Map(_) => {
                !node.items().is_empty() || !node.entries().is_empty()
            }
            Value::Str(text) => self.applies_to(text),
            _ => self.applies_to(&node.to_string()),
        };
        let stands = |list: &String| path.contains(&format!(".{list}["));
        there && self.under.as_ref().is_none_or(stands)
    }
}

/// A key of an object that is not simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Dotted, from the object's root.
    pub path: String,
    /// What is said of it.
    pub rule: &'static Rule,
}

/// The keys of one API type, or the annotations of one prefix.
#[derive(Debug, Default)]
pub struct Section {
    /// The paths of requests on which they are read; empty: on all.
    pub paths: Vec<Kind>,
    /// The kind whose annotations they are; none: they mark pods.
    pub on: Option<String>,
    fates: BTreeMap<String, Fate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    #[serde(default)]
    path: Vec<Kind>,
    on: Option<String>,
    #[serde(default)]
    modelled: Vec<String>,
    #[serde(default)]
    without_effect: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    not_modelled: BTreeMap<String, Rule>,
}

impl From<Table> for Section {
    fn from(table: Table) -> Section {
        let mut fates = BTreeMap::new();
        let mut add = |key: String, fate: Fate| {
            let twice = fates.insert(key.clone(), fate);
            assert!(twice.is_none(), "{key} stands in a table twice");
        };
        table.modelled.into_iter().for_each(|key| add(key, Fate::Modelled));
        let without = table.without_effect.into_values().flatten();
        without.for_each(|key| add(key, Fate::WithoutEffect));
        table.not_modelled.into_iter().for_each(|(key, rule)| add(key, Fate::NotModelled(rule)));
        Section { paths: table.path, on: table.on, fates }
    }
}

impl Section {
    /// What becomes of a key: by its name, else by the longest beginning that the table has. None: nothing
    /// is known of it.
    pub fn fate(&self, key: &str) -> Option<&Fate> {
        self.fates.get(key).or_else(|| {
            let fits = |name: &str| name.strip_suffix('*').is_some_and(|p| key.starts_with(p));
            let begins = self.fates.iter().filter(|(name, _)| fits(name));
            begins.max_by_key(|(name, _)| name.len()).map(|(_, fate)| fate)
        })
    }

    /// All that the table has, with their fates.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Fate)> {
        self.fates.iter().map(|(key, fate)| (key.as_str(), fate))
    }
}

type Sections = BTreeMap<String, Section>;

fn sections(text: &str) -> Sections {
    let tables: BTreeMap<String, Table> = toml::from_str(text).expect("a table of the repository");
    tables.into_iter().map(|(name, table)| (name, table.into())).collect()
}

fn fields() -> &'static Sections {
    static FIELDS: OnceLock<Sections> = OnceLock::new();
    FIELDS.get_or_init(|| sections(include_str!("../../../models/keys/fields.toml")))
}

fn annotations() -> &'static Sections {
    static ANNOTATIONS: OnceLock<Sections> = OnceLock::new();
    ANNOTATIONS.get_or_init(|| sections(include_str!("../../../models/keys/annotations.toml")))
}

/// All types and prefixes of a table, for tests.
pub fn tables() -> [(&'static str, &'static BTreeMap<String, Section>); 2] {
    [("fields", fields()), ("annotations", annotations())]
}

/// The fields of an API type.
pub fn fields_of(name: &str) -> Option<&'static Section> {
    fields().get(name)
}

/// What becomes of objects of a kind that is not simulated.
pub fn kind(name: &str) -> Option<&'static Fate> {
    static KINDS: OnceLock<Section> = OnceLock::new();
    let read = || {
        let table: Table = toml::from_str(include_str!("../../../models/keys/kinds.toml"))
            .expect("a table of the repository");
        table.into()
    };
    KINDS.get_or_init(read).fates.get(name)
}

/// The controller's annotations that one of this name belongs to: their prefix and what is known of them.
pub fn annotation(name: &str) -> Option<(&'static str, &'static Section)> {
    let fits = |prefix: &str| match prefix.ends_with(['/', '-']) {
        true => name.starts_with(prefix),
        false => name == prefix,
    };
    let found = annotations().iter().filter(|(prefix, _)| fits(prefix));
    found.max_by_key(|(prefix, _)| prefix.len()).map(|(prefix, section)| (prefix.as_str(), section))
}

/// The settings that a controller reads in an object of its own, by what that is called in the table.
pub fn settings(of: &str) -> &'static Section {
    &annotations()[of]
}

/// Attributes of target groups and load balancers.
pub fn attributes() -> &'static Section {
    &annotations()["attributes of a target group or load balancer: "]
}
