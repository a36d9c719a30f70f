//! A change: settings and values that belong together, as `--set` takes them.

use crate::input::{Diagnostics, Input};
use crate::scenario::Scenario;
use std::fmt;

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// Where it stands.
    pub path: String,
    /// What is set there.
    pub value: String,
}

impl Edit {
    /// Of `KEY=VALUE`; None: there is no `=`.
    pub fn parse(setting: &str) -> Option<Edit> {
        let (path, value) = setting.split_once('=')?;
        Some(Edit { path: path.trim().to_owned(), value: value.trim().to_owned() })
    }
}

/// Settings that are changed together; none: everything stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change(pub Vec<Edit>);

impl Change {
    /// One setting alone.
    pub fn one(path: &str, value: impl fmt::Display) -> Change {
        Change(vec![Edit { path: path.to_owned(), value: value.to_string() }])
    }

    /// Both; where they set the same, `other` has the last word.
    pub fn and(&self, other: &Change) -> Change {
        let mut edits = self.0.clone();
        for edit in &other.0 {
            edits.retain(|mine| mine.path != edit.path);
            edits.push(edit.clone());
        }
        Change(edits)
    }

    /// With one more setting.
    pub fn with(&self, path: &str, value: impl fmt::Display) -> Change {
        self.and(&Change::one(path, value))
    }

    /// What of it is not in `before`.
    pub fn beyond(&self, before: &Change) -> Change {
        Change(self.0.iter().filter(|edit| !before.0.contains(edit)).cloned().collect())
    }

    /// The input with it.
    ///
    /// # Errors
    /// A path is unknown, or a value has the wrong type.
    pub fn apply(&self, input: &Input) -> Result<Input, Diagnostics> {
        let mut changed = input.clone();
        // What is not read any more with the change was of use without it.
        changed.must_use.clear();
        for Edit { path, value } in &self.0 {
            changed.set(path, value)?;
            changed.must_use(path);
        }
        Ok(changed)
    }

    /// The input and scenario with it; None: it is refused, or does nothing.
    pub fn lower(&self, input: &Input) -> Option<(Input, Scenario)> {
        let changed = self.apply(input).ok()?;
        let scenario = changed.lower().ok()?;
        Some((changed, scenario))
    }

    /// ` --set KEY=VALUE` for each setting, quoted where a shell would take it apart.
    pub fn arguments(&self) -> String {
        self.0.iter().map(|edit| format!(" --set {}", quoted(&edit.to_string()))).collect()
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.path, self.value)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, edit) in self.0.iter().enumerate() {
            write!(f, "{}{edit}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// A word for a shell.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=%:,@+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts_and_shells_take_it() {
        let hook = Change::one("preStop.sleep.seconds", 5).with("maxUnavailable", "0");
        let both = hook.and(&Change::one("preStop.sleep.seconds", 10));
        assert_eq!(both.to_string(), "maxUnavailable=0, preStop.sleep.seconds=10");
        assert_eq!(both.beyond(&hook).to_string(), "preStop.sleep.seconds=10");
        let gate = Change::one("readinessGates", "[{conditionType: a/b}]");
        assert_eq!(gate.arguments(), " --set 'readinessGates=[{conditionType: a/b}]'");
    }
}
