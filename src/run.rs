//! One answer: a scenario simulated over many replications.

use crate::engine::{Dur, Seed, Time};
use crate::scenario::Scenario;
use crate::scenario::platform::Latencies;
use crate::timeline::Timeline;
pub use crate::traffic::EvaluatorChoice;
use crate::traffic::{self, TrafficOutcome};
use crate::world;
use rayon::prelude::*;

/// What one replication left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Replication {
    pub seed: u64,
    /// Folded over every event of the control simulation.
    pub digest: u64,
    pub rollout: RolloutOutcome,
    pub traffic: TrafficOutcome,
    /// Kept only where it is asked for (reports, blame): large.
    pub timeline: Option<Timeline>,
}

/// The rollout itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RolloutOutcome {
    /// When the Deployment's status first said complete (all updated, all available, none old) and stayed
    /// so, from the action; None: not within the horizon.
    pub complete: Option<Dur>,
    /// When the last pod that was to go was gone from the API.
    pub last_pod_gone: Option<Dur>,
    /// Most pods (running or terminating) at once.
    pub peak_pods: u32,
    /// Fewest available pods at once.
    pub lowest_available: u32,
    /// When the progress deadline was exceeded, if it was.
    pub progress_deadline_exceeded: Option<Time>,
    /// Pod-seconds above the desired replicas, from the action to the last pod gone.
    pub surge_pod_seconds: f64,
    /// What it waits for, when it did not complete.
    pub waiting_for: Option<String>,
}

/// How to run a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct RunOptions {
    pub seed: u64,
    pub replications: u32,
    pub evaluator: EvaluatorChoice,
    /// Keep the timelines of this many replications (the first ones).
    pub keep_timelines: u32,
}

impl Default for RunOptions {
    fn default() -> Self {
        RunOptions {
            seed: 1,
            replications: 200,
            evaluator: EvaluatorChoice::Auto,
            keep_timelines: 1,
        }
    }
}

/// Runs `scenario`; replication `i` uses stream `i` of the seed whatever the number of threads.
pub fn run(scenario: &Scenario, options: &RunOptions) -> Vec<Replication> {
    let latencies = scenario.platform.latencies();
    (0..options.replications)
        .into_par_iter()
        .map(|i| replicate(scenario, &latencies, options, i))
        .collect()
}

/// One replication.
pub fn replicate(
    scenario: &Scenario,
    latencies: &Latencies,
    options: &RunOptions,
    index: u32,
) -> Replication {
    let seed = Seed(options.seed).replication(u64::from(index));
    let control = world::simulate(scenario, latencies, seed);
    let traffic = &scenario.traffic;
    let outcome = traffic::evaluate(&control.timeline, traffic, seed, options.evaluator);
    Replication {
        seed: seed.0,
        digest: control.digest,
        rollout: control.rollout,
        traffic: outcome,
        timeline: (index < options.keep_timelines).then_some(control.timeline),
    }
}
