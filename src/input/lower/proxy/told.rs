//! What a proxy's configuration says, and how its words are read.

use crate::input::text::diagnostics::Diagnostic;
use crate::input::text::tree::{Value, quoted};

/// What a configuration says in the place of a card's entries.
pub struct Told<'a> {
    /// The file's name.
    pub file: &'a str,
    /// Key of the card, value, line.
    pub entries: Vec<(&'static str, Value, u32)>,
    /// What is not modelled and can change the answer.
    pub left_out: Vec<String>,
    /// What cannot be read.
    pub problems: Vec<Diagnostic>,
}

impl<'a> Told<'a> {
    /// Nothing yet.
    pub fn new(file: &'a str) -> Told<'a> {
        Told { file, entries: Vec::new(), left_out: Vec::new(), problems: Vec::new() }
    }

    /// The last word counts.
    pub fn set(&mut self, key: &'static str, value: Value, line: u32) {
        self.entries.retain(|(known, ..)| *known != key);
        self.entries.push((key, value, line));
    }

    /// A number, in the unit of the card.
    pub fn number(&mut self, key: &'static str, value: f64, line: u32) {
        self.set(key, Value::Float(value), line);
    }

    /// A word of the card.
    pub fn word(&mut self, key: &'static str, value: &str, line: u32) {
        self.set(key, Value::Str(value.to_owned()), line);
    }

    /// Something that is not modelled and can change the answer; each is named once.
    pub fn leave_out(&mut self, what: String) {
        if !self.left_out.contains(&what) {
            self.left_out.push(what);
        }
    }

    /// Something that cannot be read.
    pub fn fail(&mut self, line: u32, path: &str, message: &str) -> &mut Diagnostic {
        let error = Diagnostic::error(self.file, message).at((line > 0).then_some(line), path);
        self.problems.push(error);
        self.problems.last_mut().expect("just pushed")
    }
}

/// Seconds from a number with one of these units behind it; without one it is in `plain`.
pub fn seconds(text: &str, units: &[(&str, f64)], plain: f64) -> Option<f64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit {
        "" => plain,
        unit => units.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.parse::<f64>().ok().filter(|x| x.is_finite()).map(|x| x * factor)
}

/// A message and what was found.
pub fn not_a(what: &str, found: &str) -> (String, String) {
    (format!("not a {what}"), quoted(found))
}
