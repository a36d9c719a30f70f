//! The answer: the best of everything where that is affordable, else of a search; run again with fresh seeds
//! that it must stand.

use super::descend::search;
use super::exam::Exam;
use super::problem::AS_TODAY;
use super::trial::{Levels, Trials};
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

/// Replications with fresh seeds that a first winner must stand.
pub(super) fn fresh(problem: &Problem) -> u32 {
    let replications = problem.replications.saturating_mul(FRESH);
    match problem.goal.failed == 0.0 && problem.goal.probability_none.is_none() {
        true => replications.max(FRESH_FOR_NONE),
        false => replications,
    }
}

/// The seed of the fresh ones, by how many winners they have refused.
pub(super) fn fresh_seed(problem: &Problem, refused: u32) -> u64 {
    mix(problem.seed ^ mix(u64::from(refused) + 1))
}

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
    let mut replications = fresh(problem);
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
        let exam = Exam::new(fresh_seed(problem, round), replications, problem.replications);
        let hopeless = !trials.score(&best).meets();
        let last = hopeless || round == ROUNDS;
        let sat = trials.sit(&best, &exam, last)?;
        let confirmed = !sat.lost;
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
        if confirmed || last {
            let figures = sat.figures();
            trials.rollouts += figures.len() as u64;
            let fresh = Outcome::of(&figures);
            let confirmed = confirmed && fresh.violation(&problem.goal) == 0.0;
            return Ok(answer(&mut trials, &best, fresh, (confirmed, exhaustive, round)));
        }
        trials.add_failed(exam, &best, sat);
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
    let front = front(trials);
    let present_outcome = trials.outcome(&present).cloned();
    Optimum {
        settings: problem.values(best),
        score: trials.score(best),
        outcome: trials.outcome(best).expect("the best was run").clone(),
        fresh,
        confirmed,
        present: present_outcome,
        present_settings: problem.values(&present),
        prices,
        front,
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

/// Of what ran through the first replications; so does all that looks like it after few.
fn front(trials: &mut Trials<'_>) -> Vec<FrontPoint> {
    let few: Vec<(Levels, Outcome)> =
        trials.on_the_same_luck().map(|(levels, o)| (levels.clone(), o)).collect();
    for i in pareto_front(&few.iter().map(|(_, o)| trade(o)).collect::<Vec<_>>()) {
        trials.outcome(&few[i].0);
    }
    let whole = |o: &Outcome| o.failed.len() >= trials.problem.replications as usize;
    let all: Vec<(&Levels, &Outcome)> =
        trials.outcomes().filter(|(_, o)| whole(o) && o.duration_s().is_finite()).collect();
    let rows: Vec<Vec<f64>> = all.iter().map(|(_, o)| trade(o)).collect();
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

fn trade(o: &Outcome) -> Vec<f64> {
    vec![o.failed(), o.duration_s(), f64::from(o.peak_pods)]
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

/// Every combination: a few replications of each, then what might be the best.
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
    let mut allowed: Vec<Levels> = Vec::new();
    for first in (0..all).step_by(BLOCK) {
        let block = (first..all.min(first + BLOCK as u64)).map(combination);
        let problem = trials.problem;
        let block: Vec<Levels> = block.filter(|l| problem.allows(&problem.values(l))).collect();
        each(trials, &block, |trials, levels| trials.first_few(levels));
        allowed.extend(block);
    }
    trials.lead();
    for block in allowed.chunks(BLOCK) {
        each(trials, block, |trials, levels| trials.race(levels));
    }
}

/// Runs settings over all cores.
fn each(
    trials: &mut Trials<'_>,
    block: &[Levels],
    run: impl Fn(&Trials<'_>, &[u64]) -> Result<Vec<Figures>, String> + Sync,
) {
    let shared = &*trials;
    let found: Vec<_> = block.par_iter().map(|levels| run(shared, levels)).collect();
    for (levels, figures) in block.iter().zip(found) {
        trials.learn(levels.clone(), figures);
    }
}
