//! Against every request tossed, and against known distributions.

use super::*;
use crate::engine::Seed;
use statrs::distribution::{DiscreteCDF, Poisson};

/// Stretches of evenly spaced requests: (probability that one is lost, number sent in the mean).
type Stretches = [(f64, f64)];

/// Every request tossed: the probabilities of 0, 1, 2 ... lost ones.
fn brute(stretches: &Stretches) -> Vec<f64> {
    let mut masses = vec![1.0];
    for &(p, sent) in stretches {
        let whole = floor(sent);
        let each = std::iter::repeat_n(p, whole as usize).chain([p * (sent - whole)]);
        for p in each {
            masses.push(0.0);
            for k in (0..masses.len()).rev() {
                let below = if k > 0 { masses[k - 1] } else { 0.0 };
                masses[k] = masses[k] * (1.0 - p) + below * p;
            }
        }
    }
    masses
}

fn count_of(masses: &[f64]) -> Count {
    let numbered = || masses.iter().enumerate().map(|(k, m)| (k as f64, m));
    let mean: f64 = numbered().map(|(k, m)| k * m).sum();
    let variance = numbered().map(|(k, m)| (k - mean) * (k - mean) * m).sum();
    Count { mean, variance, none: masses[0] }
}

/// The greatest difference of the distribution functions, and of the ends of a 95 % range.
fn apart(masses: &[f64]) -> (f64, f64) {
    let counts = Counts::mixture(&[count_of(masses)]);
    let (mut sum, mut most, mut ends) = (0.0, 0.0_f64, [None; 2]);
    for (k, m) in masses.iter().enumerate() {
        sum += m;
        most = most.max((counts.at_most(k as f64) - sum).abs());
        for (end, p) in ends.iter_mut().zip([0.025, 0.975]) {
            if end.is_none() && sum >= p {
                *end = Some(k as f64 - counts.quantile(p));
            }
        }
    }
    (most, ends.into_iter().flatten().fold(0.0, |a, e| e.abs().max(a)))
}

#[test]
fn one_stretch_is_exact() {
    for p in [1.0, 0.999, 0.5, 0.1, 1e-3] {
        for sent in [0.02, 0.7, 1.0, 3.5, 8.0, 40.25, 600.0] {
            let masses = brute(&[(p, sent)]);
            let (most, _) = apart(&masses);
            assert!(most < 1e-6, "{sent} sent, lost with {p}: {most}");
        }
    }
}

/// What is lost surely at one time and by chance at another has three figures that say most of it.
#[test]
fn several_stretches_are_near() {
    let (mut sum, mut off, worlds) = (0.0, 0, 300);
    for i in 0..worlds {
        let u = |j: u64| Seed(i).uniform("stretches", j);
        let stretches: Vec<(f64, f64)> = (0..2 + i % 4)
            .map(|j| {
                let p = [1.0, u(4 * j), 0.1 * u(4 * j)][(3.0 * u(4 * j + 1)) as usize];
                (p, u(4 * j + 2) * [1.0, 5.0, 30.0][(3.0 * u(4 * j + 3)) as usize])
            })
            .collect();
        let (most, ends) = apart(&brute(&stretches));
        assert!(ends <= 1.0, "{stretches:?}: the range is off by {ends}");
        off += u32::from(ends > 0.0);
        sum += most / worlds as f64;
    }
    assert!(sum < 0.04, "apart by {sum} in the mean");
    assert!(off < 120, "{off} ranges of {worlds} are off by one");
}

#[test]
fn requests_at_random_give_a_poisson_number() {
    for mean in [0.02, 0.3, 1.0, 2.5, 7.0, 40.0, 900.0, 1_500.0, 90_000.0] {
        let poisson = Poisson::new(mean).unwrap();
        let counts = Counts::mixture(&[Count::poisson(mean)]);
        for p in [0.0025, 0.025, 0.25, 0.5, 0.75, 0.975, 0.9975] {
            let (found, exact) = (counts.quantile(p), poisson.inverse_cdf(p) as f64);
            // Beyond `LARGE` the skew is missing.
            let tolerance = if mean < LARGE { 0.0 } else { 1.0 + (p - 0.5).abs() };
            assert!((found - exact).abs() <= tolerance, "{mean}, {p}: {found} for {exact}");
        }
    }
}

#[test]
fn the_given_probability_of_none_is_kept() {
    for none in [0.0, 0.01, 0.2, 0.5] {
        let counts = Counts::mixture(&[Count { mean: 3.0, variance: 2.0, none }]);
        assert!((counts.at_most(0.0) - none).abs() < 1e-12);
        assert!((counts.at_most(1e9) - 1.0).abs() < 1e-12);
    }
}

#[test]
fn counted_runs_give_their_own_quantiles() {
    let few: Vec<Count> = (0..=100).map(|i| Count::known(f64::from(i))).collect();
    let many: Vec<Count> = (0..=100).map(|i| Count::known(f64::from(i) + 1e6)).collect();
    let range = |counts: &[Count]| [0.025, 0.975].map(|p| Counts::mixture(counts).quantile(p));
    assert_eq!(range(&few), [2.0, 98.0]);
    assert_eq!(range(&many), [1_000_002.0, 1_000_098.0]);
}

#[test]
fn timelines_and_requests_both_spread() {
    let counts = Counts::mixture(&[Count::ZERO, Count::poisson(30.0)]);
    assert_eq!((counts.mean(), counts.variance()), (15.0, 225.0 + 15.0));
    assert_eq!(counts.quantile(0.025), 0.0);
    assert!(counts.quantile(0.975) > 35.0);
}

#[test]
fn a_lump_at_zero_is_held_by_the_middle_range() {
    let counts = Counts::mixture(&[Count::ZERO]);
    assert_eq!((counts.quantile(0.99), counts.smooth_quantile(0.25)), (0.0, 0.0));
    assert!((0.0..0.5).contains(&counts.smooth_quantile(0.75)));
}

#[test]
fn the_middle_range_holds_half_of_the_runs_although_counts_are_lumpy() {
    let mut held = 0.0;
    for tenth in 5..60 {
        let counts = Counts::mixture(&[Count::poisson(f64::from(tenth) / 10.0)]);
        let range = counts.smooth_quantile(0.25)..=counts.smooth_quantile(0.75);
        let inside = (0..100).map(f64::from).filter(|k| range.contains(k));
        held += inside.map(|k| counts.at_most(k) - counts.at_most(k - 1.0)).sum::<f64>();
    }
    assert!((held / 55.0 - 0.5).abs() < 0.05, "{}", held / 55.0);
}

#[test]
fn parts_of_a_poisson_count_are_poisson() {
    let part = Count::poisson(4.0).part(1.0);
    assert_eq!((part.mean, part.variance), (1.0, 1.0));
    assert!((part.none - exp(-1.0)).abs() < 1e-12);
    // Of what is lost surely a rare cause has its part rarely.
    assert_eq!(Count { mean: 50.0, variance: 0.0, none: 0.0 }.part(0.25).none, 0.75);
}
