//! Which proxies read a route: those of a gateway by its class, Istio's, or those of a mesh.

use super::of;
use crate::cluster::spec::Service;
use crate::input::given::Input;
use crate::input::lower::ingress_class;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::manifest::Document;
use crate::input::text::tree::{Node, quoted};
use crate::model::balancer::Kind;

/// The proxies that the route is read by, and their card where it is not that of the kind.
pub(in crate::input::lower) fn path(
    low: &mut Lowering<'_>,
    service: &Service,
) -> Option<(Kind, Option<&'static str>)> {
    let input = low.input;
    let route = of(input, service).route?;
    if route.doc.kind() == "VirtualService" {
        return Some((Kind::Istio, None));
    }
    if of_mesh(route.doc) {
        return None;
    }
    let class = gateway_of(route.doc).and_then(|gateway| class_of(input, gateway));
    let found = class.as_deref().and_then(|class| implementer(input, class));
    if found.is_none() {
        let class = class.map_or("unknown".to_owned(), |class| quoted(&class));
        let text =
            format!("envoy: {} is of class {class}, which names none known", route.doc.kind());
        low.assume("traffic.path", text);
        return Some((Kind::Envoy, None));
    }
    found
}

/// The Gateway that a route is bound to.
pub(super) fn gateway_of(route: &Document) -> Option<&str> {
    let parent = parents(route).iter().find(|parent| !is_service(parent))?;
    parent.get("name").and_then(Node::as_str)
}

pub(super) fn parents(route: &Document) -> &[Node] {
    route.root.get("spec").and_then(|spec| spec.get("parentRefs")).map_or(&[][..], Node::items)
}

fn is_service(parent: &Node) -> bool {
    parent.get("kind").and_then(Node::as_str) == Some("Service")
}

/// A route of the Gateway API whose parents are Services: the proxies of a mesh read it, and no gateway does.
pub(super) fn of_mesh(route: &Document) -> bool {
    let parents = parents(route);
    !parents.is_empty() && parents.iter().all(is_service)
}

/// What arrives at one: a policy of Linkerd, which says who may send.
pub(super) fn of_server(route: &Document) -> bool {
    let server = |p: &Node| p.get("kind").and_then(Node::as_str) == Some("Server");
    let parents = parents(route);
    !parents.is_empty() && parents.iter().all(server)
}

/// The object is bound to a gateway, and not to Services or the mesh alone.
pub(super) fn has(doc: &Document) -> bool {
    if doc.kind() != "VirtualService" {
        return parents(doc).iter().any(|parent| !is_service(parent));
    }
    let gateways = doc.root.get("spec").and_then(|spec| spec.get("gateways"));
    gateways.is_some_and(|all| all.items().iter().any(|g| g.as_str() != Some("mesh")))
}

/// The class of the Gateway by this name.
fn class_of(input: &Input, gateway: &str) -> Option<String> {
    let documents = input.each_document();
    let mut gateways = documents.filter(|d| d.kind() == "Gateway" && d.name() == gateway);
    let class = gateways.find_map(|g| g.root.get("spec")?.get("gatewayClassName"))?;
    class.as_str().map(str::to_owned)
}

/// The route that leads to the Service is a gateway's: bound to one, and not to the Service or the mesh.
pub(in crate::input::lower) fn at_gateway(input: &Input, service: &Service) -> bool {
    of(input, service).route.is_some_and(|route| has(route.doc))
}

/// The proxies of the Gateway by this name, if it is among the manifests and its class is known.
pub(in crate::input::lower) fn of_gateway(
    input: &Input,
    gateway: &str,
) -> Option<(Kind, Option<&'static str>)> {
    implementer(input, &class_of(input, gateway)?)
}

/// By the controller that a class names, else by what the class is called.
const IMPLEMENTERS: [(&str, &str, Kind, Option<&str>); 7] = [
    ("istio.io/", "istio", Kind::Istio, None),
    ("gateway.envoyproxy.io/", "eg", Kind::Envoy, Some("envoy-gateway")),
    ("gateway.nginx.org/", "nginx", Kind::Envoy, Some("nginx-gateway-fabric")),
    ("io.cilium/", "cilium", Kind::Envoy, Some("cilium-gateway")),
    ("traefik.io/", "traefik", Kind::Envoy, Some("traefik")),
    ("konghq.com/", "kong", Kind::Envoy, Some("kong")),
    ("projectcontour.io/", "contour", Kind::Envoy, Some("contour")),
];

/// The proxies that go by this name: of a class, of a router, of a provider.
pub(in crate::input::lower) fn called(name: &str) -> Option<(Kind, Option<&'static str>)> {
    let found = IMPLEMENTERS.iter().find(|(_, known, ..)| *known == name);
    found.map(|(.., kind, card)| (*kind, *card))
}

fn implementer(input: &Input, class: &str) -> Option<(Kind, Option<&'static str>)> {
    let documents = input.each_document();
    let mut classes = documents.filter(|d| d.kind() == "GatewayClass" && d.name() == class);
    let controller = classes
        .find_map(|d| d.root.get("spec")?.get("controllerName")?.as_str().map(str::to_owned));
    let by_controller = |prefix: &str| controller.as_deref().is_some_and(|c| c.starts_with(prefix));
    let found = IMPLEMENTERS.iter().find(|(prefix, ..)| by_controller(prefix));
    let found = found.map(|(.., kind, card)| (*kind, *card)).or_else(|| called(class));
    let names = controller.as_deref().into_iter().chain([class]);
    let made = || names.into_iter().find_map(ingress_class::made_by);
    found.or_else(|| made().map(|kind| (kind, ingress_class::card_of(kind, class))))
}
