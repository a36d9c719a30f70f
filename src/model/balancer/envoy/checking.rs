//! Envoy's own checks of its hosts.

use super::super::check::{Checked, Health};
use super::{Envoy, Event, ProxyId};
use crate::cluster::objects::PodId;
use crate::engine::Time;
use crate::model::balancer::{self, Scene};
use crate::model::plumbing::Out;
use crate::timeline::Target;

impl Envoy {
    pub(super) fn check(
        &mut self,
        scene: &Scene,
        id: u32,
        (pod, generation): (PodId, u32),
        out: &mut impl Out<balancer::Event>,
    ) {
        let host = self.proxies[ProxyId(id)].hosts.entry(pod).as_mut();
        let Some(host) = host.filter(|h| h.generation == generation) else { return };
        let checks = self.checks.as_mut().expect("it checks");
        let turn = host.checker.turn(scene, Target::Pod(pod), checks, false);
        if let Some((pass, known)) = turn.result {
            let says_no = turn.says_no;
            let result = Event::Result { proxy: id, pod, generation, pass, says_no };
            out.at(known, result.into());
        }
        out.at(turn.next, Event::Check { proxy: id, pod, generation }.into());
    }

    /// Whether the outcome of a check changes what may be used.
    pub(super) fn result(
        &mut self,
        now: Time,
        id: u32,
        (pod, generation): (PodId, u32),
        pass: bool,
        says_no: bool,
    ) -> bool {
        let rules = self.checks.as_ref().expect("it checks").rules;
        let place = self.proxies[ProxyId(id)].hosts.entry(pod);
        let Some(host) = place.as_mut().filter(|h| h.generation == generation) else {
            return false;
        };
        let was = host.checker.checked.health;
        host.checker.checked.result(pass, &rules);
        if says_no && !pass {
            // An answer that is none of health counts at once.
            host.checker.checked = Checked::new(Health::Unhealthy);
        }
        let is = host.checker.checked.health;
        if (was == Health::Healthy) == (is == Health::Healthy) {
            return false;
        }
        debug_assert!(pass == (is == Health::Healthy), "a verdict changes by what speaks for it");
        host.usable = if is == Health::Healthy { now } else { Time::NEVER };
        if host.usable.is_never() && !host.listed {
            *place = None;
        }
        true
    }
}
