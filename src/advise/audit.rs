//! What each given setting does for the rollouts: they are run without it, on the same luck. A setting that
//! does nothing, or the opposite of what it is for, is named with the rule that says why, if one is known.

mod risks;

use super::change::Change;
use super::outcome::{Outcome, Sample};
use super::trial;
use crate::cluster::spec::{Hook, PodTemplate};
use crate::engine::Dur;
use crate::explain::{AUDIT_RULES, AuditRule};
use crate::input::Input;
use crate::input::differences;
use crate::run::RunOptions;
use crate::scenario::Scenario;

/// Settings that are there for a rollout's sake; of groups their first word.
const SETTINGS: [&str; 16] = [
    "readinessProbe",
    "livenessProbe",
    "startupProbe",
    "preStop",
    "terminationGracePeriodSeconds",
    "minReadySeconds",
    "maxSurge",
    "maxUnavailable",
    "readinessGates",
    "publishNotReadyAddresses",
    "externalTrafficPolicy",
    "internalTrafficPolicy",
    "sessionAffinity",
    "trafficDistribution",
    "deregistration",
    "proxy-next-upstream",
];

/// What a setting does, against the same rollouts without it.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Every rollout is the same without it.
    Nothing,
    /// Without it less is lost, and hardly any rollout loses more.
    Opposite,
    /// Anything else.
    Works,
    /// It cannot be left out.
    Needed,
    /// It does harm, and less with another value.
    Risk,
}

/// A setting that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Audited {
    /// As `--set` takes it.
    pub path: String,
    /// As it is, where it is one value.
    pub value: Option<String>,
    /// What it does.
    pub effect: Effect,
    /// Requests that it saves (below 0: loses), and seconds that it takes.
    pub saves: Option<f64>,
    /// Seconds that the rollout takes longer for it.
    pub seconds: Option<f64>,
    /// The rule that says why it does not work, by its id.
    pub rule: Option<&'static str>,
    /// The run that shows it.
    pub change: Change,
}

/// The one rule that is more than the setting it is about.
const HOOK_BEYOND_GRACE: &str = "hook-beyond-grace";

fn hook_beyond_grace(scenario: &Scenario) -> bool {
    let late = |template: &PodTemplate| {
        let grace = Dur::from_secs(template.termination_grace_period_seconds);
        let hooks = template.containers.iter().filter_map(|container| container.pre_stop.as_ref());
        hooks.map(Hook::length).any(|length| length >= grace)
    };
    scenario.workloads.iter().any(|workload| late(&workload.template))
}

/// What a run of `input` without each of its settings comes to, those that do nothing or the opposite first.
/// `scenario` is what it says, `today` what that comes to.
pub fn audit(
    input: &Input,
    (scenario, today): (&Scenario, &Outcome),
    options: &RunOptions,
) -> Vec<Audited> {
    let mut audited: Vec<Audited> = given(input)
        .into_iter()
        .map(|(path, value)| {
            let change = Change::one(&path, "null");
            let without = change.lower(input).and_then(|(_, s)| trial::outcome(&s, options));
            one(scenario, (path, value), change, today, without)
        })
        .collect();
    audited.extend(risks::risks(input, (scenario, today), options));
    audited.sort_by_key(|a| match a.effect {
        Effect::Risk | Effect::Opposite => 0,
        Effect::Nothing => 1,
        Effect::Works => 2,
        Effect::Needed => 3,
    });
    audited
}

fn one(
    scenario: &Scenario,
    (path, value): (String, Option<String>),
    change: Change,
    today: &Outcome,
    without: Option<Outcome>,
) -> Audited {
    let effect = match &without {
        None => Effect::Needed,
        Some(without) if is_same(&without.samples, &today.samples) => Effect::Nothing,
        Some(without) if without.is_better_than(today) => Effect::Opposite,
        Some(_) => Effect::Works,
    };
    let idle = matches!(effect, Effect::Nothing | Effect::Opposite);
    let applies = |rule: &&AuditRule| {
        let about = rule.setting.is_empty() || path.contains(rule.setting);
        about && (rule.id != HOOK_BEYOND_GRACE || hook_beyond_grace(scenario))
    };
    let rule = AUDIT_RULES.iter().find(applies).filter(|_| idle).map(|rule| rule.id);
    let saves = without.as_ref().map(|without| without.lost() - today.lost());
    let seconds = without.as_ref().and_then(|w| Some(today.duration_s()? - w.duration_s()?));
    Audited { path, value, effect, saves, seconds, rule, change }
}

/// Whether all rollouts come to the same, whatever was looked at meanwhile.
fn is_same(a: &[Sample], b: &[Sample]) -> bool {
    let outcome = |sample: &Sample| Sample { digest: 0, ..*sample };
    a.iter().map(outcome).eq(b.iter().map(outcome))
}

/// The settings that are given, those of one probe or hook together.
fn given(input: &Input) -> Vec<(String, Option<String>)> {
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    for (path, value) in differences::settings(input) {
        let Some(word) = SETTINGS.iter().find(|word| path.contains(**word)) else { continue };
        if path.starts_with("platform") || path.starts_with("balancer") || path.starts_with("app") {
            continue;
        }
        let whole = super::fields::whole(&path);
        let part = whole != path && whole.ends_with(word);
        match found.iter_mut().find(|(known, _)| *known == whole) {
            Some((_, value)) => *value = None,
            None if part => found.push((whole, None)),
            None => found.push((path, Some(value))),
        }
    }
    found
}
