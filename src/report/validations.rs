//! The report of a validation.

use super::answer::{Estimate, Figure};
use super::data::{Compared, ValidateCase, ValidateGroup, ValidateReport};
use crate::stats::{LEVEL, clopper_pearson};
use crate::validate::distribution::Spread;
use crate::validate::verdict::{Verdict, main_kind};
use crate::validate::{Calibration, CaseResult, NotModelled, Summary, Validation, text};
use std::collections::BTreeMap;

/// `version` is that of the program.
pub fn validate(validation: &Validation, version: &str) -> ValidateReport {
    let s = &validation.summary;
    let known = match s.known {
        0 => String::new(),
        n => format!(" {n} of the others differ for a known reason."),
    };
    let left_out = |case: &NotModelled| format!("{}: {}", case.name, case.what.join(", "));
    ValidateReport {
        name: "Predicted and measured rollouts".into(),
        verdict: format!("{} of {} cases agree.{known}", s.passed, s.cases),
        cases: validation.cases.iter().map(case).collect(),
        groups: validation.groups().map(|(name, summary)| group(name, summary)).collect(),
        not_modelled: validation.not_modelled.iter().map(left_out).collect(),
        signature: format!("rollsim {version} · seed {}", validation.seed),
    }
}

fn group(name: &str, s: &Summary) -> ValidateGroup {
    let calibration = if s.losses.runs > 0 { &s.losses } else { &s.rollout_s };
    let by_chance = &s.passed_by_chance;
    ValidateGroup {
        name: name.to_owned(),
        cases: s.cases,
        passed: s.passed,
        by_sort: text::by_sort(s),
        within_half: share(calibration, calibration.in_50),
        within_95: share(calibration, calibration.in_95),
        passed_by_chance: Estimate {
            mean: by_chance.mean,
            low: by_chance.low as f64,
            high: by_chance.high as f64,
        },
        chance: format!("How much is luck: {}.", text::passed_by_chance(s)),
    }
}

fn share(of: &Calibration, share: f64) -> Estimate {
    let runs = of.runs as f64;
    let interval = clopper_pearson((share * runs).round(), runs, LEVEL);
    Estimate { mean: share, low: interval.low, high: interval.high }
}

fn case(case: &CaseResult) -> ValidateCase {
    let (measured, predicted) = (&case.measured, &case.predicted);
    let n = predicted.replications;
    let lost = measured.runs.iter().map(|r| f64::from(r.failed)).collect();
    let times = measured.runs.iter().filter_map(|r| r.rollout_s).collect();
    let kind = |by_kind: &BTreeMap<String, f64>| main_kind(by_kind).unwrap_or("none").to_owned();
    let mut reasons = case.reasons.clone();
    reasons.extend(case.known.as_ref().map(|known| format!("known: {known}")));
    ValidateCase {
        name: case.name.clone(),
        fitted: case.fitted,
        passed: case.verdict == Verdict::Pass,
        chance: case.chance,
        lost: compared(lost, Some(&predicted.failed), n),
        rollout_s: compared(times, predicted.rollout_s.as_ref(), n),
        kind_measured: kind(&measured.by_kind),
        kind_predicted: kind(&predicted.by_kind),
        reason: reasons.join("; "),
        picture: picture(case),
    }
}

#[cfg(feature = "plots")]
fn picture(case: &CaseResult) -> Option<String> {
    text::has_losses(case).then(|| crate::validate::plot::losses_per_second(case))
}

#[cfg(not(feature = "plots"))]
fn picture(_: &CaseResult) -> Option<String> {
    None
}

/// Not finite where nothing is predicted: most rollouts do not complete.
fn compared(measured: Vec<f64>, predicted: Option<&Spread>, replications: usize) -> Compared {
    let Some(p) = predicted else {
        let none = [f64::NAN; 2];
        let predicted = Figure { mean: f64::NAN, interval: none, range: none };
        return Compared { measured, predicted, half: none };
    };
    let half_width = 1.96 * p.sd / libm::sqrt(replications as f64);
    let interval = [p.mean - half_width, p.mean + half_width];
    let predicted = Figure { mean: p.mean, interval, range: [p.low, p.high] };
    Compared { measured, predicted, half: [p.low50, p.high50] }
}
