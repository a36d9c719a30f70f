//! What autoscalers did: how often they moved and why, and what the first replication's saw and made of it.

use super::words::{count, percent, plural, seconds};
use crate::model::autoscaler::limits::Limit;
use crate::model::autoscaler::{Decision, Scaling};
use crate::run::Replication;
use crate::stats::quantile;
use schemars::JsonSchema;
use serde::Serialize;

/// One autoscaler over all replications, and in the first.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AutoscalerRow {
    /// Its name.
    pub name: String,
    /// The Deployment that it scales.
    pub target: String,
    /// Names of its metrics, and what each is held at: per cent, or the metric's unit.
    pub metrics: Vec<HeldAt>,
    /// Share of replications in which it changes the size.
    pub moves: f64,
    /// Share in which it takes pods away during a rollout, or while what new pods have counted is little.
    pub shrinks_in_rollout: f64,
    /// Share in which requests fail before it first adds pods, because there are too few.
    pub too_late: f64,
    /// What it does and why, in sentences.
    pub sentences: Vec<String>,
    /// Its runs in the first replication.
    pub runs: Vec<ScalingRun>,
}

/// A metric and its target.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HeldAt {
    /// As the autoscaler names it.
    pub name: String,
    /// Per cent of requests, or the metric's unit.
    pub target: f64,
}

/// One run of the controller.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ScalingRun {
    /// When it had read the metrics.
    pub at_s: f64,
    /// Replicas of the Deployment then.
    pub replicas: i32,
    /// What the metrics ask for; none: they could not say.
    pub recommended: Option<i32>,
    /// What it writes.
    pub desired: i32,
    /// Why it does not write what the metrics ask for; empty: it does.
    pub held_by: String,
    /// Pods of the Deployment that stay.
    pub pods: u32,
    /// Of these, those that are Ready.
    pub ready: u32,
    /// In the order of the metrics.
    pub metrics: Vec<SeenMetric>,
}

/// A metric as it was read, and as it was.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SeenMetric {
    /// As the controller had it; none: no pod that counts had a value.
    pub seen: Option<f64>,
    /// What it was since the last run.
    pub truth: f64,
    /// Pods without a value.
    pub missing: u32,
}

/// Of all replications (at least one).
pub fn rows(replications: &[Replication]) -> Vec<AutoscalerRow> {
    let first = &replications[0].rollout.scaling;
    (0..first.len()).map(|i| row(i, &first[i], replications)).collect()
}

fn row(i: usize, first: &Scaling, replications: &[Replication]) -> AutoscalerRow {
    let n = replications.len() as f64;
    let share = |is: &dyn Fn(&Replication, &Scaling) -> bool| {
        let all = replications
            .iter()
            .filter(|r| r.rollout.scaling.get(i).is_some_and(|scaling| is(r, scaling)));
        all.count() as f64 / n
    };
    let mut row = AutoscalerRow {
        name: first.name.to_string(),
        target: first.target.to_string(),
        metrics: first.metrics.iter().map(held_at).collect(),
        moves: share(&|_, s| s.decisions.iter().any(moves)),
        shrinks_in_rollout: share(&|_, s| s.decisions.iter().any(shrinks_in_rollout)),
        too_late: share(&|r, s| late_s(r, s).is_some()),
        sentences: Vec::new(),
        runs: first.decisions.iter().map(run).collect(),
    };
    let all: Vec<&Scaling> = replications.iter().filter_map(|r| r.rollout.scaling.get(i)).collect();
    let late = replications.iter().filter_map(|r| late_s(r, r.rollout.scaling.get(i)?));
    row.sentences = sentences(&row, &all, late.collect());
    row
}

fn held_at((name, target): &(std::sync::Arc<str>, f64)) -> HeldAt {
    HeldAt { name: name.to_string(), target: *target }
}

fn moves(decision: &Decision) -> bool {
    decision.desired != decision.current
}

/// What a rollout makes of the metrics is taken for idleness.
fn shrinks_in_rollout(decision: &Decision) -> bool {
    decision.desired < decision.current && decision.rolling
}

/// For how many seconds requests have failed when pods are first added.
fn late_s(replication: &Replication, scaling: &Scaling) -> Option<f64> {
    let grows = scaling.decisions.iter().find(|d| d.desired > d.current)?;
    let failed = replication.traffic.first_failure?;
    (failed < grows.at).then(|| (grows.at - failed).as_secs_f64())
}

fn run(decision: &Decision) -> ScalingRun {
    let seen = |s: &crate::model::autoscaler::Seen| SeenMetric {
        seen: s.value,
        truth: s.truth,
        missing: s.missing,
    };
    ScalingRun {
        at_s: decision.at.as_secs_f64(),
        replicas: decision.current,
        recommended: decision.recommended,
        desired: decision.desired,
        held_by: held_by(decision),
        pods: decision.pods,
        ready: decision.ready,
        metrics: decision.seen.iter().map(seen).collect(),
    }
}

/// Why what is written is not what the metrics ask for.
fn held_by(decision: &Decision) -> String {
    let Some(recommended) = decision.recommended else {
        return "metrics that cannot be read".to_owned();
    };
    if decision.desired == recommended {
        return String::new();
    }
    if decision.current == 0 {
        return "replicas 0: the autoscaler rests".to_owned();
    }
    match decision.limit {
        Limit::TooFewReplicas => "minReplicas".to_owned(),
        Limit::TooManyReplicas => "maxReplicas".to_owned(),
        Limit::ScaleUpLimit => "the limit of growth at once".to_owned(),
        Limit::ScaleDownLimit => "the limit of shrinking at once".to_owned(),
        Limit::WithinRange if decision.stabilized != recommended => {
            "recommendations of the stabilization window".to_owned()
        }
        Limit::WithinRange => String::new(),
    }
}

/// What it does over all replications, and what is wrong with it.
fn sentences(row: &AutoscalerRow, all: &[&Scaling], late_s: Vec<f64>) -> Vec<String> {
    let mut found = vec![movement(row, all)];
    if row.shrinks_in_rollout > 0.0 {
        found.push(format!(
            "In {} of rollouts it takes pods away in mid-rollout: what new pods have counted so far is less \
             than what they will do, and pods that go no longer count.",
            percent(row.shrinks_in_rollout)
        ));
    }
    if row.too_late > 0.0 {
        found.push(format!(
            "It moves too late in {} of rollouts: requests have failed for {} when it first adds pods.",
            percent(row.too_late),
            seconds(middle(late_s))
        ));
    }
    let unread = all.iter().flat_map(|s| &s.decisions).filter(|d| d.recommended.is_none()).count();
    let runs = all.iter().map(|s| s.decisions.len()).sum::<usize>().max(1);
    if unread > 0 {
        found.push(format!(
            "{} of its runs do nothing, for lack of metrics.",
            percent(unread as f64 / runs as f64)
        ));
    }
    found
}

/// How often it changes the size, and the usual first change.
fn movement(row: &AutoscalerRow, all: &[&Scaling]) -> String {
    let first = |s: &&Scaling| s.decisions.iter().find(|d| moves(d)).cloned();
    let firsts: Vec<Decision> = all.iter().filter_map(first).collect();
    let Some(usual) = firsts.first() else {
        return match row.name == row.target {
            true => format!("{}'s autoscaler never changes its size.", row.name),
            false => format!("{} never changes the size of {}.", row.name, row.target),
        };
    };
    let at = middle(firsts.iter().map(|d| d.at.as_secs_f64()).collect());
    let ways: std::collections::BTreeSet<(i32, i32)> =
        firsts.iter().map(|d| (d.current, d.desired)).collect();
    let to = match ways.len() {
        1 => {
            format!("from {} to {}", usual.current, plural(usual.desired.max(0) as u64, "replica"))
        }
        _ => format!("such as from {} to {}", usual.current, usual.desired),
    };
    let why = row.metrics.iter().zip(&usual.seen).find_map(|(metric, seen)| {
        let value = seen.value?;
        Some(format!(": {} reads {}, held at {}", metric.name, count(value), count(metric.target)))
    });
    format!(
        "{} changes the size in {} of rollouts, first at {} ({to}){}.",
        row.name,
        percent(row.moves),
        seconds(at),
        why.unwrap_or_default()
    )
}

/// The median of some values.
fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5).unwrap_or(0.0)
}
