//! For how long a rollout hurts: from the first failed request to the last, how long at a stretch, and which
//! share is answered meanwhile.

use crate::run::Replication;
use crate::traffic::{Evaluator, Second, TrafficOutcome};
use schemars::JsonSchema;
use serde::Serialize;

/// For how long requests fail, in rollouts that lose any.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Hurt {
    /// Share of the rollouts in which a request fails.
    pub share: f64,
    /// From the first to the last request that fails, by when they were sent; in seconds.
    pub window_s: Spread,
    /// The longest run of whole seconds in which every request fails that is sent. Seconds without a request
    /// neither end a run nor begin one.
    pub all_fail_s: Spread,
    /// The same where half of the requests fail, or more.
    pub half_fail_s: Spread,
    /// Share of the requests sent in the window's seconds that is answered.
    pub availability: Spread,
}

/// A quantity over those rollouts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Spread {
    /// In the mean.
    pub mean: f64,
    /// 95 % of single rollouts lie within.
    pub range: [f64; 2],
}

/// So much of a second's requests is all of them: what an expectation leaves is rounding.
const ALL: f64 = 1.0 - 1e-9;
const HALF: f64 = 0.5;
/// Fewer failures than this in all are none.
const NEVER: f64 = 1e-6;

/// What one replication comes to, with its weight: the probability that it loses any.
struct One {
    weight: f64,
    window_s: f64,
    all_fail_s: f64,
    half_fail_s: f64,
    availability: f64,
}

/// None: no rollout loses anything.
pub fn hurt(replications: &[Replication]) -> Option<Hurt> {
    let each: Vec<One> = replications.iter().filter_map(|r| one(&r.traffic)).collect();
    let weight = each.iter().map(|o| o.weight).sum::<f64>();
    if weight < NEVER {
        return None;
    }
    let spread = |of: fn(&One) -> f64| spread(&each, of);
    Some(Hurt {
        share: weight / replications.len() as f64,
        window_s: spread(|o| o.window_s),
        all_fail_s: spread(|o| o.all_fail_s),
        half_fail_s: spread(|o| o.half_fail_s),
        availability: spread(|o| o.availability),
    })
}

fn spread(each: &[One], of: fn(&One) -> f64) -> Spread {
    let weight = each.iter().map(|o| o.weight).sum::<f64>();
    let mean = each.iter().map(|o| of(o) * o.weight).sum::<f64>() / weight;
    let mut values: Vec<(f64, f64)> = each.iter().map(|o| (of(o), o.weight)).collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let range = [0.025, 0.975].map(|p| quantile(&values, p * weight));
    Spread { mean, range: [range[0].min(mean), range[1].max(mean)] }
}

/// The first of the values up to which there is so much weight.
fn quantile(values: &[(f64, f64)], wanted: f64) -> f64 {
    let mut so_far = 0.0;
    let reached = values.iter().find(|(_, weight)| {
        so_far += weight;
        so_far >= wanted
    });
    reached.or(values.last()).map_or(0.0, |v| v.0)
}

fn one(t: &TrafficOutcome) -> Option<One> {
    let failed = |s: &Second| s.failed.values().sum::<f64>();
    let rows: Vec<(i32, f64, f64)> = t
        .by_second
        .iter()
        .map(|(&second, s)| (second, failed(s), failed(s) + s.answered.iter().sum::<f64>()))
        .filter(|row| row.2 > 0.0)
        .collect();
    let weight = 1.0 - t.probability_none;
    let hit = |row: &&(i32, f64, f64)| row.1 > NEVER;
    let (first, last) = (rows.iter().find(hit)?.0, rows.iter().rev().find(hit)?.0);
    if weight < NEVER {
        return None;
    }
    let within = rows.iter().filter(|row| first <= row.0 && row.0 <= last);
    let (lost, sent) = within.fold((0.0, 0.0), |sum, row| (sum.0 + row.1, sum.1 + row.2));
    let window_s = match (t.evaluator, t.first_failure, t.last_failure) {
        (Evaluator::Requests, Some(first), Some(last)) => (last - first).as_secs_f64(),
        _ => expected_window(&rows),
    };
    // Of whole seconds, which may reach beyond the failures in them.
    let [all_fail_s, half_fail_s] = [ALL, HALF].map(|share| longest(&rows, share).min(window_s));
    Some(One { weight, window_s, all_fail_s, half_fail_s, availability: 1.0 - lost / sent })
}

/// From the first to the last failure, where only expectations are known: as if failures came at random
/// within each second, in rollouts that have any.
fn expected_window(rows: &[(i32, f64, f64)]) -> f64 {
    let chance = |n: f64| 1.0 - libm::exp(-n);
    let mean = |rows: &mut dyn Iterator<Item = &(i32, f64, f64)>| {
        let (mut none_so_far, mut sum) = (1.0, 0.0);
        for (second, lost, _) in rows {
            sum += none_so_far * chance(*lost) * f64::from(*second);
            none_so_far *= 1.0 - chance(*lost);
        }
        sum / (1.0 - none_so_far).max(1e-12)
    };
    (mean(&mut rows.iter().rev()) - mean(&mut rows.iter())).max(0.0)
}

/// The longest run of seconds in which at least `share` of the requests fail, in seconds.
fn longest(rows: &[(i32, f64, f64)], share: f64) -> f64 {
    let (mut since, mut most) = (None, 0);
    for (second, lost, sent) in rows {
        since = match lost >= &(share * sent) {
            true => Some(since.unwrap_or(*second)),
            false => None,
        };
        most = most.max(since.map_or(0, |since| second + 1 - since));
    }
    f64::from(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_and_windows_of_seconds() {
        // second, lost, sent: one lost, two whole seconds, a gap, another whole one, half of a second.
        let rows =
            [(0, 1.0, 10.0), (1, 10.0, 10.0), (2, 10.0, 10.0), (4, 10.0, 10.0), (5, 5.0, 10.0)];
        assert_eq!(longest(&rows, ALL), 4.0, "nobody asked in second 3");
        assert_eq!(longest(&rows, HALF), 5.0);
        assert_eq!(longest(&rows[..1], HALF), 0.0);
        // Many failures in each second: the window is from the first to the last second.
        let sure = [(2, 50.0, 100.0), (9, 50.0, 100.0)];
        assert!((expected_window(&sure) - 7.0).abs() < 1e-9);
        // Rare ones: hardly ever two in one rollout.
        let rare = [(2, 1e-3, 100.0), (9, 1e-3, 100.0)];
        assert!(expected_window(&rare) < 0.01);
    }
}
