//! Probe workers: when they evaluate and what follows. A worker is asleep while its answer cannot change
//! anything: see [`super::sleep`].

use super::controller::{
    ContainerId, Event, Kubelets, LIVENESS, Life, Probe, READINESS, STARTUP, State, container_spec,
};
use super::probe::{
    Begun, ContainerState, Kind, KubeletStart, Next, ProbeResult, Raw, SeenContainer, SeenPod,
    Settings, Worker, probe_outcome,
};
use super::readiness::{self, Probes};
use super::sleep::{answers, matters_from};
use super::ticker::{IMMEDIATE_EVALUATION, Ticker, start_delay};
use crate::cluster::objects::PodId;
use crate::cluster::server::Cluster;
use crate::cluster::spec::Probe as ProbeSpec;
use crate::engine::{Dur, Seed, Time};
use crate::model::plumbing::{Ctx, Out, Scene};

const KINDS: [Kind; 3] = [Kind::Readiness, Kind::Liveness, Kind::Startup];

fn spec_of(c: &crate::cluster::spec::Container, kind: usize) -> Option<&ProbeSpec> {
    match kind {
        READINESS => c.readiness_probe.as_ref(),
        LIVENESS => c.liveness_probe.as_ref(),
        _ => c.startup_probe.as_ref(),
    }
}

impl Kubelets {
    /// Workers start with the pod, before its sandbox exists.
    pub(super) fn create_workers(&mut self, scene: &mut Scene, pod: PodId) {
        let template = scene.cluster.template_of(pod);
        let up_since = self.node_of(pod).up_since;
        for index in 0..self.pod(pod).containers.len() as u8 {
            let spec = container_spec(template, index);
            let sidecar = spec.sidecar;
            for kind in [READINESS, LIVENESS, STARTUP] {
                let Some(probe) = spec_of(spec, kind) else { continue };
                let settings = Settings {
                    initial_delay_seconds: probe.initial_delay_seconds,
                    success_threshold: probe.success_threshold,
                    failure_threshold: probe.failure_threshold,
                };
                let kubelet = KubeletStart::of(scene.ctx.kubernetes.kubelet, up_since);
                let asleep_until =
                    self.asleep_until(scene.ctx, pod, (index, kind), probe.period_seconds);
                let worker = Worker::new(KINDS[kind], settings, sidecar, kubelet);
                self.container(pod, index).probes[kind] = Some(Probe {
                    worker,
                    ticker: match asleep_until > scene.ctx.now {
                        true => Ticker::first_at(asleep_until, probe.period_seconds),
                        false => Ticker::new(scene.ctx.now, probe.period_seconds),
                    },
                    epoch: 0,
                    scheduled: false,
                    answer_at: Time::NEVER,
                    idle: false,
                    evaluated: Time::ALWAYS,
                    asleep_until,
                    pending: false,
                    takes: probe.takes,
                    fails_after: probe.fails_after(),
                });
            }
        }
    }

    /// When a worker that is created now begins: after a sleep, if its kubelet is young.
    fn asleep_until(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        (container, kind): (u8, usize),
        period_seconds: i32,
    ) -> Time {
        let age = ctx.now - self.node_of(pod).up_since;
        let of_worker = u64::from(container) << 8 | kind as u64;
        let uid = self.pod(pod).uid;
        let luck = || Seed(uid).uniform("probe start", of_worker);
        ctx.now + start_delay(ctx.kubernetes.kubelet, period_seconds, age, luck)
    }

    /// A pod that has been running for long: every worker has stored what its probe always says, and its
    /// clock has any phase.
    pub(super) fn settle_workers(&mut self, pod: PodId, started: Time) {
        for index in 0..self.pod(pod).containers.len() as u8 {
            let u = self.u(pod);
            let c = self.container(pod, index);
            for kind in [READINESS, LIVENESS, STARTUP] {
                let started_flag = kind != STARTUP;
                let Some(probe) = &mut c.probes[kind] else { continue };
                let state = ContainerState::Running { started_at: started };
                let container = Some(SeenContainer { id: 1, state, started: started_flag });
                let seen = SeenPod { terminal: false, deleting: false, container };
                let long_after = started + Dur::from_secs(1_000_000_000);
                probe.worker.begin(&seen, long_after);
                if kind == STARTUP && probe.fails_after.is_some() {
                    continue;
                }
                let no = started >= c.unready_from || probe.fails_after.is_some();
                let unready = kind == READINESS && no;
                let result = if unready { ProbeResult::Failure } else { ProbeResult::Success };
                while probe.worker.result() != Some(result) {
                    probe.worker.finish(Some(result));
                }
                let phase = Dur((u * 1e9) as i64);
                probe.ticker.triggered(started + phase);
                probe.asleep_until = Time::ALWAYS;
            }
        }
    }

    /// Takes the flags of all containers anew from the cached status and asks for readiness evaluations.
    pub(super) fn refresh_flags(
        &mut self,
        scene: &mut Scene,
        pod: PodId,
        newly_running: bool,
        out: &mut impl Out<Event>,
    ) {
        for index in 0..self.pod(pod).containers.len() as u8 {
            let lost = newly_running && self.u(pod) < scene.ctx.platform.probe_trigger_lost;
            let flags = self.update_flags(pod, index);
            for kind in [READINESS, LIVENESS, STARTUP] {
                self.wake(scene.ctx, ContainerId(pod, index), kind, out);
            }
            if flags.trigger {
                self.trigger(scene, ContainerId(pod, index), lost, out);
            }
        }
    }

    fn update_flags(&mut self, pod: PodId, index: u8) -> readiness::Flags {
        let c = self.container(pod, index);
        let running = matches!(c.seen.0, State::Running { .. });
        let probes = Probes {
            readiness_worker: c.probes[READINESS].is_some(),
            readiness: c.result(READINESS),
            startup_worker: c.probes[STARTUP].is_some(),
            startup: c.result(STARTUP),
        };
        let flags = readiness::container_flags(c.role, running, probes);
        c.started = flags.started;
        c.ready = flags.ready;
        flags
    }

    /// An immediate readiness evaluation; the period starts anew. A worker that sleeps or awaits an answer
    /// comes to it afterwards, once. A `lost` one finds the status without the container and does nothing
    /// else.
    fn trigger(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        lost: bool,
        out: &mut impl Out<Event>,
    ) {
        if scene.ctx.kubernetes.kubelet < IMMEDIATE_EVALUATION {
            return;
        }
        let Some(probe) = &mut self.container(pod, index).probes[READINESS] else { return };
        if scene.ctx.now < probe.asleep_until || probe.waits() {
            probe.pending = true;
            return;
        }
        probe.ticker.triggered(scene.ctx.now);
        probe.scheduled = false;
        probe.epoch += 1;
        if lost {
            self.wake(scene.ctx, ContainerId(pod, index), READINESS, out);
        } else {
            self.evaluate(scene, ContainerId(pod, index), READINESS, out);
        }
    }

    pub(super) fn tick(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        kind: usize,
        epoch: u32,
        out: &mut impl Out<Event>,
    ) {
        if self.pod(pod).life == Life::Terminal {
            return;
        }
        let Some(probe) = &mut self.container(pod, index).probes[kind] else { return };
        if probe.epoch != epoch {
            return;
        }
        probe.scheduled = false;
        probe.ticker.ticked(scene.ctx.now);
        let again = std::mem::take(&mut probe.pending);
        self.evaluate(scene, ContainerId(pod, index), kind, out);
        if again {
            self.trigger(scene, ContainerId(pod, index), false, out);
        }
    }

    fn evaluate(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        kind: usize,
        out: &mut impl Out<Event>,
    ) {
        if let Some(probe) = &mut self.container(pod, index).probes[kind] {
            debug_assert!(!probe.waits(), "a worker asks once at a time");
            (probe.answer_at, probe.idle) = (Time::NEVER, false);
        }
        let begun = self.probe_once(scene, ContainerId(pod, index), kind, Kubelets::u, out);
        let Some(Begun { next, updated }) = begun else { return };
        if next != Next::End {
            self.wake(scene.ctx, ContainerId(pod, index), kind, out);
        }
        if updated {
            self.result_changed(scene, ContainerId(pod, index), kind, out);
        }
    }

    /// One evaluation of a worker: what it does next, and whether the result changed at once. `draw` is
    /// where the luck of the answer's time comes from. None: no such probe.
    pub(super) fn probe_once(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        kind: usize,
        draw: fn(&mut Kubelets, PodId) -> f64,
        out: &mut impl Out<Event>,
    ) -> Option<Begun> {
        let seen = self.seen(pod, index, scene.cluster);
        let c = self.container(pod, index);
        let ok = answers(c, kind, scene.ctx.now);
        let run = c.run;
        let probe = c.probes[kind].as_mut()?;
        probe.evaluated = scene.ctx.now;
        let mut begun = probe.worker.begin(&seen, scene.ctx.now);
        if begun.next == Next::Probe {
            // One that takes too long has an answer as well: the end of its time.
            let too_late = probe.fails_after.filter(|after| *after > Dur::ZERO);
            if ok || too_late.is_some() {
                let takes = too_late.unwrap_or(probe.takes);
                let way = scene.ctx.latencies.probe_answer.sample(draw(self, pod));
                let at = scene.ctx.now + way + takes;
                if let Some(probe) = &mut self.container(pod, index).probes[kind] {
                    probe.answer_at = at;
                }
                out.at(at, Event::Answer { pod, container: index, kind: kind as u8, run });
            } else {
                begun.updated |= probe.worker.finish(outcome(Raw::Failure));
            }
        }
        Some(begun)
    }

    pub(super) fn answer(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        kind: usize,
        run: u32,
        out: &mut impl Out<Event>,
    ) {
        if self.pod(pod).life == Life::Terminal {
            return;
        }
        let c = self.container(pod, index);
        let same = c.run == run;
        let Some(probe) = &mut c.probes[kind] else { return };
        if probe.answer_at != scene.ctx.now {
            // Nobody waits for it any more.
            return;
        }
        probe.answer_at = Time::NEVER;
        let again = std::mem::take(&mut probe.pending);
        let raw = if probe.fails_after.is_some() { Raw::Failure } else { Raw::Success };
        let updated = same && probe.worker.finish(outcome(raw));
        self.wake(scene.ctx, ContainerId(pod, index), kind, out);
        if updated {
            self.result_changed(scene, ContainerId(pod, index), kind, out);
            if kind == STARTUP && raw == Raw::Success {
                // Readiness follows at once.
                let flags = self.update_flags(pod, index);
                self.wake(scene.ctx, ContainerId(pod, index), LIVENESS, out);
                if flags.trigger {
                    self.trigger(scene, ContainerId(pod, index), false, out);
                }
            }
        }
        if again {
            self.trigger(scene, ContainerId(pod, index), false, out);
        }
    }

    /// The sync loop gets an update: readiness goes into the cached status at once, and the pod worker runs.
    pub(super) fn result_changed(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        kind: usize,
        out: &mut impl Out<Event>,
    ) {
        let c = self.container(pod, index);
        let failed = c.result(kind) == Some(ProbeResult::Failure);
        let runs = matches!(c.seen.0, State::Running { .. });
        if failed && runs && kind != READINESS {
            let run = c.run;
            let at = self.next_kill(scene.ctx, pod);
            out.at(at, Event::Kill { pod, container: index, run, by_startup: kind == STARTUP });
            return;
        }
        if kind == LIVENESS && !failed {
            // A success of liveness is of no interest to the sync loop.
            return;
        }
        self.update_flags(pod, index);
        self.status_dirty(scene, pod, out);
        if kind == STARTUP && matches!(self.pod(pod).life, Life::Terminating { .. }) {
            // It counts as started, so that readiness is probed; nobody asks for that at once.
            self.wake(scene.ctx, ContainerId(pod, index), READINESS, out);
        }
        if matches!(self.pod(pod).life, Life::Starting | Life::Running) {
            let at = self.next_iteration(scene.ctx.now, pod);
            self.want_iteration(pod, at, out);
        }
    }

    fn next_kill(&mut self, ctx: Ctx, pod: PodId) -> Time {
        self.next_iteration(ctx.now, pod) + ctx.latencies.signal_delivery.draw(self.luck(pod))
    }

    /// What the kubelet's cached status says of a container.
    pub(super) fn seen(&mut self, pod: PodId, index: u8, cluster: &Cluster) -> SeenPod {
        let second_phase = cluster.second_phase;
        let state = self.pod(pod);
        let deleting = matches!(state.life, Life::Terminating { .. });
        let c = &state.containers[usize::from(index)];
        let container = match c.seen {
            (State::Waiting, 0) => None,
            (seen, id) => Some(SeenContainer {
                id,
                started: c.started,
                state: match seen {
                    State::Waiting => ContainerState::Waiting,
                    State::Running { since } => {
                        ContainerState::Running { started_at: since.floor_s(second_phase) }
                    }
                    State::Exited { code, .. } => {
                        ContainerState::Terminated { restarts: c.restarts(code) }
                    }
                },
            }),
        };
        SeenPod { terminal: state.life == Life::Terminal, deleting, container }
    }

    /// Schedules the worker's next tick, if an evaluation can still change something.
    pub(super) fn wake(
        &mut self,
        ctx: Ctx,
        ContainerId(pod, index): ContainerId,
        kind: usize,
        out: &mut impl Out<Event>,
    ) {
        let terminating = matches!(self.pod(pod).life, Life::Terminating { .. });
        let c = self.container(pod, index);
        if terminating && kind == LIVENESS && matches!(c.seen.0, State::Running { .. }) {
            // It ends as a success, of which nobody hears.
            return;
        }
        let Some(from) = matters_from(c, kind, ctx.now) else { return };
        let Some(probe) = &mut c.probes[kind] else { return };
        if probe.waits() {
            return;
        }
        let at = match probe.scheduled {
            // What was waited for may come sooner: another process that listens at once.
            true => probe.ticker.back_to(from.max(ctx.now + Dur(1)).max(probe.asleep_until)),
            false => Some(probe.ticker.skip_to(from.max(ctx.now))),
        };
        let Some(at) = at else { return };
        probe.scheduled = true;
        probe.epoch += 1;
        let epoch = probe.epoch;
        out.at(at, Event::Tick { pod, container: index, kind: kind as u8, epoch });
    }
}

/// What the worker makes of a handler's report; None: an error, which it drops.
fn outcome(raw: Raw) -> Option<ProbeResult> {
    let (result, error) = probe_outcome(true, Some(raw), false);
    (!error).then_some(result)
}
