//! Deployments and their pod templates: Kubernetes' defaults filled in, Kubernetes' validation applied.

use crate::cluster::gates::Gates;
use crate::cluster::spec::{Deployment, IntOrPercent, Labels, PodTemplate, Strategy};
use crate::input::bounds;
use crate::input::cards;
use crate::input::lower::check::{Check, int_or_percent};
use crate::input::lower::containers;
use crate::input::lower::open_ports;
use crate::input::lower::placement;
use crate::input::lower::plans::Apps;
use crate::input::lower::serving_container;
use crate::input::select::{matches, show_labels};
use crate::input::text::checks;
use k8s_openapi::api::apps::v1::{Deployment as Api, DeploymentSpec};
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The validated Deployment. `version` is what answers of its pods are counted as, unless a container's
/// environment says VERSION.
pub fn deployment(check: &mut Check<'_>, api: &Api, version: &str, apps: &Apps) -> Deployment {
    let name = check.doc.name().to_owned();
    if !checks::dns_name(&name, true) {
        name_error(check, &name);
    }
    let empty = DeploymentSpec::default();
    let spec = api.spec.as_ref().unwrap_or_else(|| {
        check.error("spec", "the key \"spec\" is missing");
        &empty
    });
    let defaults = cards::kubernetes();
    let replicas = replicas(check, spec.replicas);
    let min_ready = check.at_least_0(
        "spec.minReadySeconds",
        spec.min_ready_seconds,
        defaults.min_ready_seconds,
    );
    let deadline = spec.progress_deadline_seconds;
    let deadline = check.at_least_0(
        "spec.progressDeadlineSeconds",
        deadline,
        defaults.progress_deadline_seconds,
    );
    if deadline <= min_ready && min_ready > 0 {
        let error =
            check.error("spec.progressDeadlineSeconds", "must be greater than minReadySeconds");
        error.found = Some(format!("{deadline}, with minReadySeconds {min_ready}"));
    }
    let history = spec.revision_history_limit;
    let history =
        check.at_least_0("spec.revisionHistoryLimit", history, defaults.revision_history_limit);
    selector(check, spec);
    let limit = |n: i32| (n != i32::MAX).then_some(n);
    Deployment {
        namespace: check.doc.namespace().to_owned(),
        replicas,
        strategy: strategy(check, spec),
        min_ready_seconds: min_ready,
        progress_deadline_seconds: limit(deadline),
        revision_history_limit: limit(history),
        paused: spec.paused.unwrap_or(false),
        template: template(check, &spec.template, version, apps).into(),
        name: name.into(),
    }
}

fn name_error(check: &mut Check<'_>, name: &str) {
    let error = match name {
        "" => check.error("metadata.name", "the name is missing"),
        _ => check.error("metadata.name", "not a valid name"),
    };
    if !name.is_empty() {
        error.found = Some(crate::input::text::tree::quoted(name));
    }
    error.allowed = Some("lower-case letters, digits, - and ., at most 253".to_owned());
}

fn replicas(check: &mut Check<'_>, replicas: Option<i32>) -> i32 {
    let replicas = check.at_least_0("spec.replicas", replicas, cards::kubernetes().replicas);
    if replicas > bounds::REPLICAS {
        let allowed = bounds::range_of("replicas").unwrap_or_default();
        check.out_of_range("spec.replicas", i64::from(replicas), &allowed);
    }
    replicas.min(bounds::REPLICAS)
}

fn selector(check: &mut Check<'_>, spec: &DeploymentSpec) {
    let empty = Labels::new();
    let labels = spec.template.metadata.as_ref().and_then(|m| m.labels.as_ref()).unwrap_or(&empty);
    let selector = &spec.selector;
    let given = selector.match_labels.as_ref().is_some_and(|l| !l.is_empty())
        || selector.match_expressions.as_ref().is_some_and(|e| !e.is_empty());
    if !given {
        let error = check.error("spec.selector", "the selector is missing or empty");
        error.suggestion = Some(match labels.first_key_value() {
            Some((k, v)) => format!("selector: {{ matchLabels: {{ {k}: {v} }} }}"),
            None => "give the pod template labels and select them".to_owned(),
        });
    } else if !matches(selector, labels) {
        let error =
            check.error("spec.selector", "the selector does not select the pod template's labels");
        error.found = Some(format!("selector {}, labels {}", show(selector), show_labels(labels)));
        error.suggestion =
            Some("spec.template.metadata.labels must contain all the selector asks for".to_owned());
    }
}

fn show(selector: &LabelSelector) -> String {
    let mut text = show_labels(&selector.match_labels.clone().unwrap_or_default());
    if selector.match_expressions.as_ref().is_some_and(|e| !e.is_empty()) {
        text.push_str(" and expressions");
    }
    text
}

fn strategy(check: &mut Check<'_>, spec: &DeploymentSpec) -> Strategy {
    let strategy = spec.strategy.as_ref();
    let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
    match strategy.and_then(|s| s.type_.as_deref()).unwrap_or("RollingUpdate") {
        "Recreate" => {
            if rolling.is_some() {
                let path = "spec.strategy.rollingUpdate";
                let error = check.error(path, "not allowed with strategy type Recreate");
                error.suggestion =
                    Some("remove rollingUpdate, or use type RollingUpdate".to_owned());
            }
            return Strategy::Recreate;
        }
        "RollingUpdate" => {}
        other => {
            let found = crate::input::text::tree::quoted(other);
            let error = check.error("spec.strategy.type", "unknown strategy");
            error.found = Some(found);
            error.allowed = Some("RollingUpdate, Recreate".to_owned());
        }
    }
    let defaults = cards::kubernetes();
    let percent = |p: i32| IntOrString::String(format!("{p}%"));
    let surge_default = percent(defaults.max_surge_percent);
    let unavailable_default = percent(defaults.max_unavailable_percent);
    let path = "spec.strategy.rollingUpdate";
    let surge = rolling.and_then(|r| r.max_surge.as_ref()).unwrap_or(&surge_default);
    let unavailable =
        rolling.and_then(|r| r.max_unavailable.as_ref()).unwrap_or(&unavailable_default);
    let max_surge = int_or_percent(check, &format!("{path}.maxSurge"), surge, i32::MAX);
    let max_unavailable =
        int_or_percent(check, &format!("{path}.maxUnavailable"), unavailable, 100);
    let zero = |x| matches!(x, IntOrPercent::Int(0) | IntOrPercent::Percent(0));
    if zero(max_surge) && zero(max_unavailable) {
        let error = check.error(path, "maxSurge and maxUnavailable are both 0");
        error.allowed = Some("at least one of them above 0".to_owned());
        error.suggestion =
            Some("with both 0 no pod may be added and none removed; use maxSurge: 1".to_owned());
    }
    Strategy::RollingUpdate { max_surge, max_unavailable }
}

fn template(
    check: &mut Check<'_>,
    api: &PodTemplateSpec,
    version: &str,
    apps: &Apps,
) -> PodTemplate {
    let labels = api.metadata.as_ref().and_then(|m| m.labels.clone()).unwrap_or_default();
    let empty = PodSpec::default();
    let spec = api.spec.as_ref().unwrap_or(&empty);
    let path = "spec.template.spec";
    let grace = spec.termination_grace_period_seconds;
    let grace = grace.unwrap_or(cards::kubernetes().termination_grace_period_seconds);
    if grace < 0 {
        check.out_of_range(&format!("{path}.terminationGracePeriodSeconds"), grace, "0 or more");
    }
    if let Some(policy) = spec.restart_policy.as_deref().filter(|p| *p != "Always") {
        let found = crate::input::text::tree::quoted(policy);
        let error = check.error(&format!("{path}.restartPolicy"), "not allowed in a Deployment");
        error.found = Some(found);
        error.allowed = Some("Always".to_owned());
    }
    not_modelled(check, spec);
    check.asked.push(crate::input::lower::wanted::wanted(spec));
    let (mut init_containers, mut containers) = containers::all(check, spec, grace.max(0), apps);
    let mut all: Vec<_> = init_containers.iter_mut().chain(&mut containers).collect();
    let refuses = open_ports::settle(check, spec, apps, &mut all);
    PodTemplate {
        serving: serving_container::number(spec, apps.port.as_ref()) as u8,
        refuses,
        namespace: check.doc.namespace().to_owned(),
        namespace_labels: namespace_labels(check),
        version: containers::version_label(spec).unwrap_or_else(|| version.to_owned()),
        init_containers,
        containers,
        termination_grace_period_seconds: grace.max(0),
        deletion_cost: deletion_cost(check, api),
        readiness_gates: spec
            .readiness_gates
            .iter()
            .flatten()
            .map(|g| g.condition_type.clone())
            .collect(),
        unset_gates: Vec::new(),
        gates: Gates::NONE,
        placement: placement::placement(check, spec),
        automount_service_account_token: spec.automount_service_account_token.unwrap_or(true),
        labels,
    }
}

/// How dear its pods are to a ReplicaSet that deletes some: the cheapest go first.
fn deletion_cost(check: &mut Check<'_>, api: &PodTemplateSpec) -> i32 {
    const KEY: &str = "controller.kubernetes.io/pod-deletion-cost";
    let annotations = api.metadata.as_ref().and_then(|m| m.annotations.as_ref());
    let Some(text) = annotations.and_then(|a| a.get(KEY)) else { return 0 };
    // As the API server reads it: no plus sign, no leading zeros.
    let cost = text.parse().ok().filter(|cost: &i32| cost.to_string() == *text);
    if cost.is_none() {
        let path = format!("spec.template.metadata.annotations[{KEY}]");
        let error = check.error(&path, "not a valid deletion cost");
        error.found = Some(crate::input::text::tree::quoted(text));
        error.allowed = Some("a whole number of 32 bits, such as \"-10\"".to_owned());
    }
    cost.unwrap_or(0)
}

/// The API server labels every namespace with its name.
fn namespace_labels(check: &Check<'_>) -> Labels {
    let name = check.doc.namespace();
    let mut labels = check.input.namespace_labels(name);
    labels.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
    labels
}

/// With hostNetwork two pods cannot listen at one port of a node, and only those declared are known.
fn not_modelled(check: &mut Check<'_>, spec: &PodSpec) {
    let declared = spec.containers.iter().any(|c| c.ports.iter().flatten().next().is_some());
    if spec.host_network == Some(true) && !declared {
        check.note("hostNetwork (no port is declared: two pods may not fit on one node)");
    }
}
