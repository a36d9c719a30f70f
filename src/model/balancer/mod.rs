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
pub mod envoy;
pub mod front;
pub mod haproxy;
pub mod headless;
pub mod history;
pub mod ingress_nginx;
mod kind;
pub mod kube_proxy;
pub mod layer7;
pub mod listing;
pub mod members;
pub mod metallb;
pub mod nlb;
pub mod pods;
pub mod pushes;
pub mod registered;
pub mod restart;
pub mod router;
pub mod services;
pub mod settings;
pub mod split;

use crate::cluster::objects::{Conditions, NodeId, PodId, ServiceId};
use crate::engine::Time;
pub use crate::model::plumbing::Scene;
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Recorder, Target, ViewId};
use check::TargetState;
pub use kind::{FrontKind, Kind, Path};

/// What every kind of balancer does.
pub trait Model {
    /// What can happen to it.
    type Event;

    /// How many watch endpoint slices, each with its own latency.
    fn watchers(&self) -> u16;

    /// The Service whose slices `watcher` watches.
    fn watched(&self, _watcher: u16) -> ServiceId {
        ServiceId(0)
    }

    /// Watcher `watcher` sees a range of the cluster's slice log.
    fn slices(&self, watcher: u16, from: u32, to: u32) -> Self::Event;

    /// It watches pods too: what a change of `pod` is to it.
    fn pod(&self, _pod: PodId) -> Option<Self::Event> {
        None
    }

    /// A connection to `pod` meets something else from now on: health checks that were asleep go on.
    fn wake(&mut self, _ctx: Ctx, _pod: PodId, _out: &mut impl Out<Event>) {}

    /// A node is gone at this instant, and what of the data plane runs on it.
    fn node_lost(&mut self, _scene: &mut Scene, _node: NodeId, _out: &mut impl Out<Event>) {}

    /// A node has joined: where nodes are targets it becomes one.
    fn node_joins(&mut self, _ctx: Ctx, _node: NodeId, _out: &mut impl Out<Event>) {}

    /// A node is excluded from load balancers, by its label.
    fn node_excluded(&mut self, _ctx: Ctx, _node: NodeId, _out: &mut impl Out<Event>) {}

    /// Somebody shifts requests away from a zone; None: no longer.
    fn zone_shifts(&mut self, _now: Time, _zone: Option<&str>, _out: &mut impl Out<Event>) {}

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
    fn adopt(
        &mut self,
        _scene: &mut Scene,
        _service: ServiceId,
        _pod: PodId,
        _conditions: Conditions,
    ) {
    }

    /// All pods are adopted: timers begin.
    fn start(&mut self, _scene: &mut Scene, _out: &mut impl Out<Event>) {}

    /// Acts on something that is due; what follows goes to `out`.
    fn handle(&mut self, scene: &mut Scene, event: Self::Event, out: &mut impl Out<Event>);

    /// The Service of a target group, and its targets as the load balancer's API describes them; None: it has
    /// none.
    fn targets(&self) -> Option<(ServiceId, Vec<(Target, TargetState)>)> {
        None
    }

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

            pub(crate) fn watched(&self, watcher: u16) -> ServiceId {
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

            pub(crate) fn node_lost(&mut self, scene: &mut Scene, node: NodeId, out: &mut impl Out<Event>) {
                match self { $(Balancer::$name(m) => m.node_lost(scene, node, out),)* }
            }

            pub(crate) fn node_joins(&mut self, ctx: Ctx, node: NodeId, out: &mut impl Out<Event>) {
                match self { $(Balancer::$name(m) => m.node_joins(ctx, node, out),)* }
            }

            pub(crate) fn node_excluded(&mut self, ctx: Ctx, node: NodeId, out: &mut impl Out<Event>) {
                match self { $(Balancer::$name(m) => m.node_excluded(ctx, node, out),)* }
            }

            pub(crate) fn zone_shifts(&mut self, now: Time, zone: Option<&str>, out: &mut impl Out<Event>) {
                match self { $(Balancer::$name(m) => m.zone_shifts(now, zone, out),)* }
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
                service: ServiceId,
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

            /// The Service of its target group, and the targets as its API describes them, where it has one.
            pub fn targets(&self) -> Option<(ServiceId, Vec<(Target, TargetState)>)> {
                match self { $(Balancer::$name(m) => m.targets(),)* }
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
    Envoy: envoy::Envoy,
    /// Routes with weights, on proxies that are told of them.
    Router: router::Router,
    /// A proxy in front of another.
    Front: front::Front,
    /// A proxy's own pods.
    Pods: pods::Pods,
}
