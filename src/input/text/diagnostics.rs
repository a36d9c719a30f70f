//! What is wrong with an input, for people: where it stands, what was found, what is allowed, what to do.

use std::borrow::Cow;
use std::fmt;

/// Whether a finding stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing can be simulated.
    Error,
    /// It is simulated all the same.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it stands in the way.
    pub severity: Severity,
    /// The file as the user named it; empty for the command line.
    pub file: String,
    /// From 1.
    pub line: Option<u32>,
    /// The key, e.g. `spec.strategy.rollingUpdate.maxSurge`; empty for the whole file.
    pub path: String,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What the input has, where that helps.
    pub found: Option<String>,
    /// What would be accepted: a range, a list, a form.
    pub allowed: Option<String>,
    /// What to do, or what was probably meant.
    pub suggestion: Option<String>,
}

impl Diagnostic {
    /// An error about a whole file; `file` is empty for the command line.
    pub fn error(file: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            file: file.to_owned(),
            line: None,
            path: String::new(),
            message: message.into(),
            found: None,
            allowed: None,
            suggestion: None,
        }
    }

    /// Says where it stands: the line, from 1, and the key.
    pub fn at(mut self, line: Option<u32>, path: impl Into<String>) -> Diagnostic {
        self.line = line;
        self.path = path.into();
        self
    }

    /// Says what the input has.
    pub fn found(mut self, found: impl Into<String>) -> Diagnostic {
        self.found = Some(found.into());
        self
    }

    /// Says what would be accepted.
    pub fn allowed(mut self, allowed: impl Into<String>) -> Diagnostic {
        self.allowed = Some(allowed.into());
        self
    }

    /// Says what to do.
    pub fn suggest(mut self, suggestion: impl Into<String>) -> Diagnostic {
        self.suggestion = Some(suggestion.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: ")?;
        match (self.file.as_str(), self.line) {
            ("", _) => {}
            (file, Some(line)) => write!(f, "{file}:{line}: ")?,
            (file, None) => write!(f, "{file}: ")?,
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", short(&self.path, 200))?;
        }
        f.write_str(&short(&self.message, 400))?;
        let parts = [
            ("found", &self.found, 80),
            ("allowed", &self.allowed, 2000),
            ("help", &self.suggestion, 400),
        ];
        for (name, text, most) in parts {
            if let Some(text) = text {
                write!(f, "\n  {name:<8}{}", short(text, most))?;
            }
        }
        Ok(())
    }
}

/// At most so many characters of a text: a message is read by people, whatever stands in a file.
fn short(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Most findings that are shown.
const SHOWN: usize = 50;

/// All findings about an input; as an error it holds at least one of severity `Error`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Says each thing once.
    pub fn unique(&mut self) {
        let mut seen: Vec<Diagnostic> = Vec::new();
        for diagnostic in std::mem::take(&mut self.0) {
            if !seen.contains(&diagnostic) {
                seen.push(diagnostic);
            }
        }
        self.0 = seen;
    }

    /// The first error without its details, for a row of a table.
    pub fn in_a_line(&self) -> String {
        let mut errors = self.0.iter().filter(|d| d.severity == Severity::Error);
        let first = errors.next().map(Diagnostic::to_string).unwrap_or_default();
        let line = first.lines().next().unwrap_or_default();
        let text = line.strip_prefix("error: ").unwrap_or(line);
        match errors.count() {
            0 => text.to_owned(),
            more => format!("{text} (and {more} more)"),
        }
    }

    /// Whether something stands in the way, other than warnings.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Diagnostics {
        Diagnostics(vec![diagnostic])
    }
}

impl From<Box<Diagnostic>> for Diagnostics {
    fn from(diagnostic: Box<Diagnostic>) -> Diagnostics {
        Diagnostics(vec![*diagnostic])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.0.iter().take(SHOWN).enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nerror: and {more} more like these"),
        }
    }
}

impl std::error::Error for Diagnostics {}

/// The candidate that `word` most likely was meant to be, for suggestions: misspelt, or the only one that
/// starts or ends alike.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(close) = misspelt(word, candidates.iter().copied()) {
        return Some(close);
    }
    let word = plain(word);
    let mut alike = candidates.into_iter().filter(|candidate| {
        let text = plain(candidate);
        let (short, long) = if text.len() < word.len() { (&text, &word) } else { (&word, &text) };
        short.len() >= 4 && (long.starts_with(short.as_str()) || long.ends_with(short.as_str()))
    });
    match (alike.next(), alike.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// The candidate that `word` is a misspelling of: equal but for case or separators, or a few letters away.
pub fn misspelt<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let word = plain(word);
    let limit = match word.chars().count() {
        0..=2 => 0,
        3..=4 => 1,
        5..=8 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&word, &plain(c)), c))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Letters and digits only, in lower case.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
