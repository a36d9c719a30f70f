//! Which entries a card may have: those that a card of its kind in the binary has.

use super::{CardKind, EMBEDDED, HEAD_KEYS};
use crate::input::text::diagnostics::{Diagnostic, Diagnostics, did_you_mean};
use crate::input::text::toml_text;
use crate::input::text::tree::Node;
use std::collections::BTreeSet;

/// Of applications, which no embedded card needs.
const OF_APPS: [&str; 4] = ["concurrency", "connections", "lame_duck", "queue"];

fn known(kind: CardKind) -> BTreeSet<String> {
    let cards = EMBEDDED.iter().filter(|(k, ..)| *k == kind);
    let roots = cards.filter_map(|(.., text)| toml_text::parse(text).ok());
    let mut keys: BTreeSet<String> =
        roots.flat_map(|root| own(&root).map(|e| e.0.to_owned()).collect::<Vec<_>>()).collect();
    if kind == CardKind::App {
        keys.extend(OF_APPS.map(str::to_owned));
    }
    keys
}

/// The entries of a card, with their lines.
fn own(root: &Node) -> impl Iterator<Item = (&str, u32)> {
    let entries = root.entries().iter().map(|e| (e.key.as_str(), e.line));
    entries.filter(|(key, _)| !HEAD_KEYS.contains(key))
}

/// An entry that nothing would read is a mistake.
pub(super) fn check(kind: CardKind, file: &str, root: &Node) -> Result<(), Diagnostics> {
    let known = known(kind);
    let mut problems = Diagnostics::default();
    for (key, line) in own(root).filter(|(key, _)| !known.contains(*key)) {
        let names = || known.iter().map(String::as_str);
        let mut error = Diagnostic::error(file, format!("unknown entry \"{key}\""))
            .at(Some(line).filter(|l| *l > 0), key)
            .allowed(names().collect::<Vec<_>>().join(", "));
        error.suggestion = did_you_mean(key, names()).map(|k| format!("did you mean \"{k}\"?"));
        problems.push(error);
    }
    if problems.has_errors() { Err(problems) } else { Ok(()) }
}
