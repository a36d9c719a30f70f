//! Predictions against rollouts measured on a real cluster.

pub mod chance;
pub mod distribution;
#[cfg(feature = "plots")]
pub mod plot;
pub mod prediction;
pub mod text;
pub mod unmodelled;
pub mod verdict;

use crate::engine::Time;
use crate::measured::{Measured, MeasuredRun};
use crate::run::{self, EvaluatorChoice, Replication, RunOptions};
use crate::scenario::Scenario;
use chance::PassedByChance;
use distribution::{Spread, spread_of};
use prediction::Prediction;
use serde::Serialize;
use std::collections::BTreeMap;
use verdict::Verdict;

/// The answer of `rollsim validate`; its JSON is what `--format json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// Version of the format.
    pub schema: u32,
    /// Of all simulations.
    pub seed: u64,
    /// Over all cases. Says little of cases that nobody has seen: most may have been fitted to.
    pub summary: Summary,
    /// Over the cases that the platform card was fitted to.
    pub fitted: Summary,
    /// Over the cases it was not: what to expect of a case that nobody has seen.
    pub held_out: Summary,
    /// Cases that are not simulated, since they hold what is not modelled.
    pub not_modelled: Vec<NotModelled>,
    /// Those that were compared.
    pub cases: Vec<CaseResult>,
}

/// A case that is not simulated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotModelled {
    /// Of the case.
    pub name: String,
    /// What of it is not modelled yet.
    pub what: Vec<String>,
}

/// What is known of a case besides its runs.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Of the case.
    pub name: &'a str,
    /// The platform card was fitted to it.
    pub fitted: bool,
    /// The named mechanism behind a known difference.
    pub known: Option<&'a str>,
}

/// One case: what was measured, what is predicted, whether they agree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseResult {
    /// Of its folder.
    pub name: String,
    /// The platform card was fitted to it, among others; else it is held out.
    pub fitted: bool,
    /// Whether prediction and measurement agree.
    pub verdict: Verdict,
    /// Why it fails; empty when it passes.
    pub reasons: Vec<String>,
    /// The named mechanism behind a known difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// The probability that a cluster which behaves exactly as predicted passes with as many runs.
    pub chance: f64,
    /// What happened on the cluster.
    pub measured: MeasuredSummary,
    /// What was simulated.
    pub predicted: Prediction,
}

/// What was measured in all runs of a case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasuredSummary {
    /// Mean number of failed requests.
    pub failed: f64,
    /// Mean rollout time in seconds, of the runs that completed.
    pub rollout_s: Option<f64>,
    /// Mean number of failed requests by kind.
    pub by_kind: BTreeMap<String, f64>,
    /// Each one.
    pub runs: Vec<RunSummary>,
}

/// What was measured in one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// Requests.
    pub sent: u32,
    /// Of these, those that failed.
    pub failed: u32,
    /// Time to complete, in seconds; None: it did not.
    pub rollout_s: Option<f64>,
    /// Failed requests by kind.
    pub by_kind: BTreeMap<String, u32>,
    /// Failed requests by second of send time, from the action.
    pub by_second: BTreeMap<i32, u32>,
}

/// How good the predictions are over all cases.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many were compared.
    pub cases: usize,
    /// How many agree.
    pub passed: usize,
    /// Those in which requests were lost, ...
    pub lossy: Tally,
    /// ... and those in which none was: a model that loses nothing ever passes these.
    pub lossless: Tally,
    /// How many would pass if the cluster behaved exactly as predicted.
    pub passed_by_chance: PassedByChance,
    /// Failing cases that are on the list of known differences.
    pub known: usize,
    /// Of failed requests.
    pub losses: Calibration,
    /// Of times to complete.
    pub rollout_s: Calibration,
}

/// Cases of one sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many there are.
    pub cases: usize,
    /// How many agree.
    pub passed: usize,
}

/// Over the runs of cases with losses (or with a rollout time): how often they lie in the predicted ranges,
/// and how far the means are apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Calibration {
    /// Cases that count here.
    pub cases: usize,
    /// Single runs of these.
    pub runs: usize,
    /// Share of runs in the predicted 50 % range.
    pub in_50: f64,
    /// Share of runs below it, ...
    pub below_50: f64,
    /// ... and above it: a quarter each, if the predictions are right.
    pub above_50: f64,
    /// Share of runs in the predicted 95 % range.
    pub in_95: f64,
    /// Mean over cases of |predicted mean - measured mean|.
    pub mean_absolute_error: f64,
    /// Sum of these over the sum of the measured means.
    pub relative_error: f64,
}

/// Simulates a case under `seed` and compares it with its measured runs.
pub fn compare_case(
    about: &About<'_>,
    scenario: &Scenario,
    measured: &Measured,
    (seed, replications): (u64, u32),
) -> CaseResult {
    let evaluator = EvaluatorChoice::Auto;
    let options = RunOptions { seed, replications, evaluator, keep_timelines: chance::DRAWN };
    let replications = as_seen(scenario, measured, run::run(scenario, &options));
    let predicted = Prediction::of(&replications);
    let reasons = verdict::disagreements(&measured.runs, &predicted, is_rollout(scenario));
    let runs = measured.runs.len();
    let fails = !reasons.is_empty();
    CaseResult {
        name: about.name.to_owned(),
        fitted: about.fitted,
        verdict: if fails { Verdict::Fail } else { Verdict::Pass },
        reasons,
        known: about.known.filter(|_| fails).map(str::to_owned),
        chance: chance::of_case(scenario, seed, &replications, runs, &predicted),
        measured: MeasuredSummary::of(&measured.runs),
        predicted,
    }
}

/// Where most measured rollouts did not complete, one that is predicted to after the client had its last
/// answer would not have been seen to either.
fn as_seen(
    scenario: &Scenario,
    measured: &Measured,
    mut replications: Vec<Replication>,
) -> Vec<Replication> {
    let completed = measured.runs.iter().filter(|r| r.rollout_complete_s.is_some()).count();
    if 2 * completed > measured.runs.len() {
        return replications;
    }
    let seen = scenario.traffic.end + scenario.traffic.client.timeout - Time::ZERO;
    for replication in &mut replications {
        replication.rollout.complete = replication.rollout.complete.filter(|d| *d <= seen);
    }
    replications
}

/// Whether there is a completion to compare.
fn is_rollout(scenario: &Scenario) -> bool {
    scenario.actions.iter().any(|a| a.kind.is_rollout())
}

impl Validation {
    /// Counts what agrees; `seed` is noted for the record.
    pub fn new(seed: u64, cases: Vec<CaseResult>, not_modelled: Vec<NotModelled>) -> Validation {
        Validation {
            schema: 1,
            seed,
            summary: Summary::of(cases.iter()),
            fitted: Summary::of(cases.iter().filter(|c| c.fitted)),
            held_out: Summary::of(cases.iter().filter(|c| !c.fitted)),
            not_modelled,
            cases,
        }
    }

    /// The summaries apart: (what they are over, summary), those without cases left out.
    pub fn groups(&self) -> impl Iterator<Item = (&'static str, &Summary)> {
        let groups = [("fitted", &self.fitted), ("held out", &self.held_out)];
        groups.into_iter().filter(|(_, summary)| summary.cases > 0)
    }

    /// Failing cases that are not on the list of known differences.
    pub fn unexpected(&self) -> impl Iterator<Item = &CaseResult> {
        self.cases.iter().filter(|c| c.verdict == Verdict::Fail && c.known.is_none())
    }
}

impl MeasuredSummary {
    fn of(runs: &[MeasuredRun]) -> MeasuredSummary {
        let n = runs.len() as f64;
        let mut by_kind = BTreeMap::new();
        for (kind, count) in runs.iter().flat_map(MeasuredRun::failures) {
            *by_kind.entry(kind.to_owned()).or_insert(0.0) += f64::from(count) / n;
        }
        let times: Vec<f64> = runs.iter().filter_map(|r| r.rollout_complete_s).collect();
        MeasuredSummary {
            failed: runs.iter().map(|r| f64::from(r.failed)).sum::<f64>() / n,
            rollout_s: spread_of(&times).map(|s| s.mean),
            by_kind,
            runs: runs.iter().map(RunSummary::of).collect(),
        }
    }
}

impl RunSummary {
    fn of(run: &MeasuredRun) -> RunSummary {
        RunSummary {
            sent: run.sent,
            failed: run.failed,
            rollout_s: run.rollout_complete_s,
            by_kind: run.failures().into_iter().map(|(k, n)| (k.to_owned(), n)).collect(),
            by_second: run.failed_by_second(),
        }
    }
}

impl Summary {
    fn of<'a>(cases: impl Iterator<Item = &'a CaseResult> + Clone) -> Summary {
        let with_losses = cases.clone().filter(|c| c.is_lossy()).map(|c| {
            let runs = c.measured.runs.iter().map(|r| f64::from(r.failed)).collect();
            (c.measured.failed, runs, c.predicted.failed)
        });
        let with_rollout = cases.clone().filter_map(|c| {
            let runs = c.measured.runs.iter().filter_map(|r| r.rollout_s).collect();
            Some((c.measured.rollout_s?, runs, c.predicted.rollout_s?))
        });
        let chances: Vec<_> = cases.clone().map(|c| (c.chance, c.measured.runs.len())).collect();
        let tally = |lossy| Tally::of(cases.clone().filter(|c| c.is_lossy() == lossy));
        let all = Tally::of(cases.clone());
        Summary {
            cases: all.cases,
            passed: all.passed,
            lossy: tally(true),
            lossless: tally(false),
            passed_by_chance: PassedByChance::of(&chances),
            known: cases.clone().filter(|c| c.known.is_some()).count(),
            losses: Calibration::of(with_losses),
            rollout_s: Calibration::of(with_rollout),
        }
    }
}

impl CaseResult {
    /// Whether any of its runs lost requests.
    pub fn is_lossy(&self) -> bool {
        self.measured.failed > 0.0
    }
}

impl Tally {
    fn of<'a>(cases: impl Iterator<Item = &'a CaseResult>) -> Tally {
        let mut tally = Tally::default();
        for case in cases {
            tally.cases += 1;
            tally.passed += usize::from(case.verdict == Verdict::Pass);
        }
        tally
    }
}

impl Calibration {
    /// Of cases given as (measured mean, measured runs, prediction).
    fn of(cases: impl Iterator<Item = (f64, Vec<f64>, Spread)>) -> Calibration {
        let mut sum = Calibration::default();
        let (mut error, mut total) = (0.0, 0.0);
        for (mean, runs, predicted) in cases {
            sum.cases += 1;
            error += (predicted.mean - mean).abs();
            total += mean;
            for run in runs {
                sum.runs += 1;
                let one_if = |held: bool| f64::from(u8::from(held));
                sum.below_50 += one_if(run < predicted.low50);
                sum.above_50 += one_if(run > predicted.high50);
                sum.in_50 += one_if(predicted.low50 <= run && run <= predicted.high50);
                sum.in_95 += one_if(predicted.low <= run && run <= predicted.high);
            }
        }
        let runs = sum.runs.max(1) as f64;
        Calibration {
            in_50: sum.in_50 / runs,
            below_50: sum.below_50 / runs,
            above_50: sum.above_50 / runs,
            in_95: sum.in_95 / runs,
            mean_absolute_error: error / sum.cases.max(1) as f64,
            relative_error: if total > 0.0 { error / total } else { 0.0 },
            ..sum
        }
    }
}

#[cfg(test)]
mod tests;
