//! Trials: what a change comes to, on the same luck as the run.

use super::change::Change;
use super::luck::Luck;
use super::outcome::Outcome;
use crate::input::Input;
use crate::run::{Replication, RunOptions};
use crate::scenario::Scenario;
use crate::traffic::Evaluator;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A change that could be run.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The change itself.
    pub change: Change,
    /// The input with it.
    pub input: Input,
    /// What that says.
    pub scenario: Scenario,
    /// What it came to.
    pub outcome: Outcome,
}

/// Runs changes of one input, each once.
pub struct Trials<'a> {
    input: &'a Input,
    luck: &'a Luck,
    /// Rollouts of a look.
    look: u32,
    known: BTreeMap<Change, Option<Rc<Tried>>>,
    /// Rollouts that may still be run.
    pub left: i64,
}

impl<'a> Trials<'a> {
    /// Of `input`, which says `scenario` and came to `today`: `look` rollouts are run for each change that is
    /// looked at, and `left` in all.
    pub fn new(
        (input, scenario): (&'a Input, &Scenario),
        luck: &'a Luck,
        today: &Outcome,
        (look, left): (u32, i64),
    ) -> Self {
        let change = Change::default();
        let (input_now, scenario) = (input.clone(), scenario.clone());
        let outcome = today.first(look);
        let now = Tried { change: change.clone(), input: input_now, scenario, outcome };
        let known = BTreeMap::from([(change, Some(Rc::new(now)))]);
        Trials { input, luck, look, known, left }
    }

    /// What a change comes to in the first rollouts; None: it is refused, or no rollouts are left.
    pub fn look(&mut self, change: &Change) -> Option<Rc<Tried>> {
        if self.left <= 0 && !self.known.contains_key(change) {
            return None;
        }
        self.looked(change)
    }

    /// Changes that could be run so far.
    pub fn tried(&self) -> usize {
        self.known.iter().filter(|(change, tried)| !change.0.is_empty() && tried.is_some()).count()
    }

    /// What a change comes to in as many rollouts as the run has, whatever is left.
    pub fn confirm(&mut self, change: &Change) -> Option<Outcome> {
        let looked = self.looked(change)?;
        let rest = looked.outcome.samples.len() as u32..self.luck.replications();
        if rest.is_empty() {
            return Some(looked.outcome.clone());
        }
        Some(looked.outcome.and(self.luck.outcome(&looked.scenario, rest)?))
    }

    fn looked(&mut self, change: &Change) -> Option<Rc<Tried>> {
        if let Some(known) = self.known.get(change) {
            return known.clone();
        }
        let tried = self.run(change).map(Rc::new);
        self.known.insert(change.clone(), tried.clone());
        tried
    }

    fn run(&mut self, change: &Change) -> Option<Tried> {
        let (input, scenario) = change.lower(self.input)?;
        let outcome = self.luck.outcome(&scenario, 0..self.look)?;
        self.left -= i64::from(self.look);
        Some(Tried { change: change.clone(), input, scenario, outcome })
    }
}

/// Runs a scenario with blame; None: it asks for more than is allowed.
pub fn outcome(scenario: &Scenario, options: &RunOptions) -> Option<Outcome> {
    Luck::new(scenario, options).outcome(scenario, 0..options.replications)
}

/// What one rollout costs, in those of a pod: rollouts of many pods, or with requests one by one, are dear.
pub fn work(scenario: &Scenario, replications: &[Replication]) -> f64 {
    let pods: i32 = scenario.workloads.iter().map(|w| w.replicas.max(1)).sum();
    let single = replications.first().filter(|r| r.traffic.evaluator == Evaluator::Requests);
    let requests = single.map_or(0.0, |r| r.traffic.sent / 40.0);
    f64::from(pods) + 2.0 + requests
}
