//! Comparing two settings on the same luck.

use super::{Estimate, mean, t_mean, variance};

/// What the difference of two settings is, replication by replication.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedDifference {
    /// Mean of `b - a`.
    pub difference: Estimate,
    /// By how much common random numbers cut the variance of the difference: the variance independent
    /// streams would have given, divided by the one seen. None: the differences do not vary.
    pub variance_cut: Option<f64>,
    /// Replications where `b` is less than, equal to and more than `a`.
    pub less: u32,
    /// Pairs without a difference.
    pub equal: u32,
    /// Pairs in which the second is larger.
    pub more: u32,
}

/// Compares `b` with `a`, replication `i` of one with replication `i` of the other. Both as long; None of
/// nothing.
pub fn paired_difference(a: &[f64], b: &[f64], level: f64) -> Option<PairedDifference> {
    assert_eq!(a.len(), b.len(), "paired values");
    if a.is_empty() {
        return None;
    }
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
    let count = |keep: fn(f64) -> bool| differences.iter().filter(|d| keep(**d)).count() as u32;
    let spread = variance(&differences);
    let mut difference = t_mean(&differences, level);
    difference.value = mean(b) - mean(a);
    Some(PairedDifference {
        difference,
        variance_cut: (spread > 0.0).then(|| (variance(a) + variance(b)) / spread),
        less: count(|d| d < 0.0),
        equal: count(|d| d == 0.0),
        more: count(|d| d > 0.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_part_cancels() {
        let luck: Vec<f64> = (0..50).map(|i| f64::from(i * 37 % 50)).collect();
        let better: Vec<f64> =
            luck.iter().enumerate().map(|(i, l)| l - 2.0 - (i % 2) as f64).collect();
        let found = paired_difference(&luck, &better, 0.95).unwrap();
        assert_eq!(found.difference.value, -2.5);
        assert!(found.difference.high < -2.3 && found.difference.low > -2.7);
        assert!(found.variance_cut.unwrap() > 1000.0);
        assert_eq!((found.less, found.equal, found.more), (50, 0, 0));
    }

    #[test]
    fn equal_settings_differ_by_nothing() {
        let found = paired_difference(&[1.0, 5.0], &[1.0, 5.0], 0.95).unwrap();
        assert_eq!(found.difference, Estimate::exact(0.0));
        assert_eq!(found.variance_cut, None);
        assert!(paired_difference(&[], &[], 0.95).is_none());
    }
}
