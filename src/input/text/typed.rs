//! From trees to typed structs: a serde deserializer that knows where it is, so that every error carries
//! its key path and line, and every key that no field took is recorded together with the keys that would
//! have been taken.

mod error;

use crate::input::bounds;
use crate::input::known::{Fate, LeftOut, Section, fields_of};
use crate::input::text::diagnostics::Diagnostic;
use crate::input::text::tree::{Entry, Node, Step, Value, key_of, path_text};
use error::{Error, OUT_OF_RANGE, unexpected};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::cell::RefCell;

/// A key that no field of the type took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Of the mapping that it stands in.
    pub path: String,
    /// From 1; 0: not from a file.
    pub line: u32,
    /// As written.
    pub key: String,
    /// The keys the type knows there.
    pub known: &'static [&'static str],
}

/// What a deserialization made: the value, the keys it did not know, and those that are not simulated.
pub struct Typed<T> {
    /// What was read.
    pub value: T,
    /// Keys that no field took.
    pub unknown: Vec<Unknown>,
    /// Keys that are not simulated and can change the answer.
    pub left_out: Vec<LeftOut>,
    /// Keys that are not simulated, whether they could change the answer or not.
    pub ignored: Vec<String>,
}

/// Reads `node` as a `T`. `file` is named in the error.
pub fn read<'de, T: de::Deserialize<'de>>(
    node: &'de Node,
    file: &str,
) -> Result<Typed<T>, Box<Diagnostic>> {
    let context = Context::default();
    let here = Here { node, context: &context, line: node.line, known: &[], modelled: true };
    match T::deserialize(here) {
        Ok(value) => {
            let Context { unknown, left_out, ignored, .. } = context;
            let (unknown, left_out) = (unknown.into_inner(), left_out.into_inner());
            Ok(Typed { value, unknown, left_out, ignored: ignored.into_inner() })
        }
        Err(error) => Err(Box::new(error.into_diagnostic(file, node))),
    }
}

#[derive(Default)]
struct Context {
    path: RefCell<Vec<Step>>,
    unknown: RefCell<Vec<Unknown>>,
    left_out: RefCell<Vec<LeftOut>>,
    ignored: RefCell<Vec<String>>,
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
    /// It belongs to what is simulated.
    modelled: bool,
}

impl<'a, 'de> Here<'a, 'de> {
    /// Reads a part of this value: its path is added while reading, its place to an error without one.
    // As little as possible stands in what is made anew for each type that is read: there are hundreds.
    fn part<T: DeserializeSeed<'de>>(
        self,
        step: Step,
        part: Here<'a, 'de>,
        seed: T,
    ) -> Result<T::Value, Error> {
        self.context.path.borrow_mut().push(step);
        let result = seed.deserialize(part).map_err(|error| part.placed(error));
        self.context.path.borrow_mut().pop();
        result
    }

    /// The error with what was found here, and where that is.
    fn placed(self, mut error: Error) -> Error {
        if error.0.place.is_some() {
            return error;
        }
        let found = error.0.found.take().or_else(|| Some(self.node.to_string()));
        let line = if error.0.missing { self.node.line } else { self.line };
        error.0.found = found.filter(|_| !error.0.missing);
        let path = self.context.path.borrow();
        let range = path.last().and_then(|step| bounds::range_of(key_of(step)));
        if let (OUT_OF_RANGE, Some(range)) = (error.0.message.as_str(), range) {
            error.0.allowed = Some(range);
        }
        error.0.place = Some((path_text(&path), line));
        error
    }

    /// The error of a key itself.
    fn placed_at_key(self, mut error: Error, entry: &Entry) -> Error {
        let mut path = self.context.path.borrow().clone();
        path.push(Step::Key(entry.key.clone()));
        error.0.place = Some((path_text(&path), entry.line));
        error
    }

    /// Notes a key that no field took.
    fn note_unknown(self) {
        let path = self.context.path.borrow();
        let Some(Step::Key(key)) = path.last() else { return };
        let unknown = Unknown {
            path: path_text(&path),
            line: self.line,
            key: key.clone(),
            known: self.known,
        };
        self.context.unknown.borrow_mut().push(unknown);
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
            Value::Map(_) => visitor.visit_map(Entries::of(self, "", &[])),
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
        name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Map(_) => visitor.visit_map(Entries::of(self, name, known)),
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
        self.note_unknown();
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
    /// What becomes of the fields of this type.
    fates: Option<&'static Section>,
}

impl<'a, 'de> Entries<'a, 'de> {
    fn of(here: Here<'a, 'de>, name: &str, known: &'static [&'static str]) -> Self {
        let fates = if here.modelled { fields_of(name) } else { None };
        Entries { here, next: 0, known, fates }
    }

    /// The value of the key that was read last.
    fn value(&self) -> Here<'a, 'de> {
        let entry = &self.here.node.entries()[self.next - 1];
        let modelled = self.is_modelled(&entry.key, &entry.node);
        Here { node: &entry.node, line: entry.line, known: self.known, modelled, ..self.here }
    }

    /// To the key that was read last.
    fn step(&self) -> Step {
        Step::Key(self.here.node.entries()[self.next - 1].key.clone())
    }

    /// Whether the field belongs to what is simulated. Notes one that would change the answer if it did.
    fn is_modelled(&self, key: &str, node: &Node) -> bool {
        let Some(fates) = self.fates else { return self.here.modelled };
        let fate = fates.fate(key);
        if fate == Some(&Fate::Modelled) {
            return true;
        }
        let context = self.here.context;
        let mut path = context.path.borrow().clone();
        path.push(Step::Key(key.to_owned()));
        let path = path_text(&path);
        context.ignored.borrow_mut().push(path.clone());
        if let Some(Fate::NotModelled(rule)) = fate
            && rule.applies(&path, node)
        {
            context.left_out.borrow_mut().push(LeftOut { path, rule });
        }
        false
    }
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
        seed.deserialize(key).map(Some).map_err(|error| self.here.placed_at_key(error, entry))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let part = self.value();
        self.here.part(self.step(), part, seed)
    }
}
