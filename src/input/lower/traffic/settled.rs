//! When what is done should be over, from above.

use crate::cluster::flagger::Flagger;
use crate::cluster::release::{Analysis, Plan, Step};
use crate::cluster::spec::{IntOrPercent, Node, OnSigterm, PodTemplate, Requests};
use crate::cluster::workload::{Strategy, Workload};
use crate::engine::{Dist, Dur, Time};
use crate::input::cards;
use crate::input::lower::lowering::at;
use crate::model::node::controller::tolerated;
use crate::model::platform::{Defaults, Platform};
use crate::model::rollout::flagger::{max_weight, next_step};
use crate::scenario::maintenance::Struck;
use crate::scenario::{Action, ActionKind, Path};
use std::sync::Arc;

/// When the actions and the rollouts they start should be over, from above: slow starts, every wave after
/// the other, then the last pods' termination.
pub(super) fn settled(
    subject: &Workload,
    actions: &[Action],
    path: &Path,
    platform: &Platform,
    minor: u32,
    nodes: &[Arc<Node>],
) -> Time {
    let mut settled = at(30.0);
    let rollout = |to: &Workload| {
        let room = waits_for_room(&subject.template, &to.template, nodes);
        rollout(subject, to, path, platform, minor, room)
    };
    for action in actions {
        let stop = |old: &PodTemplate| stop(old).max(action.kind.grace().unwrap_or(0) as f64);
        let next = match &action.kind {
            ActionKind::Rollout { workload, .. } => rollout(workload),
            ActionKind::SelectorSwitch {
                deployment,
                switch_after,
                scale_down_after,
                shifts,
                ..
            } => {
                let shifts: f64 = shifts.iter().map(|shift| shift.after.as_secs_f64()).sum();
                let up = available(deployment, path, platform, minor);
                let up = up + switch_after.as_secs_f64() + shifts;
                up + scale_down_after.map_or(0.0, |d| d.as_secs_f64()) + stop(&subject.template)
            }
            ActionKind::RestartIngress => path.restart_s(),
            ActionKind::Undo { .. } => rollout(subject),
            ActionKind::Evict { retry, .. } => {
                let one = available(subject, path, platform, minor) + retry.as_secs_f64();
                f64::from(subject.replicas) * one + stop(&subject.template)
            }
            kind if kind.loses_nodes() || kind.evicts() => {
                let up = available(subject, path, platform, minor);
                of_nodes(kind, subject, up + stop(&subject.template))
            }
            _ => available(subject, path, platform, minor) + stop(&subject.template),
        };
        let next = next + path.forgets_after_s();
        let settle = Dur::from_secs_f64((next + 10.0).clamp(0.0, 7200.0));
        settled = settled.max(action.at + settle);
    }
    settled
}

/// A dead node is found out after at most so long, and tainted.
const FOUND_OUT_S: f64 = 70.0;

/// When an action about nodes should be over, if a pod takes so long to be replaced.
fn of_nodes(kind: &ActionKind, subject: &Workload, one_s: f64) -> f64 {
    let defaults = cards::kubernetes();
    let boot = defaults.node_boot_p99.as_secs_f64();
    let settle = defaults.eks_settle.as_secs_f64();
    // Found out after a minute, and then what pods tolerate.
    let lost = FOUND_OUT_S + tolerated_s(&subject.template) + one_s;
    match kind {
        ActionKind::Drain { nodes, at_once, .. } => {
            nodes.len().div_ceil(*at_once as usize).max(1) as f64 * one_s
        }
        ActionKind::Upgrade(u) => {
            let rounds = u.old.len().div_ceil(u.at_once as usize) as f64;
            2.0 * boot + rounds * (2.0 * one_s + settle) + f64::from(u.further) * one_s
        }
        ActionKind::Consolidation(given_up) => given_up.nodes.len() as f64 * one_s,
        ActionKind::Spot(spot) => spot.notice.as_secs_f64() + lost,
        ActionKind::Chaos(chaos) if chaos.what == Struck::Pod => {
            chaos.every.as_secs_f64() * f64::from(chaos.blows) + one_s
        }
        ActionKind::Chaos(chaos) => chaos.every.as_secs_f64() * f64::from(chaos.blows) + lost,
        _ => lost,
    }
}

/// How long pods tolerate that their node is unreachable; at most an hour counts.
fn tolerated_s(template: &PodTemplate) -> f64 {
    const MOST_S: i64 = 3600;
    let own = tolerated(&template.placement).into_iter().flatten().min();
    own.unwrap_or(MOST_S).clamp(0, MOST_S) as f64
}

/// How long a new pod may have to wait until an old one has made room.
fn waits_for_room(old: &PodTemplate, new: &PodTemplate, nodes: &[Arc<Node>]) -> f64 {
    let limited = nodes.iter().any(|n| n.allocatable.is_some());
    let crowded = limited && new.containers.iter().any(|c| c.requests != Requests::default())
        || !new.placement.anti_affinity.required.is_empty()
        || !new.placement.host_ports.is_empty();
    if crowded { stop(old) } else { 0.0 }
}

fn rollout(
    old: &Workload,
    new: &Workload,
    path: &Path,
    platform: &Platform,
    minor: u32,
    room: f64,
) -> f64 {
    let n = f64::from(new.replicas.max(1));
    let count = |limit: IntOrPercent| match limit {
        IntOrPercent::Int(k) => f64::from(k),
        IntOrPercent::Percent(p) => n * f64::from(p) / 100.0,
    };
    let up = available(new, path, platform, minor) + room;
    // One controller creates and deletes all pods, at so many calls a second after a burst.
    let Defaults { controller_qps, controller_burst, .. } = *cards::kubernetes();
    let calls = (3.0 * n - f64::from(controller_burst)).max(0.0) / f64::from(controller_qps);
    let down = stop(&old.template) + calls;
    match new.strategy {
        Strategy::Recreate => down + up,
        // Each goes before its successor comes.
        Strategy::StatefulSet(s) => n / f64::from(s.may_be_away(new.replicas)) * (up + down),
        Strategy::DaemonSet(s) => {
            let (surge, unavailable) = s.limits(new.replicas);
            libm::ceil(n / f64::from(surge.max(unavailable).max(1))) * (up + down)
        }
        Strategy::Rollout { .. } => released(new, up) + down,
        Strategy::ReplicaSet | Strategy::Pod => 0.0,
        Strategy::RollingUpdate { max_surge, max_unavailable } => {
            let surge = libm::ceil(count(max_surge));
            let at_once = (surge + libm::floor(count(max_unavailable))).clamp(1.0, n);
            let canary = new.release.as_ref().and_then(|r| r.flagger());
            libm::ceil(n / at_once) * up + down + canary.map_or(0.0, |c| looked_at(c, up))
        }
    }
}

/// The steps of a release, with their pauses and analyses; `up`: until new pods are there.
fn released(workload: &Workload, up: f64) -> f64 {
    const PASS: f64 = 2.0;
    let Some(release) = &workload.release else { return up };
    let analysis = |a: &Analysis| {
        let longest = a.metrics.iter().map(|m| {
            let count = f64::from(m.limits.count.unwrap_or(1).max(1));
            m.initial_delay.as_secs_f64() + count * m.interval.unwrap_or_default().as_secs_f64()
        });
        longest.fold(0.0, f64::max)
    };
    let steps = match &release.plan {
        Plan::Canary(canary) => {
            let step = |step: &Step| match step {
                Step::SetWeight(_) | Step::SetCanaryScale(_) => up + PASS,
                Step::Pause(length) => length.unwrap_or_default().as_secs_f64() + PASS,
                Step::Analysis(a) => analysis(a) + PASS,
                Step::Free => PASS,
            };
            canary.steps.iter().map(step).sum::<f64>() + up
        }
        Plan::BlueGreen(b) => {
            let around = b.before.iter().chain(&b.after).map(analysis).sum::<f64>();
            2.0 * up + b.auto_after.as_secs_f64() + around
        }
        Plan::Flagger(_) => 0.0,
    };
    steps + release.scale_down_delay.unwrap_or_default().as_secs_f64() + PASS
}

/// The looks of Flagger, those that fail included, until the canary is gone; `up`: until new pods are there.
fn looked_at(canary: &Flagger, up: f64) -> f64 {
    let (mut looks, mut weight) = (4 + canary.iterations, 0);
    while canary.iterations == 0 && weight < max_weight(canary) && next_step(canary, weight) > 0 {
        weight += next_step(canary, weight);
        looks += 1;
    }
    let back = 100_u32.checked_div(canary.promotion_step.unsigned_abs()).unwrap_or(1);
    let looks = looks + back + canary.threshold.min(20);
    f64::from(looks) * canary.interval.as_secs_f64() + 2.0 * up
}

/// From a pod's creation until it counts as available, slow but not extreme.
fn available(deployment: &Workload, path: &Path, platform: &Platform, minor: u32) -> f64 {
    let high = |d: &Dist| d.quantile_s(0.95);
    let template = &deployment.template;
    let gated = !template.readiness_gates.is_empty();
    let gate = if gated { path.gate_after_s() } else { 0.0 };
    let mut s =
        [&platform.delays.schedule, &platform.delays.pod_setup, &platform.delays.sandbox_create]
            .map(high)
            .iter()
            .sum::<f64>();
    for c in template.init_containers.iter().chain(&template.containers) {
        let probe = c.readiness_probe.as_ref();
        let probing = probe.map_or(0.0, |p| {
            f64::from(p.initial_delay_seconds.max(0))
                + f64::from(p.period_seconds) * f64::from(p.success_threshold)
        });
        let startup = c.startup_probe.as_ref().map_or(0.0, |p| f64::from(p.period_seconds));
        s += high(&platform.delays.container_start)
            + high(&platform.delays.image_check)
            + high(&c.app.start_delay)
            + probing
            + startup;
    }
    // Before v1.34 pods that became ready at different times are found available up to twice as late.
    let looks = if minor < 34 && deployment.min_ready_seconds > 0 { 2.0 } else { 1.0 };
    s + gate + looks * f64::from(deployment.min_ready_seconds) + 3.0
}

/// From a pod's deletion until it is gone, at most.
pub(super) fn stop(template: &PodTemplate) -> f64 {
    let grace = template.termination_grace_period_seconds as f64;
    let one = |c: &crate::cluster::spec::Container| {
        let hook = c.pre_stop.as_ref().map_or(0.0, |hook| hook.length().as_secs_f64());
        let service = c.app.service.quantile_s(0.99);
        hook + match &c.app.on_sigterm {
            OnSigterm::Exit => 0.0,
            OnSigterm::Graceful { drain_timeout } => service.min(drain_timeout.as_secs_f64()),
            OnSigterm::LameDuck { delay, drain_timeout } if c.app.drain_accepts.is_some() => {
                (*delay + *drain_timeout).as_secs_f64()
            }
            OnSigterm::LameDuck { delay, drain_timeout } => {
                delay.as_secs_f64() + service.min(drain_timeout.as_secs_f64())
            }
            OnSigterm::Ignore => grace,
        }
    };
    template.containers.iter().map(one).fold(0.0, f64::max).min(grace + 2.0) + 5.0
}
