//! An external controller that sets the readiness gates of pods some time after their containers are ready.

use crate::cluster::gates::GateSetter;
use crate::cluster::objects::PodId;
use crate::cluster::write::Write;
use crate::engine::{Dur, List, Rng, Time};
use crate::model::plumbing::{Ctx, Out};

/// Sets the readiness gates of each pod that the balancer does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// After the controller first saw ContainersReady.
    pub delay: Dur,
    /// How often it looks.
    pub poll: Dur,
}

/// What can happen to the one who sets the gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A pod's containers are ready.
    ContainersReady(PodId),
}

/// Whoever sets the readiness gates that no balancer does.
#[derive(Debug)]
pub struct Controller {
    gate: Gate,
    /// When it polls: this instant and every `poll` before and after.
    phase: Dur,
    rng: Rng,
    handled: List<PodId, bool>,
}

impl Controller {
    /// It has seen no pod yet.
    pub fn new(gate: Gate, mut rng: Rng) -> Controller {
        let phase = Dur((rng.uniform() * gate.poll.0 as f64) as i64);
        Controller { gate, phase, rng, handled: List::new() }
    }

    /// Sees a pod, or sets its gates when the time has come.
    pub fn handle(&mut self, ctx: Ctx, event: Event, out: &mut impl Out<Event>) {
        let Event::ContainersReady(pod) = event;
        if std::mem::replace(self.handled.entry(pod), true) {
            return;
        }
        // It looks at pods only when it polls: first sees the pod then, and acts at a later poll.
        let seen = self.next_poll(ctx.now);
        let acts = self.next_poll(seen + self.gate.delay);
        debug_assert!(ctx.now <= seen && seen + self.gate.delay <= acts, "it acts before it sees");
        let at = acts + ctx.api_write(&mut self.rng);
        out.write(at, Write::SetGates { pod, by: GateSetter::External, value: true });
    }

    fn next_poll(&self, t: Time) -> Time {
        let poll = self.gate.poll.0.max(1);
        let since = (t - (Time::ZERO + self.phase)).0;
        let polls = since.div_euclid(poll) + i64::from(since.rem_euclid(poll) > 0);
        Time::ZERO + self.phase + Dur(polls * poll)
    }
}
