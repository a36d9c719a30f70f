//! Which port of a Service clients use.

use crate::cluster::spec::TargetPort;
use crate::input::given::Input;
use crate::input::lower::network::backend_port;
use crate::input::raw::manifest::{Document, Object};
use k8s_openapi::api::core::v1::{Service as ApiService, ServicePort as ApiPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Ports with such a word in their name are for others than clients.
const ASIDE: [&str; 10] = [
    "metric",
    "prometheus",
    "monitor",
    "admin",
    "webhook",
    "health",
    "probe",
    "debug",
    "manage",
    "telemetry",
];

/// The place among a Service's ports of the one that clients use: the Ingress's, else the first of TCP, and
/// of those rather one that is not set aside by its name.
pub fn main_port(input: &Input, doc: &Document) -> usize {
    let ports = doc.service().map_or(&[][..], ports);
    let named = by_ingress(input, doc);
    let wanted = |p: &ApiPort| {
        named.iter().any(|port| match port {
            TargetPort::Number(n) => p.port == i32::from(*n),
            TargetPort::Name(name) => p.name.as_ref() == Some(name),
        })
    };
    let place = |fits: &dyn Fn(&ApiPort) -> bool| ports.iter().position(fits);
    let serves = |p: &ApiPort| is_tcp(p) && !is_aside(p);
    place(&|p| is_tcp(p) && wanted(p))
        .or_else(|| place(&serves))
        .or_else(|| place(&is_tcp))
        .unwrap_or(0)
}

/// Whether the port that clients would use is for them, and not set aside by its name.
pub fn serves(input: &Input, doc: &Document) -> bool {
    let port = doc.service().and_then(|s| ports(s).get(main_port(input, doc)));
    port.is_none_or(|port| is_tcp(port) && !is_aside(port))
}

/// Empty where there are none.
pub fn ports(service: &ApiService) -> &[ApiPort] {
    service.spec.as_ref().and_then(|s| s.ports.as_deref()).unwrap_or_default()
}

/// TCP is what a port is without `protocol`.
pub fn is_tcp(port: &ApiPort) -> bool {
    port.protocol.as_deref().is_none_or(|p| p == "TCP")
}

fn is_aside(port: &ApiPort) -> bool {
    let target = match &port.target_port {
        Some(IntOrString::String(name)) => Some(name),
        _ => None,
    };
    let mut names = port.name.iter().chain(target).map(|n| n.to_lowercase());
    names.any(|name| ASIDE.iter().any(|word| name.contains(word)))
}

/// The ports of a Service that Ingresses name.
fn by_ingress(input: &Input, service: &Document) -> Vec<TargetPort> {
    let mut named = Vec::new();
    for doc in input.documents.iter().filter(|d| d.namespace() == service.namespace()) {
        let Object::Ingress(api) = &doc.object else { continue };
        let Some(spec) = &api.spec else { continue };
        let rules = spec.rules.iter().flatten().flat_map(|r| &r.http).flat_map(|h| &h.paths);
        let backends = rules.map(|p| &p.backend).chain(&spec.default_backend);
        let backends = backends.filter_map(|b| b.service.as_ref());
        named.extend(backends.filter(|b| b.name == service.name()).map(backend_port));
    }
    named
}

/// Where the port that clients use leads to.
pub fn target_port(input: &Input, doc: &Document) -> Option<TargetPort> {
    let port = ports(doc.service()?).get(main_port(input, doc))?;
    let number = |n: i32| u16::try_from(n).ok().map(TargetPort::Number);
    match &port.target_port {
        None | Some(IntOrString::Int(0)) => number(port.port),
        Some(IntOrString::Int(n)) => number(*n),
        Some(IntOrString::String(name)) => Some(TargetPort::Name(name.clone())),
    }
}
