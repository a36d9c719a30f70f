//! Predictions against rollouts measured on a real cluster.

pub mod chance;
pub mod distribution;
pub mod plot;
pub mod prediction;
pub mod text;
pub mod verdict;

use crate::measured::{Measured, MeasuredRun};
use crate::run::{self, EvaluatorChoice, RunOptions};
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
    pub schema: u32,
    pub seed: u64,
    pub summary: Summary,
    pub cases: Vec<CaseResult>,
}

/// One case: what was measured, what is predicted, whether they agree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseResult {
    pub name: String,
    pub verdict: Verdict,
    /// Why it fails; empty when it passes.
    pub reasons: Vec<String>,
    /// The named mechanism behind a known difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// The probability that a cluster which behaves exactly as predicted passes with as many runs.
    pub chance: f64,
    pub measured: MeasuredSummary,
    pub predicted: Prediction,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasuredSummary {
    /// Mean number of failed requests.
    pub failed: f64,
    /// Mean rollout time in seconds, of the runs that completed.
    pub rollout_s: Option<f64>,
    /// Mean number of failed requests by kind.
    pub by_kind: BTreeMap<String, f64>,
    pub runs: Vec<RunSummary>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    pub sent: u32,
    pub failed: u32,
    pub rollout_s: Option<f64>,
    pub by_kind: BTreeMap<String, u32>,
    pub by_second: BTreeMap<i32, u32>,
}

/// How good the predictions are over all cases.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    pub cases: usize,
    pub passed: usize,
    /// How many would pass if the cluster behaved exactly as predicted.
    pub passed_by_chance: PassedByChance,
    /// Failing cases that are on the list of known differences.
    pub known: usize,
    pub losses: Calibration,
    pub rollout_s: Calibration,
}

/// Over the runs of cases with losses (or with a rollout time): how often they lie in the predicted ranges,
/// and how far the means are apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Calibration {
    pub cases: usize,
    pub runs: usize,
    /// Share of runs in the predicted 50 % range.
    pub in_50: f64,
    /// Share of runs in the predicted 95 % range.
    pub in_95: f64,
    /// Mean over cases of |predicted mean - measured mean|.
    pub mean_absolute_error: f64,
    /// Sum of these over the sum of the measured means.
    pub relative_error: f64,
}

/// Simulates a case under `seed` and compares it with its measured runs.
pub fn compare_case(
    name: &str,
    scenario: &Scenario,
    measured: &Measured,
    (seed, replications): (u64, u32),
    known: Option<&str>,
) -> CaseResult {
    let evaluator = EvaluatorChoice::Auto;
    let options = RunOptions { seed, replications, evaluator, keep_timelines: chance::DRAWN };
    let replications = run::run(scenario, &options);
    let predicted = Prediction::of(&replications);
    let reasons = verdict::disagreements(&measured.runs, &predicted, is_rollout(scenario));
    let runs = measured.runs.len();
    let fails = !reasons.is_empty();
    CaseResult {
        name: name.to_owned(),
        verdict: if fails { Verdict::Fail } else { Verdict::Pass },
        reasons,
        known: known.filter(|_| fails).map(str::to_owned),
        chance: chance::of_case(scenario, seed, &replications, runs, &predicted),
        measured: MeasuredSummary::of(&measured.runs),
        predicted,
    }
}

/// Whether there is a completion to compare.
fn is_rollout(scenario: &Scenario) -> bool {
    scenario.actions.iter().any(|a| a.kind.is_rollout())
}

impl Validation {
    pub fn new(seed: u64, cases: Vec<CaseResult>) -> Validation {
        Validation { schema: 1, seed, summary: Summary::of(&cases), cases }
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
    fn of(cases: &[CaseResult]) -> Summary {
        let with_losses = cases.iter().filter(|c| c.measured.failed > 0.0).map(|c| {
            let runs = c.measured.runs.iter().map(|r| f64::from(r.failed)).collect();
            (c.measured.failed, runs, c.predicted.failed)
        });
        let with_rollout = cases.iter().filter_map(|c| {
            let runs = c.measured.runs.iter().filter_map(|r| r.rollout_s).collect();
            Some((c.measured.rollout_s?, runs, c.predicted.rollout_s?))
        });
        let chances: Vec<_> = cases.iter().map(|c| (c.chance, c.measured.runs.len())).collect();
        Summary {
            cases: cases.len(),
            passed: cases.iter().filter(|c| c.verdict == Verdict::Pass).count(),
            passed_by_chance: PassedByChance::of(&chances),
            known: cases.iter().filter(|c| c.known.is_some()).count(),
            losses: Calibration::of(with_losses),
            rollout_s: Calibration::of(with_rollout),
        }
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
                sum.in_50 += f64::from(u8::from(predicted.low50 <= run && run <= predicted.high50));
                sum.in_95 += f64::from(u8::from(predicted.low <= run && run <= predicted.high));
            }
        }
        let runs = sum.runs.max(1) as f64;
        Calibration {
            in_50: sum.in_50 / runs,
            in_95: sum.in_95 / runs,
            mean_absolute_error: error / sum.cases.max(1) as f64,
            relative_error: if total > 0.0 { error / total } else { 0.0 },
            ..sum
        }
    }
}

#[cfg(test)]
mod tests;
