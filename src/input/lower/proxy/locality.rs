//! Which endpoints Istio's proxies prefer by where they run: a DestinationRule's `localityLbSetting`, else
//! the Service's `trafficDistribution`, else what holds for the mesh.
//!
//! Source: `pilot/pkg/networking/core/loadbalancer/loadbalancer.go` (`GetLocalityLbSetting`) and
//! `pilot/pkg/networking/core/cluster_traffic_policy.go` (`applyLocalityLoadBalancer`) of istio/istio.

use crate::cluster::distribution::Distribution;
use crate::cluster::placement::{HOSTNAME, ZONE};
use crate::cluster::spec::Service;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::{flagger, istio, nodes, routes};
use crate::input::raw::manifest::Document;
use crate::input::text::tree::{Node, Value, quoted};
use crate::model::balancer::envoy::{self, Localities, PLACES, Prefers, Shares};
use crate::model::balancer::{Kind, Path};

/// The same of a Service whose API server does not know the field.
const ANNOTATION: &str = "networking.istio.io/traffic-distribution";

/// Since then the field may say PreferSameZone and PreferSameNode, and a subzone does not matter to zones.
///
/// Istio 1.27, change notes.
const SAME_SINCE: u32 = 27;

/// Of so many callers at most each has a proxy of its own.
const MOST: usize = 100;

type About<'a> = (Kind, &'a Document, &'a Service);

/// Sets what the proxies of the clients prefer, and where clients are.
pub(in crate::input::lower) fn settle(low: &mut Lowering<'_>, about: About<'_>, path: &mut Path) {
    let Some(settings) = of_istio(about.0, path) else { return };
    let Some(localities) = read(low, about, settings) else { return };
    let zones = nodes::zones(low);
    let by_node = matches!(&localities.prefers, Prefers::Near { labels, .. }
        if labels.iter().any(|(label, _)| label == HOSTNAME));
    let places = if by_node { nodes::given(low.input) } else { zones };
    let given = low.input.balancer_settings.iter().any(|(_, keys, _)| keys[0] == "proxies");
    if localities.zone.is_none() && places > 1 {
        if !given {
            settings.proxies = settings.proxies.max(places.min(MOST) as u32);
        }
        let place = if by_node { "node" } else { "zone" };
        low.assume("mesh.caller_zone", format!("none: as many callers are in each {place}"));
    }
    settings.localities = Some(localities);
}

/// Sets what the proxies of pods that call prefer: they are taken to be in all zones.
pub(in crate::input::lower) fn of_calls(low: &mut Lowering<'_>, about: About<'_>, path: &mut Path) {
    let Some(settings) = of_istio(about.0, path) else { return };
    let found = read(low, about, settings);
    settings.localities = found.map(|found| Localities { zone: None, ..found });
}

fn of_istio(kind: Kind, path: &mut Path) -> Option<&mut envoy::Settings> {
    match path {
        Path::Envoy(settings) if kind == Kind::Istio => Some(settings),
        _ => None,
    }
}

/// What is preferred; None: all endpoints are alike.
fn read(
    low: &mut Lowering<'_>,
    (_, subject, service): About<'_>,
    settings: &envoy::Settings,
) -> Option<Localities> {
    let zone = caller_zone(low);
    let policy = settings.hop.l7.as_ref().and_then(|l7| l7.policy.as_deref());
    let ejects = policy.is_some_and(|policy| policy.outlier.is_some());
    let prefers = match setting(low, subject, service) {
        Some((_, node)) if node.get("enabled").is_some_and(|on| on.value == Value::Bool(false)) => {
            None
        }
        Some((doc, node)) => by_rule(low, doc, node, ejects),
        None => by_distribution(low, service).or_else(|| {
            let on = low.input.case.mesh.as_ref().and_then(|mesh| mesh.locality_lb);
            let all = || Prefers::Near { labels: vec![], regions: vec![], weighted: false };
            (ejects && on != Some(false)).then(all)
        }),
    };
    prefers.map(|prefers| Localities { prefers, zone })
}

fn caller_zone(low: &mut Lowering<'_>) -> Option<String> {
    let zone = low.input.case.mesh.as_ref()?.caller_zone.clone()?;
    let known = nodes::zone_names(low);
    if known.contains(zone.as_str()) {
        return Some(zone);
    }
    let error = low.fail("mesh.caller_zone", "no node is in this zone");
    error.found = Some(quoted(&zone));
    error.allowed = Some(known.into_iter().collect::<Vec<_>>().join(", "));
    None
}

/// The localityLbSetting of the Service, and where it stands.
fn setting<'a>(
    low: &Lowering<'a>,
    subject: &Document,
    service: &Service,
) -> Option<(&'a Document, &'a Node)> {
    let of = |policy: &'a Node| policy.get("loadBalancer")?.get("localityLbSetting");
    let found = routes::read_by(low.input, Kind::Istio, service);
    let by_rule = routes::policy(&found.rules).and_then(|(doc, policy)| Some((doc, of(policy)?)));
    by_rule.or_else(|| {
        let canary = flagger::document(low.input, subject)?;
        let policy = canary.root.get("spec")?.get("service")?.get("trafficPolicy")?;
        Some((canary, of(policy)?))
    })
}

fn by_rule(low: &mut Lowering<'_>, doc: &Document, node: &Node, ejects: bool) -> Option<Prefers> {
    let path = |key: &str| format!("spec.trafficPolicy.loadBalancer.localityLbSetting.{key}");
    let list = |key: &str| node.get(key).map_or(&[][..], Node::items);
    let known = ["enabled", "distribute", "failover", "failoverPriority"];
    for entry in node.entries().iter().filter(|e| !known.contains(&e.key.as_str())) {
        low.note(format!("{}: localityLbSetting.{}", doc.file, entry.key));
    }
    let (shared, regions, labels) =
        (list("distribute"), list("failover"), list("failoverPriority"));
    if !shared.is_empty() {
        if !(regions.is_empty() && labels.is_empty()) {
            let text = "Istio refuses distribute beside failover or failoverPriority";
            low.problems.push(doc.error(&path("distribute"), text));
        }
        return Some(Prefers::Shares(shared.iter().map(|n| shares(low, doc, n)).collect()));
    }
    if !ejects {
        if !(regions.is_empty() && labels.is_empty()) {
            low.note(format!(
                "{}: localityLbSetting has no effect without outlierDetection (as with Istio)",
                doc.file
            ));
        }
        return None;
    }
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let pair = |n: &Node| Some((text(n, "from")?, text(n, "to")?));
    let weighted = !(regions.is_empty() && labels.is_empty());
    let regions: Vec<_> = regions.iter().filter_map(pair).collect();
    let known: Vec<_> =
        labels.iter().filter_map(Node::as_str).filter_map(|l| label(low, l)).collect();
    // Labels that are the same everywhere tell nobody apart.
    let alike = known.is_empty() && !labels.is_empty() && regions.is_empty();
    (!alike).then_some(Prefers::Near { labels: known, regions, weighted })
}

/// An entry of failoverPriority: a label, perhaps with the value that counts as the caller's.
fn label(low: &mut Lowering<'_>, text: &str) -> Option<(String, Option<String>)> {
    let (key, value) = text.split_once('=').map_or((text, None), |(k, v)| (k, Some(v)));
    if PLACES[2..].contains(&key) {
        return Some((key.to_owned(), value.map(str::to_owned)));
    }
    // Of one cluster's network everybody is.
    if !PLACES.contains(&key) {
        low.note(format!("failoverPriority {key} (a label of pods: taken to be the callers' own)"));
    }
    None
}

fn shares(low: &mut Lowering<'_>, doc: &Document, node: &Node) -> Shares {
    let from = node.get("from").and_then(Node::as_str).unwrap_or("*").to_owned();
    let to: Vec<(String, u32)> = node
        .get("to")
        .map_or(&[][..], Node::entries)
        .iter()
        .filter_map(|entry| match &entry.node.value {
            Value::Int(weight) => Some((entry.key.clone(), u32::try_from(*weight).ok()?)),
            _ => None,
        })
        .collect();
    let sum: u32 = to.iter().map(|to| to.1).sum();
    if sum != 100 {
        let path = "spec.trafficPolicy.loadBalancer.localityLbSetting.distribute";
        let error = doc.error(path, format!("the weights from {from} are {sum} together"));
        low.problems.push(error.allowed("100 together"));
    }
    Shares { from, to }
}

/// What the Service asks for, wherever nothing is ejected.
fn by_distribution(low: &Lowering<'_>, service: &Service) -> Option<Prefers> {
    let version = istio::version(low.input);
    let said = service.annotations.get(ANNOTATION).map(|text| text.to_ascii_lowercase());
    let by_annotation = || match said.as_deref() {
        Some("preferclose" | "prefersamezone") => Some(Distribution::SameZone),
        Some("prefersamenode") => Some(Distribution::SameNode),
        _ => None,
    };
    let asked = service.traffic_distribution.or_else(by_annotation)?;
    let [_, _, region, _, subzone, _] = PLACES;
    let labels: &[&str] = match asked {
        Distribution::SameZone if version >= SAME_SINCE => &[region, ZONE],
        Distribution::SameZone => &[region, ZONE, subzone],
        Distribution::SameNode if version >= SAME_SINCE => &[region, ZONE, subzone, HOSTNAME],
        Distribution::SameNode => return None,
    };
    let labels = labels.iter().map(|label| ((*label).to_owned(), None)).collect();
    Some(Prefers::Near { labels, regions: vec![], weighted: true })
}
