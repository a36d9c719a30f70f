//! Services, Ingresses, PodDisruptionBudgets and Nodes.

use crate::cluster::disruption::PodDisruptionBudget;
use crate::cluster::distribution::Distribution;
use crate::cluster::placement::{HOSTNAME, Presence};
use crate::cluster::spec::{
    Ingress, Labels, Node, Resources, Service, ServiceKind, ServicePort, TargetPort,
};
use crate::engine::Dur;
use crate::input::cards;
use crate::input::lower::affinity;
use crate::input::lower::check::{Check, int_or_percent};
use crate::input::text::checks;
use crate::input::text::tree::quoted;
use k8s_openapi::api::core::v1::{
    Node as ApiNode, NodeStatus, Service as ApiService, ServicePort as ApiPort, ServiceSpec,
};
use k8s_openapi::api::networking::v1::{
    Ingress as ApiIngress, IngressBackend, IngressServiceBackend,
};
use k8s_openapi::api::policy::v1::PodDisruptionBudget as ApiBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// A Service as data planes read it.
pub fn service(check: &mut Check<'_>, api: &ApiService) -> Service {
    let empty = ServiceSpec::default();
    let spec = api.spec.as_ref().unwrap_or(&empty);
    let kind = service_kind(check, spec);
    let mut ports: Vec<ServicePort> = Vec::new();
    for (i, port) in spec.ports.iter().flatten().enumerate() {
        let port = service_port(check, &format!("spec.ports[{i}]"), port);
        if ports.iter().any(|p| p.name == port.name) {
            let error = check.error(&format!("spec.ports[{i}].name"), "two ports need two names");
            error.found = port.name.as_deref().map(quoted);
        }
        ports.push(port);
    }
    if ports.is_empty() && kind != ServiceKind::Headless {
        check.error("spec.ports", "a Service needs at least one port");
    }
    let local = check.one_of(
        "spec.externalTrafficPolicy",
        spec.external_traffic_policy.as_deref(),
        &["Cluster", "Local"],
    );
    let internal = check.one_of(
        "spec.internalTrafficPolicy",
        spec.internal_traffic_policy.as_deref(),
        &["Cluster", "Local"],
    );
    let affinity = check.one_of(
        "spec.sessionAffinity",
        spec.session_affinity.as_deref(),
        &["None", "ClientIP"],
    );
    let words = ["", "PreferClose", "PreferSameZone", "PreferSameNode"];
    let close =
        check.one_of("spec.trafficDistribution", spec.traffic_distribution.as_deref(), &words);
    Service {
        name: check.doc.name().to_owned(),
        namespace: check.doc.namespace().to_owned(),
        selector: spec.selector.clone().unwrap_or_default(),
        ports,
        kind,
        publish_not_ready_addresses: spec.publish_not_ready_addresses.unwrap_or(false),
        external_traffic_local: local == 1,
        internal_traffic_local: internal == 1,
        client_ip_affinity: affinity == 1,
        traffic_distribution: match close {
            0 => None,
            3 => Some(Distribution::SameNode),
            _ => Some(Distribution::SameZone),
        },
        load_balancer_class: spec.load_balancer_class.clone(),
        annotations: api.metadata.annotations.clone().unwrap_or_default(),
    }
}

fn service_kind(check: &mut Check<'_>, spec: &ServiceSpec) -> ServiceKind {
    let kinds = ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"];
    match check.one_of("spec.type", spec.type_.as_deref(), &kinds) {
        0 if spec.cluster_ip.as_deref() == Some("None") => ServiceKind::Headless,
        1 => ServiceKind::NodePort,
        2 => ServiceKind::LoadBalancer,
        _ => ServiceKind::ClusterIp,
    }
}

fn service_port(check: &mut Check<'_>, path: &str, api: &ApiPort) -> ServicePort {
    let port = port(check, &format!("{path}.port"), api.port);
    let target_port = match &api.target_port {
        None | Some(IntOrString::Int(0)) => TargetPort::Number(port),
        Some(IntOrString::Int(n)) => {
            TargetPort::Number(self::port(check, &format!("{path}.targetPort"), *n))
        }
        Some(IntOrString::String(name)) if name.is_empty() => TargetPort::Number(port),
        Some(IntOrString::String(name)) => TargetPort::Name(name.clone()),
    };
    if api.protocol.as_deref() == Some("UDP") {
        check.note("UDP ports");
    }
    let node_port = api.node_port.filter(|n| *n != 0);
    ServicePort {
        name: api.name.clone().filter(|n| !n.is_empty()),
        port,
        target_port,
        node_port: node_port.map(|n| self::port(check, &format!("{path}.nodePort"), n)),
    }
}

fn port(check: &mut Check<'_>, path: &str, port: i32) -> u16 {
    match u16::try_from(port) {
        Ok(port) if port > 0 => port,
        _ => {
            check.out_of_range(path, i64::from(port), "1 to 65535");
            1
        }
    }
}

/// A PodDisruptionBudget.
pub fn budget(check: &mut Check<'_>, api: &ApiBudget) -> PodDisruptionBudget {
    let spec = api.spec.clone().unwrap_or_default();
    if spec.min_available.is_some() && spec.max_unavailable.is_some() {
        let error = check.error("spec", "minAvailable and maxUnavailable are both given");
        error.allowed = Some("only one of them".to_owned());
    }
    let policy = check.one_of(
        "spec.unhealthyPodEvictionPolicy",
        spec.unhealthy_pod_eviction_policy.as_deref(),
        &["IfHealthyBudget", "AlwaysAllow"],
    );
    let mut limit = |key: &str, value: Option<&IntOrString>| {
        value.map(|v| int_or_percent(check, &format!("spec.{key}"), v, 100))
    };
    PodDisruptionBudget {
        min_available: limit("minAvailable", spec.min_available.as_ref()),
        max_unavailable: limit("maxUnavailable", spec.max_unavailable.as_ref()),
        always_allow_unhealthy: policy == 1,
        selector: affinity::selector(check, "spec.selector", spec.selector.as_ref()),
        name: check.doc.name().to_owned(),
        namespace: check.doc.namespace().to_owned(),
    }
}

/// An Ingress, as far as data planes read it.
pub fn ingress(check: &mut Check<'_>, api: &ApiIngress) -> Ingress {
    let spec = api.spec.clone().unwrap_or_default();
    let annotations = api.metadata.annotations.clone().unwrap_or_default();
    let mut backends = Vec::new();
    let mut add = |backend: &IngressBackend| {
        let named = backend.service.as_ref().map(|s| (s.name.clone(), backend_port(s)));
        if let Some(named) = named.filter(|n| !backends.contains(n)) {
            backends.push(named);
        }
    };
    for rule in spec.rules.iter().flatten() {
        for path in rule.http.iter().flat_map(|h| &h.paths) {
            add(&path.backend);
        }
    }
    spec.default_backend.iter().for_each(&mut add);
    let old_class = annotations.get("kubernetes.io/ingress.class").cloned();
    Ingress {
        name: check.doc.name().to_owned(),
        namespace: check.doc.namespace().to_owned(),
        class: spec.ingress_class_name.or(old_class),
        annotations,
        backends,
    }
}

/// The port of a backend of an Ingress.
pub fn backend_port(backend: &IngressServiceBackend) -> TargetPort {
    let port = backend.port.as_ref();
    let name = port.and_then(|p| p.name.clone());
    let number = port.and_then(|p| p.number).and_then(|n| u16::try_from(n).ok());
    name.map_or(TargetPort::Number(number.unwrap_or(80)), TargetPort::Name)
}

/// A node; `age` is how long its kubelet has been running.
pub fn node(check: &mut Check<'_>, api: &ApiNode, age: Dur) -> Node {
    let status = api.status.as_ref();
    let allocatable = status.and_then(|s| s.allocatable.as_ref().or(s.capacity.as_ref()));
    let mut amount = |key: &str| {
        let given = allocatable.and_then(|a| a.get(key))?;
        let millis = checks::quantity_millis(&given.0).filter(|m| *m >= 0);
        if millis.is_none() {
            check.error(&format!("status.allocatable.{key}"), "not a quantity").found =
                Some(quoted(&given.0));
        }
        millis
    };
    let (cpu, memory, pods) = (amount("cpu"), amount("memory"), amount("pods"));
    let spec = api.spec.clone().unwrap_or_default();
    let name = check.doc.name().to_owned();
    let limited = cpu.is_some() || memory.is_some();
    Node {
        labels: node_labels(&name, api.metadata.labels.clone().unwrap_or_default()),
        name,
        taints: affinity::taints(check, &spec.taints.unwrap_or_default()),
        unschedulable: spec.unschedulable.unwrap_or(false),
        allocatable: limited.then(|| Resources {
            cpu_millis: cpu.unwrap_or(i64::MAX),
            memory_bytes: memory.map_or(i64::MAX, |m| m / 1000),
        }),
        age,
        max_pods: pods
            .and_then(|p| u32::try_from(p / 1000).ok())
            .unwrap_or(cards::kubernetes().max_pods),
        images: images(status),
        presence: Presence::Ready,
    }
}

/// The kubelet labels its node with its name.
pub fn node_labels(name: &str, mut labels: Labels) -> Labels {
    labels.entry(HOSTNAME.to_owned()).or_insert_with(|| name.to_owned());
    labels
}

/// Every name of every image, with its bytes.
fn images(status: Option<&NodeStatus>) -> Vec<(String, i64)> {
    let images = status.and_then(|s| s.images.as_ref()).into_iter().flatten();
    let named = images.flat_map(|image| {
        let names = image.names.iter().flatten();
        names.map(|name| (name.clone(), image.size_bytes.unwrap_or(0)))
    });
    named.collect()
}
