//! Rules applied to the answers for one workload.

use super::figures::{Figures, Found};
use super::file::{BASE, BRINGING, Policy, Rule};
use crate::sweep::Value;
use schemars::JsonSchema;
use serde::Serialize;
use toml::value::Date;

/// What became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// It holds.
    Kept,
    /// It does not.
    Broken,
    /// It does not, and may for a while.
    Allowed,
    /// There is nothing to compare with: the workload is new, or no base was given.
    NothingToCompare,
}

/// One rule and one workload.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Judged {
    /// Of the rule.
    pub id: String,
    /// What became of it.
    pub judgement: Judgement,
    /// What must hold, as written.
    pub expect: String,
    /// The figures it speaks of, with their values.
    pub found: Vec<(String, String)>,
    /// The reason of an exception, or why a rule could not be held; else empty.
    pub remark: String,
}

/// The answers for one workload.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// The rollouts to come.
    pub this: &'a Figures,
    /// Those before the change.
    pub base: Option<&'a Figures>,
    /// The one that brings the change; None: nothing changes, or there is no base.
    pub bringing: Option<&'a Figures>,
}

impl Sides<'_> {
    fn find(&self, name: &str) -> Found {
        let of = |figures: Option<&Figures>, rest: &str| {
            figures.map_or(Found::Unknown, |figures| figures.find(rest))
        };
        match (name.strip_prefix(BASE), name.strip_prefix(BRINGING)) {
            (Some(rest), _) => of(self.base, rest),
            // Where nothing changes every rollout is like the next one.
            (_, Some(rest)) => of(self.bringing.or(self.base.map(|_| self.this)), rest),
            _ => self.this.find(name),
        }
    }

    fn lacks(&self, rule: &Rule) -> bool {
        self.base.is_none() && rule.needs_base()
    }
}

/// All rules that are about `workload`, in the order of the policy; `today` decides on exceptions.
pub fn judge(policy: &Policy, workload: &str, sides: Sides, today: Date) -> Vec<Judged> {
    let about = policy.rules.iter().filter(|rule| rule.on.matches(workload));
    about.map(|rule| one(policy, rule, workload, sides, today)).collect()
}

fn one(policy: &Policy, rule: &Rule, workload: &str, sides: Sides, today: Date) -> Judged {
    let find = |name: &str| sides.find(name);
    let (judgement, remark) = if sides.lacks(rule) {
        (Judgement::NothingToCompare, "there is nothing to compare with".to_owned())
    } else {
        match rule.values(&find) {
            Ok(values) if rule.condition.holds(&values) => (Judgement::Kept, String::new()),
            Ok(_) => excused(policy, rule, workload, today, String::new()),
            Err(name) => {
                let text = format!("{name} has no value: the rollout does not get there");
                excused(policy, rule, workload, today, text)
            }
        }
    };
    let value = |name: &String| match find(name) {
        Found::Value(value) => (name.clone(), shown(&value)),
        Found::Nothing | Found::Unknown => (name.clone(), "-".to_owned()),
    };
    let found = rule.names.iter().map(value).collect();
    Judged { id: rule.id.clone(), judgement, expect: rule.expect.clone(), found, remark }
}

/// A broken rule, with the exception that is made, or was.
fn excused(
    policy: &Policy,
    rule: &Rule,
    workload: &str,
    today: Date,
    remark: String,
) -> (Judgement, String) {
    let about = |a: &&super::file::Allow| a.id.matches(&rule.id) && a.on.matches(workload);
    let mut allows: Vec<_> = policy.allows.iter().filter(about).collect();
    allows.sort_by_key(|allow| std::cmp::Reverse(key(allow.until)));
    match allows.first() {
        Some(allow) if key(allow.until) >= key(today) => {
            (Judgement::Allowed, format!("until {}: {}", allow.until, allow.why))
        }
        Some(allow) => {
            let ended = format!("the exception ended on {} ({})", allow.until, allow.why);
            let both = [remark, ended].into_iter().filter(|part| !part.is_empty());
            (Judgement::Broken, both.collect::<Vec<_>>().join("; "))
        }
        None => (Judgement::Broken, remark),
    }
}

fn key(date: Date) -> (u16, u8, u8) {
    (date.year, date.month, date.day)
}

fn shown(value: &Value) -> String {
    match value.number() {
        Some(x) => format!("{}", (x * 1000.0).round() / 1000.0),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DAY: Date = Date { year: 2026, month: 12, day: 1 };

    fn figures(lost: f64, duration: Option<f64>) -> Figures {
        let duration = duration.map(|s| json!({"mean": s, "range": [s, s]}));
        Figures::of(&json!({
            "lost": {"total": {"mean": lost, "range": [lost, lost]}},
            "rollout": {"duration_s": duration},
        }))
    }

    fn policy(allow: &str) -> Policy {
        let text = format!(
            "schema = 1\n[[rule]]\nid = \"loss\"\nexpect = \"lost <= 1\"\n\
             [[rule]]\nid = \"fast\"\nexpect = \"rollout.p97 <= 60\"\n\
             [[rule]]\nid = \"worse\"\nexpect = \"lost <= base.lost + 1\"\n{allow}"
        );
        Policy::parse("rollsim.toml", &text).unwrap_or_else(|e| panic!("{e}"))
    }

    fn judgements(allow: &str, sides: Sides) -> Vec<Judgement> {
        judge(&policy(allow), "deployment/web", sides, DAY).iter().map(|j| j.judgement).collect()
    }

    #[test]
    fn rules_are_kept_broken_or_have_nothing_to_compare_with() {
        use Judgement::*;
        let (good, bad) = (figures(0.0, Some(20.0)), figures(9.0, None));
        let alone = |this| Sides { this, base: None, bringing: None };
        assert_eq!(judgements("", alone(&good)), [Kept, Kept, NothingToCompare]);
        assert_eq!(judgements("", alone(&bad)), [Broken, Broken, NothingToCompare]);
        let worse = Sides { this: &bad, base: Some(&good), bringing: None };
        assert_eq!(judgements("", worse), [Broken, Broken, Broken]);
        let no_worse = Sides { this: &bad, base: Some(&bad), bringing: None };
        assert_eq!(judgements("", no_worse)[2], Kept);
    }

    #[test]
    fn an_exception_holds_to_its_last_day_and_is_named_after_it() {
        let bad = figures(9.0, None);
        let sides = Sides { this: &bad, base: None, bringing: None };
        let allow = |until: &str| {
            format!("[[allow]]\nid = \"loss\"\non = \"*/web\"\nuntil = {until}\nwhy = \"one pod\"")
        };
        assert_eq!(judgements(&allow("2026-12-01"), sides)[0], Judgement::Allowed);
        let late = judge(&policy(&allow("2026-11-30")), "deployment/web", sides, DAY);
        assert_eq!(late[0].judgement, Judgement::Broken);
        assert_eq!(late[0].remark, "the exception ended on 2026-11-30 (one pod)");
    }
}
