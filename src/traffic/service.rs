//! Service times as the evaluators need them: survival over stretches of time, and a fine table of quantiles
//! for the loops.

use crate::engine::Dist;
pub use crate::engine::law::{Law, limited_mean, survival};
use crate::engine::sampler::FINE;

/// The mean of the survival function between `a` and `b` seconds.
pub fn mean_survival(law: &Law, a: f64, b: f64) -> f64 {
    if b <= a {
        return law.survival(a);
    }
    ((law.limited_mean(b) - law.limited_mean(a)) / (b - a)).clamp(0.0, 1.0)
}

/// A bound that no value exceeds but with probability 1e-9.
pub fn longest(dist: &Dist) -> f64 {
    dist.quantile_s(1.0 - 1e-9)
}

/// Draws service times.
pub type Sampler = crate::engine::Sampler<FINE>;
