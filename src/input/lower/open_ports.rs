//! Ports that somebody asks and nobody opens. Declared ports are information for people; `app.ports` says on
//! which an application listens, and then others are refused. And which probes ask where the requests go.

use crate::cluster::spec::{Container, Handler, Probe, TargetPort};
use crate::input::lower::check::Check;
use crate::input::lower::plans::{Apps, plan_of};
use crate::input::lower::serving_container;
use k8s_openapi::api::core::v1::PodSpec;
use std::collections::BTreeSet;

/// Marks the probes that are refused, and says which ask a port that no container declares. `containers` are
/// all of the pod, init containers first. Returns whether requests are refused.
pub fn settle(
    check: &mut Check<'_>,
    spec: &PodSpec,
    apps: &Apps,
    containers: &mut [&mut Container],
) -> bool {
    let declared: Vec<(usize, u16)> = containers
        .iter()
        .enumerate()
        .flat_map(|(i, c)| c.ports.iter().map(move |p| (i, p.port)))
        .collect();
    let serving = serving_container::number(spec, apps.port.as_ref());
    let target = apps.port.as_ref().and_then(|port| match port {
        TargetPort::Number(n) => Some(*n),
        TargetPort::Name(name) => {
            let mut ports = containers.iter().flat_map(|c| &c.ports);
            ports.find(|p| p.name.as_ref() == Some(name)).map(|p| p.port)
        }
    });
    let is_refused = |i: usize, port: u16| {
        let others = declared.iter().any(|(other, p)| *other != i && *p == port);
        let plan = plan_of(apps, spec, i);
        !others && plan.ports.as_ref().is_some_and(|ports| !ports.contains(&port))
    };
    for (i, container) in containers.iter_mut().enumerate() {
        let said = plan_of(apps, spec, i).ports.is_some();
        let path = serving_container::path(Some(spec), i);
        let app = &container.app;
        let shares = app.concurrency.is_some() && app.probes_share_the_queue;
        let fills = app.backlog && app.queue.is_some();
        for (kind, probe) in probes(container) {
            let Some(port) = port_of(probe) else { continue };
            let path = format!("{path}.{kind}");
            probe.refused = is_refused(i, port);
            let asks_there = i == serving && target.is_some_and(|t| t == port);
            // The kernel answers a connection as long as its backlog has room; a command is a process of its
            // own.
            probe.queued = asks_there && shares && (probe.asks_process() || fills);
            let known = declared.is_empty() || declared.iter().any(|(_, p)| *p == port);
            if probe.refused {
                check.warn(
                    &path,
                    format!("asks port {port}, which app.ports lacks: always refused"),
                );
            } else if !said && !known && Some(port) != target {
                let follows = match kind {
                    "readinessProbe" => "no pod becomes ready",
                    _ => "containers are restarted for ever",
                };
                let text = undeclared(&format!("asks port {port}"), &declared);
                check.warn_of(&path, text, otherwise(port, follows));
            }
        }
    }
    target.is_some_and(|port| is_refused(serving, port))
}

/// That a port is not among those declared.
fn undeclared(what: &str, declared: &[(usize, u16)]) -> String {
    let ports: Vec<String> = declared.iter().map(|(_, port)| port.to_string()).collect();
    format!(
        "{what}, and the containers declare {}: taken as listened on (app.ports says where it is not)",
        ports.join(", ")
    )
}

/// What follows where it is not listened on either.
fn otherwise(port: u16, follows: &str) -> String {
    format!("If nothing listens on port {port}, which no container declares, {follows}.")
}

/// The same of a Service, whose port leads to `target`. `declared`: by the pods as they are, and by those of
/// an update.
pub fn warn_of_target(
    check: &mut Check<'_>,
    path: &str,
    target: u16,
    declared: &[Option<Vec<u16>>; 2],
) {
    let lacks = |ports: &Option<Vec<u16>>| {
        ports.as_ref().is_some_and(|ports| !ports.is_empty() && !ports.contains(&target))
    };
    let all: BTreeSet<u16> = declared.iter().flatten().flatten().copied().collect();
    let declare: Vec<(usize, u16)> = all.into_iter().map(|port| (0, port)).collect();
    let text = undeclared(&format!("leads to port {target}"), &declare);
    let only = |who: &str| {
        format!(
            "leads to port {target}, which only the {who} pods declare: taken as listened on by all \
             (app.v1.ports and app.v2.ports say where it is not)"
        )
    };
    let old = || format!("If the old pods do not listen on port {target}, requests to them fail.");
    let new = || {
        format!(
            "If the new pods do not listen on port {target}, requests to them fail, in the end all."
        )
    };
    match declared.each_ref().map(lacks) {
        [false, false] => {}
        [true, false] if declared[1].is_some() => check.warn_of(path, only("new"), old()),
        [false, true] => check.warn_of(path, only("old"), new()),
        [true, _] => check.warn_of(path, text, otherwise(target, "every request fails")),
    }
}

fn probes(container: &mut Container) -> impl Iterator<Item = (&'static str, &mut Probe)> {
    let all = [
        ("startupProbe", container.startup_probe.as_mut()),
        ("readinessProbe", container.readiness_probe.as_mut()),
        ("livenessProbe", container.liveness_probe.as_mut()),
    ];
    all.into_iter().filter_map(|(kind, probe)| Some((kind, probe?)))
}

fn port_of(probe: &Probe) -> Option<u16> {
    match &probe.handler {
        Handler::HttpGet { port, .. } | Handler::TcpSocket { port } | Handler::Grpc { port } => {
            Some(*port)
        }
        Handler::Exec { .. } => None,
    }
}
