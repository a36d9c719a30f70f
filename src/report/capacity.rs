//! How much load a rollout bears, for people and programs.

use super::answer::SCHEMA;
use super::words::{count, percent, seconds};
use crate::sweep::capacity::{Borne, Breaks, Capacity as Found, Terms};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `rollsim capacity`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Capacity {
    /// Version of this schema: 1 or more.
    pub schema: u32,
    /// Of the scenario, or of what was read.
    pub name: String,
    /// What counts as well: the largest share of requests that may fail.
    pub lost_at_most: f64,
    /// And the largest 99th percentile of answers; none: any.
    pub p99_s_at_most: Option<f64>,
    /// The highest rate of the load as it is given.
    pub given_per_s: f64,
    /// Without the action.
    pub steady: BorneRow,
    /// With it.
    pub rollout: BorneRow,
    /// Losses and answer times over the rate.
    pub curve: Vec<CurveRow>,
    /// For one rate, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default)]
    pub fewest: Option<FewestRow>,
    /// Version, seed and replications: enough to get the same answer again.
    pub signature: String,
}

/// The highest rate that is borne.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BorneRow {
    /// The median over replications, requests a second; none: no load was found that is too much.
    pub rate_per_s: Option<f64>,
    /// What 95 % of rollouts bear, and what 5 % do; none: no bound was found.
    pub range_per_s: [Option<f64>; 2],
    /// What gives way just above, most frequent first.
    pub breaks: Vec<BreaksRow>,
    /// Share of replications in which all is well again at the end of the load.
    pub recovers: f64,
}

/// What gives way, and how often.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BreaksRow {
    /// For programs, such as `queue`.
    pub key: String,
    /// The same for people.
    pub label: String,
    /// Of the replications that break.
    pub share: f64,
}

/// A point of the curve: means over replications.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CurveRow {
    /// Requests a second.
    pub rate_per_s: f64,
    /// Share of requests that fail without the action.
    pub steady_lost: f64,
    /// The 99th percentile of answers without it.
    pub steady_p99_s: f64,
    /// Share of requests that fail with the action.
    pub rollout_lost: f64,
    /// The 99th percentile of answers with it.
    pub rollout_p99_s: f64,
}

/// The fewest replicas for a rate.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FewestRow {
    /// Requests a second.
    pub rate_per_s: f64,
    /// With these 95 % of rollouts end well; none: not with the most that were tried.
    pub replicas: Option<i32>,
    /// The most that were tried.
    pub tried: i32,
}

impl Capacity {
    /// Of what was found.
    pub fn new(
        name: &str,
        terms: Terms,
        found: &Found,
        fewest: Option<FewestRow>,
        signature: String,
    ) -> Capacity {
        let point = |p: &crate::sweep::capacity::Point| CurveRow {
            rate_per_s: p.rate,
            steady_lost: p.steady[0],
            steady_p99_s: p.steady[1],
            rollout_lost: p.rollout[0],
            rollout_p99_s: p.rollout[1],
        };
        Capacity {
            schema: SCHEMA,
            name: super::words::printable(name),
            lost_at_most: terms.lost,
            p99_s_at_most: terms.p99_s,
            given_per_s: found.given,
            steady: borne(&found.steady),
            rollout: borne(&found.rollout),
            curve: found.curve.iter().map(point).collect(),
            fewest,
            signature,
        }
    }

    /// How much it bears, what gives way, and whether all is well again, in sentences.
    pub fn verdict(&self) -> String {
        let mut sentences = vec![self.bears()];
        if let Some(first) = self.rollout.breaks.first() {
            let again = match self.rollout.recovers {
                share if share >= 0.95 => "all is well again by the end of the load".to_owned(),
                share if share <= 0.05 => "it does not recover while the load lasts".to_owned(),
                share => format!("{} of rollouts have recovered by the end", percent(share)),
            };
            sentences.push(format!("What gives way first: {}; {again}.", first.label));
        }
        if let Some(fewest) = &self.fewest {
            let rate = count(fewest.rate_per_s);
            sentences.push(match fewest.replicas {
                Some(n) => format!("For {rate} requests/s it takes {n} replicas."),
                None => format!("For {rate} requests/s not even {} replicas do.", fewest.tried),
            });
        }
        sentences.join(" ")
    }

    fn bears(&self) -> String {
        let given = count(self.given_per_s);
        match (self.rollout.rate_per_s, self.steady.rate_per_s) {
            (None, _) => {
                format!("No load was found that is too much for the rollout (given: {given}/s).")
            }
            (Some(rate), _) if rate <= 0.0 => {
                "The rollout does not end well at any load: what fails is no matter of capacity."
                    .to_owned()
            }
            (Some(rate), steady) => {
                let [low, high] = self.rollout.range_per_s.map(|r| r.map_or("∞".to_owned(), count));
                let calm = match steady {
                    Some(steady) => format!("without it {}", count(steady)),
                    None => "without it any".to_owned(),
                };
                format!(
                    "The rollout ends well up to {} requests/s ({low} – {high} in 90 % of rollouts); {calm}. \
                     Given: {given}.",
                    count(rate)
                )
            }
        }
    }

    /// What counts as well, in a clause.
    pub fn terms(&self) -> String {
        let lost = percent(self.lost_at_most);
        let fast = self.p99_s_at_most.map(|s| format!(", 99 % of answers within {}", seconds(s)));
        format!(
            "well: every action ends, at most {lost} of requests fail{}",
            fast.unwrap_or_default()
        )
    }
}

fn borne(found: &Borne) -> BorneRow {
    let broken: u32 = found.breaks.iter().map(|(_, n)| n).sum();
    let share = |n: u32| f64::from(n) / f64::from(broken.max(1));
    let row = |&(what, n): &(Breaks, u32)| {
        let (key, label) = words(what);
        BreaksRow { key: key.to_owned(), label: label.to_owned(), share: share(n) }
    };
    BorneRow {
        rate_per_s: found.middle(),
        range_per_s: found.range().map(|rate| rate.is_finite().then_some(rate)),
        breaks: found.breaks.iter().map(row).collect(),
        recovers: share(found.recovers),
    }
}

fn words(what: Breaks) -> (&'static str, &'static str) {
    match what {
        Breaks::Nothing => ("nothing", "nothing fails, answers are too slow"),
        Breaks::Autoscaler => ("autoscaler", "the autoscaler adds pods too late"),
        Breaks::Liveness => ("liveness", "liveness probes kill what is only slow"),
        Breaks::Crash => ("crash", "processes crash, or run out of memory"),
        Breaks::Fault => ("fault", "probes kill what the scenario breaks"),
        Breaks::Readiness => ("readiness", "probes take every pod out, and nobody is left to ask"),
        Breaks::Queue => ("queue", "requests wait in queues for too long"),
        Breaks::Rollout => ("rollout", "the action does not reach its end"),
        Breaks::Handover => ("handover", "pods that come and go, at any load"),
    }
}
