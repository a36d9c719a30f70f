//! `expect.toml`: what was published about an experiment, as rules of a policy.

use rollsim::policy::{Figures, Policy, judge};
use serde::Deserialize;
use std::path::Path;
use toml::value::Date;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub schema: u32,
    /// Who published it, and where.
    pub source: String,
    /// How many rollouts are simulated.
    #[serde(default = "replications")]
    pub replications: u32,
    /// The folder's scenario, once or with several settings.
    pub step: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub name: String,
    /// Settings on top of the folder's, as `--set` takes them.
    #[serde(default)]
    pub set: Vec<String>,
    /// What the source says.
    pub seen: String,
    /// What has to hold.
    #[serde(default)]
    pub rule: Vec<Rule>,
    /// Kinds of failure in the order of their median send time.
    #[serde(default)]
    pub order: Vec<String>,
}

/// A rule as `rollsim.toml` has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub expect: String,
    /// What `base.` means: a folder (its first step), `folder#step`, or `#step` of this folder.
    #[serde(default)]
    pub than: String,
    /// Why it leaves more room than a factor of 3: a sentence of the page.
    #[serde(default)]
    pub why: String,
}

fn replications() -> u32 {
    100
}

impl Expect {
    pub fn read(folder: &Path) -> Expect {
        let path = folder.join("expect.toml");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let expect: Expect =
            toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(expect.schema, 1, "{}", path.display());
        assert!((1..=400).contains(&expect.replications), "{}: keep it fast", path.display());
        assert!(!expect.step.is_empty(), "{} has no step", path.display());
        expect
    }
}

impl Rule {
    /// What is wrong, of these figures and those that they are compared with.
    pub fn broken(&self, this: &Figures, base: Option<&Figures>) -> Option<String> {
        let text =
            format!("schema = 1\n[[rule]]\nid = \"published\"\nexpect = {:?}\n", self.expect);
        let policy = match Policy::parse("expect.toml", &text) {
            Ok(policy) => policy,
            Err(problem) => return Some(problem.to_string()),
        };
        let unknown = policy.unknown_names(std::slice::from_ref(this));
        if !unknown.is_empty() {
            return Some(unknown.join("; "));
        }
        const DAY: Date = Date { year: 2000, month: 1, day: 1 };
        let sides = rollsim::policy::judge::Sides { this, base, bringing: None };
        let judged = judge(&policy, "experiment", sides, DAY).remove(0);
        let kept = judged.judgement == rollsim::policy::Judgement::Kept;
        let found = || judged.found.iter().map(|(name, value)| format!("{name} is {value}"));
        let said = || format!("{} ({})", judged.expect, found().collect::<Vec<_>>().join(", "));
        (!kept).then(said)
    }

    /// The other folder and its step (empty: the first); None: it is compared with nothing.
    pub fn place<'a>(&'a self, folder: &'a str) -> Option<(&'a str, &'a str)> {
        let (other, step) = self.than.split_once('#').unwrap_or((&self.than, ""));
        let other = if other.is_empty() { folder } else { other };
        (!self.than.is_empty()).then_some((other, step))
    }

    /// Whether it says something: a comparison, or each figure within a factor of 3, or next to nothing, or a
    /// share.
    pub fn is_narrow(&self) -> bool {
        if !self.than.is_empty()
            || self.expect.contains("range.")
            || self.expect.contains("single.")
        {
            return true;
        }
        let mut sides: Vec<(&str, f64, f64)> = Vec::new();
        for part in self.expect.split(" and ") {
            let op = [" >= ", " <= ", " == "].into_iter().find(|op| part.contains(op));
            let Some((figure, bound)) = op.and_then(|op| part.split_once(op)) else { return false };
            let Ok(bound) = bound.trim().parse::<f64>() else { return false };
            let share =
                ["probability_none", "rollout.completed", "rollout.progress_deadline_exceeded"];
            let most =
                if share.contains(&figure) || figure.contains('/') { 1.0 } else { f64::INFINITY };
            let at = sides.iter().position(|side| side.0 == figure).unwrap_or_else(|| {
                sides.push((figure, 0.0, most));
                sides.len() - 1
            });
            if op != Some(" <= ") {
                sides[at].1 = bound;
            }
            if op != Some(" >= ") {
                sides[at].2 = bound;
            }
        }
        sides.iter().all(|(_, low, high)| *high <= 3.0 * low || *high <= 1.0)
    }
}
