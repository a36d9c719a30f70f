//! Coverage of every interval, by simulation against known truths with fixed seeds.

use super::*;
use crate::engine::{Rng, Seed};
use rand::SeedableRng;
use rand_distr::{Distribution, Poisson};

const TRIALS: u64 = 2000;

/// Share of the trials whose interval holds the truth.
fn coverage(truth: f64, interval: impl Fn(u64) -> Interval) -> f64 {
    (0..TRIALS).filter(|&i| interval(i).contains(truth)).count() as f64 / TRIALS as f64
}

fn stream(trial: u64) -> Rng {
    Seed(20).stream("coverage", trial)
}

fn poisson(mean: f64, n: usize, trial: u64) -> Vec<f64> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(trial);
    let law = Poisson::new(mean).unwrap();
    (0..n).map(|_| law.sample(&mut rng)).collect()
}

fn successes(p: f64, n: u32, trial: u64) -> f64 {
    let mut rng = stream(trial);
    (0..n).filter(|_| rng.uniform() < p).count() as f64
}

/// 95 %, less three standard errors of 2000 trials.
const FLOOR: f64 = 0.935;

#[test]
fn garwood_covers_at_any_mean() {
    for mean in [0.05, 0.5, 1.0, 3.7, 12.0, 80.0] {
        let found = coverage(mean, |i| poisson_exact(poisson(mean, 1, i)[0], 0.95));
        assert!(found >= FLOOR, "{mean}: {found}");
        assert!(mean < 10.0 || found <= 0.985, "{mean}: {found} is needlessly wide");
    }
}

#[test]
fn clopper_pearson_covers_at_any_probability() {
    for p in [0.01, 0.1, 0.5, 0.93, 0.999] {
        let found = coverage(p, |i| clopper_pearson(successes(p, 40, i), 40.0, 0.95));
        assert!(found >= FLOOR, "{p}: {found}");
    }
}

/// Wilson and Jeffreys are right on average over probabilities, not at each.
#[test]
fn wilson_and_jeffreys_cover_on_average() {
    let grid: Vec<f64> = (1..40).map(|i| f64::from(i) / 40.0).collect();
    for interval in [wilson, jeffreys] {
        let one = |p: f64| {
            (0..200).filter(|&i| interval(successes(p, 30, i), 30.0, 0.95).contains(p)).count()
        };
        let average = grid.iter().map(|&p| one(p)).sum::<usize>() as f64 / (200 * 39) as f64;
        assert!((0.94..0.97).contains(&average), "{average}");
    }
}

#[test]
fn student_covers_a_normal_mean() {
    for n in [2, 5, 30] {
        let found = coverage(4.0, |i| {
            let mut rng = stream(i);
            let normal = |rng: &mut Rng| crate::engine::dist::normal_quantile(rng.uniform());
            let values: Vec<f64> = (0..n).map(|_| 4.0 + 3.0 * normal(&mut rng)).collect();
            t_mean(&values, 0.95).interval()
        });
        assert!((FLOOR..0.965).contains(&found), "{n}: {found}");
    }
}

#[test]
fn count_mean_covers_poisson_losses_however_rare() {
    for (mean, n) in [(0.01, 20), (0.1, 20), (0.5, 50), (3.0, 20), (40.0, 20)] {
        let found = coverage(mean, |i| count_mean(&poisson(mean, n, i), 0.95).interval());
        assert!(found >= FLOOR, "{mean} x {n}: {found}");
    }
}

/// Half of the rollouts lose nothing, the others about six: far more spread than Poisson.
#[test]
fn count_mean_covers_clustered_losses() {
    let found = coverage(3.0, |i| {
        let mut rng = stream(i);
        let counts: Vec<f64> = poisson(6.0, 60, i)
            .into_iter()
            .map(|c| if rng.uniform() < 0.5 { 0.0 } else { c })
            .collect();
        count_mean(&counts, 0.95).interval()
    });
    assert!(found >= FLOOR, "{found}");
}

#[test]
fn bootstrap_covers_a_skewed_mean() {
    let trials = 600;
    let held = (0..trials).filter(|&i| {
        let mut rng = stream(i);
        let values: Vec<f64> = (0..60).map(|_| -libm::log(rng.uniform())).collect();
        bootstrap_mean(&values, 0.95, 800, i).interval().contains(1.0)
    });
    let found = held.count() as f64 / trials as f64;
    assert!((0.91..0.975).contains(&found), "{found}");
}

#[test]
fn quantile_limits_cover_for_any_distribution() {
    for (p, n) in [(0.5, 15), (0.9, 80), (0.99, 500)] {
        let truth = -libm::log1p(-p);
        let found = coverage(truth, |i| {
            let mut rng = stream(i);
            let mut values: Vec<f64> = (0..n).map(|_| -libm::log(rng.uniform())).collect();
            values.sort_by(f64::total_cmp);
            quantile_estimate(&values, p, 0.95).unwrap().interval()
        });
        assert!(found >= FLOOR, "p{p} of {n}: {found}");
    }
}

#[test]
fn probability_mean_covers_a_probability_that_varies() {
    let found = coverage(0.8, |i| {
        let mut rng = stream(i);
        let values: Vec<f64> = (0..30).map(|_| libm::sqrt(libm::sqrt(rng.uniform()))).collect();
        // E[u^(1/4)] = 0.8.
        probability_mean(&values, 0.95).interval()
    });
    assert!(found >= FLOOR, "{found}");
}

#[test]
fn paired_differences_cover() {
    let found = coverage(-0.5, |i| {
        let mut rng = stream(i);
        let luck: Vec<f64> = (0..25).map(|_| 10.0 * rng.uniform()).collect();
        let other: Vec<f64> = luck.iter().map(|l| l - rng.uniform()).collect();
        paired_difference(&luck, &other, 0.95).unwrap().difference.interval()
    });
    assert!((FLOOR..0.97).contains(&found), "{found}");
}
