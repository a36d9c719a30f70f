//! The way of the requests, made of its pieces.

use crate::cluster::objects::ServiceId;
use crate::model::balancer::{
    Balancer, Model, Path, elb, envoy, front, haproxy, headless, ingress_nginx, kube_proxy,
    metallb, router,
};
use crate::model::plumbing::Ctx;
use crate::scenario::{Route, Scenario};
use crate::timeline::Recorder;

/// The balancers of a route, from the pods to those who send. Their views are entered into the timeline;
/// those of kube-proxies come first, one per node.
pub fn build(
    scenario: &Scenario,
    route: &Route,
    ctx: Ctx,
    timeline: &mut Recorder,
) -> Vec<Balancer> {
    let nodes = &scenario.nodes;
    let services = || route.to.iter().map(|&id| (id, &scenario.services[id]));
    let (first, service) = services().next().expect("a route leads to a Service");
    let local = service.external_traffic_local;
    let mut pile: Vec<Balancer> = Vec::new();
    let proxies =
        |pile: &mut Vec<Balancer>, service: ServiceId, local: bool, timeline: &mut Recorder| {
            let how = (local, scenario.services[service].is_held());
            let proxies = kube_proxy::proxy::Proxies::new(ctx, nodes, service, how, timeline);
            let views = proxies.entries();
            pile.push(proxies.into());
            views
        };
    let top: Balancer = match &route.path {
        Path::Service => {
            proxies(&mut pile, first, service.internal_traffic_local, timeline);
            return pile;
        }
        Path::NodePort { .. } | Path::LoadBalancer(None) => {
            proxies(&mut pile, first, local, timeline);
            return pile;
        }
        Path::LoadBalancer(Some(s)) | Path::Alb(s) | Path::Nlb(s) => {
            let mut groups = Vec::new();
            for (i, service) in services() {
                let views = match s.controller {
                    None => proxies(&mut pile, i, local, timeline),
                    Some(_) => Vec::new(),
                };
                let name = route.split.as_ref().map(|_| service.name.as_str());
                let elb = elb::Elb::new(ctx, s, i, name, (nodes, &views), timeline);
                groups.push(elb.entries());
                pile.push(elb.into());
            }
            let Some(split) = &route.split else { return pile };
            elb::rule::Rule::new(ctx, s, &groups, &split.weights, timeline).into()
        }
        Path::IngressNginx(s) => {
            let names = services().map(|(_, s)| s.name.as_str()).collect::<Vec<_>>();
            ingress_nginx::IngressNginx::new(ctx, s, &names, route.split.as_ref(), timeline).into()
        }
        Path::Headless(s) => headless::Headless::new(ctx, s, timeline).into(),
        Path::Haproxy(s) => haproxy::Haproxy::new(ctx, s, timeline).into(),
        Path::Envoy(s) => {
            let Some((split, delay)) = route.split.as_ref().zip(s.weights.as_ref()) else {
                pile.push(envoy::Envoy::new(ctx, s, (first, None), timeline).into());
                return in_front(pile, route, timeline);
            };
            let mut views = Vec::new();
            for (id, service) in services() {
                let named = (id, Some(service.name.as_str()));
                let envoy = envoy::Envoy::new(ctx, s, named, timeline);
                views.push(envoy.entries());
                pile.push(envoy.into());
            }
            router::Router::new(ctx, (&s.hop, delay), &views, &split.weights, timeline).into()
        }
        Path::MetalLb(s) => {
            let nodes = proxies(&mut pile, first, local, timeline);
            metallb::MetalLb::new(ctx, s, &nodes, timeline).into()
        }
    };
    pile.push(top);
    in_front(pile, route, timeline)
}

/// The proxy in front of the path's, if there is one.
fn in_front(mut pile: Vec<Balancer>, route: &Route, timeline: &mut Recorder) -> Vec<Balancer> {
    let behind = pile.last().expect("a path has a balancer").entries();
    if let Some(front) = &route.in_front {
        pile.push(front::Front::new(front, &behind, timeline).into());
    }
    pile
}
