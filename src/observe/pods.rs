//! Pods as `kubectl get pods` shows them, and their processes as they are.

use super::seen::{PodSeen, Seen};
use super::{Connect, Happening, PodRow, Process};
use crate::cluster::PodPhase;
use crate::cluster::spec::PodTemplate;
use crate::engine::Time;
use crate::timeline::{Life, LifeEnd, Phase, PodTruth, Timeline};
use crate::world::Control;
use std::collections::BTreeMap;

/// What happens, with the time.
pub(super) type All = Vec<(Time, Happening)>;

/// Every change of a row. What the kubelet reports is as late as it is in the API; the state of containers
/// that crash is not among that, and is shown when it comes about.
pub(super) fn rows(control: &Control, seen: &Seen, all: &mut All) {
    let timeline = &control.timeline;
    let mut latest: BTreeMap<u32, PodRow> = BTreeMap::new();
    for seen in with_crashes(timeline, &seen.pods) {
        let row = row(control, &seen);
        let known = latest.insert(seen.pod.0, row.clone());
        if known.as_ref() != Some(&row) {
            all.push((seen.at, Happening::Pod(row)));
        }
    }
}

/// The same with a look at each end and each further start of a process.
fn with_crashes(timeline: &Timeline, seen: &[PodSeen]) -> Vec<PodSeen> {
    let mut looks = seen.to_vec();
    let ids = timeline.pods.ids().zip(&timeline.pods);
    for (id, pod) in ids.filter(|(_, pod)| pod.lives.len() > 1 || crashed(pod)) {
        let starts = pod.lives.iter().skip(1).map(|life| life.started);
        for at in pod.lives.iter().map(|life| life.exit).chain(starts) {
            let before = seen.iter().rev().find(|s| s.pod == id && s.at <= at);
            looks.extend(
                before.filter(|s| !s.removed && !at.is_never()).map(|s| PodSeen { at, ..*s }),
            );
        }
    }
    looks.sort_by_key(|s| s.at);
    looks
}

fn crashed(pod: &PodTruth) -> bool {
    pod.lives.iter().any(|life| life.ended_by == LifeEnd::Crash)
}

fn row(control: &Control, seen: &PodSeen) -> PodRow {
    let cluster = &control.cluster;
    let (truth, template) = (&control.timeline.pods[seen.pod], cluster.template_of(seen.pod));
    let created = cluster.pods[seen.pod].created;
    let begun = truth.lives.iter().filter(|life| life.started <= seen.at).count();
    let restarts = seen.status.restarts.max(begun.saturating_sub(1) as u32);
    let ended = truth.lives.iter().map(|life| life.exit).filter(|exit| *exit <= seen.at);
    PodRow {
        pod: truth.name.to_string(),
        ready: ready(seen, template),
        status: status(seen, truth, template).to_string(),
        restarts,
        restarted_s: ended.max().filter(|_| restarts > 0).map(Time::as_secs_f64),
        created_s: created.as_secs_f64(),
        node: seen.node.map(|node| cluster.nodes[node].name.clone()),
        version: template.version.clone(),
        gone: seen.removed,
    }
}

/// Containers that are ready, of how many. Of several, those without a readiness probe are as soon as they
/// run.
fn ready(seen: &PodSeen, template: &PodTemplate) -> String {
    let sidecars = template.init_containers.iter().filter(|c| c.sidecar);
    let counted = || template.containers.iter().chain(sidecars.clone());
    let all = counted().count();
    let ready = match (seen.status.containers_ready, seen.status.phase) {
        (true, _) => all,
        (false, PodPhase::Running) if all > 1 => {
            let unprobed = counted().filter(|c| c.readiness_probe.is_none() && !c.never_starts());
            unprobed.count().min(all - 1)
        }
        _ => 0,
    };
    format!("{ready}/{all}")
}

/// The column STATUS.
///
/// `pkg/printers/internalversion/printers.go: printPod`.
fn status(seen: &PodSeen, truth: &PodTruth, template: &PodTemplate) -> String {
    let phase = seen.status.phase;
    if seen.deleting && !phase.is_terminal() {
        return "Terminating".to_owned();
    }
    match phase {
        PodPhase::Pending if seen.node.is_none() => "Pending".to_owned(),
        PodPhase::Pending => match template.init_containers.len() {
            0 => "ContainerCreating".to_owned(),
            n => format!("Init:0/{n}"),
        },
        PodPhase::Unknown => "Unknown".to_owned(),
        PodPhase::Running => container(&truth.lives, seen.at).to_owned(),
        PodPhase::Succeeded => "Completed".to_owned(),
        PodPhase::Failed => "Error".to_owned(),
    }
}

/// What the container that serves is doing.
fn container(lives: &[Life], at: Time) -> &'static str {
    let last = lives.iter().enumerate().rev().find(|(_, life)| life.started <= at);
    match last {
        Some((i, life)) if life.exit <= at => match (i, life.ended_by) {
            (0, LifeEnd::Crash | LifeEnd::Sigkill) => "Error",
            (0, _) => "Completed",
            _ => "CrashLoopBackOff",
        },
        _ => "Running",
    }
}

/// What becomes of processes, and what connections to them meet.
pub(super) fn processes(timeline: &Timeline, all: &mut All) {
    for pod in &timeline.pods {
        let name = pod.name.to_string();
        let mut add = |at: Time, what: &str| {
            if !at.is_never() && at > timeline.start {
                let process = Process { pod: name.clone(), what: what.to_owned() };
                all.push((at, Happening::Process(process)));
            }
        };
        for life in &pod.lives {
            add(life.started, "started");
            add(life.listening, "listening");
            add(life.sigterm, "SIGTERM");
            if life.stop_accept != life.exit {
                add(life.stop_accept, "closed");
            }
            add(life.exit, "exited");
        }
        for &(at, phase) in pod.phases.iter().filter(|(at, _)| !at.is_never()) {
            let meets = match phase {
                Phase::Silent => "silence",
                Phase::Unreachable => "no-route",
                Phase::Refusing => "refused",
                Phase::ProxyAlone => "503",
                Phase::Serving => "accepted",
            };
            let meets = Connect { pod: name.clone(), meets: meets.to_owned() };
            all.push((at.max(timeline.start), Happening::Connect(meets)));
        }
    }
}
