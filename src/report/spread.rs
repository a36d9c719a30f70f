//! Figures over replications: the mean, its interval, and the range of single runs.
//!
//! How counts spread over single runs: see [`crate::stats::Counts`].

use super::answer::{Column, Estimate, Figure};
use crate::stats::{self, Count, Counts, LEVEL};

/// Most columns of a histogram.
const COLUMNS: f64 = 24.0;

/// Fewer requests than this are shown as less than that.
const NEXT_TO_NOTHING: f64 = 0.01;

/// Mean, interval and range of a count over replications.
pub fn count_figure(draws: &[Count]) -> Figure {
    let means: Vec<f64> = draws.iter().map(|d| d.mean).collect();
    // Expectations vary with the timeline alone; counted requests also by chance.
    let counted = draws.iter().all(|d| d.variance == 0.0);
    let of = if counted { stats::count_mean } else { stats::t_mean };
    let estimate = of(&means, LEVEL);
    let counts = Counts::mixture(draws);
    let [low, high] = [0.025, 0.975].map(|p| counts.quantile(p));
    // Where few rollouts lose much the mean may lie beyond: the range is widened to hold it, unless it is
    // next to nothing.
    let mean = estimate.value;
    let top = if mean < NEXT_TO_NOTHING { 0.0 } else { libm::ceil(mean) };
    let range = [low.min(libm::floor(mean)), high.max(top)];
    Figure { mean, interval: [estimate.low.max(0.0), estimate.high], range }
}

/// Shares of the single rollouts by how many requests they lose, in columns alike in width; the first and the
/// last hold what lies beyond (half a percent at most at either end). Where none loses any: no column.
pub fn histogram(draws: &[Count]) -> Vec<Column> {
    let counts = Counts::mixture(draws);
    let [low, high] = [0.005, 0.995].map(|p| counts.quantile(p));
    if counts.at_most(0.0) >= 1.0 || counts.timelines() == 0 {
        return Vec::new();
    }
    let width = round_up((high - low + 1.0) / COLUMNS);
    let first = libm::floor(low / width) * width;
    let columns = libm::floor((high - first) / width) as usize + 1;
    let mut below = 0.0;
    let column = |i: usize| {
        let from = first + width * i as f64;
        let to = from + width - 1.0;
        let upto = if i + 1 == columns { 1.0 } else { counts.at_most(to) };
        let share = upto - below;
        below = upto;
        Column { from, to, share }
    };
    (0..columns).map(column).collect()
}

/// The next of 1, 2, 5, 10, 20, ...
fn round_up(width: f64) -> f64 {
    let mut power = 1.0;
    loop {
        match [1.0, 2.0, 5.0].iter().map(|k| k * power).find(|round| *round >= width) {
            Some(round) => return round,
            None => power *= 10.0,
        }
    }
}

/// Of a rollout that meets any of several worlds alike, such as the hours of a day: each has as many draws,
/// and all share their luck, so that the mean is as sure as that of the draws' averages.
#[cfg(any(test, feature = "cli"))]
pub fn pooled_figure(worlds: &[Vec<Count>]) -> Figure {
    let all = worlds.concat();
    let draws = worlds.iter().map(Vec::len).min().unwrap_or(0);
    let average =
        |i: usize| worlds.iter().map(|world| world[i].mean).sum::<f64>() / worlds.len() as f64;
    let estimate = stats::t_mean(&(0..draws).map(average).collect::<Vec<f64>>(), LEVEL);
    Figure { interval: [estimate.low.max(0.0), estimate.high], ..count_figure(&all) }
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
        // One rollout in a hundred loses about 100; next to none loses one.
        let mut few = vec![Count::ZERO; 99];
        few.push(Count::poisson(100.0));
        assert_eq!(count_figure(&few).range, [0.0, 1.0]);
        assert_eq!(count_figure(&[Count::poisson(0.0003)]).range, [0.0, 0.0]);
    }

    /// A quiet hour and a busy one: single rollouts lose what either loses, and nothing between.
    #[test]
    fn a_rollout_at_any_hour_is_like_that_of_one() {
        let worlds = [vec![Count::known(0.0); 50], vec![Count::known(80.0); 50]];
        let figure = pooled_figure(&worlds);
        assert_eq!((figure.mean, figure.range), (40.0, [0.0, 80.0]));
        assert_eq!(figure.interval, [40.0, 40.0], "the hours are no matter of luck");
    }

    #[test]
    fn columns_of_a_histogram_hold_every_rollout_once() {
        assert_eq!(histogram(&[Count::ZERO; 3]), []);
        let coin = histogram(&[Count::known(0.0), Count::known(3.0)]);
        let shares: Vec<f64> = coin.iter().map(|c| c.share).collect();
        assert_eq!(shares, [0.5, 0.0, 0.0, 0.5]);
        for mean in [0.2, 4.0, 90.0, 1e3, 1e6] {
            let columns = histogram(&[Count::poisson(mean), Count::poisson(2.0 * mean)]);
            assert!((1..=26).contains(&columns.len()), "{mean}: {}", columns.len());
            let all: f64 = columns.iter().map(|c| c.share).sum();
            assert!((all - 1.0).abs() < 1e-9, "{mean}: {all}");
            let width = columns[0].to - columns[0].from + 1.0;
            for pair in columns.windows(2) {
                assert_eq!(pair[1].from, pair[0].to + 1.0);
                assert_eq!(pair[1].to - pair[1].from + 1.0, width);
            }
        }
    }

    #[test]
    fn counted_runs_give_their_own_quantiles() {
        let draws: Vec<Count> = (0..=100).map(|i| Count::known(f64::from(i))).collect();
        assert_eq!(count_figure(&draws).range, [2.0, 98.0]);
        let none = none_estimate(&draws);
        assert!(none.low > 0.0 && none.low < none.mean && none.high < 0.06, "{none:?}");
    }
}
