//! Which Service and port clients use, and whether there are any.

use crate::cluster::objects::ServiceId;
use crate::cluster::spec::{Service, ServicePort, TargetPort};
use crate::cluster::workload::Workload;
use crate::engine::List;
use crate::input::given::Input;
use crate::input::lower::gateways;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::network;
use crate::input::lower::open_ports;
use crate::input::ports::{is_tcp, main_port, ports};
use crate::input::raw::manifest::Document;
use crate::input::select;
use crate::input::subject::{self, Subject};
use crate::input::text::tree;
use crate::scenario::{Action, ActionKind, Assumption, Caller, Path, Route};
use crate::traffic::offered::{Arrivals, Traffic};
use k8s_openapi::api::core::v1::ContainerPort;
use std::sync::Arc;

/// The Service of the subject, with the port that clients use first.
pub fn service(low: &mut Lowering<'_>, subject: &Subject) -> Service {
    let deployment = &low.input.documents[subject.asked];
    let Some(index) = subject.service else {
        return match low.apex(deployment, None) {
            Some(made) => made,
            None => stand_in(low, subject, deployment),
        };
    };
    let doc = &low.input.documents[index];
    let api = doc.service().expect("chosen among Services");
    let mut service = low.check(doc, |check| network::service(check, api));
    let main = main_port(low.input, doc);
    if main < service.ports.len() {
        let port = service.ports.remove(main);
        service.ports.insert(0, port);
    }
    let port = service.ports.first().map(|port| port.target_port.clone());
    let update = subject.update.filter(|_| subject.asked == subject.deployment);
    let templates = [Some(subject.asked), update].map(|i| i.map(|i| &*low.input.documents[i]));
    let path = format!("spec.ports[{main}].targetPort");
    // A proxy listens where its routes say.
    let is_gateway = gateways::of(deployment, port.as_ref()).is_some();
    let said = is_gateway || low.input.case.app.common().ports.is_some();
    match port {
        Some(TargetPort::Name(name)) => named_port(low, doc, (&path, &name), templates),
        Some(TargetPort::Number(target)) if !said => {
            let declared = templates.map(|t| t.map(declared_ports));
            low.check(doc, |check| open_ports::warn_of_target(check, &path, target, &declared));
        }
        _ => {}
    }
    if let Some(new) = templates[1].filter(|new| !select::selects(doc, new)) {
        let why = subject::difference(doc, new);
        let text = format!(
            "selects the old pods and none of the new ones ({why}): with the last old pod the last \
             endpoint goes"
        );
        low.check(doc, |check| check.warn("spec.selector", text));
    }
    low.apex(deployment, Some(service.clone())).unwrap_or(service)
}

/// Refuses a name of a port that no template has, and says which of two lacks it.
fn named_port(
    low: &mut Lowering<'_>,
    service: &Document,
    (path, name): (&str, &str),
    [old, new]: [Option<&Document>; 2],
) {
    let has = |d: Option<&Document>| d.is_some_and(|d| subject::has_port(d, name));
    let quoted = tree::quoted(name);
    match (has(old), has(new)) {
        (true, _) if new.is_none() || has(new) => {}
        (false, false) => {
            let mut error = service.error(path, "no container port has this name");
            error.found = Some(quoted);
            error.suggestion = Some(match (name.parse::<u16>(), old) {
                (Err(_), Some(old)) => {
                    let (kind, name) = (old.kind(), old.name());
                    format!("name a port of {kind} {name} so, or use its number")
                }
                _ => "write it without quotation marks: in them it is a name".to_owned(),
            });
            low.problems.push(error);
        }
        (old, _) => {
            let (lack, end) = match old {
                true => ("new", "with the last old pod the last endpoint goes"),
                false => ("old", "until new pods are ready there is no endpoint"),
            };
            let text = format!("no port of the {lack} pods is called {quoted}: {end}");
            low.check(service, |check| check.warn(path, text));
        }
    }
}

impl Lowering<'_> {
    /// Where every Service is asked: those beside the clients', each with a caller within the cluster.
    pub(super) fn further_routes(
        &mut self,
        services: &mut List<ServiceId, Arc<Service>>,
        workloads: &[Workload],
    ) -> Vec<Route> {
        let mut routes = Vec::new();
        if !self.input.every_service {
            return routes;
        }
        for doc in &self.input.documents {
            let Some(api) = doc.service().filter(|_| !doc.update) else { continue };
            let is = |s: &Arc<Service>| s.name == doc.name() && s.namespace == doc.namespace();
            if services.iter().any(is) {
                continue;
            }
            let service = self.check(doc, |check| network::service(check, api));
            let selects = |w: &Workload| service.selects(&w.template);
            if service.selector.is_empty() || !workloads.iter().any(selects) {
                continue;
            }
            let to = vec![ServiceId(services.len() as u16)];
            services.push(Arc::new(service));
            let (split, ingress, in_front) = (None, None, None);
            let path = Path::Service;
            routes.push(Route { from: Caller::Within, to, split, ingress, in_front, path });
        }
        if !routes.is_empty() {
            let text = "as many as the first, from within the cluster, by the rules of one node";
            self.assume("requests to the other Services", text);
        }
        routes
    }
}

/// Without a Service: one that selects the subject's pods and sends to their first port.
fn stand_in(low: &mut Lowering<'_>, subject: &Subject, deployment: &Document) -> Service {
    let (name, kind) = (deployment.name().to_owned(), deployment.kind());
    if silent(low.input, subject).is_none() {
        let (why, otherwise) = match &subject.dangling {
            Some(why) => (format!(" ({why})"), format!("{why}. By it every request fails.")),
            None => (String::new(), String::new()),
        };
        let text = format!("no Service selects {kind} {name}{why}: clients use one that does");
        low.assumptions.push(Assumption { otherwise, ..Assumption::new("service", text) });
    } else if let Some(why) = &subject.dangling {
        low.not_modelled.push(why.clone());
    }
    let first = container_ports(deployment).find(|p| carries_http(p));
    let port = first.and_then(|p| u16::try_from(p.container_port).ok()).unwrap_or(8080);
    let selector = deployment.workload().and_then(|held| held.selector?.match_labels.clone());
    let own = || deployment.pod_labels().into_iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
    let selector = selector.unwrap_or_else(|| own().collect());
    let target_port = TargetPort::Number(port);
    let port = ServicePort { name: None, port: 80, target_port, node_port: None };
    Service::cluster_ip(name, deployment.namespace(), selector, port)
}

fn container_ports(deployment: &Document) -> impl Iterator<Item = &ContainerPort> {
    let containers = deployment.pod_spec().map(|s| &s.containers);
    containers.into_iter().flatten().flat_map(|c| c.ports.iter().flatten())
}

fn declared_ports(workload: &Document) -> Vec<u16> {
    let ports = container_ports(workload).filter(|p| carries_http(p));
    ports.filter_map(|p| u16::try_from(p.container_port).ok()).collect()
}

fn carries_http(port: &ContainerPort) -> bool {
    port.protocol.as_deref().is_none_or(|p| p == "TCP")
}

/// Why no requests are sent, whatever the scenario asks for if there is no load balancer.
pub fn silence(input: &Input, subject: &Subject, unserved: bool) -> Option<String> {
    if unserved {
        return Some("There is no load balancer: no requests are sent.".to_owned());
    }
    silent(input, subject)
}

/// Why no requests are sent, unless the scenario asks for some.
fn silent(input: &Input, subject: &Subject) -> Option<String> {
    if input.case_root.get("traffic").is_some() {
        return None;
    }
    let deployment = &input.documents[subject.asked];
    let name = deployment.name();
    let asking = "(traffic.rate_per_s asks for some)";
    let Some(index) = subject.service else {
        let mut ports = container_ports(deployment).peekable();
        return match ports.peek() {
            None => Some(format!(
                "{name} has neither a Service nor ports: no requests are sent {asking}."
            )),
            Some(_) => ports
                .all(|p| !carries_http(p))
                .then(|| format!("{name} has no port for HTTP: no requests are sent {asking}.")),
        };
    };
    let doc = &input.documents[index];
    let ports = doc.service().map_or(&[][..], ports);
    let other = !ports.is_empty() && !ports.iter().any(is_tcp);
    other.then(|| {
        format!("Service {} has no port for HTTP: no requests are sent {asking}.", doc.name())
    })
}

/// Why there is nothing to ask, where no pod runs from beginning to end.
pub fn nothing_runs(
    low: &Lowering<'_>,
    deployments: &[Workload],
    actions: &[Action],
) -> Option<String> {
    let rises = |action: &Action| match &action.kind {
        ActionKind::Scale { replicas, .. } => *replicas > 0,
        kind => kind.brings().is_some_and(|d| d.replicas > 0),
    };
    let idle = deployments.iter().all(|d| d.replicas == 0)
        && !actions.iter().any(rises)
        && !deployments.iter().any(|d| low.wakes(d));
    let name = &deployments[0].name;
    idle.then(|| format!("{name} has 0 replicas: nothing runs, and there is nothing to roll out."))
}

/// Why there is nobody to ask, where the scenario itself says so.
pub fn rate_of_0(traffic: &Traffic) -> Option<String> {
    let at_a_rate = matches!(traffic.arrivals, Arrivals::Even | Arrivals::Poisson);
    let silent = at_a_rate && traffic.rate.iter().all(|step| step.1 == 0.0);
    silent.then(|| "The rate is 0: no requests are sent.".to_owned())
}
