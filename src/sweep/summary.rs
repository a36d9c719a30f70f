//! A sweep at a glance: what loses nothing, the best points, what matters. Gathered while the results are
//! written, in memory that does not grow with the number of points (but for the front).

use super::output::Sink;
use super::{Axis, Choices, Design, Domain, Plan, Row, RowOutcome, Scale, Summary, Value};
use crate::stats::{
    AxisEffect, MainEffects, MorrisEffect, SobolIndex, morris_effects, sobol_indices,
};
use crate::traffic::Evaluator;
use std::cmp::Ordering;
use std::io;

/// One point with its estimates.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepPoint {
    /// In the plan.
    pub index: u64,
    /// One for each axis.
    pub settings: Vec<Value>,
    /// Over its replications.
    pub summary: Summary,
}

/// What a sweep found.
#[derive(Clone, Debug)]
pub struct SweepSummary {
    axes: Vec<Axis>,
    design: Design,
    design_seed: u64,
    /// How many were simulated.
    pub points: u64,
    /// Points that could not be run, and the first reason.
    pub errors: u64,
    /// Why a point could not be simulated.
    pub first_error: Option<String>,
    /// Points that did not reach the wanted precision.
    pub capped: u64,
    /// Points whose losses are approximate.
    pub approximate: u64,
    /// Points whose every replication lost at most a thousandth of a request.
    pub lossless: u64,
    /// Fewest lost, then shortest; at most ten.
    pub best: Vec<SweepPoint>,
    /// Not beaten in losses, duration and peak pods together; sorted by losses.
    pub front: Vec<SweepPoint>,
    /// Where some axes are the world's: what can be chosen, over all worlds.
    pub choices: Choices,
    effects: MainEffects,
    /// Lost requests in the order of the design, where the design needs them.
    figures: Vec<Option<f64>>,
}

/// How strongly lost requests depend on each axis.
#[derive(Clone, Debug, PartialEq)]
pub enum Sensitivity {
    /// Main effects, of designs that are grids or samples.
    Main(Vec<AxisEffect>),
    /// Effects of Morris' screening.
    Morris(Vec<MorrisEffect>),
    /// Shares of the variance.
    Sobol(Vec<SobolIndex>),
}

const BEST: usize = 10;
/// Parts of a range that count as one level each.
const PARTS: usize = 8;
const NONE: f64 = 0.001;

impl SweepSummary {
    /// Of no points yet.
    pub fn new(plan: &Plan) -> SweepSummary {
        SweepSummary {
            axes: plan.axes.clone(),
            design: plan.design,
            design_seed: plan.seed,
            points: 0,
            errors: 0,
            first_error: None,
            capped: 0,
            approximate: 0,
            lossless: 0,
            best: Vec::new(),
            front: Vec::new(),
            choices: Choices::new(&plan.axes),
            effects: MainEffects::new(plan.axes.len()),
            figures: Vec::new(),
        }
    }

    /// Sensitivity of the lost requests, as the design allows.
    pub fn sensitivity(&self) -> Sensitivity {
        let axes = self.axes.len();
        match self.design {
            Design::Morris { .. } => {
                Sensitivity::Morris(morris_effects(&self.figures, axes, self.design_seed))
            }
            Design::SobolIndices { .. } => {
                match sobol_indices(&self.figures, axes, self.design_seed) {
                    Some(indices) => Sensitivity::Sobol(indices),
                    None => Sensitivity::Main(self.effects.finish()),
                }
            }
            _ => Sensitivity::Main(self.effects.finish()),
        }
    }

    /// The name of a level of an axis in main effects.
    pub fn level_name(&self, axis: usize, level: usize) -> String {
        match &self.axes[axis].domain {
            Domain::List(values) => values[level].to_string(),
            domain => {
                let edge = |i: usize| domain.at(i as f64 / PARTS as f64).to_string();
                format!("{} to {}", edge(level), edge(level + 1))
            }
        }
    }

    fn add(&mut self, point: SweepPoint) {
        let s = &point.summary;
        self.capped += u64::from(s.capped);
        self.approximate += u64::from(s.evaluator == Evaluator::Approximate);
        self.lossless += u64::from(s.failed_max <= NONE && s.complete == 1.0);
        let levels: Vec<Option<usize>> =
            self.axes.iter().zip(&point.settings).map(|(a, v)| level(a, v)).collect();
        self.effects.add(&levels, s.failed.value);
        let place = self.best.partition_point(|b| order(b, &point).is_le());
        if place < BEST {
            self.best.insert(place, point.clone());
            self.best.truncate(BEST);
        }
        if s.complete == 1.0 && !self.front.iter().any(|f| covers(f, &point)) {
            self.front.retain(|f| !covers(&point, f));
            let place = self.front.partition_point(|f| order(f, &point).is_le());
            self.front.insert(place, point);
        }
    }
}

fn level(axis: &Axis, value: &Value) -> Option<usize> {
    let part = |share: f64| ((share * PARTS as f64) as usize).min(PARTS - 1);
    let (from, to, scale) = match &axis.domain {
        Domain::List(values) => return values.iter().position(|v| v == value),
        Domain::Continuous { from, to, scale } => (*from, *to, *scale),
        Domain::Integers { from, to, scale } => (*from as f64, *to as f64 + 1.0, *scale),
    };
    let x = value.number()?;
    if to <= from {
        return Some(0);
    }
    Some(part(match scale {
        Scale::Linear => (x - from) / (to - from),
        Scale::Log => libm::log(x / from) / libm::log(to / from),
    }))
}

fn figures(point: &SweepPoint) -> [f64; 3] {
    let s = &point.summary;
    let duration = s.duration_s.map_or(f64::INFINITY, |d| d.value);
    [s.failed.value, duration, f64::from(s.peak_pods)]
}

fn order(a: &SweepPoint, b: &SweepPoint) -> Ordering {
    // One that does not complete is no answer, however little it loses.
    let unfinished = |p: &SweepPoint| 1.0 - p.summary.complete;
    let (fa, fb) = (figures(a), figures(b));
    unfinished(a)
        .total_cmp(&unfinished(b))
        .then(fa[0].total_cmp(&fb[0]))
        .then(fa[1].total_cmp(&fb[1]))
        .then(fa[2].total_cmp(&fb[2]))
        .then(a.index.cmp(&b.index))
}

/// Whether nothing is to be had from `b` that `a` has not; less than a two-hundredth of the time is nothing.
fn covers(a: &SweepPoint, b: &SweepPoint) -> bool {
    let ([lost, takes, pods], b) = (figures(a), figures(b));
    lost <= b[0] && takes <= b[1] * 1.005 && pods <= b[2]
}

impl Sink for SweepSummary {
    fn row(&mut self, row: &Row, settings: &[Value], _: &[Value]) -> io::Result<()> {
        self.points += 1;
        self.choices.add(row, settings);
        let failed = match &row.outcome {
            RowOutcome::Summary(summary) => {
                let summary = (**summary).clone();
                let failed = summary.failed.value;
                self.add(SweepPoint { index: row.index, settings: settings.to_vec(), summary });
                Some(failed)
            }
            RowOutcome::Error(error) => {
                self.errors += 1;
                self.first_error.get_or_insert_with(|| error.clone());
                None
            }
        };
        if matches!(self.design, Design::Morris { .. } | Design::SobolIndices { .. }) {
            // Points that were dropped leave a gap.
            self.figures.resize(row.index as usize, None);
            self.figures.push(failed);
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}
