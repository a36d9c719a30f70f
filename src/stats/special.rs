//! Quantiles of the distributions behind the intervals, by inverting statrs' distribution functions.
//!
//! The results are rounded to ten significant digits: the distribution functions use the platform's
//! mathematics, whose last bits differ between platforms, and output bytes must not.

use crate::engine::dist::normal_quantile;
use statrs::function::{beta::beta_reg, gamma::gamma_lr, gamma::ln_gamma};

/// `x` with ten significant digits.
pub(super) fn rounded(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let digits = 9 - libm::floor(libm::log10(libm::fabs(x))) as i32;
    if !(-250..=250).contains(&digits) {
        return x;
    }
    let scale = libm::pow(10.0, f64::from(digits.abs()));
    if digits >= 0 { libm::round(x * scale) / scale } else { libm::round(x / scale) * scale }
}

/// The `p`-quantile of the Gamma distribution with `shape` and scale 1. `shape >= 0`, `0 < p < 1`.
pub(super) fn gamma_quantile(shape: f64, p: f64) -> f64 {
    if shape <= 0.0 {
        return 0.0;
    }
    let z = normal_quantile(p);
    let c = 1.0 / (9.0 * shape);
    let cube = 1.0 - c + z * libm::sqrt(c);
    // Wilson and Hilferty's approximation, good enough to start from.
    let start = shape * cube * cube * cube;
    let start =
        if start > 0.0 { start } else { libm::exp((libm::log(p) + ln_gamma(shape + 1.0)) / shape) };
    let high = shape + 10.0 * libm::sqrt(shape) + 50.0 + 50.0 * (1.0 - p);
    let log_norm = ln_gamma(shape);
    let density = |x: f64| libm::exp((shape - 1.0) * libm::log(x) - x - log_norm);
    rounded(invert(|x| gamma_lr(shape, x), density, p, (0.0, high), start))
}

/// The `p`-quantile of the Beta distribution. `a > 0`, `b > 0`, `0 < p < 1`.
pub(super) fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    let mean = a / (a + b);
    let sd = libm::sqrt(mean * (1.0 - mean) / (a + b + 1.0));
    let start = (mean + normal_quantile(p) * sd).clamp(1e-6, 1.0 - 1e-6);
    let log_norm = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
    let density =
        |x: f64| libm::exp(log_norm + (a - 1.0) * libm::log(x) + (b - 1.0) * libm::log1p(-x));
    rounded(invert(|x| beta_reg(a, b, x), density, p, (0.0, 1.0), start))
}

/// The `p`-quantile of Student's t distribution. `degrees >= 1`, `0.5 <= p < 1`.
pub(super) fn t_quantile(degrees: f64, p: f64) -> f64 {
    if degrees < 2.0 {
        // Cauchy.
        return rounded(libm::tan(std::f64::consts::PI * (p - 0.5)));
    }
    // With x = df / (df + t²), P(T > t) = I_x(df/2, 1/2) / 2.
    let x = beta_tail_quantile(degrees / 2.0, 0.5, 2.0 * (1.0 - p));
    rounded(libm::sqrt(degrees * (1.0 - x) / x))
}

/// As `beta_quantile` without the rounding, which would be magnified near 1.
fn beta_tail_quantile(a: f64, b: f64, p: f64) -> f64 {
    let log_norm = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
    let density =
        |x: f64| libm::exp(log_norm + (a - 1.0) * libm::log(x) + (b - 1.0) * libm::log1p(-x));
    let z = normal_quantile(1.0 - p / 2.0);
    let start = 2.0 * a / (2.0 * a + z * z);
    invert(|x| beta_reg(a, b, x), density, p, (0.0, 1.0), start)
}

/// Solves `cdf(x) = p` by Newton's steps, kept inside a shrinking bracket.
fn invert(
    cdf: impl Fn(f64) -> f64,
    density: impl Fn(f64) -> f64,
    p: f64,
    bracket: (f64, f64),
    start: f64,
) -> f64 {
    let (mut low, mut high) = bracket;
    let mut x = if low < start && start < high { start } else { (low + high) / 2.0 };
    for _ in 0..200 {
        let error = cdf(x) - p;
        if error > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let step = x - error / density(x);
        let next = if low < step && step < high { step } else { (low + high) / 2.0 };
        if libm::fabs(next - x) <= 1e-13 * libm::fabs(next) || high - low <= 1e-300 {
            return next;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-7 * expected.abs(), "{found} is not {expected}");
    }

    /// Reference values from printed tables of the chi-squared (half of it), beta and t distributions.
    #[test]
    fn quantiles_match_tables() {
        check(gamma_quantile(1.0, 0.975), 3.688_879_454_1);
        check(2.0 * gamma_quantile(5.0, 0.95), 18.307_038_05);
        check(2.0 * gamma_quantile(0.5, 0.025), 9.820_691_17e-4);
        check(2.0 * gamma_quantile(50.0, 0.975), 129.561_197_2);
        check(t_quantile(1.0, 0.975), 12.706_204_74);
        check(t_quantile(2.0, 0.975), 4.302_652_73);
        check(t_quantile(9.0, 0.975), 2.262_157_16);
        check(t_quantile(199.0, 0.975), 1.971_956_54);
        check(beta_quantile(1.0, 10.0, 0.95), 1.0 - 0.05_f64.powf(0.1));
        check(beta_quantile(2.0, 1.0, 0.25), 0.5);
    }

    #[test]
    fn quantiles_invert_their_distribution_functions() {
        for k in [1.0, 3.0, 20.0, 400.0, 1e5] {
            for p in [0.005, 0.025, 0.5, 0.975, 0.995] {
                let x = gamma_quantile(k, p);
                assert!((gamma_lr(k, x) - p).abs() < 1e-6, "gamma {k} {p}");
                let x = beta_quantile(k, 7.0, p);
                assert!((beta_reg(k, 7.0, x) - p).abs() < 1e-5, "beta {k} {p}");
            }
        }
    }

    #[test]
    fn rounding_keeps_ten_digits() {
        assert_eq!(rounded(3.688_879_454_113_936), 3.688_879_454);
        assert_eq!(rounded(-0.000_012_345_678_901_23), -0.000_012_345_678_90);
        assert_eq!(rounded(123_456_789_012_345.0), 123_456_789_000_000.0);
        assert_eq!(rounded(0.0), 0.0);
    }
}
