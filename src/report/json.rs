//! The answer as a JSON document under a published schema.

use super::answer::Answer;
use schemars::JsonSchema;
use serde::Serialize;

/// Grows when a field changes its meaning or goes; new fields do not count.
pub const SCHEMA: u32 = 1;

/// What `--format json` writes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Document {
    pub schema: u32,
    /// One per scenario.
    pub answers: Vec<Answer>,
}

/// The document of `answers`, indented, with a line end.
pub fn json(answers: &[Answer]) -> String {
    let document = Document { schema: SCHEMA, answers: answers.to_vec() };
    let mut text = serde_json::to_string_pretty(&document).expect("plain data");
    text.push('\n');
    text
}

/// The JSON Schema of the document (`rollsim schema output`).
pub fn schema() -> String {
    let mut text =
        serde_json::to_string_pretty(&schemars::schema_for!(Document)).expect("a schema");
    text.push('\n');
    text
}
