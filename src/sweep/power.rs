//! How well a release that decides finds out a bad version: how often it is promoted all the same, and what
//! that costs, over how bad it is.

use crate::cluster::fault::{Fault, Trouble, Whom};
use crate::cluster::release::{Figure, Metric, Plan, Release, Step};
use crate::cluster::workload::Workload;
use crate::engine::{Dur, Time};
use crate::model::rollout::analysis::Found;
use crate::model::rollout::controller::Measured;
use crate::run::{Replication, RunOptions, run};
use crate::scenario::Scenario;
use crate::traffic::Cause;
use std::sync::Arc;

/// Pauses are made so many times as long, the shortest first.
const LONGER: [f64; 8] = [0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0];

/// How bad the new version is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Badness {
    /// This share of its answers are errors.
    Errors(f64),
    /// Its answers take so much longer.
    Slower(Dur),
}

/// What came of one badness, over replications.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// How bad it was.
    pub badness: Badness,
    /// How many rollouts there were.
    pub rollouts: u32,
    /// How many of them promoted it.
    pub promoted: u32,
    /// How many aborted it.
    pub aborted: u32,
    /// Requests that met what is wrong, in the mean.
    pub harmed: f64,
    /// Measurements that found something, in the mean.
    pub measurements: f64,
    /// Until it was promoted or aborted, in seconds, in the mean of those that were.
    pub decided_s: Option<f64>,
    /// The probability that it is promoted, in closed form; None: there is none for these metrics.
    pub promoted_by_theory: Option<f64>,
}

/// Pauses that are enough for a wanted power.
#[derive(Clone, Debug, PartialEq)]
pub struct Enough {
    /// Against those that are given.
    pub times: f64,
    /// All pauses of the release together, in seconds.
    pub pauses_s: f64,
    /// With them.
    pub point: Point,
}

/// The release under test: that of the last action that brings one.
pub fn release(scenario: &Scenario) -> Option<&Release> {
    scenario.after().release.as_deref()
}

/// The same with a new version that is so bad.
fn bad(scenario: &Scenario, badness: Badness) -> Scenario {
    let mut bad = scenario.clone();
    let version = scenario.after().template.version.clone();
    let what = match badness {
        Badness::Errors(share) => Trouble::Errors { share },
        Badness::Slower(by) => {
            let app = &scenario.after().template.serving_container().app;
            let mean = crate::engine::law::limited_mean(&app.service, 1e9).max(1e-6);
            Trouble::Busy { factor: (mean + by.as_secs_f64()) / mean }
        }
    };
    // It is as bad as is asked for, whatever the scenario says of it.
    let of = Whom::Version(version);
    bad.faults
        .retain(|f| f.of != of || !matches!(f.what, Trouble::Errors { .. } | Trouble::Busy { .. }));
    if badness != Badness::Errors(0.0) && badness != Badness::Slower(Dur::ZERO) {
        let (from, until) = (bad.traffic.start, Time::NEVER);
        bad.faults.push(Fault { from, until, of, what });
    }
    bad
}

/// What becomes of the release with a version that is so bad; `well`: measurements where nothing is wrong.
pub fn point(
    scenario: &Scenario,
    options: &RunOptions,
    badness: Badness,
    well: &[Vec<Measured>],
) -> Point {
    let replications = run(&bad(scenario, badness), options);
    let released = || replications.iter().filter_map(|r| r.rollout.released.as_deref());
    let n = replications.len() as f64;
    let decided = released().filter_map(|r| {
        let aborted = r.aborted.as_ref().map(|(at, _)| *at);
        Some(aborted.or(r.promoted)?.as_secs_f64())
    });
    let decided: Vec<f64> = decided.collect();
    let found = |m: &&Measured| m.found != Found::Error;
    let count = |r: &crate::model::rollout::controller::Released| {
        r.measured.iter().filter(found).count() as f64
    };
    Point {
        badness,
        rollouts: replications.len() as u32,
        promoted: released().filter(|r| r.promoted.is_some() && r.aborted.is_none()).count() as u32,
        aborted: released().filter(|r| r.aborted.is_some()).count() as u32,
        harmed: replications.iter().map(|r| harmed(r, badness)).sum::<f64>() / n,
        measurements: released().map(count).sum::<f64>() / n,
        decided_s: (!decided.is_empty())
            .then(|| decided.iter().sum::<f64>() / decided.len() as f64),
        promoted_by_theory: theory(scenario, badness, well),
    }
}

/// Requests that met what is wrong: errors, or answers of the new version.
fn harmed(replication: &Replication, badness: Badness) -> f64 {
    match badness {
        Badness::Errors(_) => {
            replication.traffic.by_cause().get(&Cause::Fault).copied().unwrap_or(0.0)
        }
        Badness::Slower(_) => replication.traffic.answered_by_version.iter().skip(1).sum(),
    }
}

/// The measurements of each replication where nothing is wrong.
pub fn where_all_is_well(scenario: &Scenario, options: &RunOptions) -> Vec<Vec<Measured>> {
    let replications = run(&bad(scenario, Badness::Errors(0.0)), options);
    let released = replications.into_iter().filter_map(|r| r.rollout.released);
    released.map(|r| r.measured).collect()
}

/// The probability that a version with this share of errors passes all measurements: each is of a binomial
/// number of errors among the requests that it is over, and they are independent where their windows do not
/// overlap. Which there are, and over how many requests, is taken from rollouts where nothing is wrong.
fn theory(scenario: &Scenario, badness: Badness, well: &[Vec<Measured>]) -> Option<f64> {
    let Badness::Errors(share) = badness else { return None };
    let analyses = release(scenario)?.analyses();
    let [analysis] = analyses[..] else { return None };
    let [metric] = &analysis.metrics[..] else { return None };
    let rate = matches!(metric.measure.what, Figure::SuccessRate | Figure::ErrorRate);
    let scrape = scenario.kubernetes.defaults.analysis_scrape;
    let apart = metric.interval.is_none_or(|i| i >= metric.measure.window + scrape);
    if !rate || !apart || metric.limits.failure < 0 || well.is_empty() {
        return None;
    }
    let passes = well.iter().map(|measured| passes(metric, measured, share));
    Some(passes.sum::<f64>() / well.len() as f64)
}

/// No more failures than are borne, of these measurements.
fn passes(metric: &Metric, measured: &[Measured], share: f64) -> f64 {
    let borne = metric.limits.failure as usize;
    // The probability of so many failures by now; more than are borne are gone.
    let mut failures = vec![0.0; borne + 1];
    failures[0] = 1.0;
    for one in measured.iter().filter(|m| m.found != Found::Error) {
        let fails = fails(metric, one.requests, share);
        for k in (0..=borne).rev() {
            let before = if k > 0 { failures[k - 1] * fails } else { 0.0 };
            failures[k] = failures[k] * (1.0 - fails) + before;
        }
    }
    failures.iter().sum()
}

/// The probability that a measurement over so many requests is a failure.
fn fails(metric: &Metric, requests: f64, share: f64) -> f64 {
    let n = libm::round(requests).max(0.0);
    let is_failure = |errors: f64| {
        let rate = errors / n.max(1.0);
        let value = match metric.measure.what {
            Figure::SuccessRate => 1.0 - rate,
            _ => rate,
        };
        metric.judge(value) == Some(false)
    };
    if share <= 0.0 || share >= 1.0 {
        return f64::from(u8::from(is_failure(n * share.clamp(0.0, 1.0))));
    }
    let (ln_p, ln_q) = (libm::log(share), libm::log1p(-share));
    let ln_all = libm::lgamma(n + 1.0);
    let mut sum = 0.0;
    for errors in 0..=(n as u64) {
        let k = errors as f64;
        if is_failure(k) {
            let ln_ways = ln_all - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
            sum += libm::exp(ln_ways + k * ln_p + (n - k) * ln_q);
        }
    }
    sum.min(1.0)
}

/// The shortest pauses with which so bad a version is aborted with this probability; None: none of those
/// that were tried.
pub fn enough(
    scenario: &Scenario,
    options: &RunOptions,
    badness: Badness,
    power: f64,
) -> Option<Enough> {
    let given = pauses(release(scenario)?);
    LONGER.into_iter().filter(|_| given > 0.0).find_map(|times| {
        let longer = longer(scenario, times);
        let point = point(&longer, options, badness, &[]);
        let enough = f64::from(point.aborted) >= power * f64::from(point.rollouts);
        enough.then_some(Enough { times, pauses_s: given * times, point })
    })
}

/// All pauses with a length together, in seconds.
pub fn pauses(release: &Release) -> f64 {
    let Plan::Canary(canary) = &release.plan else { return 0.0 };
    let length = |step: &Step| match step {
        Step::Pause(Some(length)) => length.as_secs_f64(),
        _ => 0.0,
    };
    canary.steps.iter().map(length).sum()
}

/// The same with pauses that are so many times as long, and requests until its end.
fn longer(scenario: &Scenario, times: f64) -> Scenario {
    let mut longer = scenario.clone();
    let before = release(scenario).map_or(0.0, pauses);
    let stretch = |workload: &mut Workload| {
        let Some(release) = &mut workload.release else { return };
        if let Plan::Canary(canary) = &mut Arc::make_mut(release).plan {
            for step in &mut canary.steps {
                if let Step::Pause(Some(length)) = step {
                    *length = Dur::from_secs_f64(length.as_secs_f64() * times);
                }
            }
        }
    };
    longer.workloads.iter_mut().take(1).for_each(stretch);
    longer.actions.iter_mut().filter_map(|a| a.kind.brings_mut()).for_each(stretch);
    let more = Dur::from_secs_f64((before * (times - 1.0)).max(0.0));
    longer.traffic.end += more;
    longer.horizon += more;
    longer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::release::{Limits, Measure, Side};
    use crate::expr::Condition;

    fn metric(failure: i32) -> Metric {
        let text = "result[0] >= 0.95";
        let success = Condition::parse(text, &|_| Ok(0)).expect("a condition");
        Metric {
            name: "success-rate".to_owned(),
            interval: Some(Dur::from_secs(60)),
            initial_delay: Dur::ZERO,
            limits: Limits {
                count: None,
                failure,
                inconclusive: 0,
                consecutive_error: 4,
                consecutive_success: None,
            },
            success: Some(success),
            failure: None,
            measure: Measure {
                what: Figure::SuccessRate,
                of: Side::New,
                window: Dur::from_secs(30),
                scale: 1.0,
            },
        }
    }

    fn measured(requests: f64) -> Measured {
        let (at, value) = (Time::ZERO, Some(1.0));
        Measured { at, metric: 0, value, requests, found: Found::Success }
    }

    #[test]
    fn a_measurement_fails_by_the_binomial_tail() {
        // Of 20 requests two errors are too many: 1 - 0.9^20 - 20 * 0.1 * 0.9^19.
        let fails = fails(&metric(0), 20.0, 0.1);
        assert!((fails - 0.608_253).abs() < 1e-6, "{fails}");
    }

    #[test]
    fn as_many_failures_as_the_limit_are_borne() {
        let three = [measured(20.0), measured(20.0), measured(20.0)];
        let fails = 0.608_252_9;
        let none: f64 = passes(&metric(0), &three, 0.1);
        assert!((none - f64::powi(1.0 - fails, 3)).abs() < 1e-6, "{none}");
        let one = none + 3.0 * fails * f64::powi(1.0 - fails, 2);
        assert!((passes(&metric(1), &three, 0.1) - one).abs() < 1e-6);
        assert_eq!(passes(&metric(3), &three, 0.1), 1.0);
    }
}
