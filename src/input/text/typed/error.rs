//! Why a tree could not be read as a type, for people.

use crate::input::text::diagnostics::{Diagnostic, did_you_mean};
use crate::input::text::tree::{Node, Value, quoted};
use serde::de;
use std::fmt;

pub(super) const OUT_OF_RANGE: &str = "value out of range";

/// Why a value could not be read.
#[derive(Debug)]
pub struct Error(pub(super) Box<Problem>);

#[derive(Debug)]
pub(super) struct Problem {
    /// What is wrong.
    pub message: String,
    /// What stands there.
    pub found: Option<String>,
    /// What may stand there.
    pub allowed: Option<String>,
    /// What was probably meant.
    pub suggestion: Option<String>,
    /// A key is not there that has to be.
    pub missing: bool,
    /// Path and line of the innermost value that was being read.
    pub place: Option<(String, u32)>,
}

impl Error {
    fn new(message: impl Into<String>) -> Error {
        Error(Box::new(Problem {
            message: message.into(),
            found: None,
            allowed: None,
            suggestion: None,
            missing: false,
            place: None,
        }))
    }

    fn one_of(message: &str, word: &str, known: &'static [&'static str]) -> Error {
        let mut error = Error::new(message);
        error.0.found = Some(quoted(word));
        error.0.allowed = Some(known.join(", "));
        error.0.suggestion = did_you_mean(word, known.iter().copied())
            .map(|candidate| format!("did you mean \"{candidate}\"?"));
        error
    }

    pub(super) fn into_diagnostic(self, file: &str, root: &Node) -> Diagnostic {
        let (path, line) = self.0.place.unwrap_or((String::new(), root.line));
        let mut diagnostic =
            Diagnostic::error(file, self.0.message).at((line > 0).then_some(line), path);
        diagnostic.found = self.0.found;
        diagnostic.allowed = self.0.allowed;
        diagnostic.suggestion = self.0.suggestion;
        diagnostic
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error::new(message.to_string())
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Error {
        let expected = expected.to_string();
        let mut error = Error::new("wrong kind of value");
        if let (
            de::Unexpected::Signed(_) | de::Unexpected::Float(_) | de::Unexpected::Bool(_),
            true,
        ) = (found, expected.contains("string"))
        {
            let text = match found {
                de::Unexpected::Signed(i) => i.to_string(),
                de::Unexpected::Float(x) => x.to_string(),
                de::Unexpected::Bool(b) => b.to_string(),
                _ => String::new(),
            };
            error.0.suggestion = Some(format!("write it in quotation marks: \"{text}\""));
        }
        if let (de::Unexpected::Str(s), true) = (found, is_number(&found, &expected)) {
            error.0.suggestion = Some(format!("write it without quotation marks: {}", s.trim()));
        }
        error.0.allowed = Some(plain_words(&expected));
        error
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Error {
        let mut error = Error::new(OUT_OF_RANGE);
        if let de::Unexpected::Str(s) = found {
            error.0.message = "wrong value".to_owned();
            error.0.found = Some(quoted(s));
        }
        error.0.allowed = Some(match expected.to_string().as_str() {
            "i32" => format!("a whole number, {} to {}", i32::MIN, i32::MAX),
            other => plain_words(other),
        });
        error
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Error {
        Error::one_of("unknown word", word, known)
    }

    fn unknown_field(word: &str, known: &'static [&'static str]) -> Error {
        Error::one_of(&format!("unknown key {}", quoted(word)), word, known)
    }

    fn missing_field(field: &'static str) -> Error {
        let mut error = Error::new(format!("the key \"{field}\" is missing"));
        error.0.missing = true;
        error
    }

    fn duplicate_field(field: &'static str) -> Error {
        Error::new(format!("the key \"{field}\" is given twice"))
    }
}

fn is_number(found: &de::Unexpected<'_>, expected: &str) -> bool {
    matches!(found, de::Unexpected::Str(s) if s.trim().parse::<f64>().is_ok())
        && ["i16", "i32", "i64", "u8", "u16", "u32", "u64", "f64"].contains(&expected)
}

/// Rust's and serde's names for what is expected, in the words of a user.
fn plain_words(expected: &str) -> String {
    match expected {
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "u8" | "u16" | "u32" | "u64" => "a whole number, 0 or more".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "string" => "text".to_owned(),
        "a map" => "a mapping (key: value)".to_owned(),
        "a sequence" => "a list".to_owned(),
        "unit" => "nothing".to_owned(),
        "internally tagged enum Dist" => {
            "a distribution, such as { kind = \"constant\", mean_s = 0.01 }".to_owned()
        }
        "internally tagged enum ActionCase" => "a table with a kind".to_owned(),
        _ if expected.starts_with(|c: char| c.is_ascii_uppercase()) && !expected.contains(' ') => {
            format!("a mapping ({expected})")
        }
        _ => match expected.strip_prefix("struct ") {
            Some(_) => "a table of keys".to_owned(),
            None => expected.to_owned(),
        },
    }
}

pub(super) fn unexpected(node: &Node) -> de::Unexpected<'_> {
    match &node.value {
        Value::Null => de::Unexpected::Unit,
        Value::Bool(b) => de::Unexpected::Bool(*b),
        Value::Int(i) => de::Unexpected::Signed(*i),
        Value::Float(x) => de::Unexpected::Float(*x),
        Value::Str(s) => de::Unexpected::Str(s),
        Value::List(_) => de::Unexpected::Seq,
        Value::Map(_) => de::Unexpected::Map,
    }
}
