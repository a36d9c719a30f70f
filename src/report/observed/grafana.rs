//! A dashboard for the series of [`super::metrics`]: predicted, beside what was measured.

use serde_json::{Value, json};

/// As Grafana imports it. Two variables choose the Prometheus of the prediction and that of the cluster.
pub fn dashboard() -> String {
    let rows = [
        (
            "Requests a second",
            "sum by (code, version) (rate(http_requests_total[$__rate_interval]))",
            "{{code}} {{version}}",
        ),
        (
            "Lost requests a second",
            "sum by (kind, cause) (rate(rollsim_lost_requests_total[$__rate_interval]))",
            "{{kind}}: {{cause}}",
        ),
        (
            "Duration, 99th percentile",
            "histogram_quantile(0.99, sum by (le, version) (rate(http_request_duration_seconds_bucket[$__rate_interval])))",
            "{{version}}",
        ),
        ("Requests in flight", "http_requests_in_flight", "in flight"),
        ("Requests in work by pod", "rollsim_pod_requests_in_work", "{{pod}}"),
        ("Ready pods", "sum(kube_pod_status_ready)", "ready"),
        ("Pods by status", "rollsim_pods", "{{version}} {{status}}"),
        ("Targets by state", "rollsim_targets", "{{group}} {{state}}"),
        ("Restarts", "sum(kube_pod_container_status_restarts_total)", "restarts"),
    ];
    let mut panels = vec![measured()];
    for (i, (title, query, legend)) in rows.into_iter().enumerate() {
        let place = json!({ "x": 12 * (i % 2), "y": 8 + 8 * (i / 2), "w": 12, "h": 8 });
        panels.push(panel(i + 2, title, place, vec![target("A", "${predicted}", query, legend)]));
    }
    let source = |name: &str| json!({ "name": name, "type": "datasource", "query": "prometheus", "label": name });
    let dashboard = json!({
        "title": "rollsim: predicted and measured",
        "uid": "rollsim",
        "schemaVersion": 39,
        "editable": true,
        "time": { "from": "now-1h", "to": "now" },
        "templating": { "list": [source("predicted"), source("measured")] },
        "panels": panels,
    });
    format!("{dashboard:#}\n")
}

/// Both in one panel.
fn measured() -> Value {
    let query = "sum(rate(http_requests_total{code=~\"5..|0\"}[$__rate_interval]))";
    let place = json!({ "x": 0, "y": 0, "w": 24, "h": 8 });
    let targets = vec![
        target("A", "${predicted}", query, "predicted"),
        target("B", "${measured}", query, "measured"),
    ];
    panel(1, "Failed requests a second, predicted and measured", place, targets)
}

fn target(id: &str, source: &str, query: &str, legend: &str) -> Value {
    json!({
        "refId": id,
        "datasource": { "type": "prometheus", "uid": source },
        "expr": query,
        "legendFormat": legend,
    })
}

fn panel(id: usize, title: &str, place: Value, targets: Vec<Value>) -> Value {
    json!({
        "id": id,
        "type": "timeseries",
        "title": title,
        "gridPos": place,
        "targets": targets,
        "datasource": targets[0]["datasource"],
        "fieldConfig": { "defaults": { "custom": { "fillOpacity": 10 } }, "overrides": [] },
        "options": { "legend": { "displayMode": "list", "placement": "bottom" } },
    })
}
