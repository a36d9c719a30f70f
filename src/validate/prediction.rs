//! What the simulation says about a single run of a case.

use super::distribution::{Spread, spread_of, spread_of_counts};
use crate::run::Replication;
use crate::stats::{Count, Counts};
use crate::traffic::Failure;
use serde::Serialize;
use std::collections::BTreeMap;

/// The distribution of single runs of one case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// How many rollouts were simulated.
    pub replications: usize,
    /// How requests were evaluated.
    pub evaluator: &'static str,
    /// Failed requests of one run.
    pub failed: Spread,
    /// Rollout time of one run in seconds; null when most runs do not complete.
    pub rollout_s: Option<Spread>,
    /// Share of runs whose rollout completes.
    pub completes: f64,
    /// Mean number of failed requests by kind.
    pub by_kind: BTreeMap<String, f64>,
    /// Mean number of failed requests by second of the send time.
    pub by_second: BTreeMap<i32, f64>,
}

impl Prediction {
    /// Not empty.
    pub fn of(replications: &[Replication]) -> Prediction {
        let n = replications.len() as f64;
        let parts: Vec<Count> = replications.iter().map(|r| (&r.traffic).into()).collect();
        let times: Vec<f64> = replications
            .iter()
            .filter_map(|r| r.rollout.complete.map(|d| d.as_secs_f64()))
            .collect();
        let completes = times.len() as f64 / n;
        let mut by_kind = BTreeMap::new();
        let mut by_second = BTreeMap::new();
        for traffic in replications.iter().map(|r| &r.traffic) {
            for (failure, count) in traffic.by_failure() {
                *by_kind.entry(kind_name(failure)).or_insert(0.0) += count / n;
            }
            for (second, counts) in &traffic.by_second {
                *by_second.entry(*second).or_insert(0.0) += counts.failed.values().sum::<f64>() / n;
            }
        }
        Prediction {
            replications: replications.len(),
            evaluator: replications[0].traffic.evaluator.name(),
            failed: spread_of_counts(&Counts::mixture(&parts)),
            rollout_s: if completes > 0.5 { spread_of(&times) } else { None },
            completes,
            by_kind,
            by_second,
        }
    }
}

/// The name of a kind of failure in `measured.json`.
pub fn kind_name(failure: Failure) -> String {
    match failure {
        Failure::Refused => "refused".to_owned(),
        Failure::Reset => "reset".to_owned(),
        Failure::Eof => "eof".to_owned(),
        Failure::Timeout => "timeout".to_owned(),
        Failure::NoRoute => "no-route".to_owned(),
        Failure::Status(code) => code.to_string(),
    }
}
