//! AWS Elastic Load Balancing and the AWS Load Balancer Controller: a target group whose members the
//! controller registers and deregisters, and load balancer nodes that learn of it late and check health on
//! their own clocks. ALB and NLB differ in their settings.

mod belief;
mod checking;
pub mod controller;
pub mod group;
mod routing;
pub mod rule;
pub mod zones;

use super::settings::{Given, Own};
use super::{Model, Scene, check};
use crate::cluster::objects::{Conditions, NodeId, PodId, ServiceId};
use crate::cluster::spec::Node;
use crate::engine::{Dist, Dur, List, Rng, Time};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Hop, Recorder, Target, ViewId};
use controller::Controller;
use group::Group;
use std::sync::Arc;
use zones::{Dns, Zones};

/// An ALB or NLB with its target groups and its controller.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// For people: ALB or NLB.
    pub name: &'static str,
    /// What a node does with requests.
    pub hop: Hop,
    /// Load balancer nodes, each with its own belief.
    pub nodes: u32,
    /// When its checks change their verdict.
    pub check: check::Rules,
    /// A register call until a load balancer node begins to check the target.
    pub registration: Dist,
    /// A deregister call until a load balancer node sends it nothing new.
    pub deregistration: Dist,
    /// A verdict on a target's health until the node's choices follow it.
    pub verdict: Dist,
    /// A target drains for so long.
    pub deregistration_delay: Dur,
    /// That time begins when every load balancer node has forgotten the target, not with the call.
    pub drains_once_forgotten: bool,
    /// What then still runs is cut.
    pub cut_after_delay: bool,
    /// A target's share grows for so long after it turned healthy; zero: at once.
    pub slow_start: Dur,
    /// With fewer healthy targets all registered ones get requests.
    pub fail_open: zones::Threshold,
    /// A node sends to targets of every zone; else to its own zone's.
    pub cross_zone: bool,
    /// Clients follow the DNS name, where nodes may leave it.
    pub dns: Option<zones::Settings>,
    /// A zonal shift until all follow it; None: there is none.
    pub shift: Option<Dist>,
    /// Keeps pods as targets. None: the targets are the cluster's nodes, by NodePort.
    pub controller: Option<controller::Settings>,
    /// Of the rule, where it forwards to several target groups by weight.
    pub rule: Option<rule::Settings>,
}

/// What can happen to the load balancer, by the part that it happens to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// To the controller in the cluster.
    Controller(controller::Event),
    /// To the target group at AWS.
    Group(group::Event),
    /// A client looks the load balancer's name up.
    LookUp { client: u32 },
}

/// A load balancer has a node in each subnet that an annotation lists.
pub fn one_a_subnet(listed: Own) -> Own {
    let subnets = listed.text.split(',').filter(|name| !name.trim().is_empty());
    Own { text: subnets.count().to_string(), ..listed }
}

/// How long a zonal shift takes, where there is one; `attributes`: the annotation of the load balancer's.
pub fn shift(given: &mut dyn Given, attributes: &str) -> Option<Dist> {
    if !given.shifts() {
        return None;
    }
    let enabled = given.attribute(attributes, "zonal_shift.config.enabled");
    if let Some(own) = enabled.filter(|own| own.text != "true") {
        given.refuse(&own, "true, where a zone is shifted away");
    }
    Some(given.dist("shift"))
}

/// An AWS load balancer: a target group for each Service, and who registers pods there.
#[derive(Debug)]
pub struct Elb {
    /// The Service that the target group belongs to.
    service: ServiceId,
    controller: Option<Controller>,
    group: Group,
    dns: Option<Dns>,
    rng: Rng,
    /// The views of the cluster's nodes, by number, where they are the targets.
    views: List<NodeId, ViewId>,
}

impl Elb {
    /// `cluster`: its nodes, and without a controller their views. `name`: of the target group, where
    /// there are several.
    pub fn new(
        ctx: Ctx,
        settings: &Settings,
        service: ServiceId,
        name: Option<&str>,
        cluster: (&[Arc<Node>], &[ViewId]),
        timeline: &mut Recorder,
    ) -> Elb {
        let (nodes, views) = cluster;
        let matter = !settings.cross_zone || settings.shift.is_some();
        let zones = Zones::of(nodes, views, settings.cross_zone).filter(|_| matter);
        let rng = ctx.seed.stream("elb", u64::from(service.0));
        let mut group = Group::new(ctx, settings, name, zones, rng, timeline);
        if settings.controller.is_none() {
            let there = nodes.iter().zip(views).filter(|(node, _)| node.is_there());
            there.for_each(|(_, view)| group.adopt(Target::View(*view)));
        }
        let rng = ctx.seed.stream("elb controller", u64::from(service.0));
        let controller = settings.controller.as_ref().map(|s| Controller::new(s, rng));
        let dns =
            settings.dns.as_ref().map(|s| Dns::new(s, &group.views(), &settings.hop, timeline));
        let rng = ctx.seed.stream("elb dns", u64::from(service.0));
        let views = views.to_vec().into();
        Elb { service, controller, group, dns, rng, views }
    }
}

impl Model for Elb {
    type Event = Event;

    fn watchers(&self) -> u16 {
        u16::from(self.controller.is_some())
    }

    fn watched(&self, _watcher: u16) -> ServiceId {
        self.service
    }

    fn slices(&self, _watcher: u16, from: u32, to: u32) -> Event {
        Event::Controller(controller::Event::Slices { from, to })
    }

    fn pod(&self, pod: PodId) -> Option<Event> {
        self.controller.is_some().then_some(Event::Controller(controller::Event::Pod(pod)))
    }

    fn wake(&mut self, ctx: Ctx, pod: PodId, out: &mut impl Out<super::Event>) {
        self.group.wake(ctx, pod, out);
    }

    fn targets(&self) -> Option<(ServiceId, Vec<(Target, check::TargetState)>)> {
        Some((self.service, self.group.targets().collect()))
    }

    fn node_joins(&mut self, ctx: Ctx, node: NodeId, out: &mut impl Out<super::Event>) {
        if let Some(&view) = self.views.get(node) {
            self.group.register(ctx.now, Target::View(view), out);
        }
    }

    fn node_excluded(&mut self, ctx: Ctx, node: NodeId, out: &mut impl Out<super::Event>) {
        if let Some(&view) = self.views.get(node) {
            self.group.deregister(ctx.now, Target::View(view), out);
        }
    }

    fn zone_shifts(&mut self, now: Time, zone: Option<&str>, out: &mut impl Out<super::Event>) {
        self.group.shift(now, zone, out);
    }

    fn check_always(&mut self) {
        self.group.checks.always = true;
    }

    fn adopt(&mut self, scene: &mut Scene, service: ServiceId, pod: PodId, conditions: Conditions) {
        let own = service == self.service;
        if let Some(controller) = self.controller.as_mut().filter(|_| own)
            && controller.adopt(scene.cluster, pod, conditions)
        {
            self.group.adopt(Target::Pod(pod));
        }
    }

    fn start(&mut self, scene: &mut Scene, out: &mut impl Out<super::Event>) {
        self.group.start(scene, out);
        let up = self.group.up();
        if let Some(dns) = &mut self.dns {
            dns.start(scene.timeline, scene.ctx.now, &up, &mut self.rng, out);
        }
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut impl Out<super::Event>) {
        match event {
            Event::Controller(e) => {
                let controller = self.controller.as_mut().expect("it watches and is told");
                controller.handle(scene, e, &mut self.group, out);
            }
            Event::Group(e) => self.group.handle(scene, e, out),
            Event::LookUp { client } => {
                let dns = self.dns.as_mut().expect("it was started");
                let up = self.group.up();
                dns.look_up(scene.timeline, scene.ctx.now, client, &up, out);
            }
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        self.dns.as_ref().map_or_else(|| self.group.views(), Dns::views)
    }
}
