//! Probes that wait where the requests of their pod wait. The kubelet sends them and waits; what becomes of
//! them there is found by who simulates the requests, as it happens.

use super::controller::{
    ContainerId, Event, Kubelets, LIVENESS, Queued, READINESS, STARTUP, container_spec,
};
use super::sleep::says_yes;
use super::workers::spec_of;
use crate::cluster::objects::PodId;
use crate::cluster::server::Cluster;
use crate::cluster::spec::Probe as ProbeSpec;
use crate::engine::Dur;
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Answered, Asked};

impl Queued {
    /// One that has asked nothing yet.
    pub fn new(spec: &ProbeSpec) -> Queued {
        let timeout = Dur::from_secs(i64::from(spec.timeout_seconds));
        Queued { timeout, asked: 0, way: Dur::ZERO }
    }
}

impl Kubelets {
    /// Requests keep pace from now on: the probes that wait among them read what load does.
    pub fn read_load(&mut self, ctx: Ctx, cluster: &Cluster, out: &mut impl Out<Event>) {
        assert!(!self.load_is_read, "told once");
        self.load_is_read = true;
        for pod in (0..self.pods.len() as u32).map(PodId) {
            if self.pods[pod].is_none() {
                continue;
            }
            for index in 0..self.pod(pod).containers.len() as u8 {
                let container = container_spec(cluster.template_of(pod), index);
                for kind in [READINESS, LIVENESS, STARTUP] {
                    let Some(spec) = spec_of(container, kind).filter(|spec| spec.queued) else {
                        continue;
                    };
                    if let Some(probe) = &mut self.container(pod, index).probes[kind] {
                        probe.queued = Some(Queued::new(spec));
                    }
                    self.wake(ctx, ContainerId(pod, index), kind, out);
                }
            }
        }
    }

    /// The probe is on its way; what is known now is when it has failed for want of an answer.
    pub(super) fn ask(
        &mut self,
        ctx: Ctx,
        ContainerId(pod, index): ContainerId,
        kind: usize,
        luck: f64,
        out: &mut impl Out<Event>,
    ) {
        let way = ctx.latencies.probe_answer.sample(luck);
        let c = self.container(pod, index);
        let run = c.run;
        let Some(probe) = &mut c.probes[kind] else { return };
        let Some(queued) = &mut probe.queued else { return };
        queued.asked += 1;
        queued.way = way;
        let (number, gives_up) = (queued.asked, ctx.now + queued.timeout);
        probe.answer_at = gives_up;
        debug_assert!(gives_up > ctx.now, "a probe waits for its answer");
        let (container, kind, takes) = (index, kind as u8, probe.takes);
        out.at(gives_up, Event::Answer { pod, container, kind, run, ok: false });
        self.asked.push(Asked { pod, container, kind, number, at: ctx.now, takes });
    }

    /// The pod has done with a probe: its kubelet hears of it, if it still waits by then.
    pub fn probe_answered(&mut self, answered: Answered, out: &mut impl Out<Event>) {
        let Answered { asked: Asked { pod, container, kind, number, .. }, at, ok } = answered;
        let place = usize::from(kind);
        let c = self.container(pod, container);
        let ok = ok && says_yes(c, place, at);
        let run = c.run;
        let Some(probe) = &mut c.probes[place] else { return };
        let Some(Queued { asked, way, .. }) = probe.queued else { return };
        let heard = at + way;
        if asked != number || probe.answer_at.is_never() || heard >= probe.answer_at {
            return;
        }
        probe.answer_at = heard;
        debug_assert!(heard >= at, "an answer takes its time");
        out.at(heard, Event::Answer { pod, container, kind, run, ok });
    }
}
