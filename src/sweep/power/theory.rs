//! The closed form of a release's power, where there is one.

use super::{Badness, release};
use crate::cluster::release::{Figure, Metric};
use crate::model::rollout::analysis::Found;
use crate::model::rollout::controller::Measured;
use crate::scenario::Scenario;

/// The probability that a version with this share of errors passes all measurements: each is of a binomial
/// number of errors among the requests that it is over, and they are independent where their windows do not
/// overlap. Which there are, and over how many requests, is taken from rollouts where nothing is wrong.
///
/// A Canary of Flagger stays where a check fails, and makes it again: it is promoted where all checks that a
/// good version passes are passed before as many have failed as the threshold says.
pub fn promoted(scenario: &Scenario, badness: Badness, well: &[Vec<Measured>]) -> Option<f64> {
    let Badness::Errors(share) = badness else { return None };
    let release = release(scenario)?;
    let analyses = release.analyses();
    let [analysis] = analyses[..] else { return None };
    let [metric] = &analysis.metrics[..] else { return None };
    let rate = matches!(metric.measure.what, Figure::SuccessRate | Figure::ErrorRate);
    let scrape = scenario.kubernetes.defaults.analysis_scrape;
    let apart = metric.interval.is_none_or(|i| i >= metric.measure.window + scrape);
    // What is judged without requests depends on no error.
    let judged = |m: &Measured| m.value.is_some() || m.found == Found::Error;
    let of_requests = well.iter().flatten().all(judged);
    if !rate || !apart || metric.limits.failure < 0 || well.is_empty() || !of_requests {
        return None;
    }
    let again = release.flagger().is_some();
    let passes = well.iter().map(|measured| match again {
        true => passes_again(metric, measured, share),
        false => passes(metric, measured, share),
    });
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

/// As many successes as there are measurements, before more failures than are borne.
fn passes_again(metric: &Metric, measured: &[Measured], share: f64) -> f64 {
    let borne = metric.limits.failure as usize;
    // The probability of so many failures before the next success.
    let mut failures = vec![0.0; borne + 1];
    failures[0] = 1.0;
    for one in measured.iter().filter(|m| m.found != Found::Error) {
        let fails = fails(metric, one.requests, share);
        let mut carried = 0.0;
        for before in &mut failures {
            carried = carried * fails + *before;
            *before = carried * (1.0 - fails);
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
        metric.judge(Some(value)) == Found::Failure
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::release::{Answer, Limits, Measure, Side};
    use crate::engine::{Dur, Time};
    use crate::expr::Program;

    fn metric(failure: i32) -> Metric {
        let success = Program::parse("result >= 0.95").expect("a condition");
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
            answer: Answer::NUMBER,
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

    #[test]
    fn a_canary_that_stays_where_it_fails_has_to_pass_in_the_end() {
        let three = [measured(20.0), measured(20.0), measured(20.0)];
        let fails = 0.608_252_9;
        let none: f64 = passes_again(&metric(0), &three, 0.1);
        assert!((none - f64::powi(1.0 - fails, 3)).abs() < 1e-6, "{none}");
        // One failure at any of the three, and three successes.
        let one = none + 3.0 * fails * f64::powi(1.0 - fails, 3);
        assert!((passes_again(&metric(1), &three, 0.1) - one).abs() < 1e-6);
    }
}
