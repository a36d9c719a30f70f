//! What Cluster Autoscaler or Karpenter did: nodes that came for pods that fitted nowhere, nodes that went.

use super::words::{count, percent, plural_of, seconds};
use crate::model::node::provision::Turnover;
use crate::run::Replication;
use crate::stats::quantile;
use schemars::JsonSchema;
use serde::Serialize;

/// Over all replications; counts are per rollout.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NodesRow {
    /// Who brings and takes nodes.
    pub by: String,
    /// Machines that are launched.
    pub launched: f64,
    /// From the launch of a machine until its node is ready: the median; none: none is.
    pub boot_s: Option<f64>,
    /// When the first new node is ready: the median of the rollouts in which one is.
    pub first_ready_s: Option<f64>,
    /// Nodes that are given up.
    pub given_up: f64,
    /// When the first of them is: the median of the rollouts in which one is.
    pub first_given_up_s: Option<f64>,
    /// Nodes that stay because their pods cannot be evicted.
    pub stayed: f64,
    /// Share of rollouts in which pods wait for nodes that may not come.
    pub full: f64,
    /// Nodes when the run starts.
    pub before: f64,
    /// Nodes at its end.
    pub after: f64,
    /// The same in sentences.
    pub sentences: Vec<String>,
}

/// Of all replications; None: nobody brings or takes nodes.
pub fn row(replications: &[Replication]) -> Option<NodesRow> {
    let all: Vec<&Turnover> =
        replications.iter().filter_map(|r| r.rollout.turnover.as_deref()).collect();
    let by = all.first()?.by.to_owned();
    let mean = |of: &dyn Fn(&Turnover) -> f64| {
        all.iter().map(|t| of(t)).fold(0.0, |sum, x| sum + x) / all.len() as f64
    };
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        quantile(&values, 0.5)
    };
    let ready = |t: &Turnover| {
        let machines = t.launched.iter().filter(|m| !m.ready.is_never());
        let times = machines.map(|m| (m.ready - m.launched, m.ready));
        times.map(|(took, at)| (took.as_secs_f64(), at.as_secs_f64())).collect::<Vec<_>>()
    };
    let boots = all.iter().flat_map(|t| ready(t)).map(|(took, _)| took).collect();
    let firsts = all.iter().filter_map(|t| ready(t).into_iter().map(|m| m.1).reduce(f64::min));
    let given_up = all.iter().filter_map(|t| Some(t.taken.first()?.as_secs_f64()));
    let mut row = NodesRow {
        by,
        launched: mean(&|t| t.launched.len() as f64),
        boot_s: median(boots),
        first_ready_s: median(firsts.collect()),
        given_up: mean(&|t| t.taken.len() as f64 - f64::from(t.stayed)),
        first_given_up_s: median(given_up.collect()),
        stayed: mean(&|t| f64::from(t.stayed)),
        full: mean(&|t| f64::from(u32::from(t.full))),
        before: mean(&|t| f64::from(t.nodes[0])),
        after: mean(&|t| f64::from(t.nodes[1])),
        sentences: Vec::new(),
    };
    row.sentences = sentences(&row);
    Some(row)
}

fn sentences(row: &NodesRow) -> Vec<String> {
    let mut found = Vec::new();
    let nodes = |n: f64| plural_of(n, "node");
    if row.launched > 0.0 {
        let ready = match (row.first_ready_s, row.boot_s) {
            (Some(at), Some(boot)) => {
                format!(", the first ready at {} ({} after its launch)", seconds(at), seconds(boot))
            }
            _ => String::new(),
        };
        found.push(format!(
            "{} launches {} for pods that fit nowhere{ready}.",
            row.by,
            nodes(row.launched)
        ));
    }
    if row.full > 0.0 {
        found.push(format!(
            "In {} of rollouts pods find no room and no more nodes may come.",
            percent(row.full)
        ));
    }
    if let Some(at) = row.first_given_up_s.filter(|_| row.given_up > 0.0) {
        found.push(format!(
            "It gives up {}, the first at {}: their pods have to move.",
            nodes(row.given_up),
            seconds(at)
        ));
    }
    if row.stayed > 0.0 {
        let what = nodes(row.stayed);
        found.push(format!("{what} cannot be emptied, and stay."));
    }
    if found.is_empty() {
        found.push(format!("{} has nothing to do.", row.by));
    } else if row.launched + row.given_up > 0.0 {
        found.push(format!("{} at first, {} in the end.", nodes(row.before), count(row.after)));
    }
    found
}
