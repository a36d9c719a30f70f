//! What was simulated: the workload, its Service, the load, the application, the cluster's version; each
//! given by the input or assumed. And what serves beside it and was not simulated.

use super::answer::HeadRow;
use super::settings::versions;
use super::words::{count, plural, printable};
use crate::cluster::spec::TargetPort;
use crate::model::balancer::Path;
use crate::model::platform::ToldBy;
use crate::scenario::{Calls, Scenario};
use crate::traffic::offered::Arrivals;

/// The rows of the head, in the order in which they are shown.
pub fn head(scenario: &Scenario) -> Vec<HeadRow> {
    let assumed = |key: &str| scenario.assumptions.iter().any(|a| a.key == key);
    let row = |key: &str, value: String, given: bool| HeadRow { key: key.into(), value, given };
    let subject = scenario.after();
    let replicas = plural(u64::try_from(subject.replicas).unwrap_or(0), "replica");
    let given = &scenario.given;
    let mut rows = vec![
        row("workload", format!("{}/{}", subject.kind().word(), subject.name), true),
        row("action", action(scenario), !assumed("action")),
        row("replicas", replicas, !assumed("replicas")),
        row("service", service(scenario), !assumed("service")),
        row("path", way(scenario), !assumed("traffic.path")),
        row("calls", calls(scenario), true),
        row("load", load(scenario), !assumed("traffic.rate_per_s")),
        row("application", format!("app {}", given.application), given.application_given),
        row(
            "Kubernetes",
            format!("Kubernetes {}", versions(&scenario.kubernetes)),
            scenario.kubernetes.told_by != ToldBy::Nobody,
        ),
    ];
    rows.retain(|row| !row.value.is_empty());
    if scenario.no_requests.is_some() {
        rows.retain(|row| !["service", "path", "load"].contains(&row.key.as_str()));
    }
    if !given.not_simulated.is_empty() {
        let names = given.not_simulated.iter().map(|name| printable(name)).collect::<Vec<_>>();
        rows.push(row("not simulated", format!("not simulated: {}", names.join(", ")), true));
    }
    rows
}

/// What is done; what nobody asked for is named as the assumption does.
fn action(scenario: &Scenario) -> String {
    let assumed = scenario.assumptions.iter().find(|a| a.key == "action");
    if let Some(assumed) = assumed {
        return assumed.text.trim_end_matches(" at 0").to_owned();
    }
    let name = |i| super::stuck::action(scenario, i).trim_start_matches("the ").to_owned();
    match scenario.actions.len() {
        0 => "nothing is done".to_owned(),
        n @ 1..=2 => (0..n).map(name).collect::<Vec<_>>().join(", "),
        n => format!("{} and {} more", name(0), plural(n as u64 - 1, "action")),
    }
}

/// The Service's name and the ports that requests go to and arrive at.
fn service(scenario: &Scenario) -> String {
    let service = scenario.service();
    let target = |port: &TargetPort| match port {
        TargetPort::Number(n) => n.to_string(),
        TargetPort::Name(name) => name.clone(),
    };
    match service.ports.first() {
        Some(port) => {
            format!("service/{}:{} to port {}", service.name, port.port, target(&port.target_port))
        }
        None => format!("service/{}", service.name),
    }
}

/// Who asks whom, in the order given; empty: nobody asks another.
fn calls(scenario: &Scenario) -> String {
    let call = |calls: &Calls| {
        let name = &scenario.services[calls.to].name;
        format!("{} calls {}", printable(&calls.from), printable(name))
    };
    scenario.calls.iter().map(call).collect::<Vec<_>>().join(", ")
}

fn way(scenario: &Scenario) -> String {
    let path = path(&scenario.route().path);
    match &scenario.route().in_front {
        Some(front) => format!("{} in front of {path}", front.name),
        None => path.to_owned(),
    }
}

/// What a path is called.
pub fn path(path: &Path) -> &str {
    match path {
        Path::Service => "kube-proxy",
        Path::NodePort { .. } => "NodePort",
        Path::LoadBalancer(_) => "cloud load balancer",
        Path::Alb(_) => "AWS ALB",
        Path::Nlb(_) => "AWS NLB",
        Path::Registered(maker, _) => maker.name,
        Path::IngressNginx(_) => "ingress-nginx",
        Path::Headless(_) => "headless Service",
        Path::MetalLb(_) => "MetalLB",
        Path::Haproxy(_) => "HAProxy",
        Path::Envoy(s) => &s.name,
    }
}

fn load(scenario: &Scenario) -> String {
    let traffic = &scenario.traffic;
    let kept = traffic.long_lived.as_ref().map_or(String::new(), |kept| {
        format!(", {} kept open", plural(u64::from(kept.count), "connection"))
    });
    let requests = match &traffic.arrivals {
        Arrivals::Trace(times) => {
            format!("{} from a record", plural(times.len() as u64, "request"))
        }
        Arrivals::Closed { users, .. } => {
            format!("{} in a closed loop", plural(u64::from(*users), "user"))
        }
        Arrivals::Even | Arrivals::Poisson => {
            let rates = || traffic.rate.iter().map(|r| r.1);
            let (low, high) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
            match low < high {
                true => format!("{} to {} requests/s", count(low), count(high)),
                false if high == 1.0 => "1 request/s".to_owned(),
                false => format!("{} requests/s", count(high)),
            }
        }
    };
    requests + &kept
}
