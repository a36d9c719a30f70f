//! Keys of objects that have no type here, by their dotted paths.

use super::{Fate, LeftOut, fields_of};
use crate::input::text::tree::Node;

/// What was found in an object: keys that are not simulated, and keys nobody knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Keys that are not simulated.
    pub left_out: Vec<LeftOut>,
    /// Dotted paths of keys that no table has.
    pub unknown: Vec<String>,
}

/// Looks through an object of a kind that is read by its keys alone.
pub fn in_tree(kind: &str, root: &Node) -> Keys {
    let mut found = Keys::default();
    if fields_of(kind).is_some() {
        look(kind, "", root, &mut found);
    }
    found
}

fn look(kind: &str, above: &str, node: &Node, found: &mut Keys) {
    let section = fields_of(kind).expect("looked up before");
    for entry in node.entries() {
        let path = match above {
            "" => entry.key.clone(),
            _ => format!("{above}.{}", entry.key),
        };
        match section.fate(&path) {
            Some(Fate::NotModelled(rule)) if rule.applies(&path, &entry.node) => {
                found.left_out.push(LeftOut { path, rule });
            }
            Some(_) => {}
            None if entry.node.is_map() => look(kind, &path, &entry.node, found),
            None if entry.node.items().iter().any(Node::is_map) => {
                entry.node.items().iter().for_each(|item| look(kind, &path, item, found));
            }
            None => found.unknown.push(path),
        }
    }
}
