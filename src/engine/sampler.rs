//! A distribution made ready for many draws: a table of quantiles for the body, the formula for the tails.

use super::dist::Dist;
use super::time::Dur;

const CELLS: usize = 128;
/// The outermost cells, where a quantile function bends most, are computed.
const OUTER: usize = 4;

/// A compiled [`Dist`]: monotone in `u`, equal to it at the cell borders and in the tails, linear in between.
#[derive(Clone, Debug)]
pub struct Sampler {
    dist: Dist,
    constant: Option<Dur>,
    /// Nanoseconds at u = i / CELLS; the first and last are not used (the tails are computed).
    table: Vec<i64>,
}

impl Sampler {
    pub fn new(dist: &Dist) -> Sampler {
        let constant = match dist {
            Dist::Constant { .. } => Some(dist.sample(0.5)),
            _ => None,
        };
        let table = match constant {
            Some(_) => Vec::new(),
            None => (0..=CELLS)
                .map(|i| dist.sample((i as f64 / CELLS as f64).clamp(1e-9, 1.0 - 1e-9)).0)
                .collect(),
        };
        Sampler { dist: dist.clone(), constant, table }
    }

    /// The value for the uniform number `u`, `0 < u < 1`.
    pub fn sample(&self, u: f64) -> Dur {
        if let Some(value) = self.constant {
            return value;
        }
        let position = u * CELLS as f64;
        let cell = position as usize;
        if !(OUTER..CELLS - OUTER).contains(&cell) {
            return self.dist.sample(u);
        }
        let low = self.table[cell];
        let span = (self.table[cell + 1] - low) as f64;
        Dur(low + (span * (position - cell as f64)) as i64)
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
