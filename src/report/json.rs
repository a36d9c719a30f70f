//! The answer as a JSON document under a published schema.

use super::answer::Answer;
use super::answer::SCHEMA;
use super::audit::Audit;
use super::budget::Budget;
use super::comparison::Comparison;
use super::gate::Check;
use super::gate::diff::Diff;
use super::releases::Releases;
use super::workloads::Workloads;
use schemars::JsonSchema;
use serde::Serialize;

/// What `--format json` writes.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is there for its schema")]
enum Output {
    Answers(Document),
    /// Of several workloads of one input.
    Workloads(Workloads),
    /// Of several rollouts beside each other.
    Comparison(Comparison),
}

/// One answer, or several.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Document {
    /// Version of this schema: 1 or more.
    pub schema: u32,
    /// One per scenario.
    pub answers: Vec<Answer>,
}

/// The document of `answers`, indented, with a line end.
pub fn json(answers: &[Answer]) -> String {
    indented(&Document { schema: SCHEMA, answers: answers.to_vec() })
}

/// The document of several workloads.
pub fn workloads(workloads: &Workloads) -> String {
    indented(workloads)
}

/// The document of a comparison.
pub fn comparison(comparison: &Comparison) -> String {
    indented(comparison)
}

/// The document of a check.
pub fn check(check: &Check) -> String {
    indented(check)
}

/// The document of what a change makes.
pub fn diff(diff: &Diff) -> String {
    indented(diff)
}

/// The document of several releases.
pub fn releases(releases: &Releases) -> String {
    indented(releases)
}

/// The document of an audit.
pub fn audit(audit: &Audit) -> String {
    indented(audit)
}

/// The document of budgets.
pub fn budget(budget: &Budget) -> String {
    indented(budget)
}

fn indented(document: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("plain data");
    text.push('\n');
    text
}

/// The JSON Schema of all documents (`rollsim schema output`).
pub fn schema() -> String {
    indented(&schemars::schema_for!(Output))
}
