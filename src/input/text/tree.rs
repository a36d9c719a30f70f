//! Documents as plain trees that remember their lines: what YAML, JSON and TOML become before they are
//! typed. Overrides (`--set`) edit these trees.

use std::collections::BTreeMap;
use std::fmt;

/// One value and the line (from 1) where it stands; 0 when it was not read from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins, from 1.
    pub line: u32,
    /// What it holds.
    pub value: Value,
}

/// What a document holds at one place.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: `null`, `~`, or no value behind a key.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text, also one that looks like nothing else.
    Str(String),
    /// In order.
    List(Vec<Node>),
    /// In the order of the text.
    Map(Vec<Entry>),
}

/// One key of a mapping. Keys are unique within a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// As it is written, without quotes.
    pub key: String,
    /// Where the key stands, from 1.
    pub line: u32,
    /// What the key is given.
    pub node: Node,
}

/// One step into a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The value of this key.
    Key(String),
    /// This element of a list, from 0.
    Index(usize),
}

impl Node {
    /// A value that stands in this line.
    pub fn new(line: u32, value: Value) -> Node {
        Node { line, value }
    }

    /// An empty mapping that stands nowhere.
    pub fn empty_map() -> Node {
        Node::new(0, Value::Map(Vec::new()))
    }

    /// Those of a map; empty for everything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Those of a list; empty for everything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The value at a key of a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|e| e.key == key).map(|e| &e.node)
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(s) => Some(s),
            _ => None,
        }
    }

    /// Whether it has keys.
    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// Whether nothing is given.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// Whether both are the same value, wherever they stand.
    pub fn says_the_same(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.says_the_same(b))
            }
            (Value::Map(a), Value::Map(b)) => {
                let b: BTreeMap<&str, &Node> =
                    b.iter().map(|e| (e.key.as_str(), &e.node)).collect();
                let same =
                    |e: &Entry| b.get(e.key.as_str()).is_some_and(|o| e.node.says_the_same(o));
                a.len() == b.len() && a.iter().all(same)
            }
            (a, b) => a == b,
        }
    }

    /// Removes `key` from a mapping.
    pub fn remove(&mut self, key: &str) {
        if let Value::Map(entries) = &mut self.value {
            entries.retain(|e| e.key != key);
        }
    }

    /// The value of `key`, added as null when it is not there. A null becomes a mapping; None for other
    /// kinds of values.
    pub fn entry_mut(&mut self, key: &str) -> Option<&mut Node> {
        if self.is_null() {
            self.value = Value::Map(Vec::new());
        }
        let Value::Map(entries) = &mut self.value else { return None };
        let index = entries.iter().position(|e| e.key == key).unwrap_or_else(|| {
            let node = Node::new(0, Value::Null);
            entries.push(Entry { key: key.to_owned(), line: 0, node });
            entries.len() - 1
        });
        Some(&mut entries[index].node)
    }

    /// The node that a step of a path leads to.
    pub fn get_mut(&mut self, step: &Step) -> Option<&mut Node> {
        match (&mut self.value, step) {
            (Value::Map(entries), Step::Key(key)) => {
                entries.iter_mut().find(|e| e.key == *key).map(|e| &mut e.node)
            }
            (Value::List(items), Step::Index(i)) => items.get_mut(*i),
            _ => None,
        }
    }

    /// The line of the deepest part of `path` that exists; None when nothing of it was read from a file.
    pub fn line_of(&self, path: &str) -> Option<u32> {
        let mut line = self.line;
        let mut node = self;
        for step in parse_path(path) {
            let next = match &step {
                Step::Key(key) => {
                    node.entries().iter().find(|e| e.key == *key).map(|e| (e.line, &e.node))
                }
                Step::Index(i) => node.items().get(*i).map(|n| (n.line, n)),
            };
            let Some((next_line, next_node)) = next else { break };
            line = if next_line == 0 { line } else { next_line };
            node = next_node;
        }
        (line > 0).then_some(line)
    }
}

/// Takes `a.b[2]."c.d".e` apart. Brackets with anything but a number name a list element by its `name`.
pub fn parse_path(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut word = String::new();
    let mut closing = None;
    let flush = |word: &mut String, steps: &mut Vec<Step>| {
        if !word.is_empty() {
            steps.push(Step::Key(std::mem::take(word)));
        }
    };
    for c in path.chars() {
        match (closing, c) {
            (Some(end), c) if c == end => {
                closing = None;
                let index = (end == ']').then(|| word.parse().ok()).flatten();
                match index {
                    Some(i) => {
                        word.clear();
                        steps.push(Step::Index(i));
                    }
                    None => flush(&mut word, &mut steps),
                }
            }
            (Some(_), c) => word.push(c),
            (None, '.') => flush(&mut word, &mut steps),
            (None, '[') => {
                flush(&mut word, &mut steps);
                closing = Some(']');
            }
            (None, '"') if word.is_empty() => closing = Some('"'),
            (None, c) => word.push(c),
        }
    }
    flush(&mut word, &mut steps);
    steps
}

/// The opposite of [`parse_path`].
pub fn path_text(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Index(i) => text.push_str(&format!("[{i}]")),
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                let quote = key.is_empty() || key.contains(['.', '[', ']', '"']);
                text.push_str(&if quote { format!("\"{key}\"") } else { key.clone() });
            }
        }
    }
    text
}

/// How a value is shown in messages: short, on one line.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Null => f.write_str("nothing"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Int(i) => write!(f, "{i}"),
            Value::Float(x) => write!(f, "{x:?}"),
            Value::Str(s) => f.write_str(&quoted(s)),
            Value::List(items) => match items.len() {
                0 => f.write_str("an empty list"),
                n => write!(f, "a list of {n}"),
            },
            Value::Map(entries) => match entries.len() {
                0 => f.write_str("an empty mapping"),
                _ => write!(f, "a mapping with the key {}", quoted(&entries[0].key)),
            },
        }
    }
}

/// `s` in quotation marks, on one line, cut at 60 characters, control characters escaped.
pub fn quoted(s: &str) -> String {
    let mut text: String = s.chars().take(60).flat_map(char::escape_debug).collect();
    if s.chars().nth(60).is_some() {
        text.push_str("...");
    }
    format!("\"{}\"", text.replace("\\\"", "\"").replace("\\'", "'"))
}

/// The key of a step into a mapping; empty for one into a list.
pub fn key_of(step: &Step) -> &str {
    match step {
        Step::Key(key) => key,
        Step::Index(_) => "",
    }
}
