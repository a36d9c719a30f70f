//! What a load balancer node sends to, and slow start.

use super::belief::{Belief, Member};
use super::group::{Event, Group, is_near, say};
use crate::engine::{Dur, Time};
use crate::model::balancer::{self, Scene};
use crate::model::plumbing::Out;
use crate::timeline::Target;

/// Slow start is drawn in so many steps.
const STEPS: i64 = 60;

impl Group {
    /// What a node sends to: healthy targets; with too few of them all that it knows. Not as a `whole`: of
    /// targets that it sent to before, the shares of those in slow start.
    pub(super) fn route(
        &mut self,
        scene: &mut Scene,
        id: u32,
        whole: bool,
        out: &mut impl Out<balancer::Event>,
    ) {
        let (now, slow) = (scene.ctx.now, self.settings.slow_start);
        let node = &mut self.nodes[id as usize];
        // Nobody starts slowly while all do.
        let ramps = node.ramps(now, slow);
        let whole = std::mem::replace(&mut node.ramped, ramps) != ramps || whole;
        let weight = |since: Time| match since > now - slow {
            true if ramps => {
                let share = (now - since).as_secs_f64() / slow.as_secs_f64();
                share.max(1.0 / STEPS as f64) as f32
            }
            _ => 1.0,
        };
        let of = |&(since, i): &(Time, u32)| (self.members[i as usize].target, weight(since));
        if whole && node.open {
            let known = |(m, b): (&Member, &Belief)| b.known.then_some((m.target, 1.0));
            let known = self.members.iter().zip(&node.beliefs).filter_map(known);
            let near = |t: &Target| is_near(&self.zones, node.zone, scene.cluster, *t);
            let wanted = known.filter(|(target, _)| near(target)).collect();
            node.listing.set(scene.timeline, now, wanted);
        } else if whole {
            node.listing.set(scene.timeline, now, node.healthy.iter().map(of).collect());
        } else if ramps {
            for (target, weight) in node.healthy.range((node.routed - slow, 0)..).map(of) {
                node.listing.change(scene.timeline, now, target, Some(weight));
            }
        }
        debug_assert!(node.routed <= now, "what was routed is not routed anew");
        node.routed = now;
        let ramping = ramps && node.healthy.last().is_some_and(|last| last.0 > now - slow);
        if ramping && !std::mem::replace(&mut node.growing, true) {
            say(out, now + Dur(slow.0 / STEPS), Event::Grow { node: id });
        }
    }

    /// Requests are to be shifted away from a zone; None: the shift is over.
    pub fn shift(&mut self, now: Time, zone: Option<&str>, out: &mut impl Out<balancer::Event>) {
        let (Some(zones), Some(takes)) = (&self.zones, &self.settings.shift) else { return };
        let away = zone.and_then(|name| zones.called(name));
        let at = now + takes.sample(self.rng.uniform());
        debug_assert!(at >= now, "nobody follows what has not been said");
        say(out, at, Event::Shift { away });
    }

    /// Nodes follow a shift: what they may send to is another.
    pub(super) fn shifted(
        &mut self,
        scene: &mut Scene,
        away: Option<u32>,
        out: &mut impl Out<balancer::Event>,
    ) {
        let Some(zones) = &mut self.zones else { return };
        zones.away = away;
        for id in 0..self.nodes.len() {
            let node = &mut self.nodes[id];
            let near = |t: Target| is_near(&self.zones, node.zone, scene.cluster, t);
            let believed = self.members.iter().zip(&node.beliefs).enumerate();
            let near = believed.filter(|(_, (member, belief))| belief.known && near(member.target));
            let near: Vec<(u32, Belief)> =
                near.map(|(i, (_, belief))| (i as u32, *belief)).collect();
            node.known = near.len();
            let healthy = near.iter().filter(|(_, belief)| belief.is_healthy());
            node.healthy = healthy.map(|(i, belief)| (belief.healthy_since, *i)).collect();
            node.open = !self.settings.fail_open.is_met_by(node.counts());
            debug_assert!(node.healthy.len() <= node.known, "who is healthy is known");
            self.route(scene, id as u32, true, out);
        }
    }
}
