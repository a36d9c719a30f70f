//! YAML (and JSON, its subset) into trees, one per document.
//!
//! Scalars are read as Kubernetes reads them: YAML 1.2 core plus the words and octal numbers of YAML 1.1.
//! Nothing here recurses, and depth, size and alias expansion are bounded: see [`bounds`].

use crate::input::bounds;
use crate::input::text::diagnostics::Diagnostic;
use crate::input::text::reflow;
use crate::input::text::tree::{Entry, Node, Step, Value, parse_path, path_text};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A syntax error: line (from 1) and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// From 1.
    pub line: u32,
    /// What is wrong, for people.
    pub message: String,
}

impl SyntaxError {
    /// In this file.
    pub fn into_diagnostic(self, file: &str) -> Diagnostic {
        Diagnostic::error(file, self.message).at((self.line > 0).then_some(self.line), "")
    }
}

/// A key that a mapping has twice, of which the last counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Twice {
    /// A place among the documents.
    pub document: usize,
    /// Of the key, from the root of its document.
    pub path: String,
    /// The key itself.
    pub key: String,
    /// Where it stands for the second time.
    pub line: u32,
    /// The first and the last, as messages show them.
    pub values: (String, String),
    same: bool,
}

impl Twice {
    /// Whether it matters which of them counts: two values within a spec that are no labels or annotations,
    /// and not about what a process may do.
    pub fn decides(&self) -> bool {
        let steps = parse_path(&self.path);
        let has = |key: &str| steps.iter().any(|s| *s == Step::Key(key.to_owned()));
        let idle = ["labels", "annotations", "securityContext"];
        !self.same && has("spec") && !idle.iter().any(|key| has(key))
    }
}

/// All documents of `text`; empty ones are left out. Of keys given twice the last counts.
pub fn parse(text: &str) -> Result<Vec<Node>, SyntaxError> {
    parse_all(text).map(|(documents, _)| documents)
}

/// All documents, and the keys that were given twice.
pub fn parse_all(text: &str) -> Result<(Vec<Node>, Vec<Twice>), SyntaxError> {
    let strict = strictly(text);
    match (&strict, strict.is_err().then(|| reflow::mended(text)).flatten()) {
        (Err(_), Some(mended)) => strictly(&mended).or(strict),
        _ => strict,
    }
}

fn strictly(text: &str) -> Result<(Vec<Node>, Vec<Twice>), SyntaxError> {
    let mut builder = Builder::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|e| SyntaxError {
            line: line(e.marker().line()),
            message: e.info().to_owned(),
        })?;
        if matches!(event, Event::StreamEnd) {
            break;
        }
        builder.event(event, span)?;
    }
    Ok((builder.documents, builder.twice))
}

fn line(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    twice: Vec<Twice>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, (Node, Size)>,
    /// All so far, aliases expanded.
    read: Size,
    /// What was copied for anchors and aliases.
    copied: Size,
}

/// How much a part of a text makes.
#[derive(Clone, Copy, Default)]
struct Size {
    values: usize,
    /// Of scalars.
    bytes: usize,
}

impl Size {
    fn add(&mut self, more: Size) {
        self.values += more.values;
        self.bytes += more.bytes;
    }

    fn since(self, before: Size) -> Size {
        Size { values: self.values - before.values, bytes: self.bytes - before.bytes }
    }
}

/// A collection being read.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next, in mappings.
    key: Option<(String, u32)>,
    keys: BTreeMap<String, Place>,
    before: Size,
}

/// Where a mapping holds a key.
struct Place {
    entry: usize,
    /// It stands there itself, not only in a mapping merged into it (`<<`).
    own: bool,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), SyntaxError> {
        let at = line(span.start.line());
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let size = Size { values: 1, bytes: text.len() };
                self.count(at, size)?;
                let node = Node::new(at, scalar(&text, style, tag.as_ref()));
                self.anchor(at, anchor, &node, size)?;
                self.put(node)
            }
            Event::SequenceStart(anchor, _) => self.begin(at, Value::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => self.begin(at, Value::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(id) => self.alias(id, at),
            Event::DocumentStart(_) | Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd => Ok(()),
        }
    }

    fn begin(&mut self, at: u32, value: Value, anchor: usize) -> Result<(), SyntaxError> {
        if self.open.len() >= bounds::DEPTH {
            return Err(error(at, format!("nested deeper than {} levels", bounds::DEPTH)));
        }
        let before = self.read;
        self.count(at, Size { values: 1, bytes: 0 })?;
        if matches!(self.open.last(), Some(Open { node, key: None, .. }) if node.is_map()) {
            return Err(error(at, "a key must be a plain word, not a collection".to_owned()));
        }
        let node = Node::new(at, value);
        self.open.push(Open { node, anchor, key: None, keys: BTreeMap::new(), before });
        Ok(())
    }

    fn end(&mut self) -> Result<(), SyntaxError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        self.anchor(open.node.line, open.anchor, &open.node, self.read.since(open.before))?;
        self.put(open.node)
    }

    fn alias(&mut self, id: usize, at: u32) -> Result<(), SyntaxError> {
        let Some(size) = self.anchors.get(&id).map(|anchored| anchored.1) else {
            return Err(error(at, "an alias (*) refers to an anchor (&) it is part of".to_owned()));
        };
        self.count(at, size)?;
        self.copy(at, size)?;
        self.put(self.anchors[&id].0.clone())
    }

    /// Keeps a value for the aliases that refer to it.
    fn anchor(&mut self, at: u32, id: usize, node: &Node, size: Size) -> Result<(), SyntaxError> {
        if id > 0 {
            self.copy(at, size)?;
            self.anchors.insert(id, (node.clone(), size));
        }
        Ok(())
    }

    fn count(&mut self, at: u32, size: Size) -> Result<(), SyntaxError> {
        self.read.add(size);
        match self.read.values > bounds::VALUES {
            true => Err(error(at, format!("more than {} values in one file", bounds::VALUES))),
            false => Ok(()),
        }
    }

    fn copy(&mut self, at: u32, size: Size) -> Result<(), SyntaxError> {
        self.copied.add(size);
        let (values, megabytes) = (bounds::COPIED_VALUES, bounds::COPIED_BYTES >> 20);
        if self.copied.values > values {
            return Err(error(at, format!("aliases expand to more than {values} values")));
        }
        if self.copied.bytes > bounds::COPIED_BYTES {
            return Err(error(at, format!("aliases expand to more than {megabytes} MB of text")));
        }
        Ok(())
    }

    /// A finished value goes where it belongs: as key, value, list item or document.
    fn put(&mut self, node: Node) -> Result<(), SyntaxError> {
        let Some(open) = self.open.last_mut() else {
            if !node.is_null() {
                self.documents.push(node);
            }
            return Ok(());
        };
        match &mut open.node.value {
            Value::List(items) => items.push(node),
            Value::Map(entries) => match open.key.take() {
                None => {
                    let key = key_text(&node).ok_or_else(|| {
                        error(node.line, format!("a key must be a plain word, not {node}"))
                    })?;
                    key_length(&key, node.line)?;
                    open.key = Some((key, node.line));
                }
                Some((key, _)) if key == "<<" => merge(entries, &mut open.keys, node)?,
                Some((key, line)) => match open.keys.get_mut(&key) {
                    Some(place) => {
                        let again = std::mem::replace(&mut place.own, true);
                        let entry = &mut entries[place.entry];
                        let before = std::mem::replace(entry, Entry { key, line, node });
                        if again {
                            let entry = entry.clone();
                            return self.given_twice(&before, &entry);
                        }
                    }
                    None => {
                        open.keys.insert(key.clone(), Place { entry: entries.len(), own: true });
                        entries.push(Entry { key, line, node });
                    }
                },
            },
            _ => unreachable!("only lists and mappings are opened"),
        }
        Ok(())
    }
}

impl Builder {
    fn given_twice(&mut self, before: &Entry, last: &Entry) -> Result<(), SyntaxError> {
        if self.twice.len() >= bounds::TWICE {
            let message = format!("more than {} keys are given twice", bounds::TWICE);
            return Err(error(last.line, message));
        }
        let mut steps: Vec<Step> = Vec::new();
        for open in &self.open {
            match (&open.node.value, &open.key) {
                (Value::List(items), _) => steps.push(Step::Index(items.len())),
                (_, Some((key, _))) => steps.push(Step::Key(key.clone())),
                _ => {}
            }
        }
        steps.push(Step::Key(last.key.clone()));
        self.twice.push(Twice {
            document: self.documents.len(),
            path: path_text(&steps),
            key: last.key.clone(),
            line: last.line,
            values: (before.node.to_string(), last.node.to_string()),
            same: before.node.says_the_same(&last.node),
        });
        Ok(())
    }
}

/// `<<: *base`: keys that are not there yet.
fn merge(
    entries: &mut Vec<Entry>,
    keys: &mut BTreeMap<String, Place>,
    node: Node,
) -> Result<(), SyntaxError> {
    let sources = match node.value {
        Value::List(items) => items,
        _ => vec![node],
    };
    for source in sources {
        let Value::Map(new) = source.value else {
            return Err(error(source.line, "<<: needs a mapping".to_owned()));
        };
        for entry in new {
            if !keys.contains_key(&entry.key) {
                keys.insert(entry.key.clone(), Place { entry: entries.len(), own: false });
                entries.push(entry);
            }
        }
    }
    Ok(())
}

fn error(line: u32, message: String) -> SyntaxError {
    SyntaxError { line, message }
}

/// A key that is a whole text is none, and every message names it.
pub fn key_length(key: &str, line: u32) -> Result<(), SyntaxError> {
    match key.len() > bounds::KEY_BYTES {
        true => Err(error(
            line,
            format!("a key of {} characters, at most {} are allowed", key.len(), bounds::KEY_BYTES),
        )),
        false => Ok(()),
    }
}

fn key_text(node: &Node) -> Option<String> {
    match &node.value {
        Value::Str(s) => Some(s.clone()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Int(i) => Some(i.to_string()),
        _ => None,
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Cow<'_, Tag>>) -> Value {
    let as_text = tag.is_some_and(|t| t.is_yaml_core_schema() && t.suffix == "str");
    if style != ScalarStyle::Plain || as_text {
        return Value::Str(text.to_owned());
    }
    plain(text)
}

/// What a plain (unquoted) word means.
pub fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        ".inf" | ".Inf" | "+.inf" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" => return Value::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let radix = |prefix: &str, radix| {
        text.strip_prefix(prefix).and_then(|digits| i64::from_str_radix(digits, radix).ok())
    };
    // As YAML 1.1 has it, and with it kubectl: digits after a 0 are octal ones.
    let octal = text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    if let Some(i) = octal.then(|| i64::from_str_radix(text, 8).ok()).flatten() {
        return Value::Int(i);
    }
    if let Some(i) = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| text.parse().ok()) {
        return Value::Int(i);
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && text.contains(|c: char| c.is_ascii_digit())
        && !text.contains(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c)));
    match numeric.then(|| text.parse::<f64>().ok()).flatten() {
        Some(x) => Value::Float(x),
        None => Value::Str(text.to_owned()),
    }
}
