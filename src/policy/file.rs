//! `rollsim.toml`: the world that workloads are rolled out in, rules, and exceptions.

use super::figures::{Figures, Found};
use crate::expr::Condition;
use crate::input::text::diagnostics::did_you_mean;
use crate::input::{Diagnostic, Diagnostics};
use crate::sweep::Value;
use glob::Pattern;
use serde::Deserialize;
use std::cell::RefCell;
use toml::Spanned;
use toml::value::{Date, Datetime};

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    schema: u32,
    #[serde(default)]
    world: World,
    #[serde(default)]
    workload: Vec<Spanned<RawWorkload>>,
    #[serde(default)]
    rule: Vec<Spanned<RawRule>>,
    #[serde(default)]
    allow: Vec<Spanned<RawAllow>>,
}

#[derive(Deserialize)]
struct RawWorkload {
    on: String,
    #[serde(flatten)]
    world: World,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: String,
    expect: String,
    on: Option<String>,
    #[serde(default)]
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAllow {
    id: String,
    on: String,
    until: Datetime,
    why: String,
}

/// What manifests do not say, the same for every workload or for some. Paths are relative to the file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// An application card, by name or path.
    pub app: Option<String>,
    /// A platform card, by name or path.
    pub platform: Option<String>,
    /// A scheduler card, by name or path.
    pub scheduler: Option<String>,
    /// Requests per second.
    pub rate_per_s: Option<f64>,
    /// `1.34`: the version of Kubernetes, where the input does not tell.
    pub kubernetes: Option<String>,
    /// Further settings, `KEY=VALUE` as `--set` takes them.
    #[serde(default)]
    pub set: Vec<String>,
}

impl World {
    /// This one, and where it says nothing `other`. Settings of both, those of this one last.
    fn or(&self, other: &World) -> World {
        let first = |a: &Option<String>, b: &Option<String>| a.clone().or_else(|| b.clone());
        World {
            app: first(&self.app, &other.app),
            platform: first(&self.platform, &other.platform),
            scheduler: first(&self.scheduler, &other.scheduler),
            rate_per_s: self.rate_per_s.or(other.rate_per_s),
            kubernetes: first(&self.kubernetes, &other.kubernetes),
            set: other.set.iter().chain(&self.set).cloned().collect(),
        }
    }
}

/// What must hold of the rollouts of some workloads.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Short and unique: exceptions and reports name it.
    pub id: String,
    /// As written.
    pub expect: String,
    /// The same, understood; its names are indices into `names`.
    pub condition: Condition,
    /// The figures that it speaks of.
    pub names: Vec<String>,
    /// Of which workloads.
    pub on: Pattern,
    /// For people; may be empty.
    pub why: String,
}

/// A rule that may be broken for a while.
#[derive(Clone, Debug)]
pub struct Allow {
    /// Of the rule; `*`: of every one.
    pub id: Pattern,
    /// Of which workloads.
    pub on: Pattern,
    /// The last day.
    pub until: Date,
    /// The reason, for people.
    pub why: String,
}

/// A policy, checked.
#[derive(Clone, Debug)]
pub struct Policy {
    world: World,
    workloads: Vec<(Pattern, World)>,
    /// In the order of the file.
    pub rules: Vec<Rule>,
    /// In the order of the file.
    pub allows: Vec<Allow>,
}

/// What is held where there is no file.
const DEFAULT: &str = r#"schema = 1
[[rule]]
id = "ends"
expect = "incomplete <= 0"
why = "a rollout that does not end is no success"
[[rule]]
id = "lossless"
expect = "lost.mean <= 0.5"
why = "no more than one request in two rollouts"
[[rule]]
id = "no-worse"
expect = "lost.mean <= base.lost.mean + 0.5"
why = "a change makes no rollout worse"
"#;

impl Default for Policy {
    fn default() -> Policy {
        Policy::parse("the rules that are held by default", DEFAULT).expect("our own file")
    }
}

impl Policy {
    /// Reads the text of `file` (its name in messages).
    ///
    /// # Errors
    /// It is not TOML, has keys that mean nothing, or a rule that cannot be understood.
    pub fn parse(file: &str, text: &str) -> Result<Policy, Diagnostics> {
        let line = |at: usize| Some(text[..at.min(text.len())].matches('\n').count() as u32 + 1);
        let raw: Raw = toml::from_str(text).map_err(|e| {
            let line = e.span().and_then(|span| line(span.start));
            Diagnostic::error(file, e.message()).at(line, "")
        })?;
        let mut problems = Diagnostics::default();
        if raw.schema != 1 {
            let error = Diagnostic::error(file, "unknown version of the format").at(None, "schema");
            problems.push(error.found(raw.schema.to_string()).allowed("1"));
        }
        let mut fail = |at: usize, path: &str, message: String| {
            problems.push(Diagnostic::error(file, message).at(line(at), path));
        };
        let mut workloads = Vec::new();
        for one in &raw.workload {
            match pattern(&one.get_ref().on) {
                Ok(on) => workloads.push((on, one.get_ref().world.clone())),
                Err(message) => fail(one.span().start, "workload.on", message),
            }
        }
        let mut rules: Vec<Rule> = Vec::new();
        for one in &raw.rule {
            let at = one.span().start;
            match rule(one.get_ref()) {
                Ok(rule) if rules.iter().any(|r| r.id == rule.id) => {
                    fail(at, "rule.id", format!("\"{}\" is given twice", rule.id));
                }
                Ok(rule) => rules.push(rule),
                Err((path, message)) => fail(at, path, message),
            }
        }
        let mut allows = Vec::new();
        for one in &raw.allow {
            match allow(one.get_ref(), &rules) {
                Ok(allow) => allows.push(allow),
                Err((path, message)) => fail(one.span().start, path, message),
            }
        }
        let policy = Policy { world: raw.world, workloads, rules, allows };
        if problems.has_errors() { Err(problems) } else { Ok(policy) }
    }

    /// The world of one workload: of the entries that are about it, the later ones have the last word.
    pub fn world(&self, workload: &str) -> World {
        let about = self.workloads.iter().filter(|(on, _)| on.matches(workload));
        about.fold(self.world.clone(), |world, (_, more)| more.or(&world))
    }

    /// Names that are no figure of any answer.
    pub fn unknown_names(&self, answers: &[Figures]) -> Vec<String> {
        let unknown = |name: &&String| {
            let bare = bare(name);
            answers.iter().all(|figures| figures.find(bare) == Found::Unknown)
        };
        let said = |rule: &Rule, name: &String| {
            let near = answers.iter().flat_map(|figures| figures.names());
            let near = did_you_mean(bare(name), near);
            let near = near.map_or(String::new(), |near| format!(" - did you mean \"{near}\"?"));
            format!("rule {}: there is no figure \"{name}\"{near}", rule.id)
        };
        if answers.is_empty() {
            return Vec::new();
        }
        self.rules
            .iter()
            .flat_map(|rule| rule.names.iter().filter(unknown).map(move |name| said(rule, name)))
            .collect()
    }
}

/// Figures of the rollouts before the change are called so.
pub const BASE: &str = "base.";

/// Figures of the rollout that brings the change are called so.
pub const BRINGING: &str = "bringing.";

/// A figure's name without whose it is.
fn bare(name: &str) -> &str {
    name.strip_prefix(BASE).or_else(|| name.strip_prefix(BRINGING)).unwrap_or(name)
}

/// `*` stands for any letters, a slash among them.
fn pattern(text: &str) -> Result<Pattern, String> {
    Pattern::new(text).map_err(|e| format!("\"{text}\" is no pattern: {e}"))
}

type Wrong = (&'static str, String);

fn rule(raw: &RawRule) -> Result<Rule, Wrong> {
    let word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if raw.id.is_empty() || !raw.id.chars().all(word) {
        let text = format!("\"{}\" is no id: letters, digits, - _ and . are allowed", raw.id);
        return Err(("rule.id", text));
    }
    let names: RefCell<Vec<String>> = RefCell::default();
    let lookup = |name: &str| {
        let mut names = names.borrow_mut();
        let known = names.iter().position(|n| n == name);
        Ok(known.unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        }))
    };
    let condition =
        Condition::parse(&raw.expect, &lookup).map_err(|e| ("rule.expect", e.to_string()))?;
    let on = pattern(raw.on.as_deref().unwrap_or("*")).map_err(|text| ("rule.on", text))?;
    Ok(Rule {
        id: raw.id.clone(),
        expect: raw.expect.clone(),
        condition,
        names: names.into_inner(),
        on,
        why: raw.why.clone(),
    })
}

fn allow(raw: &RawAllow, rules: &[Rule]) -> Result<Allow, Wrong> {
    let id = pattern(&raw.id).map_err(|text| ("allow.id", text))?;
    if !rules.iter().any(|rule| id.matches(&rule.id)) {
        let near = did_you_mean(&raw.id, rules.iter().map(|r| r.id.as_str()));
        let near = near.map_or(String::new(), |near| format!(" - did you mean \"{near}\"?"));
        return Err(("allow.id", format!("there is no rule \"{}\"{near}", raw.id)));
    }
    let (Some(until), None, None) = (raw.until.date, raw.until.time, raw.until.offset) else {
        return Err(("allow.until", "expected a day, such as 2027-03-31".to_owned()));
    };
    if raw.why.trim().is_empty() {
        return Err(("allow.why", "an exception has a reason".to_owned()));
    }
    let on = pattern(&raw.on).map_err(|text| ("allow.on", text))?;
    Ok(Allow { id, on, until, why: raw.why.clone() })
}

impl Rule {
    /// Whether it speaks of the rollouts before the change, or of the one that brings it.
    pub fn needs_base(&self) -> bool {
        self.names.iter().any(|name| name.starts_with(BASE) || name.starts_with(BRINGING))
    }

    /// The values of its figures, in the order of `names`; None: one of them has none, by its name.
    pub fn values(&self, find: &dyn Fn(&str) -> Found) -> Result<Vec<Value>, String> {
        let value = |name: &String| match find(name) {
            Found::Value(value) => Ok(value),
            Found::Nothing | Found::Unknown => Err(name.clone()),
        };
        self.names.iter().map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> String {
        Policy::parse("rollsim.toml", text).map_or_else(|e| e.to_string(), |_| "none".to_owned())
    }

    #[test]
    fn a_file_is_read_and_the_nearest_world_counts() {
        let text = r#"
            schema = 1
            world = { app = "spring-boot", rate_per_s = 250, set = ["maxSurge=1"] }
            [[workload]]
            on = "deployment/pay*"
            rate_per_s = 10
            set = ["maxSurge=2"]
            [[rule]]
            id = "lossless"
            expect = "lost.mean <= 0.5 and probability_none >= 0.99"
            on = "deployment/*"
            [[allow]]
            id = "lossless"
            on = "deployment/redis-cart"
            until = 2026-12-31
            why = "single by design"
        "#;
        let policy = Policy::parse("rollsim.toml", text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(policy.rules[0].names, ["lost.mean", "probability_none"]);
        let world = policy.world("deployment/payment");
        assert_eq!((world.rate_per_s, world.app.as_deref()), (Some(10.0), Some("spring-boot")));
        assert_eq!(world.set, ["maxSurge=1", "maxSurge=2"]);
        assert_eq!(policy.world("deployment/web").rate_per_s, Some(250.0));
    }

    #[test]
    fn mistakes_are_named_with_their_lines() {
        let head = "schema = 1\n";
        for (text, says) in [
            (
                "[[rule]]\nid = \"a\"\nexpect = \"lost.mean\"",
                "rollsim.toml:2: rule.expect: expected a comparison",
            ),
            ("[[rule]]\nid = \"a b\"\nexpect = \"lost < 1\"", "\"a b\" is no id"),
            ("[[rules]]\nid = \"a\"", "unknown field `rules`"),
            ("[world]\nrate = 3", "unknown field `rate`"),
            (
                "[[rule]]\nid = \"loss\"\nexpect = \"lost < 1\"\n[[allow]]\nid = \"los\"\non = \"*\"\nuntil = 2027-01-01\nwhy = \"x\"",
                "there is no rule \"los\" - did you mean \"loss\"?",
            ),
        ] {
            let found = problems(&format!("{head}{text}"));
            assert!(found.contains(says), "{found}\n{says}");
        }
        assert!(problems("schema = 2").contains("unknown version"), "{}", problems("schema = 2"));
    }
}
