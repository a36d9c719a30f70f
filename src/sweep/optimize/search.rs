//! The answer: the best of everything where that is affordable, else of a search; run again with fresh seeds
//! that it must stand.

use super::descend::search;
use super::problem::AS_TODAY;
use super::trial::{Exam, Levels, Trials};
use super::{Outcome, Price, Problem, Score, prices};
use crate::engine::rng::mix;
use crate::stats::pareto_front;
use crate::sweep::{Evaluate, Figures, Value};
use rayon::prelude::*;

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimum {
    /// Of the winner.
    pub settings: Vec<Value>,
    /// During the search.
    pub outcome: Outcome,
    /// Of the winner.
    pub score: Score,
    /// With fresh seeds and at least five times the replications, and 1,000 if nothing may be lost.
    pub fresh: Outcome,
    /// Whether the fresh run meets the goal as well.
    pub confirmed: bool,
    /// The settings as they are today, if they can be run.
    pub present: Option<Outcome>,
    /// As the files say.
    pub present_settings: Vec<Value>,
    /// What each changed setting costs and buys, and what binds.
    pub prices: Vec<Price>,
    /// Best trades of losses, duration and peak pods among all that was evaluated.
    pub front: Vec<FrontPoint>,
    /// Everything that was evaluated, in the order of the settings' levels.
    pub tried: Vec<(Vec<Value>, Outcome)>,
    /// Different settings.
    pub evaluated: u32,
    /// Rollouts run for all of them, fresh seeds included.
    pub rollouts: u64,
    /// Of them, settings that could not be run, and the first reason.
    pub errors: u32,
    /// Why a candidate could not be run.
    pub first_error: Option<String>,
    /// Every allowed combination was evaluated: there is none better.
    pub exhaustive: bool,
    /// Winners that the fresh seeds refused.
    pub refuted: u32,
    /// Rollouts of every point; candidates of the winner have more.
    pub replications: u32,
}

/// One point of the front.
#[derive(Clone, Debug, PartialEq)]
pub struct FrontPoint {
    /// Of the candidate.
    pub settings: Vec<Value>,
    /// Requests of a rollout that fail, in the mean.
    pub failed: f64,
    /// Time to complete, in seconds.
    pub duration_s: f64,
    /// Most pods at once.
    pub peak_pods: u32,
}

/// Fresh replications per replication of the search; each refused winner doubles them.
const FRESH: u32 = 5;
/// At least so many where nothing may be lost, since fewer cannot tell a loss in a thousand rollouts.
const FRESH_FOR_NONE: u32 = 1000;
/// Refused winners after which the search gives up.
const ROUNDS: u32 = 5;
/// Share of the cost below which a saving is no reason to change a setting.
const WORTH_A_CHANGE: f64 = 1e-3;
/// Evaluated at once when everything is.
const BLOCK: usize = 256;

/// Searches; an error says why nothing could be run at all.
///
/// A winner that fresh seeds refuse makes them an exam that all must stand: the next candidates sit it, in
/// the order of their cost, until one has stood every exam so far. That one gets fresh seeds again. What
/// was run before stays known, and a candidate is dropped as soon as an exam is lost.
pub fn optimize(problem: &Problem, evaluator: &dyn Evaluate) -> Result<Optimum, String> {
    let mut trials = Trials::new(problem, evaluator);
    let sizes: Vec<u64> = (0..problem.settings.len()).map(|i| problem.levels(i)).collect();
    // To leave a setting alone is a choice of its own where today's value is none of the levels.
    let choices: Vec<u64> =
        sizes.iter().zip(trials.today()).map(|(n, t)| n + u64::from(*t == AS_TODAY)).collect();
    let all = choices.iter().fold(1u64, |n, s| n.saturating_mul(*s));
    let exhaustive = all <= u64::from(problem.max_evaluations);
    if exhaustive {
        evaluate_all(&mut trials, &sizes, &choices, all);
    }
    // Today's settings compete too, whether or not they are among the levels.
    trials.score(&trials.today().clone());
    let mut replications = problem.replications.saturating_mul(FRESH);
    if problem.goal.failed == 0.0 && problem.goal.probability_none.is_none() {
        replications = replications.max(FRESH_FOR_NONE);
    }
    for round in 0.. {
        if !exhaustive && !trials.exhausted() {
            search(&mut trials, &sizes);
        }
        let Some(best) = trials.best().map(|best| plainest(&mut trials, best)) else {
            return Err(match trials.first_error() {
                Some(error) => format!("no combination of the settings can be run: {error}"),
                None => "the constraints allow no combination of the settings".into(),
            });
        };
        let seed = mix(problem.seed ^ mix(u64::from(round) + 1));
        let exam = Exam { seed, replications, telling: 0 };
        let figures = trials.sit(&best, exam)?;
        let fresh = Outcome::of(&figures);
        let confirmed = fresh.violation(&problem.goal) == 0.0;
        let hopeless = !trials.score(&best).meets();
        // What meets the goal may lie between points that all are beyond what is allowed.
        if let (true, Some(error)) = (hopeless, trials.first_error()) {
            let (errors, run) = (trials.errors() as usize, trials.outcomes().count());
            if errors > run {
                let of = errors + run;
                return Err(format!(
                    "most of the settings cannot be run ({errors} of {of} points): {error}"
                ));
            }
        }
        if confirmed || hopeless || round == ROUNDS {
            return Ok(answer(&mut trials, &best, fresh, (confirmed, exhaustive, round)));
        }
        trials.add(exam, &best, figures);
        replications = replications.saturating_mul(2);
    }
    unreachable!("the loop ends by returning")
}

fn answer(
    trials: &mut Trials<'_>,
    best: &Levels,
    fresh: Outcome,
    (confirmed, exhaustive, refuted): (bool, bool, u32),
) -> Optimum {
    let problem = trials.problem;
    let present = trials.today().clone();
    let prices = prices(trials, best, &present);
    Optimum {
        settings: problem.values(best),
        score: trials.score(best),
        outcome: trials.outcome(best).expect("the best was run").clone(),
        fresh,
        confirmed,
        present: trials.outcome(&present).cloned(),
        present_settings: problem.values(&present),
        prices,
        front: front(trials),
        tried: trials.outcomes().map(|(l, o)| (problem.values(l), o.clone())).collect(),
        evaluated: trials.evaluated,
        rollouts: trials.rollouts,
        errors: trials.errors(),
        first_error: trials.first_error().map(str::to_owned),
        exhaustive,
        refuted,
        replications: problem.replications,
    }
}

fn front(trials: &Trials<'_>) -> Vec<FrontPoint> {
    let all: Vec<(&Levels, &Outcome)> =
        trials.outcomes().filter(|(_, o)| o.duration_s().is_finite()).collect();
    let rows: Vec<Vec<f64>> =
        all.iter().map(|(_, o)| vec![o.failed(), o.duration_s(), f64::from(o.peak_pods)]).collect();
    let point = |i: usize| FrontPoint {
        settings: trials.problem.values(all[i].0),
        failed: rows[i][0],
        duration_s: rows[i][1],
        peak_pods: all[i].1.peak_pods,
    };
    let mut front: Vec<FrontPoint> = pareto_front(&rows).into_iter().map(point).collect();
    front.sort_by(|a, b| a.failed.total_cmp(&b.failed).then(a.duration_s.total_cmp(&b.duration_s)));
    front
}

/// The best with all settings as they are today that make no difference worth a change.
fn plainest(trials: &mut Trials<'_>, mut best: Levels) -> Levels {
    for setting in 0..best.len() {
        let mut other = best.clone();
        other[setting] = trials.today()[setting];
        let (here, there) = (trials.score(&best), trials.score(&other));
        if here.meets() && there.meets() && there.cost <= here.cost * (1.0 + WORTH_A_CHANGE) {
            best = other;
        }
    }
    best
}

/// Every combination, in blocks over all cores.
fn evaluate_all(trials: &mut Trials<'_>, sizes: &[u64], choices: &[u64], all: u64) {
    let combination = |mut index: u64| -> Levels {
        let mut levels = vec![0; sizes.len()];
        for (i, level) in levels.iter_mut().enumerate().rev() {
            let choice = index % choices[i];
            *level = if choice == sizes[i] { AS_TODAY } else { choice };
            index /= choices[i];
        }
        levels
    };
    for first in (0..all).step_by(BLOCK) {
        let block: Vec<Levels> = (first..all.min(first + BLOCK as u64)).map(combination).collect();
        let shared = &*trials;
        let run = |levels: &Levels| {
            let allowed = shared.problem.allows(&shared.problem.values(levels));
            allowed.then(|| shared.first_run(levels))
        };
        let found: Vec<Option<Result<Vec<Figures>, String>>> = block.par_iter().map(run).collect();
        for (levels, figures) in block.into_iter().zip(found) {
            if let Some(figures) = figures {
                trials.learn(levels, figures);
            }
        }
    }
}
