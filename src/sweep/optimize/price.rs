//! What each setting costs and buys at the optimum, and what keeps it from being cheaper.

use super::Outcome;
use super::problem::AS_TODAY;
use super::trial::{Levels, Trials};
use crate::stats::{LEVEL, PairedDifference, paired_difference};
use crate::sweep::Value;

/// One setting at the optimum.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    /// Index of the setting.
    pub setting: usize,
    /// Its value there.
    pub value: Value,
    /// Whether that differs from today's.
    pub changed: bool,
    /// Change of duration against the optimum with this setting as today (seconds, on the same luck); None:
    /// unchanged, or that cannot be run or does not complete.
    pub duration_s: Option<PairedDifference>,
    /// Change of lost requests likewise: negative is bought.
    pub failed: Option<PairedDifference>,
    /// What keeps it from being one level cheaper; None: nothing is cheaper that way.
    pub binding: Option<Binding>,
}

/// The next cheaper level, which breaks the goal.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The value of the next cheaper level.
    pub next: Value,
    /// Cost it would save, in the unit of the cost.
    pub saves: f64,
    /// Lost requests per rollout there.
    pub failed: f64,
}

/// Prices of all settings at `best`, against the levels of today.
pub(super) fn prices(trials: &mut Trials<'_>, best: &Levels, present: &Levels) -> Vec<Price> {
    (0..best.len()).map(|setting| price(trials, best, present, setting)).collect()
}

fn price(trials: &mut Trials<'_>, best: &Levels, present: &Levels, setting: usize) -> Price {
    let problem = trials.problem;
    let (mut duration_s, mut failed) = (None, None);
    let changed = best[setting] != present[setting];
    if changed {
        let mut without = best.clone();
        without[setting] = present[setting];
        if let Some((before, after)) = pair(trials, &without, best) {
            failed = paired_difference(&before.failed, &after.failed, LEVEL);
            if before.duration_s().is_finite() && after.duration_s().is_finite() {
                duration_s = paired_difference(&before.durations_s, &after.durations_s, LEVEL);
            }
        }
    }
    Price {
        setting,
        value: problem.value(setting, best[setting]),
        changed,
        duration_s,
        failed,
        binding: binding(trials, best, setting),
    }
}

/// The outcomes of two over the replications that both ran on the same luck.
fn pair(trials: &mut Trials<'_>, a: &Levels, b: &Levels) -> Option<(Outcome, Outcome)> {
    let (mut a, mut b) = (trials.figures(a)?.to_vec(), trials.figures(b)?.to_vec());
    if a.len() != b.len() {
        a.truncate(trials.problem.replications as usize);
        b.truncate(trials.problem.replications as usize);
    }
    Some((Outcome::of(&a), Outcome::of(&b)))
}

/// The neighbouring level that is cheaper but breaks the goal; of two, the one that saves more.
fn binding(trials: &mut Trials<'_>, best: &Levels, setting: usize) -> Option<Binding> {
    if best[setting] == AS_TODAY {
        return None;
    }
    let last = trials.problem.levels(setting) - 1;
    let mut found: Option<Binding> = None;
    for by in [-1, 1] {
        let Some(level) = best[setting].checked_add_signed(by).filter(|l| *l <= last) else {
            continue;
        };
        let mut next = best.clone();
        next[setting] = level;
        // What saves nothing need not sit exams.
        let Some(saves) = trials.saves(&next, best) else { continue };
        if saves <= 0.0 || trials.score(&next).meets() {
            continue;
        }
        if found.as_ref().is_none_or(|f| f.saves < saves) {
            let failed = trials.outcome(&next).map_or(0.0, Outcome::failed);
            found = Some(Binding { next: trials.problem.value(setting, level), saves, failed });
        }
    }
    found
}
