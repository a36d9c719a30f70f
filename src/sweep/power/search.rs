//! The cheapest steps with a wanted power: shorter or longer pauses, smaller or larger weights, more or fewer
//! measurements.

use super::{Badness, Point, point, release};
use crate::cluster::flagger::{Flagger, Weights};
use crate::cluster::release::{Canary, Metric, Plan, Release, Step};
use crate::cluster::workload::Workload;
use crate::engine::Dur;
use crate::run::RunOptions;
use crate::scenario::Scenario;
use std::sync::Arc;

/// Pauses are made so many times as long, the shortest first.
const LONGER: [f64; 8] = [0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0];
/// Weights and intervals are made so many times as large: as they are first.
const OTHERS: [f64; 3] = [1.0, 0.5, 2.0];
/// So many rollouts are simulated before all are, to leave out what is far from enough.
const FIRST: u32 = 20;
/// What is so far below the wanted power after these is left out: beyond three standard errors.
const FAR: f64 = 0.35;

/// How the steps of a release are changed, each against what is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// Pauses; of a Canary of Flagger its interval.
    pub pauses: f64,
    /// Weights of the steps.
    pub weights: f64,
    /// From one measurement to the next.
    pub interval: f64,
}

/// Steps that are enough for a wanted power.
#[derive(Clone, Debug, PartialEq)]
pub struct Enough {
    /// What is changed.
    pub steps: Steps,
    /// All pauses of the release together, in seconds.
    pub pauses_s: f64,
    /// With them.
    pub point: Point,
}

/// The shortest steps with which so bad a version is aborted with this probability, and a good one promoted
/// as often as it is with those that are given; of equally short ones those with which the fewest requests
/// meet it. None: none of those that were tried.
pub fn enough(
    scenario: &Scenario,
    options: &RunOptions,
    badness: Badness,
    power: f64,
) -> Option<Enough> {
    let given = pauses(release(scenario)?);
    let fair = promotes(&point(scenario, options, Badness::Errors(0.0), &[]));
    let first = RunOptions { replications: options.replications.min(FIRST), ..options.clone() };
    LONGER.into_iter().filter(|_| given > 0.0).find_map(|longer| {
        let mut found: Vec<Enough> = Vec::new();
        for steps in alike(release(scenario)?, longer) {
            let changed = changed(scenario, steps);
            let aborts = |point: &Point| f64::from(point.aborted) / f64::from(point.rollouts);
            if aborts(&point(&changed, &first, badness, &[])) < power - FAR {
                continue;
            }
            let point = point(&changed, options, badness, &[]);
            if aborts(&point) >= power {
                found.push(Enough { steps, pauses_s: given * longer, point });
            }
        }
        found.sort_by(|a, b| a.point.harmed.total_cmp(&b.point.harmed));
        found.into_iter().find(|one| {
            let good = point(&changed(scenario, one.steps), options, Badness::Errors(0.0), &[]);
            promotes(&good) >= fair
        })
    })
}

fn promotes(point: &Point) -> f64 {
    f64::from(point.promoted) / f64::from(point.rollouts)
}

/// Those that take as long. The interval of a Canary is its pause.
fn alike(release: &Release, pauses: f64) -> Vec<Steps> {
    let intervals = if release.flagger().is_some() { &OTHERS[..1] } else { &OTHERS[..] };
    let with =
        |weights: f64| intervals.iter().map(move |&interval| Steps { pauses, weights, interval });
    OTHERS.into_iter().flat_map(with).collect()
}

/// All pauses with a length together, in seconds; of a Canary of Flagger the looks at its weights.
pub fn pauses(release: &Release) -> f64 {
    match &release.plan {
        Plan::Canary(canary) => {
            let length = |step: &Step| match step {
                Step::Pause(Some(length)) => length.as_secs_f64(),
                _ => 0.0,
            };
            canary.steps.iter().map(length).sum()
        }
        Plan::Flagger(canary) => {
            f64::from(canary.looks_at_weights()) * canary.interval.as_secs_f64()
        }
        Plan::BlueGreen(_) => 0.0,
    }
}

/// The same with other steps, and requests until its end.
fn changed(scenario: &Scenario, steps: Steps) -> Scenario {
    let mut changed = scenario.clone();
    let before = release(scenario).map_or(0.0, pauses);
    let change = |workload: &mut Workload| {
        if let Some(release) = &mut workload.release {
            match &mut Arc::make_mut(release).plan {
                Plan::Canary(canary) => change_canary(canary, steps),
                Plan::Flagger(canary) => change_flagger(canary, steps),
                Plan::BlueGreen(_) => {}
            }
        }
    };
    changed.workloads.iter_mut().take(1).for_each(change);
    changed.actions.iter_mut().filter_map(|a| a.kind.brings_mut()).for_each(change);
    // A look more or less, and those that fail, come on top of what is given.
    let more =
        Dur::from_secs_f64((before * (steps.pauses / steps.weights.min(1.0) - 1.0)).max(0.0));
    changed.traffic.end += more;
    changed.horizon += more;
    changed
}

fn times(length: Dur, factor: f64) -> Dur {
    Dur::from_secs_f64(length.as_secs_f64() * factor)
}

fn share(weight: i32, factor: f64, most: i32) -> i32 {
    if weight == 0 { 0 } else { ((f64::from(weight) * factor) as i32).clamp(1, most) }
}

fn change_canary(canary: &mut Canary, by: Steps) {
    let most = canary.max_weight;
    let apart = |metric: &mut Metric| {
        metric.interval = metric.interval.map(|interval| times(interval, by.interval));
    };
    for step in &mut canary.steps {
        match step {
            Step::Pause(Some(length)) => *length = times(*length, by.pauses),
            Step::SetWeight(weight) => *weight = share(*weight, by.weights, most),
            Step::Analysis(analysis) => analysis.metrics.iter_mut().for_each(apart),
            _ => {}
        }
    }
    let background = canary.background.iter_mut();
    background.flat_map(|(analysis, _)| &mut analysis.metrics).for_each(apart);
}

fn change_flagger(canary: &mut Flagger, by: Steps) {
    canary.interval = times(canary.interval, by.pauses).max(Dur::from_secs(10));
    let interval = canary.interval;
    let metrics = canary.checks.iter_mut().flat_map(|checks| &mut checks.metrics);
    metrics.for_each(|metric| metric.interval = Some(interval));
    match &mut canary.weights {
        Weights::By(step) => *step = share(*step, by.weights, 100),
        Weights::These(list) => {
            list.iter_mut().for_each(|weight| *weight = share(*weight, by.weights, 100));
            list.dedup();
        }
    }
}
