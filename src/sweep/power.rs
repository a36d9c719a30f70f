//! How well a release that decides finds out a bad version: how often it is promoted all the same, and what
//! that costs, over how bad it is.

mod search;
mod theory;

use crate::cluster::fault::{Fault, Trouble, Whom};
use crate::cluster::release::Release;
use crate::engine::{Dur, Time};
use crate::model::rollout::analysis::Found;
use crate::model::rollout::controller::Measured;
use crate::run::{Replication, RunOptions, run};
use crate::scenario::Scenario;
use crate::traffic::Cause;
pub use search::{Enough, Steps, enough, pauses};
pub use theory::promoted;

/// How bad the new version is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Badness {
    /// This share of its answers are errors.
    Errors(f64),
    /// Its answers take so much longer.
    Slower(Dur),
}

/// What came of one badness, over replications.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// How bad it was.
    pub badness: Badness,
    /// How many rollouts there were.
    pub rollouts: u32,
    /// How many of them promoted it.
    pub promoted: u32,
    /// How many aborted it.
    pub aborted: u32,
    /// Requests that met what is wrong, in the mean.
    pub harmed: f64,
    /// Measurements that found something, in the mean.
    pub measurements: f64,
    /// Until it was promoted or aborted, in seconds, in the mean of those that were.
    pub decided_s: Option<f64>,
    /// The probability that it is promoted, in closed form; None: there is none for these metrics.
    pub promoted_by_theory: Option<f64>,
}

/// The release under test: that of the last action that brings one.
pub fn release(scenario: &Scenario) -> Option<&Release> {
    scenario.after().release.as_deref()
}

/// The same with a new version that is so bad.
fn bad(scenario: &Scenario, badness: Badness) -> Scenario {
    let mut bad = scenario.clone();
    let version = scenario.after().template.version.clone();
    let what = match badness {
        Badness::Errors(share) => Trouble::Errors { share },
        Badness::Slower(by) => {
            let app = &scenario.after().template.serving_container().app;
            let mean = crate::engine::law::limited_mean(&app.service, 1e9).max(1e-6);
            Trouble::Busy { factor: (mean + by.as_secs_f64()) / mean }
        }
    };
    // It is as bad as is asked for, whatever the scenario says of it.
    let of = Whom::Version(version);
    bad.faults
        .retain(|f| f.of != of || !matches!(f.what, Trouble::Errors { .. } | Trouble::Busy { .. }));
    if badness != Badness::Errors(0.0) && badness != Badness::Slower(Dur::ZERO) {
        let (from, until) = (bad.traffic.start, Time::NEVER);
        bad.faults.push(Fault { from, until, of, what });
    }
    bad
}

/// What becomes of the release with a version that is so bad; `well`: measurements where nothing is wrong.
pub fn point(
    scenario: &Scenario,
    options: &RunOptions,
    badness: Badness,
    well: &[Vec<Measured>],
) -> Point {
    let replications = run(&bad(scenario, badness), options);
    let released = || replications.iter().filter_map(|r| r.rollout.released.as_deref());
    let n = replications.len() as f64;
    let decided = released().filter_map(|r| {
        let aborted = r.aborted.as_ref().map(|(at, _)| *at);
        Some(aborted.or(r.promoted)?.as_secs_f64())
    });
    let decided: Vec<f64> = decided.collect();
    let found = |m: &&Measured| m.found != Found::Error;
    let count = |r: &crate::model::rollout::controller::Released| {
        r.measured.iter().filter(found).count() as f64
    };
    Point {
        badness,
        rollouts: replications.len() as u32,
        promoted: released().filter(|r| r.promoted.is_some() && r.aborted.is_none()).count() as u32,
        aborted: released().filter(|r| r.aborted.is_some()).count() as u32,
        harmed: replications.iter().map(|r| harmed(r, badness)).sum::<f64>() / n,
        measurements: released().map(count).sum::<f64>() / n,
        decided_s: (!decided.is_empty())
            .then(|| decided.iter().sum::<f64>() / decided.len() as f64),
        promoted_by_theory: theory::promoted(scenario, badness, well),
    }
}

/// Requests that met what is wrong: errors, or answers of the new version.
fn harmed(replication: &Replication, badness: Badness) -> f64 {
    match badness {
        Badness::Errors(_) => {
            replication.traffic.by_cause().get(&Cause::Fault).copied().unwrap_or(0.0)
        }
        Badness::Slower(_) => replication.traffic.answered_by_version.iter().skip(1).sum(),
    }
}

/// The measurements of each replication where nothing is wrong.
pub fn where_all_is_well(scenario: &Scenario, options: &RunOptions) -> Vec<Vec<Measured>> {
    let replications = run(&bad(scenario, Badness::Errors(0.0)), options);
    let released = replications.into_iter().filter_map(|r| r.rollout.released);
    released.map(|r| r.measured).collect()
}
