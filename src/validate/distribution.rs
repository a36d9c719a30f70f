//! What one run may give: the distribution of a count or a time over single runs.

use crate::stats::{self, Counts};
use libm::sqrt;
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

/// What lies beyond either end of a range that holds at least 95 % of single runs with a confidence of
/// 95 %: less than 2.5 %, since the few replications out there leave open where the quantile is (normal
/// limit of its rank; with less than about 130 replications nearly all of them lie between).
fn tail(replications: usize) -> f64 {
    const TAIL: f64 = 0.025;
    const Z95: f64 = 1.645;
    (TAIL - Z95 * sqrt(TAIL * (1.0 - TAIL) / replications as f64)).max(0.0025)
}

/// The spread of a count: its 95 % range is whole numbers, rounded outward; the 50 % range is not rounded.
pub fn spread_of_counts(counts: &Counts) -> Spread {
    let tail = tail(counts.timelines());
    Spread {
        mean: counts.mean(),
        sd: sqrt(counts.variance()),
        low: counts.quantile(tail),
        high: counts.quantile(1.0 - tail),
        low50: counts.smooth_quantile(0.25),
        high50: counts.smooth_quantile(0.75),
    }
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
    use crate::stats::Count;

    fn close(a: f64, b: f64, tolerance: f64) -> bool {
        (a - b).abs() <= tolerance
    }

    #[test]
    fn a_poisson_has_its_quantiles() {
        // Poisson(10): P(X <= 4) = 0.0293, P(X <= 3) = 0.0103; P(X <= 17) = 0.9857, P(X <= 16) = 0.9730.
        let spread = spread_of_counts(&Counts::mixture(&vec![Count::poisson(10.0); 100_000]));
        assert_eq!((spread.low, spread.high), (4.0, 17.0));
        assert!(close(spread.sd, sqrt(10.0), 1e-9));
    }

    #[test]
    fn quantiles_of_values() {
        let spread = spread_of(&[4.0, 1.0, 3.0, 2.0, 5.0]).expect("values");
        assert_eq!((spread.mean, spread.low50, spread.high50), (3.0, 2.0, 4.0));
        assert!(close(spread.low, 1.01, 1e-9) && close(spread.high, 4.99, 1e-9));
        assert_eq!(spread_of(&[]), None);
    }
}
