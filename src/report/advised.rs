//! What was tried, as rows of the answer: changes with what they leave, what the time goes into, and which
//! guess matters.

use super::advice::Worth;
use super::answer::Answer;
use super::build;
use super::spread::{count_figure, none_estimate};
use super::tried::{DurationRow, FixRow, LaterRow, MatterRow, MattersRow, OtherRow};
use crate::advise::matters::{LITTLE, Other, Weighed};
use crate::advise::{Advice, Change, End, Fix, Matters, Outcome, Part};
use crate::input::Input;
use crate::run::Replication;
use crate::scenario::Scenario;
use crate::stats::Count;
use crate::sweep::optimize::{Wanted, patches};

/// What was tried for an answer.
pub struct Tried<'a> {
    /// The advice itself.
    pub advice: &'a Advice,
    /// What the changes were tried on: for two renders the rollouts after this one.
    pub input: &'a Input,
    /// What the input says.
    pub scenario: &'a Scenario,
    /// The command that asked, without changes.
    pub command: &'a str,
    /// What they came to without a change, where they are not the run that is answered.
    pub later: Option<&'a Outcome>,
}

impl Answer {
    /// Adds what was tried; what did not help is not named.
    pub fn advised(&mut self, tried: &Tried<'_>, scenario: &Scenario, all: &[Replication]) {
        let Tried { advice, later, .. } = tried;
        let today = today(self, *later);
        self.tried = true;
        self.later = later.map(later_row);
        let row = |fix: &Fix| fix_row(tried, fix, today);
        self.fixes = advice.fixes.steps.iter().map(row).collect();
        self.also = advice.fixes.others.iter().map(row).collect();
        self.durations = advice.times.parts.iter().map(duration_row).collect();
        self.matters = matters_row(&advice.matters);
        for end in &advice.ends {
            self.name_end(end, tried, all);
        }
        if later.is_none() {
            self.name_fixes(&advice.fixes.steps, advice.fixes.tried);
        }
        self.verdict = build::sentences(self, scenario);
    }

    /// A group of losses names the change that removes it, or that there is none.
    fn name_fixes(&mut self, steps: &[Fix], tried: usize) {
        if !self.worth_changing {
            return;
        }
        for row in &mut self.blame {
            let by = |fix: &Fix| {
                fix.removes.iter().any(|s| super::blame::setting_name(*s) == row.setting)
            };
            row.removed_by = steps.iter().position(by).map(|i| i as u32);
            let change = row.removed_by.map(|i| steps[i as usize].change.to_string());
            row.needed = Worth::Text(change.unwrap_or_else(|| none_of(tried)));
        }
    }

    /// What keeps an action from its end names the change that lets it get there, if one was found.
    fn name_end(&mut self, end: &End, tried: &Tried<'_>, all: &[Replication]) {
        let stuck = all.iter().flat_map(|r| &r.rollout.stuck);
        let Some(first) = stuck.into_iter().find(|s| end.is_of(s)) else { return };
        let what = super::stuck::what(first);
        let Some(row) = self.stuck.iter_mut().find(|row| {
            row.what == what && row.action == super::stuck::action(tried.scenario, first.action)
        }) else {
            return;
        };
        match (&end.found, end.tried) {
            (Some((change, _)), _) => {
                row.change = edits(change);
                row.needed = change.to_string();
                row.command = format!("{}{}", tried.command, change.arguments());
            }
            (None, true) => row.needed = NONE_ENDS.to_owned(),
            (None, false) => {}
        }
    }

    /// The change to make: the last of the steps.
    pub fn first_change(&self) -> Option<&FixRow> {
        self.fixes.last()
    }
}

/// What is said where nothing helped: what was tried, and not that nothing could.
fn none_of(tried: usize) -> String {
    match tried {
        0 => "no setting to try was found".to_owned(),
        1 => "the one change that was tried does not remove it".to_owned(),
        n => format!("none of {n} changes that were tried removes it"),
    }
}

const NONE_ENDS: &str = "no setting found that lets it reach its end";

/// Of the run without a change: until when it takes, and its pods.
fn today(answer: &Answer, later: Option<&Outcome>) -> (Option<f64>, u32) {
    match later {
        Some(outcome) => (outcome.duration_s(), outcome.peak_pods()),
        None => {
            let rollout = &answer.rollout;
            let takes = rollout.duration_s.or(rollout.last_pod_gone_s);
            (takes.map(|f| f.mean), rollout.peak_pods.range[1] as u32)
        }
    }
}

fn draws(outcome: &Outcome) -> Vec<Count> {
    let draw =
        |s: &crate::advise::Sample| Count { mean: s.lost, variance: s.variance, none: s.none };
    outcome.samples.iter().map(draw).collect()
}

fn later_row(outcome: &Outcome) -> LaterRow {
    let draws = draws(outcome);
    LaterRow {
        lost: count_figure(&draws),
        probability_none: none_estimate(&draws),
        worth_changing: !outcome.is_good(),
        complete_s: outcome.complete_s(),
        last_pod_gone_s: outcome.gone_s(),
        peak_pods: outcome.peak_pods(),
    }
}

fn edits(change: &Change) -> Vec<String> {
    change.0.iter().map(ToString::to_string).collect()
}

fn fix_row(tried: &Tried<'_>, fix: &Fix, (takes, peak): (Option<f64>, u32)) -> FixRow {
    let draws = draws(&fix.outcome);
    let (patch, elsewhere) = patch(tried.input, &fix.change);
    let now = fix.outcome.duration_s();
    FixRow {
        change: edits(&fix.change),
        command: format!("{}{}", tried.command, fix.change.arguments()),
        lost: count_figure(&draws),
        probability_none: none_estimate(&draws),
        complete_s: fix.outcome.complete_s(),
        last_pod_gone_s: fix.outcome.gone_s(),
        peak_pods: fix.outcome.peak_pods(),
        more_s: now.zip(takes).map(|(a, b)| a - b),
        more_pods: i64::from(fix.outcome.peak_pods()) - i64::from(peak),
        enough: fix.enough,
        bringing: fix.bringing.filter(|b| *b > fix.outcome.lost() + 0.5),
        patch,
        elsewhere,
        replications: fix.outcome.samples.len() as u32,
    }
}

/// The change for the manifests, and what of it stands in none.
pub fn patch(input: &Input, change: &Change) -> (String, Vec<String>) {
    let wanted = |edit: &crate::advise::Edit| Wanted {
        path: edit.path.clone(),
        value: edit.value.clone(),
        comment: String::new(),
    };
    let (objects, elsewhere) = patches(input, change.0.iter().map(wanted).collect());
    let text = objects.into_iter().map(|(_, yaml)| yaml).collect::<Vec<_>>().join("---\n");
    let words = |one: Wanted| format!("{}={}", one.path, one.value);
    (text, elsewhere.into_iter().map(words).collect())
}

fn duration_row(part: &Part) -> DurationRow {
    DurationRow {
        what: part.what.clone(),
        found: part.found.clone(),
        change: edits(&part.change),
        saves_s: part.saves_s,
        lost: part.lost,
    }
}

fn matters_row(matters: &Matters) -> MattersRow {
    let other = |o: &Other| OtherRow {
        value: o.value.clone(),
        lost: o.lost,
        takes_s: o.takes_s,
        incomplete: o.incomplete,
    };
    let row = |w: &Weighed| MatterRow {
        key: w.key.clone(),
        value: w.value.clone(),
        more: w.more.as_ref().map(other),
        less: w.less.as_ref().map(other),
        influence: w.influence,
        give: give(&w.key),
    };
    MattersRow {
        replications: matters.replications,
        lost: matters.lost,
        takes_s: matters.takes_s,
        weighed: matters.weighed.iter().map(row).collect(),
        little: matters.weighed.iter().filter(|w| w.influence < LITTLE).count() as u32,
        not_varied: matters.others.clone(),
    }
}

/// How a guess is replaced by what is known.
fn give(key: &str) -> String {
    match key {
        "traffic.rate_per_s" => "--set traffic.rate_per_s=N".to_owned(),
        "app.start_delay" => "--set app.start_delay_s=N".to_owned(),
        "app.on_sigterm" => "--set app.on_sigterm=WORD".to_owned(),
        key if key.starts_with("platform.") => "rollsim calibrate".to_owned(),
        "app.service" => "--set app.service=DIST".to_owned(),
        key if key.starts_with("app.") => format!("--set {key}_s=N"),
        key => format!("--set {key}=N"),
    }
}
