//! How the fields of a message in Envoy's configuration are read, and of an object that says the same in
//! other words.

use crate::input::lower::injected::duration_s;
use crate::input::lower::proxy::told::{Told, not_a, seconds};
use crate::input::text::tree::{Node, Value};

/// What is made of a field.
#[derive(Clone, Copy)]
pub(in crate::input::lower::proxy) enum Read {
    /// Seconds, such as `0.25s`.
    Time(&'static str),
    /// As Go writes them, such as `1m30s`.
    Long(&'static str),
    Count(&'static str),
    /// `{value: 50}`, in per cent.
    Percent(&'static str),
    Switch(&'static str),
    /// Read elsewhere, or without effect.
    Known,
}

/// Reads the fields of a message; others are named as left out.
pub(in crate::input::lower::proxy) fn fields(
    node: &Node,
    of: &str,
    told: &mut Told<'_>,
    known: &[(&str, Read)],
) {
    for entry in node.entries() {
        let Some((_, read)) = known.iter().find(|(key, _)| *key == entry.key) else {
            told.leave_out(format!("{of}.{}", entry.key));
            continue;
        };
        field(&entry.node, &format!("{of}.{}", entry.key), *read, told);
    }
}

/// Writes one field down as it is to be read, or that it is none of its kind.
pub(in crate::input::lower::proxy) fn field(
    node: &Node,
    path: &str,
    read: Read,
    told: &mut Told<'_>,
) {
    let line = node.line;
    let plain = |node: &Node| match &node.value {
        Value::Int(n) => Some(*n as f64),
        Value::Float(x) => Some(*x),
        Value::Str(s) => s.parse().ok(),
        _ => None,
    };
    let (what, done) = match read {
        Read::Known => return,
        Read::Time(key) => {
            let text = node.as_str().and_then(|s| seconds(s, &[("s", 1.0)], f64::NAN));
            (
                "duration such as 0.25s",
                text.filter(|s| s.is_finite()).map(|s| told.number(key, s, line)),
            )
        }
        Read::Long(key) => {
            let s = node.as_str().and_then(duration_s);
            ("duration such as 1m30s", s.map(|s| told.number(key, s, line)))
        }
        Read::Count(key) => ("number", plain(node).map(|n| told.number(key, n, line))),
        Read::Percent(key) => {
            let inner = node.get("value").and_then(plain).or_else(|| plain(node));
            let empty = node.is_map() && node.entries().is_empty();
            ("percentage", inner.or(empty.then_some(0.0)).map(|n| told.number(key, n, line)))
        }
        Read::Switch(key) => match node.value {
            Value::Bool(on) => {
                told.word(key, if on { "true" } else { "false" }, line);
                ("switch", Some(()))
            }
            _ => ("switch", None),
        },
    };
    if done.is_none() {
        let (message, found) = not_a(what, &node.to_string());
        told.fail(line, path, &message).found = Some(found);
    }
}
