//! `--trace` and `--format events`: what was to be seen, in the words of Kubernetes.

use assert_cmd::Command;
use serde_json::Value;

fn program() -> Command {
    Command::cargo_bin("rollsim").unwrap()
}

fn log(experiment: &str) -> Vec<Value> {
    log_with(experiment, &[])
}

fn log_with(experiment: &str, more: &[&str]) -> Vec<Value> {
    let input = format!("{}/experiments/{experiment}", env!("CARGO_MANIFEST_DIR"));
    let output = program().args(["run", &input, "--format", "events"]).args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_kind<'a>(log: &'a [Value], kind: &str) -> Vec<&'a Value> {
    log.iter().filter(|line| line["kind"] == kind).collect()
}

#[test]
fn lines_are_of_the_schema_and_in_order() {
    let schema = program().args(["schema", "events"]).output().unwrap().stdout;
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for experiment in [
        "a2-alb-readiness-gate",
        "alb-weight-shift",
        "drain-with-budget",
        "haproxy-redispatch",
        "nginx-restart",
        "roll-back",
        "startup-probe",
        "deadlock",
        "sync-workers",
    ] {
        let log = log(experiment);
        assert!(log.len() > 100, "{experiment}");
        assert_eq!((&log[0]["kind"], &log[0]["schema"]), (&"header".into(), &1.into()));
        for line in &log {
            assert!(validator.is_valid(line), "{experiment}: {line}");
        }
        let times: Vec<f64> = log[1..].iter().map(|line| line["t_s"].as_f64().unwrap()).collect();
        assert!(times.is_sorted(), "{experiment}");
        assert!(!of_kind(&log, "request").is_empty(), "{experiment}");
    }
}

#[test]
fn the_trace_is_the_same_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.jsonl");
    let run = |seed: &str, path: &std::path::Path| {
        let mut command = program();
        command.args(["run", "@b2", "--replications", "1", "--seed", seed, "--trace"]).arg(path);
        command.assert()
    };
    run("1", &path).success();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines = program().args(["run", "@b2", "--format", "events"]).output().unwrap();
    assert_eq!(text, String::from_utf8(lines.stdout).unwrap());
    // A trace replaces a trace, and nothing else.
    run("2", &path).success();
    let other = folder.path().join("notes.txt");
    std::fs::write(&other, "mine").unwrap();
    run("1", &other).code(2);
}

#[test]
fn kubernetes_words() {
    let log = log("b2-rolling-update");
    let has = |kind: &str, key: &str, value: &str| {
        of_kind(&log, kind).iter().any(|line| line[key] == value)
    };
    for reason in ["SuccessfulCreate", "Scheduled", "Started", "Killing", "ScalingReplicaSet"] {
        assert!(has("event", "reason", reason), "{reason}");
    }
    for status in ["Pending", "ContainerCreating", "Running", "Terminating"] {
        assert!(has("pod", "status", status), "{status}");
    }
    assert!(has("event", "object", "pod/version-test-2") && has("pod", "ready", "1/1"));
    let image = "kubectl set image deployment/version-test app=registry.example/version-test:v2";
    assert!(has("shell", "line", image), "{:?}", of_kind(&log, "shell"));
    assert!(has("shell", "line", "deployment \"version-test\" successfully rolled out"));
    let lost = of_kind(&log, "request").into_iter().find(|r| r["failure"] == "refused");
    let lost = lost.expect("some are refused");
    assert_eq!(lost["cause"], "not-listening-yet");
    assert_eq!(lost["setting"], "readinessProbe");
    assert_eq!(lost["tries"][0]["pod"], lost["pod"]);
}

#[test]
fn targets_and_restarts() {
    let gates = log("a2-alb-readiness-gate");
    let states: Vec<&str> =
        of_kind(&gates, "target").iter().map(|t| t["state"].as_str().unwrap()).collect();
    for state in ["initial", "healthy", "unhealthy", "draining"] {
        assert!(states.contains(&state), "{state}: {states:?}");
    }
    let killed = log_with("startup-probe", &["--set", "startupProbe=null"]);
    let rows = of_kind(&killed, "pod");
    assert!(rows.iter().any(|row| row["restarts"].as_u64() > Some(0)), "{rows:?}");
    let reason = |e: &&Value| e["message"].as_str().unwrap().contains("failed liveness probe");
    assert!(of_kind(&killed, "event").iter().any(reason), "the kubelet says why");
}

#[test]
fn each_request_of_the_answer_is_in_the_log() {
    for experiment in ["envoy-retries", "haproxy-redispatch", "sync-workers", "alb-keepalive-race"]
    {
        let output = program()
            .args(["run", &format!("@{experiment}"), "--replications", "1", "--no-advice"])
            .args(["--evaluator", "requests", "--format", "json"])
            .output()
            .unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let answer = &answer["answers"][0];
        let log = log(experiment);
        let requests = of_kind(&log, "request");
        let open = answer["requests"]["open"].as_f64().unwrap();
        let sent = answer["requests"]["sent"].as_f64().unwrap();
        assert_eq!(requests.len() as f64, sent - open, "{experiment}");
        let lost = requests.iter().filter(|r| !r["failure"].is_null()).count() as f64;
        assert_eq!(lost, answer["lost"]["total"]["mean"].as_f64().unwrap(), "{experiment}");
    }
}
