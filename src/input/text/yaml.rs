//! YAML (and JSON, its subset) into trees, one per document.
//!
//! Scalars are read as Kubernetes reads them: YAML 1.2 core plus the words and octal numbers of YAML 1.1.
//! Nothing here recurses, and depth, size and alias expansion are bounded.

use crate::input::text::reflow;
use crate::input::text::tree::{Entry, Node, Step, Value, parse_path, path_text};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Deepest nesting accepted (a pod template needs about 20).
const DEPTH_MAX: usize = 64;
/// Most nodes accepted in one file, aliases expanded.
const NODES_MAX: usize = 3_000_000;
/// Most nodes aliases may add.
const ALIAS_NODES_MAX: usize = 200_000;

/// A syntax error: line (from 1) and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub line: u32,
    pub message: String,
}

/// A key that a mapping has twice, of which the last counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Twice {
    /// A place among the documents.
    pub document: usize,
    pub path: String,
    pub key: String,
    pub line: u32,
    /// The first and the last, as messages show them.
    pub values: (String, String),
    same: bool,
}

impl Twice {
    /// Whether it matters which of them counts: two values within a spec that are no labels or annotations.
    pub fn decides(&self) -> bool {
        let steps = parse_path(&self.path);
        let has = |key: &str| steps.iter().any(|s| *s == Step::Key(key.to_owned()));
        !self.same && has("spec") && !has("labels") && !has("annotations")
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
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
    alias_nodes: usize,
}

/// A collection being read.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next, in mappings.
    key: Option<(String, u32)>,
    /// Keys that stand there themselves, the last ones of a merge (`<<`) not among them.
    own: BTreeSet<String>,
    nodes_before: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), SyntaxError> {
        let at = line(span.start.line());
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_ref());
                self.nodes += 1;
                let node = Node::new(at, value);
                if anchor > 0 {
                    self.anchors.insert(anchor, (node.clone(), 1));
                }
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
        if self.open.len() >= DEPTH_MAX {
            return Err(error(at, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(error(at, format!("more than {NODES_MAX} values in one file")));
        }
        if matches!(self.open.last(), Some(Open { node, key: None, .. }) if node.is_map()) {
            return Err(error(at, "a key must be a plain word, not a collection".to_owned()));
        }
        let node = Node::new(at, value);
        let own = BTreeSet::new();
        self.open.push(Open { node, anchor, key: None, own, nodes_before: self.nodes });
        Ok(())
    }

    fn end(&mut self) -> Result<(), SyntaxError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        if open.anchor > 0 {
            let size = self.nodes - open.nodes_before + 1;
            self.anchors.insert(open.anchor, (open.node.clone(), size));
        }
        self.put(open.node)
    }

    fn alias(&mut self, id: usize, at: u32) -> Result<(), SyntaxError> {
        let Some((node, size)) = self.anchors.get(&id).cloned() else {
            return Err(error(at, "an alias (*) refers to an anchor (&) it is part of".to_owned()));
        };
        self.nodes += size;
        self.alias_nodes += size;
        if self.alias_nodes > ALIAS_NODES_MAX {
            return Err(error(at, format!("aliases expand to more than {ALIAS_NODES_MAX} values")));
        }
        self.put(node)
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
                    open.key = Some((key, node.line));
                }
                Some((key, _)) if key == "<<" => merge(entries, node)?,
                Some((key, line)) => {
                    let again = !open.own.insert(key.clone());
                    match entries.iter_mut().find(|e| e.key == key) {
                        Some(entry) => {
                            let before = std::mem::replace(entry, Entry { key, line, node });
                            if again {
                                let entry = entry.clone();
                                self.given_twice(&before, &entry);
                            }
                        }
                        None => entries.push(Entry { key, line, node }),
                    }
                }
            },
            _ => unreachable!("only lists and mappings are opened"),
        }
        Ok(())
    }
}

impl Builder {
    fn given_twice(&mut self, before: &Entry, last: &Entry) {
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
    }
}

/// `<<: *base`: keys that are not there yet.
fn merge(entries: &mut Vec<Entry>, node: Node) -> Result<(), SyntaxError> {
    let sources = match node.value {
        Value::List(items) => items,
        _ => vec![node],
    };
    for source in sources {
        let Value::Map(new) = source.value else {
            return Err(error(source.line, "<<: needs a mapping".to_owned()));
        };
        for entry in new {
            if !entries.iter().any(|e| e.key == entry.key) {
                entries.push(entry);
            }
        }
    }
    Ok(())
}

fn error(line: u32, message: String) -> SyntaxError {
    SyntaxError { line, message }
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
