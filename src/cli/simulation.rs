//! Arguments that say how to simulate, shared by what runs single scenarios.

use crate::run::{EvaluatorChoice, RunOptions};

/// How to simulate.
#[derive(clap::Args, Clone, Debug)]
pub struct Simulation {
    /// The same seed gives the same answer
    #[arg(long, default_value_t = 1, help_heading = "Simulation")]
    seed: u64,

    /// How many rollouts are simulated; more narrow the intervals
    #[arg(long, value_name = "N", default_value_t = RunOptions::default().replications,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Simulation")]
    replications: u32,

    /// Integrals over the timeline, single requests, or whichever is right
    #[arg(long, value_enum, default_value = "auto", help_heading = "Simulation")]
    evaluator: EvaluatorArg,
}

/// Which rollout is looked at.
#[derive(clap::Args, Clone, Debug)]
pub struct OneRollout {
    /// The same seed gives the same rollouts
    #[arg(long, default_value_t = 1, help_heading = "Simulation")]
    seed: u64,

    /// Which of them, from 1: with other luck
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Simulation")]
    rollout: u32,
}

impl OneRollout {
    /// What the rollout is one of.
    pub fn options(&self) -> RunOptions {
        RunOptions { seed: self.seed, ..RunOptions::default() }
    }

    /// Which one, from 0.
    pub fn replication(&self) -> u32 {
        self.rollout - 1
    }
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum EvaluatorArg {
    /// Integrals where they are exact, else single requests
    Auto,
    /// Refused where it is not exact
    Exact,
    /// Integrals also where they are not exact; the answer is marked
    Approximate,
    /// Single requests, after the control plane
    Requests,
    /// Single requests, in step with the control plane
    Stepped,
}

impl Simulation {
    /// What was asked for; `auto` is what `auto` stands for.
    pub fn options(&self, auto: EvaluatorChoice) -> RunOptions {
        RunOptions {
            seed: self.seed,
            replications: self.replications,
            evaluator: match self.evaluator {
                EvaluatorArg::Auto => auto,
                EvaluatorArg::Exact => EvaluatorChoice::Exact,
                EvaluatorArg::Approximate => EvaluatorChoice::Approximate,
                EvaluatorArg::Requests => EvaluatorChoice::Requests,
                EvaluatorArg::Stepped => EvaluatorChoice::Stepped,
            },
            ..RunOptions::default()
        }
    }
}
