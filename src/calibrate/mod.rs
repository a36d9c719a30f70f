//! Fits the latencies of a platform card to what was recorded on a cluster.

pub mod card;
pub mod fit;
pub mod kubectl;
#[cfg(feature = "plots")]
pub mod plot;
pub mod recipes;
pub mod record;

use crate::engine::{Dist, SharedProcessor};
use fit::Fit;
use recipes::{RECIPES, Recipe};
use record::{PodRecord, RunRecord};
use std::collections::BTreeMap;

/// Below this many samples an interval says too little: the entry keeps the base card's value.
pub const FEWEST_SAMPLES: usize = 4;

/// What the records say about a platform.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    /// How many were read.
    pub runs: usize,
    /// Of all runs together.
    pub pods: usize,
    /// Fitted entries by name.
    pub fitted: BTreeMap<String, Fitted>,
    /// Single numbers by name.
    pub numbers: BTreeMap<String, FittedNumber>,
    /// Entries of the base card that no data touch, by name.
    pub kept: Vec<String>,
    /// Some of the records have whole seconds only.
    pub coarse: bool,
}

/// One fitted latency.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The measured interval it comes from.
    pub interval: &'static str,
    /// Durations in seconds, in the order of the records.
    pub samples: Vec<f64>,
    /// What they are fitted by.
    pub fit: Fit,
    /// Further entries that share the interval.
    pub shared_with: Vec<&'static str>,
}

/// A number of the card that is no distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedNumber {
    /// In the unit of the card's entry.
    pub value: f64,
    /// How many it is computed from.
    pub samples: usize,
    /// What was measured, in words.
    pub from: &'static str,
}

/// Fits what `runs` say; `base` are the latencies of the base card by name.
pub fn calibrate(runs: &[RunRecord], base: &BTreeMap<String, Dist>) -> Calibration {
    let mut result = Calibration {
        runs: runs.len(),
        pods: runs.iter().map(|r| r.pods.len()).sum(),
        coarse: runs.iter().any(|r| r.coarse),
        ..Calibration::default()
    };
    let mut known = base.clone();
    for recipe in RECIPES {
        for (entry, fitted) in solve(recipe, runs, &known) {
            known.insert(entry.to_owned(), fitted.fit.dist.clone());
            result.fitted.insert(entry.to_owned(), fitted);
        }
    }
    let pulls: Vec<f64> = runs.iter().flat_map(|r| r.image_pulls.iter().copied()).collect();
    if let Some(fitted) = fitted("image pull events", pulls, Vec::new()) {
        result.fitted.insert("image_pull".to_owned(), fitted);
    }
    result.numbers = numbers(runs, &known);
    // What the base card does not know, no model would read.
    result.numbers.retain(|name, _| base.contains_key(name));
    result.kept = base
        .keys()
        .filter(|name| !result.fitted.contains_key(*name) && !result.numbers.contains_key(*name))
        .cloned()
        .collect();
    result
}

fn fitted(
    interval: &'static str,
    samples: Vec<f64>,
    shared_with: Vec<&'static str>,
) -> Option<Fitted> {
    let fit = fit::best(&samples).filter(|_| samples.len() >= FEWEST_SAMPLES)?;
    Some(Fitted { interval, samples, fit, shared_with })
}

/// The entries that one interval fixes.
fn solve(
    recipe: &Recipe,
    runs: &[RunRecord],
    known: &BTreeMap<String, Dist>,
) -> Vec<(&'static str, Fitted)> {
    let entries: Vec<&'static str> =
        recipe.solve.iter().copied().filter(|e| known.contains_key(*e)).collect();
    let samples: Vec<f64> = runs
        .iter()
        .flat_map(|run| run.pods.iter().filter_map(|pod| (recipe.sample)(pod, run)))
        .collect();
    if samples.len() < FEWEST_SAMPLES || entries.is_empty() {
        return Vec::new();
    }
    let (mean, variance) = without_known(&samples, recipe, known);
    let shares = proportions(&entries, known);
    // As if the parts were independent: together they have the variance of the interval.
    let spread = 1.0 / libm::sqrt(shares.iter().map(|s| s * s).sum::<f64>());
    let deviation = spread * libm::sqrt(variance);
    let part = |share: f64| reshaped(&samples, share * mean, share * deviation);
    let of = |(entry, share): (&&'static str, &f64)| {
        let others = entries.iter().copied().filter(|e| e != entry).collect();
        Some((*entry, fitted(recipe.name, part(*share), others)?))
    };
    entries.iter().zip(&shares).filter_map(of).collect()
}

/// Mean and variance of the samples less those of what is known to be in them (as if independent). A tenth
/// of the mean and a quarter of the variance remain at least.
fn without_known(samples: &[f64], recipe: &Recipe, known: &BTreeMap<String, Dist>) -> (f64, f64) {
    let parts = || recipe.known.iter().filter_map(|(e, times)| Some((known.get(*e)?, *times)));
    let known_mean: f64 = parts().map(|(dist, times)| times * fit::mean(dist)).sum();
    let known_variance: f64 = parts().map(|(dist, times)| times.abs() * fit::variance(dist)).sum();
    let mean = mean_of(samples);
    let variance = variance_of(samples);
    ((mean - known_mean).max(0.1 * mean), (variance - known_variance).max(0.25 * variance))
}

/// The samples in the same order with another mean and standard deviation: raised to a power, so that they
/// stay positive and keep a long tail, and scaled.
fn reshaped(samples: &[f64], mean: f64, deviation: f64) -> Vec<f64> {
    let positive: Vec<f64> = samples.iter().map(|x| x.max(0.0)).collect();
    let raised = |power: f64| -> Vec<f64> {
        let values: Vec<f64> = positive.iter().map(|x| libm::pow(*x, power)).collect();
        let scale = mean / mean_of(&values).max(f64::MIN_POSITIVE);
        values.iter().map(|x| scale * x).collect()
    };
    let (mut low, mut high) = (0.01, 8.0);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        let found = variance_of(&raised(middle));
        if found < deviation * deviation { low = middle } else { high = middle }
    }
    raised(0.5 * (low + high))
}

fn variance_of(values: &[f64]) -> f64 {
    let mean = mean_of(values);
    values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / values.len() as f64
}

/// Each entry's share of the sum of their means in the base card.
fn proportions(entries: &[&str], known: &BTreeMap<String, Dist>) -> Vec<f64> {
    let means: Vec<f64> = entries.iter().map(|e| fit::mean(&known[*e])).collect();
    let total: f64 = means.iter().sum();
    let even = 1.0 / entries.len() as f64;
    means.iter().map(|m| if total > 0.0 { m / total } else { even }).collect()
}

fn numbers(runs: &[RunRecord], known: &BTreeMap<String, Dist>) -> BTreeMap<String, FittedNumber> {
    let mut numbers = BTreeMap::new();
    let lost: Vec<bool> =
        runs.iter().flat_map(|r| r.pods.iter().filter_map(recipes::trigger_lost)).collect();
    if lost.len() >= FEWEST_SAMPLES {
        let share = lost.iter().filter(|l| **l).count() as f64 / lost.len() as f64;
        let from = "share of pods that listened when seen running and became Ready a second later";
        numbers.insert(
            "probe_trigger_lost".to_owned(),
            FittedNumber { value: fit::round(share), samples: lost.len(), from },
        );
    }
    let idle_s = ["watch_kubelet", "pod_setup"].iter().filter_map(|e| known.get(*e)).map(fit::mean);
    let starts = starts(runs, idle_s.sum());
    let cores = cores(&starts);
    if let Some((value, samples)) = cores {
        let from = "slow-down of starts by the number of pods starting at the same time";
        numbers.insert(
            "node_cores".to_owned(),
            FittedNumber { value: fit::round(value), samples, from },
        );
    }
    if let Some((value, samples)) = run_spread(&starts, cores.map(|(value, _)| value)) {
        let from = "spread between runs of starts, without what others slow them down by";
        numbers.insert(
            "run_spread".to_owned(),
            FittedNumber { value: fit::round(value), samples, from },
        );
    }
    numbers
}

/// How long starts took, by run: how many pods started together, and the time in seconds.
type Starts = Vec<Vec<(f64, f64)>>;

/// Scheduled to process start, without the `idle_s` in which the node has nothing to do for it.
fn starts(runs: &[RunRecord], idle_s: f64) -> Starts {
    let of = |pod: &PodRecord, run: &RunRecord| {
        let took = pod.process_start? - pod.scheduled? - idle_s;
        Some((recipes::starting_with(pod, run)? as f64 + 1.0, took)).filter(|_| took > 0.0)
    };
    runs.iter().map(|run| run.pods.iter().filter_map(|pod| of(pod, run)).collect()).collect()
}

/// Cores that starts share, from pods that start together: the slow-down of
/// [`SharedProcessor`](crate::engine::SharedProcessor), solved for the cores.
fn cores(starts: &Starts) -> Option<(f64, usize)> {
    /// With fewer, other work on the node tells more than the number of cores; slow-downs below this say
    /// that there are cores enough.
    const MANY: f64 = 4.0;
    const SLOWED: f64 = 1.2;
    let all = || starts.iter().flatten();
    let lone: Vec<f64> = all().filter(|(n, _)| *n == 1.0).map(|(_, took)| *took).collect();
    if lone.len() < FEWEST_SAMPLES {
        return None;
    }
    let alone = median(&lone);
    let slowed: Vec<f64> = all()
        .map(|(n, took)| (*n, (took / alone).min(0.999 * n)))
        .filter(|(n, slow)| *n >= MANY && *slow >= SLOWED)
        .map(|(n, slow)| libm::sqrt((n * n - slow * slow) / (slow * slow - 1.0)))
        .collect();
    (slowed.len() >= FEWEST_SAMPLES).then(|| (median(&slowed), slowed.len()))
}

/// How much faster or slower a node is in one run than in another: the standard deviation between runs of
/// the logarithm of a start, without what starts of one run differ by (analysis of variance). Where the cores
/// are not known only lone starts can be compared.
fn run_spread(starts: &Starts, cores: Option<f64>) -> Option<(f64, usize)> {
    let effort = |(n, took): &(f64, f64)| {
        let slow = cores.map(|cores| SharedProcessor::<()>::slow(*n, cores));
        Some(libm::log(took / slow.or((*n == 1.0).then_some(1.0))?))
    };
    let groups = starts.iter().map(|run| run.iter().filter_map(effort).collect::<Vec<f64>>());
    let groups: Vec<Vec<f64>> = groups.filter(|group| group.len() >= 2).collect();
    if groups.len() < 2 * FEWEST_SAMPLES {
        return None;
    }
    let all: Vec<f64> = groups.iter().flatten().copied().collect();
    let (n, k) = (all.len() as f64, groups.len() as f64);
    let size = |g: &Vec<f64>| g.len() as f64;
    let within: f64 = groups.iter().map(|g| size(g) * variance_of(g)).sum::<f64>() / (n - k);
    let grand = mean_of(&all);
    let between = groups.iter().map(|g| size(g) * (mean_of(g) - grand) * (mean_of(g) - grand));
    let between = between.sum::<f64>() / (k - 1.0);
    let typical_size = (n - groups.iter().map(|g| size(g) * size(g)).sum::<f64>() / n) / (k - 1.0);
    Some((libm::sqrt(((between - within) / typical_size).max(0.0)), all.len()))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { 0.5 * (sorted[middle - 1] + sorted[middle]) }
}

fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests;
