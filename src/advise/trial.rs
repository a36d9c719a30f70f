//! Trials: what a change comes to, on the same luck as the run.

use super::change::Change;
use crate::blame::{Blame, Facts, Setting, Tally};
use crate::input::{Input, bounds};
use crate::run::{Replication, RunOptions, run_seeing};
use crate::scenario::Scenario;
use crate::traffic::Evaluator;
use std::collections::BTreeMap;
use std::rc::Rc;

/// One rollout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Lost requests, given the timeline.
    pub lost: f64,
    /// Their variance, given the timeline.
    pub variance: f64,
    /// Probability of none, given the timeline.
    pub none: f64,
    /// An action did not reach its end.
    pub stuck: bool,
    /// Until complete.
    pub complete_s: Option<f64>,
    /// Until the last pod that has to go is gone.
    pub gone_s: Option<f64>,
    /// Pods at once, at most.
    pub peak_pods: u32,
}

/// What settings come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Replication `i` is that of the run.
    pub samples: Vec<Sample>,
    /// Most lost requests first.
    pub blames: Vec<Blame>,
}

/// Enough is lost that a change is worth its while: where fewer than one rollout in 200 loses anything, and
/// next to nothing is lost in all, there is nothing to change.
pub fn worth_changing(lost: f64, probability_none: f64) -> bool {
    lost > 0.0 && (probability_none < 0.995 || lost >= 0.5)
}

impl Outcome {
    /// Of replications, with what they lost by setting.
    pub fn of(replications: &[Replication], blames: Vec<Blame>) -> Outcome {
        let seconds = |d: Option<crate::engine::Dur>| d.map(|d| d.as_secs_f64());
        let sample = |r: &Replication| Sample {
            lost: r.traffic.failed(),
            variance: r.traffic.variance,
            none: r.traffic.probability_none,
            stuck: !r.rollout.stuck.is_empty(),
            complete_s: seconds(r.rollout.complete),
            gone_s: seconds(r.rollout.last_pod_gone),
            peak_pods: r.rollout.peak_pods,
        };
        Outcome { samples: replications.iter().map(sample).collect(), blames }
    }

    fn mean(&self, of: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        let all: Vec<f64> = self.samples.iter().filter_map(of).collect();
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    }

    /// Lost requests per rollout.
    pub fn lost(&self) -> f64 {
        self.mean(|s| Some(s.lost)).unwrap_or(0.0)
    }

    /// Share of rollouts that lose none.
    pub fn probability_none(&self) -> f64 {
        self.mean(|s| Some(s.none)).unwrap_or(1.0)
    }

    /// Share of rollouts that do not reach their end.
    pub fn incomplete(&self) -> f64 {
        self.mean(|s| Some(f64::from(s.stuck))).unwrap_or(0.0)
    }

    /// Until complete.
    pub fn complete_s(&self) -> Option<f64> {
        self.mean(|s| s.complete_s)
    }

    /// Until the last pod that has to go is gone.
    pub fn gone_s(&self) -> Option<f64> {
        self.mean(|s| s.gone_s)
    }

    /// Until complete, else until the last pod that has to go is gone.
    pub fn duration_s(&self) -> Option<f64> {
        self.complete_s().or_else(|| self.gone_s())
    }

    /// Pods at once, at most.
    pub fn peak_pods(&self) -> u32 {
        self.samples.iter().map(|s| s.peak_pods).max().unwrap_or(0)
    }

    /// What is lost by one setting.
    pub fn lost_by(&self, setting: Setting) -> f64 {
        self.blames.iter().filter(|b| b.setting == setting).fold(0.0, |sum, b| sum + b.lost)
    }

    /// It reaches its end, and nothing is left that is worth a change.
    pub fn is_good(&self) -> bool {
        self.incomplete() == 0.0 && !worth_changing(self.lost(), self.probability_none())
    }

    /// Whether it is better than `before`, on the same luck: something reaches its end that did not, or at
    /// least a fiftieth less is lost, and hardly any rollout loses more for it.
    pub fn is_better_than(&self, before: &Outcome) -> bool {
        if self.incomplete() != before.incomplete() {
            return self.incomplete() < before.incomplete();
        }
        let (mut won, mut worse, mut all) = (0.0, 0.0, 0.0);
        for (now, then) in self.samples.iter().zip(&before.samples) {
            won += (then.lost - now.lost).max(0.0);
            worse += (now.lost - then.lost).max(0.0);
            all += then.lost;
        }
        won - worse >= 0.02 * all && won > 0.0 && won >= 4.0 * worse
    }
}

/// A change that could be run.
#[derive(Debug)]
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
    options: RunOptions,
    /// Rollouts of a look.
    look: u32,
    known: BTreeMap<Change, Option<Rc<Tried>>>,
    /// Rollouts that may still be run.
    pub left: i64,
}

impl<'a> Trials<'a> {
    /// `left` rollouts may be run, `look` for each change that is looked at.
    pub fn new(input: &'a Input, options: &RunOptions, look: u32, left: i64) -> Self {
        let options = RunOptions { keep_timelines: 0, ..options.clone() };
        Trials { input, options, look, known: BTreeMap::new(), left }
    }

    /// What a change comes to in the first rollouts; None: it is refused, or no rollouts are left.
    pub fn look(&mut self, change: &Change) -> Option<Rc<Tried>> {
        if let Some(known) = self.known.get(change) {
            return known.clone();
        }
        if self.left <= 0 {
            return None;
        }
        let tried = self.run(change, self.look).map(Rc::new);
        self.known.insert(change.clone(), tried.clone());
        tried
    }

    /// What a change comes to in as many rollouts as the run has.
    pub fn confirm(&mut self, change: &Change) -> Option<Tried> {
        self.run(change, self.options.replications)
    }

    fn run(&mut self, change: &Change, replications: u32) -> Option<Tried> {
        let (input, scenario) = change.lower(self.input)?;
        let options = RunOptions { replications, ..self.options.clone() };
        let outcome = outcome(&scenario, &options)?;
        self.left -= i64::from(replications);
        Some(Tried { change: change.clone(), input, scenario, outcome })
    }
}

/// Runs a scenario with blame; None: it asks for more than is allowed.
pub fn outcome(scenario: &Scenario, options: &RunOptions) -> Option<Outcome> {
    bounds::run(scenario, options).ok()?;
    let facts = Facts::of(scenario);
    let tally = |timeline: &_, outcome: &_| Tally::of(timeline, outcome, &facts);
    let (replications, tallies) = run_seeing(scenario, options, tally);
    Some(Outcome::of(&replications, Tally::finish(tallies)))
}

/// What one rollout costs, in those of a pod: rollouts of many pods, or with requests one by one, are dear.
pub fn work(scenario: &Scenario, replications: &[Replication]) -> f64 {
    let pods: i32 = scenario.workloads.iter().map(|w| w.replicas().max(1)).sum();
    let single = replications.first().filter(|r| r.traffic.evaluator == Evaluator::Requests);
    let requests = single.map_or(0.0, |r| r.traffic.sent / 40.0);
    f64::from(pods) + 2.0 + requests
}
