//! How many requests one run loses: the distribution of a whole number over single runs.
//!
//! A run differs from the next for two reasons: the control plane takes another course (another timeline),
//! and on one timeline chance decides which requests fall into a hole. An evaluator says of the second what
//! it knows: mean, variance, and the probability of none. The number of single runs is a mixture of such
//! counts.

use crate::traffic::TrafficOutcome;
use libm::{erfc, exp, floor, pow, sqrt};

/// The number of lost requests of one run, given its timeline.
///
/// Requests are lost independently of each other, so that the variance is at most the mean: equal where they
/// arrive at random (the count is Poisson), 0 where they were counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count {
    /// Of the count, given the timeline; 0 or more.
    pub mean: f64,
    /// Of the count, given the timeline; 0 to the mean.
    pub variance: f64,
    /// Probability that the count is 0, given the timeline.
    pub none: f64,
}

impl From<&TrafficOutcome> for Count {
    fn from(traffic: &TrafficOutcome) -> Count {
        let (variance, none) = (traffic.variance, traffic.probability_none);
        Count { mean: traffic.failed(), variance, none }
    }
}

/// From this mean on a count is taken as normal: what that misses (its skew) is half a request at most.
const LARGE: f64 = 1_000.0;

/// A probability that is left out, against the greatest.
const NEGLIGIBLE: f64 = 1e-18;

impl Count {
    /// No request can be lost.
    pub const ZERO: Count = Count { mean: 0.0, variance: 0.0, none: 1.0 };

    /// Requests that are lost at random: Poisson.
    pub fn poisson(mean: f64) -> Count {
        Count { mean, variance: mean, none: exp(-mean) }
    }

    /// So many were counted.
    pub fn known(count: f64) -> Count {
        Count { mean: count, variance: 0.0, none: f64::from(count == 0.0) }
    }

    /// The part of this count that has expectation `mean`, as if each lost request belonged to the part
    /// by a toss of its own (which is exact where requests arrive at random).
    pub fn part(&self, mean: f64) -> Count {
        if mean <= 0.0 || self.mean <= 0.0 {
            return Count::ZERO;
        }
        let share = (mean / self.mean).min(1.0);
        // A count of that mean is 0 at least so often.
        let none = pow(self.none, share).max(1.0 - mean);
        Count { mean, variance: self.variance * share, none }
    }

    /// The first number that can come, and the probabilities from it on.
    ///
    /// Exact for a Poisson number, and where each of a number of requests (or of that and one more) is lost
    /// with one probability; where that varies it has the count's mean and variance. The probability of 0 is
    /// the one that is given.
    fn masses(&self) -> (usize, Vec<f64>) {
        let (first, mut masses) = match Even::of(self.mean, self.variance) {
            None => window(floor(self.mean), |k| self.mean / (k + 1.0)),
            Some(even) => even.masses(),
        };
        let zero = if first == 0 { masses[0] } else { 0.0 };
        let factor = if zero < 1.0 { (1.0 - self.none) / (1.0 - zero) } else { 0.0 };
        masses.iter_mut().for_each(|m| *m *= factor);
        if first == 0 {
            masses[0] = 0.0;
        }
        (first, masses)
    }
}

/// Evenly spaced requests, `sent` in the mean (the whole number below or the one above), each lost with
/// probability `p`.
struct Even {
    sent: f64,
    p: f64,
}

impl Even {
    /// With this mean and variance. None: a Poisson number, of very many requests.
    fn of(mean: f64, variance: f64) -> Option<Even> {
        if variance >= mean * (1.0 - 1e-9) {
            return None;
        }
        // Falls from the mean (many, hardly ever lost) to the least that a whole number varies by (all lost).
        let varies = |p: f64| {
            let part = mean / p - floor(mean / p);
            mean * (1.0 - p) + p * p * part * (1.0 - part)
        };
        let (mut low, mut high) = (0.0, 1.0);
        if variance > varies(1.0) {
            while high - low > 1e-16 * high {
                let middle = 0.5 * (low + high);
                if middle <= low || middle >= high {
                    break;
                }
                if varies(middle) > variance { low = middle } else { high = middle }
            }
        }
        Some(Even { sent: mean / high, p: high })
    }

    /// As [`Count::masses`].
    fn masses(&self) -> (usize, Vec<f64>) {
        let (p, whole) = (self.p, floor(self.sent));
        let odds = p / (1.0 - p);
        let (first, mut masses) = match p < 1.0 {
            true => {
                let ratio = |k: f64| (whole - k).max(0.0) / (k + 1.0) * odds;
                window(floor((whole + 1.0) * p).min(whole), ratio)
            }
            false => (whole as usize, vec![1.0]),
        };
        // One more is sent in so many runs.
        let more = (self.sent - whole) * p;
        masses.push(0.0);
        for k in (0..masses.len()).rev() {
            let below = if k > 0 { masses[k - 1] } else { 0.0 };
            masses[k] = masses[k] * (1.0 - more) + below * more;
        }
        (first, masses)
    }
}

/// Probabilities around the likeliest number, from how the next is related to each: `ratio(k)` is that of
/// k + 1 against that of k.
fn window(mode: f64, ratio: impl Fn(f64) -> f64) -> (usize, Vec<f64>) {
    let (mut k, mut mass, mut below) = (mode, 1.0, Vec::new());
    while k > 0.0 && mass > NEGLIGIBLE {
        k -= 1.0;
        mass /= ratio(k);
        below.push(mass);
    }
    let first = k as usize;
    below.reverse();
    let mut masses = below;
    (k, mass) = (mode, 1.0);
    while mass > NEGLIGIBLE {
        masses.push(mass);
        mass *= ratio(k);
        k += 1.0;
    }
    let total: f64 = masses.iter().sum();
    masses.iter_mut().for_each(|m| *m /= total);
    (first, masses)
}

/// The count of single runs: each of some timelines is as likely as the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    /// Probability of at most 0, 1, 2 ..., of the timelines that lose few.
    at_most: Vec<f64>,
    /// Mean and variance of each timeline that loses many.
    large: Vec<(f64, f64)>,
    mean: f64,
    variance: f64,
    timelines: usize,
}

impl Counts {
    /// From the count of each timeline.
    pub fn mixture(parts: &[Count]) -> Counts {
        let weight = 1.0 / parts.len().max(1) as f64;
        let (mut mass, mut large) = (vec![0.0], Vec::new());
        for part in parts {
            if part.mean >= LARGE {
                large.push((part.mean, part.variance));
                continue;
            }
            mass[0] += weight * if part.mean > 0.0 { part.none } else { 1.0 };
            if part.mean > 0.0 {
                add(&mut mass, *part, weight);
            }
        }
        let mut sum = 0.0;
        for m in &mut mass {
            sum += *m;
            *m = sum;
        }
        let mean = parts.iter().map(|p| p.mean).sum::<f64>() * weight;
        let between = parts.iter().map(|p| (p.mean - mean) * (p.mean - mean)).sum::<f64>();
        let within = parts.iter().map(|p| p.variance).sum::<f64>();
        let variance = (between + within) * weight;
        Counts { at_most: mass, large, mean, variance, timelines: parts.len() }
    }

    /// Over all runs.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Of single runs: between timelines and within.
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// How many timelines it was made of.
    pub fn timelines(&self) -> usize {
        self.timelines
    }

    /// The share of the runs that lose at most `k`, a whole number.
    pub fn at_most(&self, k: f64) -> f64 {
        if k < 0.0 {
            return 0.0;
        }
        let few = self.at_most[(k as usize).min(self.at_most.len() - 1)];
        let below = |&(mean, variance): &(f64, f64)| match variance < 1e-6 {
            // Counted.
            true => f64::from(k + 0.5 >= mean),
            false => 0.5 * erfc((mean - k - 0.5) / sqrt(2.0 * variance)),
        };
        few + self.large.iter().map(below).sum::<f64>() / self.timelines.max(1) as f64
    }

    /// The smallest count that at least a share `p` of the runs does not exceed.
    pub fn quantile(&self, p: f64) -> f64 {
        if self.timelines == 0 {
            return 0.0;
        }
        let most = self.large.iter().map(|(mean, variance)| mean + 10.0 * sqrt(*variance) + 1.0);
        let few = (self.at_most.len() - 1) as f64;
        let (mut low, mut high) = (-1.0, most.fold(few, f64::max));
        high = libm::ceil(high);
        while high - low > 1.0 {
            let middle = floor((low + high) / 2.0);
            if self.at_most(middle) >= p - 1e-12 { high = middle } else { low = middle }
        }
        high
    }

    /// The same with every count spread evenly over half a unit to both sides: so that a range between two
    /// quantiles holds neither more nor less than its share although counts come in lumps.
    pub fn smooth_quantile(&self, p: f64) -> f64 {
        let count = self.quantile(p);
        let below = self.at_most(count - 1.0);
        let mass = self.at_most(count) - below;
        let part = if mass > 0.0 { (p - below) / mass } else { 0.5 };
        (count - 0.5 + part).max(0.0)
    }
}

/// Adds the probabilities of 1, 2, 3 ... of a count, times `weight`.
fn add(mass: &mut Vec<f64>, count: Count, weight: f64) {
    let (first, masses) = count.masses();
    if mass.len() < first + masses.len() {
        mass.resize(first + masses.len(), 0.0);
    }
    for (cell, m) in mass[first..].iter_mut().zip(&masses) {
        *cell += weight * m;
    }
}

#[cfg(test)]
mod tests;
