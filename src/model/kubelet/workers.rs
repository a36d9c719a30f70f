//! The probe workers of a pod, as they begin.

use super::controller::{Kubelets, LIVENESS, Probe, Queued, READINESS, STARTUP, container_spec};
use super::probe::{
    ContainerState, Kind, KubeletStart, ProbeResult, SeenContainer, SeenPod, Settings, Worker,
};
use super::ticker::{Ticker, start_delay};
use crate::cluster::objects::PodId;
use crate::cluster::spec::{Handler, Probe as ProbeSpec};
use crate::engine::{Dur, Seed, Time};
use crate::model::platform::ReadinessEnds;
use crate::model::plumbing::{Ctx, Scene};

const KINDS: [Kind; 3] = [Kind::Readiness, Kind::Liveness, Kind::Startup];

/// The probe of that kind that a container declares.
pub(super) fn spec_of(c: &crate::cluster::spec::Container, kind: usize) -> Option<&ProbeSpec> {
    match kind {
        READINESS => c.readiness_probe.as_ref(),
        LIVENESS => c.liveness_probe.as_ref(),
        _ => c.startup_probe.as_ref(),
    }
}

/// Whether a readiness probe stops where its pod begins to terminate.
fn ends(rule: ReadinessEnds, handler: &Handler) -> bool {
    match rule {
        ReadinessEnds::Never => false,
        ReadinessEnds::OfExec => matches!(handler, Handler::Exec { .. }),
        ReadinessEnds::Always => true,
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
                    ends_with_deletion: kind == READINESS
                        && ends(scene.ctx.kubernetes.readiness_ends, &probe.handler),
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
                    timeout: probe.timeout(),
                    asks_process: probe.asks_process(),
                    depends: spec.app.depends_on.probes[kind],
                    queued: (self.load_is_read && probe.queued).then(Queued::default),
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
                probe.ticker.settled(started, u);
                probe.asleep_until = Time::ALWAYS;
            }
        }
    }
}
