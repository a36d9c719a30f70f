//! Service times as the evaluators need them: survival over stretches of time, and a quantile table for the
//! loops.

use crate::engine::Dist;
pub use crate::engine::law::{Law, limited_mean, survival};

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

/// Cells of the quantile table.
const CELLS: usize = 1024;
/// The outermost cells, where a quantile function bends most, are computed instead of looked up.
const OUTER: usize = 8;

/// Draws service times in nanoseconds from 32 uniform bits.
#[derive(Clone, Debug)]
pub struct Sampler {
    dist: Dist,
    /// Quantiles at the cell borders, in nanoseconds.
    table: Box<[f64; CELLS + 1]>,
}

impl Sampler {
    pub fn new(dist: &Dist) -> Sampler {
        let mut table = Box::new([0.0; CELLS + 1]);
        for (i, entry) in table.iter_mut().enumerate() {
            let u = (i as f64 / CELLS as f64).clamp(1e-9, 1.0 - 1e-9);
            *entry = dist.quantile_s(u).max(0.0) * 1e9;
        }
        Sampler { dist: dist.clone(), table }
    }

    /// The value at probability (`bits` + 1/2) / 2^32; linear within a cell.
    #[inline(always)]
    pub fn sample_ns(&self, bits: u32) -> i64 {
        let cell = (bits >> 22) as usize;
        if cell.wrapping_sub(OUTER) >= CELLS - 2 * OUTER {
            return self.outer_ns(bits);
        }
        let part = f64::from(bits & 0x3f_ffff) * (1.0 / 4_194_304.0);
        let low = self.table[cell];
        (low + (self.table[cell + 1] - low) * part + 0.5) as i64
    }

    #[cold]
    fn outer_ns(&self, bits: u32) -> i64 {
        let u = (f64::from(bits) + 0.5) * (1.0 / 4_294_967_296.0);
        self.dist.sample(u).0
    }
}
