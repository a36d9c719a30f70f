//! The highest load that a rollout bears: found for each replication by bisection, on the same luck at every
//! rate, so that replications tell how sure it is.

use crate::input::bounds;
use crate::model::platform::Latencies;
use crate::run::{Replication, RunOptions, replicate};
use crate::scenario::{Action, Scenario};
use crate::timeline::{LifeEnd, Timeline, UpsetBy};
use crate::traffic::Cause;
use rayon::prelude::*;
use std::sync::Arc;

/// Rates are found to this ratio.
const EXACT: f64 = 1.02;
/// Doublings and halvings tried before a load is called unbounded, or nothing is called well.
const STEPS: u32 = 12;
/// Rates of the curve, against the highest that is borne.
const CURVE: [f64; 11] = [0.4, 0.6, 0.75, 0.85, 0.95, 1.0, 1.05, 1.15, 1.3, 1.6, 2.0];
/// Share of rollouts that have to end well.
const MOST: f64 = 0.95;
/// Seconds at the end of the load by which it is told whether all is well again.
const LAST_S: i32 = 10;

/// What counts as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Largest share of requests that may fail.
    pub lost: f64,
    /// Largest 99th percentile of answers, in seconds; None: any.
    pub p99_s: Option<f64>,
}

/// What a load comes to in one replication.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Share of requests that failed.
    pub lost: f64,
    /// Of answers, in seconds; 0: there are none.
    pub p99_s: f64,
    /// All actions reached their end.
    pub ends: bool,
    /// In its last seconds it failed no more than it may.
    pub recovers: bool,
    /// What most failures are due to.
    pub breaks: Breaks,
}

/// What gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breaks {
    /// Nothing.
    Nothing,
    /// The autoscaler adds pods after requests have begun to fail.
    Autoscaler,
    /// Liveness probes kill what is only slow.
    Liveness,
    /// Processes end by themselves: they crash, or run out of memory.
    Crash,
    /// Probes kill what hangs, or what its dependency has left: the scenario breaks it.
    Fault,
    /// Probes take every pod out: nobody is left to ask.
    Readiness,
    /// Requests wait for too long, or find no place to.
    Queue,
    /// The action does not reach its end.
    Rollout,
    /// What fails at any load: pods that come and go.
    Handover,
}

/// A curve's point: means over replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The highest rate of the load, requests a second.
    pub rate: f64,
    /// Without the action: share of requests that fail, and the 99th percentile.
    pub steady: [f64; 2],
    /// With it.
    pub rollout: [f64; 2],
}

/// The highest rates that are borne, one for each replication, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Borne {
    /// Requests a second; infinite: no load was found that is too much.
    pub rates: Vec<f64>,
    /// What gave way first, just above: by how many replications, most first.
    pub breaks: Vec<(Breaks, u32)>,
    /// Of those, in how many all was well again at the end of the load.
    pub recovers: u32,
}

/// All that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    /// The highest rate of the load as it is given.
    pub given: f64,
    /// Without the action.
    pub steady: Borne,
    /// With it.
    pub rollout: Borne,
    /// Around the highest rate.
    pub curve: Vec<Point>,
}

/// A load that is so many times as large.
fn times(scenario: &Scenario, factor: f64) -> Scenario {
    let mut scaled = scenario.clone();
    scaled.traffic.rate.iter_mut().for_each(|step| step.1 *= factor);
    scaled
}

/// The same load with this highest rate.
pub fn at_rate(scenario: &Scenario, rate: f64) -> Scenario {
    times(scenario, rate / highest(scenario).max(1e-9))
}

/// Without any action.
fn steady(scenario: &Scenario) -> Scenario {
    Scenario { actions: Vec::<Action>::new(), follow: None, ..scenario.clone() }
}

/// With so many replicas, before and after.
fn with_replicas(scenario: &Scenario, replicas: i32) -> Scenario {
    let mut scaled = scenario.clone();
    scaled.workloads[0].replicas = replicas;
    let brought = scaled.actions.iter_mut().filter_map(|a| a.kind.brings_mut());
    brought.for_each(|deployment| deployment.replicas = replicas);
    for autoscaler in &mut scaled.autoscalers {
        let bounds = &mut Arc::make_mut(autoscaler).bounds;
        bounds.min = bounds.min.min(replicas.max(1));
        bounds.max = bounds.max.max(replicas);
    }
    scaled
}

/// Whether some pods can have too much to do: without a limit of what is worked on at once, no load is.
pub fn can_be_too_much(scenario: &Scenario) -> bool {
    scenario.templates().any(|t| t.serving_container().app.concurrency.is_some())
}

/// The highest rate of the load.
pub fn highest(scenario: &Scenario) -> f64 {
    scenario.traffic.rate.iter().map(|step| step.1).fold(0.0, f64::max)
}

/// What became of one replication.
fn outcome(replication: &Replication, terms: Terms) -> Outcome {
    let traffic = &replication.traffic;
    let sent = traffic.sent.max(1.0);
    let lost = traffic.failed() / sent;
    let ends = replication.rollout.stuck.is_empty();
    let last = traffic.by_second.keys().next_back().copied().unwrap_or(0);
    let (mut late, mut failed) = (0.0, 0.0);
    for second in traffic.by_second.range(last - LAST_S..).map(|(_, s)| s) {
        let fails: f64 = second.failed.values().sum();
        failed += fails;
        late += fails + second.answered.iter().sum::<f64>();
    }
    Outcome {
        lost,
        p99_s: traffic.latency.map_or(0.0, |l| l.p99_s),
        ends,
        recovers: failed <= terms.lost * late,
        breaks: breaks(replication, ends),
    }
}

/// What gave way first: what acts on its own is named before what it leads to.
fn breaks(replication: &Replication, ends: bool) -> Breaks {
    let traffic = &replication.traffic;
    let Some(first) = traffic.first_failure else {
        return if ends { Breaks::Nothing } else { Breaks::Rollout };
    };
    let grows = replication.rollout.scaling.iter().flat_map(|s| &s.decisions);
    if grows.clone().any(|d| d.desired > d.current && d.at > first) {
        return Breaks::Autoscaler;
    }
    if let Some(ends) = replication.timeline.as_ref().and_then(what_ends_processes) {
        return ends;
    }
    let by_cause = traffic.by_cause();
    let of =
        |causes: &[Cause]| -> f64 { causes.iter().filter_map(|cause| by_cause.get(cause)).sum() };
    let queue = of(&[Cause::Overload, Cause::SlowAnswer, Cause::Backlog]);
    let nobody = of(&[Cause::NoBackend]);
    match (queue, nobody, traffic.failed()) {
        (queue, nobody, all) if queue + nobody < 0.5 * all => Breaks::Handover,
        (queue, nobody, _) if nobody > queue => Breaks::Readiness,
        _ => Breaks::Queue,
    }
}

/// What ends processes that nobody deletes; None: nothing does.
fn what_ends_processes(timeline: &Timeline) -> Option<Breaks> {
    let killed = |by: UpsetBy| timeline.upsets.iter().any(|u| u.killed && u.by == by);
    if killed(UpsetBy::Load) {
        return Some(Breaks::Liveness);
    }
    if killed(UpsetBy::Hung) || killed(UpsetBy::Dependency) {
        return Some(Breaks::Fault);
    }
    let mut lives = timeline.pods.iter().flat_map(|pod| &pod.lives);
    lives.any(|life| life.ended_by == LifeEnd::Crash).then_some(Breaks::Crash)
}

/// Replications of one scenario at any load.
struct Runs<'a> {
    scenario: &'a Scenario,
    latencies: Latencies,
    options: RunOptions,
    terms: Terms,
    base: f64,
}

impl<'a> Runs<'a> {
    fn new(scenario: &'a Scenario, options: &RunOptions, terms: Terms) -> Runs<'a> {
        let options = RunOptions { keep_timelines: u32::MAX, ..options.clone() };
        let latencies = scenario.platform.latencies();
        Runs { scenario, latencies, options, terms, base: highest(scenario) }
    }

    fn at(&self, factor: f64, index: u32) -> Outcome {
        let scaled = times(self.scenario, factor);
        outcome(&replicate(&scaled, &self.latencies, &self.options, index), self.terms)
    }

    fn well(&self, outcome: Outcome) -> bool {
        let fast = self.terms.p99_s.is_none_or(|most| outcome.p99_s <= most);
        outcome.ends && outcome.lost <= self.terms.lost && fast
    }

    /// No load that is larger can be simulated.
    fn is_too_large(&self, factor: f64) -> bool {
        bounds::requests(&self.scenario.traffic) * factor > bounds::SINGLE_REQUESTS
    }

    /// The highest rate that replication `index` bears, and what becomes of it just above.
    fn borne(&self, index: u32) -> (f64, Outcome) {
        let mut above = self.at(1.0, index);
        let bears = self.well(above);
        let (mut low, mut high) = if bears { (1.0, f64::INFINITY) } else { (0.0, 1.0) };
        let mut narrow = |low: &mut f64, high: &mut f64, factor: f64| {
            let found = self.at(factor, index);
            if self.well(found) { *low = factor } else { (*high, above) = (factor, found) }
        };
        for step in 1..=STEPS {
            let times = f64::from(1u32 << step);
            let factor = if bears { times } else { 1.0 / times };
            let is_between = low > 0.0 && high.is_finite();
            if is_between || bears && self.is_too_large(factor) {
                break;
            }
            narrow(&mut low, &mut high, factor);
        }
        while low > 0.0 && high.is_finite() && high / low > EXACT {
            let middle = libm::sqrt(low * high);
            narrow(&mut low, &mut high, middle);
        }
        let rate = if high.is_finite() { low } else { f64::INFINITY };
        (rate * self.base, above)
    }

    fn all(&self) -> Borne {
        let each = (0..self.options.replications).into_par_iter().map(|i| self.borne(i));
        let mut found: Vec<(f64, Outcome)> = each.collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut breaks: Vec<(Breaks, u32)> = Vec::new();
        for (_, outcome) in found.iter().filter(|(rate, _)| rate.is_finite()) {
            match breaks.iter_mut().find(|(known, _)| *known == outcome.breaks) {
                Some((_, count)) => *count += 1,
                None => breaks.push((outcome.breaks, 1)),
            }
        }
        breaks.sort_by_key(|&(what, count)| (std::cmp::Reverse(count), what));
        let broken = found.iter().filter(|(rate, o)| rate.is_finite() && o.recovers);
        let recovers = broken.count() as u32;
        Borne { rates: found.into_iter().map(|(rate, _)| rate).collect(), breaks, recovers }
    }

    /// Means of the share lost and of the 99th percentile.
    fn means(&self, factor: f64) -> [f64; 2] {
        let n = self.options.replications;
        let each = (0..n).into_par_iter().map(|i| self.at(factor, i));
        let outcomes: Vec<Outcome> = each.collect();
        let mean = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / f64::from(n);
        [mean(|o| o.lost), mean(|o| o.p99_s)]
    }
}

/// How much the scenario bears, with and without its actions.
pub fn capacity(scenario: &Scenario, options: &RunOptions, terms: Terms) -> Capacity {
    let calm = steady(scenario);
    let (with, without) = (Runs::new(scenario, options, terms), Runs::new(&calm, options, terms));
    let (rollout, quiet) = (with.all(), without.all());
    let middle = rollout.middle().filter(|rate| *rate > 0.0).unwrap_or(with.base);
    let curve = CURVE
        .iter()
        .map(|part| part * middle / with.base)
        .filter(|factor| !with.is_too_large(*factor))
        .map(|factor| Point {
            rate: factor * with.base,
            steady: without.means(factor),
            rollout: with.means(factor),
        });
    Capacity { given: with.base, curve: curve.collect(), steady: quiet, rollout }
}

/// The fewest replicas with which the load as it is given ends well in most rollouts; None: not even `most`
/// do.
pub fn fewest(scenario: &Scenario, options: &RunOptions, terms: Terms, most: i32) -> Option<i32> {
    let enough = |replicas: i32| {
        let scaled = with_replicas(scenario, replicas);
        let runs = Runs::new(&scaled, options, terms);
        let each = (0..options.replications).into_par_iter();
        let well = each.filter(|i| runs.well(runs.at(1.0, *i))).count();
        well as f64 >= MOST * f64::from(options.replications)
    };
    let (mut low, mut high) = (0, 1);
    while !enough(high) {
        if high >= most {
            return None;
        }
        (low, high) = (high, (high * 2).min(most));
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

impl Borne {
    /// The median; None: no load was found that is too much.
    pub fn middle(&self) -> Option<f64> {
        crate::stats::quantile(&self.rates, 0.5).filter(|rate| rate.is_finite())
    }

    /// The rate that 95 % of replications bear, and the one that 5 % do.
    pub fn range(&self) -> [f64; 2] {
        [1.0 - MOST, MOST].map(|p| {
            let place = libm::floor(p * self.rates.len() as f64) as usize;
            self.rates[place.min(self.rates.len() - 1)]
        })
    }
}
