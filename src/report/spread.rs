//! Figures over replications: the mean, its interval, and the range of single runs.
//!
//! A run differs from the next for two reasons: the control plane takes another course (another timeline),
//! and on one timeline chance decides which requests fall into a hole. The exact evaluator reports the
//! second as a variance and a probability of no loss, so the range of single runs is that of a mixture:
//! for each timeline a count with these three figures.

use super::answer::{Estimate, Figure};
use crate::stats::{self, LEVEL};

/// The number of lost requests of one run, given its timeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// Of the count, given the timeline; 0 or more.
    pub mean: f64,
    /// Of the count, given the timeline.
    pub variance: f64,
    /// Probability that the count is 0, given the timeline.
    pub none: f64,
}

impl Draw {
    /// The part of this count that has expectation `mean`, as if each lost request belonged to the part
    /// by a toss of its own (which is exact where requests arrive at random).
    pub fn part(&self, mean: f64) -> Draw {
        if mean <= 0.0 || self.mean <= 0.0 {
            return Draw { mean: 0.0, variance: 0.0, none: 1.0 };
        }
        let share = (mean / self.mean).min(1.0);
        Draw { mean, variance: self.variance * share, none: libm::pow(self.none, share) }
    }

    /// Probability of at most `k` (a whole number) lost requests: an atom at 0 and, above it, a normal
    /// distribution with the moments that are left, by whole numbers.
    fn at_most(&self, k: f64) -> f64 {
        if k < 0.0 {
            return 0.0;
        }
        let lossy = 1.0 - self.none;
        if lossy <= 1e-12 || self.mean <= 0.0 {
            return 1.0;
        }
        let mean = (self.mean / lossy).max(1.0);
        let spare = mean - libm::floor(mean);
        let second_moment = (self.variance + self.mean * self.mean) / lossy;
        // A whole number with this mean cannot vary less than this.
        let variance = (second_moment - mean * mean).max(spare * (1.0 - spare));
        if variance < 1e-9 {
            return self.none + if k + 0.5 >= mean { lossy } else { 0.0 };
        }
        let below = |x: f64| 0.5 * libm::erfc((mean - x) / libm::sqrt(2.0 * variance));
        let floor = below(0.5);
        let above_zero = ((below(k + 0.5) - floor) / (1.0 - floor)).clamp(0.0, 1.0);
        self.none + lossy * above_zero
    }
}

/// Mean, interval and range of a count over replications.
pub fn count_figure(draws: &[Draw]) -> Figure {
    let means: Vec<f64> = draws.iter().map(|d| d.mean).collect();
    // Expectations vary with the timeline alone; counted requests also by chance.
    let counted = draws.iter().all(|d| d.variance == 0.0);
    let of = if counted { stats::count_mean } else { stats::t_mean };
    let estimate = of(&means, LEVEL);
    let [low, high] = [0.025, 0.975].map(|p| quantile_of_mixture(draws, p));
    // Where few rollouts lose much the mean may lie beyond: the range is widened to hold it.
    let mean = estimate.value;
    let range = [low.min(libm::floor(mean)), high.max(libm::ceil(mean))];
    Figure { mean, interval: [estimate.low.max(0.0), estimate.high], range }
}

/// Probability that none is lost, with the interval of that probability.
pub fn none_estimate(draws: &[Draw]) -> Estimate {
    let shares: Vec<f64> = draws.iter().map(|d| d.none).collect();
    let seen = shares.iter().all(|&p| p == 0.0 || p == 1.0);
    let of = if seen { stats::probability_mean } else { stats::t_mean };
    let e = of(&shares, LEVEL);
    Estimate { mean: e.value, low: e.low.max(0.0), high: e.high.min(1.0) }
}

/// Mean, interval and range of a quantity, 0 or more, of which each replication gives one value.
pub fn value_figure(values: &[f64]) -> Figure {
    let estimate = stats::t_mean(values, LEVEL);
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let [low, high] = [0.025, 0.975].map(|p| stats::quantile(&sorted, p).unwrap_or(0.0));
    let mean = estimate.value;
    // Student's interval of few rollouts does not know that time does not run backwards.
    let interval = [estimate.low.max(0.0), estimate.high];
    Figure { mean, interval, range: [low.min(mean), high.max(mean)] }
}

/// As [`value_figure`] for whole numbers: the range is whole too.
pub fn whole_figure(values: &[f64]) -> Figure {
    let figure = value_figure(values);
    Figure { range: [libm::floor(figure.range[0]), libm::ceil(figure.range[1])], ..figure }
}

/// The smallest whole number that at least a share `p` of the runs do not exceed.
fn quantile_of_mixture(draws: &[Draw], p: f64) -> f64 {
    if draws.is_empty() {
        return 0.0;
    }
    let share = |k: f64| draws.iter().map(|d| d.at_most(k)).sum::<f64>() / draws.len() as f64;
    let most = |d: &Draw| d.mean / (1.0 - d.none).max(1e-9) + 10.0 * libm::sqrt(d.variance + 1.0);
    let (mut low, mut high) = (-1.0, libm::ceil(draws.iter().map(most).fold(1.0, f64::max)));
    while high - low > 1.0 {
        let middle = libm::floor((low + high) / 2.0);
        if share(middle) >= p - 1e-12 { high = middle } else { low = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{Discrete, DiscreteCDF, Poisson};

    /// Where requests arrive at random the count is Poisson: its quantiles must come back.
    #[test]
    fn range_of_one_timeline_is_that_of_the_count() {
        for mean in [0.02, 0.3, 1.0, 2.5, 7.0, 40.0, 900.0] {
            let poisson = Poisson::new(mean).unwrap();
            let draw = Draw { mean, variance: mean, none: poisson.pmf(0) };
            let range = count_figure(&[draw]).range;
            for (found, p) in range.into_iter().zip([0.025, 0.975]) {
                let exact = poisson.inverse_cdf(p) as f64;
                assert!((found - exact).abs() <= 1.0, "mean {mean}, p {p}: {found} for {exact}");
            }
        }
    }

    /// Half of the timelines lose nothing, half lose about 100: the range must show both.
    #[test]
    fn range_combines_timelines_and_requests() {
        let quiet = Draw { mean: 0.0, variance: 0.0, none: 1.0 };
        let lossy = Draw { mean: 100.0, variance: 100.0, none: 0.0 };
        let figure = count_figure(&[quiet, lossy]);
        assert_eq!(figure.mean, 50.0);
        assert_eq!(figure.range[0], 0.0);
        // 95 % of the lossy half lie below: 100 + 1.645 * 10.
        assert!((figure.range[1] - 116.0).abs() <= 1.0, "{:?}", figure.range);
        assert_eq!(none_estimate(&[quiet, lossy]).mean, 0.5);
    }

    #[test]
    fn counted_runs_give_their_own_quantiles() {
        let draws: Vec<Draw> = (0..=100)
            .map(|i| Draw { mean: f64::from(i), variance: 0.0, none: f64::from(i == 0) })
            .collect();
        assert_eq!(count_figure(&draws).range, [2.0, 98.0]);
        let none = none_estimate(&draws);
        assert!(none.low > 0.0 && none.low < none.mean && none.high < 0.06, "{none:?}");
    }

    #[test]
    fn parts_of_a_poisson_count_are_poisson() {
        let whole = Draw { mean: 4.0, variance: 4.0, none: libm::exp(-4.0) };
        let part = whole.part(1.0);
        assert_eq!((part.mean, part.variance), (1.0, 1.0));
        assert!((part.none - libm::exp(-1.0)).abs() < 1e-12);
    }
}
