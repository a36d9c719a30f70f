//! Istio's ambient mesh: pods that the ztunnel of their node takes the connections of, by a label of theirs,
//! else of their namespace; and waypoints, by a label of the Service, else of its namespace.
//!
//! Source: Istio documentation, ambient mode: add workloads to the mesh, use waypoint proxies; resource
//! labels.

use crate::cluster::spec::{Service, ServiceKind};
use crate::input::given::Input;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::routes;
use crate::input::raw::manifest::Document;
use crate::input::text::tree::Node;
use crate::model::balancer::Kind;

const MODE: &str = "istio.io/dataplane-mode";
const WAYPOINT: &str = "istio.io/use-waypoint";
/// On a waypoint: for what it is.
const FOR: &str = "istio.io/waypoint-for";

/// The pods are in the mesh. One that has a proxy of its own is not captured as well.
pub(super) fn captures(input: &Input, doc: &Document) -> bool {
    let of_pods = doc.pod_labels().get(MODE).map(|&word| word.to_owned());
    let says = of_pods.or_else(|| input.namespace_labels(doc.namespace()).get(MODE).cloned());
    let host_network = doc.pod_spec().is_some_and(|spec| spec.host_network == Some(true));
    says.as_deref() == Some("ambient") && !host_network
}

/// The waypoint that requests to a Service pass.
fn waypoint(input: &Input, service: &Service) -> Option<String> {
    let mut documents = input.each_document();
    let own = documents.find(|d| {
        d.service().is_some() && d.name() == service.name && d.namespace() == service.namespace
    });
    let own = own.and_then(|d| label(d, WAYPOINT)).map(str::to_owned);
    let says = own.or_else(|| input.namespace_labels(&service.namespace).get(WAYPOINT).cloned())?;
    let is = |d: &&Document| d.kind() == "Gateway" && d.name() == says;
    let made_for = input.each_document().find(is).and_then(|d| label(d, FOR));
    let for_services = !matches!(made_for, Some("workload" | "none"));
    (says != "none" && for_services).then_some(says)
}

fn label<'a>(doc: &'a Document, key: &str) -> Option<&'a str> {
    doc.root.get("metadata")?.get("labels")?.get(key).and_then(Node::as_str)
}

/// The card of Istio's proxies in pods of their own that reach pods of the mesh.
pub(super) fn card(input: &Input, kind: Kind, doc: &Document) -> Option<&'static str> {
    (kind == Kind::Istio && captures(input, doc)).then_some("istio-waypoint")
}

/// How requests come to pods of the mesh, whose callers are in it as well, and the card of what they pass;
/// None: as to others.
pub(super) fn path(
    low: &mut Lowering<'_>,
    doc: &Document,
    service: &Service,
) -> Option<(Kind, Option<&'static str>)> {
    // Clients of a headless Service choose for themselves.
    if service.kind != ServiceKind::ClusterIp || !captures(low.input, doc) {
        return None;
    }
    let others = "those who call are in the mesh (traffic.path = \"service\": they are not)";
    if let Some(name) = waypoint(low.input, service) {
        let text = format!("istio: requests pass the waypoint {name}; {others}");
        low.assume("traffic.path", text);
        return Some((Kind::Istio, card(low.input, Kind::Istio, doc)));
    }
    low.assume("traffic.path", format!("ambient: {others}, as the pods are"));
    let found = routes::read_by(low.input, Kind::Istio, service);
    let unread = found.route.map(|route| route.doc).into_iter().chain(found.rules);
    let unread: Vec<String> = unread
        .map(|d| format!("{} {} (a waypoint would read it: there is none)", d.kind(), d.name()))
        .collect();
    unread.into_iter().for_each(|text| low.note(text));
    if service.traffic_distribution.is_some() {
        low.note("trafficDistribution (ztunnels prefer near pods; here all are alike)".to_owned());
    }
    Some((Kind::Ambient, None))
}
