//! Trials of settings: evaluated once each, compared by how far they miss the goal, then by cost.

use super::{Cost, Goal, Problem};
use crate::stats::{Estimate, LEVEL, mean, probability_mean};
use crate::sweep::{Evaluate, Figures, Value};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What settings come to, over the replications.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Lost requests of each replication.
    pub failed: Vec<f64>,
    /// Of each replication; infinite where it did not complete.
    pub durations_s: Vec<f64>,
    pub probability_none: f64,
    /// The same with its interval.
    pub none: Estimate,
    pub surge_pod_seconds: f64,
    pub peak_pods: u32,
}

impl Outcome {
    pub fn of(figures: &[Figures]) -> Outcome {
        let column = |get: fn(&Figures) -> f64| figures.iter().map(get).collect::<Vec<f64>>();
        Outcome {
            failed: column(|f| f.failed),
            durations_s: column(|f| f.duration_s.unwrap_or(f64::INFINITY)),
            probability_none: mean(&column(|f| f.probability_none)),
            none: probability_mean(&column(|f| f.probability_none), LEVEL),
            surge_pod_seconds: mean(&column(|f| f.surge_pod_seconds)),
            peak_pods: figures.iter().map(|f| f.peak_pods).max().unwrap_or(0),
        }
    }

    /// Lost requests per rollout.
    pub fn failed(&self) -> f64 {
        mean(&self.failed)
    }

    /// Seconds until complete; infinite if one replication did not complete.
    pub fn duration_s(&self) -> f64 {
        mean(&self.durations_s)
    }

    pub fn cost(&self, cost: &Cost) -> f64 {
        let weighted = |weight: f64, x: f64| if weight == 0.0 { 0.0 } else { weight * x };
        weighted(cost.duration_s, self.duration_s())
            + weighted(cost.surge_pod_seconds, self.surge_pod_seconds)
            + weighted(cost.peak_pods, f64::from(self.peak_pods))
    }

    /// How far the goal is missed; 0: it is met. An unfinished rollout misses any goal.
    pub fn violation(&self, goal: &Goal) -> f64 {
        let unfinished = self.durations_s.iter().filter(|d| d.is_infinite()).count();
        let lost = goal.failed_limit().map_or(0.0, |limit| (self.failed() - limit).max(0.0));
        let risk = goal.probability_none.map_or(0.0, |p| (p - self.probability_none).max(0.0));
        // Within a missed probability, fewer lost requests show the way.
        let hint = if risk > 0.0 && lost == 0.0 { self.failed() } else { 0.0 };
        1e9 * unfinished as f64 + lost + risk + hint
    }
}

/// Smaller is better: first the violation, then the cost, then how much is changed of today's settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    pub violation: f64,
    pub cost: f64,
    /// Number of settings that differ from today's, plus their mean distance (as a share of the range).
    pub changes: f64,
}

impl Score {
    pub fn meets(&self) -> bool {
        self.violation == 0.0
    }

    pub fn better_than(&self, other: &Score) -> bool {
        self.order(other) == Ordering::Less
    }

    pub fn order(&self, other: &Score) -> Ordering {
        self.violation
            .total_cmp(&other.violation)
            .then(self.cost.total_cmp(&other.cost))
            .then(self.changes.total_cmp(&other.changes))
    }
}

/// Levels of each setting.
pub(super) type Levels = Vec<u64>;

/// Evaluates settings once each.
pub(super) struct Trials<'a> {
    pub problem: &'a Problem,
    pub evaluator: &'a dyn Evaluate,
    pub replications: u32,
    pub seed: u64,
    present: Levels,
    known: BTreeMap<Levels, Result<Outcome, String>>,
    pub evaluated: u32,
}

impl<'a> Trials<'a> {
    pub fn new(problem: &'a Problem, evaluator: &'a dyn Evaluate) -> Self {
        Trials {
            problem,
            evaluator,
            replications: problem.replications,
            seed: problem.seed,
            present: (0..problem.settings.len()).map(|i| problem.present(i)).collect(),
            known: BTreeMap::new(),
            evaluated: 0,
        }
    }

    /// What the settings come to; None: they are not allowed or cannot be run.
    pub fn outcome(&mut self, levels: &[u64]) -> Option<&Outcome> {
        if !self.known.contains_key(levels) {
            let values = self.problem.values(levels);
            if !self.problem.allows(&values) {
                return None;
            }
            self.evaluated += 1;
            let found = self.run(&values, self.replications, self.seed);
            self.known.insert(levels.to_vec(), found);
        }
        self.known[levels].as_ref().ok()
    }

    /// The first reason why settings could not be run, if there is one.
    pub fn first_error(&self) -> Option<&str> {
        self.known.values().find_map(|o| o.as_ref().err().map(String::as_str))
    }

    pub fn run(&self, values: &[Value], replications: u32, seed: u64) -> Result<Outcome, String> {
        let figures = self.evaluator.evaluate(values, 0..replications, seed)?;
        Ok(Outcome::of(&figures))
    }

    /// Takes outcomes that were evaluated elsewhere, in parallel.
    pub fn learn(&mut self, levels: Levels, outcome: Result<Outcome, String>) {
        self.evaluated += 1;
        self.known.insert(levels, outcome);
    }

    /// Forgets the outcomes, to evaluate on other luck.
    pub fn start_again(&mut self, seed: u64, replications: u32) {
        self.seed = seed;
        self.replications = replications;
        self.known.clear();
    }

    /// Today's settings.
    pub fn present(&self) -> &Levels {
        &self.present
    }

    pub fn score(&mut self, levels: &[u64]) -> Score {
        let changes = self.changes(levels);
        let (goal, cost) = (self.problem.goal, self.problem.cost);
        match self.outcome(levels) {
            Some(o) => Score { violation: o.violation(&goal), cost: o.cost(&cost), changes },
            None => Score { violation: f64::INFINITY, cost: f64::INFINITY, changes },
        }
    }

    fn changes(&self, levels: &[u64]) -> f64 {
        let mut changes = 0.0;
        for (setting, (level, present)) in levels.iter().zip(&self.present).enumerate() {
            if level != present {
                let range = (self.problem.levels(setting) - 1).max(1);
                let share = level.abs_diff(*present) as f64 / range as f64;
                changes += 1.0 + share / levels.len() as f64;
            }
        }
        changes
    }

    pub fn exhausted(&self) -> bool {
        self.evaluated >= self.problem.max_evaluations
    }

    /// Everything evaluated with the present number of replications.
    pub fn outcomes(&self) -> impl Iterator<Item = (&Levels, &Outcome)> {
        self.known.iter().filter_map(|(levels, o)| o.as_ref().ok().map(|o| (levels, o)))
    }
}
