//! Intervals for counts and proportions that are right when the counts are small.

use super::Interval;
use super::special::{beta_quantile, gamma_quantile, rounded};
use crate::engine::dist::normal_quantile;

/// Exact limits (Garwood) of the mean of a Poisson variable seen to be `count`.
///
/// ```
/// let none = rollsim::stats::poisson_exact(0.0, 0.95);
/// assert!(none.low == 0.0 && (none.high - 3.69).abs() < 0.01);
/// ```
pub fn poisson_exact(count: f64, level: f64) -> Interval {
    assert!(count >= 0.0 && level > 0.0 && level < 1.0, "count {count} at level {level}");
    let tail = (1.0 - level) / 2.0;
    Interval { low: gamma_quantile(count, tail), high: gamma_quantile(count + 1.0, 1.0 - tail) }
}

/// Surely below the lower of these limits: to work those out takes many steps.
pub(super) fn below_poisson(count: f64, level: f64) -> f64 {
    count - (reach(level) + 1.0) * libm::sqrt(count + 1.0)
}

/// Surely above the upper one.
pub(super) fn above_poisson(count: f64, level: f64) -> f64 {
    let z = reach(level);
    count + (z + 1.0) * libm::sqrt(count + 1.0) + z * z
}

fn reach(level: f64) -> f64 {
    normal_quantile((1.0 + level) / 2.0)
}

/// Exact limits (Clopper and Pearson) of a probability after `successes` in `trials`.
///
/// `successes` may be fractional, as a sum of probabilities is: the limits are then conservative, since
/// such a sum varies less than a count.
pub fn clopper_pearson(successes: f64, trials: f64, level: f64) -> Interval {
    assert!((0.0..=trials).contains(&successes), "{successes} successes in {trials} trials");
    let tail = (1.0 - level) / 2.0;
    // What does not show in ten digits is none.
    let nearly = |x: f64| if x < 1e-12 { 0.0 } else { x };
    let (successes, failures) = (nearly(successes), nearly(trials - successes));
    let low = match successes {
        0.0 => 0.0,
        _ if failures == 0.0 => rounded(libm::pow(tail, 1.0 / trials)),
        _ => beta_quantile(successes, failures + 1.0, tail),
    };
    let high = match failures {
        0.0 => 1.0,
        _ if successes == 0.0 => rounded(1.0 - libm::pow(tail, 1.0 / trials)),
        _ => beta_quantile(successes + 1.0, failures, 1.0 - tail),
    };
    Interval { low, high }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: Interval, low: f64, high: f64) {
        let close = |a: f64, b: f64| (a - b).abs() < 5e-5;
        assert!(close(found.low, low) && close(found.high, high), "{found:?}, not [{low}, {high}]");
    }

    #[test]
    fn poisson_limits_match_tables() {
        check(poisson_exact(0.0, 0.95), 0.0, 3.688_88);
        check(poisson_exact(1.0, 0.95), 0.025_318, 5.571_64);
        check(poisson_exact(5.0, 0.95), 1.623_49, 11.668_33);
        check(poisson_exact(20.0, 0.95), 12.216_52, 30.888_38);
    }

    #[test]
    fn binomial_limits_match_tables() {
        check(clopper_pearson(0.0, 10.0, 0.95), 0.0, 0.308_497);
        check(clopper_pearson(10.0, 10.0, 0.95), 0.691_503, 1.0);
        check(clopper_pearson(3.0, 10.0, 0.95), 0.066_740, 0.652_453);
    }

    #[test]
    fn what_is_beyond_the_poisson_limits_is() {
        for count in [0.0, 0.3, 1.0, 2.0, 5.0, 20.0, 100.0, 1e4, 1e6] {
            for level in [0.8, 0.95, 0.99, 0.999] {
                let exact = poisson_exact(count, level);
                let (below, above) = (below_poisson(count, level), above_poisson(count, level));
                assert!(below < exact.low && exact.high < above, "{count} at {level}: {exact:?}");
            }
        }
    }

    #[test]
    fn exact_limits_are_symmetric() {
        for k in 0..=25 {
            let a = clopper_pearson(f64::from(k), 25.0, 0.9);
            let b = clopper_pearson(f64::from(25 - k), 25.0, 0.9);
            check(a, 1.0 - b.high, 1.0 - b.low);
        }
    }
}
