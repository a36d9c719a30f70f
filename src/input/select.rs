//! Label selectors over documents.

use crate::cluster::spec::Labels;
use crate::input::raw::manifest::Document;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// Whether the selector selects an object with `labels`.
pub fn matches(selector: &LabelSelector, labels: &Labels) -> bool {
    let exact = selector.match_labels.iter().flatten().all(|(k, v)| labels.get(k) == Some(v));
    exact
        && selector.match_expressions.iter().flatten().all(|e| {
            let values = e.values.as_deref().unwrap_or_default();
            let value = labels.get(&e.key);
            match e.operator.as_str() {
                "In" => value.is_some_and(|v| values.contains(v)),
                "NotIn" => !value.is_some_and(|v| values.contains(v)),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

/// `app=web,tier=front`.
pub fn show_labels(labels: &Labels) -> String {
    match labels.len() {
        0 => "(none)".to_owned(),
        _ => labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(","),
    }
}

/// Whether Service document `service` selects the pods of `workload`.
pub fn selects(service: &Document, workload: &Document) -> bool {
    let Some(selector) = selector(service) else { return false };
    let labels = workload.pod_labels();
    service.namespace() == workload.namespace()
        && selector.iter().all(|(k, v)| labels.get(k.as_str()) == Some(&v.as_str()))
}

/// What a Service asks of the labels of pods; None: nothing.
pub fn selector(service: &Document) -> Option<&Labels> {
    let selector = service.service()?.spec.as_ref()?.selector.as_ref()?;
    (!selector.is_empty()).then_some(selector)
}
