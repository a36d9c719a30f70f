//! Selectors of nodes and pods: node affinity, pod affinity and anti-affinity, tolerations and taints. What
//! cannot be read is an error: a requirement is never dropped.

use crate::cluster::placement::{
    Effect, Is, NodeAffinity, NodeTerm, PodTerm, PodTerms, Requirement, Selector, Taint, Toleration,
};
use crate::input::lower::check::Check;
use crate::input::text::tree::quoted;
use k8s_openapi::api::core::v1::{
    Affinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm, Taint as ApiTaint,
    Toleration as ApiToleration, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
/// Operators of a label selector; those of a node selector are these and two more.
const OPERATORS: [&str; 6] = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];

/// One line of matchExpressions; None (with an error) if it cannot be read.
fn requirement(
    check: &mut Check<'_>,
    path: &str,
    (key, operator, values): (&str, &str, Option<&[String]>),
    operators: &[&str],
) -> Option<Requirement> {
    let values = values.unwrap_or_default();
    if key.is_empty() {
        check.error(&format!("{path}.key"), "the key is missing");
        return None;
    }
    if !operators.contains(&operator) {
        let error = check.error(&format!("{path}.operator"), "unknown operator");
        error.found = Some(quoted(operator));
        error.allowed = Some(operators.join(", "));
        return None;
    }
    let number = match values {
        [one] => one.parse().ok(),
        _ => None,
    };
    let is = match (operator, number) {
        ("In", _) if !values.is_empty() => Is::In(values.to_vec()),
        ("NotIn", _) if !values.is_empty() => Is::NotIn(values.to_vec()),
        ("Exists", _) if values.is_empty() => Is::Exists,
        ("DoesNotExist", _) if values.is_empty() => Is::DoesNotExist,
        ("Gt", Some(bound)) => Is::Gt(bound),
        ("Lt", Some(bound)) => Is::Lt(bound),
        _ => {
            let error = check.error(&format!("{path}.values"), "does not go with the operator");
            error.found = Some(format!("{operator} [{}]", values.join(", ")));
            let allowed = match operator {
                "In" | "NotIn" => "at least one value",
                "Exists" | "DoesNotExist" => "no values",
                _ => "one whole number, as text",
            };
            error.allowed = Some(allowed.to_owned());
            return None;
        }
    };
    Some(Requirement { key: key.to_owned(), is })
}

/// A label selector; None selects nothing.
pub fn selector(
    check: &mut Check<'_>,
    path: &str,
    api: Option<&LabelSelector>,
) -> Option<Selector> {
    let api = api?;
    let lines = api.match_expressions.iter().flatten().enumerate();
    let expressions = lines.filter_map(|(i, e)| {
        let line = (e.key.as_str(), e.operator.as_str(), e.values.as_deref());
        requirement(check, &format!("{path}.matchExpressions[{i}]"), line, &OPERATORS[..4])
    });
    let expressions = expressions.collect();
    Some(Selector { labels: api.match_labels.clone().unwrap_or_default(), expressions })
}

fn node_term(check: &mut Check<'_>, path: &str, api: &NodeSelectorTerm) -> NodeTerm {
    let mut read = |key: &str, lines: &Option<Vec<NodeSelectorRequirement>>, operators: &[&str]| {
        let lines = lines.iter().flatten().enumerate();
        let read = lines.filter_map(|(i, e)| {
            let path = format!("{path}.{key}[{i}]");
            if key == "matchFields" && e.key != "metadata.name" {
                let error = check.error(&format!("{path}.key"), "unknown field of a node");
                error.found = Some(quoted(&e.key));
                error.allowed = Some("metadata.name".to_owned());
                return None;
            }
            let line = (e.key.as_str(), e.operator.as_str(), e.values.as_deref());
            requirement(check, &path, line, operators)
        });
        read.collect::<Vec<_>>()
    };
    NodeTerm {
        expressions: read("matchExpressions", &api.match_expressions, &OPERATORS),
        fields: read("matchFields", &api.match_fields, &OPERATORS[..2]),
    }
}

/// `affinity.nodeAffinity`; what cannot be read is an error.
pub fn node_affinity(check: &mut Check<'_>, path: &str, affinity: &Affinity) -> NodeAffinity {
    let Some(api) = &affinity.node_affinity else { return NodeAffinity::default() };
    let path = format!("{path}.nodeAffinity");
    let required = api.required_during_scheduling_ignored_during_execution.as_ref().map(|s| {
        let path = format!("{path}.{REQUIRED}.nodeSelectorTerms");
        if s.node_selector_terms.is_empty() {
            check.error(&path, "a node selector needs at least one term");
        }
        let terms = s.node_selector_terms.iter().enumerate();
        terms.map(|(i, term)| node_term(check, &format!("{path}[{i}]"), term)).collect()
    });
    let mut preferred = Vec::new();
    let wishes = api.preferred_during_scheduling_ignored_during_execution.iter().flatten();
    for (i, wish) in wishes.enumerate() {
        let path = format!("{path}.{PREFERRED}[{i}]");
        let weight = weight(check, &path, wish.weight);
        preferred.push((weight, node_term(check, &format!("{path}.preference"), &wish.preference)));
    }
    NodeAffinity { required, preferred }
}

fn weight(check: &mut Check<'_>, path: &str, weight: i32) -> i64 {
    if !(1..=100).contains(&weight) {
        check.out_of_range(&format!("{path}.weight"), i64::from(weight), "1 to 100");
    }
    i64::from(weight)
}

/// podAffinity, podAntiAffinity.
pub fn pod_terms(check: &mut Check<'_>, path: &str, affinity: &Affinity) -> [PodTerms; 2] {
    let near = affinity.pod_affinity.as_ref().map(|a| {
        (
            &a.required_during_scheduling_ignored_during_execution,
            &a.preferred_during_scheduling_ignored_during_execution,
        )
    });
    let apart = affinity.pod_anti_affinity.as_ref().map(|a| {
        (
            &a.required_during_scheduling_ignored_during_execution,
            &a.preferred_during_scheduling_ignored_during_execution,
        )
    });
    [(near, "podAffinity"), (apart, "podAntiAffinity")].map(|(api, key)| {
        let Some((required, preferred)) = api else { return PodTerms::default() };
        terms(check, &format!("{path}.{key}"), required.as_deref(), preferred.as_deref())
    })
}

fn terms(
    check: &mut Check<'_>,
    path: &str,
    required: Option<&[PodAffinityTerm]>,
    preferred: Option<&[WeightedPodAffinityTerm]>,
) -> PodTerms {
    let mut terms = PodTerms::default();
    for (i, term) in required.iter().copied().flatten().enumerate() {
        terms.required.push(pod_term(check, &format!("{path}.{REQUIRED}[{i}]"), term));
    }
    for (i, wish) in preferred.iter().copied().flatten().enumerate() {
        let path = format!("{path}.{PREFERRED}[{i}]");
        let weight = weight(check, &path, wish.weight);
        let path = format!("{path}.podAffinityTerm");
        terms.preferred.push((weight, pod_term(check, &path, &wish.pod_affinity_term)));
    }
    terms
}

fn pod_term(check: &mut Check<'_>, path: &str, api: &PodAffinityTerm) -> PodTerm {
    topology_key(check, path, &api.topology_key);
    let label_selector = format!("{path}.labelSelector");
    let selector = selector(check, &label_selector, api.label_selector.as_ref());
    check.must_select(&label_selector, selector.as_ref(), false);
    let namespaces = format!("{path}.namespaceSelector");
    PodTerm {
        topology_key: api.topology_key.clone(),
        selector,
        namespaces: api.namespaces.clone().unwrap_or_default(),
        namespace_selector: self::selector(check, &namespaces, api.namespace_selector.as_ref()),
        match_label_keys: api.match_label_keys.clone().unwrap_or_default(),
        mismatch_label_keys: api.mismatch_label_keys.clone().unwrap_or_default(),
    }
}

/// Refuses an empty or impossible key.
pub fn topology_key(check: &mut Check<'_>, path: &str, key: &str) {
    if key.is_empty() {
        check.error(&format!("{path}.topologyKey"), "the key is missing");
    }
}

fn effect(check: &mut Check<'_>, path: &str, word: &str) -> Option<Effect> {
    match word {
        "NoSchedule" => Some(Effect::NoSchedule),
        "PreferNoSchedule" => Some(Effect::PreferNoSchedule),
        "NoExecute" => Some(Effect::NoExecute),
        other => {
            let error = check.error(&format!("{path}.effect"), "unknown word");
            error.found = Some(quoted(other));
            error.allowed = Some("NoSchedule, PreferNoSchedule, NoExecute".to_owned());
            None
        }
    }
}

/// A node's taints.
pub fn taints(check: &mut Check<'_>, api: &[ApiTaint]) -> Vec<Taint> {
    let mut taints = Vec::new();
    for (i, taint) in api.iter().enumerate() {
        let Some(effect) = effect(check, &format!("spec.taints[{i}]"), &taint.effect) else {
            continue;
        };
        let value = taint.value.clone().unwrap_or_default();
        taints.push(Taint { key: taint.key.clone(), value, effect });
    }
    taints
}

/// `tolerations`, with the operator that is meant where none is given.
pub fn tolerations(check: &mut Check<'_>, path: &str, api: &[ApiToleration]) -> Vec<Toleration> {
    let mut tolerations = Vec::new();
    for (i, t) in api.iter().enumerate() {
        let path = format!("{path}.tolerations[{i}]");
        let effect =
            t.effect.as_deref().filter(|e| !e.is_empty()).and_then(|e| effect(check, &path, e));
        let key = t.key.clone().filter(|k| !k.is_empty());
        let value = match t.operator.as_deref().unwrap_or("Equal") {
            "Exists" => None,
            "Equal" | "" if key.is_some() => Some(t.value.clone().unwrap_or_default()),
            "Equal" | "" => {
                let error = check.error(&path, "a toleration of every key needs operator Exists");
                error.allowed = Some("a key, or operator: Exists".to_owned());
                continue;
            }
            other => {
                let error = check.error(&format!("{path}.operator"), "unknown operator");
                error.found = Some(quoted(other));
                error.allowed = Some("Equal, Exists".to_owned());
                continue;
            }
        };
        tolerations.push(Toleration { key, value, effect, seconds: t.toleration_seconds });
    }
    tolerations
}
