//! The report of a sweep, gathered while its rows are written.

use super::answer::{Estimate, Setting};
use super::data::{Axis, Dropped, Effect, SweepReport};
use super::gather::{FIGURES, FRONT, Gathered, MISSING, estimate, exact, metrics, points};
use super::html::POINTS_SHOWN;
use super::words::{self, seconds};
use crate::stats::MainEffects;
use crate::sweep::{
    Domain, Plan, PointCounts, Role, Row, RowOutcome, Sink, Summary, SweepPoint, SweepSummary,
    Value,
};
use std::io;

/// Where a report comes from.
pub struct Origin {
    /// `rollsim run ...` of the base.
    pub base_command: String,
    /// Of the base.
    pub settings: Vec<Setting>,
    /// Version, seed and replications in one line.
    pub signature: String,
}

/// Takes the rows of a sweep and keeps an even choice of at most [`POINTS_SHOWN`] of them; what is averaged
/// over all points is averaged as they pass. Memory does not grow with the number of points.
pub struct SweepPoints {
    domains: Vec<Domain>,
    kept: Vec<SweepPoint>,
    /// Every so many rows one is kept.
    stride: u64,
    seen: u64,
    /// For each figure: its shares of variance.
    shares: Vec<MainEffects>,
    /// For each axis with listed values, level and figure. The level after the last: not set.
    sums: Vec<Vec<[Sum; FIGURES]>>,
}

/// Sums of estimates: number, and total of means and interval ends.
#[derive(Clone, Copy, Default)]
struct Sum {
    points: u64,
    total: [f64; 3],
}

/// Why no point is marked, where none competes.
pub(super) const NEVER_COMPLETE: &str =
    "No point always completes its rollout, so that none is marked.";

/// Axes with more listed values have no main effects: a curve shows more.
const LEVELS: usize = 64;

impl SweepPoints {
    /// Of a plan whose points are still to come.
    pub fn new(plan: &Plan) -> SweepPoints {
        let domains: Vec<Domain> = plan.axes.iter().map(|a| a.domain.clone()).collect();
        let levels = |domain: &Domain| match domain {
            Domain::List(values) if values.len() <= LEVELS => {
                vec![[Sum::default(); FIGURES]; values.len() + 1]
            }
            _ => Vec::new(),
        };
        SweepPoints {
            sums: domains.iter().map(levels).collect(),
            shares: vec![MainEffects::new(domains.len()); FIGURES],
            domains,
            kept: Vec::new(),
            stride: 1,
            seen: 0,
        }
    }

    fn keep(&mut self, index: u64, settings: &[Value], summary: &Summary) {
        if self.seen.is_multiple_of(self.stride) {
            let (settings, summary) = (settings.to_vec(), summary.clone());
            self.kept.push(SweepPoint { index, settings, summary });
        }
        self.seen += 1;
        if self.kept.len() > POINTS_SHOWN {
            let mut place = 0;
            self.kept.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.stride *= 2;
        }
    }

    fn add(&mut self, settings: &[Value], figures: &[Estimate; FIGURES]) {
        let place = |(domain, value): (&Domain, &Value)| match domain {
            Domain::List(values) if values.len() <= LEVELS => {
                Some(values.iter().position(|v| v == value).unwrap_or(values.len()))
            }
            _ => None,
        };
        let levels: Vec<Option<usize>> = self.domains.iter().zip(settings).map(place).collect();
        for (figure, f) in figures.iter().enumerate().filter(|(_, f)| f.mean.is_finite()) {
            self.shares[figure].add(&levels, f.mean);
            for (axis, level) in levels.iter().enumerate() {
                let Some(level) = level else { continue };
                let sum = &mut self.sums[axis][*level][figure];
                sum.points += 1;
                for (total, x) in sum.total.iter_mut().zip([f.mean, f.low, f.high]) {
                    *total += x;
                }
            }
        }
    }

    /// The report, with the front of the summary that saw the same rows.
    pub fn report(
        self,
        plan: &Plan,
        counts: &PointCounts,
        summary: &SweepSummary,
        origin: Origin,
    ) -> SweepReport {
        let mut all: Vec<&SweepPoint> = self.kept.iter().chain(&summary.front).collect();
        all.sort_by_key(|p| p.index);
        all.dedup_by_key(|p| p.index);
        // Points in different worlds do not compete.
        let competes = !summary.choices.are_there();
        let front = |p: &&SweepPoint| competes && summary.front.iter().any(|f| f.index == p.index);
        let pareto: Vec<usize> = (0..all.len()).filter(|&i| front(&all[i])).collect();
        let no_front = match (pareto.is_empty(), competes) {
            (false, _) => String::new(),
            (true, true) => NEVER_COMPLETE.into(),
            (true, false) => {
                let worlds = plan.axes.iter().filter(|a| a.role == Role::World);
                let names: Vec<&str> = worlds.map(|a| a.name.as_str()).collect();
                let names = names.join(", ");
                format!(
                    "Points of different worlds ({names}) do not compete, so that none is marked."
                )
            }
        };
        let gathered = all.into_iter().map(|p| Gathered {
            index: p.index,
            settings: p.settings.clone(),
            figures: figures(&p.summary).to_vec(),
        });
        let (axes, points) = points(&plan.axes, gathered.collect());
        SweepReport {
            name: if plan.name.is_empty() { "Sweep".into() } else { plan.name.clone() },
            verdict: verdict(plan, summary),
            effects: self.effects(&axes),
            sensitivity: Some(super::sensitivity::of(&summary.sensitivity())),
            axes,
            metrics: metrics(&[0, 1, 2, 3, 4, 5]),
            points,
            all_points: summary.points - summary.errors,
            pareto,
            pareto_by: FRONT.to_vec(),
            no_front,
            dropped: dropped(plan, counts, summary),
            base_command: origin.base_command,
            settings: origin.settings,
            signature: origin.signature,
        }
    }

    /// Main effects of the axes with listed values that take more than one.
    fn effects(&self, axes: &[Axis]) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (metric, shares) in self.shares.iter().enumerate() {
            let shares = shares.finish();
            for (axis, sums) in self.sums.iter().enumerate() {
                let used = sums.iter().map(|of| of[metric]).filter(|s| s.points > 0);
                let levels: Vec<Estimate> = used.map(Sum::mean).collect();
                // Where a value never completes there is no duration to compare.
                if levels.len() > 1 && levels.len() == axes[axis].levels.len() {
                    effects.push(Effect { axis, metric, share: shares[axis].share, levels });
                }
            }
        }
        effects
    }
}

impl Sum {
    fn mean(self) -> Estimate {
        let [mean, low, high] = self.total.map(|x| x / self.points as f64);
        Estimate { mean, low, high }
    }
}

impl Sink for SweepPoints {
    fn row(&mut self, row: &Row, settings: &[Value], _: &[Value]) -> io::Result<()> {
        if let RowOutcome::Summary(summary) = &row.outcome {
            self.keep(row.index, settings, summary);
            self.add(settings, &figures(summary));
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn figures(s: &Summary) -> [Estimate; FIGURES] {
    [
        estimate(s.failed),
        estimate(s.probability_none),
        // Of a point that does not always complete there is no duration to recommend.
        s.duration_s.filter(|_| s.complete == 1.0).map_or(MISSING, estimate),
        exact(f64::from(s.peak_pods)),
        exact(f64::from(s.lowest_available)),
        exact(s.surge_pod_seconds),
    ]
}

fn verdict(plan: &Plan, summary: &SweepSummary) -> String {
    let ran = summary.points - summary.errors;
    let mut text = format!("{} of {ran} points lose nothing.", summary.lossless);
    if summary.choices.are_there() {
        return text + &choice(plan, summary);
    }
    let Some(best) = summary.best.first() else { return text };
    let chosen = plan.axes.iter().zip(&best.settings).filter(|(axis, value)| {
        !value.is_unset() && !matches!(&axis.domain, Domain::List(values) if values.len() == 1)
    });
    // Four digits of what a sequence drew; the command of the point has all.
    let short = |v: &Value| match v {
        Value::Float(x) => format!("{x:.3e}").parse().map_or(v.clone(), Value::Float),
        other => other.clone(),
    };
    let chosen: Vec<String> = chosen.map(|(a, v)| format!("{} {}", a.name, short(v))).collect();
    let duration = best.summary.duration_s.map_or("no end".into(), |d| seconds(d.value));
    let what = if summary.lossless > 0 { "The fastest of them takes" } else { "The best takes" };
    text += &format!(" {what} {duration}: {}.", chosen.join(", "));
    text
}

/// The best of what can be chosen.
fn choice(plan: &Plan, summary: &SweepSummary) -> String {
    let all = summary.choices.best();
    let Some(best) = all.first() else { return String::new() };
    let axes = summary.choices.axes().iter().map(|i| &plan.axes[*i].name);
    let values = axes.zip(&best.settings).map(|(name, value)| format!("{name} {value}"));
    let [worst, mean] = best.failed.map(words::count);
    format!(
        " Best over all {}: {}, which loses {worst} at worst and {mean} on average.",
        words::plural(best.worlds, "world"),
        values.collect::<Vec<_>>().join(", ")
    )
}

fn dropped(plan: &Plan, counts: &PointCounts, summary: &SweepSummary) -> Vec<Dropped> {
    let broken = plan.constraints.iter().zip(&counts.dropped);
    let mut rows: Vec<Dropped> = broken
        .map(|(constraint, &points)| Dropped { constraint: format!("not {constraint}"), points })
        .collect();
    rows.push(Dropped { constraint: "equal to another point".into(), points: counts.repeated });
    if let Some(error) = &summary.first_error {
        let first = error.lines().next().unwrap_or_default();
        let constraint = format!("cannot be run: {}", first.trim_start_matches("error: "));
        rows.push(Dropped { constraint, points: summary.errors });
    }
    rows.retain(|r| r.points > 0);
    rows
}
