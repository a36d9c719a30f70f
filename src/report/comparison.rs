//! Several rollouts beside each other: the figures of each, how they differ from the first, which is best.
//!
//! Replication `i` of each has the same luck, so that a difference is the settings' and not chance's as far
//! as one can tell: a difference is taken replication by replication.

use super::answer::{Answer, HeadRow};
use schemars::JsonSchema;
use serde::Serialize;

/// Rollouts that were asked for side by side.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    /// Version of the format.
    pub schema: u32,
    /// What is compared.
    pub name: String,
    /// In a sentence or two.
    pub verdict: String,
    /// What was simulated, as far as all have it in common.
    pub head: Vec<HeadRow>,
    /// Which column to take: an index into `columns`.
    pub best: u32,
    /// Two to six; the others are compared with the first.
    pub columns: Vec<Column>,
    /// What is set otherwise in them.
    pub settings: Vec<SettingRow>,
    /// The whole answer of each column, without changes that were tried.
    pub answers: Vec<Answer>,
}

/// One of the rollouts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Column {
    /// What it is called: the settings it has, or where it was read from.
    pub title: String,
    /// What was published of it; empty: nothing.
    pub about: String,
    /// It alone, for a shell.
    pub command: String,
    /// Lost requests of a rollout.
    pub lost: Against,
    /// Probability that a rollout loses none.
    pub probability_none: Against,
    /// Probability that every action reaches its end.
    pub reaches_end: Against,
    /// Seconds until complete.
    pub complete_s: Against,
    /// Seconds until the last pod that has to go is gone.
    pub last_pod_gone_s: Against,
    /// Available pods at once, at least.
    pub lowest_available: Against,
    /// Pods at once, at most.
    pub peak_pods: Against,
}

/// A figure of a column, against the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Against {
    /// Over the replications; none: no rollout has it.
    pub mean: Option<f64>,
    /// 95 % interval of the mean.
    pub interval: Option<[f64; 2]>,
    /// 95 % of single rollouts lie within; none for a probability.
    pub range: Option<[f64; 2]>,
    /// None: it is the first, or one of the two has no such figure.
    pub difference: Option<Difference>,
}

/// A column less the first, replication by replication.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Difference {
    /// In the mean of the replications that have both.
    pub mean: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
    /// What may be said of it.
    pub told: Told,
    /// Replications in which this column has less than the first.
    pub less: u32,
    /// As much.
    pub equal: u32,
    /// More.
    pub more: u32,
}

/// What may be said of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// No replication shows one.
    Same,
    /// It may be chance: the interval holds 0, or hardly any replication differs.
    Chance,
    /// It is the settings'.
    Differs,
}

/// A setting that is not the same in all columns.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SettingRow {
    /// As `--set` takes it.
    pub path: String,
    /// In each column; none: it is not given there.
    pub values: Vec<Option<String>>,
}

impl Comparison {
    /// The column to take.
    pub fn best(&self) -> &Column {
        &self.columns[self.best as usize]
    }

    /// What the answers have in common, and the digest of each: the same line, the same answers.
    pub fn signature(&self) -> String {
        let p = &self.answers[0].provenance;
        let digests: Vec<&str> =
            self.answers.iter().map(|a| a.provenance.digest.as_str()).collect();
        let mut evaluators: Vec<&str> =
            self.answers.iter().map(|a| a.provenance.evaluator.as_str()).collect();
        evaluators.dedup();
        format!(
            "rollsim {} · seed {} · {} each, on the same luck · {} evaluator · digest {}",
            p.version,
            p.seed,
            super::words::plural(u64::from(p.replications), "replication"),
            evaluators.join(", "),
            digests.join(", ")
        )
    }
}

/// The letter of a column.
pub fn letter(column: usize) -> char {
    char::from(b'A' + (column % 26) as u8)
}
