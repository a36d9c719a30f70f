//! What vertical pod autoscalers did: whom they evicted or resized, and what kept them.

use super::words::{count, percent, plural, plural_of, seconds};
use crate::model::vertical::Updates;
use crate::model::vertical::spec::Mode;
use crate::run::Replication;
use crate::stats::quantile;
use schemars::JsonSchema;
use serde::Serialize;

/// One VerticalPodAutoscaler over all replications; counts are per rollout.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct VerticalRow {
    /// Its name.
    pub name: String,
    /// The workload that it is about.
    pub target: String,
    /// `updateMode`.
    pub mode: String,
    /// What it recommends, such as `app: cpu 250m → 1`.
    pub recommends: String,
    /// New pods that are admitted with it.
    pub admitted: f64,
    /// Pods that its updater evicts.
    pub evicted: f64,
    /// Evictions that a budget refuses.
    pub refused: f64,
    /// Pods that are resized where they run.
    pub resized: f64,
    /// Containers that a resize starts anew.
    pub restarted: f64,
    /// Resizes that find no room on the node at once.
    pub deferred: f64,
    /// Resizes that the node never has room for.
    pub infeasible: f64,
    /// When the first pod is evicted or resized: the median of the rollouts in which one is.
    pub first_s: Option<f64>,
    /// What it does and what keeps it, in sentences.
    pub sentences: Vec<String>,
}

/// Of all replications (at least one).
pub fn rows(replications: &[Replication]) -> Vec<VerticalRow> {
    let first = &replications[0].rollout.updates;
    (0..first.len()).map(|i| row(i, &first[i], replications)).collect()
}

fn row(i: usize, first: &Updates, replications: &[Replication]) -> VerticalRow {
    let all: Vec<&Updates> = replications.iter().filter_map(|r| r.rollout.updates.get(i)).collect();
    let mean = |of: &dyn Fn(&Updates) -> usize| {
        all.iter().map(|u| of(u)).sum::<usize>() as f64 / all.len().max(1) as f64
    };
    let begun = |u: &&Updates| u.evicted.iter().chain(&u.resized).min().map(|at| at.as_secs_f64());
    let mut firsts: Vec<f64> = all.iter().filter_map(begun).collect();
    firsts.sort_by(f64::total_cmp);
    let mut row = VerticalRow {
        name: first.name.to_string(),
        target: first.target.to_string(),
        mode: first.mode.name().to_owned(),
        recommends: first.shown.to_string(),
        admitted: mean(&|u| u.admitted as usize),
        evicted: mean(&|u| u.evicted.len()),
        refused: mean(&|u| u.refused as usize),
        resized: mean(&|u| u.resized.len()),
        restarted: mean(&|u| u.restarted as usize),
        deferred: mean(&|u| u.deferred as usize),
        infeasible: mean(&|u| u.infeasible as usize),
        first_s: quantile(&firsts, 0.5),
        sentences: Vec::new(),
    };
    let stuck = |r: &&Replication| !r.rollout.unschedulable.is_empty();
    let no_room = replications.iter().filter(stuck).count() as f64 / replications.len() as f64;
    row.sentences = sentences(&row, first, (no_room, mean(&|u| u.too_few as usize)));
    row
}

/// `no_room`: the share of rollouts at whose end a pod has no node; `too_few`: rounds with too small a group.
fn sentences(row: &VerticalRow, of: &Updates, (no_room, too_few): (f64, f64)) -> Vec<String> {
    let VerticalRow { name, recommends, target, .. } = row;
    let mut found = Vec::new();
    if recommends.is_empty() {
        found.push(format!("{name} recommends what {target} asks for already."));
        return found;
    }
    if of.mode == Mode::Off {
        found.push(format!("{name} (Off) recommends {recommends}, and changes nothing."));
        return found;
    }
    found.push(format!(
        "{name} ({}) recommends {recommends}: {} new pods a rollout are admitted with it.",
        row.mode,
        count(row.admitted)
    ));
    if let Some(first_s) = row.first_s {
        let mut ways = Vec::new();
        if row.evicted > 0.0 {
            ways.push(format!("evicts {}", plural_of(row.evicted, "pod")));
        }
        if row.resized > 0.0 {
            ways.push(format!("has {} resized where they run", plural_of(row.resized, "pod")));
        }
        let ways = ways.join(" and ");
        found.push(format!("Its updater {ways}, the first at {}.", seconds(first_s)));
    }
    if row.restarted > 0.0 {
        found.push(format!(
            "{} anew for it (resizePolicy: RestartContainer).",
            match row.restarted == 1.0 {
                true => "1 container starts".to_owned(),
                false => format!("{} containers start", count(row.restarted)),
            }
        ));
    }
    if row.refused > 0.0 {
        found.push(format!("A budget refuses {}.", plural_of(row.refused, "eviction")));
    }
    if row.deferred > 0.0 {
        let resizes = plural_of(row.deferred, "resize");
        found.push(format!("{resizes} wait for room on the node."));
    }
    if row.infeasible > 0.0 {
        let resizes = plural_of(row.infeasible, "resize");
        found.push(format!("{resizes} fit on the node never: such pods are evicted."));
    }
    if too_few > 0.0 && row.evicted + row.resized == 0.0 {
        found.push(format!(
            "It leaves running pods alone: there are fewer than {} (minReplicas).",
            plural(of.min_replicas.max(0) as u64, "live pod")
        ));
    }
    if no_room > 0.0 {
        found.push(format!(
            "In {} of rollouts a pod with it fits on no node in the end.",
            percent(no_room)
        ));
    }
    found
}
