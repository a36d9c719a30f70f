//! The way of the requests, made of its pieces.

use crate::cluster::distribution::is_auto;
use crate::cluster::objects::{NodeId, ServiceId};
use crate::cluster::spec::Service;
use crate::engine::Dist;
use crate::model::balancer::{
    Balancer, Model, Path, elb, envoy, front, haproxy, headless, ingress_nginx, kube_proxy,
    metallb, pods, router,
};
use crate::model::platform::ProxyMode;
use crate::model::plumbing::Ctx;
use crate::scenario::{Caller, Route, Scenario};
use crate::timeline::{Call, Empty, Hop, Pick, Recorder, ViewId};
use std::collections::BTreeMap;

/// The data planes of all who send requests beside the clients, which are entered into the timeline.
pub fn of_others(scenario: &Scenario, ctx: Ctx, timeline: &mut Recorder) -> Vec<Balancer> {
    let mut all = Vec::new();
    for route in scenario.routes.iter().filter(|route| route.from == Caller::Within) {
        let proxy = within(scenario, route, ctx, timeline);
        timeline.further_caller(proxy.entries()[0]);
        all.push(proxy);
    }
    all.extend(of_calls(scenario, ctx, timeline));
    all
}

/// The data plane of somebody within the cluster: the rules of one node stand for those of all.
fn within(scenario: &Scenario, route: &Route, ctx: Ctx, timeline: &mut Recorder) -> Balancer {
    let first = std::slice::from_ref(&scenario.nodes[NodeId::default()]);
    let how = (false, scenario.services[route.to[0]].is_held());
    let mut proxies = kube_proxy::proxy::Proxies::new(ctx, first, route.to[0], how, timeline);
    prefer(scenario, route.to[0], ctx, &mut proxies);
    keep(scenario, route.to[0], ctx, &mut proxies);
    proxies.into()
}

/// `topology-mode` is read by default since then (feature gate TopologyAwareHints).
const HINTS_SINCE: u32 = 24;

/// Endpoints have hints where their Service asks for it: of zones since 1.31, by default.
fn prefer(
    scenario: &Scenario,
    service: ServiceId,
    ctx: Ctx,
    proxies: &mut kube_proxy::proxy::Proxies,
) {
    if ctx.kubernetes.proxy_mode == ProxyMode::Cilium {
        return;
    }
    let Service { annotations, traffic_distribution: asked, .. } = &*scenario.services[service];
    if is_auto(annotations) && ctx.kubernetes.control_plane >= HINTS_SINCE {
        return proxies.prefer(kube_proxy::close::Close::auto(&scenario.nodes));
    }
    if let Some(distribution) = asked.filter(|_| ctx.kubernetes.control_plane >= 31) {
        proxies.prefer(kube_proxy::close::Close::new(distribution, &scenario.nodes));
    }
}

/// Clients stay where their Service asks for it. IPVS has its own way to.
fn keep(
    scenario: &Scenario,
    service: ServiceId,
    ctx: Ctx,
    proxies: &mut kube_proxy::proxy::Proxies,
) {
    let ipvs = matches!(ctx.kubernetes.proxy_mode, ProxyMode::Ipvs { .. });
    if scenario.services[service].client_ip_affinity && !ipvs {
        proxies.keep_clients();
    }
}

/// The data planes of calls, of each route once.
fn of_calls(scenario: &Scenario, ctx: Ctx, timeline: &mut Recorder) -> Vec<Balancer> {
    let mut all = Vec::new();
    let mut entries: BTreeMap<usize, Vec<ViewId>> = BTreeMap::new();
    let routes = scenario.routes.iter().enumerate();
    for (number, route) in routes.filter(|(_, route)| route.from == Caller::Pods) {
        let pile = build(scenario, route, ctx, timeline);
        entries.insert(number, pile.last().expect("a path has a balancer").entries());
        all.extend(pile);
    }
    for calls in &scenario.calls {
        let (from, to) = (calls.from.clone(), scenario.services[calls.to].name.clone());
        let entries = entries[&calls.route].clone();
        let by_node = scenario.routes[calls.route].path == Path::Service;
        timeline.call(Call { from, to, entries, by_node, how: calls.how });
    }
    all
}

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
            let mut proxies = kube_proxy::proxy::Proxies::new(ctx, nodes, service, how, timeline);
            if !local {
                prefer(scenario, service, ctx, &mut proxies);
            }
            keep(scenario, service, ctx, &mut proxies);
            // Those who ask from within the cluster go on elsewhere.
            if scenario.loses_nodes() && route.path != Path::Service {
                proxies.may_lose_nodes(timeline);
            }
            let views = proxies.views();
            pile.push(proxies.into());
            views
        };
    let top: Balancer = match &route.path {
        Path::Service => {
            let local = |service: &Service| service.internal_traffic_local;
            let all = services().map(|(id, s)| proxies(&mut pile, id, local(s), timeline));
            let views: Vec<_> = all.collect();
            let Some(split) = &route.split else { return pile };
            revisions(ctx, &views, &split.weights, timeline)
        }
        Path::NodePort { .. } | Path::LoadBalancer(None) => {
            proxies(&mut pile, first, local, timeline);
            return pile;
        }
        Path::LoadBalancer(Some(s)) | Path::Alb(s) | Path::Nlb(s) | Path::Registered(_, s) => {
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
        Path::Envoy(s) => envoys(&mut pile, scenario, route, s, ctx, timeline),
        Path::MetalLb(s) => {
            let nodes = proxies(&mut pile, first, local, timeline);
            metallb::MetalLb::new(ctx, s, &nodes, timeline).into()
        }
    };
    pile.push(top);
    own_pods(&mut pile, route, ctx, timeline);
    in_front(pile, route, timeline)
}

/// The ingress that shares requests among Knative's revisions. How long it takes to be told is a part of when
/// weights are written.
fn revisions(
    ctx: Ctx,
    views: &[Vec<ViewId>],
    weights: &[u32],
    timeline: &mut Recorder,
) -> Balancer {
    let empty = Empty::Hold(ctx.kubernetes.defaults.activator_look);
    let hop = Hop { pick: Pick::Random, l7: None, empty };
    let told = Dist::Constant { mean_s: 0.0 };
    router::Router::new(ctx, (&hop, &told), views, weights, timeline).into()
}

/// Envoy's proxies: one for all, or one for each Service and the routes with weights before them.
fn envoys(
    pile: &mut Vec<Balancer>,
    scenario: &Scenario,
    route: &Route,
    s: &envoy::Settings,
    ctx: Ctx,
    timeline: &mut Recorder,
) -> Balancer {
    // As many again follow those that are there.
    let callers = s.proxies;
    let proxies = if s.restart.is_some() { 2 * callers } else { callers };
    let s = &envoy::Settings { proxies, ..s.clone() };
    let make = |to: (ServiceId, Option<&str>), timeline: &mut Recorder| {
        let mut envoy = envoy::Envoy::new(ctx, s, to, timeline);
        if let Some(localities) = &s.localities {
            envoy.prefer((localities, callers), &scenario.nodes, timeline);
        }
        envoy
    };
    let Some((split, delay)) = route.split.as_ref().zip(s.weights.as_ref()) else {
        return make((route.to[0], None), timeline).into();
    };
    let mut views = Vec::new();
    for &id in &route.to {
        let named = (id, Some(scenario.services[id].name.as_str()));
        let envoy = make(named, timeline);
        views.push(envoy.entries());
        pile.push(envoy.into());
    }
    router::Router::new(ctx, (&s.hop, delay), &views, &split.weights, timeline).into()
}

/// The pods of Envoy's proxies, where they are replaced.
fn own_pods(pile: &mut Vec<Balancer>, route: &Route, ctx: Ctx, timeline: &mut Recorder) {
    let Path::Envoy(s) = &route.path else { return };
    let Some(restart) = &s.restart else { return };
    let behind = pile.last().expect("a path has a balancer").entries();
    pile.push(pods::Pods::new(ctx, (restart, &s.name), &behind, timeline).into());
}

/// The proxy in front of the path's, if there is one.
fn in_front(mut pile: Vec<Balancer>, route: &Route, timeline: &mut Recorder) -> Vec<Balancer> {
    let behind = pile.last().expect("a path has a balancer").entries();
    if let Some(front) = &route.in_front {
        pile.push(front::Front::new(front, &behind, timeline).into());
    }
    pile
}
