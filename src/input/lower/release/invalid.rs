//! What Argo Rollouts takes for an invalid spec: the Rollout gets the condition InvalidSpec, and nothing is
//! rolled out.
//!
//! `pkg/apis/rollouts/validation/validation.go` and `validation_references.go` of argoproj/argo-rollouts.

use crate::cluster::labels::ROLLOUT_HASH;
use crate::input::cards;
use crate::input::lower::check::Check;
use crate::input::raw::manifest::{Document, Object};
use crate::input::raw::rollout::{
    BlueGreenStrategy, CanaryStep, CanaryStrategy, RolloutSpec, RolloutTrafficRouting,
};
use crate::input::text::tree::{Node, quoted};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

/// Where a canary stands.
pub const CANARY: &str = "spec.strategy.canary";
/// Where blue/green stands.
pub const BLUE_GREEN: &str = "spec.strategy.blueGreen";

/// Refuses what Argo's controller would, in its words, and names objects that it asks for and nobody gave.
pub fn refuse(check: &mut Check<'_>, spec: &RolloutSpec) {
    if let Some(given) = &spec.strategy.canary {
        canary(check, given);
        let ping_pong = given.ping_pong.as_ref();
        service(check, &format!("{CANARY}.stableService"), given.stable_service.as_deref());
        service(check, &format!("{CANARY}.canaryService"), given.canary_service.as_deref());
        for (key, name) in [
            ("pingService", ping_pong.and_then(|p| p.ping_service.as_deref())),
            ("pongService", ping_pong.and_then(|p| p.pong_service.as_deref())),
        ] {
            service(check, &format!("{CANARY}.pingPong.{key}"), name);
        }
    }
    if let Some(given) = &spec.strategy.blue_green {
        blue_green(check, given, spec.revision_history_limit);
        service(check, &format!("{BLUE_GREEN}.activeService"), given.active_service.as_deref());
        service(check, &format!("{BLUE_GREEN}.previewService"), given.preview_service.as_deref());
    }
}

/// `message` is Argo's.
pub fn invalid(check: &mut Check<'_>, path: &str, message: &str) {
    check.error(
        path,
        format!("Argo Rollouts takes it for invalid and rolls nothing out: {message}"),
    );
}

fn canary(check: &mut Check<'_>, given: &CanaryStrategy) {
    let at = |key: &str| format!("{CANARY}.{key}");
    let zero = |given: Option<&IntOrString>| match given {
        Some(IntOrString::Int(n)) => *n == 0,
        Some(IntOrString::String(text)) => text.trim_end_matches('%') == "0",
        None => false,
    };
    if zero(given.max_surge.as_ref()) && zero(given.max_unavailable.as_ref()) {
        invalid(check, &at("maxSurge"), "MaxSurge and MaxUnavailable both can not be zero");
    }
    if given.stable_service.is_some() && given.stable_service == given.canary_service {
        let text = "This rollout uses the same service for the stable and canary services, but two different \
                    services are required.";
        invalid(check, &at("stableService"), text);
    }
    ping_pong(check, given);
    let dynamic = given.dynamic_stable_scale == Some(true);
    match (&given.traffic_routing, given.scale_down_delay_seconds) {
        (None, delay) => {
            if delay.is_some() {
                let text = "Canary scaleDownDelaySeconds can only be used with traffic routing";
                invalid(check, &at("scaleDownDelaySeconds"), text);
            }
            if dynamic {
                let text = "Canary dynamicStableScale can only be used with traffic routing";
                invalid(check, &at("dynamicStableScale"), text);
            }
        }
        (Some(routing), delay) => {
            if dynamic && delay.is_some() {
                let text = "Canary dynamicStableScale cannot be used with scaleDownDelaySeconds";
                invalid(check, &at("dynamicStableScale"), text);
            }
            if routing.max_traffic_weight.is_some() && !routes(routing, &["nginx"]) {
                let text = "Canary maxTrafficWeight in traffic routing only supported in Nginx and Plugins";
                invalid(check, &at("trafficRouting.maxTrafficWeight"), text);
            }
            ingresses(check, given, routing);
        }
    }
    for (i, step) in given.steps.iter().flatten().enumerate() {
        self::step(check, &at(&format!("steps[{i}]")), step, given.traffic_routing.as_ref());
    }
}

/// One of these routers, or a plugin, is given.
fn routes(routing: &RolloutTrafficRouting, these: &[&str]) -> bool {
    let all = [
        ("nginx", routing.nginx.is_some()),
        ("istio", routing.istio.is_some()),
        ("alb", routing.alb.is_some()),
        ("apisix", routing.apisix.is_some()),
    ];
    routing.plugins.is_some() || all.iter().any(|(name, given)| *given && these.contains(name))
}

fn ping_pong(check: &mut Check<'_>, given: &CanaryStrategy) {
    let Some(services) = &given.ping_pong else { return };
    let at = |key: &str| format!("{CANARY}.{key}");
    let routing = given.traffic_routing.as_ref();
    if routing.is_some_and(|routing| !routes(routing, &["alb", "istio"])) {
        let text =
            "Ping-pong feature works with the ALB, Istio, and plugin-based traffic routers only";
        invalid(check, &at("trafficRouting"), text);
    }
    let (ping, pong) = (services.ping_service.as_deref(), services.pong_service.as_deref());
    for (key, name) in [("pingService", ping), ("pongService", pong)] {
        if name.unwrap_or_default().is_empty() {
            let text = "Ping service and Pong service must to be set to use Ping-Pong feature";
            invalid(check, &at(&format!("pingPong.{key}")), text);
        }
    }
    if ping.is_some() && ping == pong {
        let text = "This rollout uses the same service for the ping and pong services, but two different services \
                    are required.";
        invalid(check, &at("pingPong.pingService"), text);
    }
    let alb = routing.and_then(|routing| routing.alb.as_ref());
    if alb.is_some_and(|alb| text_of(alb, "rootService").is_none()) {
        let text = "Root service field is required for the configuration with ALB and ping-pong feature enabled";
        invalid(check, &at("trafficRouting.alb.rootService"), text);
    }
}

fn text_of<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn step(
    check: &mut Check<'_>,
    path: &str,
    step: &CanaryStep,
    routing: Option<&RolloutTrafficRouting>,
) {
    let kinds = [
        step.set_weight.is_some(),
        step.pause.is_some(),
        step.experiment.is_some(),
        step.analysis.is_some(),
    ];
    if kinds.into_iter().filter(|given| *given).count() > 1 {
        let text = "Step must have one of the following set: experiment, setWeight, setCanaryScale, plugin or pause";
        invalid(check, path, text);
    }
    if step.set_canary_scale.is_some() && routing.is_none() {
        let text = "SetCanaryScale requires TrafficRouting to be set";
        invalid(check, &format!("{path}.setCanaryScale"), text);
    }
    let headers = "SetHeaderRoute requires TrafficRouting, supports Istio and ALB and Apisix";
    let mirror = "SetMirrorRoute requires TrafficRouting, supports Istio and Plugins";
    let of_routes: [(&str, &Option<Value>, &str, &[&str]); 2] = [
        ("setHeaderRoute", &step.set_header_route, headers, &["istio", "alb", "apisix"]),
        ("setMirrorRoute", &step.set_mirror_route, mirror, &["istio"]),
    ];
    for (key, given, text, routers) in of_routes {
        let Some(given) = given else { continue };
        let path = format!("{path}.{key}");
        let Some(routing) = routing.filter(|routing| routes(routing, routers)) else {
            invalid(check, &path, text);
            continue;
        };
        let managed = routing.managed_routes.as_ref().and_then(Value::as_array);
        let name = text_of(given, "name");
        if !managed.into_iter().flatten().any(|route| text_of(route, "name") == name) {
            let text = "Steps define a route that does not exist in \
                        spec.strategy.canary.trafficRouting.managedRoutes";
            invalid(check, &path, text);
        }
    }
}

fn blue_green(check: &mut Check<'_>, given: &BlueGreenStrategy, kept: Option<i32>) {
    if given.active_service.is_some() && given.active_service == given.preview_service {
        let text = "This rollout uses the same service for the active and preview services, but two different \
                    services are required.";
        invalid(check, &format!("{BLUE_GREEN}.activeService"), text);
    }
    let kept = kept.unwrap_or(cards::kubernetes().revision_history_limit);
    if given.scale_down_delay_revision_limit.is_some_and(|limit| kept < limit) {
        let text = "This rollout's revision history limit can not be smaller than the rollout's scale down limit";
        invalid(check, &format!("{BLUE_GREEN}.scaleDownDelayRevisionLimit"), text);
    }
}

/// Its selector has to fit the template, but for the hash that the controller adds.
fn service(check: &mut Check<'_>, path: &str, name: Option<&str>) {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return };
    let Some(found) = document(check, "Service", name) else {
        absent(check, path, &format!("Service {name}"));
        return;
    };
    let Object::Service(service) = &found.object else { return };
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let labels = check.doc.pod_labels();
    let has = |key: &str, value: &str| labels.iter().any(|(k, v)| *k == key && *v == value);
    let wrong = selector.into_iter().flatten();
    // A template that another workload has is not looked at.
    let wrong = wrong
        .filter(|(key, _)| key.as_str() != ROLLOUT_HASH && !labels.is_empty())
        .find(|(key, value)| !has(key, value));
    if let Some((label, _)) = wrong {
        let text =
            format!("Service {} has unmatch label {} in rollout", quoted(name), quoted(label));
        invalid(check, path, &text);
    }
}

/// The Ingresses that a router writes to: named in one way, and with a rule for the Service.
fn ingresses(check: &mut Check<'_>, given: &CanaryStrategy, routing: &RolloutTrafficRouting) {
    let root = routing.alb.as_ref().and_then(|alb| text_of(alb, "rootService"));
    let stable = given.stable_service.as_deref();
    for (router, key, word, value, service) in [
        ("nginx", "stableIngress", "StableIngress", &routing.nginx, stable),
        ("alb", "ingress", "Ingress", &routing.alb, root.or(stable)),
    ] {
        let Some(value) = value else { continue };
        let path = format!("{CANARY}.trafficRouting.{router}");
        let several =
            value.get(format!("{key}s")).and_then(Value::as_array).filter(|l| !l.is_empty());
        let one = text_of(value, key);
        if one.is_some() == several.is_some() {
            let which = if one.is_some() { "Both" } else { "Neither" };
            let other = if router == "alb" { "Ingresses" } else { "StableIngresses" };
            let text =
                format!("Either {word} or {other} must be configured. {which} are configured.");
            invalid(check, &path, &text);
        }
        let names = one.into_iter().chain(several.into_iter().flatten().filter_map(Value::as_str));
        for name in names.map(str::to_owned).collect::<Vec<_>>() {
            match (document(check, "Ingress", &name), service) {
                (None, _) => absent(check, &format!("{path}.{key}"), &format!("Ingress {name}")),
                (Some(found), Some(service))
                    if !found.root.get("spec").is_some_and(|s| leads(s, service)) =>
                {
                    let text =
                        format!("ingress `{name}` has no rules using service {service} backend");
                    invalid(check, &format!("{path}.{key}"), &text);
                }
                _ => {}
            }
        }
    }
}

/// Some backend of an Ingress is that Service.
fn leads(node: &Node, service: &str) -> bool {
    let name = node.get("service").and_then(|s| s.get("name")).or(node.get("serviceName"));
    let below = node.items().iter().chain(node.entries().iter().map(|entry| &entry.node));
    name.and_then(|n| n.as_str()) == Some(service)
        || below.into_iter().any(|node| leads(node, service))
}

fn document<'a>(check: &Check<'a>, kind: &str, name: &str) -> Option<&'a Document> {
    let namespace = check.doc.namespace();
    let all = check.input.each_document();
    all.into_iter().find(|d| d.kind() == kind && d.name() == name && d.namespace() == namespace)
}

fn absent(check: &mut Check<'_>, path: &str, what: &str) {
    let text = format!(
        "{what} is not given: where the cluster has none either, Argo Rollouts takes the Rollout for invalid and \
         rolls nothing out"
    );
    check.warn(path, text);
}
