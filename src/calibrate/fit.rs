//! Fits distributions to measured durations: each family by maximum likelihood, the best by AIC, the
//! empirical one where no family fits.

use crate::engine::Dist;
use crate::engine::dist::{p99_of, quantile, sigma};
use libm::{exp, lgamma, log, pow, sqrt};

/// A fitted distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// In seconds.
    pub dist: Dist,
    /// Which kind of distribution it is.
    pub family: Family,
    /// Kolmogorov-Smirnov distance between data and fit.
    pub statistic: f64,
    /// Critical distance at 1 % for this number of samples: a family beyond it is rejected.
    pub critical: f64,
}

/// Which kind of distribution is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// All samples are alike.
    Constant,
    /// One parameter, the mean.
    Exponential,
    /// Median and spread of the logarithms.
    LogNormal,
    /// Scale and shape.
    Weibull,
    /// Quantiles of the samples themselves, where no family fits.
    Empirical,
}

impl Family {
    /// As in a card's `kind`.
    pub fn name(self) -> &'static str {
        match self {
            Family::Constant => "constant",
            Family::Exponential => "exponential",
            Family::LogNormal => "lognormal",
            Family::Weibull => "weibull",
            Family::Empirical => "empirical",
        }
    }
}

/// Below this many samples only families with few parameters are tried.
const ENOUGH_FOR_SHAPE: usize = 8;
/// Samples closer together than this (a clock's resolution) are one constant.
const RESOLUTION_S: f64 = 5e-4;
/// Steps of the quantile table of an empirical distribution.
const EMPIRICAL_STEPS: usize = 50;

/// The best fit of `samples` (seconds); None without samples.
pub fn best(samples: &[f64]) -> Option<Fit> {
    let mut sorted: Vec<f64> = samples.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.iter_mut().for_each(|x| *x = x.max(0.0));
    sorted.sort_by(f64::total_cmp);
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
    if last - first <= RESOLUTION_S || sorted.len() < 3 {
        return Some(judged(Dist::Constant { mean_s: round(mean) }, Family::Constant, &sorted));
    }
    // A value of 0 is one below the clock's resolution.
    let smallest = sorted.iter().copied().find(|x| *x > 0.0).unwrap_or(RESOLUTION_S);
    sorted.iter_mut().for_each(|x| *x = x.max(0.5 * smallest));
    let mut fits = vec![exponential(&sorted, mean)];
    if sorted.len() >= ENOUGH_FOR_SHAPE {
        fits.extend(log_normal(&sorted));
        fits.extend(weibull(&sorted));
    }
    let chosen = fits.into_iter().min_by(|a, b| a.aic.total_cmp(&b.aic))?;
    let fit = judged(chosen.dist, chosen.family, &sorted);
    if fit.statistic > fit.critical && sorted.len() >= 2 * ENOUGH_FOR_SHAPE {
        return Some(judged(empirical(&sorted), Family::Empirical, &sorted));
    }
    Some(fit)
}

/// A family's best member with its Akaike criterion.
struct Candidate {
    dist: Dist,
    family: Family,
    aic: f64,
}

fn judged(dist: Dist, family: Family, sorted: &[f64]) -> Fit {
    let statistic = match family {
        Family::Constant => 0.0,
        _ => distance(&dist, sorted),
    };
    Fit {
        dist,
        family,
        statistic: round(statistic),
        critical: round(1.63 / sqrt(sorted.len() as f64)),
    }
}

/// The greatest difference between the distribution functions of data and fit, looked at between the
/// distinct values: clocks have a resolution, and where values are equal the data's function jumps.
pub fn distance(dist: &Dist, sorted: &[f64]) -> f64 {
    let n = sorted.len() as f64;
    let between = sorted.windows(2).enumerate().filter(|(_, pair)| pair[1] > pair[0]);
    let gap = |(i, pair): (usize, &[f64])| {
        (share_below(dist, 0.5 * (pair[0] + pair[1])) - (i + 1) as f64 / n).abs()
    };
    between.map(gap).fold(0.0, f64::max)
}

/// The share of values below `x`, by bisection of the quantile function.
fn share_below(dist: &Dist, x: f64) -> f64 {
    let (mut low, mut high) = (1e-9, 1.0 - 1e-9);
    if dist.quantile_s(low) >= x {
        return 0.0;
    }
    if dist.quantile_s(high) <= x {
        return 1.0;
    }
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if dist.quantile_s(middle) < x { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The shift of a shifted family: a little below the smallest value, by as much as the smallest of so
/// many exponential values is expected to lie above it.
fn shift(sorted: &[f64], mean: f64) -> f64 {
    (sorted[0] - (mean - sorted[0]) / sorted.len() as f64).max(0.0)
}

fn exponential(sorted: &[f64], mean: f64) -> Candidate {
    let min = shift(sorted, mean);
    let scale = (mean - min).max(1e-9);
    let log_likelihood =
        sorted.iter().map(|x| -log(scale) - (x - min).max(0.0) / scale).sum::<f64>();
    Candidate {
        dist: Dist::Exponential { mean_s: round(mean), min_s: round(min) },
        family: Family::Exponential,
        aic: 4.0 - 2.0 * log_likelihood,
    }
}

/// For every shift of a grid the other two parameters in closed form; the likeliest wins.
fn log_normal(sorted: &[f64]) -> Option<Candidate> {
    let fits = shifts(sorted).into_iter().filter_map(|(min, parameters)| {
        let logs: Vec<f64> = sorted.iter().map(|x| log((x - min).max(1e-9))).collect();
        let n = logs.len() as f64;
        let mu = logs.iter().sum::<f64>() / n;
        let sigma = sqrt(logs.iter().map(|l| (l - mu) * (l - mu)).sum::<f64>() / n);
        if sigma <= 0.0 {
            return None;
        }
        // Sum over samples of log density: the squares sum to n/2 at the optimum.
        let log_likelihood = -n * (log(sigma) + 0.918_938_533_204_672_7 + mu + 0.5);
        let p99 = p99_of(mu, sigma);
        Some(Candidate {
            dist: Dist::LogNormal {
                median_s: round(exp(mu)),
                p99_s: round(p99),
                min_s: round(min),
            },
            family: Family::LogNormal,
            aic: 2.0 * parameters - 2.0 * log_likelihood,
        })
    });
    fits.min_by(|a, b| a.aic.total_cmp(&b.aic))
}

fn weibull(sorted: &[f64]) -> Option<Candidate> {
    let fits = shifts(sorted).into_iter().filter_map(|(min, parameters)| {
        let values: Vec<f64> = sorted.iter().map(|x| (x - min).max(1e-9)).collect();
        let shape = weibull_shape(&values)?;
        let n = values.len() as f64;
        let scale = pow(values.iter().map(|x| pow(*x, shape)).sum::<f64>() / n, 1.0 / shape);
        let log_likelihood = values
            .iter()
            .map(|x| log(shape / scale) + (shape - 1.0) * log(x / scale) - pow(x / scale, shape))
            .sum::<f64>();
        Some(Candidate {
            dist: Dist::Weibull { scale_s: round(scale), shape: round(shape), min_s: round(min) },
            family: Family::Weibull,
            aic: 2.0 * parameters - 2.0 * log_likelihood,
        })
    });
    fits.min_by(|a, b| a.aic.total_cmp(&b.aic))
}

/// Shifts to try, with the number of parameters each costs: none, and some below the smallest value. Not
/// too near to it, where the likelihood of a shifted family has a pole.
fn shifts(sorted: &[f64]) -> Vec<(f64, f64)> {
    let mut shifts = vec![(0.0, 2.0)];
    let middle = sorted[sorted.len() / 2];
    let room = (middle - sorted[0]).max(1e-6);
    for step in [0.1, 0.2, 0.4, 0.8, 1.6] {
        let min = sorted[0] - step * room;
        if min > 0.0 {
            shifts.push((min, 3.0));
        }
    }
    shifts
}

/// The root of the likelihood equation of the shape, by bisection; None if there is none in 0.05 to 50.
fn weibull_shape(values: &[f64]) -> Option<f64> {
    let mean_log = values.iter().map(|x| log(*x)).sum::<f64>() / values.len() as f64;
    let largest = values.iter().copied().fold(0.0, f64::max);
    let slope = |k: f64| {
        let (mut weighted, mut total) = (0.0, 0.0);
        for x in values {
            // Relative to the largest value, so that nothing overflows.
            let power = pow(x / largest, k);
            weighted += power * log(*x);
            total += power;
        }
        weighted / total - 1.0 / k - mean_log
    };
    let (mut low, mut high) = (0.05, 50.0);
    if slope(low) > 0.0 || slope(high) < 0.0 {
        return None;
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if slope(middle) < 0.0 { low = middle } else { high = middle }
    }
    Some(0.5 * (low + high))
}

/// The measured quantiles themselves.
fn empirical(sorted: &[f64]) -> Dist {
    let steps = EMPIRICAL_STEPS.min(sorted.len() - 1);
    let at = |i: usize| round(quantile(sorted, i as f64 / steps as f64).expect("values"));
    Dist::Empirical { quantiles_s: (0..=steps).map(at).collect() }
}

/// Four significant digits: more would pretend knowledge, and make cards hard to read.
pub fn round(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return 0.0;
    }
    let digits = 3 - libm::floor(libm::log10(x.abs())) as i32;
    let scale = pow(10.0, f64::from(digits));
    libm::round(x * scale) / scale
}

/// The mean of a distribution (seconds).
pub fn mean(dist: &Dist) -> f64 {
    match dist {
        Dist::Constant { mean_s } | Dist::Exponential { mean_s, .. } => *mean_s,
        Dist::Uniform { low_s, high_s } => 0.5 * (low_s + high_s),
        Dist::LogNormal { median_s, p99_s, min_s } => {
            let sigma = sigma(*median_s, *p99_s);
            min_s + median_s * exp(0.5 * sigma * sigma)
        }
        Dist::Weibull { scale_s, shape, min_s } => min_s + scale_s * exp(lgamma(1.0 + 1.0 / shape)),
        Dist::Empirical { .. } => over_quantiles(|u| dist.quantile_s(u)),
    }
}

/// The variance of a distribution (seconds squared), by its quantiles.
pub fn variance(dist: &Dist) -> f64 {
    let mean = over_quantiles(|u| dist.quantile_s(u));
    over_quantiles(|u| (dist.quantile_s(u) - mean) * (dist.quantile_s(u) - mean))
}

fn over_quantiles(value: impl Fn(f64) -> f64) -> f64 {
    const N: usize = 2000;
    (0..N).map(|i| value((i as f64 + 0.5) / N as f64)).sum::<f64>() / N as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    fn draws(dist: &Dist, n: u64) -> Vec<f64> {
        (0..n).map(|i| dist.quantile_s(Seed(7).uniform("fit test", i))).collect()
    }

    fn within(found: f64, truth: f64, relative: f64) -> bool {
        (found - truth).abs() <= relative * truth
    }

    #[test]
    fn known_distributions_are_found_again() {
        let truths = [
            Dist::Exponential { mean_s: 0.05, min_s: 0.01 },
            Dist::LogNormal { median_s: 0.02, p99_s: 0.2, min_s: 0.0 },
            Dist::Weibull { scale_s: 0.3, shape: 3.0, min_s: 0.0 },
        ];
        let families = [Family::Exponential, Family::LogNormal, Family::Weibull];
        for (truth, family) in truths.iter().zip(families) {
            let fit = best(&draws(truth, 2000)).expect("samples");
            assert_eq!(fit.family, family, "{truth:?} fitted as {fit:?}");
            assert!(fit.statistic < fit.critical, "{fit:?}");
            for u in [0.05, 0.5, 0.95] {
                let (found, real) = (fit.dist.quantile_s(u), truth.quantile_s(u));
                assert!(within(found, real, 0.08), "{truth:?} at {u}: {found} for {real}");
            }
        }
    }

    #[test]
    fn equal_and_few_values_are_a_constant() {
        let fit = best(&[0.5, 0.5001, 0.5002, 0.5]).expect("samples");
        assert_eq!((fit.family, fit.statistic), (Family::Constant, 0.0));
        assert_eq!(best(&[0.2, 0.4]).map(|f| f.dist), Some(Dist::Constant { mean_s: 0.3 }));
        assert_eq!(best(&[]), None);
    }

    #[test]
    fn two_lumps_that_no_family_has_stay_as_measured() {
        let mut samples: Vec<f64> = (0..100).map(|i| 0.02 + f64::from(i) * 1e-4).collect();
        samples.extend((0..100).map(|i| 1.0 + f64::from(i) * 1e-4));
        let fit = best(&samples).expect("samples");
        assert_eq!(fit.family, Family::Empirical);
        assert!(within(fit.dist.quantile_s(0.25), 0.025, 0.05));
        assert!(within(fit.dist.quantile_s(0.75), 1.005, 0.05));
    }

    #[test]
    fn moments_of_distributions() {
        let exponential = Dist::Exponential { mean_s: 0.5, min_s: 0.1 };
        assert!(within(mean(&exponential), 0.5, 1e-9));
        assert!(within(variance(&exponential), 0.16, 0.02));
        let weibull = Dist::Weibull { scale_s: 1.0, shape: 2.0, min_s: 0.0 };
        assert!(within(mean(&weibull), 0.886_227, 1e-5));
        let uniform = Dist::Uniform { low_s: 1.0, high_s: 3.0 };
        assert!(within(mean(&uniform), 2.0, 1e-12) && within(variance(&uniform), 1.0 / 3.0, 0.01));
    }

    #[test]
    fn rounding_keeps_four_digits() {
        assert_eq!(round(0.012_345_6), 0.012_35);
        assert_eq!(round(1234.56), 1235.0);
        assert_eq!(round(0.0), 0.0);
    }
}
