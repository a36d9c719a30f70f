//! The same input under several releases of Kubernetes.

use super::answer::SCHEMA;
use super::words::{count, seconds};
use crate::advise::releases::{Release, Turn};
use schemars::JsonSchema;
use serde::Serialize;

/// All releases that were asked for, and those that change the outcome.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Releases {
    /// Version of this schema: 1 or more.
    pub schema: u32,
    /// Of the input.
    pub name: String,
    /// In the order asked.
    pub releases: Vec<ReleaseRow>,
    /// In the order of the releases, also those between the ones that were asked for.
    pub turns: Vec<TurnRow>,
}

/// One release.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ReleaseRow {
    /// Such as `1.34`.
    pub version: String,
    /// Requests that a rollout loses; none where it is refused.
    pub lost: Option<f64>,
    /// Probability that a rollout loses none.
    pub probability_none: Option<f64>,
    /// Until complete, mean.
    pub complete_s: Option<f64>,
    /// Share that does not reach its end.
    pub incomplete: Option<f64>,
    /// Why this release does not take the input.
    pub refused: Option<String>,
}

/// A release that changes the outcome.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TurnRow {
    /// The last release before it.
    pub before: String,
    /// The first one with another outcome.
    pub since: String,
    /// The parts that make the difference by themselves.
    pub parts: Vec<String>,
    /// What those parts do otherwise since then.
    pub changes: Vec<ChangeRow>,
    /// Requests lost before, and since.
    pub lost: Option<[f64; 2]>,
    /// Seconds until complete before, and since.
    pub complete_s: [Option<f64>; 2],
}

/// A change of behaviour.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChangeRow {
    /// Its name.
    pub id: String,
    /// What is different.
    pub what: String,
    /// Where that can be looked up.
    pub source: String,
}

impl Releases {
    /// Of what was run.
    pub fn new(name: &str, releases: &[Release], turns: &[Turn]) -> Releases {
        let row = |release: &Release| {
            let ok = release.outcome.as_ref().ok();
            ReleaseRow {
                version: release.version.clone(),
                lost: ok.map(|o| o.lost()),
                probability_none: ok.map(|o| o.probability_none()),
                complete_s: ok.and_then(|o| o.complete_s()),
                incomplete: ok.map(|o| o.incomplete()),
                refused: release.outcome.as_ref().err().map(|why| why.in_a_line()),
            }
        };
        Releases {
            schema: SCHEMA,
            name: super::words::printable(name),
            releases: releases.iter().map(row).collect(),
            turns: turns.iter().map(turn).collect(),
        }
    }
}

fn turn(turn: &Turn) -> TurnRow {
    let change = |change: &crate::advise::releases::Change| ChangeRow {
        id: change.id.clone(),
        what: change.what.clone(),
        source: change.source.clone(),
    };
    TurnRow {
        before: turn.before.clone(),
        since: turn.since.clone(),
        parts: turn.parts.iter().map(|part| part.name().to_owned()).collect(),
        changes: turn.changes.iter().map(change).collect(),
        lost: turn.lost,
        complete_s: turn.complete_s,
    }
}

impl TurnRow {
    /// What is different, in a sentence.
    pub fn sentence(&self) -> String {
        let mut parts = Vec::new();
        match self.lost {
            None => parts.push("one of the two refuses the input".to_owned()),
            Some([a, b]) if count(a) != count(b) => {
                parts.push(format!("{} → {} lost", count(a), count(b)));
            }
            Some(_) => {}
        }
        match self.complete_s {
            [Some(a), Some(b)] if seconds(a) != seconds(b) => {
                parts.push(format!("complete after {} → {}", seconds(a), seconds(b)));
            }
            _ => {}
        }
        let by = match self.parts.is_empty() {
            true => "several parts together".to_owned(),
            false => self.parts.join(", "),
        };
        format!("{} changes the outcome ({by}): {}", self.since, parts.join(", "))
    }
}
