//! Workloads and their pod templates: Kubernetes' defaults filled in, Kubernetes' validation applied.

use crate::cluster::gates::Gates;
use crate::cluster::spec::{Labels, PodTemplate};
use crate::cluster::workload::{Kind, Workload};
use crate::input::bounds;
use crate::input::cards;
use crate::input::lower::ambient;
use crate::input::lower::autoscalers::knative;
use crate::input::lower::check::Check;
use crate::input::lower::containers;
use crate::input::lower::daemons;
use crate::input::lower::open_ports;
use crate::input::lower::placement;
use crate::input::lower::plans::Apps;
use crate::input::lower::release;
use crate::input::lower::serving_container;
use crate::input::lower::sidecar;
use crate::input::lower::stays;
use crate::input::lower::strategies;
use crate::input::raw::manifest::Object;
use crate::input::raw::workload::Held;
use crate::input::select::{matches, show_labels};
use crate::input::text::checks;
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// The validated workload. `version` is what answers of its pods are counted as, unless a container's
/// environment says VERSION.
pub fn workload(check: &mut Check<'_>, held: Held<'_>, version: &str, apps: &Apps) -> Workload {
    let name = check.doc.name().to_owned();
    if !checks::dns_name(&name, true) {
        name_error(check, &name);
    }
    if held.template.is_none() {
        let missing = if held.kind == Kind::ReplicaSet { "spec.template" } else { "spec" };
        check.error(missing, format!("the key \"{missing}\" is missing"));
    }
    let given = given(&check.doc.object);
    let defaults = cards::kubernetes();
    let replicas = replicas(check, held.replicas);
    let min_ready = check.at_least_0(
        "spec.minReadySeconds",
        given.min_ready_seconds,
        defaults.min_ready_seconds,
    );
    let deadline = deadline(check, held.kind, given.progress_deadline_seconds, min_ready);
    let history = given.revision_history_limit;
    let history =
        check.at_least_0("spec.revisionHistoryLimit", history, defaults.revision_history_limit);
    let empty = PodTemplateSpec::default();
    let api = held.template.unwrap_or(&empty);
    if held.kind != Kind::Pod {
        selector(check, held.selector.unwrap_or(&LabelSelector::default()), api);
    }
    let strategy = strategies::strategy(check);
    let release = release::release(check);
    let template = template(check, api, held.kind, version, apps);
    let mut made = Workload {
        namespace: check.doc.namespace().to_owned(),
        replicas,
        strategy,
        min_ready_seconds: min_ready,
        progress_deadline_seconds: deadline,
        revision_history_limit: limit(history),
        paused: given.paused,
        template: template.into(),
        release,
        name: name.into(),
    };
    knative::limit(check.input, &mut made);
    made
}

fn limit(n: i32) -> Option<i32> {
    (n != i32::MAX).then_some(n)
}

/// Only Deployments and Rollouts have one.
fn deadline(check: &mut Check<'_>, kind: Kind, given: Option<i32>, min_ready: i32) -> Option<i32> {
    if !kind.has_sets() {
        return None;
    }
    let path = "spec.progressDeadlineSeconds";
    let deadline = check.at_least_0(path, given, cards::kubernetes().progress_deadline_seconds);
    if deadline <= min_ready && min_ready > 0 {
        let error = check.error(path, "must be greater than minReadySeconds");
        error.found = Some(format!("{deadline}, with minReadySeconds {min_ready}"));
    }
    limit(deadline)
}

/// Numbers of a spec that some kinds have.
#[derive(Default)]
struct Given {
    min_ready_seconds: Option<i32>,
    progress_deadline_seconds: Option<i32>,
    revision_history_limit: Option<i32>,
    paused: bool,
}

fn given(object: &Object) -> Given {
    macro_rules! of {
        ($workload:ident $(, $more:ident)*) => {
            $workload.spec.as_ref().map_or(Given::default(), |spec| Given {
                min_ready_seconds: spec.min_ready_seconds,
                $($more: spec.$more,)*
                ..Given::default()
            })
        };
    }
    match object {
        Object::Deployment(w) => Given {
            paused: w.spec.as_ref().and_then(|s| s.paused).unwrap_or(false),
            ..of!(w, progress_deadline_seconds, revision_history_limit)
        },
        Object::Rollout(w) => of!(w, progress_deadline_seconds, revision_history_limit),
        Object::StatefulSet(w) => of!(w, revision_history_limit),
        Object::DaemonSet(w) => of!(w, revision_history_limit),
        Object::ReplicaSet(w) => of!(w),
        _ => Given::default(),
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

fn selector(check: &mut Check<'_>, selector: &LabelSelector, template: &PodTemplateSpec) {
    let empty = Labels::new();
    let labels = template.metadata.as_ref().and_then(|m| m.labels.as_ref()).unwrap_or(&empty);
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

fn template(
    check: &mut Check<'_>,
    api: &PodTemplateSpec,
    kind: Kind,
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
        restart_policy(check, kind, policy);
    }
    not_modelled(check, spec);
    check.asked.push(crate::input::lower::wanted::wanted(spec));
    let (mut init_containers, mut containers) = containers::all(check, spec, grace.max(0), apps);
    let mut all: Vec<_> = init_containers.iter_mut().chain(&mut containers).collect();
    let refuses = open_ports::settle(check, spec, apps, &mut all);
    let serving = serving_container::number(spec, apps.port.as_ref());
    let sidecar::Places { serving, proxy } =
        sidecar::settle(check, apps, &mut init_containers, &mut containers, serving);
    PodTemplate {
        serving,
        proxy,
        captured: proxy.is_none() && ambient::captures(check.input, check.doc),
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
        placement: match kind {
            Kind::DaemonSet => daemons::tolerant(placement::placement(check, spec), spec),
            _ => placement::placement(check, spec),
        },
        stays: stays::of_pods(check, api),
        host_network: spec.host_network.unwrap_or(false),
        automount_service_account_token: spec.automount_service_account_token.unwrap_or(true),
        labels,
    }
}

/// A pod that nothing owns may end.
fn restart_policy(check: &mut Check<'_>, kind: Kind, policy: &str) {
    if kind == Kind::Pod {
        return check.note(format!("restartPolicy {policy} (a container that ends stays ended)"));
    }
    let message = format!("not allowed in a {}", kind.name());
    let error = check.error("spec.template.spec.restartPolicy", message);
    error.found = Some(crate::input::text::tree::quoted(policy));
    error.allowed = Some("Always".to_owned());
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
