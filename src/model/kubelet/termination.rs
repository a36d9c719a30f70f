//! Termination: hooks, grace period, signals, what the process does on them, and taking the pod down.

use super::controller::{Event, Job, Kill, Kubelets, Life, READINESS, State, container_spec};
use super::drain::next_look;
use super::grace::{self, GraceSettings, KillReason, Signals};
use super::readiness::Role;
use super::start::hook_length;
use crate::cluster::objects::PodId;
use crate::cluster::server::Cluster;
use crate::cluster::spec::{Hook, OnSigterm};
use crate::engine::{Dur, Time};
use crate::model::plumbing::{Ctx, Out, slowed};
use crate::timeline::{LifeEnd, Phase, Recorder};

impl Kubelets {
    pub(super) fn deleting(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        cluster: &Cluster,
        out: &mut impl Out<Event>,
    ) {
        let Some(Some(state)) = self.pods.get_mut(pod.index()) else { return };
        let starting = state.life == Life::Starting;
        if !matches!(state.life, Life::Starting | Life::Running) {
            return;
        }
        state.life = Life::AboutToStop;
        let busy = state.containers.iter().any(|c| c.state == State::Waiting && c.run > 0)
            || (starting && state.containers.iter().all(|c| c.run == 0));
        if busy {
            // The start under way is not interrupted: see `after_start`.
            return;
        }
        // An iteration already waiting comes first, and the next one waits for a newer relist.
        let pending = state.iterate_at;
        let at = match pending.is_never() {
            true => self.next_iteration(ctx.now, pod),
            false => self.node_of(pod).relist_after(pending.max(ctx.now)),
        };
        if at > ctx.now {
            out.at(at, Event::Terminate(pod));
        } else {
            self.terminate(ctx, pod, cluster, out);
        }
    }

    pub(super) fn terminate(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        cluster: &Cluster,
        out: &mut impl Out<Event>,
    ) {
        let state = self.pod(pod);
        if state.life != Life::AboutToStop {
            return;
        }
        state.life = Life::Terminating { since: ctx.now };
        for index in 0..self.pod(pod).containers.len() as u8 {
            let c = self.container(pod, index);
            if c.is_running() && c.role != Role::Sidecar {
                self.stop(ctx, pod, index, None, KillReason::Other, cluster, out);
            }
        }
        self.next_stop(ctx, pod, cluster, out);
    }

    /// A probe failed: the container is stopped and then started again.
    #[expect(clippy::too_many_arguments, reason = "an event's fields and the world's parts")]
    pub(super) fn kill(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        index: u8,
        run: u32,
        by_startup: bool,
        cluster: &Cluster,
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
            let after = ctx.now - since;
            self.kills.push(Kill { pod, container: index, by_startup, after });
        }
        let reason = if by_startup { KillReason::StartupProbe } else { KillReason::LivenessProbe };
        self.stop(ctx, pod, index, None, reason, cluster, out);
    }

    /// Sends the signals to one container. `turn`: how long a sidecar has waited for its turn.
    #[expect(clippy::too_many_arguments, reason = "an event's fields and the world's parts")]
    fn stop(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        index: u8,
        turn: Option<Dur>,
        reason: KillReason,
        cluster: &Cluster,
        out: &mut impl Out<Event>,
    ) {
        let template = cluster.template_of(pod);
        let spec = container_spec(template, index);
        let settings = GraceSettings {
            deletion: cluster.pods[pod.index()].deleting,
            spec: Some(template.termination_grace_period_seconds),
            liveness_probe: probe_grace(spec.liveness_probe.as_ref()),
            startup_probe: probe_grace(spec.startup_probe.as_ref()),
            minimum: ctx.kubernetes.defaults.minimum_grace_seconds,
        };
        // A pod as a whole is stopped with the pod worker's grace period.
        let seconds = match reason {
            KillReason::Other => grace::effective_grace(settings.spec, settings.deletion, None),
            _ => grace::container_grace(reason, settings),
        };
        let hook = spec.pre_stop.as_ref().map(|hook| self.hook_time(ctx, hook));
        let Signals { sigterm, sigkill } = grace::signals(seconds, hook, turn, settings.minimum);
        let begun = ctx.now - turn.unwrap_or(Dur::ZERO);
        let node = usize::from(self.pod(pod).node);
        let slow = self.short_slowdown(ctx.platform.short_work_share, node);
        let delivery = slowed(ctx.latencies.signal_delivery.draw(&mut self.rng), slow);
        let c = self.container(pod, index);
        let run = c.run;
        c.kill_at = c.kill_at.min(begun + sigkill + delivery);
        // The turn of a sidecar may come with the end of its grace period.
        let at = (begun + sigterm + delivery).max(ctx.now);
        out.at(at, Event::Sigterm { pod, container: index, run });
    }

    fn hook_time(&mut self, ctx: Ctx, hook: &Hook) -> Dur {
        let start = match hook {
            Hook::Sleep { .. } => Dur::ZERO,
            Hook::Exec { .. } => ctx.latencies.hook_exec.draw(&mut self.rng),
            Hook::HttpGet { .. } => ctx.latencies.hook_http.draw(&mut self.rng),
        };
        hook_length(hook) + start
    }

    #[expect(clippy::too_many_arguments, reason = "an event's fields and the world's parts")]
    pub(super) fn sigterm(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        index: u8,
        run: u32,
        cluster: &Cluster,
        timeline: &mut Recorder,
        out: &mut impl Out<Event>,
    ) {
        let spec = container_spec(cluster.template_of(pod), index);
        let u = self.u();
        let serving = self.pod(pod).serving == index;
        let c = self.container(pod, index);
        if c.run != run || !c.is_running() {
            return;
        }
        let kill_at = c.kill_at;
        if serving {
            timeline.sigterm(pod, ctx.now);
        }
        let (lame, limit) = match spec.app.on_sigterm {
            OnSigterm::Ignore => return self.exit_by(ctx.now, Time::NEVER, pod, index, out),
            OnSigterm::Exit => return self.exit_by(ctx.now, ctx.now, pod, index, out),
            OnSigterm::Graceful { drain_timeout } => (Dur::ZERO, drain_timeout),
            OnSigterm::LameDuck { delay, drain_timeout } => (delay, drain_timeout),
        };
        let stop = ctx.now + lame;
        c.unready_from = c.unready_from.min(ctx.now);
        let cut = (stop + limit).min(kill_at).max(ctx.now);
        if serving {
            timeline.cut(pod, cut);
        }
        self.differing.push(pod);
        self.wake(ctx, pod, index, READINESS, out);
        let mut drain = self.drain_time(&spec.app.service, u);
        if let Some(longest) = spec.app.drain_poll {
            drain = next_look(drain, longest, ctx.seed.stream("drain looks", u64::from(pod.0)));
        }
        out.at(stop, Event::StopListening { pod, container: index, run });
        self.exit_by(ctx.now, stop + drain.min(limit), pod, index, out);
    }

    /// The process exits at `at` by itself, unless SIGKILL comes first: at once for a sidecar whose turn came
    /// late.
    fn exit_by(&mut self, now: Time, at: Time, pod: PodId, index: u8, out: &mut impl Out<Event>) {
        let c = self.container(pod, index);
        let run = c.run;
        let (at, killed) = grace::stopped(at, c.kill_at);
        let end = if killed { LifeEnd::Sigkill } else { LifeEnd::Sigterm };
        out.at(at.max(now), Event::Exit { pod, container: index, run, end });
    }

    pub(super) fn stop_listening(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        index: u8,
        run: u32,
        timeline: &mut Recorder,
    ) {
        let serving = self.pod(pod).serving == index;
        let c = self.container(pod, index);
        if c.run != run || !c.is_running() {
            return;
        }
        c.stop_accept = c.stop_accept.min(ctx.now);
        if serving {
            timeline.stops_accepting(pod, ctx.now);
            self.differing.push(pod);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "an event's fields and the world's parts")]
    pub(super) fn exit(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        index: u8,
        run: u32,
        end: LifeEnd,
        cluster: &Cluster,
        timeline: &mut Recorder,
        out: &mut impl Out<Event>,
    ) {
        let serving = self.pod(pod).serving == index;
        let c = self.container(pod, index);
        if c.run != run || !c.is_running() {
            return;
        }
        c.state = State::Exited { at: ctx.now, code: exit_code(end) };
        c.stop_accept = c.stop_accept.min(ctx.now);
        let killing = c.killing;
        if serving {
            let window = Dur::from_secs_f64(ctx.platform.reset_window_s);
            timeline.exits(pod, ctx.now, end, window);
            self.differing.push(pod);
        }
        match self.pod(pod).life {
            Life::Terminating { .. } => self.next_stop(ctx, pod, cluster, out),
            Life::Starting | Life::Running if killing => self.killed(ctx, pod, index, cluster, out),
            Life::Starting | Life::Running => {
                let noticed = self.node_of(pod).relist_after(ctx.now);
                self.want_iteration(pod, noticed, out);
            }
            Life::AboutToStop | Life::Terminal => {}
        }
    }

    /// A container killed by a probe is started again in the same iteration.
    fn killed(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        index: u8,
        cluster: &Cluster,
        out: &mut impl Out<Event>,
    ) {
        let c = self.container(pod, index);
        c.seen = (c.state, c.run);
        c.started = false;
        c.ready = false;
        self.status_dirty(ctx, pod, cluster, out);
        self.restart(ctx, pod, index, ctx.now, cluster, out);
    }

    /// After a container ended: the next sidecar's turn (in reverse order), or the end of the pod.
    fn next_stop(&mut self, ctx: Ctx, pod: PodId, cluster: &Cluster, out: &mut impl Out<Event>) {
        let Life::Terminating { since } = self.pod(pod).life else { return };
        let containers = &self.pod(pod).containers;
        if containers.iter().any(|c| c.is_running() && c.role != Role::Sidecar) {
            return;
        }
        if let Some(last) = containers.iter().rposition(|c| c.is_running()) {
            if self.container(pod, last as u8).kill_at.is_never() {
                let turn = Some(ctx.now - since);
                self.stop(ctx, pod, last as u8, turn, KillReason::Other, cluster, out);
            }
            return;
        }
        let node = self.pod(pod).node;
        let work = ctx.latencies.sandbox_teardown.draw(&mut self.rng);
        let weight = ctx.platform.stop_weight;
        self.add_job(ctx, node, work, weight, Job::Teardown(pod), out);
    }

    /// The network namespace is gone: the address falls silent.
    pub(super) fn network_gone(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        timeline: &mut Recorder,
        out: &mut impl Out<Event>,
    ) {
        let node = self.pod(pod).node;
        self.node_of(pod).sandboxes -= 1;
        timeline.phase(pod, ctx.now, Phase::Silent);
        self.differing.push(pod);
        if ctx.platform.bridge_flush && self.node_of(pod).sandboxes == 0 {
            // The bridge has lost its last port and with it its carrier: neighbour entries are flushed.
            for other in 0..timeline.pods.len() as u32 {
                let truth = &timeline.pods[other as usize];
                let silent = truth.phases.last().is_some_and(|&(_, p)| p == Phase::Silent);
                if truth.node == node && silent && !truth.lives.is_empty() {
                    timeline.phase(PodId(other), ctx.now, Phase::Unreachable);
                }
            }
        }
        let work = ctx.latencies.pod_cleanup.draw(&mut self.rng);
        let weight = ctx.platform.stop_weight;
        self.add_job(ctx, node, work, weight, Job::Cleanup(pod), out);
    }

    pub(super) fn stopped(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        cluster: &Cluster,
        out: &mut impl Out<Event>,
    ) {
        self.pod(pod).life = Life::Terminal;
        self.status_dirty(ctx, pod, cluster, out);
    }
}

fn exit_code(end: LifeEnd) -> i32 {
    match end {
        LifeEnd::Running | LifeEnd::Sigterm => 0,
        LifeEnd::Sigkill => 128 + 9,
        LifeEnd::Crash => 1,
    }
}

fn probe_grace(probe: Option<&crate::cluster::spec::Probe>) -> Option<i64> {
    probe.and_then(|p| p.termination_grace_period_seconds)
}
