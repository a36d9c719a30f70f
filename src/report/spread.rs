//! Figures over replications: the mean, its interval, and the range of single runs.
//!
//! How counts spread over single runs: see [`crate::stats::Counts`].

use super::answer::{Estimate, Figure};
use crate::stats::{self, Count, Counts, LEVEL};

/// Mean, interval and range of a count over replications.
pub fn count_figure(draws: &[Count]) -> Figure {
    let means: Vec<f64> = draws.iter().map(|d| d.mean).collect();
    // Expectations vary with the timeline alone; counted requests also by chance.
    let counted = draws.iter().all(|d| d.variance == 0.0);
    let of = if counted { stats::count_mean } else { stats::t_mean };
    let estimate = of(&means, LEVEL);
    let counts = Counts::mixture(draws);
    let [low, high] = [0.025, 0.975].map(|p| counts.quantile(p));
    // Where few rollouts lose much the mean may lie beyond: the range is widened to hold it.
    let mean = estimate.value;
    let range = [low.min(libm::floor(mean)), high.max(libm::ceil(mean))];
    Figure { mean, interval: [estimate.low.max(0.0), estimate.high], range }
}

/// Probability that none is lost, with the interval of that probability.
pub fn none_estimate(draws: &[Count]) -> Estimate {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Half of the timelines lose nothing, half lose about 100: the range must show both.
    #[test]
    fn range_combines_timelines_and_requests() {
        let figure = count_figure(&[Count::ZERO, Count::poisson(100.0)]);
        assert_eq!(figure.mean, 50.0);
        // 95 % of the lossy half lie below.
        assert_eq!(figure.range, [0.0, 117.0]);
        assert_eq!(none_estimate(&[Count::ZERO, Count::poisson(100.0)]).mean, 0.5);
    }

    #[test]
    fn counted_runs_give_their_own_quantiles() {
        let draws: Vec<Count> = (0..=100).map(|i| Count::known(f64::from(i))).collect();
        assert_eq!(count_figure(&draws).range, [2.0, 98.0]);
        let none = none_estimate(&draws);
        assert!(none.low > 0.0 && none.low < none.mean && none.high < 0.06, "{none:?}");
    }
}
