//! Survival functions of the distributions and their integrals, in closed form.

use super::dist::{Dist, sigma};

/// A distribution with what its functions need over and over.
#[derive(Clone, Copy, Debug)]
pub struct Law<'a> {
    /// The distribution that it is the law of.
    pub dist: &'a Dist,
    /// Of a lognormal distribution: standard deviation of the logarithm, and the mean.
    sigma: f64,
    mean: f64,
}

impl<'a> Law<'a> {
    /// The law of a distribution; the distribution is valid.
    pub fn new(dist: &'a Dist) -> Law<'a> {
        let (sigma, mean) = match dist {
            Dist::LogNormal { median_s, p99_s, .. } => {
                let sigma = sigma(*median_s, *p99_s);
                (sigma, median_s * libm::exp(0.5 * sigma * sigma))
            }
            _ => (0.0, 0.0),
        };
        Law { dist, sigma, mean }
    }

    /// Probability that a value exceeds `x` seconds.
    pub fn survival(&self, x: f64) -> f64 {
        match self.dist {
            Dist::Constant { mean_s } => f64::from(u8::from(*mean_s > x)),
            Dist::Uniform { low_s, high_s } => uniform_survival(*low_s, *high_s, x),
            Dist::Exponential { mean_s, min_s } => match mean_s - min_s {
                scale if scale > 0.0 && x > *min_s => libm::exp(-(x - min_s) / scale),
                _ => f64::from(u8::from(*min_s > x || (x <= *min_s && mean_s > min_s))),
            },
            Dist::LogNormal { median_s, min_s, .. } => match self.sigma {
                s if s > 0.0 && x > *min_s => upper_normal(libm::log((x - min_s) / median_s) / s),
                s if s > 0.0 => 1.0,
                _ => f64::from(u8::from(min_s + median_s > x)),
            },
            Dist::Weibull { scale_s, shape, min_s } if x > *min_s => {
                libm::exp(-libm::pow((x - min_s) / scale_s, *shape))
            }
            Dist::Weibull { .. } => 1.0,
            Dist::Empirical { quantiles_s } => cells(quantiles_s)
                .map(|(low, high, share)| share * uniform_survival(low, high, x))
                .sum(),
        }
    }

    /// The integral of the survival function from 0 to `x`, in seconds: `E[min(S, x)]`, and `x` below zero.
    pub fn limited_mean(&self, x: f64) -> f64 {
        if x <= 0.0 {
            return x;
        }
        match self.dist {
            Dist::Constant { mean_s } => mean_s.min(x),
            Dist::Uniform { low_s, high_s } => uniform_limited_mean(*low_s, *high_s, x),
            Dist::Exponential { mean_s, min_s } => match mean_s - min_s {
                scale if x > *min_s => {
                    min_s - scale * libm::expm1(-(x - min_s) / scale.max(1e-300))
                }
                _ => x,
            },
            Dist::LogNormal { median_s, min_s, .. } => {
                min_s.min(x) + self.lognormal_limited_mean(*median_s, x - min_s)
            }
            Dist::Weibull { scale_s, shape, min_s } => {
                min_s.min(x) + weibull_limited_mean(*scale_s, *shape, x - min_s)
            }
            Dist::Empirical { quantiles_s } => cells(quantiles_s)
                .map(|(low, high, share)| share * uniform_limited_mean(low, high, x))
                .sum(),
        }
    }

    fn lognormal_limited_mean(&self, median: f64, x: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        if self.sigma <= 0.0 {
            return median.min(x);
        }
        let z = libm::log(x / median) / self.sigma;
        self.mean * upper_normal(self.sigma - z) + x * upper_normal(z)
    }
}

/// As [`Law::survival`], for one value.
pub fn survival(dist: &Dist, x: f64) -> f64 {
    Law::new(dist).survival(x)
}

/// As [`Law::limited_mean`], for one value.
pub fn limited_mean(dist: &Dist, x: f64) -> f64 {
    Law::new(dist).limited_mean(x)
}

/// A bound that no value exceeds but with probability 1e-12.
pub fn longest(dist: &Dist) -> f64 {
    dist.quantile_s(1.0 - 1e-12)
}

/// The parts of an empirical distribution: uniform between neighbouring quantiles.
fn cells(quantiles: &[f64]) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
    let parts = quantiles.len().saturating_sub(1).max(1);
    let share = 1.0 / parts as f64;
    (0..parts).map(move |i| {
        let low = quantiles.get(i).copied().unwrap_or(0.0);
        (low, quantiles.get(i + 1).copied().unwrap_or(low), share)
    })
}

fn uniform_survival(low: f64, high: f64, x: f64) -> f64 {
    if x < low {
        1.0
    } else if x >= high {
        0.0
    } else {
        (high - x) / (high - low)
    }
}

fn uniform_limited_mean(low: f64, high: f64, x: f64) -> f64 {
    if x <= low {
        x
    } else if x >= high {
        0.5 * (low + high)
    } else {
        low + (x - low) * (1.0 - 0.5 * (x - low) / (high - low))
    }
}

fn weibull_limited_mean(scale: f64, shape: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let a = 1.0 / shape;
    scale * a * lower_gamma(a, x / scale)
}

/// The lower incomplete gamma function of `a` at `root^(1/a)`: its series for small values, Lentz's
/// continued fraction of the upper one for large. The root is asked for since its power may be too small
/// to have all its digits.
fn lower_gamma(a: f64, root: f64) -> f64 {
    let x = libm::pow(root, 1.0 / a);
    if x.is_infinite() {
        return libm::tgamma(a);
    }
    let factor = root * libm::exp(-x);
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..1000 {
            term *= x / (a + f64::from(n));
            sum += term;
            if term < sum * 1e-16 {
                break;
            }
        }
        return factor * sum;
    }
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1e300, 1.0 / b);
    let mut fraction = d;
    for n in 1..1000 {
        let step = -f64::from(n) * (f64::from(n) - a);
        b += 2.0;
        d = 1.0 / (step * d + b);
        c = b + step / c;
        fraction *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    libm::tgamma(a) - factor * fraction
}

/// Probability that a standard normal value exceeds `z`.
fn upper_normal(z: f64) -> f64 {
    0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2)
}
