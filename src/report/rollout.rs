//! The rollout over replications: duration, phases, pods, and what it waits for.

use super::answer::{Rollout, RolloutPhase, Waiting};
use super::placement;
use super::released::ReleaseRow;
use super::spread::{value_figure, whole_figure};
use super::upset::UpsetRow;
use crate::engine::Time;
use crate::model::rollout::analysis::Found;
use crate::model::rollout::controller::Released;
use crate::run::Replication;
use crate::scenario::{ActionKind, Scenario};
use crate::timeline::{Milestone, Timeline, UpsetBy};
use crate::world::Upset;
use std::collections::BTreeMap;

/// Sums up the replications (at least one).
pub fn rollout(scenario: &Scenario, replications: &[Replication]) -> Rollout {
    let n = replications.len() as f64;
    let outcomes = || replications.iter().map(|r| &r.rollout);
    let duration: Vec<f64> = outcomes().filter_map(|r| Some(r.complete?.as_secs_f64())).collect();
    let gone: Vec<f64> = outcomes().filter_map(|r| Some(r.last_pod_gone?.as_secs_f64())).collect();
    let exceeded: Vec<f64> =
        outcomes().filter_map(|r| Some(r.progress_deadline_exceeded?.as_secs_f64())).collect();
    let peak: Vec<f64> = outcomes().map(|r| f64::from(r.peak_pods)).collect();
    let lowest: Vec<f64> = outcomes().map(|r| f64::from(r.lowest_available)).collect();
    let some = |values: &[f64]| (!values.is_empty()).then(|| value_figure(values));
    Rollout {
        is_rollout: scenario.actions.iter().any(|a| a.kind.is_rollout()),
        completed: duration.len() as f64 / n,
        duration_s: some(&duration),
        last_pod_gone_s: some(&gone),
        phases: replications
            .first()
            .and_then(|r| r.timeline.as_ref())
            .map_or(vec![], |t| phases(t, scenario.before().kind().name())),
        peak_pods: whole_figure(&peak),
        lowest_available: whole_figure(&lowest),
        desired: desired(scenario),
        surge_pod_seconds: outcomes().map(|r| r.surge_pod_seconds).sum::<f64>() / n,
        progress_deadline_exceeded: exceeded.len() as f64 / n,
        progress_deadline_exceeded_s: some(&exceeded).map(|f| f.mean),
        unschedulable: waiting(replications, |r| {
            r.rollout.unschedulable.first().map(|u| u.message.as_str())
        }),
        placement: placement::of(scenario, replications),
    }
}

/// What load, or what pods depend on, did to pods that were well; None: nothing of the kind happened.
pub fn upset(replications: &[Replication]) -> Option<UpsetRow> {
    let upsets: Vec<&Upset> =
        replications.iter().filter_map(|r| r.rollout.upset.as_ref()).collect();
    let first = upsets.first()?;
    let n = upsets.len() as f64;
    let figure = |count: fn(&Upset) -> u32| {
        whole_figure(&upsets.iter().map(|u| f64::from(count(u))).collect::<Vec<_>>())
    };
    let back: Vec<f64> = upsets.iter().filter_map(|u| Some(u.back?.as_secs_f64())).collect();
    let by = match first.by {
        UpsetBy::Load => "load",
        UpsetBy::Dependency => "dependency",
        UpsetBy::Hung => "hung",
    };
    Some(UpsetRow {
        by: by.to_owned(),
        share: n / replications.len() as f64,
        since_s: upsets.iter().map(|u| u.since.as_secs_f64()).sum::<f64>() / n,
        unready: figure(|u| u.unready),
        kills: figure(|u| u.kills),
        comes_back: back.len() as f64 / n,
        back_s: (!back.is_empty()).then(|| value_figure(&back)),
    })
}

/// What became of a release that decides; None: there is none.
pub fn release(scenario: &Scenario, replications: &[Replication]) -> Option<ReleaseRow> {
    let all: Vec<&Released> =
        replications.iter().filter_map(|r| r.rollout.released.as_deref()).collect();
    if all.is_empty() {
        return None;
    }
    let n = all.len() as f64;
    let promoted: Vec<f64> = all.iter().filter_map(|r| Some(r.promoted?.as_secs_f64())).collect();
    let aborted: Vec<f64> =
        all.iter().filter_map(|r| Some(r.aborted.as_ref()?.0.as_secs_f64())).collect();
    let mut why: BTreeMap<String, usize> = BTreeMap::new();
    for (_, decided) in all.iter().filter_map(|r| r.aborted.as_ref()) {
        *why.entry(decided.to_string()).or_default() += 1;
    }
    let mut why: Vec<(String, usize)> = why.into_iter().collect();
    why.sort_by_key(|of| std::cmp::Reverse(of.1));
    let count = |errors: bool| {
        let of = |r: &&Released| {
            r.measured.iter().filter(|m| (m.found == Found::Error) == errors).count() as f64
        };
        whole_figure(&all.iter().map(of).collect::<Vec<_>>())
    };
    let some = |values: &[f64]| (!values.is_empty()).then(|| value_figure(values));
    Some(ReleaseRow {
        promoted: promoted.len() as f64 / n,
        aborted: aborted.len() as f64 / n,
        waits: all.iter().filter(|r| r.waits).count() as f64 / n,
        promoted_s: some(&promoted),
        aborted_s: some(&aborted),
        analysed: scenario.releases().any(|release| !release.analyses().is_empty()),
        why: why.into_iter().map(|(why, _)| why).collect(),
        measurements: count(false),
        errors: count(true),
    })
}

/// Replicas of the Deployment under test, after the actions.
fn desired(scenario: &Scenario) -> i32 {
    let subject = scenario.before();
    let mut replicas = subject.replicas;
    for action in &scenario.actions {
        match &action.kind {
            ActionKind::Rollout { workload, .. } => replicas = workload.replicas,
            ActionKind::Scale { deployment, replicas: to } if *deployment == subject.name => {
                replicas = *to;
            }
            _ => {}
        }
    }
    replicas
}

fn waiting(
    replications: &[Replication],
    what: impl Fn(&Replication) -> Option<&str>,
) -> Vec<Waiting> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for what in replications.iter().filter_map(what) {
        *counts.entry(what).or_default() += 1;
    }
    let n = replications.len() as f64;
    let mut list: Vec<Waiting> = counts
        .into_iter()
        .map(|(what, k)| Waiting { what: what.into(), share: f64::from(k) / n })
        .collect();
    list.sort_by(|a, b| b.share.total_cmp(&a.share));
    list
}

/// What the time goes into, from the instants everybody watches: new pods ready, old pods told to go.
fn phases(timeline: &Timeline, kind: &str) -> Vec<RolloutPhase> {
    let whole = format!("{kind} complete");
    let new = || timeline.pods.iter().filter(|p| p.created >= Time::ZERO);
    let old = || timeline.pods.iter().filter(|p| p.created < Time::ZERO);
    let known = |t: &Time| !t.is_never() && *t >= Time::ZERO && *t <= timeline.end;
    let complete = timeline.milestones.iter().find(|m| m.1 == Milestone::Complete).map(|m| m.0);
    let steps = [
        ("first new pod created", new().map(|p| p.created).filter(known).min()),
        ("first new pod ready", new().map(|p| p.ready).filter(known).min()),
        ("all new pods ready", latest(new().map(|p| p.ready), known)),
        (whole.as_str(), complete.filter(known)),
        ("last old pod gone", latest(old().map(|p| p.removed), known)),
    ];
    let mut reached: Vec<(&str, Time)> =
        steps.iter().filter_map(|&(name, at)| Some((name, at?))).collect();
    reached.sort_by_key(|&(_, at)| at);
    let mut from_s = 0.0;
    let mut phases: Vec<RolloutPhase> = Vec::new();
    for (name, at) in reached {
        let to_s = at.as_secs_f64();
        // Steps that fall together are one phase.
        if let Some(last) = phases.last_mut().filter(|_| to_s - from_s < 0.005) {
            let RolloutPhase { name: so_far, .. } = last;
            so_far.push_str(&format!(" and {name}"));
            continue;
        }
        phases.push(RolloutPhase { name: format!("until {name}"), from_s, to_s });
        from_s = to_s;
    }
    phases
}

/// The latest of `times`, if all of them came about.
fn latest(times: impl Iterator<Item = Time>, known: impl Fn(&Time) -> bool) -> Option<Time> {
    let times: Vec<Time> = times.collect();
    times.iter().all(known).then(|| times.into_iter().max()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_needs_all() {
        let known = |t: &Time| !t.is_never();
        assert_eq!(latest([Time(1), Time(3)].into_iter(), known), Some(Time(3)));
        assert_eq!(latest([Time(1), Time::NEVER].into_iter(), known), None);
        assert_eq!(latest([].into_iter(), known), None);
    }
}
