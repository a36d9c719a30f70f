//! A distribution made ready for many draws: lines between quantiles for nearly all values, the formula for
//! the rest.

use super::dist::Dist;
use super::rng::{Bits, unit_open};
use super::time::Dur;
use std::ops::RangeInclusive;

/// Borders of a table that is cheap to make: the outermost cells, where a quantile function bends most, are
/// cut again.
pub const COARSE: usize = 128 + 1;
/// Of one that is as fine everywhere, for values that are drawn by the million.
pub const FINE: usize = FINE_CELLS as usize + 1;

/// There would be so many cells if all were cut again; of these the outermost are computed.
const FINE_CELLS: u64 = 1 << FINE_BITS;
const FINE_BITS: u32 = 10;

/// A compiled [`Dist`]: monotone, equal to it at the cell borders and at the very ends, linear in between.
/// There is one cell less than `BORDERS`, which is a power of two.
#[derive(Clone, Debug)]
pub struct Sampler<const BORDERS: usize = COARSE> {
    dist: Dist,
    constant: Option<Dur>,
    /// The borders of all cells, of the fine cells at the low end, and of those at the high end: nanoseconds.
    body: Box<[i64; BORDERS]>,
    low_end: Vec<i64>,
    high_end: Vec<i64>,
}

/// The `i`-th border of `cells`.
fn border(dist: &Dist, i: u64, cells: u64) -> i64 {
    dist.sample((i as f64 / cells as f64).clamp(1e-9, 1.0 - 1e-9)).0
}

/// The value at `part` / 2^64 of the way through a cell.
#[inline(always)]
fn between(borders: &[i64], cell: usize, part: u64) -> i64 {
    let (low, high) = (borders[cell], borders[cell + 1]);
    let above = (u128::from((high - low) as u64) * u128::from(part)) >> 64;
    low + above as i64
}

impl<const BORDERS: usize> Sampler<BORDERS> {
    const CELLS: u64 = BORDERS as u64 - 1;
    const BITS: u32 = Self::CELLS.ilog2();
    /// The outermost cells at each end: of all, of the fine ones in these, and of those that are computed.
    const OUTER: u64 = if Self::CELLS < FINE_CELLS { 4 } else { 8 };
    const END: u64 = Self::OUTER * FINE_CELLS / Self::CELLS;

    /// Works out the table of quantiles: worth it for many draws.
    pub fn new(dist: &Dist) -> Sampler<BORDERS> {
        const { assert!((BORDERS - 1).is_power_of_two() && BORDERS <= FINE) };
        let constant = match dist {
            Dist::Constant { .. } => Some(dist.sample(0.5)),
            _ => None,
        };
        let mut body = Box::new([0; BORDERS]);
        for (i, place) in (0..).zip(body.iter_mut()) {
            *place = border(dist, i, Self::CELLS);
        }
        let fine = |range: RangeInclusive<u64>| match Self::CELLS {
            FINE_CELLS => Vec::new(),
            _ => range.map(|i| border(dist, i, FINE_CELLS)).collect(),
        };
        Sampler {
            dist: dist.clone(),
            constant,
            body,
            low_end: fine(0..=Self::END),
            high_end: fine(FINE_CELLS - Self::END..=FINE_CELLS),
        }
    }

    /// The next value of a stream.
    pub fn draw(&self, luck: &mut impl Bits) -> Dur {
        self.of(luck.bits())
    }

    /// The value for the uniform number `bits` / 2^64.
    pub fn of(&self, bits: u64) -> Dur {
        self.constant.unwrap_or_else(|| Dur(self.at(bits)))
    }

    /// The value for the uniform number `u`, `0 < u < 1`.
    pub fn sample(&self, u: f64) -> Dur {
        self.constant.unwrap_or_else(|| Dur(self.at((u * 18_446_744_073_709_551_616.0) as u64)))
    }

    /// The value for the uniform number (`bits` + 1/2) / 2^32, in nanoseconds.
    #[inline(always)]
    pub fn sample_ns(&self, bits: u32) -> i64 {
        self.at(u64::from(bits) << 32 | 1 << 31)
    }

    /// The value for the uniform number `bits` / 2^64. In integers, since what follows waits for it.
    #[inline(always)]
    fn at(&self, bits: u64) -> i64 {
        let cell = bits >> (64 - Self::BITS);
        if cell.wrapping_sub(Self::OUTER) >= Self::CELLS - 2 * Self::OUTER {
            return self.near_an_end(bits);
        }
        between(&self.body[..], cell as usize, bits << Self::BITS)
    }

    #[cold]
    fn near_an_end(&self, bits: u64) -> i64 {
        let cell = bits >> (64 - FINE_BITS);
        if !(Self::OUTER..FINE_CELLS - Self::OUTER).contains(&cell) {
            return self.dist.sample(unit_open(bits)).0;
        }
        let part = bits << FINE_BITS;
        match cell < Self::END {
            true => between(&self.low_end, cell as usize, part),
            false => between(&self.high_end, (cell + Self::END - FINE_CELLS) as usize, part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_distribution() {
        let dist = Dist::LogNormal { median_s: 0.02, p99_s: 0.2, min_s: 0.001 };
        let (sampler, fine) = (Sampler::<COARSE>::new(&dist), Sampler::<FINE>::new(&dist));
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
            let apart = (fine.sample(u).0 - exact.0).abs() as f64;
            assert!(apart <= 0.001 * exact.0 as f64, "{u}: {:?} {exact:?}", fine.sample(u));
        }
    }
}
