//! Ticks of probe workers that are asleep, for tests: nothing comes of them.

use super::controller::{
    ContainerId, Event, Kubelets, LIVENESS, Life, Probing, READINESS, STARTUP, State,
};
use crate::cluster::objects::PodId;
use crate::engine::{Dur, Time};
use crate::model::plumbing::{Out, Scene};

impl Kubelets {
    /// Simulates every tick of every probe worker from now on.
    pub fn probe_always(&mut self, now: Time, out: &mut impl Out<Event>) {
        self.probing = Probing::All;
        for pod in (0..self.pods.len() as u32).map(PodId) {
            if self.pods[pod].is_some() {
                self.tick_idly(now, pod, out);
            }
        }
    }

    /// Schedules the ticks of a pod's workers while they are asleep.
    pub(super) fn tick_idly(&mut self, now: Time, pod: PodId, out: &mut impl Out<Event>) {
        for (index, c) in self.pod(pod).containers.iter().enumerate() {
            for kind in [READINESS, LIVENESS, STARTUP] {
                let Some(probe) = &c.probes[kind] else { continue };
                let (container, kind) = (index as u8, kind as u8);
                let at = probe.ticker.next().max(now);
                out.at(at, Event::IdleTick { pod, container, kind });
            }
        }
    }

    /// An evaluation that was left out because nothing can come of it, unless one takes place now.
    pub(super) fn idle_tick(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        kind: usize,
        out: &mut impl Out<Event>,
    ) {
        let terminal = self.pod(pod).life == Life::Terminal;
        let c = self.container(pod, index);
        // Before Started, liveness would only take note of the container, of which nobody hears.
        let runs = matches!(c.seen.0, State::Running { .. });
        let waits = kind == LIVENESS && runs && !c.started;
        let Some(probe) = &mut c.probes[kind] else { return };
        let next = probe.ticker.next_after(scene.ctx.now);
        let on_time = probe.ticker.next_after(scene.ctx.now - Dur(1)) == scene.ctx.now;
        let due = probe.scheduled && probe.ticker.next() == scene.ctx.now;
        let asks = !probe.answer_at.is_never();
        let idle = on_time && !due && !asks && probe.evaluated != scene.ctx.now;
        if !terminal {
            out.at(next, Event::IdleTick { pod, container: index, kind: kind as u8 });
        }
        if idle && !waits && !terminal {
            debug_assert!(!probe.waits(), "a worker asks once at a time");
            probe.idle = true;
            let draw = |kubelets: &mut Kubelets, _| kubelets.idle_rng.uniform();
            let begun = self.probe_once(scene, ContainerId(pod, index), kind, draw, out);
            if begun.is_some_and(|b| b.updated) {
                self.result_changed(scene, ContainerId(pod, index), kind, out);
            }
        }
    }
}
