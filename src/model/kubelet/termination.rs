//! Termination: hooks, grace period, signals, what the process does on them, and taking the pod down.

use super::controller::{
    ContainerId, Event, Job, Kill, Kubelets, LIVENESS, Life, READINESS, STARTUP, State,
    container_spec,
};
use super::drain::next_look;
use super::grace::{self, GraceSettings, KillReason, Signals};
use super::readiness::Role;
use crate::cluster::objects::PodId;
use crate::cluster::spec::{Container, Hook, OnSigterm};
use crate::engine::{Dur, Luck, Time};
use crate::model::plumbing::{Ctx, Out, Scene, slowed};
use crate::timeline::{LifeEnd, Phase};

impl Kubelets {
    pub(super) fn deleting(&mut self, scene: &mut Scene, pod: PodId, out: &mut impl Out<Event>) {
        let Some(Some(state)) = self.pods.get_mut(pod) else { return };
        if !matches!(state.life, Life::Starting | Life::Running) {
            return;
        }
        state.life = Life::AboutToStop;
        let busy = state.containers.iter().any(|c| c.preparing);
        if busy {
            // The start under way is not interrupted: see `after_start`.
            return;
        }
        // An iteration already waiting comes first, and the next one waits for a newer relist.
        let pending = state.iterate_at;
        let at = match pending.is_never() {
            true => self.next_iteration(scene.ctx.now, pod),
            false => self.node_of(pod).relist_after(pending.max(scene.ctx.now)),
        };
        if at > scene.ctx.now {
            out.at(at, Event::Terminate(pod));
        } else {
            self.terminate(scene, pod, out);
        }
    }

    pub(super) fn terminate(&mut self, scene: &mut Scene, pod: PodId, out: &mut impl Out<Event>) {
        let state = self.pod(pod);
        if state.life != Life::AboutToStop {
            return;
        }
        state.life = Life::Terminating { since: scene.ctx.now };
        for index in 0..self.pod(pod).containers.len() as u8 {
            let c = self.container(pod, index);
            if c.is_running() && c.role != Role::Sidecar {
                self.stop(scene, ContainerId(pod, index), None, KillReason::Other, out);
            }
        }
        self.next_stop(scene, pod, out);
    }

    /// A probe failed: the container is stopped and then started again.
    pub(super) fn kill(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        run: u32,
        by_startup: bool,
        out: &mut impl Out<Event>,
    ) {
        if !matches!(self.pod(pod).life, Life::Starting | Life::Running) {
            return;
        }
        let c = self.container(pod, index);
        if c.run != run || c.killing || !c.is_running() {
            return;
        }
        c.killing = true;
        if let State::Running { since } = c.state {
            let after = scene.ctx.now - since;
            debug_assert!(after >= Dur::ZERO, "a container is killed after its start");
            self.kills.push(Kill { pod, container: index, by_startup, after });
        }
        let reason = if by_startup { KillReason::StartupProbe } else { KillReason::LivenessProbe };
        self.stop(scene, ContainerId(pod, index), None, reason, out);
    }

    /// A container whose `resizePolicy` says so is stopped, and started again in the same iteration.
    pub(super) fn resized(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        out: &mut impl Out<Event>,
    ) {
        let runs = |state: &super::controller::Pod| state.life == Life::Running;
        if !self.pods.get(pod).is_some_and(|state| state.as_ref().is_some_and(runs)) {
            return;
        }
        let c = self.container(pod, index);
        if c.killing || !c.is_running() {
            return;
        }
        self.container(pod, index).killing = true;
        self.stop(scene, ContainerId(pod, index), None, KillReason::Other, out);
        debug_assert!(!self.container(pod, index).kill_at.is_never(), "it has a grace period");
    }

    /// Sends the signals to one container. `turn`: how long a sidecar has waited for its turn.
    fn stop(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        turn: Option<Dur>,
        reason: KillReason,
        out: &mut impl Out<Event>,
    ) {
        let template = scene.cluster.template_of(pod);
        let spec = container_spec(template, index);
        let settings = GraceSettings {
            deletion: scene.cluster.pods[pod].deleting,
            spec: Some(template.termination_grace_period_seconds),
            liveness_probe: probe_grace(spec.liveness_probe.as_ref()),
            startup_probe: probe_grace(spec.startup_probe.as_ref()),
            minimum: scene.ctx.kubernetes.defaults.minimum_grace_seconds,
        };
        // A pod as a whole is stopped with the pod worker's grace period.
        let seconds = match reason {
            KillReason::Other => {
                let limit = self.pod(pod).limit;
                grace::effective_grace(settings.spec, settings.deletion, limit)
            }
            _ => grace::container_grace(reason, settings),
        };
        let hook = spec.pre_stop.as_ref().map(|hook| self.hook_time(scene.ctx, pod, hook));
        let Signals { sigterm, sigkill } = grace::signals(seconds, hook, turn, settings.minimum);
        let begun = scene.ctx.now - turn.unwrap_or(Dur::ZERO);
        let node = self.pod(pod).node;
        let slow = self.short_slowdown(scene.ctx.platform.short_work_share, node);
        let delivery = slowed(scene.ctx.latencies.signal_delivery.draw(self.luck(pod)), slow);
        let c = self.container(pod, index);
        let run = c.run;
        c.kill_at = c.kill_at.min(begun + sigkill + delivery);
        debug_assert!(sigkill >= sigterm, "SIGKILL comes no earlier than SIGTERM");
        // The turn of a sidecar may come with the end of its grace period.
        let at = (begun + sigterm + delivery).max(scene.ctx.now);
        out.at(at, Event::Sigterm { pod, container: index, run });
    }

    fn hook_time(&mut self, ctx: Ctx, pod: PodId, hook: &Hook) -> Dur {
        let start = match hook {
            Hook::Sleep { .. } | Hook::UntilListening => Dur::ZERO,
            Hook::Exec { .. } => ctx.latencies.hook_exec.draw(self.luck(pod)),
            Hook::HttpGet { .. } => ctx.latencies.hook_http.draw(self.luck(pod)),
        };
        hook.length() + start
    }

    pub(super) fn sigterm(
        &mut self,
        scene: &mut Scene,
        id: ContainerId,
        run: u32,
        out: &mut impl Out<Event>,
    ) {
        let ContainerId(pod, index) = id;
        let now = scene.ctx.now;
        let spec = container_spec(scene.cluster.template_of(pod), index);
        let u = self.u(pod);
        let serving = self.pod(pod).serving == index;
        let c = self.container(pod, index);
        if c.run != run || !c.is_running() {
            return;
        }
        let kill_at = c.kill_at;
        if serving {
            scene.timeline.sigterm(pod, scene.ctx.now);
        }
        let (lame, limit) = match spec.app.on_sigterm {
            OnSigterm::Ignore => return self.exit_by(now, Time::NEVER, id, out),
            OnSigterm::Exit => return self.exit_by(now, now, id, out),
            OnSigterm::Graceful { drain_timeout } => (Dur::ZERO, drain_timeout),
            OnSigterm::LameDuck { delay, drain_timeout } => (delay, drain_timeout),
        };
        let stop = scene.ctx.now + lame;
        c.unready_from = c.unready_from.min(scene.ctx.now);
        let cut = (stop + limit).min(kill_at).max(scene.ctx.now);
        debug_assert!(cut >= scene.ctx.now, "nothing is cut in the past");
        if serving {
            scene.timeline.cut(pod, cut);
        }
        self.differing.push(pod);
        self.wake(scene.ctx, ContainerId(pod, index), READINESS, out);
        if spec.app.drain_accepts.is_some() && serving {
            out.at(stop.min(cut), Event::LookAround { pod, container: index, run });
            return self.exit_by(now, cut, id, out);
        }
        out.at(stop, Event::StopListening { pod, container: index, run });
        if self.counts_requests(spec) && serving {
            // It is heard of when all is answered.
            return self.exit_by(now, stop + limit, id, out);
        }
        let mut drain = self.drain_time(&spec.app.service, u);
        if let Some(longest) = spec.app.drain_poll {
            drain = next_look(drain, longest, Luck::of(self.pod(pod).uid, "drain looks"));
        }
        self.exit_by(now, stop + drain.min(limit), id, out);
    }

    /// Who simulates the requests knows what the process still has to do.
    fn counts_requests(&self, spec: &Container) -> bool {
        let counted = spec.app.concurrency.is_some() || !spec.app.calls.is_empty();
        self.load_is_read() && counted
    }

    /// The process exits at `at` by itself, unless SIGKILL comes first: at once for a sidecar whose turn came
    /// late.
    pub(super) fn exit_by(
        &mut self,
        now: Time,
        at: Time,
        ContainerId(pod, index): ContainerId,
        out: &mut impl Out<Event>,
    ) {
        let c = self.container(pod, index);
        let run = c.run;
        let (at, killed) = grace::stopped(at, c.kill_at);
        let end = if killed { LifeEnd::Sigkill } else { LifeEnd::Sigterm };
        out.at(at.max(now), Event::Exit { pod, container: index, run, end });
    }

    pub(super) fn stop_listening(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        run: u32,
    ) {
        let serving = self.pod(pod).serving == index;
        let c = self.container(pod, index);
        if c.run != run || !c.is_running() {
            return;
        }
        c.stop_accept = c.stop_accept.min(scene.ctx.now);
        let spec = container_spec(scene.cluster.template_of(pod), index);
        let closes = matches!(spec.app.on_sigterm, OnSigterm::Graceful { .. });
        if self.pod(pod).proxy == Some(index) && closes {
            scene.timeline.proxy_stops_accepting(pod, scene.ctx.now);
            self.differing.push(pod);
        }
        if serving {
            scene.timeline.stops_accepting(pod, scene.ctx.now);
            self.differing.push(pod);
            if self.counts_requests(spec) {
                self.says.drains.push((pod, scene.ctx.now));
            }
        }
    }

    pub(super) fn exit(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        run: u32,
        end: LifeEnd,
        out: &mut impl Out<Event>,
    ) {
        let serving = self.pod(pod).serving == index;
        let c = self.container(pod, index);
        if c.run != run || !c.is_running() {
            return;
        }
        c.state = State::Exited { at: scene.ctx.now, code: exit_code(end) };
        c.stop_accept = c.stop_accept.min(scene.ctx.now);
        let killing = c.killing;
        debug_assert!(c.stop_accept <= scene.ctx.now, "who is gone accepts no connections");
        if serving {
            let window = Dur::from_secs_f64(scene.ctx.platform.reset_window_s);
            scene.timeline.exits(pod, scene.ctx.now, end, window);
            self.differing.push(pod);
        }
        if self.pod(pod).proxy == Some(index) {
            let drained =
                end == LifeEnd::Sigterm && self.has_drained(scene, ContainerId(pod, index));
            scene.timeline.proxy_exits(pod, scene.ctx.now, drained);
            self.differing.push(pod);
        }
        // Until the kubelet has noticed, its probes meet nobody.
        self.wake(scene.ctx, ContainerId(pod, index), READINESS, out);
        self.wake(scene.ctx, ContainerId(pod, index), LIVENESS, out);
        match self.pod(pod).life {
            Life::Terminating { .. } => self.next_stop(scene, pod, out),
            Life::Starting | Life::Running if killing => {
                self.killed(scene, ContainerId(pod, index), out)
            }
            Life::Starting | Life::Running => {
                let noticed = self.node_of(pod).relist_after(scene.ctx.now);
                self.want_iteration(pod, noticed, out);
            }
            Life::AboutToStop | Life::Terminal => {}
        }
    }

    /// The process has accepted nothing for a while, and goes before its time is over: with the last request.
    fn has_drained(&mut self, scene: &Scene, ContainerId(pod, index): ContainerId) -> bool {
        let app = &container_spec(scene.cluster.template_of(pod), index).app;
        let OnSigterm::Graceful { drain_timeout } = app.on_sigterm else { return false };
        scene.ctx.now < self.container(pod, index).stop_accept + drain_timeout
    }

    /// A container killed by a probe is started again in the same iteration.
    fn killed(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        out: &mut impl Out<Event>,
    ) {
        debug_assert!(!self.container(pod, index).is_running(), "what was killed runs no more");
        let c = self.container(pod, index);
        c.seen = (c.state, c.run);
        c.started = false;
        c.ready = false;
        for kind in [READINESS, LIVENESS, STARTUP] {
            self.wake(scene.ctx, ContainerId(pod, index), kind, out);
        }
        self.status_dirty(scene, pod, out);
        // The worker goes by the status from before: what it finds ended there is the run before.
        let ended = self.container(pod, index).ended_before;
        self.restart(scene, ContainerId(pod, index), ended, out);
    }

    /// After a container ended: the next sidecar's turn (in reverse order), or the end of the pod.
    fn next_stop(&mut self, scene: &mut Scene, pod: PodId, out: &mut impl Out<Event>) {
        let Life::Terminating { since } = self.pod(pod).life else { return };
        let containers = &self.pod(pod).containers;
        if containers.iter().any(|c| c.is_running() && c.role != Role::Sidecar) {
            return;
        }
        if let Some(last) = containers.iter().rposition(|c| c.is_running()) {
            if self.container(pod, last as u8).kill_at.is_never() {
                let turn = Some(scene.ctx.now - since);
                self.stop(scene, ContainerId(pod, last as u8), turn, KillReason::Other, out);
            }
            return;
        }
        let node = self.pod(pod).node;
        let work = scene.ctx.latencies.sandbox_teardown.draw(self.luck(pod));
        let weight = scene.ctx.platform.stop_weight;
        self.add_job(scene.ctx.now, node, (Job::Teardown(pod), weight, work), out);
    }

    /// The network namespace is gone: the address falls silent, unless it is the node's own.
    pub(super) fn network_gone(
        &mut self,
        scene: &mut Scene,
        pod: PodId,
        out: &mut impl Out<Event>,
    ) {
        let node = self.pod(pod).node;
        debug_assert!(self.nodes[node].sandboxes > 0, "a network that goes was there");
        self.node_of(pod).sandboxes -= 1;
        if !scene.cluster.template_of(pod).host_network {
            scene.timeline.phase(pod, scene.ctx.now, Phase::Silent);
        }
        self.differing.push(pod);
        if scene.ctx.platform.bridge_flush && self.node_of(pod).sandboxes == 0 {
            // The bridge has lost its last port and with it its carrier: neighbour entries are flushed.
            for other in 0..scene.timeline.pods.len() as u32 {
                let truth = &scene.timeline.pods[other as usize];
                let silent = truth.phases.last().is_some_and(|&(_, p)| p == Phase::Silent);
                if truth.node == node && silent && !truth.lives.is_empty() {
                    scene.timeline.phase(PodId(other), scene.ctx.now, Phase::Unreachable);
                }
            }
        }
        let work = scene.ctx.latencies.pod_cleanup.draw(self.luck(pod));
        let weight = scene.ctx.platform.stop_weight;
        self.add_job(scene.ctx.now, node, (Job::Cleanup(pod), weight, work), out);
    }

    pub(super) fn stopped(&mut self, scene: &mut Scene, pod: PodId, out: &mut impl Out<Event>) {
        self.pod(pod).life = Life::Terminal;
        self.status_dirty(scene, pod, out);
    }
}

pub(super) fn exit_code(end: LifeEnd) -> i32 {
    match end {
        LifeEnd::Running | LifeEnd::Sigterm => 0,
        LifeEnd::Sigkill | LifeEnd::NodeLost => 128 + 9,
        LifeEnd::Crash => 1,
    }
}

fn probe_grace(probe: Option<&crate::cluster::spec::Probe>) -> Option<i64> {
    probe.and_then(|p| p.termination_grace_period_seconds)
}
