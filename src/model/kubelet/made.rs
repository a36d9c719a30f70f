//! A pod as its kubelet first has it.

use super::backoff::Backoff;
use super::controller::{Container, Life, Pod, State};
use super::readiness::Role;
use crate::cluster::objects::{NodeId, Owner, PodId};
use crate::cluster::spec::{App, Container as ContainerSpec};
use crate::cluster::workload::Strategy;
use crate::engine::{Dur, Luck, Time};
use crate::model::platform::Defaults;
use crate::model::plumbing::Scene;
use smallvec::SmallVec;

// These two are inlined so that a pod is made where it stays: it is large.

/// How long a pod of a StatefulSet waits for its volume: the pod before it under its name had it on another
/// node.
pub(super) fn volume_wait(scene: &Scene, pod: PodId) -> Dur {
    let cluster = scene.cluster;
    let object = &cluster.pods[pod];
    let Owner::Workload(id) = object.owner else { return Dur::ZERO };
    let Strategy::StatefulSet(strategy) = cluster.workloads[id].spec.strategy else {
        return Dur::ZERO;
    };
    let same_name = |p: &PodId| {
        let other = &cluster.pods[*p];
        other.owner == object.owner && other.number == object.number && other.node.is_some()
    };
    let before = (0..pod.0).rev().map(PodId).find(same_name);
    let moves = before.is_some_and(|p| cluster.pods[p].node != object.node);
    if !moves || !strategy.claims {
        return Dur::ZERO;
    }
    scene.ctx.latencies.volume_move.draw(&mut Luck::of(object.uid, "volume"))
}

#[inline(always)]
pub(super) fn new_pod(scene: &Scene, node: NodeId, pod: PodId) -> Pod {
    let Defaults { crash_loop_base, crash_loop_max, crash_loop_reset, .. } =
        scene.ctx.kubernetes.defaults;
    let (uid, template) = (scene.cluster.pods[pod].uid, scene.cluster.template_of(pod));
    let backoff = Backoff::new(crash_loop_base, crash_loop_max, crash_loop_reset);
    let init = |c: &ContainerSpec| match c.sidecar {
        true => Role::Sidecar,
        false => Role::Init { succeeded: false },
    };
    let inits = template.init_containers.iter().map(init);
    let roles = inits.chain(template.containers.iter().map(|_| Role::App));
    let mut containers = SmallVec::new();
    roles.for_each(|role| containers.push(new_container(role, backoff)));
    Pod {
        uid,
        luck: Luck::of(uid, "kubelet"),
        node,
        life: Life::Starting,
        containers,
        sandbox: false,
        iterate_at: Time::NEVER,
        iterated: Time::ALWAYS,
        seen_running: false,
        status_pending: false,
        sent: None,
        serving: template.serving,
        proxy: template.proxy,
        limit: None,
    }
}

#[inline(always)]
fn new_container(role: Role, backoff: Backoff) -> Container {
    Container {
        role,
        run: 0,
        ended_before: None,
        state: State::Waiting,
        seen: (State::Waiting, 0),
        listening: Time::NEVER,
        unready_from: Time::NEVER,
        stop_accept: Time::NEVER,
        started: false,
        ready: false,
        hung: false,
        dependency_down: false,
        dependency_slow: Dur::ZERO,
        killing: false,
        preparing: false,
        kill_at: Time::NEVER,
        backoff,
        probes: [const { None }; 3],
    }
}

/// From when on a process that has just started answers "not ready".
pub(super) fn unready_from(app: &App) -> Time {
    if app.never_ready { Time::ALWAYS } else { Time::NEVER }
}
