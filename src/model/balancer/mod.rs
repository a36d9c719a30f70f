//! The data planes between clients and pods, and their controllers: one module per kind.
//!
//! A path is a pile of [`Balancer`]s, from the one next to the pods to the one that clients enter. The world
//! tells each of endpoint slices and pods after a watch latency, and hands it its own timers; a balancer
//! writes what it believes into its views of the timeline, and may write to the API.

pub mod alb;
pub mod check;
pub mod checker;
pub mod cloud;
pub mod elb;
pub mod front;
pub mod haproxy;
pub mod headless;
pub mod history;
pub mod ingress_nginx;
pub mod kube_proxy;
pub mod layer7;
pub mod listing;
pub mod members;
pub mod metallb;
pub mod nlb;
pub mod services;
pub mod settings;
pub mod split;

use crate::cluster::objects::{Conditions, PodId};
use crate::cluster::spec::Node;
use crate::engine::Dur;
pub use crate::model::plumbing::Scene;
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{L7, Recorder, ViewId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use settings::Given;
use std::sync::Arc;

/// What every kind of balancer does.
pub trait Model {
    /// What can happen to it.
    type Event;

    /// How many watch endpoint slices, each with its own latency.
    fn watchers(&self) -> u16;

    /// The Service (by its number in the scenario) whose slices `watcher` watches.
    fn watched(&self, _watcher: u16) -> u8 {
        0
    }

    /// Watcher `watcher` sees a range of the cluster's slice log.
    fn slices(&self, watcher: u16, from: u32, to: u32) -> Self::Event;

    /// It watches pods too: what a change of `pod` is to it.
    fn pod(&self, _pod: PodId) -> Option<Self::Event> {
        None
    }

    /// A connection to `pod` meets something else from now on: health checks that were asleep go on.
    fn wake(&mut self, _ctx: Ctx, _pod: PodId, _out: &mut impl Out<Event>) {}

    /// Simulates every health check from now on, for tests that those left out change nothing.
    fn check_always(&mut self) {}

    /// Its controller sees the Ingress' rule with new shares: what that is to it.
    fn weights(&self) -> Option<Self::Event> {
        None
    }

    /// The proxy's own pods are to be replaced: what that is to it.
    fn restart(&self) -> Option<Self::Event> {
        None
    }

    /// Room for the endpoints of so many pods, so that lists need not grow one by one.
    fn reserve(&mut self, _pods: usize, _timeline: &mut Recorder) {}

    /// Takes over a pod that is running and routed when the run starts, if the Service is one of its own.
    fn adopt(&mut self, _scene: &mut Scene, _service: u8, _pod: PodId, _conditions: Conditions) {}

    /// All pods are adopted: timers begin.
    fn start(&mut self, _scene: &mut Scene, _out: &mut impl Out<Event>) {}

    /// Acts on something that is due; what follows goes to `out`.
    fn handle(&mut self, scene: &mut Scene, event: Self::Event, out: &mut impl Out<Event>);

    /// The views that clients enter, evenly.
    fn entries(&self) -> Vec<ViewId>;
}

/// One variant per kind of balancer, and its events.
macro_rules! balancers {
    ($($(#[$doc:meta])* $name:ident: $model:ty,)*) => {
        /// A layer of the path of requests, of any kind.
        #[derive(Debug)]
        pub enum Balancer {
            $($(#[$doc])* $name(Box<$model>),)*
        }

        /// What can happen to a layer, by its kind.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Event {
            $($(#[$doc])* $name(<$model as Model>::Event),)*
        }

        $(impl From<<$model as Model>::Event> for Event {
            fn from(event: <$model as Model>::Event) -> Event {
                Event::$name(event)
            }
        }

        impl From<$model> for Balancer {
            fn from(model: $model) -> Balancer {
                Balancer::$name(Box::new(model))
            }
        })*

        impl Balancer {
            pub(crate) fn watchers(&self) -> u16 {
                match self { $(Balancer::$name(m) => m.watchers(),)* }
            }

            pub(crate) fn watched(&self, watcher: u16) -> u8 {
                match self { $(Balancer::$name(m) => m.watched(watcher),)* }
            }

            pub(crate) fn weights(&self) -> Option<Event> {
                match self { $(Balancer::$name(m) => m.weights().map(Event::from),)* }
            }

            pub(crate) fn restart(&self) -> Option<Event> {
                match self { $(Balancer::$name(m) => m.restart().map(Event::from),)* }
            }

            pub(crate) fn slices(&self, watcher: u16, from: u32, to: u32) -> Event {
                match self { $(Balancer::$name(m) => m.slices(watcher, from, to).into(),)* }
            }

            pub(crate) fn pod(&self, pod: PodId) -> Option<Event> {
                match self { $(Balancer::$name(m) => m.pod(pod).map(Event::from),)* }
            }

            pub(crate) fn wake(&mut self, ctx: Ctx, pod: PodId, out: &mut impl Out<Event>) {
                match self { $(Balancer::$name(m) => m.wake(ctx, pod, out),)* }
            }

            pub(crate) fn check_always(&mut self) {
                match self { $(Balancer::$name(m) => m.check_always(),)* }
            }

            pub(crate) fn reserve(&mut self, pods: usize, timeline: &mut Recorder) {
                match self { $(Balancer::$name(m) => m.reserve(pods, timeline),)* }
            }

            pub(crate) fn adopt(
                &mut self,
                scene: &mut Scene,
                service: u8,
                pod: PodId,
                conditions: Conditions,
            ) {
                match self { $(Balancer::$name(m) => m.adopt(scene, service, pod, conditions),)* }
            }

            pub(crate) fn start(&mut self, scene: &mut Scene, out: &mut impl Out<Event>) {
                match self { $(Balancer::$name(m) => m.start(scene, out),)* }
            }

            /// # Panics
            /// If the event is another kind's: the world mixed up two layers.
            pub(crate) fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut impl Out<Event>) {
                match (self, event) {
                    $((Balancer::$name(m), Event::$name(e)) => m.handle(scene, e, out),)*
                    (_, event) => panic!("an event for another balancer: {event:?}"),
                }
            }

            pub(crate) fn entries(&self) -> Vec<ViewId> {
                match self { $(Balancer::$name(m) => m.entries(),)* }
            }
        }
    };
}

balancers! {
    /// kube-proxy on every node.
    KubeProxy: kube_proxy::proxy::Proxies,
    /// Elastic Load Balancing: ALB, NLB; also a cloud's balancer in front of nodes.
    Elb: elb::Elb,
    /// A listener rule with weighted target groups.
    Rule: elb::rule::Rule,
    IngressNginx: ingress_nginx::IngressNginx,
    Headless: headless::Headless,
    MetalLb: metallb::MetalLb,
    Haproxy: haproxy::Haproxy,
    /// A proxy in front of another.
    Front: front::Front,
}

/// How requests reach the pods.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
/// A data plane that a path can be made of; each has a card.
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// ClusterIP through kube-proxy.
    Service,
    /// A node's port, on all nodes alike.
    #[serde(rename = "nodeport")]
    NodePort,
    /// A cloud's load balancer in front of the nodes.
    #[serde(rename = "loadbalancer")]
    LoadBalancer,
    /// AWS Application Load Balancer with the AWS Load Balancer Controller.
    Alb,
    /// AWS Network Load Balancer with the AWS Load Balancer Controller.
    Nlb,
    IngressNginx,
    /// Clients connect to the addresses of a headless Service.
    Headless,
    /// MetalLB: one node answers for the address.
    #[serde(rename = "metallb-l2")]
    MetalLbL2,
    /// MetalLB: a router spreads connections over the nodes.
    #[serde(rename = "metallb-bgp")]
    MetalLbBgp,
    /// HAProxy with active checks of the pods.
    Haproxy,
}

/// A kind with its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Path {
    Service,
    NodePort {
        local: bool,
    },
    /// None: externalTrafficPolicy Cluster, where every node serves.
    LoadBalancer(Option<Box<elb::Settings>>),
    Alb(Box<elb::Settings>),
    Nlb(Box<elb::Settings>),
    IngressNginx(Box<ingress_nginx::Settings>),
    Headless(headless::Settings),
    MetalLb(metallb::Settings),
    Haproxy(Box<haproxy::Settings>),
}

/// What may be in front of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FrontKind {
    /// AWS Application Load Balancer.
    Alb,
    Haproxy,
}

impl FrontKind {
    /// The name of its card.
    pub fn card(self) -> &'static str {
        match self {
            FrontKind::Alb => "alb",
            FrontKind::Haproxy => "haproxy",
        }
    }

    /// Its settings, from its card and what overrides it.
    pub fn read(self, given: &mut dyn Given) -> front::Settings {
        match self {
            FrontKind::Alb => alb::in_front(given),
            FrontKind::Haproxy => haproxy::in_front(given),
        }
    }
}

impl Kind {
    /// The card with its numbers; None: the platform's card has them.
    pub fn card(self) -> Option<&'static str> {
        match self {
            Kind::Service | Kind::NodePort => None,
            Kind::LoadBalancer => Some("loadbalancer"),
            Kind::Alb => Some("alb"),
            Kind::Nlb => Some("nlb"),
            Kind::IngressNginx => Some("ingress-nginx"),
            Kind::Headless => Some("headless"),
            Kind::MetalLbL2 => Some("metallb-l2"),
            Kind::MetalLbBgp => Some("metallb-bgp"),
            Kind::Haproxy => Some("haproxy"),
        }
    }

    /// The settings of this kind, from its card and what overrides it.
    pub fn read(self, given: &mut dyn Given) -> Path {
        match self {
            Kind::Service => Path::Service,
            Kind::NodePort => Path::NodePort { local: given.local() },
            Kind::LoadBalancer => {
                Path::LoadBalancer(given.local().then(|| Box::new(cloud::settings(given))))
            }
            Kind::Alb => Path::Alb(Box::new(alb::settings(given))),
            Kind::Nlb => Path::Nlb(Box::new(nlb::settings(given))),
            Kind::IngressNginx => Path::IngressNginx(Box::new(ingress_nginx::settings(given))),
            Kind::Headless => Path::Headless(headless::settings(given)),
            Kind::MetalLbL2 => Path::MetalLb(metallb::settings(given, false)),
            Kind::MetalLbBgp => Path::MetalLb(metallb::settings(given, true)),
            Kind::Haproxy => Path::Haproxy(Box::new(haproxy::settings(given))),
        }
    }
}

impl Path {
    /// The controller of the path that sets readiness gates.
    pub fn controller(&self) -> Option<&elb::controller::Settings> {
        let (Path::Alb(s) | Path::Nlb(s)) = self else { return None };
        s.controller.as_ref()
    }

    /// How long a readiness gate is set after the pod's containers are ready, slow but not extreme; in
    /// seconds.
    pub fn gate_after_s(&self) -> f64 {
        let (Path::Alb(s) | Path::Nlb(s)) = self else { return 0.0 };
        let requeue = s.controller.as_ref().map_or(0.0, |c| c.requeue.as_secs_f64());
        s.registration.quantile_s(0.95)
            + s.check.interval.as_secs_f64()
            + s.verdict.quantile_s(0.95)
            + requeue
    }

    /// A load balancer node sends to its own zone alone, and the nodes are in several.
    pub fn zones_apart(&self, nodes: &[Arc<Node>]) -> bool {
        matches!(self, Path::Alb(s) | Path::Nlb(s) if !s.cross_zone)
            && elb::zones::Zones::of(nodes, &[]).is_some()
    }

    /// The status that the proxy logs when the client goes before the answer, which nobody receives.
    pub fn client_gone(&self) -> Option<u16> {
        match self {
            Path::Alb(_) => Some(460),
            Path::IngressNginx(_) => Some(499),
            _ => None,
        }
    }

    /// How long a target that is going keeps its running requests.
    pub fn deregistration_delay(&self) -> Option<Dur> {
        match self {
            Path::Alb(s) | Path::Nlb(s) | Path::LoadBalancer(Some(s)) => {
                Some(s.deregistration_delay)
            }
            _ => None,
        }
    }

    fn l7(&self) -> Option<&L7> {
        let hop = match self {
            Path::Alb(s) | Path::Nlb(s) => &s.hop,
            Path::IngressNginx(s) => &s.hop,
            Path::Haproxy(s) => &s.hop,
            _ => return None,
        };
        hop.l7.as_ref()
    }

    /// How long the proxy keeps an idle connection to a pod.
    pub fn idle_timeout(&self) -> Option<Dur> {
        Some(self.l7()?.pool?.idle_timeout)
    }

    /// How long it keeps one of a proxy in front of it.
    pub fn front_idle_timeout(&self) -> Option<Dur> {
        self.l7()?.front_idle_timeout
    }

    /// How long the proxy's own pods serve on when they are replaced.
    pub fn shutdown_grace(&self) -> Option<Dur> {
        let Path::IngressNginx(s) = self else { return None };
        s.restart.as_ref().map(|r| r.grace)
    }

    /// How long it takes to replace the proxy's own pods, slow but not extreme; in seconds.
    pub fn restart_s(&self) -> f64 {
        let Path::IngressNginx(s) = self else { return 0.0 };
        let one = |r: &ingress_nginx::restart::Settings| r.start.quantile_s(0.95);
        s.restart.as_ref().map_or(0.0, |r| f64::from(s.replicas) * one(r) + r.grace.as_secs_f64())
    }

    /// How long a deleted pod gets new requests, slow but not extreme; in seconds.
    pub fn forgets_after_s(&self) -> f64 {
        let (Path::Alb(s) | Path::Nlb(s)) = self else { return 0.0 };
        s.deregistration.quantile_s(0.95)
    }
}
