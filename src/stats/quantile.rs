//! Quantiles over replications, with limits that hold for any distribution.

use super::Estimate;
pub use crate::engine::dist::quantile;
use statrs::function::beta::beta_reg;

/// The quantile with limits that are order statistics: whatever the distribution, they hold the true
/// quantile with at least the probability `level`. Where too few values are at hand for that, the limit is
/// infinite: nothing is known beyond the largest value seen.
pub fn quantile_estimate(sorted: &[f64], p: f64, level: f64) -> Option<Estimate> {
    let value = quantile(sorted, p)?;
    let n = sorted.len();
    let tail = (1.0 - level) / 2.0;
    // The r-th smallest value is above the quantile with probability P(Bin(n, p) < r).
    let lower = (1..=n).rev().find(|&r| binomial_below(n, p, r) <= tail);
    // The s-th smallest is below it with probability P(Bin(n, p) >= s).
    let upper = (1..=n).find(|&s| 1.0 - binomial_below(n, p, s) <= tail);
    Some(Estimate {
        value,
        low: lower.map_or(f64::NEG_INFINITY, |r| sorted[r - 1]),
        high: upper.map_or(f64::INFINITY, |s| sorted[s - 1]),
    })
}

/// P(Bin(n, p) < r) for 1 <= r <= n.
fn binomial_below(n: usize, p: f64, r: usize) -> f64 {
    if p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    1.0 - beta_reg(r as f64, (n - r + 1) as f64, p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_neighbours() {
        let values = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 0.5), Some(3.0));
        assert_eq!(quantile(&values, 1.0), Some(8.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    /// The textbook case: in 10 values, the 2nd and the 9th hold the median with probability 0.9785.
    #[test]
    fn median_of_ten() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let found = quantile_estimate(&values, 0.5, 0.95).unwrap();
        assert_eq!((found.low, found.high), (2.0, 9.0));
    }

    #[test]
    fn too_few_values_for_a_high_quantile() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(quantile_estimate(&values, 0.99, 0.95).unwrap().high, f64::INFINITY);
        // 1 - 0.99^n >= 0.975 from n = 368 on.
        let many: Vec<f64> = (1..=370).map(f64::from).collect();
        assert_eq!(quantile_estimate(&many, 0.99, 0.95).unwrap().high, 370.0);
    }
}
