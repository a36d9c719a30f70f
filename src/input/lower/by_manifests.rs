//! The kind of the path that the manifests ask for: routes, an Ingress and its class, bindings, meshes, the
//! type of the Service.

use crate::cluster::spec::{Ingress, Service, ServiceKind};
use crate::input::lower::lowering::Lowering;
use crate::input::lower::{ambient, binding, ingress_class, release, routes, sidecar};
use crate::input::raw::manifest::{Document, Object};
use crate::input::select::selects;
use crate::input::text::tree::Node;
use crate::model::balancer::Kind;

const NLB_CLASSES: [&str; 2] = ["service.k8s.aws/nlb", "eks.amazonaws.com/nlb"];
const PASSTHROUGH: &str = "nginx.ingress.kubernetes.io/ssl-passthrough";

/// An Ingress decides, else the type of the Service.
pub(super) fn kind(
    low: &mut Lowering<'_>,
    subject: &Document,
    service: &Service,
    ingress: Option<&Ingress>,
) -> Kind {
    // Routes within an ambient mesh are its waypoint's.
    let within = ambient::captures(low.input, subject) && !routes::at_gateway(low.input, service);
    if let Some((kind, card)) = (!within).then(|| routes::path(low, service)).flatten() {
        low.class_card = card.or_else(|| ambient::card(low.input, kind, subject));
        return kind;
    }
    if let Some(kind) = ingress.and_then(|ingress| ingress_class::kind(low, ingress, service)) {
        return match kind {
            Kind::IngressNginx => passed_through(low, ingress, service).unwrap_or(kind),
            kind => kind,
        };
    }
    if let Some(kind) = ingress_class::of_service(low, service).filter(|_| ingress.is_none()) {
        return kind;
    }
    if let Some(binding) = binding::of(low.input, service) {
        return binding::kind(binding);
    }
    if let Some(kind) = sidecar::path(low, subject, service.kind) {
        return kind;
    }
    if let Some((kind, card)) = ambient::path(low, subject, service) {
        low.class_card = card;
        return kind;
    }
    match service.kind {
        ServiceKind::ClusterIp => Kind::Service,
        ServiceKind::Headless => Kind::Headless,
        ServiceKind::NodePort => Kind::NodePort,
        ServiceKind::LoadBalancer if asks_for_nlb(service) => Kind::Nlb,
        ServiceKind::LoadBalancer => {
            if let Some(class) = &service.load_balancer_class {
                low.note(format!(
                    "loadBalancerClass {class} of Service {}: another controller may make the load balancer",
                    service.name
                ));
            }
            Kind::LoadBalancer
        }
    }
}

/// By the class of AWS Load Balancer Controller or of EKS Auto Mode, which decides; else by the annotation.
///
/// AWS Load Balancer Controller, `docs/guide/service/nlb.md`; Amazon EKS, "Use Service Annotations to
/// configure Network Load Balancers".
fn asks_for_nlb(service: &Service) -> bool {
    match &service.load_balancer_class {
        Some(class) => NLB_CLASSES.contains(&&**class),
        None => {
            let kind = service.annotations.get("service.beta.kubernetes.io/aws-load-balancer-type");
            kind.is_some_and(|kind| ["external", "nlb", "nlb-ip"].contains(&&**kind))
        }
    }
}

/// What becomes of the proxies of pods that no Service selects any more: those of a Rollout, at its
/// promotion, where Istio shares between its Services.
pub(super) fn note_unselected(low: &mut Lowering<'_>, subject: &Document) {
    let istio = release::routing(subject).and_then(|routing| routing.istio.as_ref());
    let by_host = istio.is_some_and(|istio| istio.get("destinationRule").is_none());
    if !by_host || sidecar::mesh(low.input, subject) != Some(sidecar::Mesh::Istio) {
        return;
    }
    let (stable, new) = release::services(subject).unwrap_or_default();
    let another = |d: &Document| {
        let name = Some(d.name());
        !d.update && selects(d, subject) && name != stable && name != new
    };
    if !low.input.each_document().any(another) {
        let text = "old pods that no Service selects after the promotion: Istio takes away their proxies' inbound \
                    side, and until callers have heard of it they answer 503 NC on connections that are kept (a \
                    further Service that selects all pods saves that)";
        low.note(text.to_owned());
    }
}

/// With TLS passed through, the proxy in front of ingress-nginx' own dials the Service's address.
///
/// `internal/ingress/controller/nginx.go: generateTemplate` and `controller.go: getConfiguration` (the path
/// `/` alone) of kubernetes/ingress-nginx.
fn passed_through(
    low: &mut Lowering<'_>,
    ingress: Option<&Ingress>,
    service: &Service,
) -> Option<Kind> {
    let ingress =
        ingress.filter(|i| i.annotations.get(PASSTHROUGH).map(|w| w.trim()) == Some("true"))?;
    let is = |d: &&Document| matches!(d.object, Object::Ingress(_)) && d.name() == ingress.name;
    let doc = low.input.each_document().find(is)?;
    let rules = doc.root.get("spec").and_then(|spec| spec.get("rules"))?.items().iter();
    let paths = rules.filter_map(|rule| rule.get("http")?.get("paths")).flat_map(Node::items);
    let mut places = paths.map(|path| path.get("path").and_then(Node::as_str).unwrap_or("/"));
    if !places.any(|place| place == "/") {
        low.note(format!("{PASSTHROUGH} (ingress-nginx ignores it for paths other than /)"));
        return None;
    }
    let text = format!(
        "service: Ingress {} has {PASSTHROUGH}, and the controller the flag --enable-ssl-passthrough: it hands \
         connections on to the address of Service {}",
        ingress.name, service.name
    );
    low.assume("traffic.path", text);
    Some(Kind::Service)
}
