//! `expect.toml`: what was published about an experiment, as checks.

use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub schema: u32,
    /// Who published it, and where.
    pub source: String,
    /// How many rollouts are simulated.
    #[serde(default = "replications")]
    pub replications: u32,
    /// The folder's scenario, once or with several settings.
    pub step: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub name: String,
    /// Settings on top of the folder's, as `--set` takes them.
    #[serde(default)]
    pub set: Vec<String>,
    /// What the source says.
    pub seen: String,
    /// For each figure the least and the most it may be.
    #[serde(default, deserialize_with = "ranges")]
    pub range: BTreeMap<String, Range>,
    /// What one published run showed: it lies where 95 % of single rollouts do.
    #[serde(default, deserialize_with = "numbers")]
    pub one_run: BTreeMap<String, f64>,
    /// Why a range is wider than a factor of 3: a sentence of the page.
    #[serde(default, deserialize_with = "texts")]
    pub wide: BTreeMap<String, String>,
    /// Kinds of failure in the order of their median send time.
    #[serde(default)]
    pub order: Vec<String>,
    #[serde(default)]
    pub compare: Vec<Compare>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub enum Range {
    Exactly(f64),
    Between([f64; 2]),
}

/// A figure against the same one of another step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    pub figure: String,
    pub is: Relation,
    /// A folder (its first step), `folder#step`, or `#step` of this folder.
    pub than: String,
    /// By so much at least (`same`: at most).
    #[serde(default)]
    pub by: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    More,
    Less,
    Same,
}

fn ranges<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Range>, D::Error> {
    dotted(from)
}

fn numbers<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, f64>, D::Error> {
    dotted(from)
}

fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    dotted(from)
}

/// A dotted key (`share.502`) is a table within the table, unless it is quoted.
fn dotted<'de, D, T>(from: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Entry<T> {
        One(T),
        Several(BTreeMap<String, T>),
    }
    let mut found = BTreeMap::new();
    for (key, entry) in BTreeMap::<String, Entry<T>>::deserialize(from)? {
        match entry {
            Entry::One(one) => drop(found.insert(key, one)),
            Entry::Several(inner) => {
                found.extend(inner.into_iter().map(|(k, one)| (format!("{key}.{k}"), one)));
            }
        }
    }
    Ok(found)
}

fn replications() -> u32 {
    100
}

impl Expect {
    pub fn read(folder: &Path) -> Expect {
        let path = folder.join("expect.toml");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let expect: Expect =
            toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(expect.schema, 1, "{}", path.display());
        assert!((1..=400).contains(&expect.replications), "{}: keep it fast", path.display());
        assert!(!expect.step.is_empty(), "{} has no step", path.display());
        expect
    }
}

impl Range {
    pub fn bounds(self) -> (f64, f64) {
        match self {
            Range::Exactly(x) => (x, x),
            Range::Between([low, high]) => (low, high),
        }
    }

    /// Whether it says something: within a factor of 3, or next to nothing, or all but everything of a share.
    pub fn narrow(self) -> bool {
        let (low, high) = self.bounds();
        high <= 3.0 * low || high <= 1.0
    }
}

impl Compare {
    /// The other folder and its step (empty: the first).
    pub fn place<'a>(&'a self, folder: &'a str) -> (&'a str, &'a str) {
        let (other, step) = self.than.split_once('#').unwrap_or((&self.than, ""));
        (if other.is_empty() { folder } else { other }, step)
    }
}

impl Relation {
    pub fn holds(self, this: f64, that: f64, by: f64) -> bool {
        match self {
            Relation::More => this > that && this >= that + by,
            Relation::Less => this < that && this <= that - by,
            Relation::Same => (this - that).abs() <= by,
        }
    }
}
