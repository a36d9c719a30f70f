//! What one run may give: the distribution of a count or a time over single runs.

use crate::stats;
use libm::{exp, floor, lgamma, log, log1p, sqrt};
use serde::Serialize;

/// Mean, standard deviation and central ranges of single runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Over the replications.
    pub mean: f64,
    /// Standard deviation of single runs.
    pub sd: f64,
    /// At least 95 % of single runs lie from here (with a confidence of 95 %) ...
    pub low: f64,
    /// ... to here.
    pub high: f64,
    /// 50 % of single runs lie from here ...
    pub low50: f64,
    /// ... to here.
    pub high50: f64,
}

/// The distribution of a whole number: a mixture over replications of counts with given mean and variance.
///
/// A replication's timeline fixes mean and variance of the number of failed requests; the number itself
/// still varies with the arrivals and the picks. Mean and variance are matched by a binomial (variance
/// below the mean, as for a sum of independent failures), a Poisson (equal) or a negative binomial (above).
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    /// Probability of 0, 1, 2 ...
    mass: Vec<f64>,
    mean: f64,
    variance: f64,
    replications: usize,
}

/// What lies beyond either end of a range that holds at least 95 % of single runs with a confidence of
/// 95 %: less than 2.5 %, since the few replications out there leave open where the quantile is (normal
/// limit of its rank; with less than about 130 replications nearly all of them lie between).
fn tail(replications: usize) -> f64 {
    const TAIL: f64 = 0.025;
    const Z95: f64 = 1.645;
    (TAIL - Z95 * sqrt(TAIL * (1.0 - TAIL) / replications as f64)).max(0.0025)
}

impl Counts {
    /// From the (mean, variance) of every replication; not empty.
    pub fn mixture(parts: &[(f64, f64)]) -> Counts {
        assert!(!parts.is_empty(), "a distribution needs at least one replication");
        let weight = 1.0 / parts.len() as f64;
        let mut mass = Vec::new();
        for &(mean, variance) in parts {
            add_count(&mut mass, mean, variance, weight);
        }
        let total: f64 = mass.iter().sum();
        mass.iter_mut().for_each(|m| *m /= total);
        let mean = parts.iter().map(|p| p.0).sum::<f64>() * weight;
        let between = parts.iter().map(|p| (p.0 - mean) * (p.0 - mean)).sum::<f64>() * weight;
        let within = parts.iter().map(|p| p.1).sum::<f64>() * weight;
        Counts { mass, mean, variance: between + within, replications: parts.len() }
    }

    /// The smallest count that at least a share `p` of the runs does not exceed.
    fn quantile(&self, p: f64) -> f64 {
        let mut sum = 0.0;
        for (count, mass) in self.mass.iter().enumerate() {
            sum += mass;
            if sum >= p - 1e-12 {
                return count as f64;
            }
        }
        (self.mass.len() - 1) as f64
    }

    /// The same with every count spread evenly over half a unit to both sides: so that a range between two
    /// quantiles holds neither more nor less than its share although counts come in lumps.
    fn smooth_quantile(&self, p: f64) -> f64 {
        let mut sum = 0.0;
        for (count, mass) in self.mass.iter().enumerate() {
            if *mass > 0.0 && sum + mass >= p {
                return (count as f64 - 0.5 + (p - sum) / mass).max(0.0);
            }
            sum += mass;
        }
        (self.mass.len() - 1) as f64
    }

    /// The 95 % range is whole numbers, rounded outward; the 50 % range is not rounded.
    pub fn spread(&self) -> Spread {
        let tail = tail(self.replications);
        Spread {
            mean: self.mean,
            sd: sqrt(self.variance),
            low: self.quantile(tail),
            high: self.quantile(1.0 - tail),
            low50: self.smooth_quantile(0.25),
            high50: self.smooth_quantile(0.75),
        }
    }
}

/// Adds a count with this mean and variance to `mass`, times `weight`.
fn add_count(mass: &mut Vec<f64>, mean: f64, variance: f64, weight: f64) {
    let reach = 8.0 * sqrt(variance.max(mean.min(1.0))) + 10.0;
    let first = floor((mean - reach).max(0.0)) as usize;
    let last = floor(mean + reach) as usize;
    if mass.len() <= last {
        mass.resize(last + 1, 0.0);
    }
    if variance < 1e-6 {
        // Known but for rounding: a whole number, or two neighbours.
        let whole = floor(mean + 1e-9) as usize;
        let part = (mean - whole as f64).clamp(0.0, 1.0);
        mass[whole] += weight * (1.0 - part);
        mass[whole + 1] += weight * part;
        return;
    }
    let probability = log_probability(mean, variance);
    for (count, cell) in mass.iter_mut().enumerate().take(last + 1).skip(first) {
        *cell += weight * exp(probability(count as f64));
    }
}

/// The logarithm of the probability of a count.
fn log_probability(mean: f64, variance: f64) -> Box<dyn Fn(f64) -> f64> {
    let ratio = variance / mean;
    if ratio < 0.999 {
        // Binomial: variance = mean (1 - p). The number of trials is rounded, which keeps the mean.
        let trials = libm::round(mean / (1.0 - ratio)).max(libm::ceil(mean)).max(1.0);
        let p = (mean / trials).min(1.0 - 1e-12);
        Box::new(move |k| {
            if k > trials {
                return f64::NEG_INFINITY;
            }
            log_choose(trials, k) + k * log(p) + (trials - k) * log1p(-p)
        })
    } else if ratio > 1.001 {
        // Negative binomial with size r: variance = mean (1 + mean / r).
        let r = mean / (ratio - 1.0);
        let p = r / (r + mean);
        Box::new(move |k| lgamma(k + r) - lgamma(r) - lgamma(k + 1.0) + r * log(p) + k * log1p(-p))
    } else {
        Box::new(move |k| k * log(mean) - mean - lgamma(k + 1.0))
    }
}

fn log_choose(n: f64, k: f64) -> f64 {
    lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0)
}

/// The spread of measured or simulated values, quantiles linear between them; None without values.
pub fn spread_of(values: &[f64]) -> Option<Spread> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |p: f64| stats::quantile(&sorted, p);
    let tail = tail(sorted.len());
    Some(Spread {
        mean: stats::mean(&sorted),
        sd: stats::standard_deviation(&sorted),
        low: at(tail)?,
        high: at(1.0 - tail)?,
        low50: at(0.25)?,
        high50: at(0.75)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, tolerance: f64) -> bool {
        (a - b).abs() <= tolerance
    }

    #[test]
    fn a_poisson_has_its_quantiles() {
        // Poisson(10): P(X <= 4) = 0.0293, P(X <= 3) = 0.0103; P(X <= 17) = 0.9857, P(X <= 16) = 0.9730.
        let spread = Counts::mixture(&[(10.0, 10.0); 100_000]).spread();
        assert_eq!((spread.low, spread.high), (4.0, 17.0));
        assert!(close(spread.sd, sqrt(10.0), 1e-9));
    }

    #[test]
    fn moments_are_matched_in_every_family() {
        for (mean, variance) in [(20.0, 5.0), (20.0, 20.0), (20.0, 60.0), (480.5, 0.25), (0.3, 0.2)]
        {
            let counts = Counts::mixture(&[(mean, variance)]);
            let m: f64 = counts.mass.iter().enumerate().map(|(k, p)| k as f64 * p).sum();
            let v: f64 = counts
                .mass
                .iter()
                .enumerate()
                .map(|(k, p)| (k as f64 - m) * (k as f64 - m) * p)
                .sum();
            assert!(close(m, mean, 0.02), "{mean} {variance}: mean {m}");
            assert!(close(v, variance, 0.05 * variance + 0.3), "{mean} {variance}: variance {v}");
        }
    }

    #[test]
    fn timelines_and_requests_both_spread() {
        let counts = Counts::mixture(&[(0.0, 0.0), (30.0, 30.0)]);
        let spread = counts.spread();
        assert!(close(spread.mean, 15.0, 1e-9));
        assert!(close(spread.sd, sqrt(225.0 + 15.0), 1e-9));
        assert_eq!(spread.low, 0.0);
        assert!(spread.high > 35.0);
    }

    #[test]
    fn a_lump_at_zero_is_held_by_the_middle_range() {
        let spread = Counts::mixture(&[(0.0, 0.0)]).spread();
        assert_eq!((spread.low, spread.high, spread.low50), (0.0, 0.0, 0.0));
        assert!(spread.high50 >= 0.0 && spread.high50 < 0.5);
    }

    #[test]
    fn the_middle_range_holds_half_of_the_runs_although_counts_are_lumpy() {
        let mut held = 0.0;
        for tenth in 5..60 {
            let counts = Counts::mixture(&[(f64::from(tenth) / 10.0, f64::from(tenth) / 10.0)]);
            let spread = counts.spread();
            let inside = |k: usize| (spread.low50..=spread.high50).contains(&(k as f64));
            held += counts
                .mass
                .iter()
                .enumerate()
                .filter(|(k, _)| inside(*k))
                .map(|(_, p)| p)
                .sum::<f64>();
        }
        assert!(close(held / 55.0, 0.5, 0.05), "{}", held / 55.0);
    }

    #[test]
    fn quantiles_of_values() {
        let spread = spread_of(&[4.0, 1.0, 3.0, 2.0, 5.0]).expect("values");
        assert_eq!((spread.mean, spread.low50, spread.high50), (3.0, 2.0, 4.0));
        assert!(close(spread.low, 1.01, 1e-9) && close(spread.high, 4.99, 1e-9));
        assert_eq!(spread_of(&[]), None);
    }
}
