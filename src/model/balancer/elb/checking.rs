//! The health checks of a target group: each node checks each target on its own clock.

use super::group::{Event, Group, Place, say};
use crate::cluster::objects::PodId;
use crate::engine::Time;
use crate::model::balancer::checker::{Checker, Checks};
use crate::model::balancer::{self, Scene};
use crate::model::plumbing::{Ctx, Out};

impl Group {
    fn checker(&mut self, place: Place) -> (&mut Checker, &mut Checks) {
        let beliefs = &mut self.nodes[place.node as usize].beliefs;
        (&mut beliefs[place.target as usize].checker, &mut self.checks)
    }

    /// The node begins to check the target.
    pub(super) fn check_from(
        &mut self,
        now: Time,
        place: Place,
        out: &mut impl Out<balancer::Event>,
    ) {
        let luck = self.rng.next_u64();
        let (checker, checks) = self.checker(place);
        say(out, checker.start(now, checks, luck), Event::Check(place));
    }

    pub(super) fn check(
        &mut self,
        scene: &Scene,
        place: Place,
        out: &mut impl Out<balancer::Event>,
    ) {
        let target = self.members[place.target as usize].target;
        let (checker, checks) = self.checker(place);
        let turn = checker.turn(scene, target, checks, false);
        if let Some((pass, known)) = turn.result {
            say(out, known, Event::Result(place, pass));
        }
        say(out, turn.next, Event::Check(place));
    }

    pub(super) fn result(
        &mut self,
        now: Time,
        place: Place,
        pass: bool,
        out: &mut impl Out<balancer::Event>,
    ) {
        let (checker, checks) = self.checker(place);
        if checker.checked.result(pass, &checks.rules) {
            let health = checker.checked.health;
            let at = now + self.settings.verdict.sample(self.rng.uniform());
            say(out, at, Event::Verdict(place, health));
        }
    }

    /// A check of the pod meets something else from now on.
    pub(super) fn wake(&mut self, ctx: Ctx, pod: PodId, out: &mut impl Out<balancer::Event>) {
        let Some(i) = self.place_of(pod) else { return };
        for node in 0..self.nodes.len() as u32 {
            let place = self.place(node, i);
            let (checker, checks) = self.checker(place);
            if let Some(at) = checker.wake(ctx, checks) {
                say(out, at, Event::Check(place));
            }
        }
    }
}
