//! What balancers and proxies before the pods may be set to.

use super::case::{Case, Way};
use super::change::{Change, Edit};
use super::ladder;
use crate::cluster::spec::OnSigterm;
use crate::model::balancer::Path;
use crate::model::balancer::elb::controller::{GATES, INJECT, binding_name};
use crate::timeline::Breakers;

/// Pods count as ready when the load balancer has found them healthy.
pub fn gate(case: &Case<'_>) -> Way {
    let scenario = case.scenario();
    let fixed = scenario.route().path.maker().map(|maker| maker.gate);
    let ours = |gate: &String| match fixed {
        None => GATES.iter().any(|prefix| gate.starts_with(prefix)),
        Some(fixed) => fixed.is_none_or(|fixed| fixed.name == gate),
    };
    if scenario.route().path.controller().is_none()
        || case.deployment.template.readiness_gates.iter().any(ours)
    {
        return Vec::new();
    }
    let label = match fixed {
        None => INJECT,
        Some(fixed) => match fixed.and_then(|gate| gate.label) {
            Some(label) => label,
            None => return Vec::new(),
        },
    };
    let label = format!("namespace.metadata.labels[{label}]");
    let by_namespace = Change::one(&label, "enabled");
    if by_namespace.apply(&case.tried.input).is_ok() {
        return vec![by_namespace];
    }
    if let Some(gate) = fixed.flatten() {
        let condition = format!("[{{conditionType: \"{}\"}}]", gate.name);
        return vec![Change::one("readinessGates", condition)];
    }
    // The controller names its target groups so, with a hash at the end that only the cluster knows.
    let service = scenario.service();
    let binding = binding_name(&service.namespace, &service.name);
    let condition = format!("[{{conditionType: \"{}{binding}*\"}}]", GATES[0]);
    vec![Change::one("readinessGates", condition)]
}

/// Running requests outlast the deregistration delay.
pub fn deregistration(case: &Case<'_>) -> Way {
    let now = case.scenario().route().path.deregistration_delay().map_or(0.0, |d| d.as_secs_f64());
    let name = "deregistration_delay.timeout_seconds";
    let longer = ladder::seconds(now.max(case.longest_s()));
    let group = |s| attribute(case, name, s, "deregistration_delay");
    longer.into_iter().map(group).collect()
}

/// Every load balancer node sends to the targets of all zones.
pub fn cross_zone(case: &Case<'_>) -> Way {
    vec![attribute(case, "load_balancing.cross_zone.enabled", "true", "cross_zone")]
}

/// The ingress controller serves on until nobody connects to it.
pub fn proxy_grace(case: &Case<'_>) -> Way {
    let now = case.scenario().route().path.shutdown_grace().map_or(0.0, |d| d.as_secs_f64());
    let longer = ladder::seconds(now + 1.0);
    longer.into_iter().map(|s| Change::one("balancer.shutdown_grace", s)).collect()
}

/// A proxy's limits on what may be under way are higher.
pub fn breakers(case: &Case<'_>) -> Way {
    let Some(policy) = case.scenario().route().path.policy() else { return Vec::new() };
    let Breakers { connections, pending, requests, .. } = policy.breakers;
    let limits = [
        ("balancer.max_connections", connections),
        ("balancer.max_pending_requests", pending),
        ("balancer.max_requests", requests),
    ];
    let limits = limits.into_iter().filter(|(_, most)| *most < u32::MAX);
    let limits: Vec<(&str, u32)> = limits.collect();
    let higher = |factor: u32| {
        let edit = |&(path, most): &(&str, u32)| Edit {
            path: path.to_owned(),
            value: most.max(1).saturating_mul(factor).to_string(),
        };
        Change(limits.iter().map(edit).collect())
    };
    [2, 4, 8, 16, 64].into_iter().map(higher).collect()
}

/// A proxy lets more requests through.
pub fn rate_limit(case: &Case<'_>) -> Way {
    let policy = case.scenario().route().path.policy();
    let Some(limit) = policy.and_then(|policy| policy.rate_limit) else { return Vec::new() };
    let more = |factor: u32| {
        let edit = |path: &str, n: u32| Edit {
            path: path.to_owned(),
            value: n.max(1).saturating_mul(factor).to_string(),
        };
        Change(vec![
            edit("balancer.rate_limit_tokens", limit.most),
            edit("balancer.rate_limit_fill", limit.fill),
        ])
    };
    [2, 4, 8, 16, 64].into_iter().map(more).collect()
}

/// A switch of the mesh that injects the proxies.
pub fn sidecar(key: &str) -> Way {
    vec![Change::one(key, "true")]
}

/// The proxy in a pod outlasts what the application still does.
pub fn sidecar_drain(case: &Case<'_>) -> Way {
    let needed_s = case.hook_s() + case.longest_s();
    let longer = ladder::seconds(needed_s).into_iter();
    let template = &case.deployment.template;
    let all = || template.init_containers.iter().chain(&template.containers);
    // Linkerd's accepts nobody while it drains: it has to hear of SIGTERM later.
    let refuses = template.proxy.and_then(|proxy| all().nth(usize::from(proxy)));
    let refuses = refuses.is_some_and(|c| matches!(c.app.on_sigterm, OnSigterm::Graceful { .. }));
    let key = if refuses { "mesh.wait_before_exit_s" } else { "mesh.termination_drain_s" };
    let change = |s: i64| {
        let change = Change::one(key, s);
        case.within_grace(change, s as f64)
    };
    longer.map(change).collect()
}

/// A proxy that has ejected too many uses all of them.
pub fn ejections() -> Way {
    vec![
        Change::one("balancer.panic_threshold", 50),
        Change::one("balancer.outlier_max_ejection_percent", 50),
    ]
}

/// An attribute of the target group, beside those that its annotation has; without an object to annotate,
/// the entry of the card.
fn attribute(case: &Case<'_>, name: &str, value: impl std::fmt::Display, key: &str) -> Change {
    let scenario = case.scenario();
    let (object, annotation, annotations) =
        match (&scenario.route().path, &scenario.route().ingress) {
            (Path::Alb(_), Some(ingress)) => (
                "ingress",
                "alb.ingress.kubernetes.io/target-group-attributes",
                &ingress.annotations,
            ),
            (Path::Nlb(_), _) => (
                "service",
                "service.beta.kubernetes.io/aws-load-balancer-target-group-attributes",
                &scenario.service().annotations,
            ),
            _ => return Change::one(&format!("balancer.{key}"), value),
        };
    let others = annotations.get(annotation).map_or("", String::as_str).split(',');
    let others = others.map(str::trim).filter(|a| !a.is_empty() && !a.starts_with(name));
    let all: Vec<String> = others.map(str::to_owned).chain([format!("{name}={value}")]).collect();
    Change(vec![Edit {
        path: format!("{object}.metadata.annotations[{annotation}]"),
        value: all.join(","),
    }])
}

/// A proxy keeps idle connections for longer than the one in front of it does.
pub fn front_keep_alive(case: &Case<'_>) -> Way {
    let key = match case.scenario().route().path {
        Path::Haproxy(_) => "balancer.http_keep_alive",
        Path::Envoy(_) => "balancer.downstream_idle_timeout",
        _ => "balancer.keep_alive",
    };
    let now = case.scenario().route().path.front_idle_timeout().map_or(60.0, |d| d.as_secs_f64());
    ladder::seconds(now).into_iter().map(|s| Change::one(key, s)).collect()
}

/// The proxy that sends to pods waits for longer.
pub fn proxy_timeout(case: &Case<'_>) -> Way {
    let key = match case.scenario().route().path {
        Path::Envoy(_) => "balancer.route_timeout",
        Path::IngressNginx(_) => "balancer.read_timeout",
        Path::Haproxy(_) => "balancer.server_timeout",
        Path::Registered(..) => "balancer.response_timeout",
        _ => "balancer.idle_timeout",
    };
    let longer = ladder::seconds(case.longest_s());
    longer.into_iter().map(|s| Change::one(key, s)).collect()
}

/// The proxy in front waits for longer.
pub fn front_timeout(case: &Case<'_>) -> Way {
    let longer = ladder::seconds(case.longest_s());
    longer.into_iter().map(|s| Change::one("in_front.idle_timeout", s)).collect()
}
