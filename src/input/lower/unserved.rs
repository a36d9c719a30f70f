//! Load balancers that are asked for and never made.

use crate::cluster::spec::{Ingress, Service, ServiceKind};
use crate::input::lower::binding;
use crate::input::lower::lowering::Lowering;
use crate::model::balancer::Path;
use crate::scenario::Unserved;

/// Targets that are nodes take a port of the nodes: the controller refuses a Service without one, and
/// makes no load balancer.
pub(crate) fn unserved(
    low: &Lowering<'_>,
    path: &Path,
    service: &Service,
    ingress: Option<&Ingress>,
) -> Option<Unserved> {
    let asked = ingress.is_some() || binding::of(low.input, service).is_some();
    let nodes = asked && matches!(path, Path::Alb(s) | Path::Nlb(s) if s.controller.is_none());
    let kind = match service.kind {
        ServiceKind::ClusterIp => "ClusterIP",
        ServiceKind::Headless => "headless",
        ServiceKind::NodePort | ServiceKind::LoadBalancer => return None,
    };
    let name = &service.name;
    let of = ingress.map_or(format!("Service {name}"), |i| format!("Ingress {}", i.name));
    nodes.then(|| Unserved {
        action: format!("the making of a load balancer for {of}"),
        what: format!(
            "its targets are nodes, and Service {name} is {kind}: the controller refuses it"
        ),
        setting: "alb.ingress.kubernetes.io/target-type".to_owned(),
        found: format!("instance, with a {kind} Service"),
        needed: format!(
            "alb.ingress.kubernetes.io/target-type: ip, or type: NodePort of Service {name}"
        ),
    })
}
