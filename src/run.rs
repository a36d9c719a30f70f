//! One answer: a scenario simulated over many replications.

use crate::engine::Seed;
use crate::model::platform::Latencies;
use crate::scenario::Scenario;
use crate::timeline::Timeline;
pub use crate::traffic::EvaluatorChoice;
use crate::traffic::{self, Evaluator, Mode, TrafficOutcome};
use crate::world::{self, RolloutOutcome, live::Load};
use rayon::prelude::*;
use std::ops::Range;

/// What one replication left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Replication {
    /// The stream that this replication took of the seed in [`RunOptions`].
    pub seed: u64,
    /// Folded over every event of the control simulation.
    pub digest: u64,
    /// What became of the rollout: completion, peaks, what got stuck.
    pub rollout: RolloutOutcome,
    /// What became of the requests.
    pub traffic: TrafficOutcome,
    /// What became of the requests of further callers, in the order of the scenario's routes after the first.
    pub further: Vec<Served>,
    /// Kept only where it is asked for (reports, blame): large.
    pub timeline: Option<Timeline>,
}

/// What became of a caller's requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Served {
    /// All of them.
    pub sent: f64,
    /// Those that failed.
    pub lost: f64,
}

/// How to run a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct RunOptions {
    /// The same seed gives the same replications.
    pub seed: u64,
    /// How many rollouts are simulated, with different luck.
    pub replications: u32,
    /// How requests are evaluated against each timeline.
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
    run_part(scenario, &scenario.platform.latencies(), options, 0..options.replications)
}

/// As [`run`], of `part` of the replications alone, with latencies that are ready.
pub fn run_part(
    scenario: &Scenario,
    latencies: &Latencies,
    options: &RunOptions,
    part: Range<u32>,
) -> Vec<Replication> {
    part.into_par_iter().map(|i| replicate(scenario, latencies, options, i)).collect()
}

/// As [`run`]; `look` sees each replication while its timeline is there, whether it is kept or not.
pub fn run_seeing<T: Send>(
    scenario: &Scenario,
    options: &RunOptions,
    look: impl Fn(&Timeline, &TrafficOutcome) -> T + Sync,
) -> (Vec<Replication>, Vec<T>) {
    let latencies = scenario.platform.latencies();
    run_part_seeing(scenario, &latencies, options, 0..options.replications, look)
}

/// As [`run_part`] and [`run_seeing`].
pub fn run_part_seeing<T: Send>(
    scenario: &Scenario,
    latencies: &Latencies,
    options: &RunOptions,
    part: Range<u32>,
    look: impl Fn(&Timeline, &TrafficOutcome) -> T + Sync,
) -> (Vec<Replication>, Vec<T>) {
    let all = RunOptions { keep_timelines: u32::MAX, ..options.clone() };
    let one = |i: u32| {
        let mut replication = replicate(scenario, latencies, &all, i);
        let timeline = replication.timeline.take().expect("kept");
        let seen = look(&timeline, &replication.traffic);
        replication.timeline = (i < options.keep_timelines).then_some(timeline);
        (replication, seen)
    };
    part.into_par_iter().map(one).unzip()
}

/// Why an evaluator that was asked for is not the one that answered: `exact` where it is not exact, or
/// `approximate` where there is nothing to integrate.
pub fn refusal(
    scenario: &Scenario,
    options: &RunOptions,
    replications: &[Replication],
) -> Option<String> {
    let refused = |found: Evaluator| match options.evaluator {
        EvaluatorChoice::Auto | EvaluatorChoice::Requests | EvaluatorChoice::Stepped => false,
        EvaluatorChoice::Exact => found != Evaluator::Exact,
        EvaluatorChoice::Approximate => found == Evaluator::Requests,
    };
    let first = replications.iter().find(|r| refused(r.traffic.evaluator))?;
    let control = world::simulate(scenario, &scenario.platform.latencies(), Seed(first.seed));
    let choice = EvaluatorChoice::Approximate;
    let (_, why) = traffic::choose(&control.timeline, &scenario.traffic, choice);
    Some(match (options.evaluator, first.traffic.evaluator) {
        (EvaluatorChoice::Exact, Evaluator::Approximate) => format!(
            "the evaluator exact is not exact here: {why}; use auto or requests, or approximate, which marks \
             the answer"
        ),
        (choice, _) => {
            let name = if choice == EvaluatorChoice::Exact { "exact" } else { "approximate" };
            format!("the evaluator {name} cannot be used here: {why}; use auto or requests")
        }
    })
}

/// How requests keep pace with the control plane, and why.
pub fn mode(scenario: &Scenario, options: &RunOptions) -> (Mode, String) {
    traffic::mode(world::reads(scenario), &scenario.traffic, options.evaluator)
}

/// One replication.
pub fn replicate(
    scenario: &Scenario,
    latencies: &Latencies,
    options: &RunOptions,
    index: u32,
) -> Replication {
    let seed = Seed(options.seed).replication(u64::from(index));
    let traffic = &scenario.traffic;
    let (mode, _) = mode(scenario, options);
    let (mut control, load) = world::simulate_live(scenario, latencies, seed, mode);
    let outcome = match load {
        Load::Stepped(outcome) => *outcome,
        Load::Open | Load::Metered(_) => {
            traffic::evaluate(&control.timeline, traffic, seed, options.evaluator)
        }
    };
    let further = further(&mut control.timeline, scenario, seed, options);
    Replication {
        seed: seed.0,
        digest: control.digest,
        rollout: control.rollout,
        traffic: outcome,
        further,
        timeline: (index < options.keep_timelines).then_some(control.timeline),
    }
}

/// What became of the requests of further callers, who send as clients do.
fn further(
    timeline: &mut Timeline,
    scenario: &Scenario,
    seed: Seed,
    options: &RunOptions,
) -> Vec<Served> {
    let roots = timeline.further.clone();
    if roots.is_empty() {
        return Vec::new();
    }
    let (clients, traffic) = (timeline.root, &scenario.traffic);
    // The same for all: what an evaluator leaves out is a matter of the whole timeline.
    let (evaluator, _) = traffic::choose(timeline, traffic, options.evaluator);
    let served = |root| {
        timeline.root = root;
        let (sent, lost) = match evaluator {
            Evaluator::Requests => {
                let outcome = traffic::requests::evaluate(timeline, traffic, seed);
                (outcome.sent, outcome.losses.values().fold(0.0, |sum, n| sum + n))
            }
            Evaluator::Exact | Evaluator::Approximate => traffic::exact::lost(timeline, traffic),
        };
        Served { sent, lost }
    };
    let all = roots.into_iter().map(served).collect();
    timeline.root = clients;
    all
}
