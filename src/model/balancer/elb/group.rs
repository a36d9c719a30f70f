//! A target group, and what each load balancer node believes of its targets.

use super::Settings;
use super::belief::{Belief, Member, Node, State, UNKNOWN};
use super::zones::Zones;
use crate::cluster::objects::PodId;
use crate::cluster::server::Cluster;
use crate::engine::{Dur, List, Rng, Time};
use crate::model::balancer::check::{Health, TargetState};
use crate::model::balancer::checker::Checks;
use crate::model::balancer::listing::Listing;
use crate::model::balancer::{self, Scene};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Recorder, Target, ViewId};
use std::collections::BTreeSet;

/// A target at a node; void when the target's registration is no longer the `generation`-th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub(super) node: u32,
    pub(super) target: u32,
    generation: u32,
}

/// What can happen to a target group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// The registration has reached the node.
    Known(Place),
    /// The deregistration has.
    Forgotten(Place),
    /// A health check begins.
    Check(Place),
    /// Its outcome is known; true: it has passed.
    Result(Place, bool),
    /// The node's choices follow its verdict.
    Verdict(Place, Health),
    /// The deregistration delay is over.
    Drained { target: u32, generation: u32 },
    /// Shares of targets in slow start grow.
    Grow { node: u32 },
    /// All follow a zonal shift, or its end.
    Shift { away: Option<u32> },
}

/// A target group: what each load balancer node believes of each target.
#[derive(Debug)]
pub struct Group {
    pub(super) settings: Settings,
    pub(super) members: Vec<Member>,
    /// Per pod: its place among the members.
    places: List<PodId, Option<u32>>,
    /// None: a node sends to targets of every zone.
    pub(super) zones: Option<Zones>,
    pub(super) nodes: Vec<Node>,
    pub(super) checks: Checks,
    pub(super) rng: Rng,
}

impl Group {
    /// What the views of the load balancer's nodes are called; `i` counts from 0.
    pub fn node_name(balancer: &str, i: u32) -> String {
        format!("{balancer} node {}", i + 1)
    }

    /// `name`: of the target group, where there are several.
    pub fn new(
        ctx: Ctx,
        settings: &Settings,
        name: Option<&str>,
        zones: Option<Zones>,
        rng: Rng,
        timeline: &mut Recorder,
    ) -> Group {
        let of_group = name.map_or(String::new(), |name| format!(", {name}"));
        let node = |i: u32| {
            let name = format!("{}{of_group}", Group::node_name(settings.name, i));
            let listing = Listing::new(timeline.view(name, settings.hop.clone()));
            let zone = zones.as_ref().map_or(0, |z| i % z.count);
            Node {
                zone,
                listing,
                beliefs: Vec::new(),
                healthy: BTreeSet::new(),
                known: 0,
                open: true,
                heard: Time::ALWAYS,
                growing: false,
                routed: Time::ALWAYS,
                ramped: false,
            }
        };
        let count = settings.nodes.max(zones.as_ref().map_or(0, |z| z.count));
        let nodes = (0..count).map(node).collect();
        Group {
            settings: settings.clone(),
            members: Vec::new(),
            places: List::new(),
            zones,
            nodes,
            checks: Checks::new(settings.check, ctx.latencies),
            rng,
        }
    }

    /// Where requests enter each load balancer node.
    pub fn views(&self) -> Vec<ViewId> {
        self.nodes.iter().map(|n| n.listing.view).collect()
    }

    /// The first and the last of them, which follow each other.
    fn span(&self) -> (ViewId, ViewId) {
        let of = |node: Option<&Node>| node.expect("a load balancer has nodes").listing.view;
        let (first, last) = (of(self.nodes.first()), of(self.nodes.last()));
        debug_assert!(
            last.index() - first.index() + 1 == self.nodes.len(),
            "nobody is between them"
        );
        (first, last)
    }

    /// Takes over a target that every node has known for long.
    pub fn adopt(&mut self, target: Target) {
        let known = Belief { known: true, ..UNKNOWN };
        self.enter(Member { target, state: State::Registered, generation: 0 }, known);
    }

    /// A new member's place.
    fn enter(&mut self, member: Member, belief: Belief) -> usize {
        let place = self.members.len();
        debug_assert!(self.nodes.iter().all(|node| node.beliefs.len() == place));
        if let Target::Pod(pod) = member.target {
            *self.places.entry(pod) = Some(place as u32);
        }
        self.members.push(member);
        self.nodes.iter_mut().for_each(|node| node.beliefs.push(belief));
        place
    }

    /// All targets are adopted: every node has come to its verdicts, sends to the healthy ones and goes on
    /// checking.
    pub fn start(&mut self, scene: &mut Scene, out: &mut impl Out<balancer::Event>) {
        let now = scene.ctx.now;
        for (i, member) in (0..).zip(&self.members) {
            let health = self.checks.settled(scene, member.target);
            for node in &mut self.nodes {
                let near = is_near(&self.zones, node.zone, scene.cluster, member.target);
                node.settle(i, health, near);
            }
        }
        for node in &mut self.nodes {
            node.open = !self.settings.fail_open.is_met_by(node.counts());
            debug_assert!(node.healthy.len() <= node.known, "who is healthy is known");
            let near = |m: &&Member| is_near(&self.zones, node.zone, scene.cluster, m.target);
            let healthy = |i: &u32| node.open || node.healthy.contains(&(Time::ALWAYS, *i));
            let members = (0..).zip(&self.members).filter(|(i, m)| near(m) && healthy(i));
            let listed = members.map(|(_, m)| (m.target, 1.0)).collect();
            node.listing.begin(scene.timeline, listed);
        }
        for target in 0..self.members.len() as u32 {
            for node in 0..self.nodes.len() as u32 {
                self.check_from(now, Place { node, target, generation: 0 }, out);
            }
        }
    }

    /// Registered and not draining (or will be again).
    pub fn is_registered(&self, pod: PodId) -> bool {
        let state = self.place_of(pod).map(|i| self.members[i].state);
        matches!(state, Some(State::Registered | State::Draining { returns: true }))
    }

    /// The targets as the API describes them.
    pub fn targets(&self) -> impl Iterator<Item = (Target, TargetState)> {
        self.members.iter().enumerate().map(|(i, member)| {
            let health = |n: &Node| n.beliefs[i].checker.checked.health;
            let all = |h: Health| self.nodes.iter().all(|n| health(n) == h);
            let state = match member.state {
                State::Unused => TargetState::Unused,
                State::Draining { .. } => TargetState::Draining,
                State::Registered if all(Health::Healthy) => TargetState::Healthy,
                State::Registered if self.nodes.iter().any(|n| health(n) == Health::Unhealthy) => {
                    TargetState::Unhealthy
                }
                State::Registered => TargetState::Initial,
            };
            (member.target, state)
        })
    }

    /// As the API tells it: healthy at every node.
    pub fn is_healthy(&self, pod: PodId) -> bool {
        let Some(i) = self.place_of(pod) else { return false };
        let healthy = |n: &Node| n.beliefs[i].checker.checked.health == Health::Healthy;
        self.members[i].state == State::Registered && self.nodes.iter().all(healthy)
    }

    pub(super) fn place_of(&self, pod: PodId) -> Option<usize> {
        self.places.get(pod).copied().flatten().map(|place| place as usize)
    }

    fn place_of_target(&self, target: Target) -> Option<usize> {
        match target {
            Target::Pod(pod) => self.place_of(pod),
            Target::View(_) => self.members.iter().position(|m| m.target == target),
        }
    }

    /// A pod or a node becomes a target; each node learns of it after a while.
    pub fn register(&mut self, now: Time, target: Target, out: &mut impl Out<balancer::Event>) {
        let new = Member { target, state: State::Unused, generation: 0 };
        let i = self.place_of_target(target).unwrap_or_else(|| self.enter(new, UNKNOWN));
        match &mut self.members[i].state {
            State::Registered => {}
            State::Draining { returns } => *returns = true,
            State::Unused => self.begin(now, i, out),
        }
    }

    fn begin(&mut self, now: Time, i: usize, out: &mut impl Out<balancer::Event>) {
        self.members[i].state = State::Registered;
        self.members[i].generation += 1;
        for node in 0..self.nodes.len() as u32 {
            let at = now + self.settings.registration.sample(self.rng.uniform());
            let at = self.hears(node, at);
            debug_assert!(at >= now, "no node hears of what has not happened");
            say(out, at, Event::Known(self.place(node, i)));
        }
    }

    /// A change that would reach the node at `at`, were it alone.
    fn hears(&mut self, node: u32, at: Time) -> Time {
        let heard = &mut self.nodes[node as usize].heard;
        *heard = at.max(*heard);
        *heard
    }

    pub(super) fn place(&self, node: u32, i: usize) -> Place {
        Place { node, target: i as u32, generation: self.members[i].generation }
    }

    /// A target is to leave: no new requests, and the end after the deregistration delay.
    pub fn deregister(&mut self, now: Time, target: Target, out: &mut impl Out<balancer::Event>) {
        let Some(i) = self.place_of_target(target) else { return };
        match &mut self.members[i].state {
            State::Unused => return,
            State::Draining { returns } => return *returns = false,
            State::Registered => {}
        }
        self.members[i].state = State::Draining { returns: false };
        let mut from = now;
        for node in 0..self.nodes.len() as u32 {
            let at = now + self.settings.deregistration.sample(self.rng.uniform());
            let at = self.hears(node, at);
            debug_assert!(at >= now, "no node hears of what has not happened");
            say(out, at, Event::Forgotten(self.place(node, i)));
            from = if self.settings.drains_once_forgotten { from.max(at) } else { now };
        }
        let Place { target, generation, .. } = self.place(0, i);
        let drained = Event::Drained { target, generation };
        say(out, from + self.settings.deregistration_delay, drained);
    }

    /// Acts on a check, a verdict, or what has reached a node.
    pub fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut impl Out<balancer::Event>) {
        let now = scene.ctx.now;
        match event {
            Event::Known(place) if self.is_current_and_registered(place) => {
                self.believe(scene, place, Belief { known: true, ..UNKNOWN }, out);
                self.check_from(now, place, out);
            }
            Event::Forgotten(place) if self.is_current(place) => {
                self.believe(scene, place, UNKNOWN, out);
            }
            Event::Check(place) if self.is_current(place) && self.belief(place).known => {
                self.check(scene, place, out);
            }
            Event::Result(place, pass) if self.is_current(place) && self.belief(place).known => {
                self.result(now, place, pass, out);
            }
            Event::Verdict(place, health) if self.is_current(place) && self.belief(place).known => {
                let belief = *self.belief(place);
                let belief = Belief { routed: health, healthy_since: now, ..belief };
                self.believe(scene, place, belief, out);
            }
            Event::Drained { target, generation } => {
                self.drained(scene, target as usize, generation, out);
            }
            Event::Grow { node } => {
                self.nodes[node as usize].growing = false;
                self.route(scene, node, false, out);
            }
            Event::Shift { away } => self.shifted(scene, away, out),
            Event::Known(_) | Event::Forgotten(_) | Event::Check(_) => {}
            Event::Result(..) | Event::Verdict(..) => {}
        }
    }

    fn is_current(&self, place: Place) -> bool {
        self.members[place.target as usize].generation == place.generation
    }

    fn is_current_and_registered(&self, place: Place) -> bool {
        self.is_current(place) && self.members[place.target as usize].state == State::Registered
    }

    fn belief(&mut self, place: Place) -> &mut Belief {
        &mut self.nodes[place.node as usize].beliefs[place.target as usize]
    }

    fn drained(
        &mut self,
        scene: &mut Scene,
        i: usize,
        generation: u32,
        out: &mut impl Out<balancer::Event>,
    ) {
        let views = self.span();
        let member = &mut self.members[i];
        let State::Draining { returns } = member.state else { return };
        debug_assert!(member.generation >= generation, "registrations are counted");
        if member.generation != generation {
            return;
        }
        if let (true, Target::Pod(pod)) = (self.settings.cut_after_delay, member.target) {
            scene.timeline.cut_connections(pod, scene.ctx.now, views);
        }
        member.state = State::Unused;
        if returns {
            self.begin(scene.ctx.now, i, out);
        }
    }

    /// A node believes something else of a target: what it sends to follows.
    fn believe(
        &mut self,
        scene: &mut Scene,
        place: Place,
        belief: Belief,
        out: &mut impl Out<balancer::Event>,
    ) {
        let target = self.members[place.target as usize].target;
        let node = &mut self.nodes[place.node as usize];
        let near = is_near(&self.zones, node.zone, scene.cluster, target);
        let was = std::mem::replace(&mut node.beliefs[place.target as usize], belief);
        debug_assert!(belief.known || !belief.is_healthy(), "healthy and not known");
        if near {
            node.known = node.known + usize::from(belief.known) - usize::from(was.known);
            if was.is_healthy() {
                node.healthy.remove(&(was.healthy_since, place.target));
            }
            if belief.is_healthy() {
                node.healthy.insert((belief.healthy_since, place.target));
            }
        }
        debug_assert!(node.healthy.len() <= node.known, "more healthy targets than there are");
        let open = !self.settings.fail_open.is_met_by(node.counts());
        let opens_or_closes = std::mem::replace(&mut node.open, open) != open;
        if opens_or_closes {
            return self.route(scene, place.node, true, out);
        }
        let sends = near && if open { belief.known } else { belief.is_healthy() };
        // A new one may start slowly: its share is known below.
        let grows = sends && node.ramps(scene.ctx.now, self.settings.slow_start);
        if !grows {
            let weight = sends.then_some(1.0);
            node.listing.change(scene.timeline, scene.ctx.now, target, weight);
        }
        if self.settings.slow_start > Dur::ZERO {
            self.route(scene, place.node, false, out);
        }
    }

    /// Which nodes are in the load balancer's name.
    pub fn up(&self) -> Vec<bool> {
        let threshold = self.settings.dns.as_ref().map(|dns| dns.threshold).unwrap_or_default();
        let away = self.zones.as_ref().and_then(|zones| zones.away);
        let in_name = |node: &Node| away != Some(node.zone) && threshold.is_met_by(node.counts());
        self.nodes.iter().map(in_name).collect()
    }
}

pub(super) fn is_near(zones: &Option<Zones>, zone: u32, cluster: &Cluster, target: Target) -> bool {
    zones.as_ref().is_none_or(|zones| zones.are_near(zone, cluster, target))
}

pub(super) fn say(out: &mut impl Out<balancer::Event>, at: Time, event: Event) {
    out.at(at, super::Event::Group(event).into());
}
