//! The answer as a JSON document under a published schema.

use super::answer::Answer;
use super::answer::SCHEMA;
use super::comparison::Comparison;
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
    document(&Document { schema: SCHEMA, answers: answers.to_vec() })
}

/// A document of one of this layer's structs, indented, with a line end.
pub fn document(of: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(of).expect("plain data");
    text.push('\n');
    text
}

/// The JSON Schema of all documents (`rollsim schema output`).
pub fn schema() -> String {
    document(&schemars::schema_for!(Output))
}
