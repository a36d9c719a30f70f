//! A distribution made ready for many draws: lines between quantiles for nearly all values, the formula for
//! the rest.

use super::dist::Dist;
use super::rng::{Rng, unit_open};
use super::time::Dur;
use std::ops::RangeInclusive;

/// The unit interval is cut into so many cells (a power of two).
const CELLS: u64 = 1 << CELL_BITS;
const CELL_BITS: u32 = 7;
/// The outermost cells, where a quantile function bends most, are cut again,
const OUTER: u64 = 4;
/// so that there would be this many; of these the outermost are computed.
const FINE_CELLS: u64 = 1 << FINE_BITS;
const FINE_BITS: u32 = CELL_BITS + 3;
/// Fine cells at each end.
const END: u64 = OUTER * FINE_CELLS / CELLS;

/// A compiled [`Dist`]: monotone, equal to it at the cell borders and at the very ends, linear in between.
#[derive(Clone, Debug)]
pub struct Sampler {
    dist: Dist,
    constant: Option<Dur>,
    /// The borders of all cells, of the fine cells at the low end, and of those at the high end: nanoseconds.
    body: Vec<i64>,
    low_end: Vec<i64>,
    high_end: Vec<i64>,
}

/// The borders of the cells `range` out of `cells`.
fn borders(dist: &Dist, range: RangeInclusive<u64>, cells: u64) -> Vec<i64> {
    let u = |i: u64| (i as f64 / cells as f64).clamp(1e-9, 1.0 - 1e-9);
    range.map(|i| dist.sample(u(i)).0).collect()
}

/// The value at `part` / 2^64 of the way through a cell.
fn between(borders: &[i64], cell: u64, part: u64) -> Dur {
    let cell = cell as usize;
    let (low, high) = (borders[cell], borders[cell + 1]);
    let above = (u128::from((high - low) as u64) * u128::from(part)) >> 64;
    Dur(low + above as i64)
}

impl Sampler {
    pub fn new(dist: &Dist) -> Sampler {
        let constant = match dist {
            Dist::Constant { .. } => Some(dist.sample(0.5)),
            _ => None,
        };
        Sampler {
            dist: dist.clone(),
            constant,
            body: borders(dist, 0..=CELLS, CELLS),
            low_end: borders(dist, 0..=END, FINE_CELLS),
            high_end: borders(dist, FINE_CELLS - END..=FINE_CELLS, FINE_CELLS),
        }
    }

    /// The next value of a stream.
    pub fn draw(&self, rng: &mut Rng) -> Dur {
        self.at(rng.next_u64())
    }

    /// The value for the uniform number `u`, `0 < u < 1`.
    pub fn sample(&self, u: f64) -> Dur {
        self.at((u * 18_446_744_073_709_551_616.0) as u64)
    }

    /// The value for the uniform number `bits` / 2^64. In integers, since what follows waits for it.
    fn at(&self, bits: u64) -> Dur {
        if let Some(value) = self.constant {
            return value;
        }
        let cell = bits >> (64 - CELL_BITS);
        match (OUTER..CELLS - OUTER).contains(&cell) {
            true => between(&self.body, cell, bits << CELL_BITS),
            false => self.near_an_end(bits),
        }
    }

    #[cold]
    fn near_an_end(&self, bits: u64) -> Dur {
        let cell = bits >> (64 - FINE_BITS);
        if !(OUTER..FINE_CELLS - OUTER).contains(&cell) {
            return self.dist.sample(unit_open(bits));
        }
        let part = bits << FINE_BITS;
        match cell < END {
            true => between(&self.low_end, cell, part),
            false => between(&self.high_end, cell + END - FINE_CELLS, part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_distribution() {
        let dist = Dist::LogNormal { median_s: 0.02, p99_s: 0.2, min_s: 0.001 };
        let sampler = Sampler::new(&dist);
        let mut previous = Dur::ZERO;
        for i in 1..2000 {
            let u = f64::from(i) / 2000.0;
            let (table, exact) = (sampler.sample(u), dist.sample(u));
            assert!(table >= previous, "not monotone at {u}");
            assert!(
                (table.0 - exact.0).abs() as f64 <= 0.01 * exact.0 as f64,
                "{u}: {table:?} {exact:?}"
            );
            previous = table;
        }
    }
}
