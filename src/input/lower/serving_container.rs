//! Which container of a pod serves the Service. One rule for the simulation, for `--set` and for advice; the
//! order of containers decides only where nothing else does.

use crate::cluster::spec::TargetPort;
use k8s_openapi::api::core::v1::{Container, PodSpec, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Its number, counting init containers first: it declares the target port, else its probes ask there, else
/// it is the first to declare any port, else the first. An init container that ends serves nobody.
pub fn number(spec: &PodSpec, port: Option<&TargetPort>) -> usize {
    let inits = spec.init_containers.iter().flatten();
    let first = inits.clone().count();
    let stays =
        |i: usize, c: &Container| i >= first || c.restart_policy.as_deref() == Some("Always");
    let all = || inits.clone().chain(&spec.containers).enumerate().filter(|(i, c)| stays(*i, c));
    let declares = all().find(|(_, c)| port.is_some_and(|port| declares(c, port)));
    let asked = || all().find(|(_, c)| port.is_some_and(|port| is_asked(c, port)));
    let any_port = || all().find(|(i, c)| *i >= first && c.ports.iter().flatten().count() > 0);
    declares.or_else(asked).or_else(any_port).map_or(first, |(i, _)| i)
}

/// Where the container with this number stands in the pod's spec.
pub fn path(spec: Option<&PodSpec>, number: usize) -> String {
    let inits = spec.map_or(0, |s| s.init_containers.iter().flatten().count());
    match number.checked_sub(inits) {
        Some(i) => format!("spec.template.spec.containers[{i}]"),
        None => format!("spec.template.spec.initContainers[{number}]"),
    }
}

fn declares(container: &Container, port: &TargetPort) -> bool {
    container.ports.iter().flatten().any(|p| match port {
        TargetPort::Number(n) => p.container_port == i32::from(*n),
        TargetPort::Name(name) => p.name.as_ref() == Some(name),
    })
}

/// A probe asks at this port, by its number.
fn is_asked(container: &Container, port: &TargetPort) -> bool {
    let TargetPort::Number(wanted) = port else { return false };
    let probes = [&container.readiness_probe, &container.startup_probe, &container.liveness_probe];
    probes.into_iter().flatten().any(|p| asks(p) == Some(i32::from(*wanted)))
}

fn asks(probe: &Probe) -> Option<i32> {
    let by_name = probe.http_get.as_ref().map(|get| &get.port);
    match by_name.or(probe.tcp_socket.as_ref().map(|tcp| &tcp.port)) {
        Some(IntOrString::Int(n)) => Some(*n),
        Some(IntOrString::String(_)) => None,
        None => probe.grpc.as_ref().map(|grpc| grpc.port),
    }
}
