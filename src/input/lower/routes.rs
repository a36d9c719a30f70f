//! Routes of a mesh or a gateway that lead to a Service: how the requests come, and with which other
//! Services, or subsets of its pods, it shares them.

mod gateways;
mod matches;
mod rules;
mod shared;

use crate::cluster::spec::Service;
use crate::input::given::Input;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::tree::{Node, Value};
use crate::model::balancer::Kind;
pub(super) use gateways::{at_gateway, called, of_gateway, path};
use matches::{Asked, Match};
pub(super) use rules::{policy, subsets};
pub(super) use shared::together;

const KINDS: [&str; 6] =
    ["VirtualService", "DestinationRule", "HTTPRoute", "GRPCRoute", "Gateway", "GatewayClass"];

/// The kind is read.
pub(super) fn is_read(kind: &str) -> bool {
    KINDS.contains(&kind)
}

/// A rule that takes the requests of the clients, and leads to the Service.
pub(super) struct Route<'a> {
    /// The object that it stands in.
    pub doc: &'a Document,
    /// An entry of its `http` or `rules`.
    pub rule: &'a Node,
    /// Those it shares the requests among.
    shares: Vec<Share>,
    /// What clients ask for.
    asked: Asked<'a>,
    /// Other rules that lead there, and take other requests.
    passed: Vec<String>,
}

impl Route<'_> {
    /// There are several, or only some of the pods.
    pub fn is_shared(&self) -> bool {
        self.shares.len() > 1 || self.shares.iter().any(|share| share.subset.is_some())
    }
}

/// One of those that a route shares the requests among.
struct Share {
    service: String,
    subset: Option<String>,
    weight: u32,
}

/// What routes say of a Service.
pub(super) struct Found<'a> {
    /// The rule that leads there.
    pub route: Option<Route<'a>>,
    /// The DestinationRules for it, which are one.
    pub rules: Vec<&'a Document>,
}

/// Objects that have no type of their own.
fn others(input: &Input) -> impl Iterator<Item = &Document> {
    let documents = input.each_document();
    documents.filter(|d| matches!(&d.object, Object::Other { .. }) && !d.update)
}

/// What is said of the Service by this name: by routes of gateways, else by those of a mesh.
fn of<'a>(input: &'a Input, service: &Service) -> Found<'a> {
    let is_route = |d: &&Document| shares_of(d).is_some() && !gateways::of_server(d);
    let all: Vec<&Document> = others(input).filter(is_route).collect();
    let leads = |within: bool| {
        let here = all.iter().filter(|d| gateways::of_mesh(d) == within);
        here.copied().find_map(|doc| leads(&all, doc, service))
    };
    Found { route: leads(false).or_else(|| leads(true)), rules: rules::of(input, service).0 }
}

/// What of it proxies of this kind read.
pub(super) fn read_by<'a>(input: &'a Input, kind: Kind, service: &Service) -> Found<'a> {
    let Found { route, rules } = of(input, service);
    let meshed = match kind {
        Kind::Istio | Kind::Linkerd => true,
        Kind::Envoy => input.case.traffic.path == Some(kind),
        _ => false,
    };
    let reads = |doc: &Document| match gateways::of_mesh(doc) {
        true => meshed,
        false => is_proxied(kind),
    };
    let rules = if is_proxied(kind) { rules } else { Vec::new() };
    Found { route: route.filter(|route| reads(route.doc)), rules }
}

/// What a rule of such an object shares requests among.
fn shares_of(doc: &Document) -> Option<fn(&Node) -> Vec<Share>> {
    match doc.kind() {
        "VirtualService" => Some(virtual_shares),
        "HTTPRoute" | "GRPCRoute" => Some(gateway_shares),
        _ => None,
    }
}

/// The rule by which requests that come by this object, and those beside it, get to the Service.
fn leads<'a>(all: &[&'a Document], doc: &'a Document, service: &Service) -> Option<Route<'a>> {
    let shares = shares_of(doc)?;
    let ordered = doc.kind() == "VirtualService";
    let beside = all.iter().filter(|other| match ordered {
        true => std::ptr::eq(**other, doc),
        false => is_beside(other, doc),
    });
    let rules = beside.flat_map(|d| rules_of(d).iter().enumerate().map(|(i, rule)| (*d, i, rule)));
    let rules: Vec<(&Document, usize, &Node)> = rules.collect();
    let mine = |(doc, _, rule): &(&Document, usize, &Node)| {
        shares(rule).iter().any(|share| is_host(&share.service, doc, service))
    };
    let ways = rules.iter().map(|r| (Match::of_rule(r.0, r.2), mine(r)));
    let ways: Vec<(Vec<Match<'_>>, bool)> = ways.collect();
    let (taker, asked) = matches::first(&ways, ordered)?;
    let key = if ordered { "http" } else { "rules" };
    let passed = rules.iter().zip(&ways).enumerate().filter(|(i, (_, way))| *i != taker && way.1);
    let passed = passed.map(|(_, ((doc, i, _), (matches, _)))| {
        let words: Vec<String> = matches.iter().map(Match::words).collect();
        format!("{} {} {key}[{i}] ({})", doc.kind(), doc.name(), words.join(", or "))
    });
    let passed = passed.collect();
    let (doc, _, rule) = rules[taker];
    Some(Route { doc, rule, shares: shares(rule), asked, passed })
}

fn rules_of(doc: &Document) -> &[Node] {
    let spec = doc.root.get("spec");
    let rules = spec.and_then(|spec| spec.get("http").or(spec.get("rules")));
    rules.map_or(&[][..], Node::items)
}

/// Both are routes of the same parent for the same hosts, which are taken as one.
fn is_beside(other: &Document, doc: &Document) -> bool {
    let hosts = |d: &Document| {
        let listed = d.root.get("spec").and_then(|spec| spec.get("hostnames"));
        let listed = listed.map_or(&[][..], Node::items).iter();
        let mut all: Vec<String> = listed.filter_map(|h| h.as_str().map(str::to_owned)).collect();
        all.sort();
        all
    };
    let parent = |d: &Document| {
        let first = gateways::parents(d).first()?;
        Some(["kind", "namespace", "name"].map(|key| first.get(key).map(ToString::to_string)))
    };
    other.kind() == doc.kind()
        && other.namespace() == doc.namespace()
        && parent(other) == parent(doc)
        && hosts(other) == hosts(doc)
}

/// The host is that of the Service: its name, or that with its namespace.
fn is_host(host: &str, doc: &Document, service: &Service) -> bool {
    let mut parts = host.split('.');
    let name = parts.next() == Some(&*service.name);
    name && parts.next().unwrap_or(doc.namespace()) == service.namespace
}

fn virtual_shares(rule: &Node) -> Vec<Share> {
    let routes = rule.get("route").map_or(&[][..], Node::items);
    let share = |route: &Node| {
        let to = route.get("destination")?;
        let text = |key: &str| to.get(key).and_then(Node::as_str).map(str::to_owned);
        let weight = weight(route).unwrap_or(if routes.len() == 1 { 100 } else { 0 });
        Some(Share { service: text("host")?, subset: text("subset"), weight })
    };
    routes.iter().filter_map(share).collect()
}

fn gateway_shares(rule: &Node) -> Vec<Share> {
    let backends = rule.get("backendRefs").map_or(&[][..], Node::items);
    let share = |backend: &Node| {
        let text = |key: &str| backend.get(key).and_then(Node::as_str);
        if text("kind").is_some_and(|kind| kind != "Service") {
            return None;
        }
        let namespace = text("namespace").map_or(String::new(), |ns| format!(".{ns}"));
        let service = format!("{}{namespace}", text("name")?);
        Some(Share { service, subset: None, weight: weight(backend).unwrap_or(1) })
    };
    backends.iter().filter_map(share).collect()
}

fn weight(node: &Node) -> Option<u32> {
    match &node.get("weight")?.value {
        Value::Int(n) => u32::try_from(*n).ok(),
        _ => None,
    }
}

/// Fields of Gateways and their routes that are read where requests pass them, and named as left out else.
const PASSED: [&str; 5] = [
    "spec.gatewayClassName",
    "spec.parentRefs",
    "spec.rules.backendRefs.weight",
    "spec.rules.retry",
    "spec.rules.timeouts",
];

/// Those of a Canary for whom Flagger writes a VirtualService and a DestinationRule.
const PASSED_ON: [&str; 3] =
    ["spec.service.retries", "spec.service.timeout", "spec.service.trafficPolicy"];

/// Whether a field that is named as left out is read: the path is that of the Gateway, or of the route.
pub(super) fn passes(low: &Lowering<'_>, service: &Service, doc: &Document, field: &str) -> bool {
    let Some(kind) = low.path_kind else { return false };
    // That nobody reads it is said with the route.
    if field.starts_with("spec.parentRefs") && gateways::of_mesh(doc) {
        return true;
    }
    let keys = || field.split('.').map(|key| key.split('[').next().unwrap_or(key));
    let is_one_of = |all: &[&str]| all.iter().any(|known| known.split('.').eq(keys()));
    if doc.kind() == "Canary" {
        return kind == Kind::Istio && is_one_of(&PASSED_ON);
    }
    // Linkerd has annotations for that.
    let read = is_one_of(&PASSED) && !(kind == Kind::Linkerd && is_one_of(&["spec.rules.retry"]));
    let Some(route) = read_by(low.input, kind, service).route.filter(|_| read) else {
        return false;
    };
    let gateway = || gateways::gateway_of(route.doc).is_some_and(|name| doc.name() == name);
    std::ptr::eq(route.doc, doc) || (doc.kind() == "Gateway" && gateway())
}

fn is_proxied(kind: Kind) -> bool {
    matches!(kind, Kind::Envoy | Kind::Istio) || kind.maker().is_some()
}

/// Says what is made of routes to the Service where requests come by proxies of this kind.
pub(super) fn say(low: &mut Lowering<'_>, kind: Kind, service: &Service) {
    let input = low.input;
    if kind == Kind::Istio {
        let (_, unread) = rules::of(input, service);
        unread.into_iter().for_each(|text| low.note(text));
    }
    let Some(route) = of(input, service).route else {
        unreached(input, service).into_iter().for_each(|text| low.note(text));
        return;
    };
    let name = format!("{} {}", route.doc.kind(), route.doc.name());
    if read_by(input, kind, service).route.is_none() {
        if gateways::of_mesh(route.doc) && kind != Kind::Ambient {
            low.note(format!("{name} (of callers in a mesh, whose proxies would read it)"));
        }
        return;
    }
    if !route.asked.is_plain() {
        let path = format!("path {}", route.asked.path);
        let all: Vec<String> = std::iter::once(path).chain(route.asked.others).collect();
        low.assume(&name, format!("clients send what leads to the Service: {}", all.join(", ")));
    }
    for text in route.passed {
        low.note(format!("{text}: other requests than those of the run"));
    }
}

/// Objects with rules for the Service whose requests other rules take.
fn unreached(input: &Input, service: &Service) -> Vec<String> {
    let named = |doc: &&Document| {
        let Some(shares) = shares_of(doc).filter(|_| !gateways::of_server(doc)) else {
            return false;
        };
        let all = rules_of(doc).iter().flat_map(shares);
        let mut hosts = all.map(|share| share.service);
        hosts.any(|host| is_host(&host, doc, service))
    };
    let found = others(input).filter(named);
    let text = |d: &Document| {
        format!("{} {} (no request reaches its rules for the Service)", d.kind(), d.name())
    };
    found.map(text).collect()
}

#[cfg(test)]
mod tests;
