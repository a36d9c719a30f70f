//! What each given setting does for the rollouts: they are run without it, on the same luck. A setting that
//! does nothing, or the opposite of what it is for, is named with the rule that says why, if one is known.

use super::change::Change;
use super::outcome::{Outcome, Sample};
use super::trial;
use crate::cluster::spec::{Hook, PodTemplate};
use crate::engine::Dur;
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

/// A reason why a setting does not work.
pub struct Rule {
    /// For `rollsim explain`.
    pub id: &'static str,
    /// In a sentence.
    pub title: &'static str,
    /// What happens, and what to do.
    pub text: &'static str,
    /// Of which setting: how its path begins or ends.
    setting: &'static str,
    holds: fn(&Scenario) -> bool,
}

/// All rules, in the order in which they are asked.
pub const RULES: [Rule; 8] = [
    Rule {
        id: "hook-beyond-grace",
        title: "the preStop hook takes longer than the grace period",
        text: "The grace period counts from the deletion and includes the hook. Where the hook does not end in time the \
               process gets SIGTERM two seconds before SIGKILL, or none at all, and whatever it is doing is cut. Make \
               terminationGracePeriodSeconds longer than the hook and the application's own shutdown together.",
        setting: "preStop",
        holds: hook_beyond_grace,
    },
    Rule {
        id: "grace-not-needed",
        title: "every pod is gone before the grace period is over",
        text: "The grace period is a limit, no wait: a process that exits earlier ends it. A longer one costs nothing and does \
               nothing until a hook or a shutdown needs it.",
        setting: "terminationGracePeriodSeconds",
        holds: |_| true,
    },
    Rule {
        id: "probe-never-fails",
        title: "the liveness probe never fails in these rollouts",
        text: "A liveness probe restarts what hangs. In a rollout in which no process hangs it does nothing; it does harm where \
               it is stricter than the start or the load allows.",
        setting: "livenessProbe",
        holds: |_| true,
    },
    Rule {
        id: "startup-probe-adds-nothing",
        title: "the readiness probe alone waits as long",
        text: "A startup probe holds back the other two. Where there is no liveness probe that could end a slow start, and the \
               readiness probe waits for the same port, it changes nothing.",
        setting: "startupProbe",
        holds: |_| true,
    },
    Rule {
        id: "surge-of-one-pod",
        title: "the share of the replicas is the same number of pods as the default",
        text: "maxSurge rounds up and maxUnavailable down: of three pods 25 % is one more and none less. Another percentage \
               does nothing until it comes to another number of pods.",
        setting: "max",
        holds: |_| true,
    },
    Rule {
        id: "min-ready-covered",
        title: "something slower than minReadySeconds decides already",
        text: "minReadySeconds holds back the next step of a rollout until a new pod has been ready for so long. Where old pods \
               wait for something else that takes longer, such as a readiness gate, it adds nothing.",
        setting: "minReadySeconds",
        holds: |_| true,
    },
    Rule {
        id: "all-addresses-anyway",
        title: "no pod that serves is unready in these rollouts",
        text: "publishNotReadyAddresses sends requests to pods that are not ready. Where pods are ready as soon as they \
               listen it changes nothing, and where they are not it loses requests.",
        setting: "publishNotReadyAddresses",
        holds: |_| true,
    },
    Rule {
        id: "not-on-the-path",
        title: "no request comes by what this is about",
        text: "The setting belongs to a balancer or a kind of connection that the simulated requests do not use. Look at the \
               path in the first line of the answer.",
        setting: "",
        holds: |_| true,
    },
];

fn hook_beyond_grace(scenario: &Scenario) -> bool {
    let late = |template: &PodTemplate| {
        let grace = Dur::from_secs(template.termination_grace_period_seconds);
        let hooks = template.containers.iter().filter_map(|container| container.pre_stop.as_ref());
        hooks.map(Hook::length).any(|length| length >= grace)
    };
    scenario.workloads.iter().any(|workload| late(workload.template()))
}

/// What a run of `input` without each of its settings comes to, those that do nothing or the opposite first.
pub fn audit(input: &Input, options: &RunOptions) -> Vec<Audited> {
    let Ok(scenario) = input.lower() else { return Vec::new() };
    let Some(today) = trial::outcome(&scenario, options) else { return Vec::new() };
    let mut audited: Vec<Audited> = given(input)
        .into_iter()
        .map(|(path, value)| {
            let change = Change::one(&path, "null");
            let without = change.lower(input).and_then(|(_, s)| trial::outcome(&s, options));
            one(&scenario, (path, value), change, &today, without)
        })
        .collect();
    audited.sort_by_key(|a| match a.effect {
        Effect::Opposite => 0,
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
    let applies = |rule: &&Rule| {
        let about = rule.setting.is_empty() || path.contains(rule.setting);
        about && (rule.holds)(scenario)
    };
    let rule = RULES.iter().find(applies).filter(|_| idle).map(|rule| rule.id);
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
