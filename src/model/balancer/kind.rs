//! The kinds of data planes that a path can be made of, and what is asked of their settings.

use super::registered::Maker;
use super::settings::Given;
use super::{
    alb, cloud, elb, envoy, front, haproxy, headless, ingress_nginx, metallb, nlb, restart,
};
use crate::cluster::spec::Node;
use crate::engine::Dur;
use crate::timeline::{L7, Policy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How requests reach the pods: a data plane that a path can be made of; each has a card.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
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
    /// The ingress-nginx controller of the Kubernetes project.
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
    /// Envoy, told of endpoints by a control plane: a front proxy, a gateway.
    Envoy,
    /// Envoy as Istio sets it up: the sidecars of those who call, or an ingress gateway.
    Istio,
    /// Linkerd's proxies beside those who call.
    Linkerd,
    /// Istio's ambient mesh, without a waypoint: the ztunnel of the node of those who call.
    Ambient,
    /// GKE's container-native load balancing: a network endpoint group of pods.
    GkeNeg,
    /// Amazon VPC Lattice with the AWS Gateway API Controller.
    VpcLattice,
    /// Azure Application Gateway for Containers.
    Agc,
    /// Azure Application Gateway with its ingress controller.
    Agic,
}

/// A kind with its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Path {
    /// ClusterIP through kube-proxy.
    Service,
    /// A node's port; `local`: externalTrafficPolicy Local.
    NodePort { local: bool },
    /// None: externalTrafficPolicy Cluster, where every node serves.
    LoadBalancer(Option<Box<elb::Settings>>),
    /// With the AWS Load Balancer Controller.
    Alb(Box<elb::Settings>),
    /// With the AWS Load Balancer Controller.
    Nlb(Box<elb::Settings>),
    /// Pods are registered by address with the load balancer of a cloud.
    Registered(&'static Maker, Box<elb::Settings>),
    /// All replicas of the controller alike.
    IngressNginx(Box<ingress_nginx::Settings>),
    /// Clients connect to the pods.
    Headless(headless::Settings),
    /// By layer 2 or BGP.
    MetalLb(metallb::Settings),
    /// With active checks of the pods.
    Haproxy(Box<haproxy::Settings>),
    /// Told of endpoints by a control plane; also what is no Envoy and is told likewise.
    Envoy(Box<envoy::Settings>),
}

/// What may be in front of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FrontKind {
    /// AWS Application Load Balancer.
    Alb,
    /// A pair of HAProxy, say, before the ingress controller.
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
            Kind::Envoy => Some("envoy"),
            Kind::Istio => Some("istio"),
            Kind::Linkerd => Some("linkerd"),
            Kind::Ambient => Some("ambient"),
            Kind::GkeNeg => Some("gke-neg"),
            Kind::VpcLattice => Some("vpc-lattice"),
            Kind::Agc => Some("agc"),
            Kind::Agic => Some("agic"),
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
            Kind::Envoy => Path::Envoy(Box::new(envoy::gateway(given))),
            Kind::Linkerd => Path::Envoy(Box::new(envoy::settings(given))),
            Kind::Istio => Path::Envoy(Box::new(envoy::istio(given))),
            Kind::Ambient => Path::Envoy(Box::new(envoy::ztunnel(given))),
            Kind::GkeNeg | Kind::VpcLattice | Kind::Agc | Kind::Agic => {
                let maker = self.maker().expect("a maker of its kind");
                Path::Registered(maker, Box::new(maker.settings(given)))
            }
        }
    }
}

impl Path {
    /// The load balancer whose targets are registered: pods, or nodes.
    fn registered(&self) -> Option<&elb::Settings> {
        match self {
            Path::Alb(s) | Path::Nlb(s) | Path::Registered(_, s) => Some(s),
            _ => None,
        }
    }

    /// Who makes the load balancer, where pods are registered with it by address.
    pub fn maker(&self) -> Option<&'static Maker> {
        let Path::Registered(maker, _) = self else { return None };
        Some(maker)
    }

    /// The controller of the path that sets readiness gates.
    pub fn controller(&self) -> Option<&elb::controller::Settings> {
        self.registered()?.controller.as_ref()
    }

    /// How long a readiness gate is set after the pod's containers are ready, slow but not extreme; in
    /// seconds.
    pub fn gate_after_s(&self) -> f64 {
        let Some(s) = self.registered() else { return 0.0 };
        let requeue = s.controller.as_ref().map_or(0.0, |c| c.requeue.as_secs_f64());
        s.registration.quantile_s(0.95)
            + s.check.interval.as_secs_f64()
            + s.verdict.quantile_s(0.95)
            + requeue
    }

    /// A load balancer node sends to its own zone alone, and the nodes are in several.
    pub fn zones_apart(&self, nodes: &[Arc<Node>]) -> bool {
        matches!(self, Path::Alb(s) | Path::Nlb(s) if !s.cross_zone)
            && elb::zones::Zones::of(nodes, &[], false).is_some()
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
            Path::LoadBalancer(Some(s)) => Some(s.deregistration_delay),
            _ => self.registered().map(|s| s.deregistration_delay),
        }
    }

    /// What a proxy on the path does, if there is one.
    pub fn l7(&self) -> Option<&L7> {
        let hop = match self {
            Path::Alb(s) | Path::Nlb(s) | Path::Registered(_, s) => &s.hop,
            Path::IngressNginx(s) => &s.hop,
            Path::Haproxy(s) => &s.hop,
            Path::Envoy(s) => &s.hop,
            _ => return None,
        };
        hop.l7.as_ref()
    }

    /// How long its proxies wait for tunnels to pods that a proxy of their node captures.
    pub fn tunnel(&self) -> Option<Dur> {
        let Path::Envoy(settings) = self else { return None };
        settings.tunnel
    }

    /// What its proxies limit, eject and back off by.
    pub fn policy(&self) -> Option<&Policy> {
        self.l7()?.policy.as_deref()
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
        self.restart().map(|(restart, _)| restart.grace)
    }

    /// How the proxy's own pods are replaced, and how many they are; None: they are not.
    pub fn restart(&self) -> Option<(&restart::Settings, u32)> {
        match self {
            Path::IngressNginx(s) => s.restart.as_ref().map(|r| (r, s.replicas)),
            Path::Envoy(s) => s.restart.as_ref().map(|r| (r, s.proxies)),
            _ => None,
        }
    }

    /// How long it takes to replace the proxy's own pods, slow but not extreme; in seconds.
    pub fn restart_s(&self) -> f64 {
        self.restart().map_or(0.0, |(restart, replicas)| restart.takes_s(replicas))
    }

    /// How long a deleted pod gets new requests, slow but not extreme; in seconds.
    pub fn forgets_after_s(&self) -> f64 {
        self.registered().map_or(0.0, |s| s.deregistration.quantile_s(0.95))
    }
}
