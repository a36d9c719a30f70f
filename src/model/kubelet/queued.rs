//! Probes that wait where the requests of their pod wait. The kubelet sends them and waits; what becomes of
//! them there is found by who simulates the requests, as it happens.

use super::controller::{
    ContainerId, Event, Kubelets, LIVENESS, Pod, Queued, READINESS, STARTUP, container_spec,
};
use super::drain::next_look;
use super::sleep::says_yes;
use super::workers::spec_of;
use crate::cluster::objects::PodId;
use crate::cluster::server::Cluster;
use crate::engine::{Luck, Time};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Answered, Asked, Told};

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
                    if spec_of(container, kind).is_none_or(|spec| !spec.queued) {
                        continue;
                    }
                    if let Some(probe) = &mut self.container(pod, index).probes[kind] {
                        probe.queued = Some(Queued::default());
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
        let (run, slow) = (c.run, c.dependency_slow);
        let Some(probe) = &mut c.probes[kind] else { return };
        let takes = probe.takes(slow);
        let Some(queued) = &mut probe.queued else { return };
        queued.asked += 1;
        queued.way = way;
        let (number, gives_up) = (queued.asked, ctx.now + probe.timeout);
        probe.answer_at = gives_up;
        debug_assert!(gives_up > ctx.now, "a probe waits for its answer");
        let (container, kind) = (index, kind as u8);
        out.at(gives_up, Event::Answer { pod, container, kind, run, ok: false });
        let connects = !probe.asks_process;
        let asked = Asked { pod, container, kind, number, at: ctx.now, takes, connects };
        self.says.asked.push(asked);
    }

    /// Whether probes wait among requests that keep pace.
    pub fn load_is_read(&self) -> bool {
        self.load_is_read
    }

    /// Something has become known of a pod's requests.
    pub fn hear(&mut self, cluster: &Cluster, what: Told, out: &mut impl Out<Event>) {
        match what {
            Told::Answered(answered) => self.probe_answered(answered, out),
            Told::Drained { pod, at } => self.drained(cluster, pod, at, out),
        }
    }

    /// A process that was told to stop has answered all: it exits when it sees that.
    fn drained(&mut self, cluster: &Cluster, pod: PodId, at: Time, out: &mut impl Out<Event>) {
        let Pod { serving, uid, .. } = *self.pod(pod);
        let stopped = self.container(pod, serving).stop_accept;
        assert!(stopped <= at, "it drains after its listener has closed");
        let app = &container_spec(cluster.template_of(pod), serving).app;
        let done = at - stopped;
        let seen = app
            .drain_poll
            .map_or(done, |longest| next_look(done, longest, Luck::of(uid, "drain looks")));
        self.exit_by(at, stopped + seen, ContainerId(pod, serving), out);
    }

    /// The pod has done with a probe: its kubelet hears of it, if it still waits by then.
    fn probe_answered(&mut self, answered: Answered, out: &mut impl Out<Event>) {
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
