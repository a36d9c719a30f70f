//! The figures of a run that expectations speak of.

use rollsim::engine::Time;
use rollsim::run::Replication;
use rollsim::scenario::Scenario;
use rollsim::timeline::{LifeEnd, PodTruth, Timeline};
use rollsim::traffic::TrafficOutcome;
use rollsim::validate::prediction::kind_name;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A scenario and what its replications left behind, with their timelines.
pub struct Run {
    pub scenario: Scenario,
    pub replications: Vec<Replication>,
}

impl Run {
    /// The mean over the replications of a figure; None when it has none. See `experiments/README.md`.
    ///
    /// # Panics
    /// If there is no figure of this name.
    pub fn figure(&self, name: &str) -> Option<f64> {
        if let Some(kind) = name.strip_prefix("share.") {
            let all = self.figure("lost").filter(|lost| *lost > 0.0)?;
            return Some(self.figure(&format!("lost.{kind}"))? / all);
        }
        let values = self.values(name);
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// A figure of each replication that has it.
    pub fn values(&self, name: &str) -> Vec<f64> {
        self.replications.iter().filter_map(|r| self.of(r, name)).collect()
    }

    fn of(&self, run: &Replication, name: &str) -> Option<f64> {
        match name.split_once('.') {
            Some(("lost", kind)) => Some(by_kind(&run.traffic, kind)),
            Some(("cause", cause)) => Some(by_cause(&run.traffic, cause)),
            Some(("answered", version)) => Some(by_version(run, version)),
            Some(_) => panic!("there is no figure {name:?}"),
            None => self.of_traffic(run, name),
        }
    }

    fn of_traffic(&self, run: &Replication, name: &str) -> Option<f64> {
        let traffic = &run.traffic;
        let seconds = |t: Option<Time>| t.map(Time::as_secs_f64);
        match name {
            "sent" => Some(traffic.sent),
            "lost" => Some(traffic.failed() + 0.0),
            "no_loss" => Some(traffic.probability_none),
            "open" => Some(traffic.open),
            "stalled" => Some(traffic.stalled),
            "first_failure_s" => seconds(traffic.first_failure),
            "last_failure_s" => seconds(traffic.last_failure),
            "failing_s" => Some((traffic.last_failure? - traffic.first_failure?).as_secs_f64()),
            "outage_s" => Some(outage(traffic)),
            "latency_mean_s" => traffic.latency.map(|l| l.mean_s),
            "latency_max_s" => traffic.latency.map(|l| l.max_s),
            _ => self.of_rollout(run, name),
        }
    }

    fn of_rollout(&self, run: &Replication, name: &str) -> Option<f64> {
        let rollout = &run.rollout;
        let deadline = rollout.progress_deadline_exceeded;
        match name {
            "rollout_s" => rollout.complete.map(|d| d.as_secs_f64()),
            "completes" => Some(f64::from(rollout.complete.is_some())),
            "last_pod_gone_s" => rollout.last_pod_gone.map(|d| d.as_secs_f64()),
            "peak_pods" => Some(f64::from(rollout.peak_pods)),
            "lowest_available" => Some(f64::from(rollout.lowest_available)),
            "deadline_exceeded" => Some(f64::from(deadline.is_some())),
            "deadline_s" => deadline.map(Time::as_secs_f64),
            _ => of_pods(run.timeline.as_ref().expect("kept"), self.scenario.nodes.len(), name),
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
        for name in ["sent", "no_loss", "rollout_s", "completes", "peak_pods", "lowest_available"] {
            let figure = self.figure(name).map_or("none".to_owned(), |x| format!("{x:.2}"));
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

fn by_kind(traffic: &TrafficOutcome, kind: &str) -> f64 {
    traffic.by_failure().into_iter().filter(|(f, _)| kind_name(*f) == kind).map(|(_, n)| n).sum()
}

/// `NotListeningYet` is called not-listening-yet.
fn by_cause(traffic: &TrafficOutcome, cause: &str) -> f64 {
    let name = |c: String| {
        let upper = c.char_indices();
        let parts = upper.map(|(i, c)| match c.is_ascii_uppercase() && i > 0 {
            true => format!("-{}", c.to_ascii_lowercase()),
            false => c.to_ascii_lowercase().to_string(),
        });
        parts.collect::<String>()
    };
    let causes = traffic.by_cause().into_iter();
    causes.filter(|(c, _)| name(format!("{c:?}")) == cause).map(|(_, n)| n).sum()
}

fn by_version(replication: &Replication, version: &str) -> f64 {
    let versions = &replication.timeline.as_ref().expect("kept").versions;
    let answered = versions.iter().zip(&replication.traffic.answered_by_version);
    answered.filter(|(v, _)| v.name == version).map(|(_, n)| n).sum()
}

/// Seconds in which more requests failed than were answered.
fn outage(traffic: &TrafficOutcome) -> f64 {
    let down = traffic.by_second.values().filter(|s| {
        let (failed, answered): (f64, f64) = (s.failed.values().sum(), s.answered.iter().sum());
        failed > answered
    });
    down.count() as f64
}

/// Figures of the pods' times.
fn of_pods(timeline: &Timeline, nodes: usize, name: &str) -> Option<f64> {
    let old = || timeline.pods.iter().filter(|p| p.created < Time::ZERO);
    let new = || timeline.pods.iter().filter(|p| p.created >= Time::ZERO);
    let deleted = || timeline.pods.iter().filter(|p| p.deleted < Time::NEVER);
    let ended = |p: &PodTruth| p.lives.last().map(|l| l.exit).filter(|t| *t < Time::NEVER);
    let killed = |p: &&PodTruth| p.lives.iter().any(|l| l.ended_by == LifeEnd::Sigkill);
    match name {
        "new_pods" => Some(new().count() as f64),
        "created_within_s" => span(new().map(|p| p.created)),
        "deleted_within_s" => span(old().map(|p| p.deleted).filter(|t| *t < Time::NEVER)),
        "start_s" => average(new().filter(|p| p.ready < Time::NEVER), |p| {
            Some((p.ready - p.created).as_secs_f64())
        }),
        "stop_s" => average(deleted(), |p| Some((ended(p)? - p.deleted).as_secs_f64())),
        "killed" => Some(deleted().filter(killed).count() as f64),
        "restarts" => Some(timeline.pods.iter().map(|p| f64::from(p.restarts)).sum()),
        "node_most" => per_node(timeline, nodes).into_iter().max().map(f64::from),
        "node_least" => per_node(timeline, nodes).into_iter().min().map(f64::from),
        _ => panic!("there is no figure {name:?}"),
    }
}

fn average<'a>(
    pods: impl Iterator<Item = &'a PodTruth>,
    of: impl Fn(&PodTruth) -> Option<f64>,
) -> Option<f64> {
    let values: Vec<f64> = pods.filter_map(of).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
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
