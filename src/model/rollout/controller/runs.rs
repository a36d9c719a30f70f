//! The runs of analyses: measurements at their times, and what follows from them for the release.

use super::pass::{Pass, Turns};
use super::{Controller, Event};
use crate::cluster::objects::WorkloadId;
use crate::cluster::release::{Analysis, Metric};
use crate::cluster::server::Cluster;
use crate::engine::{Dur, Time};
use crate::model::plumbing::{Ctx, Out};
use crate::model::rollout::analysis::{Counts, Found, Verdict, assess};
use std::fmt;

/// What an analysis is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Beside the steps.
    Background,
    /// The step of this index.
    Step(usize),
    /// Before a switch.
    Before,
    /// After it.
    After,
}

/// Why a release was aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// A metric of an analysis failed, or could not be measured.
    Metric {
        /// Its name.
        name: String,
        /// Failed, or Error.
        verdict: Verdict,
    },
    /// It made no progress for `progressDeadlineSeconds`.
    Deadline,
    /// As many checks failed as the threshold of a Canary says.
    Checks {
        /// How many.
        failed: u32,
        /// The metric that failed last; None: a webhook did.
        worst: Option<String>,
    },
    /// A webhook asked for it.
    Asked,
}

impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decided::Metric { name, verdict: Verdict::Error } => {
                write!(f, "metric {name} could not be measured")
            }
            Decided::Metric { name, .. } => write!(f, "metric {name} failed"),
            Decided::Deadline => f.write_str("no progress for progressDeadlineSeconds"),
            Decided::Checks { failed, worst } => {
                let checks =
                    if *failed == 1 { "1 check".to_owned() } else { format!("{failed} checks") };
                match worst {
                    Some(metric) => write!(f, "{checks} failed, the last by metric {metric}"),
                    None => write!(f, "{checks} failed, the last by a webhook"),
                }
            }
            Decided::Asked => f.write_str("a webhook asked for it"),
        }
    }
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// When.
    pub at: Time,
    /// Which metric of its analysis.
    pub metric: u16,
    /// The value; None: there was none.
    pub value: Option<f64>,
    /// Requests that it was over.
    pub requests: f64,
    /// What it was taken for.
    pub found: Found,
}

impl Measured {
    /// Of a metric, from what was read: the value, and how many requests it is over.
    pub(super) fn of(at: Time, metric: u16, spec: &Metric, read: Option<(f64, f64)>) -> Measured {
        let found = spec.judge(read.map(|(value, _)| value));
        let requests = read.map_or(0.0, |(_, of)| of);
        let value = read.map(|(value, _)| value).filter(|value| !value.is_nan());
        Measured { at, metric, value, requests, found }
    }
}

/// A run of an analysis.
#[derive(Debug)]
pub(super) struct Run {
    purpose: Purpose,
    metrics: Vec<(Metric, Counts, Verdict)>,
    stopped: bool,
    /// What it has come to.
    verdict: Verdict,
}

impl Run {
    /// The release needs no more of it.
    pub fn stop(&mut self) {
        debug_assert!(!self.metrics.is_empty(), "a run has a metric");
        self.stopped = true;
    }

    /// One metric that is bad ends it; all that are over end it well.
    fn judge(&mut self) {
        let worst = self.metrics.iter().map(|(.., verdict)| *verdict).max();
        let running = self.metrics.iter().any(|(.., verdict)| *verdict == Verdict::Running);
        self.verdict = match worst {
            Some(bad) if bad > Verdict::Successful => bad,
            Some(_) if running => Verdict::Running,
            _ => Verdict::Successful,
        };
        self.stopped |= self.verdict != Verdict::Running;
        debug_assert!(self.stopped || running, "what goes on has something to measure");
    }
}

impl Controller {
    /// What the analysis for this purpose has come to: it is begun if it is not yet. A bad one aborts the
    /// release, one that could not tell pauses it.
    pub(super) fn verdict(
        &mut self,
        pass: &mut Pass,
        purpose: Purpose,
        analysis: &Analysis,
        out: &mut impl Out<Event>,
    ) -> Verdict {
        let going = |run: &&Run| {
            run.purpose == purpose && (!run.stopped || run.verdict != Verdict::Running)
        };
        let state = self.state(pass.id);
        let found = state.runs.iter().rev().find(going).map(|run| {
            let bad = run.metrics.iter().find(|(.., v)| *v > Verdict::Inconclusive);
            (run.verdict, bad.map(|(metric, _, verdict)| (metric.name.clone(), *verdict)))
        });
        let Some((verdict, bad)) = found else {
            self.begin_run(pass, purpose, analysis, out);
            return Verdict::Running;
        };
        if let Some((name, verdict)) = bad {
            self.abort(pass, Decided::Metric { name, verdict });
        } else if verdict == Verdict::Inconclusive {
            self.pause_over(pass, None, out);
        }
        verdict
    }

    fn begin_run(
        &mut self,
        pass: &Pass,
        purpose: Purpose,
        analysis: &Analysis,
        out: &mut impl Out<Event>,
    ) {
        let (now, workload) = (pass.ctx.now, pass.id);
        let runs = &mut self.state(workload).runs;
        let run = runs.len() as u32;
        for (metric, spec) in (0..).zip(&analysis.metrics) {
            out.at(now + spec.initial_delay, Event::Measure { workload, run, metric });
        }
        let metrics = analysis.metrics.iter();
        let metrics = metrics.map(|m| (m.clone(), Counts::default(), Verdict::Running)).collect();
        runs.push(Run { purpose, metrics, stopped: false, verdict: Verdict::Running });
        debug_assert!(runs.len() as u32 == run + 1, "a run has a number of its own");
    }

    /// A metric is measured, and judged by all its measurements.
    pub(super) fn measure(
        &mut self,
        ctx: Ctx,
        cluster: &Cluster,
        (workload, run, metric): (WorkloadId, u32, u16),
        out: &mut impl Out<Event>,
    ) {
        let newest = cluster.workloads[workload].template;
        let defaults = &ctx.kubernetes.defaults;
        let state = self.states.entry(workload);
        let Some(of) = state.runs.get_mut(run as usize).filter(|run| !run.stopped) else { return };
        let of_it = of.metrics.get_mut(usize::from(metric));
        let (spec, counts, verdict) = of_it.expect("a metric of the run");
        if *verdict != Verdict::Running {
            return;
        }
        let read = self.readings.value(spec.measure, newest);
        let measured = Measured::of(ctx.now, metric, spec, read);
        let found = measured.found;
        counts.add(found);
        *verdict = assess(*counts, spec.limits, false);
        let next = match found {
            Found::Error => Some(defaults.analysis_error_retry),
            // Strictly later than the interval.
            _ => spec.interval.map(|interval| interval + Dur::from_millis(1)),
        };
        if let Some(next) = next.filter(|_| *verdict == Verdict::Running) {
            out.at(ctx.now + next, Event::Measure { workload, run, metric });
        }
        of.judge();
        state.released.measured.push(measured);
        debug_assert!(counts_are_sane(state.runs.len(), run), "a run that measures is known");
        state.key.add(ctx.now, workload, &mut Turns(out));
    }

    /// Whether a pause has lasted long enough; None: until somebody promotes the release. It begins now, if
    /// it has not.
    pub(super) fn pause_over(
        &mut self,
        pass: &mut Pass,
        length: Option<Dur>,
        out: &mut impl Out<Event>,
    ) -> bool {
        let (now, resumed) = (pass.ctx.now, pass.object.resumed);
        let state = self.state(pass.id);
        if state.paused.is_none() {
            (state.paused, state.resumed) = (Some(now), resumed);
            state.released.waits = length.is_none();
            pass.moved = true;
        }
        let since = state.paused.unwrap_or(now);
        let over = length.is_some_and(|length| since + length <= now);
        if let Some(length) = length.filter(|_| !over) {
            state.key.add_at(since + length, pass.id, &mut Turns(out));
        }
        debug_assert!(since <= now, "no pause begins later");
        over || resumed > state.resumed
    }
}

fn counts_are_sane(runs: usize, run: u32) -> bool {
    (run as usize) < runs
}
