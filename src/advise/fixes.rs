//! The smallest set of changes that leaves nothing worth a change, found by trying.

use super::case::{Case, Way};
use super::causes::{structure, ways};
use super::change::Change;
use super::outcome::Outcome;
use super::trial::{Trials, Tried};
use crate::blame::{Blame, Setting};
use crate::sweep::optimize::usual;
use std::rc::Rc;

/// Changes that are made one after the other, at most.
const STEPS: usize = 4;
/// Further changes that are named because they help by themselves.
const OTHERS: usize = 2;
/// A group of losses is removed when at most this share of it is left.
pub const LEFT: f64 = 0.05;

/// Of so many rollouts with a loss, one more would be the worst in one case of twenty: fewer say nothing of
/// what is left by a change that saves all of them.
const SEEN: f64 = 1.0 / LEFT - 1.0;

/// A change that was tried, and helps.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// The change itself.
    pub change: Change,
    /// In as many rollouts as the run has, on the same luck.
    pub outcome: Outcome,
    /// Nothing is left that is worth a change.
    pub enough: bool,
    /// Settings whose losses it removes, as far as enough rollouts show any.
    pub removes: Vec<Setting>,
    /// What the rollout that brings it still loses, since the pods before it have not got it; None: it is
    /// not brought by a rollout.
    pub bringing: Option<f64>,
}

/// Proposals for one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fixes {
    /// Each holds the one before it; the last is the one to make.
    pub steps: Vec<Fix>,
    /// What helps by itself, and is not needed beside the steps.
    pub others: Vec<Fix>,
    /// Changes that were tried.
    pub tried: usize,
}

/// Tries changes of a run that came to `today`, beginning with `base` (what lets it reach its end).
pub fn fixes(trials: &mut Trials<'_>, today: &Outcome, base: Change) -> Fixes {
    let mut search = Search { trials, asides: Vec::new() };
    let Some(first) = search.trials.look(&base) else { return Fixes::default() };
    let found = search.climb(first);
    let mut found = search.prune(found, &base);
    if !base.0.is_empty() {
        found.insert(0, base);
    }
    let asides = std::mem::take(&mut search.asides);
    let steps = search.confirmed(&found, today);
    let last = steps.last().map(|fix| fix.change.clone()).unwrap_or_default();
    let mut others = Vec::new();
    for aside in asides {
        let known = aside.0.iter().all(|edit| last.0.contains(edit));
        let more = last.0.iter().all(|edit| aside.0.contains(edit));
        if known || more || others.len() == OTHERS {
            continue;
        }
        others.extend(search.confirm(&aside, today).filter(|f| f.outcome.is_better_than(today)));
    }
    // The smallest set that is enough wins.
    let enough = steps.last().is_some_and(|fix| fix.enough);
    let tried = search.trials.tried();
    match others.iter().position(|fix| fix.enough && !enough) {
        Some(i) => Fixes { steps: vec![others.swap_remove(i)], others: Vec::new(), tried },
        None => Fixes { steps, others, tried },
    }
}

/// A way, and the setting whose losses it is to remove.
type Meant = (Option<Setting>, Way);

struct Search<'a, 'b> {
    trials: &'a mut Trials<'b>,
    /// Changes that help by themselves, the best first.
    asides: Vec<Change>,
}

impl Search<'_, '_> {
    /// Change after change, each the best there is, until nothing more is worth one.
    fn climb(&mut self, mut at: Rc<Tried>) -> Vec<Rc<Tried>> {
        let mut steps = Vec::new();
        while !at.outcome.is_good() && steps.len() < STEPS {
            let first = structure(&Case::of(&at)).into_iter().map(|way| (None, way)).collect();
            let first = self.best(&at, first).into_iter().next();
            let next = first.or_else(|| self.best(&at, by_cause(&at)).into_iter().next());
            let next = next.or_else(|| self.pair(&at));
            let next = next.or_else(|| self.best(&at, by_search(&at)).into_iter().next());
            let Some(next) = next else { break };
            at = Rc::clone(&next);
            steps.push(next);
        }
        steps
    }

    /// The rung of each way that does most, if it helps: the best way first.
    fn best(&mut self, at: &Rc<Tried>, ways: Vec<Meant>) -> Vec<Rc<Tried>> {
        let rungs = ways.iter().filter_map(|way| self.rung(at, way)).collect::<Vec<_>>();
        let mut helpful: Vec<Rc<Tried>> =
            rungs.into_iter().filter(|t| t.outcome.is_better_than(&at.outcome)).collect();
        let all = at.outcome.lost();
        helpful.sort_by(|a, b| rank(a, all).partial_cmp(&rank(b, all)).expect("numbers"));
        if at.change.0.is_empty() && self.asides.is_empty() {
            self.asides = helpful.iter().skip(1).map(|t| t.change.clone()).collect();
        }
        helpful
    }

    /// The least rung that does what it is meant for, else the one that leaves least: losses fall along a
    /// way.
    fn rung(&mut self, at: &Tried, (meant, way): &Meant) -> Option<Rc<Tried>> {
        let mut tried: Vec<Option<Rc<Tried>>> = vec![None; way.len()];
        let mut look = |i: usize, trials: &mut Trials<'_>| {
            tried[i] = trials.look(&at.change.and(&way[i]));
            tried[i].as_ref().is_some_and(|t| does(&t.outcome, &at.outcome, *meant))
        };
        let (mut low, mut high) = (0, way.len().checked_sub(1)?);
        let done = if look(0, self.trials) {
            Some(0)
        } else if look(high, self.trials) {
            while high - low > 1 {
                let middle = usize::midpoint(low, high);
                match look(middle, self.trials) {
                    true => high = middle,
                    false => low = middle,
                }
            }
            Some(high)
        } else {
            None
        };
        if let Some(i) = done {
            return tried[i].clone();
        }
        // Of those that leave as much the least.
        let all = at.outcome.lost();
        let left = |t: Rc<Tried>| (rank(&t, all), t);
        let tried = tried.into_iter().flatten().map(left);
        let less = |a: &Rank, b: &Rank| (a.0, a.1).partial_cmp(&(b.0, b.1)).expect("numbers");
        tried.min_by(|a, b| less(&a.0, &b.0)).map(|(_, t)| t)
    }

    /// Two changes that help only together.
    fn pair(&mut self, at: &Rc<Tried>) -> Option<Rc<Tried>> {
        const MOST: usize = 4;
        let case = Case::of(at);
        let mut singles: Vec<Change> = Vec::new();
        let causes = by_cause(at).into_iter().map(|(_, way)| way);
        for way in structure(&case).into_iter().chain(causes) {
            let (first, last) = (way.first(), way.last());
            for change in first.into_iter().chain(last) {
                if !singles.contains(change) {
                    singles.push(change.clone());
                }
            }
        }
        singles.truncate(2 * MOST);
        let mut ways = Vec::new();
        for (i, a) in singles.iter().enumerate() {
            ways.extend(singles[i + 1..].iter().map(|b| (None, vec![a.and(b)])));
        }
        self.best(at, ways).into_iter().next()
    }

    /// The steps without those that the others make needless.
    fn prune(&mut self, steps: Vec<Rc<Tried>>, base: &Change) -> Vec<Change> {
        let mut parts: Vec<Change> = Vec::new();
        let mut before = base.clone();
        for step in &steps {
            parts.push(step.change.beyond(&before));
            before = step.change.clone();
        }
        let Some(last) = steps.last() else { return parts };
        let mut i = 0;
        while parts.len() > 1 && i < parts.len() {
            let rest = parts.iter().enumerate().filter(|(k, _)| *k != i);
            let change = rest.fold(base.clone(), |sum, (_, part)| sum.and(part));
            let as_good = |t: &Rc<Tried>| match last.outcome.is_good() {
                true => t.outcome.is_good(),
                false => t.outcome.lost() <= 1.01 * last.outcome.lost(),
            };
            match self.trials.look(&change).filter(as_good) {
                Some(_) => {
                    parts.remove(i);
                }
                None => i += 1,
            }
        }
        parts
    }

    /// The steps in all rollouts of the run; one that turns out not to help ends them.
    fn confirmed(&mut self, parts: &[Change], today: &Outcome) -> Vec<Fix> {
        let mut change = Change::default();
        let mut fixes: Vec<Fix> = Vec::new();
        for part in parts {
            change = change.and(part);
            let Some(fix) = self.confirm(&change, today) else { break };
            let before = fixes.last().map_or(today, |f| &f.outcome);
            if !fix.outcome.is_better_than(before) {
                break;
            }
            fixes.push(fix);
        }
        fixes
    }

    fn confirm(&mut self, change: &Change, today: &Outcome) -> Option<Fix> {
        let outcome = self.trials.confirm(change)?;
        let gone = |b: &&Blame| {
            let left = outcome.lost_by(b.setting);
            let gone = left <= LEFT * b.lost && outcome.lost() < today.lost();
            gone && today.seen_by(b.setting) >= SEEN
        };
        Some(Fix {
            change: change.clone(),
            enough: outcome.is_good(),
            removes: today.blames.iter().filter(gone).map(|b| b.setting).collect(),
            bringing: None,
            outcome,
        })
    }
}

/// Whether a rung does what is wanted of it: all is good, or what it is meant for is gone.
fn does(now: &Outcome, before: &Outcome, meant: Option<Setting>) -> bool {
    let gone = |s: Setting| now.lost_by(s) <= LEFT / 2.0 * before.lost_by(s);
    now.is_good() || (meant.is_some_and(gone) && now.is_better_than(before))
}

/// Rollouts that do not end, what is left, settings that are changed, seconds.
type Rank = (f64, f64, usize, f64);

/// Less is better: reach the end, leave little (to a fiftieth of what is lost now), change little, take
/// little time.
fn rank(tried: &Tried, all: f64) -> Rank {
    let outcome = &tried.outcome;
    let left =
        if outcome.is_good() { 0.0 } else { libm::ceil(outcome.lost() * 50.0 / all.max(1e-9)) };
    let takes = outcome.duration_s().unwrap_or(f64::MAX);
    (outcome.incomplete(), left, tried.change.0.len(), takes)
}

/// The settings that are to blame for at least a twentieth, most first.
pub fn much(outcome: &Outcome) -> impl Iterator<Item = &Blame> {
    let all = outcome.lost();
    outcome.blames.iter().filter(move |b| b.lost >= 0.05 * all).take(4)
}

/// Ways by the settings that are to blame for much.
fn by_cause(at: &Tried) -> Vec<Meant> {
    let case = Case::of(at);
    let meant = |b: &Blame| {
        let setting = b.setting;
        ways(&case, b).into_iter().map(move |way| (Some(setting), way)).collect::<Vec<_>>()
    };
    much(&at.outcome).flat_map(meant).filter(|(_, way)| !way.is_empty()).collect()
}

/// Every value that people give the usual settings, one by one.
fn by_search(at: &Tried) -> Vec<Meant> {
    let settings = usual::settings(&at.scenario, false);
    let one = |path: &str, value: &String| (None, vec![Change::one(path, value)]);
    settings.iter().flat_map(|s| s.values.iter().map(|v| one(s.path, v))).collect()
}
