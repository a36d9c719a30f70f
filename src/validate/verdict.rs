//! Does a prediction agree with the measured runs of a case?

use super::distribution::Spread;
use super::prediction::Prediction;
use crate::measured::MeasuredRun;
use serde::Serialize;
use std::collections::BTreeMap;

/// Tolerances of one quantity: the larger of an absolute and a relative one, and how far outside the 95 %
/// range a single run may lie.
struct Tolerance {
    absolute: f64,
    relative: f64,
    range: f64,
    unit: &'static str,
}

const LOSSES: Tolerance =
    Tolerance { absolute: 5.0, relative: 0.2, range: 1.0, unit: "failed requests" };
const ROLLOUT: Tolerance =
    Tolerance { absolute: 0.5, relative: 0.1, range: 0.0, unit: "s of rollout" };

/// `pass` or `fail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Within its tolerances.
    Pass,
    /// Outside of one of them.
    Fail,
}

/// Every way in which `predicted` disagrees with the runs; none: the case passes.
///
/// `rollout` tells whether the case is a rollout at all: other actions have no completion to compare.
pub fn disagreements(runs: &[MeasuredRun], predicted: &Prediction, rollout: bool) -> Vec<String> {
    let losses: Vec<f64> = runs.iter().map(|r| f64::from(r.failed)).collect();
    let mut reasons = compare(&losses, &predicted.failed, &LOSSES);
    if rollout {
        reasons.extend(compare_rollout(runs, predicted));
    }
    reasons.extend(compare_kind(runs, predicted));
    reasons
}

fn compare(measured: &[f64], predicted: &Spread, tolerance: &Tolerance) -> Vec<String> {
    let n = measured.len() as f64;
    let mean = measured.iter().sum::<f64>() / n;
    let allowed =
        tolerance.absolute.max(tolerance.relative * mean).max(2.0 * predicted.sd / libm::sqrt(n));
    let mut reasons = Vec::new();
    let unit = tolerance.unit;
    if (mean - predicted.mean).abs() > allowed {
        reasons.push(format!(
            "measured mean {mean:.2} {unit}, predicted {:.2}, allowed difference {allowed:.2}",
            predicted.mean
        ));
    }
    let low = predicted.low - tolerance.range;
    let high = predicted.high + tolerance.range;
    for value in measured.iter().filter(|v| !(low..=high).contains(*v)) {
        reasons.push(format!(
            "a run with {value:.2} {unit} lies outside the predicted 95 % range {:.2} to {:.2}",
            predicted.low, predicted.high
        ));
    }
    reasons
}

fn compare_rollout(runs: &[MeasuredRun], predicted: &Prediction) -> Vec<String> {
    let times: Vec<f64> = runs.iter().filter_map(|r| r.rollout_complete_s).collect();
    let completes = 2 * times.len() > runs.len();
    match (&predicted.rollout_s, completes) {
        (Some(spread), true) => compare(&times, spread, &ROLLOUT),
        (None, false) => Vec::new(),
        (Some(spread), false) => {
            vec![format!(
                "measured rollouts do not complete, predicted: after {:.2} s",
                spread.mean
            )]
        }
        (None, true) => vec![format!(
            "measured rollouts complete, predicted ones do in {:.0} % of runs",
            100.0 * predicted.completes
        )],
    }
}

/// The most frequent kind must be the same; kinds with equally many failures count as one another.
fn compare_kind(runs: &[MeasuredRun], predicted: &Prediction) -> Option<String> {
    let mut measured: BTreeMap<&str, f64> = BTreeMap::new();
    for (kind, count) in runs.iter().flat_map(MeasuredRun::failures) {
        *measured.entry(kind).or_insert(0.0) += f64::from(count);
    }
    let most = measured.values().copied().fold(0.0, f64::max);
    let kind = main_kind(&predicted.by_kind)?;
    let agree = most == 0.0 || measured.get(kind).is_some_and(|&count| count == most);
    if agree {
        return None;
    }
    let names: Vec<&str> = measured.iter().filter(|(_, n)| **n == most).map(|(k, _)| *k).collect();
    Some(format!("the main kind of failure is {}, predicted {kind}", names.join(" or ")))
}

/// The most frequent kind of failure, if there is any.
pub fn main_kind(by_kind: &BTreeMap<String, f64>) -> Option<&str> {
    by_kind
        .iter()
        .filter(|(_, count)| **count > 0.0)
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map(|(kind, _)| kind.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(failed: u32, rollout: Option<f64>, kinds: &[(&str, u32)]) -> MeasuredRun {
        MeasuredRun {
            sent: 1000,
            failed,
            rollout_complete_s: rollout,
            outcomes: kinds.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect(),
            ..MeasuredRun::default()
        }
    }

    fn predicted(mean: f64, sd: f64, rollout: Option<f64>, kind: &str) -> Prediction {
        let spread = |m: f64, s: f64| Spread {
            mean: m,
            sd: s,
            low: m - 2.0 * s,
            high: m + 2.0 * s,
            low50: m - 0.7 * s,
            high50: m + 0.7 * s,
        };
        Prediction {
            replications: 400,
            evaluator: "exact",
            failed: spread(mean, sd),
            rollout_s: rollout.map(|m| spread(m, 0.1)),
            completes: if rollout.is_some() { 1.0 } else { 0.0 },
            by_kind: BTreeMap::from([(kind.to_owned(), mean)]),
            by_second: BTreeMap::new(),
        }
    }

    #[test]
    fn agreeing_runs_pass() {
        let runs = [
            run(30, Some(2.0), &[("200", 970), ("refused", 30)]),
            run(36, Some(2.1), &[("200", 964), ("refused", 36)]),
        ];
        assert!(
            disagreements(&runs, &predicted(34.0, 3.0, Some(2.05), "refused"), true).is_empty()
        );
    }

    #[test]
    fn each_disagreement_is_named() {
        let runs = [run(100, Some(2.0), &[("timeout", 100)])];
        let reasons = disagreements(&runs, &predicted(10.0, 3.0, Some(9.0), "refused"), true);
        let text = reasons.join("\n");
        assert!(text.contains("measured mean 100.00 failed requests, predicted 10.00"), "{text}");
        assert!(text.contains("outside the predicted 95 % range 4.00 to 16.00"), "{text}");
        assert!(text.contains("s of rollout"), "{text}");
        assert!(text.contains("the main kind of failure is timeout, predicted refused"), "{text}");
    }

    #[test]
    fn one_request_beyond_the_range_is_allowed_two_are_not() {
        let prediction = predicted(10.0, 1.0, None, "refused");
        let beyond = |failed| disagreements(&[run(failed, None, &[])], &prediction, false);
        assert!(beyond(13).is_empty());
        assert_eq!(beyond(14).len(), 1);
    }

    #[test]
    fn completion_must_agree_for_rollouts_only() {
        let runs = [run(0, None, &[])];
        let completing = predicted(0.0, 0.0, Some(2.0), "refused");
        assert_eq!(disagreements(&runs, &completing, true).len(), 1);
        assert!(disagreements(&runs, &completing, false).is_empty());
        assert!(disagreements(&runs, &predicted(0.0, 0.0, None, "refused"), true).is_empty());
    }

    #[test]
    fn ties_of_the_main_kind_agree_with_either() {
        let runs = [run(2, None, &[("eof", 1), ("refused", 1)])];
        assert!(disagreements(&runs, &predicted(2.0, 1.0, None, "eof"), false).is_empty());
        assert!(disagreements(&runs, &predicted(2.0, 1.0, None, "refused"), false).is_empty());
    }
}
