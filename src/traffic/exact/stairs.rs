//! The share of requests that still run at an instant, as steps: what the spread of the count needs.

use crate::engine::Dur;
use crate::traffic::service::{self, Law};
use std::cell::OnceCell;

/// Probabilities whose quantiles are the edges of the steps, from coarse to fine.
const EDGES: [&[f64]; 4] = [
    &[1.0 - 1e-9],
    &[1.0 - 1e-9, 0.94, 0.62, 1e-9],
    &[1.0 - 1e-9, 0.995, 0.96, 0.84, 0.64, 0.36, 1e-9],
    &[1.0 - 1e-9, 1.0 - 1e-4, 0.995, 0.95, 0.85, 0.75, 0.6, 0.5, 0.4, 0.25, 0.1, 0.01, 1e-9],
];

/// By how much steps may change the variance of the number of failures, as a share of their mean number.
const TOLERANCE: f64 = 0.04;

/// A survival function as steps, each with its mean, so that the mean count is kept.
pub struct Stairs {
    /// Times left to the end of a run, falling, and the share that still runs from each to the next.
    pub steps: Vec<(Dur, f64)>,
    /// Where no more than a share p of the requests fails at any time, they change the variance by no more
    /// than p times this, as a share of the mean count.
    error: f64,
}

impl Stairs {
    fn new(law: &Law, at: &[f64]) -> Stairs {
        let mut edges: Vec<Dur> = at.iter().map(|u| law.dist.sample(*u)).collect();
        edges.dedup();
        let next = edges.iter().skip(1).copied().chain([Dur::ZERO]);
        let share = |(left, next): (&Dur, Dur)| (*left, running(law, *left, next));
        let steps: Vec<(Dur, f64)> = edges.iter().zip(next).map(share).collect();
        Stairs { error: error(law, &steps), steps }
    }
}

/// The stairs of one law, made when they are first needed.
#[derive(Default)]
pub struct Staircase([OnceCell<Stairs>; EDGES.len()]);

impl Staircase {
    /// The coarsest stairs that will do where no more than a share `failing` of the requests fails at any
    /// time.
    pub fn coarsest(&self, law: &Law, failing: f64) -> &Stairs {
        let stairs = |i: usize| self.0[i].get_or_init(|| Stairs::new(law, EDGES[i]));
        let finest = EDGES.len() - 1;
        let coarser = (0..finest).map(stairs).find(|s| s.error * failing <= TOLERANCE);
        coarser.unwrap_or_else(|| stairs(finest))
    }
}

/// The mean share that still runs, over times left from `most` down to `least`.
pub fn running(law: &Law, most: Dur, least: Dur) -> f64 {
    service::mean_survival(law, least.as_secs_f64(), most.as_secs_f64())
}

/// The `error` of steps. The variance is the integral of rate times p (1 - p), p being the share that fails,
/// P the largest. Steps p' keep the integral of p, the mean count. That of the square of p is no more than P
/// times that, before and after: it cannot change by more. It changes by the integral of e (p + p'), where
/// e = p' - p. On a step e has no mean and changes its sign once: the integral is at most half of that of |e|
/// times what p + p' varies there: in all that is 4 P where what fails rises and falls once.
fn error(law: &Law, steps: &[(Dur, f64)]) -> f64 {
    let (mut whole, mut worst) = (0.0, 0.0f64);
    for (i, &(most, mean)) in steps.iter().enumerate() {
        let least = steps.get(i + 1).map_or(0.0, |s| s.0.as_secs_f64());
        let most = most.as_secs_f64().max(least);
        whole += mean * (most - least);
        // Up to here more run than in the mean.
        let middle = law.dist.quantile_s((1.0 - mean).clamp(1e-12, 1.0 - 1e-12)).clamp(least, most);
        let above = law.limited_mean(middle) - law.limited_mean(least) - mean * (middle - least);
        worst = worst.max(2.0 * above);
    }
    if whole > 0.0 { (2.0 * worst / whole).min(1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Dist;

    fn all(dist: &Dist) -> Vec<Stairs> {
        EDGES.iter().map(|at| Stairs::new(&Law::new(dist), at)).collect()
    }

    #[test]
    fn finer_stairs_err_less() {
        let dists = [
            Dist::Exponential { mean_s: 0.05, min_s: 0.0 },
            Dist::LogNormal { median_s: 0.02, p99_s: 0.2, min_s: 0.001 },
            Dist::Uniform { low_s: 0.1, high_s: 0.3 },
            Dist::Weibull { scale_s: 0.1, shape: 0.7, min_s: 0.0 },
        ];
        for dist in dists {
            let errors: Vec<f64> = all(&dist).iter().map(|s| s.error).collect();
            assert!(errors.is_sorted_by(|a, b| a > b), "{dist:?} {errors:?}");
            assert!(errors[3] < 0.25, "{dist:?} {errors:?}");
        }
        // All run for as long: one step is right.
        assert!(all(&Dist::constant(2.0)).iter().all(|s| s.error < 1e-9));
    }

    #[test]
    fn the_coarsest_that_will_do_is_chosen() {
        let dist = Dist::Exponential { mean_s: 0.05, min_s: 0.0 };
        let (law, staircase) = (Law::new(&dist), Staircase::default());
        let steps = [0.01, 0.1, 0.3, 1.0].map(|p| staircase.coarsest(&law, p).steps.len());
        assert_eq!(steps, [1, 4, 7, 13]);
    }

    /// All requests are cut at one time, or half of them a little later: the integral of the square, from
    /// steps and from many points.
    #[test]
    fn errors_stay_below_their_bounds() {
        let dist = Dist::LogNormal { median_s: 0.02, p99_s: 0.2, min_s: 0.001 };
        let law = Law::new(&dist);
        let at = |steps: &[(Dur, f64)], left: Dur| {
            let next = steps.partition_point(|s| s.0 >= left);
            if left < Dur::ZERO || next == 0 { 0.0 } else { steps[next - 1].1 }
        };
        let exact =
            |left: Dur| if left < Dur::ZERO { 0.0 } else { law.survival(left.as_secs_f64()) };
        for stairs in all(&dist) {
            for apart in [0, 3_000_000, 40_000_000].map(Dur) {
                let (mut squares, mut count) = (0.0, 0.0);
                for left in (-1000..80_000).map(|i| Dur(i * 50_000 + 25_000)) {
                    let of = |one: &dyn Fn(Dur) -> f64| 0.5 * (one(left) + one(left + apart));
                    let (p, stepped) = (of(&exact), of(&|left| at(&stairs.steps, left)));
                    squares += stepped * stepped - p * p;
                    count += p;
                }
                assert!((squares / count).abs() <= stairs.error, "{apart:?} {}", squares / count);
            }
        }
    }
}
