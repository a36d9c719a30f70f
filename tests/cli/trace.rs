//! `--trace` speaks of pods by name, and in words.

use assert_cmd::Command;
use serde_json::Value;

fn trace(experiment: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.jsonl");
    let input = format!("{}/experiments/{experiment}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::cargo_bin("rollsim").unwrap();
    command.args(["run", &input, "--replications", "1", "--trace"]).arg(&path).assert().success();
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn events_are_in_words() {
    for experiment in [
        "a2-alb-readiness-gate",
        "alb-weight-shift",
        "drain-with-budget",
        "haproxy-redispatch",
        "nginx-restart",
        "roll-back",
        "startup-probe",
    ] {
        let events = trace(experiment);
        assert!(events.len() > 100, "{experiment}");
        for event in &events {
            for (key, value) in event.as_object().unwrap() {
                let text = value.as_str().unwrap_or("");
                assert!(!text.contains(['(', '{', '[']) && !text.contains("Id"), "{event}");
                // Names are as they are; what happens is said in words.
                let of_engine = key == "what" && event["event"] != "note";
                assert!(!of_engine || !text.contains(|c: char| c.is_ascii_uppercase()), "{event}");
                assert!(key == "t_s" || key.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            }
        }
    }
}

#[test]
fn events_name_pods_and_kubernetes_reasons() {
    let events = trace("b2-rolling-update");
    let has = |key: &str, value: &str| events.iter().any(|e| e[key] == value);
    for reason in ["SuccessfulCreate", "Scheduled", "Started", "Killing", "ScalingReplicaSet"] {
        assert!(has("reason", reason), "{reason}");
    }
    let sent = events.iter().find(|e| e["event"] == "kubelet" && e["what"] == "send status");
    let sent = sent.expect("the kubelet sends a status");
    assert!(sent["pod"].as_str().unwrap().starts_with("version-test-"), "{sent}");
}
