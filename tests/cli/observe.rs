//! `rollsim observe`: formats of other tools, by what their readers ask for.

use assert_cmd::Command;
use serde_json::Value;
use std::collections::BTreeSet;

fn observe(input: &str, what: &str) -> String {
    let mut command = Command::cargo_bin("rollsim").unwrap();
    let output = command.args(["observe", input, "--as", what]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(input: &str, what: &str) -> Value {
    serde_json::from_str(&observe(input, what)).unwrap()
}

#[test]
fn openmetrics_has_whole_families_and_rising_times() {
    let text = observe("@a2-author", "openmetrics");
    assert!(text.ends_with("# EOF\n"));
    let mut families = BTreeSet::new();
    let mut last: Option<(String, f64, f64)> = None;
    let mut series = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(families.insert(rest.split(' ').next().unwrap().to_owned()), "{line}: twice");
            continue;
        }
        // A histogram is one metric: its series stand scrape by scrape.
        if line.starts_with('#') || line.starts_with("http_request_duration_seconds") {
            continue;
        }
        let mut words = line.rsplitn(3, ' ');
        let (time, value) = (words.next().unwrap(), words.next().unwrap());
        let (time, value): (f64, f64) = (time.parse().unwrap(), value.parse().unwrap());
        let name = words.next().unwrap().to_owned();
        match &last {
            Some((before, at, was)) if *before == name => {
                assert!(time > *at, "{line}");
                let counts = name.split('{').next().unwrap().ends_with("_total");
                assert!(!counts || value >= *was, "{line}: a counter fell");
            }
            _ => assert!(series.insert(name.clone()), "{line}: a series in two pieces"),
        }
        last = Some((name, time, value));
    }
    assert!(families.contains("http_requests") && families.contains("rollsim_targets"));
    assert!(series.iter().any(|s| s.contains("state=\"healthy\"")), "{series:?}");
}

#[test]
fn spans_nest_and_name_pods() {
    let otlp = json("@envoy-retries", "otlp");
    let spans: Vec<&Value> = otlp["resourceSpans"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|r| r["scopeSpans"][0]["spans"].as_array().unwrap())
        .collect();
    let ids: BTreeSet<&str> = spans.iter().map(|s| s["spanId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), spans.len(), "each span has an id of its own");
    for span in &spans {
        if let Some(parent) = span["parentSpanId"].as_str() {
            assert!(ids.contains(parent), "{span}");
        }
        assert_eq!(span["traceId"].as_str().unwrap().len(), 32);
        let time = |key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
        assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"), "{span}");
    }
    let jaeger = json("@nginx-retries", "jaeger");
    let traces = jaeger["data"].as_array().unwrap();
    let retried = traces.iter().find(|t| t["spans"].as_array().unwrap().len() > 2);
    assert!(retried.is_some(), "a request with two tries");
}

#[test]
fn perfetto_has_a_track_for_each_pod() {
    let trace = json("@b2", "perfetto");
    let events = trace["traceEvents"].as_array().unwrap();
    let names = |what: &str| -> BTreeSet<&str> {
        let of = events.iter().filter(|e| e["name"] == what);
        of.filter_map(|e| e["args"]["name"].as_str()).collect()
    };
    assert!(names("thread_name").contains("version-test-2"));
    assert!(names("process_name").contains("pods"));
    assert!(events.iter().all(|e| e["dur"].as_f64().is_none_or(|d| d >= 0.0)));
    assert!(events.iter().any(|e| e["ph"] == "i" && e["name"] == "lost: refused"));
}

#[test]
fn logs_have_a_line_for_each_request() {
    let requests =
        observe("@nginx-retries", "log").lines().filter(|l| l.contains("\"request\"")).count();
    assert!(requests > 100);
    for what in ["nginx", "alb", "envoy"] {
        assert_eq!(observe("@nginx-retries", what).lines().count(), requests, "{what}");
    }
    let nginx = observe("@nginx-retries", "nginx");
    // A retry shows as two upstreams.
    assert!(nginx.lines().any(|l| l.contains(":8080, 10.244.")), "{}", &nginx[..400]);
    // The fields of an ALB's log, texts in quotes counting as one.
    let alb = observe("@a1-author", "alb");
    let line = alb.lines().next().unwrap();
    let fields =
        line.split('"').step_by(2).map(|part| part.split_whitespace().count()).sum::<usize>()
            + line.matches('"').count() / 2;
    assert_eq!(fields, 29, "{line}");
}

#[test]
fn tables_and_pictures() {
    let events = observe("@b2", "events");
    assert!(events.starts_with("LAST SEEN   TYPE "), "{events:.100}");
    assert!(events.contains("Scaled up replica set version-test-rev2 from 0 to 1"), "{events}");
    let pods = observe("@b2", "pods");
    assert!(pods.contains("ContainerCreating") && pods.contains("<none>"), "{pods}");
    let flow = observe("@b2", "flow");
    assert!(flow.starts_with("<svg ") && flow.contains("% fail"), "{flow:.300}");
    let told = observe("@b2", "instruments");
    insta::assert_snapshot!("instruments", told);
    let mut command = Command::cargo_bin("rollsim").unwrap();
    let grafana = command.args(["observe", "--as", "grafana"]).output().unwrap().stdout;
    let grafana: Value = serde_json::from_slice(&grafana).unwrap();
    // Each query is of a series that is written.
    let metrics = observe("@a2-author", "openmetrics") + &observe("@a1-author", "openmetrics");
    for panel in grafana["panels"].as_array().unwrap() {
        let query = panel["targets"][0]["expr"].as_str().unwrap();
        let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let names =
            words.filter(|w| ["http_", "rollsim_", "kube_"].iter().any(|p| w.starts_with(p)));
        names.for_each(|name| assert!(metrics.contains(name), "{name}"));
    }
}
