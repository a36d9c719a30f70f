//! From trees to typed structs: a serde deserializer that knows where it is, so that every error carries
//! its key path and line, and every key that no field took is recorded together with the keys that would
//! have been taken.

use crate::input::bounds;
use crate::input::text::diagnostics::{Diagnostic, did_you_mean};
use crate::input::text::tree::{Node, Step, Value, key_of, path_text, quoted};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::cell::RefCell;
use std::fmt;

const OUT_OF_RANGE: &str = "value out of range";

/// A key that no field of the type took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub path: String,
    pub line: u32,
    pub key: String,
    /// The keys the type knows there.
    pub known: &'static [&'static str],
}

/// What a deserialization made: the value and the keys it did not know.
pub struct Typed<T> {
    pub value: T,
    pub unknown: Vec<Unknown>,
}

/// Reads `node` as a `T`. `file` is named in the error.
pub fn read<'de, T: de::Deserialize<'de>>(
    node: &'de Node,
    file: &str,
) -> Result<Typed<T>, Box<Diagnostic>> {
    let context = Context::default();
    let here = Here { node, context: &context, line: node.line, known: &[] };
    match T::deserialize(here) {
        Ok(value) => Ok(Typed { value, unknown: context.unknown.into_inner() }),
        Err(error) => Err(Box::new(error.into_diagnostic(file, node))),
    }
}

#[derive(Default)]
struct Context {
    path: RefCell<Vec<Step>>,
    unknown: RefCell<Vec<Unknown>>,
}

/// The place a value is read at.
#[derive(Clone, Copy)]
struct Here<'a, 'de> {
    node: &'de Node,
    context: &'a Context,
    /// Line of its key.
    line: u32,
    /// The keys known beside it.
    known: &'static [&'static str],
}

impl<'a, 'de> Here<'a, 'de> {
    /// Reads a part of this value: its path is added while reading, its place to an error without one.
    fn part<T: DeserializeSeed<'de>>(
        self,
        step: Step,
        part: Here<'a, 'de>,
        seed: T,
    ) -> Result<T::Value, Error> {
        self.context.path.borrow_mut().push(step);
        let result = seed.deserialize(part).map_err(|mut error| {
            if error.0.place.is_none() {
                let found = error.0.found.take().or_else(|| Some(part.node.to_string()));
                let line = if error.0.missing { part.node.line } else { part.line };
                error.0.found = found.filter(|_| !error.0.missing);
                let path = self.context.path.borrow();
                let range = path.last().and_then(|step| bounds::range_of(key_of(step)));
                if let (OUT_OF_RANGE, Some(range)) = (error.0.message.as_str(), range) {
                    error.0.allowed = Some(range);
                }
                error.0.place = Some((path_text(&path), line));
            }
            error
        });
        self.context.path.borrow_mut().pop();
        result
    }
}

impl<'de> Deserializer<'de> for Here<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(*b),
            Value::Int(i) => visitor.visit_i64(*i),
            Value::Float(x) => visitor.visit_f64(*x),
            Value::Str(s) => visitor.visit_borrowed_str(s),
            Value::List(items) => visitor.visit_seq(Items { here: self, items, next: 0 }),
            Value::Map(_) => visitor.visit_map(Entries { here: self, next: 0, known: &[] }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(Quantity { here: self, as_text: name == "Quantity" })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Map(_) => visitor.visit_map(Entries { here: self, next: 0, known }),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Str(s) => {
                visitor.visit_enum(de::value::BorrowedStrDeserializer::<Error>::new(s))
            }
            _ => Err(de::Error::invalid_type(unexpected(self.node), &"a word")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let path = self.context.path.borrow();
        if let Some(Step::Key(key)) = path.last() {
            self.context.unknown.borrow_mut().push(Unknown {
                path: path_text(&path),
                line: self.line,
                key: key.clone(),
                known: self.known,
            });
        }
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier
    }
}

/// The inside of a newtype. A Kubernetes quantity may be written as a number.
struct Quantity<'a, 'de> {
    here: Here<'a, 'de>,
    as_text: bool,
}

impl<'de> Deserializer<'de> for Quantity<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.here.node.value {
            Value::Int(_) | Value::Float(_) if self.as_text => {
                visitor.visit_string(self.here.node.to_string())
            }
            _ => self.here.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Items<'a, 'de> {
    here: Here<'a, 'de>,
    items: &'de [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(node) = self.items.get(self.next) else { return Ok(None) };
        let part = Here { node, line: node.line, known: &[], ..self.here };
        let step = Step::Index(self.next);
        self.next += 1;
        self.here.part(step, part, seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

struct Entries<'a, 'de> {
    here: Here<'a, 'de>,
    next: usize,
    known: &'static [&'static str],
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some(entry) = self.here.node.entries().get(self.next) else { return Ok(None) };
        self.next += 1;
        let key = de::value::BorrowedStrDeserializer::<Error>::new(&entry.key);
        seed.deserialize(key).map(Some).map_err(|mut error| {
            let mut path = self.here.context.path.borrow().clone();
            path.push(Step::Key(entry.key.clone()));
            error.0.place = Some((path_text(&path), entry.line));
            error
        })
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let entry = &self.here.node.entries()[self.next - 1];
        let part = Here { node: &entry.node, line: entry.line, known: self.known, ..self.here };
        self.here.part(Step::Key(entry.key.clone()), part, seed)
    }
}

/// Why a value could not be read.
#[derive(Debug)]
pub struct Error(Box<Problem>);

#[derive(Debug)]
struct Problem {
    message: String,
    found: Option<String>,
    allowed: Option<String>,
    suggestion: Option<String>,
    missing: bool,
    place: Option<(String, u32)>,
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

    fn into_diagnostic(self, file: &str, root: &Node) -> Diagnostic {
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

fn unexpected(node: &Node) -> de::Unexpected<'_> {
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
