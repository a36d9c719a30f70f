//! What became of connections that clients keep open, gathered from all replications.

use super::connections::{ConnectionsRow, CutRow};
use super::spread::{value_figure, whole_figure};
use super::words::{cause_key, cause_label};
use crate::run::Replication;
use crate::traffic::{Cause, ConnectionsOutcome};
use std::collections::BTreeMap;

/// Of all replications (at least one); none: nobody keeps a connection.
pub fn row(replications: &[Replication]) -> Option<ConnectionsRow> {
    let all: Vec<&ConnectionsOutcome> =
        replications.iter().filter_map(|r| r.traffic.connections.as_deref()).collect();
    let first = *all.first()?;
    let n = all.len() as f64;
    let whole = |of: &dyn Fn(&ConnectionsOutcome) -> f64| {
        whole_figure(&all.iter().map(|c| of(c)).collect::<Vec<_>>())
    };
    let mut causes: BTreeMap<_, f64> = BTreeMap::new();
    for (cause, n) in all.iter().flat_map(|c| &c.cut) {
        *causes.entry(*cause).or_insert(0.0) += f64::from(*n);
    }
    let mut cut_by: Vec<CutRow> = causes
        .into_iter()
        .map(|(cause, sum)| CutRow {
            key: cause_key(cause).to_owned(),
            label: ending(cause).to_owned(),
            mean: sum / n,
        })
        .collect();
    cut_by.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    let back = |c: &&ConnectionsOutcome| Some((c.back? - c.first_cut?).as_secs_f64());
    let back: Vec<f64> = all.iter().filter_map(back).collect();
    let well = |c: &&&ConnectionsOutcome| c.first_cut.is_none() || c.back.is_some();
    let uneven: Vec<f64> = all.iter().filter_map(|c| imbalance(&c.by_pod)).collect();
    let mut by_pod = first.by_pod.clone();
    by_pod.sort_unstable_by(|a, b| b.cmp(a));
    Some(ConnectionsRow {
        kept: first.kept,
        cut: whole(&|c| c.cut.values().fold(0.0, |sum, n| sum + f64::from(*n))),
        cut_by,
        renewed: whole(&|c| f64::from(c.renewed)),
        attempts: whole(&|c| f64::from(c.attempts)),
        failed: whole(&|c| c.failed.values().fold(0.0, |sum, n| sum + f64::from(*n))),
        peak_per_s: whole(&|c| f64::from(c.peak_per_s)),
        all_back: all.iter().filter(well).count() as f64 / n,
        back_s: (!back.is_empty()).then(|| value_figure(&back)),
        longest_away_s: value_figure(
            &all.iter().map(|c| c.longest_away.as_secs_f64()).collect::<Vec<_>>(),
        ),
        imbalance: (!uneven.is_empty()).then(|| value_figure(&uneven)),
        by_pod,
    })
}

/// The fullest over the mean; none: nobody serves, or none is open.
fn imbalance(by_pod: &[u32]) -> Option<f64> {
    let open: u32 = by_pod.iter().sum();
    let most = f64::from(*by_pod.iter().max()?);
    (open > 0).then(|| most * by_pod.len() as f64 / f64::from(open))
}

/// What ended a connection, in words.
fn ending(cause: Cause) -> &'static str {
    match cause {
        Cause::CutByExit => "the process exits",
        Cause::CutByKill => "the process is killed",
        Cause::CutByCrash => "the process crashes, or is restarted by a probe",
        Cause::CutByDeregistration => "the deregistration delay is over",
        Cause::ListenerClosed => "the server sends them away as it stops",
        Cause::Rehash => "a router hashes anew",
        Cause::NodeLost => "a node is lost",
        other => cause_label(other),
    }
}
