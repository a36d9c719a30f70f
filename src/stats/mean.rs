//! Means over replications.

use super::interval::{above_poisson, below_poisson};
use super::special::{rounded, t_quantile};
use super::{Estimate, Interval, clopper_pearson, poisson_exact};

/// The mean, summed in index order; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The sample variance (divided by n - 1); 0 below two values.
pub fn variance(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let centre = mean(values);
    let squares: f64 = values.iter().map(|v| (v - centre) * (v - centre)).sum();
    squares / (values.len() - 1) as f64
}

/// With n - 1 in the denominator.
pub fn standard_deviation(values: &[f64]) -> f64 {
    libm::sqrt(variance(values))
}

/// The mean with Student's interval. One value or none gives an interval of no width: nothing is known of
/// the spread.
pub fn t_mean(values: &[f64], level: f64) -> Estimate {
    let centre = mean(values);
    if values.len() < 2 {
        return Estimate::exact(centre);
    }
    let error = libm::sqrt(variance(values) / values.len() as f64);
    let reach = if error == 0.0 { 0.0 } else { error * t_factor(values.len(), level) };
    Estimate { value: centre, low: rounded(centre - reach), high: rounded(centre + reach) }
}

fn t_factor(n: usize, level: f64) -> f64 {
    t_quantile((n - 1) as f64, 1.0 - (1.0 - level) / 2.0)
}

/// The mean of counts of lost requests (or of their expectations), one per replication.
///
/// The hull of two intervals: Student's over replications, which knows how losses cluster but says nothing
/// when all counts are equal (all zero, say), and the exact Poisson one of the total, which is right for few
/// independent losses. Zero losses in n replications thus leave up to 3.69 / n possible.
pub fn count_mean(counts: &[f64], level: f64) -> Estimate {
    if counts.is_empty() {
        return Estimate { value: 0.0, low: 0.0, high: f64::INFINITY };
    }
    let n = counts.len() as f64;
    let total: f64 = counts.iter().sum();
    let student = t_mean(counts, level).interval();
    if student.low * n < below_poisson(total, level)
        && student.high * n > above_poisson(total, level)
    {
        return Estimate::new(total / n, Interval { low: student.low.max(0.0), ..student });
    }
    // The limits of a fractional total are between those of the whole numbers around it.
    let poisson = poisson_exact(total.max(0.0), level);
    let poisson = Interval { low: rounded(poisson.low / n), high: rounded(poisson.high / n) };
    let hull = student.hull(poisson);
    Estimate::new(total / n, Interval { low: hull.low.max(0.0), high: hull.high })
}

/// The mean of probabilities, one per replication (0 or 1 where the outcome itself was seen), with exact
/// binomial limits.
pub fn probability_mean(probabilities: &[f64], level: f64) -> Estimate {
    if probabilities.is_empty() {
        return Estimate { value: 0.0, low: 0.0, high: 1.0 };
    }
    let n = probabilities.len() as f64;
    let total = probabilities.iter().sum::<f64>().clamp(0.0, n);
    Estimate::new(total / n, clopper_pearson(total, n, level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_variances() {
        assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
        assert_eq!(variance(&[1.0, 2.0, 6.0]), 7.0);
        assert_eq!(mean(&[]), 0.0);
        assert_eq!(variance(&[4.0]), 0.0);
    }

    #[test]
    fn student_by_hand() {
        // s = sqrt(7), n = 3, t(2, 0.975) = 4.30265273: half-width 6.5724.
        let found = t_mean(&[1.0, 2.0, 6.0], 0.95);
        assert!((found.high - 3.0 - 6.572_41).abs() < 1e-4, "{found:?}");
        assert_eq!(t_mean(&[5.0], 0.95), Estimate::exact(5.0));
    }

    #[test]
    fn no_losses_leave_some_possible() {
        let found = count_mean(&[0.0; 100], 0.95);
        assert_eq!((found.value, found.low), (0.0, 0.0));
        assert!((found.high - 0.036_888_8).abs() < 1e-6);
        assert_eq!(count_mean(&[], 0.95).high, f64::INFINITY);
    }

    #[test]
    fn probabilities_of_outcomes() {
        let found = probability_mean(&[1.0; 10], 0.95);
        assert_eq!((found.value, found.high), (1.0, 1.0));
        assert!((found.low - 0.691_503).abs() < 1e-5);
    }
}
