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
