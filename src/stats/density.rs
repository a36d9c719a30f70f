//! Highest-density summaries of samples, such as posterior ones.

use super::Interval;

/// The shortest interval that holds a share of the samples, and the middle of its densest half.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HighestDensity {
    /// The shortest that holds the share asked for.
    pub interval: Interval,
    /// Half-sample mode: the midpoint of the repeatedly halved densest part.
    pub mode: f64,
}

/// Summarises sorted samples; `mass` is the share to hold, in (0, 1]. None of nothing.
pub fn highest_density(sorted: &[f64], mass: f64) -> Option<HighestDensity> {
    if sorted.is_empty() {
        return None;
    }
    let held = libm::ceil(mass * sorted.len() as f64) as usize;
    let (first, last) = shortest(sorted, held.clamp(1, sorted.len()));
    let interval = Interval { low: sorted[first], high: sorted[last] };
    Some(HighestDensity { interval, mode: half_sample_mode(sorted) })
}

/// First and last index of the shortest run of `held` samples; the first of equals.
fn shortest(sorted: &[f64], held: usize) -> (usize, usize) {
    let width = |i: usize| sorted[i + held - 1] - sorted[i];
    let mut best = 0;
    for i in 1..=sorted.len() - held {
        if width(i) < width(best) {
            best = i;
        }
    }
    (best, best + held - 1)
}

fn half_sample_mode(mut sorted: &[f64]) -> f64 {
    while sorted.len() > 2 {
        let (first, last) = shortest(sorted, sorted.len().div_ceil(2));
        sorted = &sorted[first..=last];
    }
    sorted.iter().sum::<f64>() / sorted.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    #[test]
    fn a_decreasing_density_is_held_from_its_start() {
        // Exponential with mean 1: the shortest 90 % interval is [0, 2.3026].
        let mut rng = Seed(3).stream("test", 0);
        let mut samples: Vec<f64> = (0..20_000).map(|_| -libm::log(rng.uniform())).collect();
        samples.sort_by(f64::total_cmp);
        let found = highest_density(&samples, 0.9).unwrap();
        assert!(found.interval.low < 0.02, "{found:?}");
        assert!((found.interval.high - std::f64::consts::LN_10).abs() < 0.08, "{found:?}");
    }

    #[test]
    fn the_mode_is_where_samples_crowd() {
        let samples = [0.0, 1.0, 2.0, 2.9, 3.0, 3.05, 3.1, 5.0, 9.0];
        assert!((highest_density(&samples, 0.5).unwrap().mode - 3.05).abs() < 0.08);
        assert_eq!(highest_density(&[], 0.5), None);
        assert_eq!(highest_density(&[4.0], 0.5).unwrap().mode, 4.0);
    }
}
