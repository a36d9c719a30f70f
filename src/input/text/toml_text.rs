//! TOML into a tree.

use crate::input::bounds::TOML_BYTES;
use crate::input::text::tree::{Entry, Node, Value};
use crate::input::text::yaml::{SyntaxError, key_length};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The document `text`. A mistake in no line has line 0.
pub fn parse(text: &str) -> Result<Node, SyntaxError> {
    if text.len() > TOML_BYTES {
        let message = format!("longer than {} MB", TOML_BYTES >> 20);
        return Err(SyntaxError { line: 0, message });
    }
    let lines = Lines::of(text);
    let table = DeTable::parse(text).map_err(|e| SyntaxError {
        line: e.span().map_or(0, |span| lines.at(span.start)),
        message: e.message().to_owned(),
    })?;
    let root = Node::new(1, table_value(table.get_ref(), &lines));
    keys(&root)?;
    Ok(root)
}

/// Recursion is bounded by the TOML parser's own limit on nesting.
fn keys(node: &Node) -> Result<(), SyntaxError> {
    node.items().iter().try_for_each(keys)?;
    node.entries().iter().try_for_each(|entry| {
        key_length(&entry.key, entry.line)?;
        keys(&entry.node)
    })
}

/// One TOML value, such as `{ kind = "constant", mean_s = 0.1 }`; None if it is none.
pub fn parse_value(text: &str) -> Option<Value> {
    let lines = Lines::of("");
    let value = DeValue::parse(text).ok()?;
    Some(value_of(value.get_ref(), &lines))
}

/// Where lines start.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        Lines(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i).collect())
    }

    fn at(&self, offset: usize) -> u32 {
        u32::try_from(self.0.partition_point(|&newline| newline < offset) + 1).unwrap_or(u32::MAX)
    }
}

fn node(spanned: &Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    Node::new(lines.at(spanned.span().start), value_of(spanned.get_ref(), lines))
}

fn table_value(table: &DeTable<'_>, lines: &Lines) -> Value {
    let entry =
        |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| Entry {
            key: key.get_ref().to_string(),
            line: lines.at(key.span().start),
            node: node(value, lines),
        };
    Value::Map(table.iter().map(entry).collect())
}

/// Recursion is bounded by the TOML parser's own limit on nesting.
fn value_of(value: &DeValue<'_>, lines: &Lines) -> Value {
    match value {
        DeValue::String(s) => Value::Str(s.to_string()),
        DeValue::Boolean(b) => Value::Bool(*b),
        DeValue::Integer(i) => match i64::from_str_radix(i.as_str(), i.radix()) {
            Ok(i) => Value::Int(i),
            Err(_) => Value::Float(i.as_str().parse().unwrap_or(f64::INFINITY)),
        },
        DeValue::Float(x) => Value::Float(x.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Datetime(d) => Value::Str(d.to_string()),
        DeValue::Array(items) => Value::List(items.iter().map(|v| node(v, lines)).collect()),
        DeValue::Table(table) => table_value(table, lines),
    }
}
