//! Figures of an earlier check, to tell a change of the manifests from a change of rollsim.

use super::figures::{Figures, Found};
use crate::input::Diagnostic;
use crate::sweep::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The figures that are kept.
const KEPT: [&str; 5] = ["lost", "probability_none", "incomplete", "rollout", "peak_pods"];

/// What a check found, for later ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Version of the format: 1.
    pub schema: u32,
    /// Which rollsim found it.
    pub version: String,
    /// By workload.
    pub workloads: BTreeMap<String, Entry>,
}

/// One workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Of everything that the simulation was given: equal where the same was asked.
    pub input: String,
    /// Of everything that happened.
    pub digest: String,
    /// Means by name.
    pub figures: BTreeMap<String, f64>,
}

/// What is different since then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Nothing.
    Same,
    /// It was not there.
    New,
    /// The manifests, or the world: the same rollsim, or a prediction that follows from them.
    Input,
    /// The same was asked, and rollsim answers otherwise.
    Rollsim,
}

impl Baseline {
    /// Reads the text of `file`.
    ///
    /// # Errors
    /// It is no baseline.
    pub fn parse(file: &str, text: &str) -> Result<Baseline, Box<Diagnostic>> {
        let problem = |message: String| Box::new(Diagnostic::error(file, message));
        let baseline: Baseline =
            serde_json::from_str(text).map_err(|e| problem(format!("this is no baseline: {e}")))?;
        match baseline.schema {
            1 => Ok(baseline),
            other => Err(problem(format!("unknown version {other} of the format, expected 1"))),
        }
    }

    /// As a file.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("plain data");
        text.push('\n');
        text
    }

    /// What is different about a workload.
    pub fn since(&self, workload: &str, now: &Entry) -> Since {
        match self.workloads.get(workload) {
            None => Since::New,
            Some(then) if then.input != now.input => Since::Input,
            Some(then) if then.digest != now.digest || then.figures != now.figures => {
                Since::Rollsim
            }
            Some(_) => Since::Same,
        }
    }
}

impl Entry {
    /// Of an answer; numbers are cut to what a file shows.
    pub fn of(input: String, digest: String, figures: &Figures) -> Entry {
        let kept = KEPT.iter().filter_map(|name| match figures.find(name) {
            Found::Value(Value::Float(x)) => Some(((*name).to_owned(), (x * 1e6).round() / 1e6)),
            _ => None,
        });
        Entry { input, digest, figures: kept.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(input: &str, digest: &str) -> Entry {
        Entry { input: input.into(), digest: digest.into(), figures: BTreeMap::new() }
    }

    #[test]
    fn a_changed_manifest_is_told_from_a_changed_rollsim() {
        let workloads = BTreeMap::from([("deployment/web".to_owned(), entry("a", "1"))]);
        let then = Baseline { schema: 1, version: "0.1.0".into(), workloads };
        let then = Baseline::parse("b.json", &then.text()).expect("what was written can be read");
        for (workload, now, since) in [
            ("deployment/web", entry("a", "1"), Since::Same),
            ("deployment/web", entry("b", "2"), Since::Input),
            ("deployment/web", entry("a", "2"), Since::Rollsim),
            ("deployment/pay", entry("a", "1"), Since::New),
        ] {
            assert_eq!(then.since(workload, &now), since, "{workload} {now:?}");
        }
    }
}
