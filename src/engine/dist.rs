//! Distributions of durations, sampled by inversion: one uniform number a variate, monotone in it, so that
//! streams stay aligned when a parameter changes.

use super::time::Dur;
use serde::{Deserialize, Serialize};

/// A distribution of non-negative durations.
///
/// In TOML: `{ kind = "constant", mean_s = 0.005 }`, `{ kind = "lognormal", median_s = 0.02, p99_s = 0.2 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Dist {
    /// Always the same.
    Constant { mean_s: f64 },
    /// Uniform between two bounds.
    Uniform { low_s: f64, high_s: f64 },
    /// Exponential, optionally shifted by a minimum (the mean includes it).
    Exponential {
        mean_s: f64,
        #[serde(default)]
        min_s: f64,
    },
    /// Log-normal given by its median and 99th percentile (both before the shift `min_s` is added).
    #[serde(rename = "lognormal")]
    LogNormal {
        median_s: f64,
        p99_s: f64,
        #[serde(default)]
        min_s: f64,
    },
    /// Weibull.
    Weibull {
        scale_s: f64,
        shape: f64,
        #[serde(default)]
        min_s: f64,
    },
    /// Measured values: sorted quantiles at evenly spaced probabilities from 0 to 1, linear in between.
    Empirical { quantiles_s: Vec<f64> },
}

impl Dist {
    /// No time at all.
    pub const ZERO: Dist = Dist::Constant { mean_s: 0.0 };

    /// Always so many seconds.
    pub fn constant(seconds: f64) -> Dist {
        Dist::Constant { mean_s: seconds }
    }

    /// The same, `seconds` longer.
    pub fn longer_by(&self, seconds: f64) -> Dist {
        let mut dist = self.clone();
        match &mut dist {
            Dist::Constant { mean_s } => *mean_s += seconds,
            Dist::Uniform { low_s, high_s } => {
                *low_s += seconds;
                *high_s += seconds;
            }
            Dist::Exponential { mean_s, min_s } => {
                *mean_s += seconds;
                *min_s += seconds;
            }
            Dist::LogNormal { min_s, .. } | Dist::Weibull { min_s, .. } => *min_s += seconds,
            Dist::Empirical { quantiles_s } => quantiles_s.iter_mut().for_each(|q| *q += seconds),
        }
        dist
    }

    /// The same, each value `factor` times as long.
    pub fn scaled(&self, factor: f64) -> Dist {
        let mut dist = self.clone();
        match &mut dist {
            Dist::Constant { mean_s } => *mean_s *= factor,
            Dist::Uniform { low_s: a, high_s: b }
            | Dist::Exponential { mean_s: a, min_s: b }
            | Dist::Weibull { scale_s: a, min_s: b, .. } => {
                *a *= factor;
                *b *= factor;
            }
            Dist::LogNormal { median_s, p99_s, min_s } => {
                *median_s *= factor;
                *p99_s *= factor;
                *min_s *= factor;
            }
            Dist::Empirical { quantiles_s } => quantiles_s.iter_mut().for_each(|q| *q *= factor),
        }
        dist
    }

    /// The value below which a share `u` of the values lies, `0 < u < 1`.
    pub fn quantile_s(&self, u: f64) -> f64 {
        match self {
            Dist::Constant { mean_s } => *mean_s,
            Dist::Uniform { low_s, high_s } => low_s + (high_s - low_s) * u,
            Dist::Exponential { mean_s, min_s } => min_s - (mean_s - min_s) * libm::log1p(-u),
            Dist::LogNormal { median_s, p99_s, min_s } => {
                min_s + median_s * libm::exp(sigma(*median_s, *p99_s) * normal_quantile(u))
            }
            Dist::Weibull { scale_s, shape, min_s } => {
                min_s + scale_s * libm::pow(-libm::log1p(-u), 1.0 / shape)
            }
            Dist::Empirical { quantiles_s } => quantile(quantiles_s, u).unwrap_or(0.0),
        }
    }

    /// A value for the uniform number `u`, in whole nanoseconds.
    pub fn sample(&self, u: f64) -> Dur {
        Dur::from_secs_f64(self.quantile_s(u)).max(Dur::ZERO)
    }
}

/// The 0.99-quantile of the standard normal distribution.
const NORMAL_P99: f64 = 2.326_347_874_040_841;

/// The standard deviation of the logarithm of a log-normal distribution.
pub fn sigma(median_s: f64, p99_s: f64) -> f64 {
    if median_s <= 0.0 || p99_s <= median_s {
        return 0.0;
    }
    libm::log(p99_s / median_s) / NORMAL_P99
}

/// The 99th percentile of the log-normal distribution whose logarithm has this mean and standard deviation.
pub fn p99_of(mu: f64, sigma: f64) -> f64 {
    libm::exp(mu + NORMAL_P99 * sigma)
}

/// The `p`-quantile of sorted values, linear between neighbours (Hyndman and Fan's type 7); None of nothing.
pub fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = p.clamp(0.0, 1.0) * last as f64;
    let index = (position as usize).min(last);
    let next = sorted[(index + 1).min(last)];
    Some(sorted[index] + (next - sorted[index]) * (position - index as f64))
}

/// The inverse of the standard normal distribution function (Acklam's rational approximation, relative
/// error below 1.2e-9): portable bits, since it needs only `libm`.
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
    ];
    const LOW: f64 = 0.024_25;
    let tail = |q: f64| {
        (((((C[0] * q + C[1]) * q + C[2]) * q + C[3]) * q + C[4]) * q + C[5])
            / ((((D[0] * q + D[1]) * q + D[2]) * q + D[3]) * q + 1.0)
    };
    if p < LOW {
        tail(libm::sqrt(-2.0 * libm::log(p)))
    } else if p > 1.0 - LOW {
        -tail(libm::sqrt(-2.0 * libm::log(1.0 - p)))
    } else {
        let q = p - 0.5;
        let r = q * q;
        (((((A[0] * r + A[1]) * r + A[2]) * r + A[3]) * r + A[4]) * r + A[5]) * q
            / (((((B[0] * r + B[1]) * r + B[2]) * r + B[3]) * r + B[4]) * r + 1.0)
    }
}
