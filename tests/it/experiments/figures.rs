//! The figures of a run that expectations speak of: all of its answer, and what no answer holds, of single
//! rollouts and their pods.

use rollsim::engine::Time;
use rollsim::policy::Figures;
use rollsim::policy::figures::Found;
use rollsim::report::Answer;
use rollsim::run::{Replication, RunOptions};
use rollsim::scenario::Scenario;
use rollsim::stats::quantile;
use rollsim::sweep::Value;
use rollsim::timeline::{LifeEnd, PodTruth, Timeline};
use rollsim::traffic::TrafficOutcome;
use rollsim::validate::prediction::kind_name;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A scenario and what its replications left behind, with their timelines.
pub struct Run {
    pub scenario: Scenario,
    pub replications: Vec<Replication>,
    pub figures: Figures,
}

impl Run {
    pub fn new(scenario: Scenario, options: &RunOptions, replications: Vec<Replication>) -> Run {
        let answer = Answer::new(&scenario, options, &replications, Vec::new());
        let mut document = serde_json::to_value(&answer).expect("plain data");
        let nodes = scenario.nodes.len();
        let timelines = || replications.iter().map(|r| r.timeline.as_ref().expect("kept"));
        let pods = PODS.map(|(name, of)| (name, mean(timelines().filter_map(|t| of(t, nodes)))));
        document["pods"] = json!(BTreeMap::from(pods));
        let runs = || replications.iter().map(|r| &r.traffic);
        let last = runs().filter_map(|t| Some(t.last_failure?.as_secs_f64()));
        let mut answered = BTreeMap::new();
        for (i, version) in timelines().next().expect("one").versions.iter().enumerate() {
            let mut counts: Vec<f64> = runs().map(|t| t.answered_by_version[i]).collect();
            counts.sort_by(f64::total_cmp);
            let ends = [0.025, 0.975].map(|p| quantile(&counts, p));
            answered.insert(&version.name, json!({ "low": ends[0], "high": ends[1] }));
        }
        document["single"] = json!({
            "last_failure_s": mean(last),
            "outage_s": mean(runs().map(outage)),
            "answered": answered,
        });
        let figures = Figures::of(&document);
        Run { scenario, replications, figures }
    }

    /// A figure by its name; None when it has no value.
    ///
    /// # Panics
    /// If there is no figure of this name.
    pub fn figure(&self, name: &str) -> Option<f64> {
        match self.figures.find(name) {
            Found::Value(value) => Value::number(&value),
            Found::Nothing => None,
            Found::Unknown => panic!("there is no figure {name:?}"),
        }
    }

    /// Those kinds of failure, in the order of their median send time (to the second).
    pub fn order_of(&self, kinds: &[String]) -> Vec<String> {
        let mut times: Vec<(i32, String)> = Vec::new();
        for kind in kinds {
            let mut counts: BTreeMap<i32, f64> = BTreeMap::new();
            for (second, counted) in self.replications.iter().flat_map(|r| &r.traffic.by_second) {
                let of_kind = counted.failed.iter().filter(|(f, _)| kind_name(**f) == *kind);
                *counts.entry(*second).or_default() += of_kind.map(|(_, n)| n).sum::<f64>();
            }
            let half = counts.values().sum::<f64>() / 2.0;
            let mut sum = 0.0;
            let median = counts.iter().find(|(_, n)| {
                sum += **n;
                sum >= half && half > 0.0
            });
            times.extend(median.map(|(second, _)| (*second, kind.clone())));
        }
        times.sort_by_key(|(second, _)| *second);
        times.into_iter().map(|(_, kind)| kind).collect()
    }

    /// Of everything counted and every event.
    pub fn digest(&self) -> u64 {
        self.replications.iter().fold(0, |sum, r| {
            let counts = [r.traffic.sent, r.traffic.failed(), r.traffic.open, r.traffic.stalled];
            let all = counts.iter().chain(&r.traffic.answered_by_version);
            all.fold(mix(sum ^ r.digest), |sum, n| mix(sum ^ (n + 0.0).to_bits()))
        })
    }

    /// What is pinned of a step.
    pub fn golden(&self, step: &str) -> String {
        let mut text = format!("{step}\n  digest {:016x}\n", self.digest());
        let mut kinds: BTreeMap<String, f64> = BTreeMap::new();
        for (failure, n) in self.replications.iter().flat_map(|r| r.traffic.by_failure()) {
            *kinds.entry(kind_name(failure)).or_default() += n / self.replications.len() as f64;
        }
        kinds.retain(|_, n| *n > 0.0);
        let parts: Vec<String> = kinds.iter().map(|(k, n)| format!("{k} {n:.2}")).collect();
        let lost = self.figure("lost").unwrap_or(0.0);
        let _ = writeln!(text, "  lost {lost:.2} ({})", parts.join(", "));
        for (name, figure) in [
            ("sent", "sent"),
            ("no_loss", "probability_none"),
            ("rollout_s", "rollout.duration_s"),
            ("completes", "rollout.completed"),
            ("peak_pods", "peak_pods"),
            ("lowest_available", "lowest_available"),
        ] {
            let figure = self.figure(figure).map_or("none".to_owned(), |x| format!("{x:.2}"));
            let _ = writeln!(text, "  {name} {figure}");
        }
        text
    }
}

/// Scrambles the bits of a sum (the finisher of splitmix64).
fn mix(sum: u64) -> u64 {
    let sum = (sum ^ (sum >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let sum = (sum ^ (sum >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    sum ^ (sum >> 31)
}

/// Seconds in which more requests failed than were answered.
fn outage(traffic: &TrafficOutcome) -> f64 {
    let down = traffic.by_second.values().filter(|s| {
        let (failed, answered): (f64, f64) = (s.failed.values().sum(), s.answered.iter().sum());
        failed > answered
    });
    down.count() as f64
}

type OfPods = fn(&Timeline, usize) -> Option<f64>;

/// Figures of the pods of one rollout; `nodes`: how many there are.
const PODS: [(&str, OfPods); 9] = [
    ("new", |t, _| Some(new(t).count() as f64)),
    ("created_within_s", |t, _| span(new(t).map(|p| p.created))),
    ("deleted_within_s", |t, _| span(old(t).map(|p| p.deleted).filter(|at| *at < Time::NEVER))),
    ("start_s", |t, _| {
        average(new(t).filter(|p| p.ready < Time::NEVER), |p| {
            Some((p.ready - p.created).as_secs_f64())
        })
    }),
    ("stop_s", |t, _| average(deleted(t), |p| Some((ended(p)? - p.deleted).as_secs_f64()))),
    ("killed", |t, _| Some(deleted(t).filter(|p| is_killed(p)).count() as f64)),
    ("restarts", |t, _| Some(t.pods.iter().map(|p| f64::from(p.restarts)).sum())),
    ("node_most", |t, nodes| per_node(t, nodes).into_iter().max().map(f64::from)),
    ("node_least", |t, nodes| per_node(t, nodes).into_iter().min().map(f64::from)),
];

fn old(timeline: &Timeline) -> impl Iterator<Item = &PodTruth> {
    timeline.pods.iter().filter(|p| p.created < Time::ZERO)
}

fn new(timeline: &Timeline) -> impl Iterator<Item = &PodTruth> {
    timeline.pods.iter().filter(|p| p.created >= Time::ZERO)
}

fn deleted(timeline: &Timeline) -> impl Iterator<Item = &PodTruth> {
    timeline.pods.iter().filter(|p| p.deleted < Time::NEVER)
}

fn ended(pod: &PodTruth) -> Option<Time> {
    pod.lives.last().map(|l| l.exit).filter(|t| *t < Time::NEVER)
}

fn is_killed(pod: &PodTruth) -> bool {
    pod.lives.iter().any(|l| l.ended_by == LifeEnd::Sigkill)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn average<'a>(
    pods: impl Iterator<Item = &'a PodTruth>,
    of: impl Fn(&PodTruth) -> Option<f64>,
) -> Option<f64> {
    mean(pods.filter_map(of))
}

/// From the first to the last.
fn span(times: impl Iterator<Item = Time>) -> Option<f64> {
    let times: Vec<Time> = times.collect();
    Some((*times.iter().max()? - *times.iter().min()?).as_secs_f64())
}

/// Pods on each node at the end.
fn per_node(timeline: &Timeline, nodes: usize) -> Vec<u32> {
    let mut counts = vec![0; nodes];
    let stay = |p: &&PodTruth| p.deleted == Time::NEVER && p.scheduled < Time::NEVER;
    timeline.pods.iter().filter(stay).for_each(|p| counts[p.node.index()] += 1);
    counts
}
