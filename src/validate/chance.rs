//! How often a cluster that behaves exactly as predicted would pass: with one or two runs a case, even a
//! perfect model fails some verdicts by chance.

use super::prediction::{Prediction, kind_name};
use super::verdict;
use crate::engine::{Rng, Seed};
use crate::measured::MeasuredRun;
use crate::run::{self, EvaluatorChoice, Replication, RunOptions};
use crate::scenario::Scenario;
use crate::traffic::{Evaluator, TrafficOutcome, evaluate};
use crate::world::RolloutOutcome;
use libm::sqrt;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;

/// Simulated runs that play the measured ones. The standard error of a case's chance p is at most
/// sqrt(p (1 - p) runs / DRAWN).
pub(super) const DRAWN: u32 = 200;
/// How often they are shuffled and dealt into trials anew.
const DEALS: usize = 20;

/// How many cases a cluster that behaves exactly as predicted would pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PassedByChance {
    /// Cases that such a cluster passes, in the mean.
    pub mean: f64,
    /// In at least 95 % of repetitions of all measurements, the number lies from here ...
    pub low: usize,
    /// ... to here.
    pub high: usize,
    /// Standard error of `mean`, at most: the chances come from a limited number of simulated runs. Cases are
    /// taken as independent of one another, although replications of one number share their luck.
    pub error: f64,
}

/// The probability that a cluster which behaves as `predicted` passes the verdict with as many runs as
/// `measured`. `replications` are those behind the prediction, of `scenario` under `seed`; what keeps no
/// timeline is simulated again.
pub fn of_case(
    scenario: &Scenario,
    seed: u64,
    replications: &[Replication],
    measured: usize,
    predicted: &Prediction,
) -> f64 {
    let latencies = scenario.platform.latencies();
    let evaluator = EvaluatorChoice::Requests;
    let options = RunOptions { seed, evaluator, keep_timelines: 0, ..RunOptions::default() };
    let draw = |i: usize| match replications.get(i) {
        Some(r) if r.traffic.evaluator == Evaluator::Requests => {
            as_measured(&r.traffic, &r.rollout)
        }
        Some(Replication { seed, rollout, timeline: Some(timeline), .. }) => {
            let counted = evaluate(timeline, &scenario.traffic, Seed(*seed), evaluator);
            as_measured(&counted, rollout)
        }
        _ => {
            let r = run::replicate(scenario, &latencies, &options, i as u32);
            as_measured(&r.traffic, &r.rollout)
        }
    };
    let runs: Vec<_> = (0..measured.max(DRAWN as usize)).into_par_iter().map(draw).collect();
    let rollout = super::is_rollout(scenario);
    of_runs(&runs, measured, predicted, rollout, &mut Seed(seed).stream("chance", 0))
}

/// The share of trials without a disagreement; a trial is `n` distinct ones of `runs` in the place of the
/// measured runs, and every run is in as many trials as every other (but for what no trial is left for).
pub(super) fn of_runs(
    runs: &[MeasuredRun],
    n: usize,
    predicted: &Prediction,
    rollout: bool,
    rng: &mut Rng,
) -> f64 {
    assert!(0 < n && n <= runs.len(), "{n} distinct ones of {} runs", runs.len());
    let mut runs = runs.to_vec();
    let (mut trials, mut passed) = (0_u32, 0_u32);
    for _ in 0..DEALS {
        shuffle(&mut runs, rng);
        for trial in runs.chunks_exact(n) {
            trials += 1;
            let agrees = verdict::disagreements(trial, predicted, rollout).is_empty();
            passed += u32::from(agrees);
        }
    }
    f64::from(passed) / f64::from(trials)
}

/// One simulated run as it would have been measured; counts by kind are whole numbers.
fn as_measured(traffic: &TrafficOutcome, rollout: &RolloutOutcome) -> MeasuredRun {
    assert_eq!(traffic.evaluator, Evaluator::Requests, "expectations are no counts");
    let count = |(failure, count)| (kind_name(failure), count as u32);
    let outcomes: BTreeMap<String, u32> = traffic.by_failure().into_iter().map(count).collect();
    MeasuredRun {
        sent: traffic.sent as u32,
        failed: outcomes.values().sum(),
        outcomes,
        rollout_complete_s: rollout.complete.map(|d| d.as_secs_f64()),
        ..MeasuredRun::default()
    }
}

fn shuffle(runs: &mut [MeasuredRun], rng: &mut Rng) {
    for last in (1..runs.len()).rev() {
        runs.swap(last, rng.below(last as u64 + 1) as usize);
    }
}

impl PassedByChance {
    /// Of cases given as (chance, measured runs): what one case does tells nothing of the next.
    pub fn of(cases: &[(f64, usize)]) -> PassedByChance {
        let variance = |&(p, runs): &(f64, usize)| p * (1.0 - p) * runs as f64 / f64::from(DRAWN);
        let mass = number_passed(cases.iter().map(|c| c.0));
        PassedByChance {
            mean: cases.iter().map(|c| c.0).sum(),
            low: quantile(&mass, 0.025),
            high: quantile(&mass, 0.975),
            error: sqrt(cases.iter().map(variance).sum()),
        }
    }
}

/// The probability of 0, 1, 2 ... passes among independent cases.
fn number_passed(chances: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut mass = vec![1.0];
    for p in chances {
        mass.push(0.0);
        for k in (0..mass.len()).rev() {
            let one_less = if k > 0 { mass[k - 1] } else { 0.0 };
            mass[k] = mass[k] * (1.0 - p) + one_less * p;
        }
    }
    mass
}

/// The smallest number that a share `p` does not exceed.
fn quantile(mass: &[f64], p: f64) -> usize {
    let mut sum = 0.0;
    let reached = |m: &f64| {
        sum += m;
        sum >= p - 1e-12
    };
    mass.iter().position(reached).unwrap_or(mass.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_passes_is_that_of_independent_cases() {
        // Two fair coins and a sure thing: 1, 2 or 3 with 1/4, 1/2, 1/4.
        assert_eq!(number_passed([0.5, 1.0, 0.5].into_iter()), [0.0, 0.25, 0.5, 0.25]);
        // Binomial(40, 0.9): P(X <= 31) = 0.0155, P(X <= 32) = 0.0419; P(X <= 38) = 0.9195, 39: 0.9852.
        let passed = PassedByChance::of(&[(0.9, 2); 40]);
        assert!((passed.mean - 36.0).abs() < 1e-9);
        assert_eq!((passed.low, passed.high), (32, 39));
        assert!((passed.error - sqrt(40.0 * 0.09 * 2.0 / 200.0)).abs() < 1e-12);
    }

    #[test]
    fn sure_cases_leave_nothing_to_chance() {
        let passed = PassedByChance::of(&[(1.0, 2), (1.0, 1), (0.0, 2)]);
        assert_eq!(passed, PassedByChance { mean: 2.0, low: 2, high: 2, error: 0.0 });
        assert_eq!(PassedByChance::of(&[]), PassedByChance::default());
    }
}
