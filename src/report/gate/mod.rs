//! What a check found: workloads against rules, for people, pull requests, and the tools of a pipeline.

mod annotations;
pub mod diff;
#[cfg(feature = "cli")]
mod junit;
mod sarif;

use super::answer::Answer;
use super::figure::Figure;
use super::words::{count, leaves, plural};
use super::workloads::NotSimulated;
use crate::policy::{Judged, Judgement};
pub use annotations::annotations;
#[cfg(feature = "cli")]
pub use junit::junit;
pub use sarif::sarif;
use schemars::JsonSchema;
use serde::Serialize;

/// Version of the document.
pub const SCHEMA: u32 = 1;

/// All workloads of a check.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Check {
    /// Version of this schema: 1 or more.
    pub schema: u32,
    /// What was checked.
    pub name: String,
    /// Where the rules stand.
    pub policy: String,
    /// Those that fail first, else in the order of the input.
    pub workloads: Vec<CheckRow>,
    /// Those that were refused or are of another kind.
    pub not_simulated: Vec<NotSimulated>,
    /// Which rollsim checked, with the seed.
    pub signature: String,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Place {
    /// As it was given.
    pub file: String,
    /// From 1.
    pub line: u32,
}

impl From<(&str, u32)> for Place {
    fn from((file, line): (&str, u32)) -> Place {
        Place { file: file.to_owned(), line }
    }
}

/// A change that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Remedy {
    /// Settings that belong together, `KEY=VALUE` as `--set` takes them.
    pub change: Vec<String>,
    /// What is lost with it.
    pub lost: f64,
    /// The run with it.
    pub command: String,
}

impl Remedy {
    /// What it comes to, in a clause.
    pub fn leaves(&self) -> String {
        leaves(self.lost)
    }
}

/// One workload.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CheckRow {
    /// Such as `deployment/web`.
    pub workload: String,
    /// Where its setting stands that is to blame, else where it begins.
    pub place: Option<Place>,
    /// What became of each rule that is about it.
    pub rules: Vec<Judged>,
    /// Requests lost by its rollouts.
    pub lost: Figure,
    /// How long one takes; none where it does not complete.
    pub complete_s: Option<f64>,
    /// The answer in a sentence or two.
    pub verdict: String,
    /// What would help, tried.
    pub remedy: Option<Remedy>,
    /// Requests lost by a rollout before the change.
    pub base: Option<Figure>,
    /// Requests lost by the rollout that brings the change.
    pub bringing: Option<Figure>,
    /// What is different since the baseline, in a sentence.
    pub since: Option<String>,
    /// The run that gives this answer.
    pub command: String,
    /// Of everything that happened, hexadecimal.
    pub digest: String,
}

impl CheckRow {
    /// The row of an answer, with what else is known left open.
    pub fn of(answer: &Answer, command: String, rules: Vec<Judged>) -> CheckRow {
        CheckRow {
            workload: answer.name.clone(),
            place: None,
            rules,
            lost: answer.lost.total,
            complete_s: answer.rollout.duration_s.map(|d| d.mean),
            verdict: answer.verdict.clone(),
            remedy: None,
            base: None,
            bringing: None,
            since: None,
            command,
            digest: answer.provenance.digest.clone(),
        }
    }

    /// A rule is broken.
    pub fn fails(&self) -> bool {
        self.rules.iter().any(|rule| rule.judgement == Judgement::Broken)
    }

    /// A rule is broken, and may be for a while.
    pub fn is_allowed(&self) -> bool {
        !self.fails() && self.rules.iter().any(|rule| rule.judgement == Judgement::Allowed)
    }

    fn broken(&self) -> impl Iterator<Item = &Judged> {
        self.rules.iter().filter(|rule| rule.judgement == Judgement::Broken)
    }

    /// What the rollout that brings the change loses, where later ones lose less.
    pub fn brings(&self) -> Option<String> {
        let bringing = self.bringing?.mean;
        // By more than chance and a twentieth: a change that makes no difference has nothing to bring.
        (bringing > 1.05 * self.lost.mean + 0.5).then(|| {
            let later = count(self.lost.mean);
            format!(
                "the rollout that brings this change loses {} once more, every later one {later}: the \
                 pods before it are as they were",
                count(bringing)
            )
        })
    }
}

/// A broken rule in a sentence: what must hold, and what was found.
pub fn sentence(rule: &Judged) -> String {
    let found = rule.found.iter().map(|(name, value)| format!("{name} is {value}"));
    let found = found.collect::<Vec<_>>().join(", ");
    let remark = if rule.remark.is_empty() { "" } else { &format!(" ({})", rule.remark) };
    format!("{}: expected {}; {found}{remark}", rule.id, rule.expect)
}

impl Check {
    /// Puts what fails first.
    pub fn new(
        name: &str,
        policy: &str,
        mut workloads: Vec<CheckRow>,
        not_simulated: Vec<NotSimulated>,
        signature: String,
    ) -> Check {
        workloads.sort_by_key(|row| !row.fails());
        let (name, policy) = (super::words::printable(name), policy.to_owned());
        Check { schema: SCHEMA, name, policy, workloads, not_simulated, signature }
    }

    /// No rule is broken, and everything was looked at.
    pub fn passes(&self) -> bool {
        self.not_simulated.is_empty() && !self.workloads.iter().any(CheckRow::fails)
    }

    /// `12 workloads: 10 pass, 1 fails, 1 allowed`.
    pub fn verdict(&self) -> String {
        let all = self.workloads.len() + self.not_simulated.len();
        let number =
            |of: &dyn Fn(&CheckRow) -> bool| self.workloads.iter().filter(|row| of(row)).count();
        let (fail, allowed) = (number(&CheckRow::fails), number(&CheckRow::is_allowed));
        let pass = self.workloads.len() - fail - allowed;
        let verb = |n: usize, one: &str, many: &str| match n {
            1 => format!("1 {one}"),
            n => format!("{n} {many}"),
        };
        let mut parts = vec![verb(pass, "passes", "pass")];
        if fail > 0 {
            parts.push(verb(fail, "fails", "fail"));
        }
        if allowed > 0 {
            parts.push(format!("{allowed} allowed"));
        }
        if !self.not_simulated.is_empty() {
            parts.push(format!("{} not simulated", self.not_simulated.len()));
        }
        format!("{}: {}", plural(all as u64, "workload"), parts.join(", "))
    }
}
