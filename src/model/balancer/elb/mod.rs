//! AWS Elastic Load Balancing and the AWS Load Balancer Controller: a target group whose members the
//! controller registers and deregisters, and load balancer nodes that learn of it late and check health on
//! their own clocks. ALB and NLB differ in their settings.

pub mod controller;
pub mod group;

use super::{Model, Scene, check};
use crate::cluster::objects::{Conditions, PodId};
use crate::engine::{Dist, Dur};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Hop, Target, Timeline, ViewId};
use controller::Controller;
use group::Group;

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// For people: ALB or NLB.
    pub name: &'static str,
    pub hop: Hop,
    /// Load balancer nodes, each with its own belief.
    pub nodes: u32,
    pub check: check::Rules,
    /// A register call until a load balancer node begins to check the target.
    pub registration: Dist,
    /// A deregister call until a load balancer node sends it nothing new.
    pub deregistration: Dist,
    /// A verdict on a target's health until the node's choices follow it.
    pub verdict: Dist,
    /// A target drains for so long.
    pub deregistration_delay: Dur,
    /// What then still runs is cut.
    pub cut_after_delay: bool,
    /// A target's share grows for so long after it turned healthy; zero: at once.
    pub slow_start: Dur,
    /// With fewer healthy targets all registered ones get requests.
    pub min_healthy: u32,
    /// Keeps pods as targets. None: the targets are the cluster's nodes, by NodePort.
    pub controller: Option<controller::Settings>,
}

impl Settings {
    /// So many healthy targets let a node leave the others alone.
    fn enough(&self) -> usize {
        self.min_healthy.max(1) as usize
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Controller(controller::Event),
    Group(group::Event),
}

#[derive(Debug)]
pub struct Elb {
    controller: Option<Controller>,
    group: Group,
}

impl Elb {
    /// Without a controller: `nodes` are the views of the cluster's nodes.
    pub fn new(ctx: Ctx, settings: &Settings, nodes: &[ViewId], timeline: &mut Timeline) -> Elb {
        let mut group = Group::new(settings, ctx.seed.stream("elb", 0), timeline);
        if settings.controller.is_none() {
            nodes.iter().for_each(|view| group.adopt(Target::View(*view)));
        }
        let rng = ctx.seed.stream("elb controller", 0);
        let controller = settings.controller.as_ref().map(|s| Controller::new(s, rng));
        Elb { controller, group }
    }
}

impl Model for Elb {
    type Event = Event;

    fn watchers(&self) -> u16 {
        u16::from(self.controller.is_some())
    }

    fn slices(&self, _watcher: u16, from: u32, to: u32) -> Event {
        Event::Controller(controller::Event::Slices { from, to })
    }

    fn pod(&self, pod: PodId) -> Option<Event> {
        self.controller.is_some().then_some(Event::Controller(controller::Event::Pod(pod)))
    }

    fn adopt(&mut self, _scene: &mut Scene, pod: PodId, conditions: Conditions) {
        if let Some(controller) = &mut self.controller {
            controller.adopt(pod, conditions);
            self.group.adopt(Target::Pod(pod));
        }
    }

    fn start(&mut self, scene: &mut Scene, out: &mut Out<super::Event>) {
        self.group.start(scene.timeline, scene.ctx.now, out);
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut Out<super::Event>) {
        match event {
            Event::Controller(e) => {
                let controller = self.controller.as_mut().expect("it watches and is told");
                controller.handle(scene, e, &mut self.group, out);
            }
            Event::Group(e) => self.group.handle(scene, e, out),
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        self.group.views()
    }
}
