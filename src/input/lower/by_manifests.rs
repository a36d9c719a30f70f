//! The kind of the path that the manifests ask for: routes, an Ingress and its class, bindings, meshes, the
//! type of the Service.

use crate::cluster::spec::{Ingress, Service, ServiceKind};
use crate::input::lower::lowering::Lowering;
use crate::input::lower::{ambient, binding, ingress_class, routes, sidecar};
use crate::input::raw::manifest::Document;
use crate::model::balancer::Kind;

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
        return kind;
    }
    if let Some(kind) = ingress_class::of_service(low, service).filter(|_| ingress.is_none()) {
        return kind;
    }
    if let Some(binding) = binding::of(low.input, service) {
        return binding::kind(binding);
    }
    let aws = service.annotations.get("service.beta.kubernetes.io/aws-load-balancer-type");
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
        ServiceKind::LoadBalancer => match aws.map(String::as_str) {
            Some("external" | "nlb" | "nlb-ip") => Kind::Nlb,
            _ => Kind::LoadBalancer,
        },
    }
}
