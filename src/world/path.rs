//! The way of the requests, made of its pieces.

use crate::model::balancer::{
    Balancer, Model, Path, elb, front, haproxy, headless, ingress_nginx, kube_proxy, metallb,
};
use crate::model::plumbing::Ctx;
use crate::scenario::Scenario;
use crate::timeline::Recorder;

/// The balancers of the scenario's path, from the pods to the clients. Their views are entered into the
/// timeline; those of kube-proxies come first, one per node.
pub fn build(scenario: &Scenario, ctx: Ctx, timeline: &mut Recorder) -> Vec<Balancer> {
    let local = scenario.services[0].external_traffic_local;
    let (nodes, path) = (&scenario.nodes, &scenario.path);
    let mut pile: Vec<Balancer> = Vec::new();
    let proxies = |pile: &mut Vec<Balancer>, service: u8, local: bool, timeline: &mut Recorder| {
        let proxies = kube_proxy::proxy::Proxies::new(ctx, nodes, service, local, timeline);
        let views = proxies.entries();
        pile.push(proxies.into());
        views
    };
    let top: Balancer = match path {
        Path::Service => {
            proxies(&mut pile, 0, false, timeline);
            return pile;
        }
        Path::NodePort { .. } | Path::LoadBalancer(None) => {
            proxies(&mut pile, 0, local, timeline);
            return pile;
        }
        Path::LoadBalancer(Some(s)) | Path::Alb(s) | Path::Nlb(s) => {
            let mut groups = Vec::new();
            for (i, service) in (0..).zip(&scenario.services) {
                let views = match s.controller {
                    None => proxies(&mut pile, i, local, timeline),
                    Some(_) => Vec::new(),
                };
                let name = scenario.split.as_ref().map(|_| service.name.as_str());
                let elb = elb::Elb::new(ctx, s, i, name, (&scenario.nodes, &views), timeline);
                groups.push(elb.entries());
                pile.push(elb.into());
            }
            let Some(split) = &scenario.split else { return pile };
            elb::rule::Rule::new(ctx, s, &groups, &split.weights, timeline).into()
        }
        Path::IngressNginx(s) => {
            let (services, split) = (scenario.services.iter(), scenario.split.as_ref());
            let names = services.map(|s| s.name.as_str()).collect::<Vec<_>>();
            ingress_nginx::IngressNginx::new(ctx, s, &names, split, timeline).into()
        }
        Path::Headless(s) => headless::Headless::new(ctx, s, timeline).into(),
        Path::Haproxy(s) => haproxy::Haproxy::new(ctx, s, timeline).into(),
        Path::MetalLb(s) => {
            let nodes = proxies(&mut pile, 0, local, timeline);
            metallb::MetalLb::new(ctx, s, &nodes, timeline).into()
        }
    };
    let behind = top.entries();
    pile.push(top);
    if let Some(front) = &scenario.in_front {
        pile.push(front::Front::new(front, &behind, timeline).into());
    }
    pile
}
