//! What is known of the pods of one run, wherever it was recorded.

use crate::measured::{Measured, MeasuredPod};
use serde_json::Value;

/// The pods of one run and the latencies measured beside them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunRecord {
    /// Where it comes from, for messages.
    pub source: String,
    /// In the order of the record.
    pub pods: Vec<PodRecord>,
    /// Durations of image pulls, in seconds.
    pub image_pulls: Vec<f64>,
    /// Times are whole seconds only (API time stamps; the log has no times of receipt).
    pub coarse: bool,
}

/// When things happened to one pod, in seconds on the run's clock; None: unknown or never.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodRecord {
    /// creationTimestamp.
    pub created: Option<f64>,
    /// Condition PodScheduled became True.
    pub scheduled: Option<f64>,
    /// Its process started (`startedAt` of the container, where nothing finer is known).
    pub process_start: Option<f64>,
    /// The process says that it listens.
    pub listening: Option<f64>,
    /// The container state running as the API shows it.
    pub running_seen: Option<f64>,
    /// Condition Ready became True, first time.
    pub ready: Option<f64>,
    /// The condition of the readiness gates became True.
    pub gate_set: Option<f64>,
    /// First listed as ready in an EndpointSlice.
    pub slice_ready: Option<f64>,
    /// First listed as terminating.
    pub slice_terminating: Option<f64>,
    /// The deletion time was seen.
    pub deleted: Option<f64>,
    /// The process got SIGTERM.
    pub sigterm: Option<f64>,
    /// The process exited.
    pub exit: Option<f64>,
    /// The terminal phase, or Ready false after the deletion.
    pub unready: Option<f64>,
    /// The object was gone.
    pub removed: Option<f64>,
    /// Restarts of containers until the end.
    pub restarts: u32,
    /// How it stops.
    pub hook: Hook,
    /// Some container has one.
    pub readiness_probe: bool,
}

/// The runs of a `measured.json`; hooks and probes are those of the manifest beside it.
pub fn from_measured(source: &str, measured: &Measured, manifest: &str) -> Vec<RunRecord> {
    let template = pod_template(manifest);
    let (hook, readiness_probe) = template.as_ref().map_or((Hook::None, false), traits);
    let pod = |p: &MeasuredPod| PodRecord {
        created: p.created,
        scheduled: p.scheduled,
        process_start: p.process_start,
        listening: p.listening,
        running_seen: p.running_seen,
        ready: p.ready,
        gate_set: p.gate_set,
        slice_ready: p.slice.iter().find(|s| s.1 == Some(true)).map(|s| s.0),
        slice_terminating: p.slice.iter().find(|s| s.3 == Some(true)).map(|s| s.0),
        deleted: p.deleted,
        sigterm: p.sigterm,
        exit: p.exit,
        unready: p.unready,
        removed: p.removed,
        restarts: p.restarts,
        hook,
        readiness_probe,
    };
    let run = |(i, r): (usize, &crate::measured::MeasuredRun)| RunRecord {
        source: format!("{source} run {i}"),
        pods: r.pods.iter().map(pod).collect(),
        ..RunRecord::default()
    };
    measured.runs.iter().enumerate().map(run).collect()
}

/// The pod spec of the first Deployment in a manifest of several documents.
fn pod_template(manifest: &str) -> Option<Value> {
    use serde::Deserialize;
    yaml_serde::Deserializer::from_str(manifest)
        .filter_map(|document| Value::deserialize(document).ok())
        .find(|v| v["kind"] == "Deployment")
        .map(|v| v["spec"]["template"]["spec"].clone())
}

/// The preStop hook of a pod's first container that has one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Hook {
    /// There is none.
    #[default]
    None,
    /// An exec hook that sleeps so many seconds, less than the grace period.
    ExecSleep(f64),
    /// An httpGet hook: how long it takes is not known.
    Http,
    /// Any other: how long it takes is not known.
    Other,
}

/// The preStop hook of a pod spec, and whether it has a readiness probe.
pub fn traits(spec: &Value) -> (Hook, bool) {
    let containers = spec["containers"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    let grace = spec["terminationGracePeriodSeconds"].as_f64().unwrap_or(30.0);
    let hooks = containers.iter().filter_map(|c| c.pointer("/lifecycle/preStop"));
    let hook = hooks.map(|h| hook_of(h, grace)).find(|h| *h != Hook::None).unwrap_or_default();
    (hook, containers.iter().any(|c| c["readinessProbe"].is_object()))
}

fn hook_of(hook: &Value, grace: f64) -> Hook {
    if hook.is_null() {
        return Hook::None;
    }
    if hook["httpGet"].is_object() {
        return Hook::Http;
    }
    let words: Vec<&str> = hook["exec"]["command"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    match words.as_slice() {
        ["sleep" | "/bin/sleep", seconds] => match seconds.parse::<f64>() {
            Ok(seconds) if seconds < grace => Hook::ExecSleep(seconds),
            _ => Hook::Other,
        },
        _ => Hook::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_and_probes_come_from_the_manifest() {
        let manifest = "kind: Service\n---\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - name: a\n        readinessProbe: {httpGet: {path: /, port: 80}}\n      - name: b\n        lifecycle: {preStop: {exec: {command: [sleep, '5']}}}\n";
        let text = r#"{"schema":1,"runs":[{"pods":[{"created":1.0,"slice":[[2.0,false,false,false],[3.0,true,true,false]]}]}]}"#;
        let measured: Measured = serde_json::from_str(text).expect("valid");
        let runs = from_measured("case", &measured, manifest);
        let pod = &runs[0].pods[0];
        assert!(pod.readiness_probe);
        assert_eq!(pod.hook, Hook::ExecSleep(5.0));
        assert_eq!((pod.created, pod.slice_ready), (Some(1.0), Some(3.0)));
    }
}
