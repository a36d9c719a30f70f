//! Probe workers: when they evaluate and what follows. A worker is asleep while its answer cannot change
//! anything: see [`super::sleep`].

use super::controller::{ContainerId, Event, Kubelets, LIVENESS, Life, READINESS, STARTUP, State};
use super::probe::{
    Begun, ContainerState, Next, ProbeResult, Raw, SeenContainer, SeenPod, probe_outcome,
};
use super::readiness::{self, Probes};
use super::sleep::{answers, joins_queue, late_after, matters_from};
use super::ticker::IMMEDIATE_EVALUATION;
use crate::cluster::objects::PodId;
use crate::cluster::server::Cluster;
use crate::engine::{Dur, Time};
use crate::model::plumbing::{Ctx, Out, Scene};

impl Kubelets {
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
        let joins = joins_queue(c, kind, scene.ctx.now);
        let too_late = late_after(c, kind, scene.ctx.now);
        let (run, slow) = (c.run, c.dependency_slow);
        let probe = c.probes[kind].as_mut()?;
        probe.evaluated = scene.ctx.now;
        let mut begun = probe.worker.begin(&seen, scene.ctx.now);
        if begun.next == Next::Probe && joins {
            let luck = draw(self, pod);
            self.ask(scene.ctx, ContainerId(pod, index), kind, luck, out);
        } else if begun.next == Next::Probe {
            // One that takes too long has an answer as well: the end of its time.
            if ok || too_late.is_some() {
                let takes = too_late.unwrap_or(probe.takes(slow));
                let way = scene.ctx.latencies.probe_answer.sample(draw(self, pod));
                let at = scene.ctx.now + way + takes;
                if let Some(probe) = &mut self.container(pod, index).probes[kind] {
                    probe.answer_at = at;
                }
                let (kind, ok) = (kind as u8, too_late.is_none());
                out.at(at, Event::Answer { pod, container: index, kind, run, ok });
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
        (kind, ok): (usize, bool),
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
        let raw = if ok { Raw::Success } else { Raw::Failure };
        let updated = same && probe.worker.finish(outcome(raw));
        // A tick that came meanwhile is used at once.
        let missed = probe.ticker.next() < scene.ctx.now;
        match missed && matters_from(c, kind, scene.ctx.now).is_some_and(|at| at <= scene.ctx.now) {
            true => self.schedule_tick(ContainerId(pod, index), kind, scene.ctx.now, out),
            false => self.wake(scene.ctx, ContainerId(pod, index), kind, out),
        }
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
        if failed {
            self.note_upset(scene, ContainerId(pod, index), kind);
        }
        let c = self.container(pod, index);
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

    /// Schedules the worker's next tick, if there is one and an evaluation can still change something.
    #[inline]
    pub(super) fn wake(
        &mut self,
        ctx: Ctx,
        of: ContainerId,
        kind: usize,
        out: &mut impl Out<Event>,
    ) {
        let ContainerId(pod, index) = of;
        if self.container(pod, index).probes[kind].is_some() {
            self.wake_worker(ctx, of, kind, out);
        }
    }

    fn wake_worker(
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
        if let Some(at) = at {
            self.schedule_tick(ContainerId(pod, index), kind, at, out);
        }
    }

    /// The worker evaluates at `at`; a tick that was to come is void.
    fn schedule_tick(
        &mut self,
        ContainerId(pod, index): ContainerId,
        kind: usize,
        at: Time,
        out: &mut impl Out<Event>,
    ) {
        let Some(probe) = &mut self.container(pod, index).probes[kind] else { return };
        debug_assert!(!probe.waits(), "a worker asks once at a time");
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
