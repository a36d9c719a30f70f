//! The luck of a run: scenarios are tried in the very rollouts that it saw, one by one.

use super::outcome::Outcome;
use crate::blame::{Facts, Tally};
use crate::input::bounds;
use crate::model::platform::Ready;
use crate::run::{RunOptions, run_part, run_part_seeing};
use crate::scenario::Scenario;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// The rollouts of a run, for other scenarios.
pub struct Luck {
    options: RunOptions,
    /// Of the run's own platform: that of another scenario hardly differs.
    ready: Ready,
    rollouts: AtomicU64,
}

impl Luck {
    /// As `scenario` was run.
    pub fn new(scenario: &Scenario, options: &RunOptions) -> Luck {
        let options = RunOptions { keep_timelines: 0, ..options.clone() };
        Luck { options, ready: Ready::of(&scenario.platform), rollouts: AtomicU64::new(0) }
    }

    /// Rollouts of the run.
    pub fn replications(&self) -> u32 {
        self.options.replications
    }

    /// Rollouts that were simulated so far.
    pub fn rollouts(&self) -> u64 {
        self.rollouts.load(Ordering::Relaxed)
    }

    /// Some of the rollouts, whatever is to blame; None: the scenario asks for more than is allowed.
    pub fn unblamed(&self, scenario: &Scenario, part: Range<u32>) -> Option<Outcome> {
        self.begin(scenario, &part)?;
        let ready = self.ready.like(&scenario.platform);
        let replications = run_part(scenario, ready.latencies(), &self.options, part);
        Some(Outcome::unblamed(&replications))
    }

    /// The same with what is to blame.
    pub fn outcome(&self, scenario: &Scenario, part: Range<u32>) -> Option<Outcome> {
        self.begin(scenario, &part)?;
        let ready = self.ready.like(&scenario.platform);
        let facts = Facts::of(scenario);
        let tally = |timeline: &_, outcome: &_| Tally::of(timeline, outcome, &facts);
        let (replications, tallies) =
            run_part_seeing(scenario, ready.latencies(), &self.options, part, tally);
        Some(Outcome::of(&replications, tallies))
    }

    fn begin(&self, scenario: &Scenario, part: &Range<u32>) -> Option<()> {
        let replications = part.end - part.start;
        let options = RunOptions { replications, ..self.options.clone() };
        bounds::run(scenario, &options).ok()?;
        self.rollouts.fetch_add(u64::from(replications), Ordering::Relaxed);
        Some(())
    }
}
