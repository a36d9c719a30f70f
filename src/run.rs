//! One answer: a scenario simulated over many replications.

use crate::engine::Seed;
use crate::model::platform::Latencies;
use crate::scenario::Scenario;
use crate::timeline::Timeline;
pub use crate::traffic::EvaluatorChoice;
use crate::traffic::{self, TrafficOutcome};
use crate::world::{self, RolloutOutcome};
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
